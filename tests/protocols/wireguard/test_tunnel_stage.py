"""Tests of the tunnel stage: its probes, what counts as an answer, and its evidence."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterable
from dataclasses import replace
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
    no_answer,
    service,
)
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
from wgmon_tui.lab.models import LabBehaviour, LabMode
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint, NameServer
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard import tunnel_stage
from wgmon_tui.protocols.wireguard.wire import MessageType, label_of, message_type

BRIEF_S = 0.2
"""The timeout of a check with unanswered probes."""

TUNNEL_DNS = (NameServer(INNER_V4),)
TUNNEL_TCP = (Endpoint(str(INNER_V4), 443),)


def answer_v4_pings(packet: bytes) -> Iterable[bytes]:
    return answer_pings(packet) if packet and packet[0] >> 4 == 4 else ()


def echoes(result: Check) -> dict[str, tuple[int, int]]:
    return {each.target: (each.sent, each.received) for each in evidence_of_kind(InnerEcho, result)}


def without_rtt(tunnel: Tunnel | None) -> Tunnel | None:
    return tunnel and replace(tunnel, rtt=None)


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


# Services


def answers_of(result: Check) -> dict[str, str | None]:
    return {each.kind: each.answer for each in evidence_of_kind(InnerService, result)}


async def test_services_that_answer() -> None:
    async with TunnelServer(service(tcp_flags=0x12)) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, dns=TUNNEL_DNS, tcp=TUNNEL_TCP))
        await server.wait_for_packets(6)
    assert answers_of(result) == {"dns": "answered", "tcp": "open"}
    assert without_rtt(result.tunnel) == Tunnel(2, 2, None, None, passive=False)
    segments = [
        parsed.payload for content in server.inner_received if (parsed := parse(content)) and content[9] == 6
    ]
    assert [segment[13] for segment in segments] == [0x02, 0x04]  # a SYN, then a reset: nothing stays open


async def test_a_port_that_refuses_is_closed_and_proves_the_way_there_and_back() -> None:
    async with TunnelServer(service(tcp_flags=0x14)) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, tcp=TUNNEL_TCP))
    assert answers_of(result) == {"tcp": "closed"}
    assert without_rtt(result.tunnel) == Tunnel(1, 1, None, None, passive=False)


async def test_a_service_question_that_gets_lost_is_asked_again() -> None:
    def hears_every_second_time(packet: bytes) -> Iterable[bytes]:
        again = server.inner_received.count(packet) > 1
        return service(tcp_flags=0x12)(packet) if again else ()

    async with TunnelServer(hears_every_second_time) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, dns=TUNNEL_DNS, tcp=TUNNEL_TCP, timeout=BRIEF_S)
        result = await check(prober, target)
    assert answers_of(result) == {"dns": "answered", "tcp": "open"}
    assert without_rtt(result.tunnel) == Tunnel(2, 2, None, None, passive=False)


async def test_services_that_do_not_answer() -> None:
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, dns=TUNNEL_DNS, tcp=TUNNEL_TCP, timeout=BRIEF_S)
        result = await check(prober, target)
    assert answers_of(result) == {"dns": None, "tcp": None}
    assert result.tunnel == Tunnel(2, 0, None, None, passive=False)


async def test_the_response_code_of_a_name_server_is_kept() -> None:
    async with TunnelServer(service(tcp_flags=0x12, rcode=2)) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, dns=TUNNEL_DNS, ours=(TUNNEL_V4,))
        result = await check(prober, target)
    assert evidence_of_kind(InnerService, result) == [InnerService("dns", str(INNER_V4), "answered", 2)]


async def test_a_name_server_is_asked_for_the_name_that_is_set() -> None:
    asked = NameServer(INNER_V4, "www.example.net")
    async with TunnelServer(service(tcp_flags=0x12)) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, dns=(asked,), ours=(TUNNEL_V4,)))
    [found] = evidence_of_kind(InnerService, result)
    assert found == InnerService("dns", f"www.example.net@{INNER_V4}", "answered")
    assert any(b"\x03www\x07example\x03net\0" in content for content in server.inner_received)


# The first hop beside targets


def hops(result: Check) -> dict[int, object]:
    return {each.version: each.source for each in evidence_of_kind(InnerHop, result)}


async def test_a_version_that_no_target_covers_is_probed_at_the_first_hop() -> None:
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(lab.endpoint, ping=(INNER_V4,)))
    assert hops(result) == {6: INNER_V6}
    assert result.tunnel is not None
    assert (result.tunnel.sent, result.tunnel.received) == (2, 2)  # the targets alone


async def test_a_version_in_which_nothing_answers_is_recorded_as_silent() -> None:
    async with TunnelServer(answer_v4_pings) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), timeout=BRIEF_S))
    assert hops(result) == {6: None}


async def test_where_all_targets_are_silent_the_first_hop_of_every_version_is_probed() -> None:
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        target = make_tunnel_target(lab.endpoint, ping=(ANOTHER_V4,), timeout=BRIEF_S)
        result = await check(prober, target)
    assert echoes(result) == {str(ANOTHER_V4): (2, 0)}
    assert hops(result) == {4: INNER_V4, 6: INNER_V6}


async def test_where_the_targets_of_one_version_are_silent_its_first_hop_is_probed() -> None:
    async with TunnelServer(answer_v4_pings) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, ping=(INNER_V4, INNER_V6), timeout=BRIEF_S)
        result = await check(prober, target)
    assert echoes(result) == {str(INNER_V4): (2, 2), str(INNER_V6): (2, 0)}
    assert hops(result) == {6: None}


async def test_a_first_hop_that_is_probed_beside_targets_is_asked_twice() -> None:
    seen: list[bytes] = []

    def loses_the_first(packet: bytes) -> Iterable[bytes]:
        if packet[0] >> 4 == 4:
            return answer_pings(packet)
        seen.append(packet)
        return answer_pings(packet) if seen.count(packet) > 1 else ()

    async with TunnelServer(loses_the_first) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), timeout=BRIEF_S))
    assert hops(result)[6] is not None


# The passive keepalive

SOON = LabBehaviour(LabMode.DATA_DROPPED, keepalive_after=0.2)


async def test_a_server_that_receives_our_data_and_drops_it_says_so_by_a_keepalive() -> None:
    async with LabServer(SETUP, SOON) as lab, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(lab.endpoint, ping=(INNER_V4,), timeout=BRIEF_S))
    [keepalive] = evidence_of_kind(PassiveKeepalive, result)
    assert keepalive.after is not None
    assert 0.15 < keepalive.after < tunnel_stage.KEEPALIVE_TIMEOUT_S
    assert keepalive.waited == tunnel_stage.KEEPALIVE_TIMEOUT_S
    assert result.tunnel == Tunnel(2, 0, None, None, passive=False)


async def test_it_says_so_without_any_inner_address() -> None:
    async with LabServer(SETUP, SOON) as lab, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(lab.endpoint, timeout=BRIEF_S))
    [keepalive] = evidence_of_kind(PassiveKeepalive, result)
    assert keepalive.after is not None
    assert result.tunnel == Tunnel(2, 0, None, None, passive=True)


async def test_it_says_so_to_an_identity_without_tunnel_addresses() -> None:
    async with LabServer(SETUP, SOON) as lab, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(lab.endpoint, ours=()))
    [keepalive] = evidence_of_kind(PassiveKeepalive, result)
    assert keepalive.after is not None
    assert result.tunnel == Tunnel(0, 0, None, None, passive=True)


async def test_a_server_that_receives_none_of_it_sends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel_stage, "KEEPALIVE_TIMEOUT_S", 0.2)
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(server.endpoint, ours=()))
    assert evidence_of_kind(PassiveKeepalive, result) == [PassiveKeepalive(None, 0.2)]
    assert server.inner_received == [b"", bytes(16)]  # the session confirmed, and something to acknowledge


async def test_nobody_waits_for_it_where_data_comes_back() -> None:
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        started = time.monotonic()
        result = await deep_check(prober, make_tunnel_target(lab.endpoint, ping=(INNER_V4,)))
        took = time.monotonic() - started
    assert evidence_of_kind(PassiveKeepalive, result) == []
    assert took < tunnel_stage.KEEPALIVE_TIMEOUT_S


async def test_data_that_comes_while_the_keepalive_is_waited_for_ends_the_wait() -> None:
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        started = time.monotonic()
        checking = asyncio.create_task(
            deep_check(prober, make_tunnel_target(server.endpoint, ours=(TUNNEL_V4,), timeout=0.1))
        )
        await server.wait_for_packets(6)
        assert server.session is not None
        [late] = answer_pings(server.inner_received[-1])
        await asyncio.sleep(0.2)
        server.send(server.session.seal(late), server.sources[-1])
        result = await checking
    assert time.monotonic() - started < tunnel_stage.KEEPALIVE_TIMEOUT_S
    assert evidence_of_kind(PassiveKeepalive, result) == []
    assert [hop.source for hop in evidence_of_kind(InnerHop, result)] == [INNER_V4]


async def test_a_quick_look_of_an_identity_without_tunnel_addresses_sends_no_data_at_all() -> None:
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, ours=()))
        await server.wait_for_packets(2)
    assert result.tunnel is None
    assert server.inner_received == [b""]


# What is left behind


async def test_after_data_came_a_keepalive_closes_the_conversation() -> None:
    async with TunnelServer(answer_pings) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, ping=(INNER_V4,), ours=(TUNNEL_V4,))
        result = await check(prober, target)
        await server.wait_for_packets(5)
    assert [bool(content) for content in server.inner_received] == [False, True, True, False]
    assert label_of(result.exchange[-1].data) == "keepalive"


async def test_where_no_data_came_there_is_nothing_to_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel_stage, "KEEPALIVE_TIMEOUT_S", 0.2)
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, dns=TUNNEL_DNS, timeout=0.1, ours=(TUNNEL_V4,))
        result = await deep_check(prober, target)
    assert server.inner_received[0] == b""
    assert all(server.inner_received[1:])
    assert label_of(result.exchange[-1].data) == "transport data"


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
