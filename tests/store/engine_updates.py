"""Handmade engine updates: servers, server states and rounds, at times that the test sets."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from wgmon_tui.checks.check import Check, Direction, Handshake, Packet, Tunnel
from wgmon_tui.checks.evidence import Silence
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
from wgmon_tui.monitor.incidents import EventKind, Incident, IncidentEvent
from wgmon_tui.net.addresses import Endpoint

START = 1_700_000_040.0
"""The beginning of a minute."""

VANTAGE = "here"
ENDPOINT = Endpoint("198.51.100.7", 51820)
ADDRESS = ip_address("198.51.100.7")


class Clock:
    """Wall clock that a test sets."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def server(name: str = "fra1", *, interval: float = 10.0) -> Server:
    return Server(name, ENDPOINT, PublicKey(bytes([7]) * 32), "bastion", interval=interval, timeout=5.0)


def row(name: str = "fra1", severity: Severity = Severity.UP, since: float = START) -> ServerState:
    return ServerState(server(name), severity, since=since, damping=Damping(severity, (severity,) * 3))


def answered(name: str, at: float, rtt: float = 0.02, verdict: Verdict = Verdict.HEALTHY) -> Round:
    """Return a round that completed a handshake and sent data through the tunnel."""
    packets = (
        Packet(0.0, Direction.SENT, bytes(148)),
        Packet(rtt, Direction.RECEIVED, bytes(92)),
        Packet(rtt + 0.001, Direction.SENT, bytes(32)),
    )
    check = Check(
        name,
        VANTAGE,
        ENDPOINT,
        ADDRESS,
        at,
        Handshake(rtt),
        exchange=packets,
        sent=1,
        tunnel=Tunnel(3, 3, rtt, None, passive=False),
    )
    return Round((check,), (Diagnosis(verdict, f"Answers in {rtt} s."),))


def lost(name: str, at: float, verdict: Verdict = Verdict.SILENT) -> Round:
    """Return a round without any answer."""
    packets = (Packet(0.0, Direction.SENT, bytes(148)),)
    check = Check(name, VANTAGE, ENDPOINT, ADDRESS, at, None, (Silence(5.0),), packets, 1)
    return Round((check,), (Diagnosis(verdict, "Nothing came back."),))


def incident(name: str = "fra1", number: int = 1, opened_at: float = START) -> Incident:
    return Incident(
        f"{number:016x}", name, VANTAGE, opened_at, Verdict.SILENT, Severity.DOWN, "Nothing came back."
    )


def opened(what: Incident) -> tuple[IncidentEvent, ...]:
    return (IncidentEvent(EventKind.OPENED, what.opened_at, what),)


def closed(what: Incident, at: float) -> tuple[IncidentEvent, ...]:
    return (IncidentEvent(EventKind.CLOSED, at, replace(what, closed_at=at)),)


def fleet_state(*names: str) -> FleetState:
    return FleetState(server(name) for name in names)
