"""When a server last answered, as the uplink guard reads it from a check."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wgmon_tui.checks.check import Check, Direction, Handshake, Packet
from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.monitor.uplink_guard import is_silent, last_answer_time
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.wire import INITIATION_LENGTH, RESPONSE_LENGTH


def answer_time(check: Check) -> float | None:
    return last_answer_time(replace(check, started_at=100.0))


INITIATION = bytes((1, 0, 0, 0)) + bytes(INITIATION_LENGTH - 4)
RESPONSE = bytes((2, 0, 0, 0)) + bytes(RESPONSE_LENGTH - 4)
UNANSWERED = Check(
    "fra1",
    "here",
    Endpoint("192.0.2.7", 51820),
    None,
    0.0,
    None,
    exchange=(Packet(0.0, Direction.SENT, INITIATION),),
)


def receiving(at: float, data: bytes) -> Check:
    return replace(UNANSWERED, exchange=(*UNANSWERED.exchange, Packet(at, Direction.RECEIVED, data)))


def test_an_authenticated_response_is_an_answer_at_its_time() -> None:
    assert answer_time(replace(receiving(0.25, RESPONSE), handshake=Handshake(0.25))) == 100.25


def test_the_servers_own_initiation_is_no_answer() -> None:
    initiated = receiving(0.25, INITIATION)
    assert answer_time(initiated) is None
    assert is_silent(initiated)
    answered = replace(
        initiated,
        handshake=Handshake(0.1),
        exchange=(Packet(0.1, Direction.RECEIVED, RESPONSE), *initiated.exchange),
    )
    assert answer_time(answered) == 100.1


@pytest.mark.parametrize("data", [b"garbage", RESPONSE])
def test_what_does_not_authenticate_is_neither_an_answer_nor_silence(data: bytes) -> None:
    forged = receiving(0.25, data)
    assert answer_time(forged) is None
    assert not is_silent(forged)


def test_a_refusal_by_the_server_is_an_answer_and_one_on_the_way_is_none() -> None:
    refused = IcmpError(0.5, 4, 3, 3, "192.0.2.7", from_target=True)
    router = IcmpError(0.5, 4, 3, 1, "192.0.2.1", from_target=False)
    assert answer_time(replace(UNANSWERED, evidence=(router,))) is None
    assert answer_time(replace(UNANSWERED, evidence=(router, refused))) == 100.5


def test_a_refusal_that_anybody_can_have_sent_is_no_answer() -> None:
    refused = IcmpError(0.5, 4, 3, 3, "192.0.2.7", from_target=True, quotes_packet=False)
    assert answer_time(replace(UNANSWERED, evidence=(refused,))) is None
    assert answer_time(replace(UNANSWERED, evidence=(replace(refused, quotes_packet=True),))) == 100.5
