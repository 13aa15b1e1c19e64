"""Tests of requests for traces, and of answers that cannot stand."""

from __future__ import annotations

import json
from ipaddress import IPv6Address

import pytest

from tests.tui.sample_traces import CUT_OFF, REACHED, REFUSED
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions
from wgmon_tui.control.protocol import (
    BadMessageError,
    ControlRequest,
    Operation,
    encode_request,
    parse_request,
)
from wgmon_tui.control.trace_request import answer_trace, options_as_json, read_trace

GOOD = options_as_json(TraceOptions())


@pytest.mark.parametrize("trace", [CUT_OFF, REACHED, REFUSED], ids=["cut off", "reached", "refused"])
def test_a_trace_arrives_as_it_was_sent(trace: PathTrace) -> None:
    assert read_trace(json.loads(json.dumps(answer_trace(trace)))) == trace


def test_a_request_arrives_as_it_was_sent() -> None:
    options = TraceOptions(5, 12, 0.5, IPv6Address("2001:db8::9"))
    request = ControlRequest(7, Operation.TRACE, ("fra1",), trace=options)
    assert parse_request(encode_request(request)) == request


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": 0},
        {"rounds": 21},
        {"rounds": "3"},
        {"max_hops": 65},
        {"timeout": 0},
        {"timeout": 11},
        {"timeout": float("nan")},
        {"address": "here"},
        {"address": "fe80::1%\x1b[31m"},
        {"address": None},
    ],
    ids=str,
)
def test_a_request_outside_of_its_limits_is_refused_in_one_line(wrong: dict[str, object]) -> None:
    line = json.dumps({"v": 1, "id": 7, "op": "trace", "names": ["fra1"], "trace": {**GOOD, **wrong}})
    with pytest.raises(BadMessageError, match=r"^trace: ") as refused:
        parse_request(line.encode())
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        {"hops": {}},
        {"hops": [{}]},
        {"others": ["here"]},
        {"address": "fe80::1%\x1b[31m"},
        {"hops": [{**answer_trace(REFUSED)["trace"]["hops"][1], "addresses": ["\x1b[31m"]}]},  # type: ignore[index]
        {"hops": [{**answer_trace(REFUSED)["trace"]["hops"][1], "answer": "LATER"}]},  # type: ignore[index]
    ],
    ids=str,
)
def test_an_answer_that_is_no_trace_is_none(wrong: object) -> None:
    whole = answer_trace(REFUSED)["trace"]
    assert isinstance(whole, dict)
    assert read_trace({"trace": {**whole, **wrong} if isinstance(wrong, dict) and wrong else wrong}) is None
