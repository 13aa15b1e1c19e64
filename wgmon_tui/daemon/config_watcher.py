"""Watcher of servers.toml and config.toml: a valid change takes effect at once, an invalid one is ignored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from wgmon_tui.alerts.resolved_sinks import ResolvedSinks, resolve_sinks
from wgmon_tui.config import config_toml, servers_file
from wgmon_tui.config.config_toml import Config, read_config
from wgmon_tui.config.models import ConfigurationError, Fleet
from wgmon_tui.config.secrets.keyring import (
    NO_COMMAND_OUTPUTS,
    Keyring,
    collect_command_outputs,
    find_unreadable_files,
    open_keyring,
)
from wgmon_tui.config.shard import Shard

if TYPE_CHECKING:
    from wgmon_tui.protocols.wireguard.targets import Targets

_POLL_INTERVAL_S = 0.25
_DEBOUNCE_S = 0.1
"""A file that changes again within this time is still being written."""

_MAX_UNREAD_FILES = 100
"""The number of unreadable secret files that are watched until they become readable."""

Stamp = tuple[int, ...] | None
"""Identifies a version of a file and of its permissions; None if the file does not exist."""


@dataclass(frozen=True)
class LoadedConfig:
    """The content of both files, and every secret that servers.toml names.

    `stamps` are the stamps of all files it depends on, taken before they were read.
    """

    fleet: Fleet
    keyring: Keyring
    config: Config
    orders: ResolvedSinks
    stamps: dict[Path, Stamp] = field(compare=False)
    shard: Shard | None = None

    @cached_property
    def targets(self) -> Targets:
        """The servers that can be checked, and the problems of the others; see `with_targets`."""
        from wgmon_tui.protocols.wireguard.targets import join

        return join(self.fleet, self.keyring)

    def with_targets(self) -> Self:
        """The same object, with its targets computed. Ten thousand take a second of arithmetic."""
        _ = self.targets
        return self


def load_config(
    config_dir: Path, before: LoadedConfig | None = None, shard: Shard | None = None
) -> LoadedConfig:
    """Read both files and all secrets. Blocks while the commands that print secrets run.

    With a `shard`, only its servers and their secrets are loaded. Command outputs are reused from `before`:
    a command may take a second, or need a person. Raises ConfigurationError.
    """
    stamps = {config_dir / name: _stamp(config_dir / name) for name in (servers_file.NAME, config_toml.NAME)}
    config = read_config(config_dir)
    whole_fleet = servers_file.read(config_dir).fleet
    fleet = shard.filter_fleet(whole_fleet) if shard else whole_fleet
    command_outputs = collect_command_outputs(before.fleet, before.keyring) if before else NO_COMMAND_OUTPUTS
    keyring = open_keyring(fleet, config_dir, command_outputs=command_outputs)
    orders = resolve_sinks(config.alerts, config_dir, before.orders if before else None)
    unread = (*find_unreadable_files(fleet, keyring, config_dir), *orders.unread)[:_MAX_UNREAD_FILES]
    stamps.update((path, _stamp(path)) for path in unread)
    return LoadedConfig(fleet, keyring, config, orders, stamps, shard)


def load_from_fleet(fleet: Fleet) -> LoadedConfig:
    """Load a fleet that has no configuration file and holds its secrets inline."""
    keyring = open_keyring(fleet, Path())
    return LoadedConfig(fleet, keyring, Config(), ResolvedSinks(), {})


class ConfigWatcher:
    """Polls the files' stamps while it runs. Passes a new configuration to `on_change`, in the event loop."""

    def __init__(
        self, config_dir: Path, loaded: LoadedConfig, on_change: Callable[[LoadedConfig], None]
    ) -> None:
        """`loaded` is the configuration in force. The first poll finds any change made since it was read."""
        self.trouble: str | None = None
        """Why the current files are not in force."""
        self._config_dir = config_dir
        self._loaded = loaded
        self._on_change = on_change
        self._reload_requested = asyncio.Event()
        self._reload_waiters: list[asyncio.Future[None]] = []

    async def reload_now(self) -> None:
        """Read the files and every secret again, changed or not. Returns when that is done."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reload_waiters.append(done)
        self._reload_requested.set()
        await done

    async def run(self) -> None:
        """Watch until cancelled."""
        known = self._loaded.stamps
        while True:
            if self._reload_requested.is_set() or _stamps(known) != known:
                known = await self._reload(await _debounce(known))
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_INTERVAL_S):
                    await self._reload_requested.wait()

    async def _reload(self, stamps: dict[Path, Stamp]) -> dict[Path, Stamp]:
        """Load the current files. Returns the stamps of all files the configuration depends on."""
        before = None if self._reload_requested.is_set() else self._loaded
        waiting, self._reload_waiters = self._reload_waiters, []
        self._reload_requested.clear()
        try:
            loaded, is_new = await asyncio.to_thread(self._load, before)
        except ConfigurationError as error:
            self.trouble = f"{error}; the last valid configuration stays in force"
            return stamps
        else:
            self.trouble = None
            self._loaded = loaded
            if is_new:
                self._on_change(loaded)
            return loaded.stamps
        finally:
            for done in waiting:
                done.set_result(None)

    def _load(self, before: LoadedConfig | None) -> tuple[LoadedConfig, bool]:
        if self._loaded.fleet.servers:
            self._require_servers_file()
        loaded = load_config(self._config_dir, before, self._loaded.shard)
        is_new = loaded != self._loaded
        return loaded.with_targets() if is_new else loaded, is_new

    def _require_servers_file(self) -> None:
        """Refuse a missing or empty file: an editor that does not write atomically causes it for a moment."""
        stamp = servers_file.stamp(self._config_dir)
        if stamp is None or stamp.size == 0:
            problem = "the file is empty" if stamp else "the file is missing"
            raise ConfigurationError(f"{servers_file.NAME}: {problem}")


async def _debounce(stamps: dict[Path, Stamp]) -> dict[Path, Stamp]:
    """The stamps of the same files, once they no longer change."""
    while True:
        before = _stamps(stamps)
        await asyncio.sleep(_DEBOUNCE_S)
        stamps = _stamps(before)
        if stamps == before:
            return stamps


def _stamps(paths: Iterable[Path]) -> dict[Path, Stamp]:
    return {path: _stamp(path) for path in paths}


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
