"""Tests that compare the contents of stores and protocols with what version 0.1.0 wrote.

A golden file never changes. A new field appears in new lines at the end of its file. The old lines are then
read without it: move them to a separate file.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.golden import EXAMPLES, GoldenFile, members_of, never_set, values_of
from wgmon_tui.alerts.delivery_queue import ANNOUNCEMENT_NAMES
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.store import schema
from wgmon_tui.store.formats.stored_names import StoredNames
from wgmon_tui.store.models import PeriodState, severity_of, state_of, verdict_of
from wgmon_tui.store.store_version import VERSION
from wgmon_tui.vantages.agent import report_queue
from wgmon_tui.vantages.protocol import MESSAGE_NAMES

FILES: list[GoldenFile] = [each for name in EXAMPLES for each in import_module(name).FILES]
RECORDS = [record for golden in FILES for record in golden.records]
VALUES, MEMBERS = values_of(RECORDS), members_of(RECORDS)

TABLES: list[StoredNames] = [ANNOUNCEMENT_NAMES, MESSAGE_NAMES]
STORED_RECORDS = sorted({kind for table in TABLES for kind in table.records}, key=lambda kind: kind.__name__)
STORED_ENUMS = sorted({kind for table in TABLES for kind in table.enums}, key=lambda kind: kind.__name__)

STORE_SCHEMA = Path(__file__).parent / "store" / f"schema_version_{VERSION}.sql"
STORE_ADDITIONS = STORE_SCHEMA.with_name(f"{STORE_SCHEMA.stem}_additions.sql")
"""Tables that came without a new version, because earlier versions can leave them alone."""
REPORTS_SCHEMA = Path(__file__).parent / "vantages" / "golden" / "reports_version_1.sql"


def _name(value: object) -> str:
    return value.path.name if isinstance(value, GoldenFile) else getattr(value, "__name__", "")


@pytest.mark.parametrize("golden", FILES, ids=_name)
def test_each_record_is_written_as_the_golden_line(golden: GoldenFile) -> None:
    assert golden.written() == golden.lines()


@pytest.mark.parametrize("golden", FILES, ids=_name)
def test_each_golden_line_is_read_as_its_record(golden: GoldenFile) -> None:
    assert [golden.read(line) for line in golden.lines()] == list(golden.records)


@pytest.mark.parametrize("kind", STORED_RECORDS, ids=_name)
def test_each_optional_field_is_both_set_and_unset_in_a_golden_record(kind: type[Any]) -> None:
    assert kind in VALUES
    assert never_set(VALUES[kind], kind) == []


@pytest.mark.parametrize("kind", STORED_ENUMS, ids=_name)
def test_each_enum_member_is_in_a_golden_record(kind: type[Enum]) -> None:
    assert set(kind) <= MEMBERS


@pytest.mark.parametrize("severity", Severity)
def test_the_stored_name_of_a_severity_is_read(severity: Severity) -> None:
    assert severity_of(severity.word) is severity
    assert f'"{severity.word}"' in _store_rows()


@pytest.mark.parametrize("verdict", Verdict)
def test_the_stored_slug_of_a_verdict_is_read(verdict: Verdict) -> None:
    assert verdict_of(verdict.slug) is verdict
    assert f'"verdict": "{verdict.slug}"' in _store_rows()


@pytest.mark.parametrize("state", PeriodState)
def test_the_stored_name_of_a_state_is_read(state: PeriodState) -> None:
    assert state_of(state.value) is state
    assert f'"state": "{state.value}"' in _store_rows()


def test_a_new_store_has_the_tables_of_its_golden_schema() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create_or_migrate(connection)
        assert _tables(connection) == _golden_tables(STORE_SCHEMA, STORE_ADDITIONS)


def test_a_new_report_queue_has_the_tables_of_its_golden_schema(tmp_path: Path) -> None:
    report_queue.ReportQueue(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / report_queue.NAME)) as connection:
        assert _tables(connection) == _golden_tables(REPORTS_SCHEMA)


def _store_rows() -> str:
    return "".join(
        golden.path.read_text() for golden in FILES if golden.path.name.endswith("store_rows.jsonl")
    )


def _golden_tables(*paths: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for path in paths:
            connection.executescript(path.read_text())
        return _tables(connection)


def _tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return every table and index without the comments, which may change."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    return [
        (name, " ".join(" ".join(line.partition("--")[0] for line in sql.splitlines()).split()))
        for name, sql in found
    ]
