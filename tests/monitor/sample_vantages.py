"""Handmade reports of several vantages on one server, at times that the test sets."""

from __future__ import annotations

from ipaddress import ip_address

from wgmon_tui.checks.check import Check, Direction, Handshake, Packet, ProbedAs
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import LOCAL_VANTAGE, Vantage
from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.net.addresses import Endpoint

KEY = PrivateKey(bytes(range(32))).public
START = 1_700_000_000.0
EVERY_S = 10.0

VANTAGES = (Vantage("fra", ("ssh", "fra")), Vantage("nyc", ("ssh", "nyc")))
EVERYWHERE = (LOCAL_VANTAGE, "fra", "nyc")


def watched(name: str = "fra1", *, fail_after: int = 1, tags: tuple[str, ...] = ()) -> Server:
    """Return a server of which every check counts at once, unless the test needs more."""
    window = max(fail_after, 1)
    return Server(
        name,
        Endpoint("192.0.2.7", 51820),
        KEY,
        "bastion",
        interval=EVERY_S,
        timeout=5.0,
        tags=tags,
        fail_after=fail_after,
        fail_window=window,
        recover_after=fail_after,
    )


def seen(
    verdict: Verdict,
    at: float = START,
    vantage: str = "fra",
    *,
    name: str = "fra1",
    packets: bool = True,
    address: str = "192.0.2.7",
) -> Round:
    """Return a round of a vantage; every verdict that is not down has an answer."""
    answered = verdict.severity in (Severity.UP, Severity.DEGRADED)
    exchange = (Packet(0.0, Direction.SENT, bytes(148)),) if packets else ()
    check = Check(
        name,
        vantage,
        Endpoint("192.0.2.7", 51820),
        ip_address(address),
        at,
        Handshake(0.02) if answered else None,
        exchange=exchange,
        probed_as=ProbedAs(KEY),
    )
    return Round((check,), (Diagnosis(verdict, verdict.meaning),))


class Lookout:
    """A fleet state with one server, and a clock that advances by a second with every round."""

    def __init__(self, quorum: int = 1, server: Server | None = None) -> None:
        self.server = server or watched()
        self.fleet_state = FleetState([self.server])
        self.now = START
        self.fleet_state.set_vantages(VANTAGES, quorum, self.now)
        self.events: list[IncidentEvent] = []

    @property
    def server_state(self) -> ServerState:
        return self.fleet_state.states[self.server.name]

    def record(self, vantage: str, verdict: Verdict, *, packets: bool = True) -> None:
        """Record a round of a vantage."""
        self.now += 1.0
        outcome = seen(verdict, self.now, vantage, name=self.server.name, packets=packets)
        if vantage == LOCAL_VANTAGE:
            self.events += self.fleet_state.record(self.server.name, outcome, self.now)
        else:
            report = VantageReport(vantage, "one", 1, self.server.name, outcome)
            self.events += self.fleet_state.record_report(report, self.now)

    def record_from_all(self, verdict: Verdict) -> None:
        for vantage in EVERYWHERE:
            self.record(vantage, verdict)
