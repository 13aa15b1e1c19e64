"""Failures that this machine's uplink may have caused: blamed on it, or held until a witness answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.check_round import blame_uplink
from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.monitor.uplink_guard import UplinkGuard

DOUBT_S = 2.0
"""Seconds that a doubtful failure waits for a witness. Its server is not checked again before that."""

WITNESSES = 3
"""Number of other servers that are checked to find out whether this machine's uplink works."""

WITNESS_CANDIDATES = 100
"""Witnesses come from this many servers that answered last. If all of them are being checked, a result is
near.
"""

UPLINK_VERDICTS_AT_ONCE = 50
"""Servers diagnosed again per round, once the local uplink is to blame. That takes a few milliseconds."""

Notify = Callable[[str, tuple[IncidentEvent, ...]], None]
"""Tells that the state of a server changed without a round."""


class UplinkDoubts:
    """Give it every round that ends."""

    def __init__(self, fleet_state: FleetState, notify: Notify) -> None:
        self._fleet_state = fleet_state
        self._notify = notify
        self._uplink = UplinkGuard()
        self._in_doubt_since: dict[str, float] = {}
        self.witnesses: set[str] = set()
        """The servers whose checks show whether the uplink works."""

    def mark_well(self, name: str) -> None:
        """Note a server that answered in an earlier run."""
        self._uplink.mark_well(name)

    def begin_round(self, name: str) -> None:
        """Note that a server is checked again."""
        self._in_doubt_since.pop(name, None)

    def blame(self, server_state: ServerState, outcome: Round) -> Round:
        """If all servers fell silent at once, blame the local uplink for each of them."""
        name = server_state.server.name
        answered_at = outcome.last_answer_at
        if answered_at is not None:
            self._uplink.record_check(name, answered_at)
            self._count_doubted(answered_at)
        elif outcome.is_silent:
            self._uplink.record_check(name, None, outcome.last_question_at)
        if not self._uplink.is_suspicious:
            return outcome
        self._in_doubt_since.clear()
        fallen = self._uplink.silent_count
        for other in self._uplink.take_unblamed(UPLINK_VERDICTS_AT_ONCE):
            before = self._fleet_state.states.get(other)
            if other == name or before is None or before.last is None:
                continue
            if before.last.diagnosis.verdict is not Verdict.LOCAL_FAULT:
                blamed = blame_uplink(before.last, before.server, fallen)
                self._notify(other, self._fleet_state.rejudge_last_round(other, blamed, time.time()))
        return blame_uplink(outcome, server_state.server, fallen) if self._uplink.is_silent(name) else outcome

    def is_in_doubt(self, server_state: ServerState, outcome: Round) -> bool:
        """Return whether a failure that would count may be caused by this machine."""
        server = server_state.server
        return (
            not server_state.paused
            and outcome.diagnosis.verdict.severity is Severity.DOWN
            and server_state.damping.severity is not Severity.DOWN
            and outcome.is_silent
            and self._uplink.is_in_doubt(server.name, outcome.check.started_at, server.timeout)
        )

    def hold(self, name: str, now: float, is_busy: Callable[[str], bool]) -> set[str]:
        """Hold a doubtful failure. Return the servers to check at once: none while others are witnesses."""
        self._in_doubt_since[name] = now
        if self.witnesses:
            return set()
        candidates = islice(self._uplink.witnesses(name), WITNESS_CANDIDATES)
        free = (other for other in candidates if not is_busy(other))
        self.witnesses.update(islice(free, WITNESSES))
        return set(self.witnesses)

    def forget(self, name: str) -> None:
        """Forget a server that is not checked any more."""
        self._uplink.forget(name)
        self._in_doubt_since.pop(name, None)
        self.witnesses.discard(name)

    def _count_doubted(self, answered_at: float) -> None:
        """Count recent doubtful failures: a server answered after them, so the local uplink works."""
        now = time.monotonic()
        doubted, self._in_doubt_since = self._in_doubt_since, {}
        for name, at in doubted.items():
            last = self._fleet_state.states[name].last
            if last and last.last_question_at > answered_at:
                self._in_doubt_since[name] = at
            elif now - at <= DOUBT_S:
                self._notify(name, self._fleet_state.count_doubted_round(name, time.time()))
