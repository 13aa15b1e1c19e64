"""Timestamp ledger: the last TAI64N timestamp of every identity, across processes, restarts and clock steps.

A server silently drops an initiation whose timestamp is not later than the last one of that key. Suppose a
prober forgets its last timestamp and starts with a clock that was set back. It is then cut off until that
time comes again.

One file of twelve bytes per identity, named by a hash of its public key. Each timestamp is read and written
under a lock: that takes a few microseconds, and two processes with the same identity cannot overtake each
other. The file is not synced each time: the page cache survives a killed process, and after a crash of the
machine the clock has moved on. The store keeps a copy of the last timestamps, a minute old. It is used if a
file is damaged or missing.

A timestamp of the year 2036 cuts an identity off until then. So timestamps do not follow a clock that jumped
while this process runs (see ClockGuard). A first timestamp that is far ahead of everything known here is held
back, until the clock is set or the operator trusts it. The file `trusted-clock` has the trusted times.

Processes of one group, a writer and its workers, are no strangers to each other: the number of the group
follows the timestamp in the file.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from wgmon_tui.checks import tai64n
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.store.clock_guard import (
    FAR_AHEAD_S,
    NEVER_SET_S,
    NO_CLOCK_SAYS_NS,
    RELEASED_S,
    ClockGuard,
    trust_command,
)
from wgmon_tui.store.damaged_files import move_aside, move_irregular_aside
from wgmon_tui.store.identity_lock import IdentityLocks, identity_digest
from wgmon_tui.text import format_elapsed, format_local_date

_COPY_AGE_NS = 120 * 10**9
"""Maximum nanoseconds by which a timestamp can be later than its copy in the store."""


_FAR_AHEAD_NS = int(FAR_AHEAD_S * 1e9)
_NEVER_SET_NS = int(NEVER_SET_S * 1e9)

_WITHOUT_EVIDENCE_NS = int(RELEASED_S * 1e9) + 10 * 365 * 86_400 * 10**9
"""Ten years after the release: the latest first timestamp, where nothing else is known."""

_TRUSTED = "trusted-clock"
_NAME_LENGTH = 32
GROUP_LENGTH = 8
"""Bytes of the random number of a group of processes."""
_MAX_TRUSTED_BYTES = 4096
_LOOK_AGAIN_S = 1.0


class TimestampLedger:
    """Issues timestamps. Use as a context manager: closing syncs the files."""

    def __init__(
        self,
        state_dir: Path,
        known: Mapping[bytes, int] | None = None,
        clock_guard: ClockGuard | None = None,
        *,
        sets_aside: bool = True,
        group: bytes = b"",
    ) -> None:
        """Create the directory. If that fails, timestamps stay in memory and `trouble` is one line about it.

        `known` is the copy from the store (`store_file.mirrored_stamps`), in the form of `last`. Without
        `sets_aside`, what is in the place of a directory or file stays there. `group` is the number that this
        process shares with others, of GROUP_LENGTH bytes: `stamped_elsewhere` leaves out what they use.
        """
        self._sets_aside = sets_aside
        self._group = group
        self.directory = state_dir / "stamps"
        self.clock_guard = clock_guard or ClockGuard(state_dir=state_dir)
        self._trust_command = trust_command(state_dir)
        self.notice: str | None = None
        """One line that stays: something else was in the place of the directory."""
        self._known = dict(known or {})
        self._held: dict[PublicKey, str] = {}
        """Identities without a timestamp that may be sent, and why."""
        self._looked_at: dict[PublicKey, float] = {}
        self._files: dict[PublicKey, int] = {}
        self._last: dict[PublicKey, int] = {}
        self._elsewhere: dict[PublicKey, int] = {}
        self.trouble: str | None = None
        self.identity_locks = IdentityLocks(self.directory)
        """Keeps other processes from a server while this one checks it with the same identity."""
        try:
            if sets_aside and not self.directory.is_dir() and os.path.lexists(self.directory):
                aside = move_aside(self.directory)
                self.notice = f"{self.directory} was no directory: it was moved to {aside.name}"
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._use_memory(error)
        self._trusted = self._read_stamps(_TRUSTED)

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

    def services(self) -> ProbeServices:
        """Return what probers need of this ledger and its locks."""
        return ProbeServices(
            next_timestamp=self.next,
            ahead_s=self.ahead_s,
            may_stamp=self.may_stamp,
            stamped_elsewhere=self.stamped_elsewhere,
            hold_identity=self.identity_locks.hold,
        )

    def next(self, identity: PublicKey) -> bytes:
        """Return a timestamp later than any before it.

        Never raises, because a full disk must not stop the checks.
        """
        now_ns = self._now_ns()
        try:
            descriptor = self._file(identity)
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
            try:
                stored = os.pread(descriptor, tai64n.TAI64N_LENGTH + GROUP_LENGTH, 0)
                stamp, group = stored[: tai64n.TAI64N_LENGTH], stored[tai64n.TAI64N_LENGTH :]
                stored_ns = _decode(stamp)
                if stored_ns > self._last.get(identity, 0) and self._is_elsewhere(identity, group):
                    self._elsewhere[identity] = stored_ns
                last_ns = self._last_of(identity, stored_ns, now_ns)
                stamp_ns = tai64n.next_timestamp_ns(last_ns, now_ns)
                self._last[identity] = stamp_ns
                encoded = tai64n.encode(stamp_ns)
                # A process without a group writes zeros over the group of another one.
                number = self._group or bytes(len(group))
                os.pwrite(descriptor, encoded + number, 0)
            finally:
                fcntl.lockf(descriptor, fcntl.LOCK_UN)
        except OSError as error:
            self._use_memory(error)
            last_ns = self._last_of(identity, self._read_only(identity), now_ns)
            stamp_ns = tai64n.next_timestamp_ns(last_ns, now_ns)
            self._last[identity] = stamp_ns
            encoded = tai64n.encode(stamp_ns)
        return encoded

    def may_stamp(self, identity: PublicKey) -> bool:
        """Return whether the next timestamp of an identity is near the times known here."""
        last_ns = self._last.get(identity, 0)
        is_doubted = bool(self._held) or self.clock_guard.was_in_doubt
        if not is_doubted and abs(self._wall_ns() - last_ns) <= _FAR_AHEAD_NS:
            return True  # `next` looks for a jump of the clock
        now_ns = self._now_ns()
        if self._held or self.clock_guard.was_in_doubt:
            self._follow_confirmation()
            now_ns = self._now_ns()
        if abs(now_ns - last_ns) <= _FAR_AHEAD_NS:
            self._held.pop(identity, None)
            return True
        if identity in self._held and time.monotonic() - self._looked_at[identity] < _LOOK_AGAIN_S:
            return False
        why = self._find_far_ahead(identity, now_ns)
        if why is None:
            self._held.pop(identity, None)
            return True
        self._held[identity], self._looked_at[identity] = why, time.monotonic()
        return False

    @property
    def held(self) -> str | None:
        """Why checks of an identity are not sent, in one line; None if all are."""
        return next(iter(self._held.values()), None)

    @property
    def clock_warning(self) -> str | None:
        """Why checks are held, or why the clock is in doubt, in one line; None if it is plausible."""
        doubt = self.clock_guard.doubt
        return self.held or (doubt.line if doubt else None)

    def trust_clock(self) -> None:
        """Record that the operator trusts the clock and the last timestamps. Raises OSError."""
        stamps = {self._wall_ns(), *self._last.values(), *(ns for ns, _ in self._stored())}
        content = b"".join(tai64n.encode(ns) for ns in sorted(stamps))
        new = self.directory / f"{_TRUSTED}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, content)
            if os.geteuid() == 0:
                owner = self.directory.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        finally:
            os.close(descriptor)
        new.replace(self.directory / _TRUSTED)
        self._follow_confirmation()

    def _follow_confirmation(self) -> None:
        """Believe the clock if the operator has confirmed it since the doubt, in this or another process."""
        if not self.clock_guard.was_in_doubt and self.clock_guard.doubt is None and not self._held:
            return
        trusted = self._read_stamps(_TRUSTED)
        if trusted != self._trusted:
            self._trusted = trusted
            self._looked_at = dict.fromkeys(self._looked_at, float("-inf"))
            if any(abs(ns - self._wall_ns()) <= _FAR_AHEAD_NS for ns in trusted):
                self.clock_guard.confirm()

    def _find_far_ahead(self, identity: PublicKey, now_ns: int) -> str | None:
        """Return why the next timestamp of an identity must not be sent; None if it may."""
        last_ns = self._last_of(identity, self._read_only(identity), now_ns)
        next_ns = tai64n.next_timestamp_ns(last_ns, now_ns)
        is_clock = next_ns == now_ns
        mine = identity_digest(identity).hex()
        known = [*self._known.values(), *self._trusted]
        known += [ns for ns, name in self._stored() if is_clock or name != mine]
        known += [] if is_clock else [now_ns]
        if is_clock and self.clock_guard.was_set:
            return None
        nearest_ns = max((ns for ns in known if _NEVER_SET_NS <= ns <= next_ns), default=_WITHOUT_EVIDENCE_NS)
        ahead_ns = next_ns - nearest_ns
        if ahead_ns <= _FAR_AHEAD_NS:
            return None
        return f"{_far_ahead_line(next_ns, ahead_ns, is_clock=is_clock)}, type: {self._trust_command}"

    def _stored(self) -> list[tuple[int, str]]:
        """Return the last timestamps of all identities, with the names of their files."""
        try:
            names = [each.name for each in self.directory.iterdir() if len(each.name) == _NAME_LENGTH]
        except OSError:
            return []
        return [(ns, name) for name in names for ns in self._read_stamps(name)]

    def _read_stamps(self, name: str) -> list[int]:
        """Return the timestamps in a file, which may be damaged, missing, or no file."""
        try:
            descriptor = os.open(self.directory / name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return []
        try:
            content = os.read(descriptor, _MAX_TRUSTED_BYTES)
        except OSError:
            return []
        finally:
            os.close(descriptor)
        starts = range(0, len(content) - tai64n.TAI64N_LENGTH + 1, tai64n.TAI64N_LENGTH)
        return [ns for start in starts if (ns := _decode(content[start : start + tai64n.TAI64N_LENGTH]))]

    def _wall_ns(self) -> int:
        return time.time_ns()

    def _now_ns(self) -> int:
        """Return the time from which timestamps are made: that before a jump, while the clock is in doubt."""
        return time.time_ns() - int(self.clock_guard.ahead_s * 1e9)

    def ahead_s(self, identity: PublicKey) -> float:
        """Return the seconds by which the last timestamp of an identity is ahead of the clock, or 0."""
        return max(0.0, (self._last.get(identity, 0) - time.time_ns()) / 1e9)

    def stamped_elsewhere(self, identity: PublicKey) -> float | None:
        """Return when another process last used an identity, as far as is known, in Unix seconds.

        An earlier run of this program is another process too.
        """
        stamp_ns = self._elsewhere.get(identity)
        return None if stamp_ns is None else stamp_ns / 1e9

    def _is_elsewhere(self, identity: PublicKey, group: bytes) -> bool:
        """Whether the stored timestamp is that of a stranger, or of an earlier run."""
        return not self._group or group != self._group or identity not in self._last

    def last(self) -> dict[bytes, int]:
        """Return the last timestamp of every identity that has used one.

        They are Unix nanoseconds by a hash of its key, and include what other processes of the group used.
        May be called from another thread.
        """
        shared = self._stored() if self._group else ()
        of_group = {bytes.fromhex(name): ns for ns, name in shared if _is_hexadecimal(name)}
        own = {identity_digest(identity): last_ns for identity, last_ns in self._last.copy().items()}
        return {each: max(of_group.get(each, 0), own.get(each, 0)) for each in of_group | own}

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
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
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
            path = self.directory / name
            if self._sets_aside and not path.is_char_device() and (aside := move_irregular_aside(path)):
                self.notice = f"{path} was no file: it was moved to {aside.name}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._files[identity] = descriptor
        return descriptor


def _read(descriptor: int) -> int:
    """Return the last timestamp as Unix nanoseconds.

    0 for a new file, and for one damaged by a crash or a full disk.
    """
    return _decode(os.pread(descriptor, tai64n.TAI64N_LENGTH, 0))


def _is_hexadecimal(name: str) -> bool:
    return not name.strip("0123456789abcdef")


def _decode(stored: bytes) -> int:
    last_ns = tai64n.decode(stored) if len(stored) == tai64n.TAI64N_LENGTH else 0
    return last_ns if 0 < last_ns < NO_CLOCK_SAYS_NS else 0


def _far_ahead_line(next_ns: int, ahead_ns: int, *, is_clock: bool) -> str:
    ahead, until = format_elapsed(round(ahead_ns / 1e9)), format_local_date(next_ns / 1e9)
    poisons = f"it would poison the identity: servers would then ignore it until {until}"
    if is_clock:
        return (
            "checks are held, because the clock of this machine is far ahead; its timestamp is "
            f"{ahead} later than every time known here, and {poisons}; "
            "set the clock, or if it is right"
        )
    return (
        "checks are held, because the last timestamp of an identity is far ahead of the clock; it is "
        f"{ahead} later than every other time known here, and if no server has seen it, {poisons}; "
        "set the clock, or to continue with it"
    )
