"""Tests of the MTU search inside the tunnel."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.parameters import default_run
from tests.protocols.wireguard.harness import check, evidence_of_kind, opened_prober
from tests.protocols.wireguard.inner_servers import (
    ANOTHER_V4,
    INNER_V4,
    INNER_V6,
    SETUP,
    TUNNEL_V4,
    TunnelServer,
    answer_pings,
    deep_check,
    ip_packet,
    make_tunnel_target,
    service,
)
from wgmon_tui.checks.evidence import IcmpError, InnerEcho, PathMtu
from wgmon_tui.lab.inner_packets import parse
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Address, NameServer
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.net.udp_socket import DatagramSocket, QueuedError, SocketAddress
from wgmon_tui.protocols.wireguard.wire import TRANSPORT_OVERHEAD, MessageType, message_type


class Narrow(LabServer):
    """A server behind a hop that silently drops data packets larger than its MTU."""

    largest = 65535

    def _receive(self, packet: bytes, source: tuple[object, ...]) -> None:
        if len(packet) <= self.largest or message_type(packet) is MessageType.INITIATION:
            super()._receive(packet, source)


async def mtu_to(largest: int, *inner: Address, mtu: int | None = 1420) -> PathMtu:
    async with Narrow(SETUP) as lab, opened_prober() as prober:
        lab.largest = largest + TRANSPORT_OVERHEAD
        result = await deep_check(prober, make_tunnel_target(lab.endpoint, ping=inner, mtu=mtu))
    [found] = evidence_of_kind(PathMtu, result)
    assert result.tunnel is not None
    assert result.tunnel.mtu == found.largest_passing
    return found


async def test_the_largest_packet_that_passes_is_found_to_the_byte() -> None:
    limits = [64, 65, 576, 1279, 1280, 1391, 1418, 1419]
    found = await asyncio.gather(*(mtu_to(limit, INNER_V4) for limit in limits), mtu_to(1300, INNER_V6))
    assert found == [PathMtu(1420, limit, limit + 1) for limit in (*limits, 1300)]


def too_big(server: TunnelServer, mtu: int) -> QueuedError:
    """A hop's ICMP error about a sent packet, as the kernel delivers it."""
    return QueuedError(b"", (server.endpoint.host, server.endpoint.port), 4, 3, 4, mtu, "198.51.100.1")


async def test_where_the_wanted_size_passes_nothing_fails() -> None:
    assert await mtu_to(1420, INNER_V4) == PathMtu(1420, 1420, None)


async def test_it_is_not_searched_in_a_quick_look() -> None:
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(lab.endpoint, ping=(INNER_V4,), mtu=1420))
    assert evidence_of_kind(PathMtu, result) == []


async def test_a_size_of_which_one_try_of_two_is_lost_passes() -> None:
    tried = set()

    def loses_the_first_of_each_large_size(packet: bytes) -> Iterable[bytes]:
        known = len(packet) < 100 or len(packet) in tried
        tried.add(len(packet))
        return answer_pings(packet) if known else ()

    async with TunnelServer(loses_the_first_of_each_large_size) as server, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), mtu=1420))
    assert evidence_of_kind(PathMtu, result) == [PathMtu(1420, 1420, None)]


async def test_an_answer_that_comes_in_pieces_has_passed() -> None:
    def splits(packet: bytes) -> Iterable[bytes]:
        [reply] = answer_pings(packet)
        if len(reply) <= 1280:
            return (reply,)
        first, rest = reply[20:1276], reply[1276:]
        us = TUNNEL_V4.ip
        return ip_packet(INNER_V4, us, 1, first, flags=0x2000), ip_packet(INNER_V4, us, 1, rest, flags=157)

    async with TunnelServer(splits) as server, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), mtu=1420))
    assert evidence_of_kind(PathMtu, result) == [PathMtu(1420, 1420, None)]


async def test_it_is_searched_with_an_address_that_answers_echoes() -> None:
    def a_name_server_that_is_never_pinged(packet: bytes) -> Iterable[bytes]:
        received = parse(packet)
        assert received is not None
        if received.protocol == 17:
            return service(tcp_flags=0)(packet)
        return answer_pings(packet) if received.destination == ANOTHER_V4 else ()

    async with TunnelServer(a_name_server_that_is_never_pinged) as server, opened_prober() as prober:
        both = (INNER_V4, ANOTHER_V4)
        target = make_tunnel_target(
            server.endpoint, ping=both, dns=(NameServer(INNER_V4),), mtu=1420, timeout=0.2
        )
        result = await deep_check(prober, target)
    assert [each.received for each in evidence_of_kind(InnerEcho, result)] == [0, 2]
    assert evidence_of_kind(PathMtu, result) == [PathMtu(1420, 1420, None)]


@pytest.mark.thorough
@pytest.mark.skipif(not PLATFORM.has_error_queue, reason="this system does not tell the reported MTU")
async def test_what_this_kernel_fragments_by_a_true_report_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    fragmented: list[bool] = []
    send = DatagramSocket.send

    def note(self: DatagramSocket, data: bytes, to: SocketAddress, *, by_reported_mtu: bool = False) -> int:
        fragmented.append(by_reported_mtu)
        return send(self, data, to, by_reported_mtu=by_reported_mtu)

    def a_hop_of_1310_bytes(packet: bytes) -> Iterable[bytes]:
        if len(packet) <= 1250 or fragmented[-1]:
            return answer_pings(packet)
        prober._demultiplexer._on_error(too_big(server, 1310))
        return ()

    monkeypatch.setattr(DatagramSocket, "send", note)
    async with TunnelServer(a_hop_of_1310_bytes) as server, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), mtu=1420))
    assert evidence_of_kind(PathMtu, result) == [PathMtu(1420, 1420, None, reported=1310)]


@pytest.mark.thorough
async def test_false_reports_do_not_change_the_limit_that_is_found() -> None:
    named = itertools.cycle((576, 1000, 1400))

    def a_silent_hop_of_1310_bytes(packet: bytes) -> Iterable[bytes]:
        prober._demultiplexer._on_error(too_big(server, next(named)))
        return answer_pings(packet) if len(packet) <= 1250 else ()

    async with TunnelServer(a_silent_hop_of_1310_bytes) as server, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), mtu=1420))
    assert evidence_of_kind(PathMtu, result) == [PathMtu(1420, 1250, 1251)]


@pytest.mark.thorough
async def test_reports_that_contradict_each_other_do_not_change_the_limit_that_is_found() -> None:
    def a_silent_hop_of_1310_bytes(packet: bytes) -> Iterable[bytes]:
        for mtu in range(1305, 1315):
            prober._demultiplexer._on_error(too_big(server, mtu))
        return answer_pings(packet) if len(packet) <= 1250 else ()

    async with TunnelServer(a_silent_hop_of_1310_bytes) as server, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), mtu=1420))
    assert evidence_of_kind(PathMtu, result) == [PathMtu(1420, 1250, 1251)]


@pytest.mark.thorough
async def test_hops_that_name_ever_smaller_mtus_do_not_hold_up_the_search() -> None:
    named = itertools.count(1500, -1)

    def says_too_big_again_and_again(packet: bytes) -> Iterable[bytes]:
        if len(packet) < 66:
            return answer_pings(packet)
        prober._demultiplexer._on_error(too_big(server, next(named)))
        return ()

    async with TunnelServer(says_too_big_again_and_again) as server, opened_prober() as prober:
        await deep_check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), mtu=66))
    assert 1500 - next(named) < 20, "the search does not follow them one by one"


@pytest.mark.thorough
async def test_an_mtu_that_a_hop_names_is_kept() -> None:
    def says_too_big(packet: bytes) -> Iterable[bytes]:
        if len(packet) < 66:
            return answer_pings(packet)
        prober._demultiplexer._on_error(too_big(server, 125))
        return ()

    async with TunnelServer(says_too_big) as server, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), mtu=66))
    assert evidence_of_kind(PathMtu, result) == [PathMtu(66, 65, 66, reported=125)]
    assert evidence_of_kind(IcmpError, result) == []


# Without a required size


async def test_by_default_1280_and_1420_bytes_are_tested() -> None:
    assert await mtu_to(1420, INNER_V4, mtu=None) == PathMtu(1420, 1420, None)
    assert await mtu_to(1300, INNER_V4, mtu=None) == PathMtu(1420, 1300, 1301)
    assert await mtu_to(1279, INNER_V4, mtu=None) == PathMtu(1420, 1279, 1280)


async def test_two_packets_suffice_where_both_sizes_pass() -> None:
    async with TunnelServer(answer_pings) as server, opened_prober() as prober:
        await deep_check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4, INNER_V6)))
    assert sorted(len(each) for each in server.inner_received if len(each) > 100) == [1280, 1420]


@pytest.mark.thorough
@pytest.mark.parametrize("later_limit", [1300, 1290])
async def test_the_limit_of_the_last_check_is_tried_first(later_limit: int) -> None:
    async with Narrow(SETUP) as lab, opened_prober() as prober:
        target = make_tunnel_target(lab.endpoint, ping=(INNER_V4, INNER_V6))
        lab.largest = 1300 + TRANSPORT_OVERHEAD
        first = await deep_check(prober, target)
        lab.largest = later_limit + TRANSPORT_OVERHEAD
        second = await deep_check(prober, target)
    assert evidence_of_kind(PathMtu, second) == [PathMtu(1420, later_limit, later_limit + 1)]
    if later_limit == 1300:
        assert len(second.exchange) < len(first.exchange) / 2


@pytest.mark.parametrize("mtu", default_run([1420], [None, 1420]))
async def test_without_a_target_the_echo_of_the_first_hop_is_padded(mtu: int | None) -> None:
    assert await mtu_to(1300, mtu=mtu) == PathMtu(1420, 1300, 1301)
    assert await mtu_to(1420, mtu=mtu) == PathMtu(1420, 1420, None)


async def test_beside_targets_that_do_not_echo_the_first_hop_is_padded() -> None:
    def name_server_and_v6_hop(packet: bytes) -> Iterable[bytes]:
        return answer_pings(packet) if packet[0] >> 4 == 6 else service(tcp_flags=0)(packet)

    async with TunnelServer(name_server_and_v6_hop) as server, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(server.endpoint, dns=(NameServer(INNER_V4),)))
    assert evidence_of_kind(PathMtu, result) == [PathMtu(1420, 1420, None)]


async def test_a_first_hop_that_only_reports_expired_packets_tests_no_size() -> None:
    setup = replace(SETUP, addresses=(ip_address("10.8.0.77"), ip_address("fd00::77")))
    async with LabServer(setup) as lab, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(lab.endpoint))
    assert evidence_of_kind(PathMtu, result) == [PathMtu(1420, 0, None)]
    assert result.tunnel is not None
    assert result.tunnel.mtu is None


async def test_the_test_can_be_turned_off() -> None:
    async with TunnelServer(answer_pings) as server, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), mtu=0))
    assert evidence_of_kind(PathMtu, result) == []
    assert max(map(len, server.inner_received)) < 200


@pytest.mark.thorough
async def test_a_path_that_loses_echoes_by_chance_is_no_narrow_path() -> None:
    numbers = itertools.count()

    def loses_eight_large_ones_and_a_small_one(packet: bytes) -> Iterable[bytes]:
        if len(packet) > 1000:
            return answer_pings(packet) if next(numbers) >= 8 else ()
        lost = len(server.inner_received) == 2
        return () if lost else answer_pings(packet)

    async with TunnelServer(loses_eight_large_ones_and_a_small_one) as server, opened_prober() as prober:
        target = make_tunnel_target(
            server.endpoint, ping=(INNER_V4,), ours=(TUNNEL_V4,), count=3, timeout=0.2
        )
        result = await deep_check(prober, target)
    assert evidence_of_kind(PathMtu, result) == [PathMtu(1420, 1420, None)]


async def test_where_small_echoes_vanish_too_nothing_is_said_about_sizes() -> None:
    answered = itertools.count()

    def dies(packet: bytes) -> Iterable[bytes]:
        return answer_pings(packet) if next(answered) < 2 else ()

    async with TunnelServer(dies) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, ping=(INNER_V4,), ours=(TUNNEL_V4,), timeout=0.2)
        result = await deep_check(prober, target)
    assert evidence_of_kind(PathMtu, result) == []
