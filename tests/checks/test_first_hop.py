"""Tests of the first-hop probe, which needs no known inner address."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.wireguard.harness import PATIENCE_S, check, evidence_of_kind, opened_prober
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
)
from wgmon_tui.checks.check import Check, Tunnel
from wgmon_tui.checks.evidence import InnerHop, PassiveKeepalive
from wgmon_tui.checks.first_hop import FirstHop, first_hops, likely_server_address
from wgmon_tui.lab.inner_packets import parse
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Address, Interface
from wgmon_tui.net.inner_packets import EchoReply, InnerIcmp
from wgmon_tui.protocols.wireguard import tunnel_stage

BRIEF_S = 0.2
"""The timeout of a check with unanswered probes."""


def answered_by(result: Check) -> dict[int, str | None]:
    """The source of the answer in each IP version."""
    return {
        hop.version: str(hop.source) if hop.source else None for hop in evidence_of_kind(InnerHop, result)
    }


# Who answers


@pytest.mark.parametrize("inner", [(INNER_V4, INNER_V6), (ip_address("10.8.0.77"), ip_address("fd00::77"))])
async def test_a_server_that_forwards_answers_wherever_its_inner_addresses_are(
    inner: tuple[Address, ...],
) -> None:
    async with LabServer(replace(SETUP, addresses=inner)) as lab, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(lab.endpoint))
    assert answered_by(result) == {4: str(inner[0]), 6: str(inner[1])}
    assert result.tunnel is not None
    assert result.tunnel.rtt is not None
    assert 0 < result.tunnel.rtt < 1
    assert result.tunnel == Tunnel(2, 2, result.tunnel.rtt, None, passive=True)
    assert evidence_of_kind(InnerIcmp, result) == []


async def test_a_server_that_does_not_forward_answers_at_the_usual_address() -> None:
    async with LabServer(replace(SETUP, forwards=False)) as lab, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(lab.endpoint))
    assert answered_by(result) == {4: str(INNER_V4), 6: str(INNER_V6)}


async def test_one_that_does_neither_is_silent_and_so_is_one_whose_allowed_ips_lack_us() -> None:
    elsewhere = replace(SETUP, forwards=False, addresses=(ip_address("10.8.0.77"),))
    lacking = replace(SETUP, peers=(LabPeer(SETUP.peers[0].public_key),))
    for setup in (elsewhere, lacking):
        async with LabServer(setup) as lab, opened_prober() as prober:
            result = await check(prober, make_tunnel_target(lab.endpoint, timeout=BRIEF_S))
        assert answered_by(result) == {4: None, 6: None}
        assert result.tunnel == Tunnel(2, 0, None, None, passive=True)


async def test_one_version_may_answer_and_the_other_not() -> None:
    lacking_v6 = replace(SETUP, peers=(replace(SETUP.peers[0], allowed_ips=(TUNNEL_V4.network,)),))
    async with LabServer(lacking_v6) as lab, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(lab.endpoint, timeout=BRIEF_S))
    assert answered_by(result) == {4: str(INNER_V4), 6: None}
    assert result.tunnel is not None
    assert (result.tunnel.sent, result.tunnel.received) == (2, 1)


async def test_an_error_that_refuses_the_echo_is_no_answer() -> None:
    def prohibits(packet: bytes) -> Iterable[bytes]:
        return (ip_packet(INNER_V4, TUNNEL_V4.ip, 1, struct.pack("!BBHI", 3, 13, 0, 0) + packet[:28]),)

    async with TunnelServer(prohibits) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, ours=(TUNNEL_V4,), timeout=BRIEF_S)
        result = await check(prober, target)
    assert answered_by(result) == {4: None}
    assert {each.code for each in evidence_of_kind(InnerIcmp, result)} == {13}


async def test_what_answers_nothing_of_ours_proves_nothing() -> None:
    """Traffic from the server proves only that direction, not the one to the server."""

    def talks(packet: bytes) -> Iterable[bytes]:
        asked = parse(packet)
        assert asked is not None
        stranger = b"\0\0\0\0" + bytes((asked.payload[4] ^ 1,)) + asked.payload[5:]
        yield ip_packet(INNER_V4, TUNNEL_V4.ip, 1, stranger)
        yield ip_packet(ANOTHER_V4, TUNNEL_V4.ip, 1, b"\0\0\0\0" + asked.payload[4:])
        about_others = ip_packet(TUNNEL_V4.ip, ANOTHER_V4, 1, asked.payload)
        yield ip_packet(INNER_V4, TUNNEL_V4.ip, 1, struct.pack("!BBHI", 11, 0, 0, 0) + about_others)

    async with TunnelServer(talks) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, ours=(TUNNEL_V4,), timeout=BRIEF_S))
    assert answered_by(result) == {4: None}
    assert evidence_of_kind(InnerIcmp, result)


# What is asked


async def test_nothing_of_it_travels_further_than_the_server_and_what_is_lost_is_asked_again() -> None:
    def hears_the_second_try(packet: bytes) -> Iterable[bytes]:
        return answer_pings(packet) if len(server.inner_received) > 3 else ()

    async with TunnelServer(hears_the_second_try) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, ours=(TUNNEL_V4,), timeout=BRIEF_S))
    asked = [packet for content in server.inner_received if (packet := parse(content))]
    assert [str(packet.destination) for packet in asked] == ["10.8.0.250", "10.8.0.1"] * 2
    assert {packet.hop_limit for packet in asked} == {1}
    assert answered_by(result)[4] is not None


async def test_where_an_inner_address_answers_the_first_hop_of_its_version_is_not_asked() -> None:
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(lab.endpoint, ping=(INNER_V4, INNER_V6)))
    assert evidence_of_kind(InnerHop, result) == []


async def test_where_the_inner_addresses_are_of_the_wrong_version_the_first_hop_is_asked() -> None:
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(lab.endpoint, ping=(INNER_V6,), ours=(TUNNEL_V4,)))
    assert answered_by(result) == {4: str(INNER_V4)}


async def test_nobody_waits_for_a_keepalive_where_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel_stage, "KEEPALIVE_TIMEOUT_S", 3600.0)
    async with asyncio.timeout(PATIENCE_S), LabServer(SETUP) as lab, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(lab.endpoint))
    assert evidence_of_kind(PassiveKeepalive, result) == []


async def test_a_deep_look_waits_for_the_keepalive_where_it_is_silent() -> None:
    dropping = LabBehaviour(LabMode.DATA_DROPPED, keepalive_after=0.3)
    async with LabServer(SETUP, dropping) as lab, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(lab.endpoint, timeout=BRIEF_S))
    assert answered_by(result) == {4: None, 6: None}
    [keepalive] = evidence_of_kind(PassiveKeepalive, result)
    assert keepalive.after is not None


async def test_after_its_answer_a_keepalive_closes_the_conversation() -> None:
    async with TunnelServer(answer_pings) as server, opened_prober() as prober:
        await check(prober, make_tunnel_target(server.endpoint, ours=(TUNNEL_V4,)))
        await server.wait_for_packets(5)
    assert [bool(content) for content in server.inner_received] == [False, True, True, False]


async def test_silence_leaves_nothing_to_close() -> None:
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        await check(prober, make_tunnel_target(server.endpoint, ours=(TUNNEL_V6,), timeout=BRIEF_S))
    assert [bool(content) for content in server.inner_received] == [False] + [True] * 4


# Where servers usually are


@pytest.mark.parametrize(
    ("ours", "usual"),
    [
        ("10.8.0.250/32", "10.8.0.1"),
        ("10.8.3.250/16", "10.8.0.1"),
        ("10.8.3.250/24", "10.8.3.1"),
        ("10.8.0.1/32", "10.8.0.2"),
        ("10.8.0.6/31", "10.8.0.7"),
        ("10.8.0.7/31", "10.8.0.6"),
        ("fd00::250/128", "fd00::1"),
        ("fd00:1:2:3::250/48", "fd00:1:2::1"),
        ("fd00::1/64", "fd00::2"),
    ],
)
def test_the_usual_address_is_the_first_of_the_network_that_is_not_ours(ours: str, usual: str) -> None:
    assert likely_server_address(ip_interface(ours)) == ip_address(usual)


any_interface = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(1, 32)), st.tuples(st.ip_addresses(v=6), st.integers(1, 128))
).map(lambda pair: ip_interface(f"{pair[0]}/{pair[1]}"))


@given(any_interface)
def test_every_address_of_ours_has_another_beside_it(ours: Interface) -> None:
    assert likely_server_address(ours) != ours.ip
    assert likely_server_address(ours).version == ours.version


def test_the_first_answer_counts_and_later_ones_are_known_as_such() -> None:
    [hop] = first_hops([TUNNEL_V4], identifier=7)
    hop.sent_ns = 1_000_000
    assert hop.evidence() == InnerHop(4, None, None)
    assert hop.match_answer(InnerIcmp(ANOTHER_V4, 4, 11, 0, TUNNEL_V4.ip), 3_000_000)
    assert hop.match_answer(EchoReply(INNER_V4, 7, 2, 44), 4_000_000)
    assert hop.evidence() == InnerHop(4, ANOTHER_V4, 0.002)


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_an_echo_reply_counts_under_our_identifier_only(ours: int, theirs: int) -> None:
    hop: FirstHop = next(first_hops([TUNNEL_V4], ours))
    assert hop.match_answer(EchoReply(INNER_V4, theirs, 2, 44), 0) == (ours == theirs)
