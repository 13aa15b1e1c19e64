"""SOCKS5 to a local program: steps in pieces of any size, refusals and foreign answers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.links.records import SocksLink
from wgmon_tui.protocols.proxies.proxy_command.dialect import SocksDialect
from wgmon_tui.protocols.proxies.proxy_command.socks_stream import UDP_ASSOCIATE, SocksStream
from wgmon_tui.protocols.proxies.stream_layers import StreamLayerError

PAGE = Destination("www.example", 80)
REQUEST = b"\x05\x01\x00\x03\x0bwww.example\x00\x50"
ANSWERS = b"\x05\x02" + b"\x01\x00" + b"\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34" + b"page"


@given(st.lists(st.integers(1, len(ANSWERS)), max_size=6))
def test_a_login_and_a_request_in_any_pieces(cuts: list[int]) -> None:
    stream = SocksStream(PAGE, "user", "word")
    assert stream.open() == b"\x05\x01\x02"
    sent = data = b""
    places = [0, *sorted(cuts), len(ANSWERS)]
    for first, last in pairwise(places):
        output = stream.unwrap(ANSWERS[first:last])
        sent, data = sent + output.reply, data + output.data
    assert sent == b"\x01\x04user\x04word" + REQUEST
    assert data == b"page"
    assert stream.is_proven


def test_without_a_login_none_is_offered() -> None:
    stream = SocksStream(PAGE)
    assert stream.open() == b"\x05\x01\x00"
    assert stream.unwrap(b"\x05\x00").reply == REQUEST


def test_a_connection_without_data_proves_nothing() -> None:
    stream = SocksStream(PAGE)
    stream.unwrap(b"\x05\x00" + ANSWERS[4:-4])
    assert stream.is_open
    assert not stream.is_proven


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 400", "what answers on its port is not SOCKS5"),
        (b"\x05\xff", "its port wants a login; remove that from its configuration"),
        (b"\x05\x00\x05\x05\x00", "the program reports: the connection was refused"),
        (b"\x05\x00\x05\x63", "the program reports: error 99"),
    ],
)
def test_a_refusal_says_what_the_program_said(answer: bytes, reason: str) -> None:
    with pytest.raises(StreamLayerError) as raised:
        SocksStream(PAGE).unwrap(answer)
    assert raised.value.reason == reason


def test_a_refused_login_means_another_program() -> None:
    with pytest.raises(StreamLayerError, match="another program has taken its port"):
        SocksStream(PAGE, "user", "word").unwrap(b"\x05\x02\x01\x01")


@given(st.binary(max_size=40))
def test_random_answers_raise_nothing_else(answer: bytes) -> None:
    stream = SocksStream(PAGE, "user", "word")
    try:
        output = stream.unwrap(answer)
    except StreamLayerError as error:
        output = None
        assert_named(error)
    assert output is None or isinstance(output.data, bytes)


def assert_named(error: StreamLayerError) -> None:
    assert error.layer == "socks5"


def test_an_association_names_the_port_for_datagrams() -> None:
    stream = SocksStream(Destination("0.0.0.0", 0), command=UDP_ASSOCIATE)
    stream.open()
    assert stream.unwrap(b"\x05\x00").reply == b"\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00"
    stream.unwrap(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34")
    assert stream.is_open
    assert stream.bound_port == 0x1234


def test_a_datagram_has_its_address_before_it_and_a_fragment_is_none() -> None:
    link = SocksLink(Endpoint("127.0.0.1", 1))
    relay = SocksDialect().make_relay(link, Destination("192.0.2.53", 53), lambda: 0.0)
    packed = b"\x00\x00\x00\x01\xc0\x00\x025\x00\x35query"
    assert relay.pack(b"query") == packed
    assert relay.unpack(packed) == b"query"
    assert relay.unpack(b"\x00\x00\x01" + packed[3:]) is None
    assert relay.unpack(b"\x00\x00\x00\x07") is None
