"""Fetches through a tunnel, without a tunnel: a carrier answers by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from tests.protocols.wireguard.sample_evidence import SERVER
from wgmon_tui.checks import inner_fetches
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.inner_fetches import InnerFetches
from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.net.inner_packets import unwrap
from wgmon_tui.net.tcp import retransmission
from wgmon_tui.net.tcp.segment import Flag, Segment, decode, encode

HERE = IPv4Address("10.8.0.250")
_FIRST = 1000
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Service:
    """A service behind a tunnel. `answers` tells whether it answers a connection, by number and MSS."""

    def __init__(self, answers: Callable[[int, int], bool], *urls: str, refused: str = "") -> None:
        self.waits = 0
        server = replace(SERVER, timeout=5.0, tunnel_http=tuple(map(parse_http_target, urls)))
        self._fetches = InnerFetches(server, {4: HERE}, self, 1420)
        self._answers, self._refused = answers, refused
        self._will_answer: dict[int, bool] = {}
        self._waiting: list[bytes] = []

    def run(self) -> list[InnerFetch]:
        return asyncio.run(self._fetches.run())

    def send_packet(self, packet: bytes) -> None:
        sent = unwrap(packet)
        assert sent is not None
        segment = decode(sent.source, sent.destination, sent.payload)
        assert segment is not None
        for flags, sequence, payload in self._answer(segment, str(sent.destination)):
            ports = segment.destination_port, segment.source_port
            acknowledged = (segment.sequence + segment.length) % 2**32
            answer = Segment(*ports, sequence, acknowledged, flags | Flag.ACK, 65535, payload)
            self._waiting.append(encode(answer, sent.destination, sent.source))

    def _answer(self, segment: Segment, address: str) -> Iterator[tuple[Flag, int, bytes]]:
        if segment.flags & Flag.SYN:
            port, number = segment.source_port, len(self._will_answer) + 1
            self._will_answer[port] = self._answers(number, segment.mss or 0)
            yield (Flag.RST, 0, b"") if address == self._refused else (Flag.SYN, _FIRST, b"")
        elif segment.payload:
            does_answer = self._will_answer[segment.source_port]
            yield Flag.FIN if does_answer else Flag(0), _FIRST + 1, _RESPONSE if does_answer else b""

    async def wait_until(self, done: Callable[[], bool], deadline: float) -> None:
        self.waits += 1
        while self._waiting:
            self._fetches.receive(self._waiting.pop(0))
        if not done():
            await asyncio.sleep(max(0.0, deadline - time.monotonic()))


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_fetches, "_CLOSE_WAIT_S", 0.02)
    monkeypatch.setattr(inner_fetches, "STALL_S", 0.1)
    monkeypatch.setattr(retransmission, "_INITIAL_S", 0.03)


def test_a_fetch_that_is_over_does_not_keep_the_others_from_waiting() -> None:
    service = Service(lambda _number, _mss: False, "http://10.8.0.5/", "http://10.8.0.6/", refused="10.8.0.5")
    assert [each.fault for each in service.run()] == ["refused", "no-response"]
    assert service.waits < 40


def test_small_segments_pass_if_a_fetch_stalls_again_without_them() -> None:
    (found,) = Service(lambda _number, mss: mss <= 536, "http://10.8.0.5/").run()
    assert (found.fault, found.small_pass) == ("stalled", True)


def test_a_service_that_was_slow_once_is_no_matter_of_the_size_of_segments() -> None:
    (found,) = Service(lambda number, _mss: number > 1, "http://10.8.0.5/").run()
    assert (found.fault, found.small_pass) == ("no-response", False)


def test_a_service_that_never_answers_is_not_tried_a_third_time() -> None:
    numbers: list[int] = []

    def answers(number: int, _mss: int) -> bool:
        numbers.append(number)
        return False

    (found,) = Service(answers, "http://10.8.0.5/").run()
    assert (found.fault, found.small_pass, set(numbers)) == ("no-response", False, {1, 2})
