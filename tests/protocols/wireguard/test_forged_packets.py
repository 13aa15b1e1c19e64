"""Tests of single forged packets: what a third party sends beside a server changes no result of a check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.busy_machine import repeated_if_starved
from tests.protocols.wireguard.forged_packets import forged_cookie_reply, forged_data, forged_response
from tests.protocols.wireguard.harness import (
    IDENTITY,
    SERVER,
    SILENCE_TIMEOUT_S,
    ScriptedServer,
    carries_cookie,
    check,
    cookie_reply_to,
    evidence_of_kind,
    healthy,
    make_target,
    opened_prober,
    response_to,
)
from tests.protocols.wireguard.relayed_path import RelayedPath, delay_all
from tests.protocols.wireguard.sample_evidence import CLOSED, PROHIBITED
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import (
    AnsweredFromElsewhere,
    CookieDemanded,
    ForeignBytes,
    IcmpError,
    LateAnswer,
    PacketRejected,
    Silence,
)
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.udp_socket import QueuedError
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type

HANDSHAKE_ONLY = Server("fra1", Endpoint("192.0.2.7", 51820), SERVER.public, "bastion", tunnel=False)


def closed(endpoint: Endpoint, quoted: bytes = b"") -> QueuedError:
    return QueuedError(quoted, (endpoint.host, endpoint.port), 4, 3, 3, 0, endpoint.host)


# ICMP


@pytest.mark.parametrize("is_quoting", [False, True])
async def test_a_refusal_at_once_does_not_beat_an_answer_just_before_the_deadline(is_quoting: bool) -> None:
    async with (
        ScriptedServer(healthy) as server,
        RelayedPath(server.endpoint, delay_all(0.0), delay_all(0.35)) as path,
        opened_prober() as prober,
    ):

        def refuse(packet: bytes) -> float:
            prober._demultiplexer._on_error(closed(path.endpoint, packet if is_quoting else b""))
            return 0.0

        path.to_server = refuse
        result = await check(prober, make_target(path.endpoint, timeout=0.4))
    assert result.handshake is not None


async def test_a_refusal_sends_nothing_that_silence_would_not_send() -> None:
    async with ScriptedServer(lambda _: ()) as server, opened_prober() as prober:

        def refuse(packet: bytes) -> Iterable[bytes]:
            prober._demultiplexer._on_error(closed(server.endpoint, packet))
            return ()

        server.script = refuse
        result = await check(prober, make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))
    assert result.sent == 2
    assert evidence_of_kind(Silence, result)


def test_a_late_answer_proves_more_than_icmp_errors_and_bytes_that_anybody_can_send() -> None:
    forged = (CLOSED, PROHIBITED, ForeignBytes(0.1, 4, b"220 "), PacketRejected(0.1, Reason.BAD_EMPTY, 92))
    late = Check(
        "fra1", "here", HANDSHAKE_ONLY.endpoint, None, 0.0, None, (*forged, Silence(5.0), LateAnswer(6.0))
    )
    assert diagnose(late, HANDSHAKE_ONLY).verdict is Verdict.SLOW


async def test_any_number_of_blind_errors_does_not_hide_the_one_that_quotes_the_packet() -> None:
    def refuse(packet: bytes) -> Iterable[bytes]:
        for _ in range(50):
            prober._demultiplexer._on_error(closed(server.endpoint))
        prober._demultiplexer._on_error(closed(server.endpoint, packet))
        return ()

    async with ScriptedServer(refuse) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))
    assert [each.quotes_packet for each in evidence_of_kind(IcmpError, result)].count(True) == 2


# Cookies


async def test_a_cookie_that_somebody_else_made_is_no_load_of_the_server() -> None:
    def forge_too(initiation: bytes) -> Iterable[bytes]:
        return (forged_cookie_reply(initiation, SERVER.public), response_to(initiation))

    async with ScriptedServer(forge_too) as server, opened_prober() as prober:
        target = make_target(server.endpoint)
        result = await check(prober, replace(target, server=replace(target.server, tunnel=False)))
    assert evidence_of_kind(CookieDemanded, result)
    assert result.handshake is not None
    assert not result.handshake.cookie
    assert diagnose(result, HANDSHAKE_ONLY).verdict is Verdict.HEALTHY


async def test_a_forged_cookie_does_not_hide_the_one_of_a_server_under_load() -> None:
    def demands(initiation: bytes) -> Iterable[bytes]:
        if initiation == server.initiations[0]:
            return (forged_cookie_reply(initiation, SERVER.public),)
        return (response_to(initiation) if carries_cookie(initiation) else cookie_reply_to(initiation),)

    async with ScriptedServer(demands) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint))
    assert result.handshake is not None
    assert result.handshake.cookie
    assert result.sent == 3


async def test_cookies_without_end_do_not_make_initiations_without_end() -> None:
    def demands_again_and_again(initiation: bytes) -> Iterable[bytes]:
        return [forged_cookie_reply(initiation, SERVER.public) for _ in range(20)]

    async with ScriptedServer(demands_again_and_again) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint, timeout=0.5))
    assert result.handshake is None
    assert result.sent <= 6


# Answers, copies, data


async def test_answers_for_the_right_and_the_wrong_index_change_nothing() -> None:
    def forge_first(initiation: bytes) -> Iterable[bytes]:
        index = int.from_bytes(initiation[4:8], "little")
        return (
            forged_response(IDENTITY.public, index),
            forged_response(IDENTITY.public, index ^ 1),
            forged_data(index),
            response_to(initiation),
        )

    async with ScriptedServer(forge_first) as server, opened_prober() as prober:
        result = await check(prober, make_target(server.endpoint))
    assert result.handshake is not None
    assert diagnose(result, HANDSHAKE_ONLY).verdict is Verdict.HEALTHY


@repeated_if_starved(0.05)
async def test_a_copy_of_an_answer_from_another_address_is_no_answer_from_there() -> None:
    """The first response answers no longer the latest initiation, so the check waits when the copy comes."""
    answers: list[bytes] = []

    def keep(packet: bytes) -> float:
        if message_type(packet) is MessageType.RESPONSE:
            answers.append(packet)
            if len(answers) == 1:
                path._loop.call_later(0.32, lambda: elsewhere.send(packet, ("127.0.0.1", prober.ports[0])))
        return 0.3

    async with (
        ScriptedServer(healthy) as server,
        ScriptedServer(healthy, "127.0.0.2") as elsewhere,
        RelayedPath(server.endpoint, delay_all(0.0), keep) as path,
        opened_prober() as prober,
    ):
        result = await check(prober, make_target(path.endpoint, timeout=0.4))
    assert len(answers) == 2
    assert result.handshake is not None
    assert evidence_of_kind(AnsweredFromElsewhere, result) == []
