"""Protocol between a writer and an agent: one JSON object per line.

The writer sends the first line. Each object has one key, the type of the message:

    {"hello": {"protocol": 1, "version": "0.1.0", "vantage": "fra"}}        writer → agent
    {"servers": …}, {"recheck": …}, {"ack": …}
    {"hello": {"protocol": 1, "version": "0.1.0", "epoch": "9f…", …}}       agent → writer
    {"report": …}, {"status": …}, {"bye": …}

Every line is printable text. Of JSON's escapes only those of quote, backslash and slash are allowed, so no
line can contain a terminal control character. Numbers are finite and fit 53 bits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from wgmon_tui.config.value_parsers import InvalidValueError, parse_name
from wgmon_tui.monitor.models import Round
from wgmon_tui.store.formats.record_codec import UnreadableValueError, codec_of
from wgmon_tui.store.formats.stored_names import STORED_NAMES, StoredNames, StoredRecord
from wgmon_tui.text import printable
from wgmon_tui.vantages.messages import (
    Ack,
    AgentHello,
    AgentStatus,
    Bye,
    CheckReport,
    RecheckRequest,
    ServerChanges,
    ServerEntry,
    ServerProblem,
    ToAgent,
    ToWriter,
    WriterHello,
)

PROTOCOL = 1

MAX_LINE_BYTES = 2**20
"""The longest line in bytes, including the newline."""

MAX_REPORT_BYTES = 2**18
"""The largest report in bytes. A larger one is sent without its packets."""

MAX_ENTRIES = 500
"""The largest number of servers in one line."""

MAX_ENTRY_CHARS = 16_384
"""The longest entry of a server, in characters. Usual ones have a few hundred."""

_MAX_TEXT_CHARS = 500
_MAX_PROBLEMS = 50
_MAX_DIGITS = 16


class BadLineError(Exception):
    """The bytes are not a valid line of this protocol. The message is one printable line."""


_TO_AGENT: Mapping[str, Any] = {
    "hello": WriterHello,
    "servers": ServerChanges,
    "recheck": RecheckRequest,
    "ack": Ack,
}
_TO_WRITER: Mapping[str, Any] = {
    "hello": AgentHello,
    "report": CheckReport,
    "status": AgentStatus,
    "bye": Bye,
}
MESSAGE_NAMES = STORED_NAMES | StoredNames(
    {
        WriterHello: StoredRecord({"protocol": "protocol", "version": "version", "vantage": "vantage"}),
        ServerEntry: StoredRecord({"name": "name", "entry": "entry"}),
        ServerChanges: StoredRecord({"servers": "servers", "gone": "gone", "begin": "begin", "more": "more"}),
        RecheckRequest: StoredRecord({"names": "names"}),
        Ack: StoredRecord({"number": "number"}),
        AgentHello: StoredRecord(
            {
                "protocol": "protocol",
                "version": "version",
                "epoch": "epoch",
                "public_key": "public_key",
                "resume_from": "resume_from",
                "clock": "clock",
            }
        ),
        CheckReport: StoredRecord({"number": "number", "server": "server", "round": "round"}),
        ServerProblem: StoredRecord({"server": "server", "line": "line"}),
        AgentStatus: StoredRecord(
            {
                "checks_per_second": "checks_per_second",
                "waiting": "waiting",
                "dropped": "dropped",
                "trouble": "trouble",
                "problems": "problems",
                "clock": "clock",
            }
        ),
        Bye: StoredRecord({"line": "line"}),
    },
    {},
)
"""The names in the protocol. The right side never changes: see store/formats/stored_names.py."""

_KEY_OF_KIND = {kind: message_key for kinds in (_TO_AGENT, _TO_WRITER) for message_key, kind in kinds.items()}


# Writing


def encode_message(message: ToAgent | ToWriter) -> bytes:
    """Encode a message as one line. Non-printable characters are replaced by printable escapes."""
    kind: Any = type(message)
    write, _ = codec_of(kind, MESSAGE_NAMES)
    return _json({_KEY_OF_KIND[kind]: write(message)}).encode() + b"\n"


def encode_report_body(server: str, outcome: Round) -> bytes:
    """Encode a report without its number, for the queue. Causes are left out: the writer adds them."""
    write, _ = codec_of(Round)
    outcome = replace(outcome, diagnoses=tuple(replace(each, causes=()) for each in outcome.diagnoses))
    body = _json({"server": server, "round": write(outcome)}).encode()
    if len(body) > MAX_REPORT_BYTES:
        body = _json({"server": server, "round": write(without_packets(outcome))}).encode()
    return body


def encode_report(number: int, body: bytes) -> bytes:
    """Encode a queued report as one line."""
    return b'{"report":{"number":%d,%b}\n' % (number, body[1:])


def is_readable_report(number: int, body: bytes) -> bool:
    """Return whether a writer can read a queued report: the file of the queue may be damaged."""
    try:
        return isinstance(parse_to_writer(encode_report(number, body)), CheckReport)
    except BadLineError:
        return False


def without_packets(outcome: Round) -> Round:
    """The same round without packets. The number of initiations stays."""
    return replace(outcome, checks=tuple(replace(check, exchange=()) for check in outcome.checks))


def _json(raw: object) -> str:
    text = json.dumps(raw, separators=(",", ":"), ensure_ascii=False)
    return text if _is_plain(text) else json.dumps(_sanitized(raw), separators=(",", ":"), ensure_ascii=False)


def _is_plain(text: str) -> bool:
    if not text.isprintable():
        return False
    for harmless in ("\\\\", '\\"', "\\/"):  # escaped backslashes first: what follows them is not an escape
        text = text.replace(harmless, "")
    return "\\" not in text


def _sanitized(raw: Any) -> Any:
    if isinstance(raw, str):
        return printable(raw)
    if isinstance(raw, dict):
        return {key: _sanitized(value) for key, value in raw.items()}
    return [_sanitized(value) for value in raw] if isinstance(raw, list) else raw


# Reading


def parse_to_agent(line: bytes) -> ToAgent:
    """Parse a writer's line. Raises BadLineError."""
    message: ToAgent = _parse(line, _TO_AGENT)
    match message:
        case WriterHello(_, version, vantage):
            _require_short(version, vantage)
        case ServerChanges(servers, gone):
            if len(servers) > MAX_ENTRIES or len(gone) > MAX_ENTRIES:
                raise BadLineError(f"servers: expected at most {MAX_ENTRIES} per line")
            _require_names(*(entry.name for entry in servers), *gone)
            if any(len(entry.entry) > MAX_ENTRY_CHARS for entry in servers):
                raise BadLineError(f"servers: expected at most {MAX_ENTRY_CHARS} characters per server")
        case RecheckRequest(names):
            _require_names(*names)
        case Ack(number):
            _require_not_negative(number)
    return message


def parse_to_writer(line: bytes) -> ToWriter:
    """Parse an agent's line. Raises BadLineError."""
    message: ToWriter = _parse(line, _TO_WRITER)
    match message:
        case AgentHello(_, version, epoch, public_key, resume_from):
            _require_short(version, epoch, public_key)
            _require_not_negative(resume_from)
        case CheckReport(number, server, outcome):
            if len(line) > MAX_REPORT_BYTES + _MAX_TEXT_CHARS:
                raise BadLineError(f"report: expected at most {MAX_REPORT_BYTES} bytes")
            _require_not_negative(number)
            _require_names(server)
            if not len(outcome.checks) == len(outcome.diagnoses) > 0:
                raise BadLineError("report: expected one diagnosis for each check")
        case AgentStatus(rate, waiting, dropped, trouble, problems):
            _require_not_negative(waiting, dropped)
            _require_short(trouble, *(problem.line for problem in problems))
            _require_names(*(problem.server for problem in problems))
            if rate < 0 or len(problems) > _MAX_PROBLEMS:
                raise BadLineError("status: counts out of range")
        case Bye(said):
            _require_short(said)
    return message


def describe_protocol_mismatch(who: str, protocol: int, version: str, local_version: str) -> str:
    """The error line for a peer with another protocol version; `local_version` is that of this process."""
    return (
        f"{who} uses protocol {protocol} (wgmon-tui {version}), this machine {PROTOCOL} ({local_version}): "
        "install the same version there"
    )


def sanitize(text: str) -> str:
    """Make a line of text printable, and short enough for a message."""
    return printable(text)[:_MAX_TEXT_CHARS]


def sanitize_problems(problems: Mapping[str, str]) -> tuple[ServerProblem, ...]:
    """The first few problems, printable and short enough for a message."""
    few = list(problems.items())[:_MAX_PROBLEMS]
    return tuple(ServerProblem(name, sanitize(line)) for name, line in few)


_EXPECTED_FORM = "expected one JSON object per line, with one known key"


def _parse(line: bytes, kinds: Mapping[str, Any]) -> Any:
    message_key, raw = _split_key(line)
    kind = kinds.get(message_key)
    if kind is None:
        raise BadLineError(_EXPECTED_FORM)
    _, read = codec_of(kind, MESSAGE_NAMES)
    try:
        if message_key == "hello" and isinstance(raw, dict) and raw.get("protocol") != PROTOCOL:
            # Of another protocol version, only these two fields are known.
            raw = {key: raw[key] for key in ("protocol", "version") if key in raw}
        return read(raw)
    except (UnreadableValueError, RecursionError):
        raise BadLineError(f"{message_key}: unknown format") from None


def _split_key(line: bytes) -> tuple[str, object]:
    """The key of a line and its value."""
    if len(line) > MAX_LINE_BYTES:
        raise BadLineError(f"expected at most {MAX_LINE_BYTES} bytes per line")
    try:
        text = line.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise BadLineError("expected text in UTF-8") from None
    if not _is_plain(text):
        raise BadLineError("expected printable text")
    try:
        found = json.loads(
            text, parse_float=_parse_finite, parse_int=_parse_bounded, parse_constant=_parse_finite
        )
    except (ValueError, RecursionError):
        raise BadLineError(_EXPECTED_FORM) from None
    if not isinstance(found, dict) or len(found) != 1:
        raise BadLineError(_EXPECTED_FORM)
    return next(iter(found.items()))


def _parse_finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError
    return number


def _parse_bounded(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError
    return int(text)


def _require_short(*texts: str) -> None:
    if any(len(text) > _MAX_TEXT_CHARS for text in texts):
        raise BadLineError(f"expected at most {_MAX_TEXT_CHARS} characters of text")


def _require_not_negative(*numbers: int) -> None:
    if any(number < 0 for number in numbers):
        raise BadLineError("expected numbers of at least 0")


def _require_names(*names: str) -> None:
    try:
        for name in names:
            parse_name(name)
    except InvalidValueError as error:
        raise BadLineError(f"name: {error}") from None
