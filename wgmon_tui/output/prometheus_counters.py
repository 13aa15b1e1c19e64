"""What is counted of each server since this process began: Prometheus takes the rates of such counters."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import VantageReport

RTT_BOUNDS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""From a neighbouring rack to the first retransmit of a server at the other end of the world.

Each bound is a series a server: more of them would cost Prometheus more than they tell.
"""


class ServerCounters:
    """The counters of one server, seen from one vantage. Every address that is checked counts."""

    __slots__ = ("checks", "lost", "rtts", "rtts_sum", "tunnel_received", "tunnel_sent")

    def __init__(self) -> None:
        self.checks: dict[Verdict, int] = {}
        self.lost = 0
        """Handshakes that were not answered, those aside that could not be sent."""
        self.rtts = [0] * (len(RTT_BOUNDS_S) + 1)
        """How many round-trip times lie at or below each bound and above the one before it; the last: above
        all of them.
        """
        self.rtts_sum = 0.0
        self.tunnel_sent = self.tunnel_received = 0

    def count(self, check: Check, verdict: Verdict) -> None:
        """A check has ended."""
        self.checks[verdict] = self.checks.get(verdict, 0) + 1
        if check.handshake:
            self.rtts[bisect_left(RTT_BOUNDS_S, check.handshake.rtt)] += 1
            self.rtts_sum += check.handshake.rtt
        elif verdict.severity is not Severity.UNKNOWN:
            self.lost += 1
        if check.tunnel:
            self.tunnel_sent += check.tunnel.sent
            self.tunnel_received += check.tunnel.received


class FleetCounters:
    """The counters of all servers; have the engine call it after every round."""

    def __init__(self) -> None:
        self.checks = 0
        """Of all servers, those too that have left since."""
        self._counters: dict[str, dict[str, ServerCounters]] = {}
        self._incidents: Counter[str] = Counter()

    def __call__(
        self, server_state: ServerState, outcome: Round | None, events: tuple[IncidentEvent, ...]
    ) -> None:
        """The engine's listener. Costs a microsecond or two."""
        name = server_state.server.name
        if events:
            self._incidents[name] += sum(event.kind is EventKind.OPENED for event in events)
        if outcome:
            self._count(name, LOCAL_VANTAGE, outcome)

    def count_report(self, server_state: ServerState, vantage: str, report: VantageReport | None) -> None:
        """Hears what other vantages report (monitor/vantage_reports.py)."""
        if report:
            self._count(server_state.server.name, vantage, report.round)

    def _count(self, server: str, vantage: str, outcome: Round) -> None:
        self.checks += len(outcome.checks)
        tally = self.counters_of(server, vantage)
        for check, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
            tally.count(check, diagnosis.verdict)

    def counters_of(self, server: str, vantage: str) -> ServerCounters:
        """The counters of a server from a vantage, at zero where nothing has been counted yet."""
        by_vantage = self._counters.setdefault(server, {})
        tally = by_vantage.get(vantage)
        if tally is None:
            tally = by_vantage[vantage] = ServerCounters()
        return tally

    def incidents(self, server: str) -> int:
        """How many incidents of a server were opened."""
        return self._incidents[server]

    def retain_servers(self, servers: Collection[str]) -> None:
        """Only these servers are still there."""
        for gone in self._counters.keys() - set(servers):
            del self._counters[gone]
        for gone in self._incidents.keys() - set(servers):
            del self._incidents[gone]
