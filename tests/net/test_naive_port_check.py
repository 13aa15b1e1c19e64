"""Tests of the naive port check: same result for a healthy server and for one that rejects all clients."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from tests.protocols.wireguard.harness import IDENTITY, SERVER, closed_port
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net import naive_port_check
from wgmon_tui.net.naive_port_check import (
    CLOSED,
    FILTERED,
    OPEN,
    OPEN_OR_FILTERED,
    check_port_naively,
    describe_answer,
)

both_families = pytest.mark.parametrize("host", ["127.0.0.1", "::1"])


async def said_of(mode: LabMode, host: str = "127.0.0.1") -> str | None:
    async with LabServer(LabSetup(SERVER, (LabPeer(IDENTITY.public),)), LabBehaviour(mode), host=host) as lab:
        return await check_port_naively(ip_address(host), lab.endpoint.port)


async def test_healthy_silent_wrong_key_unknown_peer_all_look_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naive_port_check, "_WAIT_S", 0.2)
    modes = (LabMode.HEALTHY, LabMode.SILENT, LabMode.ROTATED_KEY, LabMode.UNKNOWN_PEER, LabMode.WRONG_PSK)
    said = await asyncio.gather(*(said_of(mode) for mode in modes))
    assert said == [OPEN_OR_FILTERED] * len(modes)


async def test_so_does_something_that_is_no_wireguard_at_all() -> None:
    assert await said_of(LabMode.NOT_WIREGUARD) == OPEN_OR_FILTERED


@both_families
async def test_only_a_closed_port_looks_closed(host: str) -> None:
    assert await said_of(LabMode.CLOSED, host) == CLOSED
    with closed_port(host) as endpoint:
        assert await check_port_naively(ip_address(host), endpoint.port) == CLOSED


async def test_where_our_own_side_cannot_send_it_says_nothing() -> None:
    assert await check_port_naively(ip_address("255.255.255.255"), 51820) is None


@pytest.mark.parametrize(
    ("answer", "is_up", "words"),
    [
        (OPEN_OR_FILTERED, True, "UP (open|filtered)"),
        (OPEN, True, "UP (open)"),
        (FILTERED, True, "UP (open)"),
        (None, True, "UP (open|filtered)"),
        (CLOSED, False, "down (closed)"),
        (OPEN, False, "down (closed)"),
        (FILTERED, False, "down (no answer)"),
    ],
)
def test_a_tcp_port_is_open_closed_or_without_an_answer(answer: str | None, is_up: bool, words: str) -> None:
    assert describe_answer(answer, is_up=is_up) == words
