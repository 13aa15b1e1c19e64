"""What goes over the control socket: one JSON object a line, in both directions, versioned and bounded.

The writer greets (`{"v": 1, "since": …, "may": [...]}`), or refuses in one line and hangs up. Then each
request gets one answer, in order:

    {"v": 1, "id": 7, "op": "pause", "names": ["fra1"]}   →   {"v": 1, "id": 7, "ok": {}}
                                                         or   {"v": 1, "id": 7, "error": "one line"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from wgmon_tui.config.value_parsers import InvalidValueError, parse_name, parse_text
from wgmon_tui.text import format_list

VERSION = 1

MAX_REQUEST_BYTES = 2**20
"""Bytes. A re-check of ten thousand servers names every one of them."""

MAX_ANSWER_BYTES = 8 * 2**20
"""Bytes. One round of a server, with the packets of all its addresses."""

MAX_TEXT_CHARS = 1000
"""Characters of a note."""

MAX_NAMES = 100_000

_MAX_NAMES_SHOWN = 3
"""So many servers are named in the log; of more it says how many they are."""


class Operation(Enum):
    """What can be asked of the writer."""

    RECHECK = "recheck"
    PAUSE = "pause"
    RESUME = "resume"
    ACKNOWLEDGE = "acknowledge"
    NOTE = "note"
    MUTE = "mute"
    UNMUTE = "unmute"
    TEST_SINK = "test sink"
    RETRY_ALERT = "retry alert"
    ACKNOWLEDGE_ALERTS = "see alerts"
    ROUND = "round"
    STATS = "stats"
    EDIT = "edit"


CHANGING_OPERATIONS = frozenset(
    {
        Operation.RECHECK,
        Operation.PAUSE,
        Operation.RESUME,
        Operation.ACKNOWLEDGE,
        Operation.NOTE,
        Operation.MUTE,
        Operation.UNMUTE,
        Operation.TEST_SINK,
        Operation.RETRY_ALERT,
        Operation.ACKNOWLEDGE_ALERTS,
    }
)
"""What is recorded with the name of whoever asked."""

GROUP_OPERATIONS = CHANGING_OPERATIONS | {Operation.ROUND, Operation.STATS}
"""What the members of the state directory's group may ask."""


class BadMessageError(Exception):
    """Bytes that are no message of ours. The message is one line."""


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """What is asked: about which servers or sinks, or of which incident, and in which words.

    `until` is a Unix time, 0 for none; `number` is an alert's id.
    """

    id: int
    operation: Operation
    names: tuple[str, ...] = ()
    incident: str = ""
    text: str = ""
    until: float = 0.0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a writer says first: writing since which Unix time, and what this account may ask."""

    since: float
    allowed: frozenset[Operation]


def encode_request(request: ControlRequest) -> bytes:
    """A request as it is sent."""
    return _encode(
        {
            "id": request.id,
            "op": request.operation.value,
            "names": list(request.names),
            "incident": request.incident,
            "text": request.text,
            "until": request.until,
            "number": request.number,
        }
    )


def parse_request(line: bytes) -> ControlRequest:
    """Raises BadMessageError."""
    raw = parse_message(line)
    try:
        operation = Operation(raw.get("op"))
    except ValueError:
        known = ", ".join(each.value for each in Operation)
        raise BadMessageError(f"op: expected one of {known}") from None
    names = raw.get("names", [])
    if not isinstance(names, list) or len(names) > MAX_NAMES:
        raise BadMessageError("names: expected a list of servers")
    return ControlRequest(
        _number(raw.get("id"), "id"),
        operation,
        tuple(_text(name, "names", parse_name) for name in names),
        _text(raw.get("incident", ""), "incident", parse_text),
        _text(raw.get("text", ""), "text", parse_text),
        _until(raw.get("until", 0.0)),
        _number(raw.get("number", 0), "number"),
    )


def describe_request(request: ControlRequest, who: str) -> str:
    """What was asked and by whom, for the log."""
    if request.names:
        what = format_list(request.names, most=_MAX_NAMES_SHOWN)
    else:
        what = f"incident {request.incident}" if request.incident else f"{request.number}"
    text = f': "{request.text}"' if request.text else ""
    return f"{who} asked: {request.operation.value} {what}{text}"


def encode_answer(request: int | None, ok: Mapping[str, object]) -> bytes:
    """What was asked for."""
    return _encode({"id": request, "ok": dict(ok)})


def encode_error(request: int | None, reason: str) -> bytes:
    """Why not; `request` is None where it is about the connection."""
    return _encode({"id": request, "error": reason})


def encode_greeting(greeting: Greeting) -> bytes:
    """The first line of a writer."""
    return _encode({"since": greeting.since, "may": sorted(each.value for each in greeting.allowed)})


def parse_greeting(line: bytes) -> Greeting:
    """Operations that only another version knows are left out. Raises BadMessageError."""
    raw = parse_message(line)
    if isinstance(error := raw.get("error"), str):
        raise BadMessageError(error)
    since, allowed = raw.get("since"), raw.get("may")
    if not isinstance(since, int | float) or not isinstance(allowed, list):
        raise BadMessageError("no greeting came")
    known = {each.value: each for each in Operation}
    return Greeting(float(since), frozenset(known[word] for word in allowed if word in known))


def parse_message(line: bytes) -> dict[str, object]:
    """One message of our version. Raises BadMessageError."""
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raise BadMessageError("expected one JSON object a line") from None
    if not isinstance(raw, dict):
        raise BadMessageError("expected one JSON object a line")
    if raw.get("v") != VERSION:
        raise BadMessageError(
            f"one end of this connection speaks version {VERSION}, the other does not: "
            "start the older wgmon-tui anew"
        )
    return raw


def _encode(fields: Mapping[str, object]) -> bytes:
    return json.dumps({"v": VERSION, **fields}, separators=(",", ":")).encode() + b"\n"


def _number(value: object, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise BadMessageError(f"{key}: expected a number")
    return value


def _until(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise BadMessageError("until: expected a Unix time")
    return float(value)


def _text(value: object, key: str, parse: Callable[[str], str]) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS:
        raise BadMessageError(f"{key}: expected text of at most {MAX_TEXT_CHARS} characters")
    try:
        return parse(value)
    except InvalidValueError as error:
        raise BadMessageError(f"{key}: {error}") from None
