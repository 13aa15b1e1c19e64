"""Messages of the control socket in the golden files: requests of viewers and answers of a writer."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from tests.golden import GoldenFile
from tests.store.golden.rounds import AT
from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.checks.path_trace import Hop, HopAnswer, PathTrace, TraceOptions
from wgmon_tui.control.protocol import (
    GROUP_OPERATIONS,
    ControlRequest,
    Greeting,
    Operation,
    encode_answer,
    encode_error,
    encode_greeting,
    encode_request,
    parse_greeting,
    parse_message,
    parse_request,
)
from wgmon_tui.control.trace_request import answer_trace, read_trace
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.vantages.collector.manager import statuses_as_json, statuses_from_json

HERE = Path(__file__).parent

_LATER = (Operation.PROBE, Operation.PROBE_WITH_KEYS)
_LATEST = (Operation.SOAKS,)
_TIMED_PAUSE = (Operation.PAUSE_UNTIL,)
_TRACES = (Operation.TRACE, Operation.TRACE_PROGRESS)
_FIRST = tuple(each for each in Operation if each not in (*_LATER, *_LATEST, *_TIMED_PAUSE, *_TRACES))

TRACE = PathTrace(
    IPv4Address("203.0.113.9"),
    51820,
    (
        Hop(1, HopAnswer.EXPIRED, ("10.0.0.1", "10.0.1.1"), 3, (0.001, 0.002)),
        Hop(2, HopAnswer.NOTHING, (), 3),
        Hop(
            3,
            HopAnswer.REFUSED,
            ("10.0.2.1",),
            3,
            (0.004,),
            IcmpError(0.0, 4, 3, 13, "10.0.2.1", False, quotes_packet=False),
            is_quoted=False,
        ),
    ),
    tried=8,
    round=2,
    rounds=3,
    is_finished=False,
    other_addresses=(IPv6Address("2001:db8::9"),),
    is_waiting=True,
)

REQUESTS = (
    *(ControlRequest(number, operation) for number, operation in enumerate(_FIRST, 1)),
    ControlRequest(77, Operation.MUTE, ("fra1", "ams1"), "9f00000000000001", "Ü – ✖", AT, 12),
    *(ControlRequest(number, operation) for number, operation in enumerate(_LATER, len(_FIRST) + 1)),
    ControlRequest(78, Operation.PROBE, ("fra1",), depth=("deep", "explain"), digest="9f" * 32),
    ControlRequest(79, Operation.PROBE, ("fra1",), depth=("deep", "explain", "soak"), digest="9f" * 32),
    ControlRequest(80, Operation.SOAKS, ("fra1",)),
    ControlRequest(81, Operation.PAUSE_UNTIL, ("fra1",), until=AT),
    ControlRequest(82, Operation.TRACE, ("fra1",), trace=TraceOptions()),
    ControlRequest(
        83,
        Operation.TRACE,
        ("fra1",),
        digest="9f" * 32,
        trace=TraceOptions(5, 12, 0.5, IPv6Address("2001:db8::9")),
    ),
    ControlRequest(84, Operation.TRACE_PROGRESS, ("fra1",)),
)

GREETINGS = (
    Greeting(AT, frozenset(_FIRST)),
    Greeting(AT, frozenset(GROUP_OPERATIONS - {*_LATER, *_LATEST, *_TIMED_PAUSE, *_TRACES})),
    Greeting(AT, frozenset()),
    Greeting(AT, frozenset(Operation) - {*_LATEST, *_TIMED_PAUSE, *_TRACES}),
    Greeting(AT, GROUP_OPERATIONS - {*_LATEST, *_TIMED_PAUSE, *_TRACES}),
    Greeting(AT, frozenset(Operation) - {*_TIMED_PAUSE, *_TRACES}),
    Greeting(AT, GROUP_OPERATIONS - {*_TIMED_PAUSE, *_TRACES}),
    Greeting(AT, frozenset(Operation) - {*_TRACES}),
    Greeting(AT, GROUP_OPERATIONS - {*_TRACES}),
    Greeting(AT, frozenset(Operation)),
    Greeting(AT, GROUP_OPERATIONS),
)

STATUSES = (
    VantageStatus("ams", True, AT, "0.1.0", 4.5, 3, "no identity", "a key", 1),
    VantageStatus("nyc", False, AT),
)

ANSWERS: tuple[dict[str, Any], ...] = (
    {},
    {"checks_per_second": 4.5, "lag": 0.25, "warnings": ["the disk is full"], "sinks": ["mail"]},
    {"warning": "the store cannot be written now"},
    {"round": b64encode(b"\x01").decode()},
    {"round": None, "why": "the server is paused"},
    {"round": b64encode(b"\x01").decode(), "ports": {"4": 40001}, "ephemerals": ["a key"]},
)

ERRORS: tuple[tuple[int | None, str], ...] = ((7, "there is no server ams9"), (None, "not for ada"))


def _read_answer(text: str) -> object:
    return parse_message(text.encode())["ok"]


def _read_trace(text: str) -> PathTrace | None:
    ok: Any = _read_answer(text)
    return read_trace(ok)


def _read_error(text: str) -> tuple[object, object]:
    raw = parse_message(text.encode())
    return raw["id"], raw["error"]


def _write_statuses(statuses: tuple[VantageStatus, ...]) -> str:
    return encode_answer(7, {"vantages": statuses_as_json(statuses)}).decode().removesuffix("\n")


def _read_statuses(text: str) -> tuple[VantageStatus, ...]:
    ok: Any = _read_answer(text)
    return statuses_from_json(ok["vantages"])


FILES = (
    GoldenFile(
        HERE / "control_requests.jsonl",
        REQUESTS,
        lambda request: encode_request(request).decode().removesuffix("\n"),
        lambda text: parse_request(text.encode()),
    ),
    GoldenFile(
        HERE / "control_greetings.jsonl",
        GREETINGS,
        lambda greeting: encode_greeting(greeting).decode().removesuffix("\n"),
        lambda text: parse_greeting(text.encode()),
    ),
    GoldenFile(
        HERE / "control_answers.jsonl",
        ANSWERS,
        lambda ok: encode_answer(7, ok).decode().removesuffix("\n"),
        _read_answer,
    ),
    GoldenFile(
        HERE / "traces.jsonl",
        (TRACE, replace(TRACE, hops=(), is_finished=True, is_waiting=False)),
        lambda trace: encode_answer(7, answer_trace(trace)).decode().removesuffix("\n"),
        _read_trace,
    ),
    GoldenFile(
        HERE / "control_errors.jsonl",
        ERRORS,
        lambda error: encode_error(*error).decode().removesuffix("\n"),
        _read_error,
    ),
    GoldenFile(
        HERE / "vantage_statuses.jsonl",
        [STATUSES, (replace(STATUSES[0], trouble=""),), ()],
        _write_statuses,
        _read_statuses,
    ),
)
