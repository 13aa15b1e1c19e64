"""Checks of AmneziaWG servers: the prober of WireGuard with another framing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.protocols.amneziawg.check_harness import as_amneziawg, lab_server, probing, target_of
from tests.protocols.amneziawg.profiles import (
    PROTECTION_KEY,
    VERSION_1,
    VERSION_1_5,
    VERSION_2,
    VERSION_3_TRAILERS,
    framing,
)
from tests.protocols.wireguard.harness import (
    IDENTITY,
    SERVER,
    ScriptedServer,
    check,
    make_target,
    opened_prober,
    silence,
    timestamps,
)
from wgmon_tui.checks.check import Check, Direction
from wgmon_tui.checks.context_evidence import ServerInitiated
from wgmon_tui.checks.evidence import CookieDemanded, IcmpError, LateAnswer
from wgmon_tui.checks.packets import label_of
from wgmon_tui.checks.path_trace import HopAnswer, TraceOptions
from wgmon_tui.lab.models import LabBehaviour, LabMode
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.protocols.amneziawg.parameters import Parameters
from wgmon_tui.protocols.wireguard.handshake import Initiator
from wgmon_tui.protocols.wireguard.wire import MessageType


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        (VERSION_1, None),
        (VERSION_1_5, None),
        (VERSION_2, None),
        (VERSION_2, PROTECTION_KEY),
        (VERSION_3_TRAILERS, PROTECTION_KEY),
    ],
)
async def test_a_server_of_each_version_is_healthy(parameters: Parameters, key: bytes | None) -> None:
    server = lab_server(parameters, key)
    async with probing(server) as prober:
        result = await check(prober, target_of(server, parameters, key))
    assert result.handshake
    assert result.tunnel
    assert (result.tunnel.sent, result.tunnel.received) == (1, 1)
    assert not result.evidence or not any(isinstance(each, IcmpError) for each in result.evidence)


async def test_a_server_under_load_gets_its_cookie() -> None:
    server = lab_server(VERSION_2, PROTECTION_KEY, LabBehaviour(LabMode.UNDER_LOAD))
    async with probing(server) as prober:
        result = await check(prober, target_of(server, VERSION_2, PROTECTION_KEY))
    assert result.handshake
    assert result.handshake.cookie
    assert any(isinstance(each, CookieDemanded) for each in result.evidence)


def sent_lengths(result: Check) -> list[int]:
    return [len(each.data) for each in result.exchange if each.direction is Direction.SENT]


async def test_the_exchange_keeps_the_datagrams_with_decoys_and_prefixes() -> None:
    parameters = replace(VERSION_2, jc=3, jmin=700, jmax=700, i1=VERSION_1_5.i2)
    server = lab_server(parameters)
    async with probing(server) as prober:
        result = await check(prober, as_amneziawg(target_of(server, parameters)))
    assert sent_lengths(result)[:5] == [12, 700, 700, 700, 64 + 148]
    response = next(each for each in result.exchange if each.direction is Direction.RECEIVED)
    assert len(response.data) == 32 + 92
    labels = [label_of(result, each) for each in result.exchange[:6]]
    assert labels == [*["junk or signature packet"] * 4, "handshake initiation", "handshake response"]


async def test_many_junk_packets_leave_room_for_the_rest_of_the_exchange() -> None:
    parameters = replace(VERSION_2, jc=128, jmin=1, jmax=1)
    server = lab_server(parameters)
    async with probing(server) as prober:
        result = await check(prober, target_of(server, parameters))
    assert sent_lengths(result).count(1) <= 16
    assert result.tunnel
    assert 64 + 148 in sent_lengths(result)


@pytest.mark.parametrize(
    "wrong",
    [
        Parameters(),
        replace(VERSION_2, s1=63),
        replace(VERSION_2, h1=VERSION_2.h2, h2=VERSION_2.h1),
    ],
)
async def test_wrong_parameters_are_silence(wrong: Parameters) -> None:
    server = lab_server(VERSION_2)
    async with probing(server) as prober:
        result = await check(prober, target_of(server, wrong, timeout=0.3))
    assert result.handshake is None
    assert all(each.direction is Direction.SENT for each in result.exchange)


async def test_parameters_that_need_not_match_do_not_matter() -> None:
    server = lab_server(VERSION_1_5)
    async with probing(server) as prober:
        result = await check(prober, target_of(server, VERSION_1_5.without_decoys()))
    assert result.handshake


async def test_a_late_answer_is_recognised() -> None:
    server = lab_server(VERSION_2, PROTECTION_KEY, LabBehaviour(latency=0.6))
    async with probing(server) as prober:
        target = target_of(server, VERSION_2, PROTECTION_KEY, timeout=0.3)
        result = await prober.check(target, ip_address("127.0.0.1"), explain=True)
    assert any(isinstance(each, LateAnswer) for each in result.evidence)


@pytest.mark.skipif(not PLATFORM.has_error_queue, reason="this system shows no quotes")
@pytest.mark.parametrize("junk", [0, 6])
async def test_a_closed_port_is_known_by_a_quoted_packet(junk: int) -> None:
    parameters = replace(VERSION_2, jc=junk, jmin=20, jmax=60)
    server = lab_server(parameters, PROTECTION_KEY, LabBehaviour(LabMode.CLOSED))
    async with probing(server) as prober:
        result = await check(prober, target_of(server, parameters, PROTECTION_KEY, timeout=0.3))
    errors = [each for each in result.evidence if isinstance(each, IcmpError)]
    assert errors
    assert all(each.quotes_packet and each.from_target for each in errors)


@pytest.mark.skipif(not PLATFORM.has_error_queue, reason="this system traces no paths")
async def test_a_trace_reaches_the_server() -> None:
    server = lab_server(VERSION_2, PROTECTION_KEY)
    async with probing(server) as prober:
        target = target_of(server, VERSION_2, PROTECTION_KEY)
        trace = await prober.trace_path(target, TraceOptions(rounds=1, max_hops=2), lambda _: None)
    assert trace.hops[0].answer is HopAnswer.SERVER


async def test_an_initiation_of_a_server_that_answers_nothing_is_evidence() -> None:
    theirs = framing(VERSION_2, SERVER.public, PROTECTION_KEY)
    initiation = Initiator(SERVER, IDENTITY.public).initiate(
        1, timestamps(SERVER.public), header=theirs.initiation_header()
    )
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(server.endpoint, timeout=0.5)
        ours = framing(VERSION_2, IDENTITY.public, PROTECTION_KEY)
        running = asyncio.create_task(check(prober, replace(target, framing=ours)))
        await server.wait_for_packets(1)
        server.send(theirs.frame(MessageType.INITIATION, initiation.packet), server.sources[0])
        result = await running
    assert any(isinstance(each, ServerInitiated) for each in result.evidence)
