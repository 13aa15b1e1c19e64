"""Tests of the control socket's messages, valid and refused ones."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.control.protocol import (
    BadMessageError,
    ControlRequest,
    Greeting,
    Operation,
    describe_request,
    encode_greeting,
    encode_request,
    parse_greeting,
    parse_message,
    parse_request,
)

WORDS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=63)

REQUESTS = st.builds(
    ControlRequest,
    id=st.integers(0, 2**40),
    operation=st.sampled_from(Operation),
    names=st.lists(WORDS, max_size=3).map(tuple),
    incident=st.sampled_from(["", "a1b2"]),
    text=WORDS,
)


def refusal(parse: Callable[[bytes], object], line: bytes) -> str:
    """The error for a line; "" if it is valid."""
    try:
        parse(line)
    except BadMessageError as error:
        return str(error)
    return ""


@given(REQUESTS)
def test_a_request_is_read_as_it_was_written(request: ControlRequest) -> None:
    assert parse_request(encode_request(request)) == request


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(line: bytes) -> None:
    for parse in (parse_request, parse_greeting, parse_message):
        assert refusal(parse, line).isprintable()


FIELDS = st.dictionaries(
    st.sampled_from(["v", "id", "op", "names", "incident", "text"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(1),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=5,
    ),
)


@given(FIELDS, st.sampled_from(Operation))
def test_any_object_is_a_request_or_refused(fields: dict[str, object], operation: Operation) -> None:
    line = json.dumps({"v": 1, "id": 1, "op": operation.value} | fields).encode()
    assert refusal(parse_request, line).isprintable()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"v": 2}, "different protocol versions"),
        ({"op": "destroy"}, "op: expected one of recheck, pause"),
        ({"op": []}, "op: expected one of recheck, pause"),
        ({"id": "7"}, "id: expected a number"),
        ({"id": True}, "id: expected a number"),
        ({"names": "fra1"}, "names: expected a list"),
        ({"names": [1]}, "names: expected text"),
        ({"names": ["fra1\x1b[31m"]}, "names: contains the unprintable character U\\+001B"),
        ({"text": "x" * 1001}, "text: expected text of at most 1000 characters"),
        ({"text": "two\nlines"}, "text: contains the unprintable character U\\+000A"),
    ],
)
def test_a_request_that_cannot_stand_is_refused_in_one_line(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(BadMessageError, match=reason):
        parse_request(json.dumps({"v": 1, "id": 7, "op": "pause", **fields}).encode())


def test_a_greeting_says_since_when_and_what_one_may_ask() -> None:
    greeting = Greeting(1.5, frozenset({Operation.RECHECK, Operation.STATS}))
    assert parse_greeting(encode_greeting(greeting)) == greeting


def test_what_only_a_newer_writer_can_do_is_left_out() -> None:
    line = json.dumps({"v": 1, "since": 0, "may": ["stats", "fly"]}).encode()
    assert parse_greeting(line).allowed == {Operation.STATS}


def test_the_log_line_of_a_timed_pause_names_its_end() -> None:
    request = ControlRequest(1, Operation.PAUSE_UNTIL, ("fra1",), until=1_700_000_000.0)
    line = describe_request(request, "anna")
    assert line.startswith("anna requested: pause fra1 until 2023-11-1")
