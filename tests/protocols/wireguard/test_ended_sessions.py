"""Tests of replies to another client that arrive in a session of this process."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

import pytest

from tests.protocols.wireguard.harness import evidence_of_kind, opened_prober
from tests.protocols.wireguard.inner_servers import (
    INNER_V4,
    TUNNEL_V4,
    TunnelServer,
    answer_pings,
    ip_packet,
    make_tunnel_target,
)
from wgmon_tui.checks.context_evidence import ForeignSession
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net import inner_packets
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.ended_sessions import EndedSessions, is_of_other_client
from wgmon_tui.protocols.wireguard.session import Session

pytestmark = pytest.mark.repeated_if_starved

SYN, SYN_ACK, ACK, RST_ACK = 0x02, 0x12, 0x10, 0x14
SERVICE = (INNER_V4, 443)


def segment(flags: int, port: int = 443) -> bytes:
    ports = port.to_bytes(2, "big") + (50_000).to_bytes(2, "big")
    return ip_packet(INNER_V4, TUNNEL_V4.ip, 6, ports + bytes(8) + bytes((5 << 4, flags)) + bytes(6))


@pytest.mark.parametrize(("flags", "is_reply"), [(SYN, False), (SYN_ACK, True), (ACK, True), (RST_ACK, True)])
def test_a_reply_of_a_service_that_is_not_probed_is_for_another_client(flags: int, is_reply: bool) -> None:
    packet = inner_packets.parse(segment(flags))
    assert is_of_other_client(packet, set()) is is_reply
    assert not is_of_other_client(packet, {SERVICE})


def test_an_answer_to_a_ping_is_no_trace() -> None:
    reply = inner_packets.EchoReply(INNER_V4, 7, 1, 84)
    assert not is_of_other_client(reply, set())


def sessions() -> tuple[Session, Session]:
    ours = Session(send_key=bytes(32), receive_key=bytes([1] * 32), local_index=5, remote_index=6)
    theirs = Session(send_key=bytes([1] * 32), receive_key=bytes(32), local_index=6, remote_index=5)
    return ours, theirs


def test_a_session_is_read_after_its_check_has_ended() -> None:
    ours, theirs = sessions()
    ended = EndedSessions()
    assert not ended.has_other_client(5, theirs.seal(segment(ACK)))
    ended.keep(ours, set())
    assert ended.has_other_client(5, theirs.seal(segment(ACK)))
    assert not ended.has_other_client(5, theirs.seal(b""))
    assert not ended.has_other_client(5, bytes(48)), "it does not authenticate"


def answer_pings_and_another_client(packet: bytes) -> Iterable[bytes]:
    yield from answer_pings(packet)
    yield segment(ACK)


async def test_a_check_that_gets_replies_to_another_client_is_not_healthy() -> None:
    async with TunnelServer(answer_pings_and_another_client) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, ping=(INNER_V4,), timeout=0.15, ours=(TUNNEL_V4,))
        found = await prober.check(target, ip_address(server.endpoint.host))
    (trace,) = evidence_of_kind(ForeignSession, found)
    assert trace.packets >= 1
    diagnosis = diagnose(found, target.server)
    assert diagnosis.verdict is Verdict.LOSSY
    assert diagnosis.causes[0].cause == "another client uses this identity"


async def test_replies_of_a_service_that_the_check_probes_are_no_trace() -> None:
    service = (Endpoint(str(INNER_V4), 443),)
    async with TunnelServer(answer_pings_and_another_client) as server, opened_prober() as prober:
        target = make_tunnel_target(
            server.endpoint, ping=(INNER_V4,), tcp=service, timeout=0.15, ours=(TUNNEL_V4,)
        )
        found = await prober.check(target, ip_address(server.endpoint.host))
    assert not evidence_of_kind(ForeignSession, found)
