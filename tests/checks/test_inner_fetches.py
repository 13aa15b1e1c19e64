"""Fetches through a tunnel, without a tunnel: a carrier answers by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from tests.protocols.wireguard.sample_evidence import SERVER
from wgmon_tui.checks import inner_fetches
from wgmon_tui.checks.inner_fetches import InnerFetches
from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.net.inner_packets import unwrap
from wgmon_tui.net.tcp import retransmission
from wgmon_tui.net.tcp.segment import Flag, Segment, decode, encode

HERE = IPv4Address("10.8.0.250")
REFUSING = IPv4Address("10.8.0.5")
SERVER_WITH_URLS = replace(
    SERVER,
    timeout=0.1,
    tunnel_http=tuple(map(parse_http_target, ("http://10.8.0.5/", "http://10.8.0.6/"))),
)


class Carrier:
    """Refuses connections to one address, and drops everything else."""

    def __init__(self) -> None:
        self.waits = 0
        self.fetches = InnerFetches(SERVER_WITH_URLS, {4: HERE}, self, 1420)
        self._answers: list[bytes] = []

    def send_packet(self, packet: bytes) -> None:
        sent = unwrap(packet)
        assert sent is not None
        segment = decode(sent.source, sent.destination, sent.payload)
        if segment and segment.flags & Flag.SYN and sent.destination == REFUSING:
            ports = segment.destination_port, segment.source_port
            refusal = Segment(*ports, 0, (segment.sequence + 1) % 2**32, Flag.RST | Flag.ACK, 0)
            self._answers.append(encode(refusal, sent.destination, sent.source))

    async def wait_until(self, done: Callable[[], bool], deadline: float) -> None:
        self.waits += 1
        for answer in self._answers:
            self.fetches.receive(answer)
        self._answers.clear()
        if not done():
            await asyncio.sleep(max(0.0, deadline - time.monotonic()))


def test_a_fetch_that_is_over_does_not_keep_the_others_from_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_fetches, "_CLOSE_WAIT_S", 0.02)
    monkeypatch.setattr(inner_fetches, "STALL_S", 0.1)
    monkeypatch.setattr(retransmission, "_INITIAL_S", 0.03)
    carrier = Carrier()
    found = asyncio.run(carrier.fetches.run())
    assert [each.fault for each in found] == ["refused", "silent"]
    assert carrier.waits < 20
