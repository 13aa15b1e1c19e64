"""The reading of HTTP responses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
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


def chunked(parts: list[bytes]) -> bytes:
    whole = b"".join(b"%X\r\n%s\r\n" % (len(each), each) for each in parts if each)
    return whole + b"0\r\n\r\n"


bodies = st.binary(max_size=300)
framings = st.sampled_from(
    [
        lambda body: b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
        lambda body: b"Transfer-Encoding: chunked\r\n\r\n" + chunked([body[:7], body[7:]]),
        lambda body: b"X: y\r\n\r\n" + body,
    ]
)


@given(bodies, framings, st.sampled_from([200, 404, 500]), st.lists(st.integers(0, 2000), max_size=6))
def test_a_response_reads_the_same_in_whatever_pieces_it_comes(
    body: bytes, frame: Callable[[bytes], bytes], status: int, cuts: list[int]
) -> None:
    assert parse(b"HTTP/1.1 %d Reason\r\n" % status + frame(body), cuts) == (status, body)


def test_two_lengths_of_the_body_are_refused() -> None:
    lengths = b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n"
    assert parse(b"HTTP/1.1 200 OK\r\n" + lengths + b"abcd") is None


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
