"""Watcher of servers.toml, config.toml and the secret files that they name.

A valid change takes effect at once, an invalid one is ignored. A secret file that is missing, unreadable or
half written changes nothing either: its last good secret stays in use, and a line says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from wgmon_tui.alerts.resolved_sinks import ResolvedSinks, resolve_sinks
from wgmon_tui.config import config_toml, servers_file
from wgmon_tui.config.config_toml import Config, read_config
from wgmon_tui.config.control_planes import has_node_rules
from wgmon_tui.config.keys import NO_PRESHARED_KEY
from wgmon_tui.config.models import ConfigurationError, Fleet, SecretForm, Server
from wgmon_tui.config.secrets.keyring import (
    NO_SECRETS,
    Keyring,
    open_keyring,
    secret_files,
    secret_sources,
    secrets_by_source,
)
from wgmon_tui.config.servers_toml import OnServersRead
from wgmon_tui.config.shard import Shard
from wgmon_tui.config.young_file import read_settled
from wgmon_tui.records import dataclass

if TYPE_CHECKING:
    from wgmon_tui.checks.protocol import Targets

_POLL_INTERVAL_S = 0.25
_DEBOUNCE_S = 0.1
"""A file that changes again within this time is still being written."""

_SECRETS_PER_POLL = 500
"""Secret files whose stamps a poll compares: ten thousand cost 1 % of a core, and each is seen within 5 s."""

Stamp = tuple[int, ...] | None
"""Identifies a version of a file and of its permissions; None if the file does not exist."""


@dataclass(frozen=True)
class LoadedConfig:
    """The content of both files, and every secret that servers.toml names.

    `stamps` are the stamps of all files it depends on, the two first, taken before they were read.
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
        from wgmon_tui.checks.targets import join

        return join(self.fleet, self.keyring)

    def with_targets(self) -> Self:
        """The same object, with its targets computed. Ten thousand take a second of arithmetic."""
        _ = self.targets
        return self

    @property
    def kept_secrets(self) -> tuple[str, ...]:
        """A line for each secret that cannot be read any more, and stays the last good one."""
        return (*self.keyring.kept, *self.orders.kept)


def load_config(
    config_dir: Path,
    before: LoadedConfig | None = None,
    shard: Shard | None = None,
    *,
    state_dir: Path | None = None,
    run_commands: bool = True,
    on_read: OnServersRead | None = None,
) -> LoadedConfig:
    """Read both files and all secrets. Blocks while the commands that print secrets run.

    With a `shard`, only its servers and their secrets are loaded. A secret that cannot be read, but could be
    `before`, stays. With a `state_dir`, the nodes that rules select are loaded too; they belong to the shard
    of their control plane. Without `run_commands`, what commands printed before is used again: a command may
    take a second, or need a person. `on_read` gets the servers of all shards while the file is read. Raises
    ConfigurationError.
    """
    stamps = _stamps(config_dir / name for name in (servers_file.NAME, config_toml.NAME))
    config = read_settled(lambda: read_config(config_dir), config_dir / config_toml.NAME)
    servers_path = config_dir / servers_file.NAME
    whole_fleet = read_settled(lambda: servers_file.read(config_dir, on_read).fleet, servers_path)
    fleet = shard.filter_fleet(whole_fleet) if shard else whole_fleet
    if state_dir and has_node_rules(fleet):
        from wgmon_tui.store.stored_nodes import add_stored_nodes

        fleet = add_stored_nodes(fleet, state_dir)
    sources = (
        *secret_sources(fleet),
        *(source for sink in config.alerts.sinks for _, source in sink.secrets),
    )
    stamps.update(_stamps(secret_files(sources, config_dir)))
    keyring, orders = _read_secrets(config_dir, fleet, config, before, run_commands=run_commands)
    return LoadedConfig(fleet, keyring, config, orders, stamps, shard)


def _read_secrets(
    config_dir: Path, fleet: Fleet, config: Config, before: LoadedConfig | None, *, run_commands: bool
) -> tuple[Keyring, ResolvedSinks]:
    last_good = secrets_by_source(before.fleet, before.keyring) if before else NO_SECRETS
    printed = {
        each: secret
        for each, secret in last_good.items()
        if each.form is SecretForm.COMMAND and not run_commands
    }
    keyring = open_keyring(fleet, config_dir, command_outputs=printed, last_good=last_good)
    orders_before = before.orders if before else None
    return keyring, resolve_sinks(config.alerts, config_dir, orders_before, run_commands=run_commands)


def without_nodes(loaded: LoadedConfig) -> LoadedConfig:
    """The configuration of the files alone, without the nodes that rules of control planes select."""
    servers = tuple(each for each in loaded.fleet.servers if not each.control_plane)
    if len(servers) == len(loaded.fleet.servers):
        return loaded
    return replace(loaded, fleet=replace(loaded.fleet, servers=servers))


def with_nodes(loaded: LoadedConfig, nodes: Sequence[Server]) -> LoadedConfig:
    """The configuration of the files, and these nodes. Their only secrets are those of their identity."""
    if not nodes:
        return loaded
    keyring = loaded.keyring
    faults = keyring.identity_problems
    problems = {each.name: faults[each.identity] for each in nodes if each.identity in faults}
    return replace(
        loaded,
        fleet=replace(loaded.fleet, servers=(*loaded.fleet.servers, *nodes)),
        keyring=replace(
            keyring,
            preshared_keys={**keyring.preshared_keys, **{each.name: NO_PRESHARED_KEY for each in nodes}},
            problems={**keyring.problems, **problems},
        ),
    )


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
        self.troubles: tuple[str, ...] = ()
        """Why the current files are not in force: a line for each error, the first with the consequence."""
        self._config_dir = config_dir
        self._loaded = loaded
        self._on_change = on_change
        self._reload_requested = asyncio.Event()
        self._reload_waiters: list[asyncio.Future[None]] = []

    @property
    def trouble(self) -> str | None:
        """The first of the troubles, in one line; None if the current files are in force."""
        return self.troubles[0] if self.troubles else None

    async def reload_now(self) -> None:
        """Read the files and every secret again, changed or not. Returns when that is done."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reload_waiters.append(done)
        self._reload_requested.set()
        await done

    async def run(self) -> None:
        """Watch until cancelled."""
        scan = _StampScan(self._loaded.stamps)
        while True:
            changed = scan.next_changes()
            if changed or self._reload_requested.is_set():
                scan.stamps |= await _debounce({**scan.first, **changed})
                if await self._reload():
                    scan = _StampScan(self._loaded.stamps)
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_INTERVAL_S):
                    await self._reload_requested.wait()

    async def _reload(self) -> bool:
        """Load the current files. Returns whether they are valid."""
        run_commands = self._reload_requested.is_set()
        waiting, self._reload_waiters = self._reload_waiters, []
        self._reload_requested.clear()
        try:
            loaded, is_new = await asyncio.to_thread(self._load, run_commands)
        except ConfigurationError as error:
            consequence = f"{error}; the last valid configuration stays in force"
            self.troubles = (consequence, *error.lines[1:])
            loaded, is_new = await asyncio.to_thread(self._load_secrets, run_commands)
            if is_new:
                self._loaded = loaded
                self._on_change(loaded)
            return False
        else:
            self.troubles = _describe_kept(loaded.kept_secrets)
            self._loaded = loaded
            if is_new:
                self._on_change(loaded)
            return True
        finally:
            for done in waiting:
                done.set_result(None)

    def _load(self, run_commands: bool) -> tuple[LoadedConfig, bool]:
        if self._loaded.fleet.servers:
            self._require_servers_file()
        loaded = load_config(self._config_dir, self._loaded, self._loaded.shard, run_commands=run_commands)
        is_new = loaded != self._loaded
        return loaded.with_targets() if is_new else loaded, is_new

    def _load_secrets(self, run_commands: bool) -> tuple[LoadedConfig, bool]:
        """The configuration in force, with the current secrets: a key may change beside an invalid file."""
        before = self._loaded
        keyring, orders = _read_secrets(
            self._config_dir, before.fleet, before.config, before, run_commands=run_commands
        )
        loaded = replace(before, keyring=keyring, orders=orders)
        is_new = loaded != before
        return loaded.with_targets() if is_new else loaded, is_new

    def _require_servers_file(self) -> None:
        """Refuse a missing or empty file: an editor that does not write atomically causes it for a moment."""
        stamp = servers_file.stamp(self._config_dir)
        if stamp is None or stamp.size == 0:
            problem = "the file is empty" if stamp else "the file is missing"
            raise ConfigurationError(f"{servers_file.NAME}: {problem}")


class _StampScan:
    """Compares stamps of files with earlier ones: the configuration files each time, the others in turn."""

    def __init__(self, stamps: Mapping[Path, Stamp]) -> None:
        self.stamps = dict(stamps)
        self._first, self._secrets = list(stamps)[:2], list(stamps)[2:]
        self._next = 0

    @property
    def first(self) -> dict[Path, Stamp]:
        """The configuration files, with their earlier stamps."""
        return {path: self.stamps[path] for path in self._first}

    def next_changes(self) -> dict[Path, Stamp]:
        """The files among the next ones that have changed, with their earlier stamps."""
        secrets = self._secrets[self._next : self._next + _SECRETS_PER_POLL]
        self._next = self._next + _SECRETS_PER_POLL if len(secrets) == _SECRETS_PER_POLL else 0
        return {
            path: self.stamps[path] for path in (*self._first, *secrets) if _stamp(path) != self.stamps[path]
        }


def _describe_kept(lines: Sequence[str]) -> tuple[str, ...]:
    """One line for all secrets that cannot be read any more."""
    if not lines:
        return ()
    others = f" (and {len(lines) - 1} more like it)" if len(lines) > 1 else ""
    return (lines[0] + others,)


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
