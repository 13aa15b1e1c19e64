"""Tests of long round trips: which session carries data, and how long the stages wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.busy_machine import repeated_if_starved
from tests.protocols.wireguard.harness import check, evidence_of_kind, opened_prober
from tests.protocols.wireguard.inner_servers import (
    INNER_V4,
    SETUP,
    TUNNEL_V4,
    TunnelServer,
    answer_pings,
    make_tunnel_target,
)
from tests.protocols.wireguard.relayed_path import Delay, RelayedPath, delay_all
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import AnsweredFromElsewhere, Silence
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.lab.server import LabServer
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type

RTT_S = 0.3
TIMEOUT_S = 0.4

at_exact_times = repeated_if_starved(TIMEOUT_S / 4)
"""For tests in which an answer must come before the next initiation, or after it."""


def is_response(packet: bytes) -> bool:
    return message_type(packet) is MessageType.RESPONSE


def dropping_responses(numbers: set[int], after: float) -> Delay:
    """Drop the responses with these numbers, counted from 1; delay the rest."""
    seen = 0

    def delay(packet: bytes) -> float | None:
        nonlocal seen
        seen += is_response(packet)
        return None if is_response(packet) and seen in numbers else after

    return delay


def target_at(path: RelayedPath, *, tunnel: bool = True) -> Target:
    target = make_tunnel_target(path.endpoint, ping=(INNER_V4,), timeout=TIMEOUT_S)
    return replace(target, server=replace(target.server, tunnel=tunnel, slow=0.2))


def verdict_of(result: Check, server: Server) -> Verdict:
    return diagnose(result, server).verdict


@at_exact_times
async def test_data_travels_in_the_session_of_the_latest_initiation() -> None:
    async with (
        TunnelServer(answer_pings) as server,
        RelayedPath(server.endpoint, delay_all(0.0), delay_all(RTT_S)) as path,
        opened_prober() as prober,
    ):
        result = await check(prober, target_at(path))
    assert result.sent == 2  # the round trip is longer than half of the timeout
    assert result.handshake is not None
    assert result.handshake.retransmits == 0
    assert result.handshake.rtt == pytest.approx(RTT_S, abs=0.1)
    assert result.tunnel is not None
    assert result.tunnel.received == result.tunnel.sent == 2
    assert verdict_of(result, target_at(path).server) is Verdict.SLOW


@at_exact_times
async def test_a_lost_response_to_the_latest_initiation_starts_a_fresh_handshake() -> None:
    async with (
        TunnelServer(answer_pings) as server,
        RelayedPath(server.endpoint, delay_all(0.0), dropping_responses({2}, RTT_S)) as path,
        opened_prober() as prober,
    ):
        result = await check(prober, target_at(path))
    assert result.sent == 3
    assert result.handshake is not None
    assert result.handshake.retransmits == 1
    assert result.tunnel is not None
    assert result.tunnel.received == 2


@at_exact_times
async def test_fresh_handshakes_that_all_fail_are_loss_and_no_dead_data() -> None:
    async with (
        TunnelServer(answer_pings) as server,
        RelayedPath(server.endpoint, delay_all(0.0), dropping_responses({2, 3, 4, 5}, RTT_S)) as path,
        opened_prober() as prober,
    ):
        result = await check(prober, target_at(path))
    assert result.handshake is not None
    assert result.handshake.retransmits == 3
    assert result.tunnel is None
    assert evidence_of_kind(Silence, result)
    diagnosis = diagnose(result, target_at(path).server)
    assert diagnosis.verdict is Verdict.LOSSY
    assert "3 initiations got no answer" in diagnosis.summary


@at_exact_times
async def test_without_data_any_authentic_response_ends_the_check() -> None:
    async with (
        TunnelServer(answer_pings) as server,
        RelayedPath(server.endpoint, delay_all(0.0), dropping_responses({2, 3, 4}, RTT_S)) as path,
        opened_prober() as prober,
    ):
        result = await check(prober, target_at(path, tunnel=False))
    assert result.handshake is not None
    assert result.sent == 2
    assert evidence_of_kind(Silence, result) == []


# Waits inside the tunnel


def data_later(seconds: float) -> Delay:
    """Delay data, and nothing of the handshake."""
    return lambda packet: seconds if message_type(packet) is MessageType.TRANSPORT else 0.0


@at_exact_times
async def test_waits_for_answers_follow_the_round_trip_of_the_handshake() -> None:
    async with (
        TunnelServer(answer_pings) as server,
        RelayedPath(server.endpoint, delay_all(0.0), delay_all(0.35)) as path,
        opened_prober() as prober,
    ):
        target = make_tunnel_target(path.endpoint, ping=(INNER_V4,), timeout=0.8)
        server.path = lambda packet: (packet,)
        path.to_client = lambda packet: 0.9 if message_type(packet) is MessageType.TRANSPORT else 0.35
        result = await check(prober, target)
    assert result.tunnel is not None
    assert result.tunnel.received == result.tunnel.sent  # after 2.6 round trips, later than the timeout


@at_exact_times
async def test_data_that_is_slower_than_the_handshake_is_awaited_as_long_as_a_handshake() -> None:
    async with (
        TunnelServer(answer_pings) as server,
        RelayedPath(server.endpoint, delay_all(0.0), data_later(0.5)) as path,
        opened_prober() as prober,
    ):
        slow = make_tunnel_target(path.endpoint, ping=(INNER_V4,), count=3, timeout=0.6)
        target = replace(slow, server=replace(slow.server, tunnel_over=0.4))
        result = await check(prober, target)
    assert result.tunnel is not None
    assert result.tunnel.received == 3
    assert result.tunnel.rtt
    assert result.tunnel.rtt >= 0.49


@at_exact_times
async def test_the_round_trip_of_a_first_hop_that_answers_after_the_repetition_is_not_cut_short() -> None:
    async with (
        LabServer(SETUP) as server,
        RelayedPath(server.endpoint, delay_all(0.0), data_later(0.4)) as path,
        opened_prober() as prober,
    ):
        target = make_tunnel_target(path.endpoint, timeout=0.6, ours=(TUNNEL_V4,))
        result = await check(prober, target)
    assert result.tunnel is not None
    assert result.tunnel.received == 1
    assert result.tunnel.rtt
    assert result.tunnel.rtt >= 0.39


# Where answers come from


async def test_answers_from_another_address_are_recorded_once() -> None:
    async with (
        TunnelServer(answer_pings) as server,
        RelayedPath(server.endpoint, delay_all(0.0), delay_all(0.0), reply_from="127.0.0.2") as path,
        opened_prober() as prober,
    ):
        result = await check(prober, make_tunnel_target(path.endpoint, ping=(INNER_V4,)))
    assert evidence_of_kind(AnsweredFromElsewhere, result) == [AnsweredFromElsewhere(*path.replies_from)]
    assert result.tunnel is not None
    assert result.tunnel.received == 2


async def test_only_data_from_another_address_is_recorded_too() -> None:
    async with (
        TunnelServer(answer_pings) as server,
        RelayedPath(server.endpoint, delay_all(0.0), delay_all(0.0), reply_from="127.0.0.2") as path,
        opened_prober() as prober,
    ):
        path.direct = is_response
        result = await check(prober, make_tunnel_target(path.endpoint, ping=(INNER_V4,)))
    assert evidence_of_kind(AnsweredFromElsewhere, result) == [AnsweredFromElsewhere(*path.replies_from)]


async def test_a_forged_packet_from_another_address_is_no_answer_from_there() -> None:
    def forge(packet: bytes) -> bytes:
        return packet[:50] + bytes((packet[50] ^ 1,)) + packet[51:]

    async with (
        TunnelServer(answer_pings) as server,
        RelayedPath(server.endpoint, delay_all(0.0), delay_all(0.0), reply_from="127.0.0.2") as path,
        opened_prober() as prober,
    ):
        server.path = lambda packet: (forge(packet),)
        result = await check(prober, target_at(path))
    assert result.handshake is None
    assert evidence_of_kind(AnsweredFromElsewhere, result) == []
