"""Limits of one agent: lines, bytes and processor time of the writer, reports of a server, and new problems.

An agent runs on another machine. Whatever it sends, the checks here go on, and memory and log stay small.
"""

from __future__ import annotations

import time

from wgmon_tui.config.models import Server
from wgmon_tui.rate_limits import Pacer, TokenBucket

_MAX_LINES_PER_S = 1000.0
_MAX_BYTES_PER_S = 2.0 * 2**20
_LINES_BURST_S = 0.05

_PROCESSOR_SHARE = 0.5
"""The share of the event loop's time for the messages of all agents. On a busy machine they take longer."""

_PROCESSOR_BURST_S = 0.5

MAX_REPORTS_PER_MINUTE = 300
"""The limit of rounds of one server: five times the highest check rate."""

_RECHECKS_PER_MINUTE = 60
_MOST_OF_INTERVAL = 3.0
"""An agent may report three times as often as the interval says, and a recheck each second."""

LATE_REPORTS_PER_DAY = 100_000
"""Reports of earlier minutes: twice the queue of an agent. More of them would fill the history of a week."""

_LATE_S = 120.0

MAX_UNSTORED_BYTES = 16 * 2**20
"""Bytes of reports that may wait for the disk with their packets; above it, they wait without."""

_PROBLEMS_AT_ONCE, _PROBLEM_REFILL_S = 10, 60.0
"""How often the problem of an agent may change: each change is a line in the log."""


def make_processor_pacer() -> Pacer:
    """The limit of processor time, which all agents share."""
    return Pacer(_PROCESSOR_BURST_S / _PROCESSOR_SHARE)


class AgentLimits:
    """What one agent has used of its limits."""

    def __init__(self, processor: Pacer) -> None:
        """`processor` is shared with the other agents."""
        self.refused_reports = 0
        """The number of reports above the limit of their server, since the start."""
        self._processor = processor
        self._lines = Pacer(_LINES_BURST_S)
        self._owed_s = 0.0
        self._report_counts: dict[str, tuple[int, int]] = {}
        self._problems = TokenBucket(1.0 / _PROBLEM_REFILL_S, _PROBLEMS_AT_ONCE)
        self._late_reports = TokenBucket(LATE_REPORTS_PER_DAY / 86400.0, LATE_REPORTS_PER_DAY)
        self._unstored_bytes = 0

    async def take_line(self, size: int) -> None:
        """Account for a line of `size` bytes and for earlier work, and wait if a limit is exceeded."""
        owed_s, self._owed_s = self._owed_s, 0.0
        await self._processor.take(owed_s / _PROCESSOR_SHARE)
        await self._lines.take(max(1.0 / _MAX_LINES_PER_S, size / _MAX_BYTES_PER_S))

    def charge(self, since: float) -> None:
        """Account for the work on a message that began at `since` of the monotonic clock."""
        self._owed_s += time.monotonic() - since

    def accepts_report(self, server: Server, began_at: float, now: float) -> bool:
        """Whether a report is within the limit of its minute, in order, and not one of too many late ones."""
        is_accepted = self._is_within_rate(server, began_at) and (
            began_at > now - _LATE_S or self._late_reports.try_to_take()
        )
        self.refused_reports += not is_accepted
        return is_accepted

    def _is_within_rate(self, server: Server, began_at: float) -> bool:
        usual = int(_MOST_OF_INTERVAL * 60.0 / server.interval)
        limit = min(MAX_REPORTS_PER_MINUTE, usual + _RECHECKS_PER_MINUTE)
        minute = int(began_at // 60)
        last, count = self._report_counts.get(server.name, (minute, 0))
        if minute < last - 1 or (minute <= last and count >= limit):
            return False
        self._report_counts[server.name] = (minute, 1) if minute > last else (last, count + 1)
        return True

    def has_room_for_packets(self, size: int) -> bool:
        """Account for a report of `size` bytes. Whether its packets may wait for the disk."""
        self._unstored_bytes += size
        return self._unstored_bytes <= MAX_UNSTORED_BYTES

    @property
    def unstored_bytes(self) -> int:
        """The size of the reports that wait for the disk."""
        return self._unstored_bytes

    def mark_stored(self, size: int) -> None:
        """The first `size` bytes of the reports that waited are on the disk."""
        self._unstored_bytes -= size

    def accepts_problem(self) -> bool:
        """Whether a change of the agent's problem may be shown and logged now."""
        return self._problems.try_to_take()
