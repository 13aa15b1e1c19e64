"""Counters per server since the start of this process, for rates in Prometheus."""

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
"""Histogram bounds in seconds: from a neighbouring rack to the first retransmit to a distant server.

Each bound is one series per server, so there are only a few.
"""


class ServerCounters:
    """Counters of one server from one vantage. Every checked address counts."""

    __slots__ = ("checks", "lost", "rtts", "rtts_sum", "tunnel_received", "tunnel_sent")

    def __init__(self) -> None:
        self.checks: dict[Verdict, int] = {}
        self.lost = 0
        """Unanswered handshakes, without those that could not be sent."""
        self.rtts = [0] * (len(RTT_BOUNDS_S) + 1)
        """Number of round-trip times per bucket: at or below each bound and above the previous one.

        The last bucket is above all bounds.
        """
        self.rtts_sum = 0.0
        self.tunnel_sent = self.tunnel_received = 0

    def count(self, check: Check, verdict: Verdict) -> None:
        """Count a finished check."""
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
    """Counters of all servers. The engine calls it after every round."""

    def __init__(self) -> None:
        self.checks = 0
        """Checks of all servers, including removed ones."""
        self._counters: dict[str, dict[str, ServerCounters]] = {}
        self._incidents: Counter[str] = Counter()

    def __call__(
        self, server_state: ServerState, outcome: Round | None, events: tuple[IncidentEvent, ...]
    ) -> None:
        """Count a round; a listener of the engine. Takes a microsecond or two."""
        name = server_state.server.name
        if events:
            self._incidents[name] += sum(event.kind is EventKind.OPENED for event in events)
        if outcome:
            self._count(name, LOCAL_VANTAGE, outcome)

    def count_report(self, server_state: ServerState, vantage: str, report: VantageReport | None) -> None:
        """Count a report from another vantage (monitor/vantage_reports.py)."""
        if report:
            self._count(server_state.server.name, vantage, report.round)

    def _count(self, server: str, vantage: str, outcome: Round) -> None:
        self.checks += len(outcome.checks)
        tally = self.counters_of(server, vantage)
        for check, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
            tally.count(check, diagnosis.verdict)

    def counters_of(self, server: str, vantage: str) -> ServerCounters:
        """Return the counters of a server from a vantage; all zero before the first check."""
        by_vantage = self._counters.setdefault(server, {})
        tally = by_vantage.get(vantage)
        if tally is None:
            tally = by_vantage[vantage] = ServerCounters()
        return tally

    def incidents(self, server: str) -> int:
        """Return the number of incidents opened for a server."""
        return self._incidents[server]

    def retain_servers(self, servers: Collection[str]) -> None:
        """Remove the counters of all other servers."""
        for gone in self._counters.keys() - set(servers):
            del self._counters[gone]
        for gone in self._incidents.keys() - set(servers):
            del self._incidents[gone]
