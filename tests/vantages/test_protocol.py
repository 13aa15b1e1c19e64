"""Tests of the agent protocol: encoded messages are decoded again, and other lines are refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.formats.test_record_codec import rounds
from tests.vantages.sample_rounds import FRA1, healthy, silent
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.monitor.models import Round
from wgmon_tui.store.formats.server_entry import server_to_entry
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
from wgmon_tui.vantages.protocol import (
    MAX_ENTRY_CHARS,
    MAX_LINE_BYTES,
    PROTOCOL,
    BadLineError,
    encode_message,
    encode_report,
    encode_report_body,
    parse_to_agent,
    parse_to_writer,
    without_packets,
)

TO_AGENT: list[ToAgent] = [
    WriterHello(PROTOCOL, "0.1.0", "fra"),
    ServerChanges((ServerEntry("fra1", server_to_entry(FRA1)),), ("old",), begin=True, more=True),
    RecheckRequest(("fra1", "ams1")),
    Ack(7),
]
TO_WRITER: list[ToWriter] = [
    AgentHello(PROTOCOL, "0.1.0", "9f", "key", 7, 1.5),
    CheckReport(7, "fra1", silent()),
    AgentStatus(4.5, 3, 1, "no identity", (ServerProblem("fra1", "no key"),), 2.5),
    Bye("another writer came"),
]
PARSERS = [parse_to_agent, parse_to_writer]
Parse = Callable[[bytes], ToAgent | ToWriter]


@pytest.mark.parametrize("message", TO_AGENT)
def test_what_a_writer_says_is_what_an_agent_reads(message: ToAgent) -> None:
    assert parse_to_agent(encode_message(message)) == message


@pytest.mark.parametrize("message", TO_WRITER)
def test_what_an_agent_says_is_what_a_writer_reads(message: ToWriter) -> None:
    assert parse_to_writer(encode_message(message)) == message


@given(rounds)
def test_any_round_is_one_printable_line_that_is_read_as_a_round(outcome: Round) -> None:
    line = encode_report(7, encode_report_body("fra1", outcome))
    assert line.endswith(b"\n")
    assert line[:-1].decode().isprintable()
    try:
        read = parse_to_writer(line)
    except BadLineError:
        # No round of a prober has infinite times or numbers beyond 53 bits.
        return
    assert isinstance(read, CheckReport)
    assert [check.exchange for check in read.round.checks] == [check.exchange for check in outcome.checks]


def test_text_that_would_move_a_cursor_arrives_as_text_that_tells_of_it() -> None:
    [check] = healthy().checks
    outcome = Round((check,), (Diagnosis(Verdict.HEALTHY, "\x1b[2J gone \u202e"),))
    read = parse_to_writer(encode_report(1, encode_report_body("fra1", outcome)))
    assert isinstance(read, CheckReport)
    assert read.round.diagnosis.summary == "\\x1b[2J gone \\u202e"


@pytest.mark.parametrize(
    "line",
    [
        b'{"bye":{"line":"\\u001b[2J"}}',
        b'{"bye":{"line":"\\n"}}',
        b'{"bye":{"line":"\x1b[2J"}}',
        '{"bye":{"line":"\u202e"}}'.encode(),
        b'{"bye":{"line":"\xff"}}',
        b'{"bye":{"line":"' + b"x" * 501 + b'"}}',
        b'{"bye":{"line":3}}',
        b'{"bye":{"line":"a"},"status":{}}',
        b'{"status":{"checks_per_second":NaN,"waiting":0,"dropped":0}}',
        b'{"status":{"checks_per_second":1e999,"waiting":0,"dropped":0}}',
        b'{"status":{"checks_per_second":1,"waiting":99999999999999999999,"dropped":0}}',
        b'{"status":{"checks_per_second":1,"waiting":-1,"dropped":0}}',
        b'{"hello":{"version":"0.1.0"}}',
        b'{"sudo":{}}',
        b"[]",
        b"7",
        b"",
        b"Welcome to Debian",
        b'{"bye":' * 5000,
        b'{"bye":{"line":"' + b"x" * MAX_LINE_BYTES + b'"}}',
    ],
)
@pytest.mark.parametrize("parse", PARSERS)
def test_what_is_no_line_is_refused_in_words_that_are_safe_to_show(parse: Parse, line: bytes) -> None:
    with pytest.raises(BadLineError) as refused:
        parse(line)
    assert str(refused.value).isprintable()


def test_a_server_whose_entry_is_too_long_is_refused() -> None:
    line = encode_message(ServerChanges((ServerEntry("fra1", "x" * (MAX_ENTRY_CHARS + 1)),)))
    with pytest.raises(BadLineError, match=f"at most {MAX_ENTRY_CHARS} characters per server"):
        parse_to_agent(line)


def test_a_report_without_a_diagnosis_for_each_check_is_refused() -> None:
    raw = json.loads(encode_message(CheckReport(1, "fra1", healthy())))
    raw["report"]["round"]["diagnoses"] = []
    with pytest.raises(BadLineError, match="one diagnosis for each check"):
        parse_to_writer(json.dumps(raw).encode())


def test_a_round_whose_packets_are_too_many_goes_without_them() -> None:
    [check] = silent().checks
    many = Round(tuple(check for _ in range(900)), tuple(silent().diagnosis for _ in range(900)))
    assert encode_report_body("fra1", many) == encode_report_body("fra1", without_packets(many))


def test_of_another_protocol_the_hello_alone_is_understood() -> None:
    line = b'{"hello":{"protocol":2,"version":"0.9.0","epoch":["of","another","form"]}}'
    assert parse_to_writer(line) == AgentHello(2, "0.9.0")
    assert parse_to_agent(line) == WriterHello(2, "0.9.0")


@pytest.mark.parametrize("parse", PARSERS)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_refused(parse: Parse, line: bytes) -> None:
    with_the_one_error(parse, line)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@pytest.mark.parametrize("parse", PARSERS)
@given(st.sampled_from(["hello", "servers", "recheck", "ack", "report", "status", "bye"]), _json)
def test_any_json_behind_a_known_word_is_a_message_or_refused(parse: Parse, word: str, raw: object) -> None:
    with_the_one_error(parse, json.dumps({word: raw}, ensure_ascii=False).encode(errors="replace"))


_lines = st.sampled_from([encode_message(message) for message in (*TO_AGENT, *TO_WRITER)])


@pytest.mark.parametrize("parse", PARSERS)
@given(_lines, st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=3)), max_size=4))
def test_a_line_damaged_anywhere_is_a_message_or_refused(
    parse: Parse, line: bytes, damage: list[tuple[int, bytes]]
) -> None:
    for at, put in damage:
        at %= len(line)
        line = line[:at] + put + line[at + len(put) :]
    with_the_one_error(parse, line)


_reported = json.loads(encode_message(CheckReport(7, "fra1", silent())))


@given(st.data())
def test_a_report_with_any_value_in_the_place_of_another_is_one_or_refused(data: st.DataObject) -> None:
    raw = json.loads(json.dumps(_reported))
    holder: object = raw
    while True:
        if isinstance(holder, dict) and holder:
            key: str | int = data.draw(st.sampled_from(sorted(holder)))
        elif isinstance(holder, list) and holder:
            key = data.draw(st.integers(0, len(holder) - 1))
        else:
            return
        inner = holder[key]  # type: ignore[index]  # a key of this dict, or an index of this list
        if not isinstance(inner, dict | list) or data.draw(st.booleans()):
            holder[key] = data.draw(_json)  # type: ignore[index]  # the same
            break
        holder = inner
    with_the_one_error(parse_to_writer, json.dumps(raw, ensure_ascii=False).encode(errors="replace"))


def with_the_one_error(parse: Parse, line: bytes) -> None:
    said = ""
    try:
        parse(line)
    except BadLineError as error:
        said = str(error)
    assert said.isprintable()
