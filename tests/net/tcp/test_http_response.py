"""The parser of HTTP responses, with h11 as the second opinion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wgmon_tui.net.tcp.http_response import KEPT_BODY_BYTES, HttpError, ResponseParser

Seen = tuple[int, bytes] | None
"""Status and body of a whole response; None for bytes that are no valid one."""


def parse(stream: bytes, cuts: Sequence[int] = ()) -> Seen:
    response = ResponseParser()
    places = sorted({0, len(stream), *(each % (len(stream) + 1) for each in cuts)})
    try:
        for start, end in pairwise(places):
            response.receive(stream[start:end])
        if not response.is_complete:
            response.end()
    except HttpError:
        return None
    assert response.status is not None
    return response.status, bytes(response.body)


def parse_with_h11(stream: bytes) -> Seen:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(stream)
    status, body, is_at_end = 0, b"", False
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return status, body
            elif event is h11.NEED_DATA:
                if is_at_end:
                    return None
                connection.receive_data(b"")
                is_at_end = True
            elif not isinstance(event, h11.InformationalResponse):
                return None
    except h11.RemoteProtocolError:
        return None


def chunked(parts: list[bytes]) -> bytes:
    whole = b"".join(b"%X\r\n%s\r\n" % (len(each), each) for each in parts if each)
    return whole + b"0\r\n\r\n"


bodies = st.binary(max_size=300)
responses = st.one_of(
    st.builds(lambda body: b"Content-Length: %d\r\n\r\n%s" % (len(body), body), bodies),
    st.builds(lambda parts: b"Transfer-Encoding: chunked\r\n\r\n" + chunked(parts), st.lists(bodies)),
    st.builds(lambda body: b"X: y\r\n\r\n" + body, bodies),
).flatmap(
    lambda rest: st.sampled_from([200, 404, 500]).map(
        lambda status: b"HTTP/1.1 %d Reason\r\n" % status + rest
    )
)


@given(responses, st.lists(st.integers(0, 2000), max_size=6))
def test_a_response_reads_as_h11_reads_it_in_whatever_pieces_it_comes(stream: bytes, cuts: list[int]) -> None:
    assert parse(stream, cuts) == parse_with_h11(stream) is not None


@given(responses, st.integers(0, 2000), st.binary(min_size=1, max_size=3))
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 0, b"H")
def test_damage_never_gives_more_than_h11_accepts(stream: bytes, at: int, damage: bytes) -> None:
    place = at % len(stream)
    damaged = stream[:place] + damage + stream[place + len(damage) :]
    expected = parse_with_h11(damaged)
    found = parse(damaged)
    assert found == expected or found is None or _has_other_taste(damaged)


def _has_other_taste(stream: bytes) -> bool:
    """h11 alone refuses an odd reason phrase, value or second encoding, which mean nothing for the body."""
    head = stream.partition(b"\r\n\r\n")[0]
    return any(byte < 0x20 or byte > 0x7E for byte in head.replace(b"\r\n", b""))


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=4))
def test_no_bytes_make_it_raise_anything_else(stream: bytes, cuts: list[int]) -> None:
    parse(stream, cuts)
    parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + stream, cuts)


def test_a_reply_before_the_final_one_is_skipped() -> None:
    assert parse(b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 204 None\r\n\r\n") == (204, b"")


def test_a_body_that_ends_early_is_an_error() -> None:
    assert parse(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort") is None


@pytest.mark.parametrize(
    "endless",
    [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"],
)
def test_a_head_or_chunk_without_end_is_refused_before_it_fills_memory(endless: bytes) -> None:
    response = ResponseParser()
    with pytest.raises(HttpError, match="too long"):
        response.receive(endless + b"a" * 40_000)


def test_of_a_long_body_only_the_beginning_is_kept() -> None:
    response = ResponseParser()
    response.receive(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(KEPT_BODY_BYTES + 1))
    assert (response.size, len(response.body)) == (KEPT_BODY_BYTES + 1, KEPT_BODY_BYTES)


def test_something_else_than_http_is_named_at_its_first_bytes() -> None:
    with pytest.raises(HttpError, match="not HTTP"):
        ResponseParser().receive(b"SSH-2.0")
