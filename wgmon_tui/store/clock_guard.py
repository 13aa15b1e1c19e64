"""Clock guard: whether this machine's wall clock is plausible, from the evidence that this machine has.

A clock that is wrong for a minute can do lasting harm. What is deleted by age is gone. A server that saw a
timestamp of the year 2036 ignores that identity until then. So a jump of the wall clock against the elapsed
clock, or a start long after everything that is known, raises a doubt. While it lasts, nothing is deleted by
age, and timestamps continue from the time before the jump.

A doubt ends when the clock has been steady for a day. A clock that is far ahead is believed only when it was
set right, or when the operator has confirmed it.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from wgmon_tui.config.paths import default_state_dir
from wgmon_tui.monitor.freshness import ClockReading, read_elapsed
from wgmon_tui.records import dataclass
from wgmon_tui.text import DAY_S, format_elapsed, format_local_time

FAR_AHEAD_S = 30.0 * DAY_S
"""A time that is later than everything known by more than this is not believed without confirmation."""

STEADY_S = float(DAY_S)
"""Seconds of steady time after which a doubt ends."""

MAX_GAP_S = 7.0 * DAY_S
"""The longest time without this program, in seconds, after which the clock raises no doubt at the start."""

RELEASED_S = 1_767_225_600.0
"""Unix seconds of the year 2026. A clock before it is wrong, and setting it right does no harm."""

NEVER_SET_S = 1_262_304_000.0
"""Unix seconds of the year 2010. Records before it come from a clock that was never set: no evidence."""

NO_CLOCK_SAYS_NS = 2**63
"""In nanoseconds the year 2262, beyond any system clock: no timestamp of this program."""

_TRUST_COMMAND = "wgmon-tui doctor --trust-clock"

_JUMP_S = 60.0
"""Seconds by which the two clocks may move apart between two looks: time servers set a clock by less."""


def trust_command(state_dir: Path | None = None) -> str:
    """Return the command with which the operator trusts the clock."""
    if state_dir is None or state_dir == default_state_dir():
        return _TRUST_COMMAND
    return f"{_TRUST_COMMAND} --state {shlex.quote(str(state_dir))}"


def read_wall_and_elapsed() -> ClockReading:
    """Read both clocks. The wall clock is the one from which timestamps are made."""
    return ClockReading(time.time_ns() / 1e9, read_elapsed())


@dataclass(frozen=True, slots=True)
class ClockDoubt:
    """A reason not to believe the wall clock.

    `since` is the elapsed time from which the clock must be steady. `line` says it in one line.
    """

    since: float
    line: str
    is_far_ahead: bool


@dataclass(frozen=True, slots=True)
class ClockBelief:
    """What a guard believes, for the guard of another process of this machine.

    `offset` and `believed_offset` are wall time minus elapsed time: now, and as last believed.
    """

    offset: float
    believed_offset: float
    has_believed: bool
    was_set: bool
    doubt: ClockDoubt | None


class ClockGuard:
    """Watches the clock of this process. Any thread may use it."""

    def __init__(
        self,
        read_clocks: Callable[[], ClockReading] = read_wall_and_elapsed,
        state_dir: Path | None = None,
        belief: ClockBelief | None = None,
    ) -> None:
        """The clock is believed until `compare` or a jump raises a doubt. `state_dir` is for its line.

        `belief` is that of the process which started this one.
        """
        self._remedy = f"set the clock, or if it is right, type: {trust_command(state_dir)}"
        self._read_clocks = read_clocks
        self._lock = Lock()
        self._doubt: ClockDoubt | None = None
        reading = read_clocks()
        self._offset = reading.wall - reading.elapsed
        self._believed_offset = self._offset
        """Wall time minus elapsed time as last believed, by this process or by an earlier run."""
        self._has_believed = True
        self._later: float | None = None
        """A time after the clock's that an earlier run believed, in Unix seconds."""
        self.was_confirmed = False
        """Whether the operator said that the clock is right."""
        self.was_set = False
        """Whether this process saw a clock before the release, which was then set."""
        if belief:
            self._offset, self._believed_offset = belief.offset, belief.believed_offset
            self._has_believed, self.was_set = belief.has_believed, belief.was_set
            self._doubt = belief.doubt

    @property
    def belief(self) -> ClockBelief:
        """What this guard believes now."""
        with self._lock:
            self._observe()
            return ClockBelief(
                self._offset, self._believed_offset, self._has_believed, self.was_set, self._doubt
            )

    def compare(self, newest: float, doubted_since: float | None = None, later: float | None = None) -> None:
        """Compare the clock with the newest time that an earlier run believed, in Unix seconds.

        `doubted_since` is the wall time at which an earlier run began to doubt this clock. `later` is a time
        after the clock's that an earlier run believed: either clock may be the wrong one, so it is reported
        and raises no doubt.
        """
        with self._lock:
            now = self._observe()
            self._later = later
            gap = now.wall - newest
            if gap <= MAX_GAP_S or newest < NEVER_SET_S or self._doubt:
                return
            steady_s = max(0.0, now.wall - doubted_since) if doubted_since else 0.0
            since = f"the history, which ends {format_local_time(newest)}"
            self._doubt = ClockDoubt(
                now.elapsed - steady_s, _gap_line(gap, since, self._remedy), is_far_ahead=gap > FAR_AHEAD_S
            )
            self._believed_offset = newest - now.elapsed
            self._has_believed = False

    def confirm(self) -> None:
        """Believe the clock, because the operator says that it is right."""
        with self._lock:
            reading = self._read_clocks()
            self._offset = self._believed_offset = reading.wall - reading.elapsed
            self._doubt, self._has_believed = None, True
            self._later, self.was_confirmed = None, True

    @property
    def notice(self) -> str | None:
        """One line while the clock is earlier than an earlier run believed; None if it is not."""
        with self._lock:
            now = self._observe().wall
            if self._later is None or now > self._later - _JUMP_S:
                self._later = None
                return None
            return _earlier_line(now, self._later, self._remedy)

    @property
    def doubt(self) -> ClockDoubt | None:
        """The current doubt; None if the clock is plausible."""
        with self._lock:
            self._observe()
            return self._doubt

    @property
    def was_in_doubt(self) -> bool:
        """Whether the clock was in doubt, or earlier than it should be, when it was last looked at."""
        return self._doubt is not None or self._later is not None

    @property
    def may_delete(self) -> bool:
        """Whether data may be deleted by its age."""
        return self.doubt is None

    @property
    def ahead_s(self) -> float:
        """How many seconds the clock is ahead of the time that this process believed before a jump, or 0."""
        with self._lock:
            self._observe()
            if self._doubt is None or not self._has_believed:
                return 0.0
            return max(0.0, self._offset - self._believed_offset)

    def believed_time(self) -> float:
        """Return the Unix time by which what lasts until a time ends, for example a mute.

        After a jump forward it is that of the clock as it was before. At a start far ahead of the history, it
        continues from there.
        """
        with self._lock:
            now = self._observe()
            if self._doubt is None or not (self._has_believed or self._doubt.is_far_ahead):
                return now.wall
            return min(now.wall, now.elapsed + self._believed_offset)

    @property
    def doubted_since(self) -> float | None:
        """The wall time since which the clock is steady but in doubt; None without a doubt."""
        with self._lock:
            now = self._observe()
            return now.wall - (now.elapsed - self._doubt.since) if self._doubt else None

    def _observe(self) -> ClockReading:
        """Look at both clocks. A jump raises a doubt, and a day without one ends it."""
        now = self._read_clocks()
        offset = now.wall - now.elapsed
        jump, self._offset = offset - self._offset, offset
        if abs(jump) > _JUMP_S:
            if now.wall - jump < RELEASED_S:
                self._believed_offset, self.was_set = offset, True
            is_far_ahead = offset - self._believed_offset > FAR_AHEAD_S
            self._doubt = ClockDoubt(now.elapsed, _jump_line(jump, now.wall, self._remedy), is_far_ahead)
        elif self._doubt and not self._doubt.is_far_ahead and now.elapsed - self._doubt.since >= STEADY_S:
            self._doubt, self._has_believed = None, True
        if self._doubt is None:
            self._believed_offset = offset
        return now


def _jump_line(jump: float, now: float, remedy: str) -> str:
    way, length = "forward" if jump > 0 else "back", format_elapsed(round(abs(jump)))
    line = f"the clock of this machine jumped {way} by {length}, to {format_local_time(now)}"
    if jump < 0:
        return f"{line}; timestamps continue from the last one, and nothing is deleted by age for a day"
    return (
        f"{line}; its timestamps would poison identities, which servers then ignore until that time: "
        f"timestamps continue from the time before, and nothing is deleted by age; {remedy}"
    )


def _earlier_line(now: float, later: float, remedy: str) -> str:
    return (
        f"the clock of this machine is {format_elapsed(round(later - now))} earlier than the history, "
        f"which ends {format_local_time(later)}; checks and incidents get wrong times; {remedy}"
    )


def _gap_line(gap: float, since: str, remedy: str) -> str:
    return (
        f"the clock of this machine is {format_elapsed(round(gap))} later than {since}; "
        f"nothing is deleted by age until the clock was steady for a day; {remedy}"
    )
