"""The reliability layer: a network that loses, repeats and reorders packets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.protocols.openvpn.reliability import (
    FIRST_RETRANSMIT_S,
    RECEIVE_WINDOW,
    SEND_WINDOW,
    ReliableChannel,
)
from wgmon_tui.protocols.openvpn.wire import Opcode


def _payloads(found: list[tuple[Opcode, bytes]]) -> list[bytes]:
    return [payload for _, payload in found]


def test_packets_that_come_early_wait_for_the_one_before() -> None:
    channel = ReliableChannel()

    assert channel.receive(1, Opcode.CONTROL_V1, b"b") == []
    assert _payloads(channel.receive(0, Opcode.CONTROL_V1, b"a")) == [b"a", b"b"]


def test_a_repeated_packet_is_acknowledged_again_and_delivered_once() -> None:
    channel = ReliableChannel()
    channel.receive(0, Opcode.CONTROL_V1, b"a")
    channel.take_due(0.0)

    assert channel.receive(0, Opcode.CONTROL_V1, b"a") == []
    assert [each.acks for each in channel.take_due(0.0)] == [(0,)]


def test_a_packet_beyond_the_window_is_neither_kept_nor_acknowledged() -> None:
    channel = ReliableChannel()

    assert channel.receive(RECEIVE_WINDOW, Opcode.CONTROL_V1, b"late") == []
    assert channel.take_due(0.0) == []


def test_an_unanswered_packet_is_sent_again_with_growing_pauses() -> None:
    channel = ReliableChannel()
    channel.send(Opcode.CONTROL_V1, b"a")

    times = [at / 10 for at in range(100) if channel.take_due(at / 10)]

    assert times == [0.0, FIRST_RETRANSMIT_S, 3.0, 7.0]
    assert channel.retransmits == 3


def test_an_acknowledged_packet_is_not_sent_again() -> None:
    channel = ReliableChannel()
    channel.send(Opcode.CONTROL_V1, b"a")
    channel.take_due(0.0)

    channel.acknowledge((0,))

    assert channel.take_due(9.0) == []
    assert channel.is_all_acknowledged


def test_no_more_packets_than_the_window_are_under_way() -> None:
    channel = ReliableChannel()
    for _ in range(SEND_WINDOW + 3):
        channel.send(Opcode.CONTROL_V1, b"a")

    assert len(channel.take_due(0.0)) == SEND_WINDOW
    channel.acknowledge((0, 1))
    assert [each.number for each in channel.take_due(0.1)] == [SEND_WINDOW, SEND_WINDOW + 1]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=200), st.integers(0, 25))
def test_two_channels_agree_over_any_network(steps: list[tuple[bool, int]], count: int) -> None:
    """Each step delivers, repeats or drops one of the packets under way. Then the network is perfect."""
    sides = (ReliableChannel(), ReliableChannel())
    flying: list[tuple[int, object]] = []
    received: tuple[list[bytes], list[bytes]] = ([], [])
    for number in range(count):
        sides[0].send(Opcode.CONTROL_V1, bytes([number]))

    def deliver(to: int, packet: object) -> None:
        sides[to].acknowledge(packet.acks)  # type: ignore[attr-defined]
        if packet.number is not None:  # type: ignore[attr-defined]
            complete = sides[to].receive(packet.number, packet.opcode, packet.payload)  # type: ignore[attr-defined]
            received[to].extend(_payloads(complete))

    now = 0.0
    for is_lost, which in steps:
        for side in (0, 1):
            flying += [(1 - side, each) for each in sides[side].take_due(now)]
        if flying:
            to, packet = flying.pop(which % len(flying))
            if not is_lost:
                deliver(to, packet)
            if which == 3:
                flying.append((to, packet))
        now += 0.3
    for _ in range(200):
        for side in (0, 1):
            for each in sides[side].take_due(now):
                deliver(1 - side, each)
        now += 5.0

    assert received[1] == [bytes([number]) for number in range(count)]
    assert sides[0].is_all_acknowledged
