"""Messages of the control socket: one JSON object per line in both directions, versioned and limited in size.

The writer sends a greeting (`{"v": 1, "since": …, "may": [...]}`), or an error line and closes. Then each
request gets one answer, in order. Only the answers to `probe` and `trace` come when these end:

    {"v": 1, "id": 7, "op": "pause", "names": ["fra1"]}   →   {"v": 1, "id": 7, "ok": {}}
                                                         or   {"v": 1, "id": 7, "error": "one line"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import Enum

from wgmon_tui.checks.path_trace import TraceOptions
from wgmon_tui.config.value_parsers import InvalidValueError, parse_name, parse_text
from wgmon_tui.control.trace_request import options_as_json, options_from_json
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_list, format_local_time

VERSION = 1

MAX_REQUEST_BYTES = 2**20
"""In bytes. A recheck of ten thousand servers lists every name."""

MAX_ANSWER_BYTES = 8 * 2**20
"""In bytes. The largest answer is one round with the packets of all addresses of a server."""

MAX_TEXT_CHARS = 1000
"""The longest note, in characters."""

MAX_NAMES = 100_000

UNWRITABLE = "unwritable"
"""The key of an answer to a change that the history cannot take now; it stands beside `warning`."""

_MAX_DEPTH_WORDS = 16

_MAX_NAMES_SHOWN = 3
"""The number of servers that the log names; above it, the log gives their number."""


class Operation(Enum):
    """The operations that a viewer can request from the writer."""

    RECHECK = "recheck"
    PAUSE = "pause"
    RESUME = "resume"
    PAUSE_UNTIL = "pause until"
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
    PROBE = "probe"
    PROBE_WITH_KEYS = "probe with keys"
    SOAKS = "soaks"
    TRACE = "trace"
    TRACE_PROGRESS = "trace progress"


CHANGING_OPERATIONS = frozenset(
    {
        Operation.RECHECK,
        Operation.PAUSE,
        Operation.RESUME,
        Operation.PAUSE_UNTIL,
        Operation.ACKNOWLEDGE,
        Operation.NOTE,
        Operation.MUTE,
        Operation.UNMUTE,
        Operation.TEST_SINK,
        Operation.RETRY_ALERT,
        Operation.ACKNOWLEDGE_ALERTS,
    }
)
"""The operations that are logged with the account that requested them."""

GROUP_OPERATIONS = CHANGING_OPERATIONS | {
    Operation.ROUND,
    Operation.STATS,
    Operation.PROBE,
    Operation.SOAKS,
    Operation.TRACE,
    Operation.TRACE_PROGRESS,
}
"""The operations allowed for members of the state directory's group: none that shows or changes a secret."""

CHECKING_OPERATIONS = frozenset({Operation.PROBE, Operation.PROBE_WITH_KEYS, Operation.TRACE})
"""The operations that take as long as a check. Other requests of the connection do not wait for them."""


class BadMessageError(Exception):
    """The bytes are not a valid message. The error message is one line."""


class BusyMessageError(BadMessageError):
    """The message says that the writer has no free connection now, as the message of the error does."""


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A request: an operation, with names of servers or sinks, an incident, and a text.

    `until` is a Unix time, 0 for none. `number` is the id of an alert. `depth` and `digest` belong to a probe
    (see round_request.py), `trace` to a trace.
    """

    id: int
    operation: Operation
    names: tuple[str, ...] = ()
    incident: str = ""
    text: str = ""
    until: float = 0.0
    number: int = 0
    depth: tuple[str, ...] = ()
    digest: str = ""
    trace: TraceOptions | None = None


@dataclass(frozen=True, slots=True)
class Greeting:
    """The writer's first message: the Unix time of its start, and the operations allowed for this account."""

    since: float
    allowed: frozenset[Operation]


def encode_request(request: ControlRequest) -> bytes:
    """Encode a request as one line."""
    probe = {"depth": list(request.depth), "digest": request.digest} if request.digest else {}
    trace = {"trace": options_as_json(request.trace)} if request.trace else {}
    return _encode(
        {
            "id": request.id,
            "op": request.operation.value,
            "names": list(request.names),
            "incident": request.incident,
            "text": request.text,
            "until": request.until,
            "number": request.number,
            **probe,
            **trace,
        }
    )


def parse_request(line: bytes) -> ControlRequest:
    """Parse a request. Raises BadMessageError."""
    raw = parse_message(line)
    try:
        operation = Operation(raw.get("op"))
    except ValueError:
        known = ", ".join(each.value for each in Operation)
        raise BadMessageError(f"op: expected one of {known}") from None
    names = raw.get("names", [])
    if not isinstance(names, list) or len(names) > MAX_NAMES:
        raise BadMessageError("names: expected a list of server or sink names")
    depth = raw.get("depth", [])
    if not isinstance(depth, list) or len(depth) > _MAX_DEPTH_WORDS:
        raise BadMessageError("depth: expected a list of words")
    return ControlRequest(
        _number(raw.get("id"), "id"),
        operation,
        tuple(_text(name, "names", parse_name) for name in names),
        _text(raw.get("incident", ""), "incident", parse_text),
        _text(raw.get("text", ""), "text", parse_text),
        _until(raw.get("until", 0.0)),
        _number(raw.get("number", 0), "number"),
        tuple(_text(word, "depth", parse_name) for word in depth),
        _text(raw.get("digest", ""), "digest", parse_text),
        _trace_options(raw["trace"]) if "trace" in raw else None,
    )


def describe_request(request: ControlRequest, who: str) -> str:
    """One log line for a request and the account that sent it."""
    if request.names:
        what = format_list(request.names, most=_MAX_NAMES_SHOWN)
    else:
        what = f"incident {request.incident}" if request.incident else f"{request.number}"
    text = f': "{request.text}"' if request.text else ""
    if request.operation is Operation.PAUSE_UNTIL:
        return f"{who} requested: pause {what} until {format_local_time(request.until, zone=True)}"
    return f"{who} requested: {request.operation.value} {what}{text}"


def encode_answer(request: int | None, ok: Mapping[str, object]) -> bytes:
    """Encode a successful answer."""
    return _encode({"id": request, "ok": dict(ok)})


def encode_error(request: int | None, reason: str) -> bytes:
    """Encode an error; `request` is None if it concerns the connection."""
    return _encode({"id": request, "error": reason})


def encode_busy(reason: str) -> bytes:
    """Encode the first line for a client that has to try again later."""
    return _encode({"id": None, "error": reason, "busy": True})


def encode_greeting(greeting: Greeting) -> bytes:
    """Encode the writer's first line."""
    return _encode({"since": greeting.since, "may": sorted(each.value for each in greeting.allowed)})


def parse_greeting(line: bytes) -> Greeting:
    """Parse a greeting, without operations of other versions. Raises BadMessageError, BusyMessageError."""
    raw = parse_message(line)
    if isinstance(error := raw.get("error"), str):
        raise BusyMessageError(error) if raw.get("busy") is True else BadMessageError(error)
    since, allowed = raw.get("since"), raw.get("may")
    if not isinstance(since, int | float) or not isinstance(allowed, list):
        raise BadMessageError("expected a greeting from the writer")
    known = {each.value: each for each in Operation}
    return Greeting(float(since), frozenset(known[word] for word in allowed if word in known))


def parse_message(line: bytes) -> dict[str, object]:
    """Parse one message of this protocol version. Raises BadMessageError."""
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raise BadMessageError("expected one JSON object per line") from None
    if not isinstance(raw, dict):
        raise BadMessageError("expected one JSON object per line")
    if raw.get("v") != VERSION:
        raise BadMessageError(
            f"the writer and the viewer use different protocol versions (here {VERSION}): "
            "restart the older wgmon-tui"
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


def _trace_options(value: object) -> TraceOptions:
    try:
        return options_from_json(value)
    except ValueError as error:
        raise BadMessageError(f"trace: {error}") from None


def _text(value: object, key: str, parse: Callable[[str], str]) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS:
        raise BadMessageError(f"{key}: expected text of at most {MAX_TEXT_CHARS} characters")
    try:
        return parse(value)
    except InvalidValueError as error:
        raise BadMessageError(f"{key}: {error}") from None
