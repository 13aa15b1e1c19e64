"""Segments that no honest server sends."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.net.inner_packets import unwrap
from wgmon_tui.net.tcp.client import RECEIVE_WINDOW, State, TcpClient
from wgmon_tui.net.tcp.events import ConnectionReset, DataReceived, PeerFinished
from wgmon_tui.net.tcp.segment import Flag, Segment, decode, encode

FIRST, THEIRS = 2**32 - 5, 2**32 - 3
HERE, THERE = IPv4Address("10.8.0.250"), IPv4Address("10.8.0.5")

near = st.one_of(st.integers(-3, 40), st.integers(0, 2**32 - 1))
segments = st.builds(
    lambda after, acknowledged, flags, window, payload: Segment(
        80,
        40_000,
        (THEIRS + 1 + after) % 2**32,
        (FIRST + 1 + acknowledged) % 2**32,
        Flag(flags),
        window,
        payload,
    ),
    near,
    near,
    st.integers(0, 31),
    st.integers(0, 0xFFFF),
    st.binary(max_size=20),
)


def connected() -> TcpClient:
    client = TcpClient(40_000, 80, first_sequence=FIRST, mss=1380)
    client.connect(0.0)
    client.write(b"GET / HTTP/1.1\r\n\r\n", 0.0)
    answer = Segment(
        80,
        40_000,
        THEIRS,
        (FIRST + 1) % 2**32,
        Flag.SYN | Flag.ACK,
        65_535,
        mss=1,
        scale=14,
        sack_permitted=True,
    )
    client.receive(answer, 0.1)
    return client


@given(st.lists(segments, max_size=30))
def test_no_segment_makes_it_raise_or_send_more_than_it_was_sent(received: list[Segment]) -> None:
    client = connected()
    before = len(client.segments())
    now = 0.1
    for segment in received:
        now += 0.001
        client.receive(segment, now)
        client.tick(now)
    assert len(client.segments()) <= 2 * len(received) + before
    arrived = sum(len(each.data) for each in client.events() if isinstance(each, DataReceived))
    assert arrived <= sum(len(each.payload) for each in received)


def test_a_reset_counts_only_with_the_number_that_comes_next() -> None:
    client = connected()
    for after in (-1, 1, RECEIVE_WINDOW):
        client.receive(Segment(80, 40_000, (THEIRS + 1 + after) % 2**32, 0, Flag.RST, 0), 0.2)
    assert client.state is State.ESTABLISHED
    client.receive(Segment(80, 40_000, (THEIRS + 1) % 2**32, 0, Flag.RST, 0), 0.2)
    assert ConnectionReset(refused=False) in client.events()


def test_data_beyond_the_window_is_not_kept() -> None:
    client = connected()
    far = (THEIRS + 1 + RECEIVE_WINDOW) % 2**32
    client.receive(Segment(80, 40_000, far, FIRST + 1 & 0xFFFFFFFF, Flag.ACK, 100, bytes(1000)), 0.2)
    assert not any(isinstance(each, DataReceived) for each in client.events())


def test_data_behind_the_end_of_the_stream_is_not_taken() -> None:
    client = connected()
    for after, flags, payload in ((1, Flag.ACK | Flag.FIN, b""), (2, Flag.ACK, b"more")):
        sequence = (THEIRS + after) % 2**32
        client.receive(Segment(80, 40_000, sequence, (FIRST + 1) % 2**32, flags, 100, payload), 0.2)
    events = client.events()
    assert PeerFinished() in events
    assert not any(isinstance(each, DataReceived) for each in events)


@given(segments)
def test_a_segment_reads_as_it_was_written(segment: Segment) -> None:
    carried = unwrap(encode(segment, THERE, HERE))
    assert carried is not None
    assert decode(THERE, HERE, carried.payload) == segment


@given(st.binary(max_size=80))
def test_no_bytes_make_the_parser_raise(data: bytes) -> None:
    decode(THERE, HERE, data)
    unwrap(data)
