"""Tests of the session: data in both directions, and the replay window."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.protocols.wireguard.handshake_parties import SERVER_INDEX, complete_handshake
from wgmon_tui.protocols.wireguard.primitives import AuthenticationError
from wgmon_tui.protocols.wireguard.session import (
    REJECT_AFTER_MESSAGES,
    ReplayError,
    ReplayWindow,
    SessionExhaustedError,
)
from wgmon_tui.protocols.wireguard.wire import label_of


@given(st.binary(max_size=100))
def test_what_one_side_seals_the_other_opens_padded_to_sixteen(inner: bytes) -> None:
    hands = complete_handshake()
    padded = inner + bytes(-len(inner) % 16)
    for sender, receiver in ((hands.client, hands.server), (hands.server, hands.client)):
        packet = sender.seal(inner)
        assert len(packet) == 32 + len(padded)
        assert receiver.open(packet) == padded


def test_a_keepalive_is_thirty_two_bytes_and_opens_empty() -> None:
    hands = complete_handshake()
    packet = hands.client.keepalive()
    assert len(packet) == 32
    assert label_of(packet) == "keepalive"
    assert hands.server.open(packet) == b""


def test_data_and_handshake_messages_are_no_keepalive() -> None:
    hands = complete_handshake()
    assert label_of(hands.client.seal(b"data")) != "keepalive"
    assert label_of(hands.response) != "keepalive"
    assert label_of(bytes(32)) != "keepalive"


def test_the_header_names_the_receiver_and_counts_from_zero() -> None:
    hands = complete_handshake()
    headers = [hands.client.seal(b"data")[:16] for _ in range(2)]
    index = SERVER_INDEX.to_bytes(4, "little")
    assert headers == [b"\x04\0\0\0" + index + bytes(8), b"\x04\0\0\0" + index + b"\x01" + bytes(7)]


def test_a_packet_is_accepted_once() -> None:
    hands = complete_handshake()
    packet = hands.client.seal(b"data")
    hands.server.open(packet)
    with pytest.raises(ReplayError):
        hands.server.open(packet)


def test_packets_out_of_order_are_accepted() -> None:
    hands = complete_handshake()
    packets = [hands.client.seal(bytes([number])) for number in range(16)]
    for number in (15, 0, 7, 14, 1):
        assert hands.server.open(packets[number])[0] == number


def test_a_packet_older_than_the_window_is_refused_and_the_oldest_in_it_accepted() -> None:
    hands = complete_handshake()
    too_old, oldest = hands.client.seal(b"0"), hands.client.seal(b"1")
    hands.client._next = 1 + ReplayWindow.SIZE
    hands.server.open(hands.client.seal(b"newest"))
    with pytest.raises(ReplayError):
        hands.server.open(too_old)
    assert hands.server.open(oldest).startswith(b"1")


def test_a_packet_of_our_own_does_not_open() -> None:
    """A reflected packet: for the other side, and encrypted with the other key."""
    hands = complete_handshake()
    with pytest.raises(AuthenticationError):
        hands.client.open(hands.client.seal(b"data"))


def test_a_packet_of_another_session_under_our_index_does_not_open() -> None:
    with pytest.raises(AuthenticationError):
        complete_handshake().server.open(complete_handshake().client.seal(b"data"))


def test_a_handshake_message_is_no_transport_packet() -> None:
    hands = complete_handshake()
    with pytest.raises(AuthenticationError):
        hands.client.open(hands.response)


def test_the_last_packet_number_is_sealed_and_opened_and_none_after_it() -> None:
    hands = complete_handshake()
    hands.client._next = REJECT_AFTER_MESSAGES - 1
    assert hands.server.open(hands.client.seal(b"last")).startswith(b"last")
    for _ in range(2):
        with pytest.raises(SessionExhaustedError):
            hands.client.seal(b"one too many")


def test_the_limit_is_the_whitepapers() -> None:
    assert REJECT_AFTER_MESSAGES == 2**64 - 2**13 - 1


@pytest.mark.parametrize("counter", [REJECT_AFTER_MESSAGES, 2**64 - 1])
def test_a_number_beyond_the_limit_is_refused(counter: int) -> None:
    assert not ReplayWindow().can_accept(counter)


def test_asking_whether_a_number_is_fresh_does_not_use_it_up() -> None:
    window = ReplayWindow()
    assert window.can_accept(5)
    assert window.can_accept(5)
    window.mark(5)
    assert not window.can_accept(5)


def test_the_window_reaches_as_far_back_as_the_kernels() -> None:
    """The kernel's self-test accepts the number 8128 below the greatest and rejects the next lower one."""
    window = ReplayWindow()
    window.mark(4 * 8129)
    assert window.can_accept(4 * 8129 - 8128)
    assert not window.can_accept(4 * 8129 - 8129)


@pytest.mark.parametrize("advance", [1, 8127, 8128])
def test_a_number_seen_is_remembered_to_the_very_edge_of_the_window(advance: int) -> None:
    window = ReplayWindow()
    window.mark(0)
    window.mark(advance)
    assert not window.can_accept(0)


class WindowAgainstASet(RuleBasedStateMachine):
    """Compare the bitmap with a set of all numbers seen."""

    def __init__(self) -> None:
        super().__init__()
        self.window = ReplayWindow()
        self.seen: set[int] = set()

    def receive(self, counter: int) -> None:
        greatest = max(self.seen, default=-1)
        expected = counter < REJECT_AFTER_MESSAGES and counter not in self.seen and greatest - counter <= 8128
        assert self.window.can_accept(counter) is expected
        if expected:
            self.window.mark(counter)
            self.seen.add(counter)

    @rule(counter=st.integers(0, 2**64 - 1))
    def anywhere(self, counter: int) -> None:
        self.receive(counter)

    @rule(ahead=st.one_of(st.integers(1, 5), st.integers(8120, 8140), st.integers(1, 100_000)))
    def ahead(self, ahead: int) -> None:
        self.receive(max(self.seen, default=-1) + ahead)

    @rule(back=st.one_of(st.integers(0, 5), st.integers(8120, 8140), st.integers(0, 20_000)))
    def back(self, back: int) -> None:
        self.receive(max(0, max(self.seen, default=0) - back))

    @rule(data=st.data(), beside=st.integers(-1, 1))
    def beside_one_already_seen(self, data: st.DataObject, beside: int) -> None:
        if self.seen:
            self.receive(max(0, data.draw(st.sampled_from(sorted(self.seen))) + beside))


TestWindowAgainstASet = WindowAgainstASet.TestCase
TestWindowAgainstASet.settings = settings(stateful_step_count=40)
