"""Tests with hostile servers: a check ends in time and accepts only an authentic response."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocols.wireguard.harness import (
    PSK,
    ScriptedServer,
    check,
    cookie_reply_to,
    make_target,
    opened_prober,
    response_to,
)
from wgmon_tui.checks.check import Check

Datagram = Callable[[bytes], bytes]
"""A hostile server's reply to an initiation."""

TIMEOUT_S = 0.05
SLACK_S = 10.0

SEALED = 76  # of a response; mac2 after it means nothing to a client
KINDS = (response_to, cookie_reply_to)


def authentic(initiation: bytes) -> bytes:
    return response_to(initiation)


@st.composite
def mutated(draw: st.DrawFn) -> Datagram:
    make = draw(st.sampled_from(KINDS))
    position = draw(st.integers(0, (SEALED if make is response_to else 64) * 8 - 1))

    def flipped(initiation: bytes) -> bytes:
        packet = bytearray(make(initiation))
        packet[position // 8] ^= 1 << position % 8
        return bytes(packet)

    return flipped


@st.composite
def of_another_length(draw: st.DrawFn) -> Datagram:
    make, length = draw(st.sampled_from(KINDS)), draw(st.integers(0, 200).filter(lambda n: n not in (64, 92)))
    return lambda initiation: make(initiation)[:length].ljust(length, b"\0")


@st.composite
def with_our_index(draw: st.DrawFn) -> Datagram:
    """Random bytes with the header of a response to this attempt."""
    kind, length, offset = draw(st.sampled_from([(2, 92, 8), (3, 64, 4), (4, 32, 4), (4, 48, 4)]))
    body = draw(st.binary(min_size=length, max_size=length))

    def looks_right(initiation: bytes) -> bytes:
        packet = bytearray(bytes((kind, 0, 0, 0)) + body[4:])
        packet[offset : offset + 4] = initiation[4:8]
        return bytes(packet)

    return looks_right


foreign: st.SearchStrategy[Datagram] = st.binary(max_size=300).map(lambda data: lambda _: data)
echoed: st.SearchStrategy[Datagram] = st.just(lambda initiation: initiation)
with_another_psk: st.SearchStrategy[Datagram] = st.just(lambda initiation: response_to(initiation, PSK))
demanding: st.SearchStrategy[Datagram] = st.just(cookie_reply_to)

hostile = st.one_of(
    mutated(), of_another_length(), with_our_index(), foreign, echoed, with_another_psk, demanding
)


async def check_against(datagrams: Iterable[Datagram]) -> Check:
    def attack(initiation: bytes) -> list[bytes]:
        return [make(initiation) for make in datagrams]

    async with ScriptedServer(attack) as server, opened_prober() as prober:
        return await check(prober, make_target(server.endpoint, timeout=TIMEOUT_S))


@settings(max_examples=30)
@given(st.lists(hostile, max_size=12))
def test_without_an_authentic_response_there_is_no_handshake_and_the_deadline_holds(
    datagrams: list[Datagram],
) -> None:
    started = time.monotonic()
    result = asyncio.run(check_against(datagrams))
    assert result.handshake is None
    assert result.evidence
    assert time.monotonic() - started < TIMEOUT_S + SLACK_S


@settings(max_examples=20)
@given(st.lists(hostile, max_size=12), st.lists(hostile, max_size=3))
def test_an_authentic_response_among_them_is_found(before: list[Datagram], after: list[Datagram]) -> None:
    result = asyncio.run(check_against([*before, authentic, *after]))
    assert result.handshake is not None
