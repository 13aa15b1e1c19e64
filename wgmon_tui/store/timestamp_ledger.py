"""The last TAI64N stamp that every identity has used, exact across processes, restarts and clock steps.

A server drops, silently, an initiation whose stamp is not later than the last one of that key. A prober that
forgets its last stamp and starts with a clock that was set back is cut off until that time comes again.

One file of twelve bytes for each identity, named by its public key. It is read and written under a lock for
every stamp: a few microseconds, and two processes that share an identity cannot go back behind each other.
It is not synced each time: the page cache outlives a killed process, and after a crash of the machine the
clock has moved on. The store keeps a copy of the last stamps, a minute old: where a file is spoiled or gone,
its stamps go on from there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from wgmon_tui.protocols.wireguard import tai64n
from wgmon_tui.protocols.wireguard.keys import PublicKey

_NO_CLOCK_SAYS = 2**63
"""In nanoseconds the year 2262, past what a system clock can hold: no stamp of ours."""

_COPY_AGE_NS = 120 * 10**9
"""How much later than its copy in the store a stamp can have been."""


class TimestampLedger:
    """Hands out stamps. Use as a context manager: closing syncs what was written."""

    def __init__(self, state_dir: Path, known: Mapping[bytes, int] | None = None) -> None:
        """Makes the directory. Where that fails, stamps live in memory and `trouble` says so in one line.

        `known` are the copies that the store has (`store.mirrored_stamps`), as `last` gave them.
        """
        self._dir = state_dir / "stamps"
        self._known = dict(known or {})
        self._files: dict[PublicKey, int] = {}
        self._last: dict[PublicKey, int] = {}
        self.trouble: str | None = None
        try:
            self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._use_memory(error)

    def __enter__(self) -> TimestampLedger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self._files.values():
            try:
                os.fsync(descriptor)
            except OSError as failed:
                self._use_memory(failed)
            os.close(descriptor)
        self._files.clear()

    def next(self, identity: PublicKey) -> bytes:
        """A stamp later than any before it; never raises, because a full disk must not end the checks."""
        now_ns = time.time_ns()
        try:
            descriptor = self._file(identity)
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
            try:
                last_ns = self._last_of(identity, _read(descriptor), now_ns)
                stamp_ns = tai64n.next_timestamp_ns(last_ns, now_ns)
                self._last[identity] = stamp_ns
                os.pwrite(descriptor, tai64n.encode(stamp_ns), 0)
            finally:
                fcntl.lockf(descriptor, fcntl.LOCK_UN)
        except OSError as error:
            self._use_memory(error)
            stamp_ns = tai64n.next_timestamp_ns(self._last_of(identity, 0, now_ns), now_ns)
            self._last[identity] = stamp_ns
        return tai64n.encode(stamp_ns)

    def ahead_s(self, identity: PublicKey) -> float:
        """How many seconds this identity's last stamp lies ahead of our clock; 0 where it does not."""
        return max(0.0, (self._last.get(identity, 0) - time.time_ns()) / 1e9)

    def last(self) -> dict[bytes, int]:
        """The last stamp of every identity that has used one, Unix nanoseconds by a hash of its key.

        May be called from another thread.
        """
        return {_digest(identity): last_ns for identity, last_ns in self._last.copy().items()}

    def _last_of(self, identity: PublicKey, stored_ns: int, now_ns: int) -> int:
        """Of what the file says, what this process remembers and, where both say nothing, the copy."""
        last_ns = max(stored_ns, self._last.get(identity, 0))
        if last_ns:
            return last_ns
        known_ns = self._known.get(_digest(identity), 0)
        # Behind our clock it does no harm that the copy is old: the clock says more. Ahead of it, it would.
        return known_ns + _COPY_AGE_NS if known_ns > now_ns else known_ns

    def _use_memory(self, error: OSError) -> None:
        self.trouble = f"{self._dir}: {error.strerror}; timestamps are kept in memory until this program ends"

    def _file(self, identity: PublicKey) -> int:
        descriptor = self._files.get(identity)
        if descriptor is None:
            name = _digest(identity).hex()
            descriptor = os.open(self._dir / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._files[identity] = descriptor
        return descriptor


def _digest(identity: PublicKey) -> bytes:
    """A hash, because base64 holds slashes and the name tells whose stamps these are to no one else."""
    return hashlib.sha256(identity.raw).digest()[:16]


def _read(descriptor: int) -> int:
    """The last stamp as Unix nanoseconds; 0 for a new file and one that a crash or a full disk spoiled."""
    stored = os.pread(descriptor, tai64n.TAI64N_LENGTH, 0)
    last_ns = tai64n.decode(stored) if len(stored) == tai64n.TAI64N_LENGTH else 0
    return last_ns if 0 < last_ns < _NO_CLOCK_SAYS else 0
