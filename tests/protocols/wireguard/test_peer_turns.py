"""Tests of the turns of peers: one use at a time, spaced, and no memory of peers that nobody uses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard import peer_turns
from wgmon_tui.protocols.wireguard.peer_turns import PeerTurns
from wgmon_tui.protocols.wireguard.targets import INITIATION_SPACING_S, Target

IDENTITY = PrivateKey(bytes(range(32)))


@asynccontextmanager
async def hold(_: Target) -> AsyncIterator[bool]:
    yield True


def target(number: int) -> Target:
    key = PrivateKey(bytes([0, number, *bytes(30)])).public  # the lowest bits do not count
    return Target(Server(f"server-{number}", Endpoint("192.0.2.7", 51820), key, "bastion"), IDENTITY)


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> PeerTurns:
    """The turns of peers, which are forgotten from the second one on."""
    monkeypatch.setattr(peer_turns, "_LEAST_REMEMBERED", 1)
    return PeerTurns(hold)


async def use(turns: PeerTurns, number: int) -> float:
    """Use a peer once; the result is when that began."""
    async with turns.take(target(number)):
        return time.monotonic()


async def test_a_peer_that_nobody_uses_is_forgotten_after_its_spacing(turns: PeerTurns) -> None:
    await use(turns, 1)
    await asyncio.sleep(INITIATION_SPACING_S)
    await use(turns, 2)
    assert [key[1] for key in turns._peers] == [target(2).server.public_key]


async def test_a_peer_in_its_spacing_is_remembered(turns: PeerTurns) -> None:
    began = await use(turns, 1)
    for other in range(2, 9):
        await use(turns, other)
    assert await use(turns, 1) - began >= INITIATION_SPACING_S


async def test_a_peer_in_use_is_remembered(turns: PeerTurns) -> None:
    order: list[str] = []

    async def wait_for_the_same_peer() -> None:
        async with turns.take(target(1)):
            order.append("second")

    async with turns.take(target(1)):
        for other in range(2, 9):
            await use(turns, other)
        waiting = asyncio.create_task(wait_for_the_same_peer())
        await asyncio.sleep(2 * INITIATION_SPACING_S)
        order.append("first")
    await waiting
    assert order == ["first", "second"]


async def test_a_turn_that_is_given_up_leaves_the_peer_to_be_forgotten(turns: PeerTurns) -> None:
    async with turns.take(target(1)):
        waiting = asyncio.create_task(use(turns, 1))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(INITIATION_SPACING_S)
    await use(turns, 2)
    assert len(turns._peers) == 1
