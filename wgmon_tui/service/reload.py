"""servers.toml and config.toml, watched: what can stand takes effect at once, what cannot changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from wgmon_tui.alerts.orders import Orders, read_orders
from wgmon_tui.fleet import config_toml, servers_file
from wgmon_tui.fleet.config_toml import Config, read_config
from wgmon_tui.fleet.records import ConfigurationError, Fleet
from wgmon_tui.fleet.secrets import (
    NOTHING_PRINTED,
    Keyring,
    open_keyring,
    printed_by_commands,
    unread_files,
)
from wgmon_tui.fleet.shard import Shard

if TYPE_CHECKING:
    from wgmon_tui.probe.targets import Targets

_LOOK_EVERY_S = 0.25
_SETTLED_S = 0.1
"""A file that changes again within this time is still being written."""

_MOST_UNREAD = 100
"""So many files that should hold a secret, and cannot be read, are watched for their mending."""

Stamp = tuple[int, ...] | None
"""What tells one version of a file, and of who may read it, from another; None where there is none."""


@dataclass(frozen=True)
class Loaded:
    """What the two files say, and every secret that the one names.

    `stamps` are of the files that this hangs on, from before they were read.
    """

    fleet: Fleet
    keyring: Keyring
    config: Config
    orders: Orders
    stamps: dict[Path, Stamp] = field(compare=False)
    shard: Shard | None = None

    @cached_property
    def targets(self) -> Targets:
        """What can be checked, and why not what cannot; see `joined`."""
        from wgmon_tui.probe.targets import join

        return join(self.fleet, self.keyring)

    def joined(self) -> Self:
        """The same, once its targets are made: ten thousand take a second of arithmetic."""
        _ = self.targets
        return self


def load(config_dir: Path, before: Loaded | None = None, shard: Shard | None = None) -> Loaded:
    """Read it all. Blocks for as long as the commands that print secrets take.

    Of a `shard`, only its servers are taken, and only their secrets. What such a command printed for `before`
    is not asked for again: it may take a second each, or a person. Raises ConfigurationError.
    """
    stamps = {config_dir / name: _stamp(config_dir / name) for name in (servers_file.NAME, config_toml.NAME)}
    config = read_config(config_dir)
    whole = servers_file.read(config_dir).fleet
    fleet = shard.part_of(whole) if shard else whole
    printed = printed_by_commands(before.fleet, before.keyring) if before else NOTHING_PRINTED
    keyring = open_keyring(fleet, config_dir, printed=printed)
    orders = read_orders(config.alerts, config_dir, before.orders if before else None)
    unread = (*unread_files(fleet, keyring, config_dir), *orders.unread)[:_MOST_UNREAD]
    stamps.update((path, _stamp(path)) for path in unread)
    return Loaded(fleet, keyring, config, orders, stamps, shard)


def loaded_from(fleet: Fleet) -> Loaded:
    """What a fleet that stands in no file says. Its secrets stand in it."""
    keyring = open_keyring(fleet, Path())
    return Loaded(fleet, keyring, Config(), Orders(), {})


class Reload:
    """Looks at the files' stamps while it runs; gives what is new to `take`, in the loop."""

    def __init__(self, config_dir: Path, loaded: Loaded, take: Callable[[Loaded], None]) -> None:
        """`loaded` is what is in force. A change made since it was read is found at the first look."""
        self.trouble: str | None = None
        """Why the files as they are now are not in force."""
        self._config_dir = config_dir
        self._loaded = loaded
        self._take = take
        self._asked = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []

    async def now(self) -> None:
        """Read the files and every secret again, changed or not, and wait until that is done."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._asked.set()
        await done

    async def run(self) -> None:
        """Until cancelled."""
        seen = self._loaded.stamps
        while True:
            if self._asked.is_set() or _stamps(seen) != seen:
                seen = await self._reload(await _settled(seen))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._asked.wait()

    async def _reload(self, stamps: dict[Path, Stamp]) -> dict[Path, Stamp]:
        """Take what the files say now; the stamps of the files that this hangs on."""
        before = None if self._asked.is_set() else self._loaded
        waiting, self._waiting = self._waiting, []
        self._asked.clear()
        try:
            loaded, is_new = await asyncio.to_thread(self._load, before)
        except ConfigurationError as error:
            self.trouble = f"{error}; the last good one stays in force"
            return stamps
        else:
            self.trouble = None
            self._loaded = loaded
            if is_new:
                self._take(loaded)
            return loaded.stamps
        finally:
            for done in waiting:
                done.set_result(None)

    def _load(self, before: Loaded | None) -> tuple[Loaded, bool]:
        if self._loaded.fleet.servers:
            self._be_sure_it_is_there()
        loaded = load(self._config_dir, before, self._loaded.shard)
        is_new = loaded != self._loaded
        return loaded.joined() if is_new else loaded, is_new

    def _be_sure_it_is_there(self) -> None:
        """An editor that does not replace a file at once has it gone or empty for a moment."""
        stamp = servers_file.stamp(self._config_dir)
        if stamp is None or stamp.size == 0:
            raise ConfigurationError(f"{servers_file.NAME}: {'is empty' if stamp else 'cannot be found'}")


async def _settled(stamps: dict[Path, Stamp]) -> dict[Path, Stamp]:
    """The stamps of the same files, once they stay as they are."""
    while True:
        before = _stamps(stamps)
        await asyncio.sleep(_SETTLED_S)
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
