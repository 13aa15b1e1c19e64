"""Rounds of a server, and a fleet state that receives them ten seconds apart."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from wgmon_tui.checks.check import Check, Direction, Handshake, Packet
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.net.addresses import Endpoint

KEY = PrivateKey(bytes(range(32))).public


def server(name: str = "fra1", *, paused: bool = False, port: int = 51820) -> Server:
    """Return a server of which every check counts at once."""
    endpoint = Endpoint("192.0.2.7", port)
    return Server(name, endpoint, KEY, "bastion", paused=paused, fail_after=1, recover_after=1)


def outcome(*verdicts: Verdict, rtt: float = 0.02) -> Round:
    """Return a round with a check for each verdict, the worst first; only those not down have an answer."""
    answered = (Severity.UP, Severity.DEGRADED)
    checks = tuple(
        Check(
            "fra1",
            "here",
            server().endpoint,
            ip_address("192.0.2.7"),
            1_700_000_000.0 + number,
            Handshake(rtt) if verdict.severity in answered else None,
        )
        for number, verdict in enumerate(verdicts)
    )
    return Round(checks, tuple(Diagnosis(verdict, verdict.meaning) for verdict in verdicts))


HEALTHY = outcome(Verdict.HEALTHY)
SILENT = outcome(Verdict.SILENT)
LOCAL = outcome(Verdict.LOCAL_FAULT)


def damped(**changes: object) -> Server:
    """Return a server with the usual thresholds."""
    return replace(server(), fail_after=2, recover_after=2, **changes)  # type: ignore[arg-type]


class Watched:
    """A fleet state with one server, its rounds ten seconds apart, and the resulting events."""

    def __init__(self, watched: Server) -> None:
        self.fleet_state = FleetState([watched])
        self.now = 100.0
        self.events: list[IncidentEvent] = []

    @property
    def server_state(self) -> ServerState:
        return self.fleet_state.states["fra1"]

    @property
    def happened(self) -> list[EventKind]:
        return [event.kind for event in self.events]

    def saw(self, *outcomes: Round, counted: bool = True) -> Watched:
        for each in outcomes:
            self.events += self.fleet_state.record("fra1", each, self.now, counted=counted)
            self.now += 10.0
        return self


def answered(outcome: Round) -> Round:
    """Return the same round, with a packet that came back."""
    check = replace(outcome.check, exchange=(Packet(0.02, Direction.RECEIVED, b"..."),))
    return replace(outcome, checks=(check,))
