"""Tests of one check: the evidence for each kind of answer and of silence."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable

import pytest

from tests.busy_machine import without_starvation
from tests.protocols.wireguard.harness import (
    IDENTITY,
    PATIENCE_S,
    PSK,
    SERVER,
    SILENCE_TIMEOUT_S,
    ScriptedServer,
    check,
    closed_port,
    cookie_reply_to,
    evidence_of_kind,
    healthy,
    make_target,
    opened_prober,
    response_to,
    silence,
)
from tests.receive_buffer import MANY_DATAGRAMS
from wgmon_tui.checks.check import Direction
from wgmon_tui.checks.evidence import (
    CookieDemanded,
    ForeignBytes,
    IcmpError,
    PacketRejected,
    ReceiveOverflow,
    Silence,
    SocketError,
)
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.protocols.wireguard.cookie import NO_MAC
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.wire import MessageType, label_of, message_type

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED


# Answered


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_healthy_exchange_is_initiation_response_keepalive(host: str) -> None:
    async with ScriptedServer(healthy, host) as server, opened_prober() as prober:
        before = time.time()
        result = await check(prober, make_target(server.endpoint))
        after = time.time()
    assert result.handshake is not None
    assert (result.handshake.retransmits, result.handshake.cookie) == (0, False)
    assert without_starvation(result.evidence) == []
    assert result.sent == 1
    assert [(each.direction, label_of(each.data)) for each in result.exchange] == [
        (SENT, "handshake initiation"),
        (RECEIVED, "handshake response"),
        (SENT, "keepalive"),
    ]
    initiation, response, keepalive = (each.at for each in result.exchange)
    assert 0 == initiation < response < keepalive < after - before
    assert result.handshake.rtt == pytest.approx(response)
    assert before <= result.started_at <= after
    assert (result.server, result.vantage, str(result.address)) == ("fra1", "here", host)


async def test_the_preshared_key_is_mixed_in() -> None:
    async with ScriptedServer(lambda it: [response_to(it, PSK)]) as server, opened_prober() as prober:
        assert (await check(prober, make_target(server.endpoint, psk=PSK))).handshake


BUSY_S = 0.8
"""So long that a busy machine does not stop this process for it by chance."""


async def test_the_round_trip_does_not_grow_while_this_process_is_busy() -> None:
    def answers_and_keeps_the_loop_busy(initiation: bytes) -> Iterable[bytes]:
        yield response_to(initiation)
        time.sleep(BUSY_S)

    async with ScriptedServer(answers_and_keeps_the_loop_busy) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint))
    assert result.handshake is not None
    assert result.handshake.rtt < BUSY_S


async def test_an_initiation_that_gets_lost_is_followed_by_another() -> None:
    def drops_the_first(initiation: bytes) -> Iterable[bytes]:
        return [response_to(initiation)] if len(server.initiations) > 1 else []

    async with ScriptedServer(drops_the_first) as server, opened_prober() as prober:
        started = time.monotonic()
        result = await check(prober, make_target(server.endpoint, timeout=0.5))
        took = time.monotonic() - started
    assert result.handshake is not None
    assert (result.handshake.retransmits, result.sent) == (1, 2)
    first, second = server.initiations
    assert first[4:116] != second[4:116]  # a new index, a new ephemeral, a later stamp
    assert result.handshake.rtt < took - 0.2  # of the attempt that was answered, half a timeout later


async def test_a_late_answer_to_the_first_attempt_is_still_an_answer() -> None:
    arrivals: list[float] = []

    def answers_both_when_the_second_comes(_: bytes) -> Iterable[bytes]:
        arrivals.append(time.monotonic())
        return [response_to(each) for each in server.initiations] if len(arrivals) > 1 else []

    async with ScriptedServer(answers_both_when_the_second_comes) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint, timeout=0.4))
    assert result.handshake is not None
    assert result.handshake.retransmits == 0
    first, second = arrivals
    assert result.handshake.rtt > second - first


async def test_a_demanded_cookie_comes_back_as_mac2() -> None:
    def demands_a_cookie_once(initiation: bytes) -> Iterable[bytes]:
        has_one = initiation[-16:] != NO_MAC
        return [response_to(initiation) if has_one else cookie_reply_to(initiation)]

    async with ScriptedServer(demands_a_cookie_once) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint))
    assert result.handshake is not None
    assert result.handshake.cookie
    assert result.handshake.retransmits == 0  # the first got an answer: the demand
    assert len(evidence_of_kind(CookieDemanded, result)) == 1
    first, second = server.initiations
    assert first[-16:] == NO_MAC != second[-16:]
    assert [label_of(each.data) for each in result.exchange] == [
        "handshake initiation",
        "cookie reply",
        "handshake initiation",
        "handshake response",
        "keepalive",
    ]


async def test_an_answer_to_the_attempt_before_the_cookie_makes_no_negative_count() -> None:
    def demands_then_answers_the_first(initiation: bytes) -> Iterable[bytes]:
        return [cookie_reply_to(initiation), response_to(initiation)]

    async with ScriptedServer(demands_then_answers_the_first) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint))
    assert result.handshake is not None
    assert result.handshake.retransmits == 0


# Disbelieved


async def test_a_forgery_before_the_answer_is_recorded_and_changes_nothing() -> None:
    def forges_first(initiation: bytes) -> Iterable[bytes]:
        return [response_to(initiation, PSK), response_to(initiation)]

    async with ScriptedServer(forges_first) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint))
    assert result.handshake
    assert [each.reason for each in evidence_of_kind(PacketRejected, result)] == [Reason.BAD_EMPTY]


async def test_garbage_before_the_answer_is_recorded_and_changes_nothing() -> None:
    async with (
        ScriptedServer(lambda it: [b"SSH-2.0-garbage\r\n", response_to(it)]) as server,
        opened_prober() as prober,
    ):
        result = await check(prober, make_target(server.endpoint))
    assert result.handshake
    [foreign] = evidence_of_kind(ForeignBytes, result)
    assert (foreign.length, foreign.head) == (17, b"SSH-2.0-garbage\r")


async def test_another_preshared_key_is_a_rejected_answer_and_silence() -> None:
    async with ScriptedServer(lambda it: [response_to(it, PSK)]) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))
    assert result.handshake is None
    assert {each.reason for each in evidence_of_kind(PacketRejected, result)} == {Reason.BAD_EMPTY}
    assert evidence_of_kind(Silence, result)


async def test_a_forged_cookie_is_recorded_and_not_used() -> None:
    def forges_a_cookie(initiation: bytes) -> Iterable[bytes]:
        return [cookie_reply_to(initiation)[:32] + os.urandom(32)]

    async with ScriptedServer(forges_a_cookie) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))
    assert {each.reason for each in evidence_of_kind(PacketRejected, result)} == {Reason.BAD_COOKIE}
    assert all(initiation[-16:] == NO_MAC for initiation in server.initiations)


async def test_a_flood_is_bounded_in_memory_and_hides_neither_the_answer_nor_a_forgery() -> None:
    def floods(initiation: bytes) -> Iterable[bytes]:
        yield from (os.urandom(100) for _ in range(MANY_DATAGRAMS))
        yield response_to(initiation, PSK)
        yield response_to(initiation)

    async with ScriptedServer(floods) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint))
    assert result.handshake
    assert len(result.exchange) <= 65
    assert message_type(result.exchange[-1].data) is MessageType.RESPONSE
    assert len(result.evidence) <= 16
    assert evidence_of_kind(PacketRejected, result)


# Unanswered


async def test_silence_ends_at_the_deadline_after_two_attempts() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        started = time.monotonic()
        result = await check(prober, make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))
        took = time.monotonic() - started
    assert result.handshake is None
    [only] = result.evidence
    assert isinstance(only, Silence)
    assert SILENCE_TIMEOUT_S <= only.waited <= took
    assert result.sent == 2
    assert [each.direction for each in result.exchange] == [SENT, SENT]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_closed_port_is_known_at_the_deadline_from_each_initiation(host: str) -> None:
    with closed_port(host) as endpoint:
        async with opened_prober() as prober:
            started = time.monotonic()
            result = await check(prober, make_target(endpoint, timeout=SILENCE_TIMEOUT_S))
            took = time.monotonic() - started
    errors = evidence_of_kind(IcmpError, result)
    assert len(errors) == result.sent == 2
    shown = host if PLATFORM.has_error_queue else ""
    assert all(error.offender == shown and error.from_target is bool(shown) for error in errors)
    assert all(error.quotes_packet for error in errors)
    assert took >= SILENCE_TIMEOUT_S
    assert diagnose(result, make_target(endpoint).server).verdict is Verdict.PORT_CLOSED


async def test_a_refusal_does_not_end_a_check_that_is_answered_then() -> None:
    setup = LabSetup(SERVER, (LabPeer(IDENTITY.public),))
    async with LabServer(setup, LabBehaviour(LabMode.CLOSED)) as server, opened_prober() as prober:
        asyncio.get_running_loop().call_later(0.05, server.set_mode, LabMode.HEALTHY)
        result = await check(prober, make_target(server.endpoint, timeout=0.4))
    assert result.handshake is not None
    assert result.handshake.retransmits == 1
    assert len(evidence_of_kind(IcmpError, result)) == 1


async def test_what_our_own_kernel_refuses_to_send_is_a_socket_error_and_ends_early() -> None:
    broadcast = Endpoint("255.255.255.255", 51820)  # needs a socket option that is not set
    async with asyncio.timeout(PATIENCE_S), opened_prober() as prober:
        result = await check(prober, make_target(broadcast, timeout=3600.0))
    assert [each.name for each in evidence_of_kind(SocketError, result)] == ["EACCES", "EACCES"]
    assert result.exchange == ()


# This process busy across the deadline


async def test_an_answer_that_waits_in_the_kernel_at_the_deadline_is_no_loss() -> None:
    def answers_and_stops_the_loop(initiation: bytes) -> Iterable[bytes]:
        yield response_to(initiation)
        time.sleep(SILENCE_TIMEOUT_S)

    async with ScriptedServer(answers_and_stops_the_loop) as server, opened_prober() as prober:
        assert (await check(prober, make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))).handshake


async def test_nor_is_one_that_waits_behind_hundreds_of_others() -> None:
    def answers_behind_a_crowd(initiation: bytes) -> Iterable[bytes]:
        yield from (bytes(40) for _ in range(MANY_DATAGRAMS))
        yield response_to(initiation)
        time.sleep(SILENCE_TIMEOUT_S)

    async with ScriptedServer(answers_behind_a_crowd) as server, opened_prober() as prober:
        assert (await check(prober, make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))).handshake


@pytest.mark.skipif(not PLATFORM.has_drop_counter, reason="this system does not count what it drops")
async def test_where_our_own_buffer_ran_over_silence_is_not_the_only_evidence() -> None:
    def overruns(_: bytes) -> Iterable[bytes]:
        return (bytes(60_000) for _ in range(400))

    async with ScriptedServer(overruns) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))
    [overflow] = evidence_of_kind(ReceiveOverflow, result)
    assert overflow.dropped > 0
