"""Sample check rounds in the form of the engine."""

from __future__ import annotations

from ipaddress import ip_address

from wgmon_tui.checks.check import Check, Direction, Handshake, Packet
from wgmon_tui.checks.evidence import Evidence, NameUnresolved, Silence
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.handshake import Initiator, Responder

IDENTITY = PrivateKey(bytes(range(32)))
SERVER_KEY = PrivateKey(bytes(range(32, 64)))
STARTED_AT = 1_700_000_000.25


def server(name: str = "fra1", host: str = "fra1.example.net") -> Server:
    """Return a server without damping, of which only the handshake is checked."""
    endpoint = Endpoint(host, 51820)
    return Server(name, endpoint, SERVER_KEY.public, "bastion", fail_after=1, recover_after=1, tunnel=False)


def exchange() -> tuple[Packet, ...]:
    """Return the three packets of a handshake, as a check records them."""
    attempt = Initiator(IDENTITY, SERVER_KEY.public).initiate(7, bytes(12))
    responder = Responder(SERVER_KEY)
    response, _ = responder.respond(responder.open(attempt.packet), 9)
    keepalive = attempt.complete(response).keepalive()
    return (
        Packet(0.0, Direction.SENT, attempt.packet),
        Packet(0.0123456789, Direction.RECEIVED, response),
        Packet(0.0125, Direction.SENT, keepalive),
    )


def check(
    of: Server,
    *evidence: Evidence,
    address: str | None = "192.0.2.7",
    handshake: Handshake | None = None,
    packets: tuple[Packet, ...] = (),
) -> Check:
    where = ip_address(address) if address else None
    return Check(of.name, "here", of.endpoint, where, STARTED_AT, handshake, evidence, packets)


def round_of(of: Server, *checks: Check) -> Round:
    return Round(checks, tuple(diagnose(each, of) for each in checks))


def healthy(of: Server | None = None) -> Round:
    of = of or server()
    return round_of(of, check(of, handshake=Handshake(0.0123456, 1), packets=exchange()))


def silent(of: Server | None = None) -> Round:
    of = of or server()
    return round_of(of, check(of, Silence(5.0), packets=exchange()[:1]))


def unresolved(of: Server | None = None) -> Round:
    of = of or server()
    return round_of(of, check(of, NameUnresolved(of.endpoint.host, "no such name"), address=None))


def with_summary(text: str) -> Round:
    """Return a round with this text wherever text can come from outside."""
    of = server(text, text)
    diagnosis = Diagnosis(Verdict.DNS_FAILURE, text, (text,), diagnose(check(of), of).causes)
    return Round((check(of, NameUnresolved(text, text), address=None),), (diagnosis,))
