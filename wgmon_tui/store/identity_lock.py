"""Identity lock: no two processes check one server with one identity at the same time.

A WireGuard server knows one session and one address for each key. Two checks at once take them from each
other, and each looks like packet loss. So a check holds a lock, beside the timestamp ledger, on its pair of
identity and server. Other servers can be checked with the same identity meanwhile.

Each identity has a file. A server has a byte of it, which the kernel locks, and a record with the last user.
The kernel releases the lock however its holder ends. Processes with different state directories share none.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple

from wgmon_tui.checks.protocol import IdentityTarget
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.store import byte_locks
from wgmon_tui.store.damaged_files import move_irregular_aside
from wgmon_tui.text import printable

WAIT_LIMIT_S = 50.0
"""A check waits this long for another process: longer than a check takes, and less than the 60 s after which
monitoring systems give up on a plugin.
"""

_NOTICE_AFTER_S = 1.0
_POLL_S = 0.02

_SLOTS = 4096
"""Places for servers in a file. Two servers that share a place wait for each other, which does no harm."""

_RECORD = struct.Struct("=qq")
"""The process id of the last user, and its last use in nanoseconds of the monotonic clock."""


class _Place(NamedTuple):
    """A locked byte, the first of a record: an open file and an offset."""

    descriptor: int
    offset: int


class IdentityLocks:
    """The locks of one process on the identities of a state directory."""

    def __init__(self, directory: Path) -> None:
        """`directory` is that of the timestamp ledger. If it is not writable, nothing is locked."""
        self._directory = directory
        self._files: dict[PublicKey, int] = {}
        self._held: Counter[_Place] = Counter()
        self.wait_limit_s = WAIT_LIMIT_S
        self.on_wait: Callable[[str], None] = lambda _: None
        """Gets a line when a check has to wait for another process."""

    def hold(self, target: IdentityTarget) -> AbstractAsyncContextManager[bool]:
        """Hold the lock for a check. Gives False if another process keeps it beyond the limit."""
        return _HeldLock(self, target)

    async def acquire(self, target: IdentityTarget) -> tuple[bool, _Place | None]:
        """Acquire the lock for a check. Returns whether it may begin, and what to `release` after it."""
        place = self._find_place(target)
        if place is None:
            return True, None
        if not await self._acquire(place, target.server.identity):
            return False, None
        try:
            await _keep_spacing(place, target.spacing_s)
        except BaseException:  # cancelled
            self.release(place)
            raise
        return True, place

    def close(self) -> None:
        """Release all locks."""
        for descriptor in self._files.values():
            byte_locks.close(descriptor)
        self._files.clear()
        self._held.clear()

    def _find_place(self, target: IdentityTarget) -> _Place | None:
        """The place of a target; None if the file cannot be opened, on a full or read-only disk."""
        identity = target.private_key.public
        descriptor = self._files.get(identity)
        if descriptor is None:
            path = self._directory / f"{identity_digest(identity).hex()}.lock"
            try:
                move_irregular_aside(path)
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                return None
            self._files[identity] = descriptor
        return _Place(descriptor, slot_of(target.server.public_key) * _RECORD.size)

    async def _acquire(self, place: _Place, identity: str) -> bool:
        """Wait for the lock. The prober of this process already checks each server only once at a time."""
        began, is_noticed = time.monotonic(), False
        while place not in self._held and not byte_locks.try_lock(place.descriptor, place.offset):
            waited = time.monotonic() - began
            if waited > self.wait_limit_s:
                return False
            if waited > _NOTICE_AFTER_S and not is_noticed:
                is_noticed = True
                pid, _ = _read_record(place)
                self.on_wait(f"waiting: another wgmon-tui (pid {pid}) uses identity {printable(identity)}")
            await asyncio.sleep(_POLL_S)
        self._held[place] += 1
        return True

    def release(self, place: _Place) -> None:
        """Release the lock after a check."""
        if self._held[place] > 1:
            self._held[place] -= 1
            return
        if self._held.pop(place, 0):
            _write_record(place)
            byte_locks.unlock(place.descriptor, place.offset)


class _HeldLock:
    """The lock during one check. Each check has one: a generator would cost twice as much."""

    __slots__ = ("_locks", "_place", "_target")

    def __init__(self, locks: IdentityLocks, target: IdentityTarget) -> None:
        self._locks = locks
        self._target = target
        self._place: _Place | None = None

    async def __aenter__(self) -> bool:
        may_begin, self._place = await self._locks.acquire(self._target)
        return may_begin

    async def __aexit__(self, *_: object) -> None:
        if self._place:
            self._locks.release(self._place)


def slot_of(server_key: PublicKey) -> int:
    """The number of a server's place in a file."""
    return int.from_bytes(hashlib.sha256(server_key.raw).digest()[:4], "big") % _SLOTS


def identity_digest(identity: PublicKey) -> bytes:
    """Hash the key, because base64 contains slashes and a file name must not reveal the identity."""
    return hashlib.sha256(identity.raw).digest()[:16]


async def _keep_spacing(place: _Place, spacing_s: float) -> None:
    """Wait until the server accepts the next initiation, counted from the last use by any prober."""
    _, used_ns = _read_record(place)
    since_s = (time.monotonic_ns() - used_ns) / 1e9
    if 0 <= since_s < spacing_s:
        await asyncio.sleep(spacing_s - since_s)
    _write_record(place)


def _read_record(place: _Place) -> tuple[int, int]:
    """The last user; zeros if there was none."""
    try:
        stored = os.pread(place.descriptor, _RECORD.size, place.offset)
    except OSError:
        return 0, 0
    if len(stored) != _RECORD.size:
        return 0, 0
    pid, used_ns = _RECORD.unpack(stored)
    return int(pid), int(used_ns)


def _write_record(place: _Place) -> None:
    """Record this process as the last user. The lock does not depend on it."""
    try:  # noqa: SIM105  `suppress` takes three calls, twice in each check
        os.pwrite(place.descriptor, _RECORD.pack(os.getpid(), time.monotonic_ns()), place.offset)
    except OSError:
        pass
