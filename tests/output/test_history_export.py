from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.sample_rounds import STARTED_AT
from tests.output.sample_store import GOOD, HOUR, LOST, NAMES, write_store
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.incidents import Incident, VerdictChange
from wgmon_tui.output.csv_format import csv_lines
from wgmon_tui.output.history_export import (
    COLUMNS,
    ExportRequest,
    Format,
    Kind,
    check_object,
    exchange_objects,
    export_parts,
    incident_object,
    packet_objects,
)
from wgmon_tui.output.json_lines import one_line
from wgmon_tui.store.history import History
from wgmon_tui.store.models import ExchangeSummary, Note, StoredCheck
from wgmon_tui.store.store_version import STORE

CHECK_KEYS = [
    "server",
    "vantage",
    "address",
    "verdict",
    "severity",
    "decides",
    "rtt_ms",
    "tunnel",
    "started_at",
]
INCIDENT_KEYS = [
    "id",
    "server",
    "vantage",
    "verdict",
    "severity",
    "summary",
    "opened_at",
    "closed_at",
    "duration_s",
    "flapping",
    "acknowledged_at",
    "acknowledged_by",
    "notes",
    "verdict_now",
    "verdicts",
    "verdicts_omitted",
]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    state = tmp_path_factory.mktemp("state")
    write_store(state)
    history = History(state / STORE)
    yield history
    history.close()


def export(history: History, kind: Kind, form: Format, since: float = 0.0, until: float = 1e12) -> bytes:
    return b"".join(export_parts(history, ExportRequest(kind, form, NAMES, since, until)))


def lines(history: History, kind: Kind, since: float = 0.0, until: float = 1e12) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export(history, kind, "json", since, until).splitlines()]


def rows(history: History, kind: Kind) -> list[dict[str, str]]:
    text = export(history, kind, "csv").decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


# Checks


def test_checks_come_server_by_server_in_the_order_of_time(history: History) -> None:
    found = lines(history, "checks")
    assert [(each["server"], each["verdict"]) for each in found] == [
        ("ams2", "healthy"),
        ("fra1", "healthy"),
        ("fra1", "silent"),
        ("fra1", "dns-failure"),
    ]
    assert list(found[0]) == CHECK_KEYS
    assert found[1]["rtt_ms"] == 12.346
    assert found[1]["tunnel"] == {"sent": 3, "received": 2, "rtt_ms": 12.0}
    assert found[1]["started_at"] == "2023-11-14T22:13:20.250+00:00"


def test_absent_facts_of_a_check_are_null_in_json_and_empty_in_csv(history: History) -> None:
    found = lines(history, "checks")[3]
    assert [key for key, value in found.items() if value is None] == ["address", "rtt_ms", "tunnel"]
    row = rows(history, "checks")[3]
    assert [key for key, cell in row.items() if not cell] == [
        "address",
        "rtt_ms",
        "tunnel_sent",
        "tunnel_received",
        "tunnel_rtt_ms",
    ]


def test_since_is_inside_and_until_is_not(history: History) -> None:
    start = STARTED_AT + HOUR
    assert [each["verdict"] for each in lines(history, "checks", start, start + HOUR)] == ["silent"]


# Incidents


def test_incidents_come_with_their_notes_and_an_open_one_has_no_end(history: History) -> None:
    closed, open_ = lines(history, "incidents")
    assert list(closed) == INCIDENT_KEYS
    assert (closed["duration_s"], open_["duration_s"], open_["closed_at"]) == (HOUR, None, None)
    assert closed["notes"] == [{"at": "2023-11-14T23:13:20.250+00:00", "who": "ada", "text": "a fibre\ncut"}]
    assert closed["flapping"] is False
    assert (closed["verdict"], closed["verdict_now"], closed["verdicts_omitted"]) == ("silent", "silent", 0)
    assert closed["verdicts"] == [
        {"at": "2023-11-14T23:13:20.250+00:00", "verdict": "slow", "summary": "=slow"},
        {"at": "2023-11-14T23:13:25.250+00:00", "verdict": "silent", "summary": "=nothing came"},
    ]
    assert open_["verdicts"] == []


def test_an_incident_belongs_to_every_window_that_it_reaches_into(history: History) -> None:
    def ids(since: float, until: float) -> list[str]:
        return [each["id"] for each in lines(history, "incidents", STARTED_AT + since, STARTED_AT + until)]

    assert ids(1.5 * HOUR, 1.6 * HOUR) == ["i1"]
    assert ids(2.5 * HOUR, 2.6 * HOUR) == []
    assert ids(9 * HOUR, 10 * HOUR) == ["i2"]


def test_what_people_wrote_runs_in_no_spreadsheet(history: History) -> None:
    first = rows(history, "incidents")[0]
    assert first["summary"] == "'=nothing came"
    assert first["notes"] == r"2023-11-14T23:13:20.250+00:00 ada a fibre\ncut"


# Exchanges


def test_every_packet_of_every_address_is_in_every_form(history: History) -> None:
    sent = [packet.data for each in (GOOD, LOST) for check in each.checks for packet in check.exchange]
    described = [packet["hex"] for each in lines(history, "exchange") for packet in each["exchange"]]
    assert described == [packet.hex() for packet in sent]
    assert [row["hex"] for row in rows(history, "exchange")] == described
    capture = export(history, "exchange", "pcapng")
    at = 0
    for packet in sent:
        at = capture.index(packet, at) + len(packet)


def test_an_exchange_says_why_it_was_kept(history: History) -> None:
    kept = [(each["kind"], each["incident"], each["address"]) for each in lines(history, "exchange")]
    assert kept == [
        ("good", None, "192.0.2.7"),
        ("failure", "i1", "192.0.2.7"),
        ("failure", "i1", "2001:db8::7"),
    ]


# Text from outside


texts = st.text(max_size=20)
times = st.floats(0, 4e9)
verdicts = st.sampled_from(Verdict)
pasts = st.builds(
    StoredCheck,
    at=times,
    address=st.none() | st.ip_addresses(),
    vantage=texts,
    verdict=verdicts,
    is_deciding=st.booleans(),
    rtt=st.none() | st.floats(0, 100),
    tunnel_sent=st.none() | st.integers(0, 100),
    tunnel_received=st.none() | st.integers(0, 100),
    tunnel_rtt=st.none() | st.floats(0, 100),
)
incidents = st.builds(
    Incident,
    id=texts,
    server=texts,
    vantage=texts,
    opened_at=times,
    verdict=verdicts,
    severity=st.sampled_from(Severity),
    summary=texts,
    closed_at=st.none() | times,
    flapping=st.booleans(),
    acknowledged_at=st.none() | times,
    acknowledged_by=texts,
    verdicts=st.lists(st.builds(VerdictChange, at=times, verdict=verdicts, summary=texts), max_size=3).map(
        tuple
    ),
)
notes = st.lists(st.builds(Note, at=times, who=texts, text=texts), max_size=3)


@given(texts, pasts)
def test_a_check_is_a_line_of_ascii_and_a_full_row(server: str, past: StoredCheck) -> None:
    line = one_line(check_object(server, past))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["server"] == server
    _full_row("checks", check_object(server, past))


@given(incidents, notes)
def test_an_incident_is_a_line_of_ascii_and_a_full_row(incident: Incident, notes: list[Note]) -> None:
    line = one_line(incident_object(incident, notes))
    assert line.isascii()
    assert line.isprintable()
    assert [note["text"] for note in json.loads(line)["notes"]] == [note.text for note in notes]
    _full_row("incidents", incident_object(incident, notes))


def test_a_row_has_every_column_that_its_kind_promises() -> None:
    line = ExchangeSummary(1, "fra1", STARTED_AT, "good", Verdict.HEALTHY, None)
    assert [set(each) >= set(COLUMNS["exchange"]) for each in packet_objects(GOOD, line)] == [True] * 3
    assert [each["id"] for each in exchange_objects(GOOD, line)] == [1]
    assert [each["kind"] for each in exchange_objects(GOOD, replace(line, vantage="nyc"))] == ["sight"]


def _full_row(kind: Kind, value: dict[str, object]) -> None:
    text = "".join(csv_lines(COLUMNS[kind], [value]))
    header, row = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert len(row) == len(header)
    told = {column.split("_")[0] if column.startswith("tunnel_") else column for column in header}
    assert told == set(value)
