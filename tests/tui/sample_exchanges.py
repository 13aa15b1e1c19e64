"""Sample checks as the prober returns them, always with the same bytes.

The packets are real: both sides of the protocol create them with fixed keys, ephemerals and timestamps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

from tests.tui.sample_fleet import NOW
from wgmon_tui.checks import tai64n
from wgmon_tui.checks.check import Check, Direction, Handshake, Packet, Tunnel
from wgmon_tui.checks.evidence import (
    CookieDemanded,
    Evidence,
    ForeignBytes,
    InnerEcho,
    InnerHop,
    NameUnresolved,
    PacketRejected,
    Silence,
)
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.checks.stage import RESOLVE, Stage, StageOutcome
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.protocols.wireguard.cookie import cookie_key
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.handshake import Attempt, Initiator, Responder
from wgmon_tui.protocols.wireguard.primitives import xaead_seal
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.protocols.wireguard.stage_outcomes import make_failed_resolve_stage, make_stages

CLIENT = PrivateKey(bytes(range(32)))
SERVER = PrivateKey(bytes(range(32, 64)))
OTHER_PSK = PresharedKey(bytes(range(64, 96)))
CLIENT_INDEX = 0x01020304
SERVER_INDEX = 0x0A0B0C0D
COOKIE = bytes(range(16))
V4 = ip_address("203.0.113.7")
HOP = ip_address("10.8.0.1")
V6 = ip_address("2001:db8::7")


def server(name: str, host: str = "") -> Server:
    """A server without damping: every check counts at once."""
    endpoint = Endpoint(host or f"{name}.example.net", 51820)
    return Server(name, endpoint, SERVER.public, "bastion", fail_after=1, recover_after=1)


def initiate(cookie: bytes | None = None) -> Attempt:
    """The initiation of the prober."""
    stamp = tai64n.encode(int(NOW) * 1_000_000_000)
    return Initiator(CLIENT, SERVER.public).initiate(
        CLIENT_INDEX, stamp, cookie, ephemeral=bytes(range(128, 160))
    )


def respond(attempt: Attempt, psk: PresharedKey | None = None) -> bytes:
    """The server's response, with another preshared key if given."""
    responder = Responder(SERVER)
    ephemeral = bytes(range(160, 192))
    opened = responder.open(attempt.packet)
    if psk:
        return responder.respond(opened, SERVER_INDEX, psk, ephemeral)[0]
    return responder.respond(opened, SERVER_INDEX, ephemeral=ephemeral)[0]


def sent(at: float, data: bytes) -> Packet:
    """A sent packet."""
    return Packet(at, Direction.SENT, data)


def received(at: float, data: bytes) -> Packet:
    """A received packet."""
    return Packet(at, Direction.RECEIVED, data)


def check(
    exchange: Iterable[Packet] = (),
    *evidence: Evidence,
    rtt: float | None = None,
    name: str = "fra1",
    address: Address | None = V4,
    at: float = NOW,
    cookie: bool = False,
) -> Check:
    """A check with this exchange, and with a handshake if `rtt` is given."""
    handshake = None if rtt is None else Handshake(rtt, cookie=cookie)
    endpoint = server(name).endpoint
    return with_stages(Check(name, "here", endpoint, address, at, handshake, evidence, tuple(exchange), 1))


def healthy(name: str = "fra1", address: Address | None = V4, at: float = NOW, rtt: float = 0.01241) -> Check:
    """A completed handshake."""
    attempt = initiate()
    answer = respond(attempt)
    session: Session = attempt.complete(answer)
    exchange = [sent(0.0, attempt.packet), received(rtt, answer), sent(rtt + 0.0002, session.keepalive())]
    return proven(check(exchange, rtt=rtt, name=name, address=address, at=at))


def proven(answered: Check) -> Check:
    """A completed handshake, and an answer of the first hop inside the tunnel."""
    assert answered.handshake
    rtt = answered.handshake.rtt
    evidence = (*answered.evidence, InnerHop(4, HOP, rtt))
    return with_stages(replace(answered, evidence=evidence, tunnel=Tunnel(1, 1, rtt, None, passive=True)))


def psk_mismatch(name: str = "fra1", address: Address | None = V4, at: float = NOW) -> Check:
    """A response with another preshared key."""
    attempt = initiate()
    exchange = [sent(0.0, attempt.packet), received(0.0138, respond(attempt, OTHER_PSK))]
    rejected = PacketRejected(0.0138, Reason.BAD_EMPTY, 92)
    return check(exchange, rejected, Silence(5.0), name=name, address=address, at=at)


def under_load(name: str = "fra1", at: float = NOW) -> Check:
    """A cookie reply before the response."""
    first = initiate()
    nonce = bytes(range(24))
    sealed = xaead_seal(cookie_key(SERVER.public), COOKIE, first.mac1, nonce)
    reply = b"\x03\0\0\0" + first.packet[4:8] + nonce + sealed
    again = initiate(first.open_cookie(reply))
    answer = respond(again)
    exchange = [
        sent(0.0, first.packet),
        received(0.011, reply),
        sent(0.042, again.packet),
        received(0.055, answer),
        sent(0.0552, again.complete(answer).keepalive()),
    ]
    return proven(check(exchange, CookieDemanded(0.011), rtt=0.013, cookie=True, name=name, at=at))


def _through_the_tunnel(answered: bool, name: str, at: float) -> Check:
    """The handshake, then one echo of 64 bytes; its answer 11 ms later if `answered`."""
    attempt, responder = initiate(), Responder(SERVER)
    answer, their_session = responder.respond(
        responder.open(attempt.packet), SERVER_INDEX, ephemeral=bytes(range(160, 192))
    )
    session = attempt.complete(answer)
    exchange = [
        sent(0.0, attempt.packet),
        received(0.01241, answer),
        sent(0.0126, session.keepalive()),
        sent(0.0128, session.seal(bytes(64))),
    ]
    if answered:
        exchange += [
            received(0.0238, their_session.seal(bytes(64))),
            sent(0.0240, session.keepalive()),
        ]
    rtt = 0.011 if answered else None
    made = check(exchange, InnerEcho("10.8.0.1", 1, int(answered), rtt), rtt=0.01241, name=name, at=at)
    return with_stages(replace(made, tunnel=Tunnel(1, int(answered), rtt, None, passive=False)))


def data_passes(name: str = "fra1", at: float = NOW) -> Check:
    """Handshake, an echo through the tunnel, and its answer."""
    return _through_the_tunnel(True, name, at)


def data_dead(name: str = "fra1", at: float = NOW) -> Check:
    """Handshake, an echo through the tunnel, and no answer to it."""
    return _through_the_tunnel(False, name, at)


def silent(name: str = "fra1", at: float = NOW) -> Check:
    """An initiation without an answer."""
    return check([sent(0.0, initiate().packet)], Silence(5.0), name=name, at=at)


def foreign(name: str = "fra1", at: float = NOW) -> Check:
    """An answer that is not WireGuard."""
    banner = b"SSH-2.0-\x1b[31mOpenSSH_9.6\r\n"
    exchange = [sent(0.0, initiate().packet), received(0.009, banner)]
    return check(exchange, ForeignBytes(0.009, len(banner), banner[:16]), Silence(5.0), name=name, at=at)


def unresolved(name: str = "fra1", at: float = NOW) -> Check:
    """A name without an address."""
    return check(
        (), NameUnresolved(f"{name}.example.net", "Name or service not known"), name=name, address=None, at=at
    )


def round_of(*checks: Check) -> Round:
    """A round of these checks. The caller passes the worst first."""
    return Round(checks, tuple(diagnose(each, server(each.server)) for each in checks))


def with_stages(check: Check) -> Check:
    """The check with its stages, as the prober adds them."""
    unresolved = first_of_kind(NameUnresolved, check.evidence)
    resolved = Stage(RESOLVE, StageOutcome.PASSED, 0.0021)
    stage = make_failed_resolve_stage(unresolved, 0.0021) if unresolved else resolved
    return replace(check, stages=make_stages(check, server(check.server), stage))


def record_checks(engine: Engine, *checks: Check) -> None:
    """The fleet state after a round of these checks. The round ends when the first check starts."""
    engine.fleet_state.record(checks[0].server, round_of(*checks), checks[0].started_at)
