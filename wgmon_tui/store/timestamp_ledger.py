"""Timestamp ledger: the last TAI64N timestamp of every identity, across processes, restarts and clock steps.

A server silently drops an initiation whose timestamp is not later than the last one of that key. Suppose a
prober forgets its last timestamp and starts with a clock that was set back. It is then cut off until that
time comes again.

One file of twelve bytes per identity, named by a hash of its public key. Each timestamp is read and written
under a lock: that takes a few microseconds, and two processes with the same identity cannot overtake each
other. The file is not synced each time: the page cache survives a killed process, and after a crash of the
machine the clock has moved on. The store keeps a copy of the last timestamps, a minute old. It is used if a
file is damaged or missing.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from wgmon_tui.protocols.wireguard import tai64n
from wgmon_tui.protocols.wireguard.keys import PublicKey
from wgmon_tui.store.identity_lock import IdentityLocks, identity_digest

_NO_CLOCK_SAYS = 2**63
"""In nanoseconds the year 2262, beyond any system clock: no timestamp of this program."""

_COPY_AGE_NS = 120 * 10**9
"""Maximum nanoseconds by which a timestamp can be later than its copy in the store."""


class TimestampLedger:
    """Issues timestamps. Use as a context manager: closing syncs the files."""

    def __init__(self, state_dir: Path, known: Mapping[bytes, int] | None = None) -> None:
        """Create the directory. If that fails, timestamps stay in memory and `trouble` is one line about it.

        `known` is the copy from the store (`store_file.mirrored_stamps`), in the form of `last`.
        """
        self.directory = state_dir / "stamps"
        self._known = dict(known or {})
        self._files: dict[PublicKey, int] = {}
        self._last: dict[PublicKey, int] = {}
        self._elsewhere: dict[PublicKey, int] = {}
        self.trouble: str | None = None
        self.identity_locks = IdentityLocks(self.directory)
        """Keeps other processes from a server while this one checks it with the same identity."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._use_memory(error)

    def __enter__(self) -> TimestampLedger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.identity_locks.close()
        for descriptor in self._files.values():
            try:
                os.fsync(descriptor)
            except OSError as failed:
                self._use_memory(failed)
            os.close(descriptor)
        self._files.clear()

    def next(self, identity: PublicKey) -> bytes:
        """Return a timestamp later than any before it; never raises, because a full disk must not stop the
        checks.
        """
        now_ns = time.time_ns()
        try:
            descriptor = self._file(identity)
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
            try:
                stored_ns = _read(descriptor)
                if stored_ns > self._last.get(identity, 0):
                    self._elsewhere[identity] = stored_ns
                last_ns = self._last_of(identity, stored_ns, now_ns)
                stamp_ns = tai64n.next_timestamp_ns(last_ns, now_ns)
                self._last[identity] = stamp_ns
                os.pwrite(descriptor, tai64n.encode(stamp_ns), 0)
            finally:
                fcntl.lockf(descriptor, fcntl.LOCK_UN)
        except OSError as error:
            self._use_memory(error)
            last_ns = self._last_of(identity, self._read_only(identity), now_ns)
            stamp_ns = tai64n.next_timestamp_ns(last_ns, now_ns)
            self._last[identity] = stamp_ns
        return tai64n.encode(stamp_ns)

    def ahead_s(self, identity: PublicKey) -> float:
        """Return how many seconds the last timestamp of an identity is ahead of the local clock; 0 if it is
        not.
        """
        return max(0.0, (self._last.get(identity, 0) - time.time_ns()) / 1e9)

    def stamped_elsewhere(self, identity: PublicKey) -> float | None:
        """Return when another process last used an identity, as far as is known, in Unix seconds.

        An earlier run of this program is another process too.
        """
        stamp_ns = self._elsewhere.get(identity)
        return None if stamp_ns is None else stamp_ns / 1e9

    def last(self) -> dict[bytes, int]:
        """Return the last timestamp of every identity that has used one: Unix nanoseconds by a hash of its
        key.

        May be called from another thread.
        """
        return {identity_digest(identity): last_ns for identity, last_ns in self._last.copy().items()}

    def _last_of(self, identity: PublicKey, stored_ns: int, now_ns: int) -> int:
        """Return the later of the file and the memory of this process; if both are empty, the copy."""
        last_ns = max(stored_ns, self._last.get(identity, 0))
        if last_ns:
            return last_ns
        known_ns = self._known.get(identity_digest(identity), 0)
        # If the copy lies behind the local clock, its age does no harm, because the clock decides. If it lies
        # ahead, it would.
        return known_ns + _COPY_AGE_NS if known_ns > now_ns else known_ns

    def _read_only(self, identity: PublicKey) -> int:
        """Return the last timestamp from a file that cannot be written; 0 if it cannot be read either."""
        try:
            path = self.directory / identity_digest(identity).hex()
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return 0
        try:
            return _read(descriptor)
        except OSError:
            return 0
        finally:
            os.close(descriptor)

    def _use_memory(self, error: OSError) -> None:
        self.trouble = (
            f"{self.directory}: {error.strerror}; timestamps are kept in memory until this program ends"
        )

    def _file(self, identity: PublicKey) -> int:
        descriptor = self._files.get(identity)
        if descriptor is None:
            name = identity_digest(identity).hex()
            descriptor = os.open(self.directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._files[identity] = descriptor
        return descriptor


def _read(descriptor: int) -> int:
    """Return the last timestamp as Unix nanoseconds; 0 for a new file or one damaged by a crash or a full
    disk.
    """
    stored = os.pread(descriptor, tai64n.TAI64N_LENGTH, 0)
    last_ns = tai64n.decode(stored) if len(stored) == tai64n.TAI64N_LENGTH else 0
    return last_ns if 0 < last_ns < _NO_CLOCK_SAYS else 0
