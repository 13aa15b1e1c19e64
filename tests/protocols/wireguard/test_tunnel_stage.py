"""Tunnel stage: echoes, what counts as an answer, and what is not believed."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterable
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parameters import examples
from tests.protocols.wireguard.harness import check, evidence_of_kind, opened_prober
from tests.protocols.wireguard.inner_servers import (
    ANOTHER_V4,
    INNER_V4,
    INNER_V6,
    SETUP,
    TUNNEL_V4,
    TUNNEL_V6,
    TunnelServer,
    answer_pings,
    deep_check,
    ip_packet,
    make_tunnel_target,
)
from tests.protocols.wireguard.tunnel_answers import BRIEF_S, TUNNEL_DNS, TUNNEL_TCP, echoes
from wgmon_tui.checks.check import Check, Tunnel
from wgmon_tui.checks.evidence import (
    InnerEcho,
    InnerHop,
    InnerService,
    InnerUnaddressed,
    PacketRejected,
    PassiveKeepalive,
)
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.lab.inner_packets import parse
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint, NameServer
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard import tunnel_stage
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type

# Echoes


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_every_inner_address_is_pinged_and_the_answers_are_counted(host: str) -> None:
    async with LabServer(SETUP, host=host) as lab, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(lab.endpoint, ping=(INNER_V4, INNER_V6), count=3))
    assert echoes(result) == {str(INNER_V4): (3, 3), str(INNER_V6): (3, 3)}
    assert result.tunnel is not None
    assert result.tunnel.rtt is not None
    assert 0 < result.tunnel.rtt < 1
    assert result.tunnel == Tunnel(6, 6, result.tunnel.rtt, mtu=None, passive=False)
    assert evidence_of_kind(PassiveKeepalive, result) == []


async def test_lost_echoes_are_counted_as_lost() -> None:
    def loses_every_second(packet: bytes) -> Iterable[bytes]:
        received = parse(packet)
        assert received is not None
        return answer_pings(packet) if received.payload[7] % 2 else ()

    async with TunnelServer(loses_every_second) as server, opened_prober() as prober:
        result = await check(
            prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), count=4, timeout=BRIEF_S)
        )
    assert echoes(result) == {str(INNER_V4): (4, 2)}
    assert result.tunnel is not None
    assert (result.tunnel.sent, result.tunnel.received) == (4, 2)


async def test_an_address_that_is_not_there_is_told_from_one_that_is() -> None:
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        target = make_tunnel_target(lab.endpoint, ping=(ANOTHER_V4, INNER_V4), timeout=BRIEF_S)
        result = await check(prober, target)
    assert echoes(result) == {str(ANOTHER_V4): (2, 0), str(INNER_V4): (2, 2)}


async def test_of_many_addresses_none_is_left_out() -> None:
    many = tuple(INNER_V4 + number for number in range(20))
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(lab.endpoint, ping=many, count=1, timeout=BRIEF_S))
    assert len(echoes(result)) == 20
    assert [target for target, (_, received) in echoes(result).items() if received] == [str(INNER_V4)]


async def test_an_identity_without_an_address_of_that_version_cannot_ask() -> None:
    async with TunnelServer(answer_pings) as server, opened_prober() as prober:
        target = make_tunnel_target(
            server.endpoint,
            ping=(INNER_V6,),
            dns=(NameServer(INNER_V6),),
            tcp=(Endpoint(str(INNER_V6), 443),),
            ours=(TUNNEL_V4,),
        )
        result = await check(prober, target)
    unasked = {each.target for each in evidence_of_kind(InnerUnaddressed, result)}
    assert unasked == {"fd00::1", "[fd00::1]:443"}
    assert len(evidence_of_kind(InnerUnaddressed, result)) == 3
    assert not [*evidence_of_kind(InnerEcho, result), *evidence_of_kind(InnerService, result)]


async def test_what_can_be_asked_is_asked_beside_what_cannot() -> None:
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        result = await check(
            prober, make_tunnel_target(lab.endpoint, ping=(INNER_V4, INNER_V6), ours=(TUNNEL_V6,))
        )
    assert echoes(result) == {str(INNER_V6): (2, 2)}
    assert [each.target for each in evidence_of_kind(InnerUnaddressed, result)] == [str(INNER_V4)]


async def test_an_answer_counts_once_and_from_the_address_that_was_asked_only() -> None:
    def strange(packet: bytes) -> Iterable[bytes]:
        received = parse(packet)
        assert received is not None
        reply = b"\0\0\0\0" + received.payload[4:]
        other_identifier = b"\0\0\0\0" + bytes((received.payload[4] ^ 1,)) + received.payload[5:]
        us = TUNNEL_V4.ip
        if received.destination == INNER_V4:
            return [ip_packet(INNER_V4, us, 1, reply)] * 3
        return ip_packet(ip_address("10.8.0.99"), us, 1, reply), ip_packet(
            ANOTHER_V4, us, 1, other_identifier
        )

    async with TunnelServer(strange) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, ping=(INNER_V4, ANOTHER_V4), timeout=BRIEF_S)
        result = await check(prober, target)
    assert echoes(result) == {str(INNER_V4): (2, 2), str(ANOTHER_V4): (2, 0)}


async def test_an_icmp_error_from_inside_is_a_fact_of_its_own() -> None:
    router = ip_address("10.8.0.254")

    def prohibits(packet: bytes) -> Iterable[bytes]:
        return (ip_packet(router, TUNNEL_V4.ip, 1, struct.pack("!BBHI", 3, 13, 0, 0) + packet[:28]),)

    async with TunnelServer(prohibits) as server, opened_prober() as prober:
        target = make_tunnel_target(
            server.endpoint, ping=(INNER_V4,), count=3, timeout=BRIEF_S, ours=(TUNNEL_V4,)
        )
        result = await check(prober, target)
    assert InnerIcmp(router, 4, 3, 13, INNER_V4) in evidence_of_kind(InnerIcmp, result)
    assert len(set(evidence_of_kind(InnerIcmp, result))) == len(evidence_of_kind(InnerIcmp, result))
    assert echoes(result) == {str(INNER_V4): (3, 0)}


async def test_an_error_that_refuses_packets_is_no_answer_of_the_first_hop_to_silent_targets() -> None:
    def prohibits(packet: bytes) -> Iterable[bytes]:
        return (ip_packet(INNER_V4, TUNNEL_V4.ip, 1, struct.pack("!BBHI", 3, 13, 0, 0) + packet[:28]),)

    async with TunnelServer(prohibits) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, ping=(INNER_V4,), timeout=BRIEF_S, ours=(TUNNEL_V4,))
        result = await check(prober, target)
    assert evidence_of_kind(InnerHop, result) == [InnerHop(4, None, None)]


# Disbelieved


async def test_a_replayed_answer_is_noted_and_changes_nothing() -> None:
    def doubles(packet: bytes) -> Iterable[bytes]:
        return (packet, packet) if message_type(packet) is MessageType.TRANSPORT else (packet,)

    async with TunnelServer(answer_pings, path=doubles) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,)))
    assert echoes(result) == {str(INNER_V4): (2, 2)}
    assert {each.reason for each in evidence_of_kind(PacketRejected, result)} == {Reason.OTHER_SESSION}


async def test_packets_under_another_key_are_noted_and_change_nothing() -> None:
    def forges(packet: bytes) -> Iterable[bytes]:
        if message_type(packet) is MessageType.TRANSPORT:
            return (packet[:-1] + bytes((packet[-1] ^ 1,)),)
        return (packet,)

    async with TunnelServer(answer_pings, path=forges) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, ping=(INNER_V4,), timeout=BRIEF_S)
        result = await check(prober, target)
    assert echoes(result) == {str(INNER_V4): (2, 0)}
    assert {each.reason for each in evidence_of_kind(PacketRejected, result)} == {Reason.OTHER_SESSION}


any_inner = st.lists(
    st.one_of(
        st.binary(max_size=100),
        st.tuples(st.sampled_from([1, 6, 17, 58]), st.binary(max_size=60), st.sampled_from([0, 0x2000])).map(
            lambda parts: ip_packet(INNER_V4, TUNNEL_V4.ip, parts[0], parts[1], flags=parts[2])
        ),
        st.tuples(st.sampled_from([6, 17, 44, 58]), st.binary(max_size=60)).map(
            lambda parts: ip_packet(INNER_V6, TUNNEL_V6.ip, *parts)
        ),
    ),
    max_size=8,
)


async def check_answered_by(answers: list[bytes]) -> Check:
    async with TunnelServer(lambda _: answers) as server, opened_prober() as prober:
        target = make_tunnel_target(
            server.endpoint, ping=(INNER_V4, INNER_V6), dns=TUNNEL_DNS, tcp=TUNNEL_TCP, timeout=0.1, count=1
        )
        return await deep_check(prober, target)


@examples(50)
@given(any_inner)
def test_whatever_comes_from_inside_the_stage_ends_in_time(answers: list[bytes]) -> None:
    started = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tunnel_stage, "KEEPALIVE_TIMEOUT_S", 0.15)
        result = asyncio.run(check_answered_by(answers))
    assert result.tunnel is not None
    assert result.tunnel.received <= result.tunnel.sent == 4
    assert time.monotonic() - started < 20
