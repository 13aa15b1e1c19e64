"""Tests of the path tracer against packets and ICMP errors that it gets from an invented path."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address

import pytest

from wgmon_tui.checks import tai64n
from wgmon_tui.checks.path_trace import HopAnswer, PathTrace, TraceOptions, TraceRefusedError, conclusion
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.net.udp_socket import Datagram, QueuedError
from wgmon_tui.protocols.wireguard import path_tracer
from wgmon_tui.protocols.wireguard.demultiplexer import Demultiplexer
from wgmon_tui.protocols.wireguard.foreign_sessions import new_index
from wgmon_tui.protocols.wireguard.framing import PLAIN
from wgmon_tui.protocols.wireguard.handshake import Attempt, Initiator, Responder
from wgmon_tui.protocols.wireguard.path_tracer import PathTracer

ADDRESS = IPv4Address("203.0.113.9")
DESTINATION = (str(ADDRESS), 51820)
FORGER = "192.0.2.66"
_FAST = TraceOptions(rounds=2, max_hops=12, timeout=0.05)


def router(hop: int) -> str:
    return f"10.0.0.{hop}"


class Path:
    """Three routers, then the server. Tests replace what happens to a packet."""

    def __init__(self, server_hop: int = 4) -> None:
        self.server_hop = server_hop
        self.server_key = PrivateKey.generate()
        self.own_key = PrivateKey.generate()
        self.server_psk = PresharedKey(bytes(32))
        self.quoted_bytes = 148
        self.attempts: list[Attempt] = []
        self.limits: list[int] = []
        self.is_silent: Callable[[int], bool] = lambda _: False
        self.is_turn_free = True
        self.progress: list[PathTrace] = []
        self.after: Callable[[Attempt, int], None] = lambda _, __: None
        initiator = Initiator(self.own_key, self.server_key.public)

        def make_attempt(cookie: bytes | None) -> Attempt:
            index, now = new_index(), time.time_ns()
            self.attempts.append(initiator.initiate(index, tai64n.encode(now), cookie))
            return self.attempts[-1]

        self.tracer = PathTracer(
            PathTrace(ADDRESS, DESTINATION[1]),
            _FAST,
            DESTINATION,
            send=self._send,
            make_attempt=make_attempt,
            turn=self._turn,
            on_progress=self.progress.append,
        )

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[bool]:
        yield self.is_turn_free

    def _send(self, packet: bytes, hop_limit: int) -> int:
        self.limits.append(hop_limit)
        attempt, sent_ns = self.attempts[-1], time.time_ns()
        if not self.is_silent(hop_limit):
            if hop_limit < self.server_hop:
                self.report(attempt, router(hop_limit), 11, 0)
            else:
                self.answer(attempt)
        self.after(attempt, hop_limit)
        return sent_ns

    def report(self, attempt: Attempt, sender: str, kind: int, code: int) -> None:
        quote = attempt.packet[: self.quoted_bytes]
        self.tracer.on_icmp(QueuedError(quote, DESTINATION, 4, kind, code, 0, sender, time.time_ns()))

    def answer(self, attempt: Attempt) -> None:
        responder = Responder(self.server_key)
        response, _ = responder.respond(responder.open(attempt.packet), 7, self.server_psk)
        self.tracer.on_datagram(Datagram(response, DESTINATION, time.time_ns()))


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(path_tracer, "_SPACING_S", 0.0)
    return Path()


def senders(trace: PathTrace) -> list[tuple[str, ...]]:
    return [hop.addresses for hop in trace.hops]


async def test_the_trace_ends_at_the_first_hop_limit_that_the_server_answers(path: Path) -> None:
    found = await path.tracer.run()
    assert senders(found) == [(router(1),), (router(2),), (router(3),), DESTINATION[:1]]
    assert found.is_reached
    assert found.is_finished


async def test_later_rounds_send_no_more_initiations_to_the_server_than_one_each(path: Path) -> None:
    await path.tracer.run()
    assert path.limits == [1, 2, 3, 4, 1, 2, 3, 4]


async def test_a_path_without_any_answer_ends_after_the_most_silent_hops(path: Path) -> None:
    path.is_silent = lambda _: True
    found = await path.tracer.run()
    assert max(path.limits) == 8
    assert senders(found) == [()]
    assert conclusion(found)[0].startswith("Nothing answers, not even the first hop")


async def test_a_silent_router_between_others_does_not_end_the_trace(path: Path) -> None:
    path.is_silent = lambda hop: hop == 2
    found = await path.tracer.run()
    assert [hop.answered for hop in found.hops] == [2, 0, 2, 2]
    assert found.is_reached


async def test_no_more_hops_are_tried_than_asked_for(path: Path) -> None:
    path.is_silent = lambda hop: hop >= 4
    await path.tracer.run()
    assert max(path.limits) == 12


async def test_an_error_that_quotes_another_packet_makes_no_hop(path: Path) -> None:
    path.is_silent = lambda hop: hop > 2

    def forge(attempt: Attempt, hop_limit: int) -> None:
        other = attempt.packet[:8] + bytes(100)
        path.tracer.on_icmp(QueuedError(other, DESTINATION, 4, 11, 0, 0, FORGER, time.time_ns()))

    path.after = forge
    found = await path.tracer.run()
    assert FORGER not in {sender for hop in found.hops for sender in hop.addresses}
    assert conclusion(found)[0] == f"Nothing answers after hop 2 ({router(2)})."


async def test_forged_refusals_do_not_end_a_trace_before_the_server_answers(path: Path) -> None:
    path.is_silent = lambda hop: hop == 2
    path.after = lambda attempt, hop: path.report(attempt, FORGER, 3, 3) if hop == 2 else None
    found = await path.tracer.run()
    assert found.is_reached
    assert found.hops[1].answer is HopAnswer.REFUSED


async def test_a_refusal_before_routers_that_report_is_not_the_end_of_the_path(path: Path) -> None:
    path.is_silent = lambda hop: hop == 2 or hop >= 4
    path.after = lambda attempt, hop: path.report(attempt, FORGER, 3, 3) if hop == 2 else None
    found = await path.tracer.run()
    assert conclusion(found)[0] == f"Nothing answers after hop 3 ({router(3)})."


async def test_a_refusal_at_the_end_of_the_path_is_its_last_hop(path: Path) -> None:
    path.is_silent = lambda hop: hop >= 3
    path.after = lambda attempt, hop: path.report(attempt, router(3), 3, 13) if hop >= 3 else None
    found = await path.tracer.run()
    assert found.hops[-1].hop_limit == 3
    assert conclusion(found)[0] == (
        f"Hop 3 ({router(3)}) refuses the packets: communication administratively prohibited."
    )
    assert max(path.limits) < 12


async def test_a_port_that_is_closed_is_not_taken_for_a_firewall(path: Path) -> None:
    path.is_silent = lambda hop: hop >= 4
    path.after = lambda attempt, hop: path.report(attempt, DESTINATION[0], 3, 3) if hop >= 4 else None
    found = await path.tracer.run()
    assert conclusion(found)[0] == "The port is closed, reports the server's own address at hop 4."


async def test_a_second_report_about_a_packet_is_ignored(path: Path) -> None:
    path.after = lambda attempt, hop: path.report(attempt, FORGER, 11, 0)
    found = await path.tracer.run()
    assert senders(found)[:3] == [(router(1),), (router(2),), (router(3),)]


async def test_reports_without_a_quote_count_one_at_a_time_and_say_so(path: Path) -> None:
    path.quoted_bytes = 0
    found = await path.tracer.run()
    assert senders(found)[:3] == [(router(1),), (router(2),), (router(3),)]
    assert [hop.is_quoted for hop in found.hops] == [False, False, False, True]


async def test_a_last_hop_that_quotes_nothing_may_be_forged_says_the_conclusion(path: Path) -> None:
    path.is_silent = lambda hop: hop >= 3
    path.quoted_bytes = 0
    found = await path.tracer.run()
    assert "may be forged" in conclusion(found)[1]


async def test_an_error_without_a_quote_counts_for_no_hop_while_several_are_unanswered(path: Path) -> None:
    path.is_silent = lambda _: True
    path.quoted_bytes = 0

    def forge(attempt: Attempt, hop_limit: int) -> None:
        if len(path.limits) == 4:
            path.report(attempt, FORGER, 11, 0)

    path.after = forge
    found = await path.tracer.run()
    assert len(path.limits) > 4
    assert all(not hop.addresses for hop in found.hops)


async def test_a_preshared_key_that_differs_is_no_answer_of_the_server(path: Path) -> None:
    path.server_psk = PresharedKey(b"\x01" * 32)
    found = await path.tracer.run()
    assert not found.is_reached
    assert found.hops[-1].answer is HopAnswer.UNPROVEN
    assert conclusion(found)[0] == "An answer came from hop 4, but it does not authenticate."


async def test_a_trace_is_refused_while_another_process_keeps_the_turn(path: Path) -> None:
    path.is_turn_free = False
    with pytest.raises(TraceRefusedError, match="another wgmon-tui"):
        await path.tracer.run()
    assert path.limits == []


async def test_progress_shows_each_hop_as_it_answers(path: Path) -> None:
    await path.tracer.run()
    farthest = [each.last_answering for each in path.progress]
    assert [hop.hop_limit for hop in farthest[:4] if hop] == [1, 2, 3, 4]
    assert [each.is_finished for each in path.progress] == [False] * (len(path.progress) - 1) + [True]


class Listener:
    """A check of the traced server."""

    source = DESTINATION
    framing = PLAIN

    def __init__(self) -> None:
        self.errors: list[QueuedError] = []

    def on_datagram(self, datagram: Datagram) -> None:
        raise AssertionError

    def on_icmp(self, error: QueuedError) -> None:
        self.errors.append(error)


async def test_a_check_beside_a_trace_does_not_see_the_packets_that_expired(path: Path) -> None:
    demultiplexer, check = Demultiplexer(), Listener()
    expired = QueuedError(b"", DESTINATION, 4, 11, 0, 0, router(1))
    closed = QueuedError(b"", DESTINATION, 4, 3, 3, 0, DESTINATION[0])
    demultiplexer.listen_to_source(check)
    with demultiplexer.trace_path(path.tracer):
        demultiplexer._on_error(expired)
        demultiplexer._on_error(closed)
    assert check.errors == [closed]
    demultiplexer._on_error(expired)
    assert check.errors == [closed, expired]


async def test_a_trace_leaves_no_index_registered(path: Path) -> None:
    demultiplexer = Demultiplexer()
    with demultiplexer.trace_path(path.tracer):
        path.after = lambda attempt, _: demultiplexer.register(attempt.sender, path.tracer)
        await path.tracer.run()
        assert demultiplexer._by_index
    assert not demultiplexer._by_index
