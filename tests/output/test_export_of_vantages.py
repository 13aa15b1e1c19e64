"""Export of other vantages' results, together with those of this machine or alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.sample_vantages import watched
from tests.store.recorder_harness import query_store
from tests.store.writer_run import Life
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.cli.main import main
from wgmon_tui.output.fleet_json import fleet_object
from wgmon_tui.output.history_export import ExportRequest, Kind, export_parts
from wgmon_tui.output.incident_report import as_text, report_of
from wgmon_tui.store.formats import incident_snapshot

HEALTHY, SILENT = Verdict.HEALTHY, Verdict.SILENT


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path, watched(), quorum=2)
    made.check_from_home(HEALTHY)
    made.reports(HEALTHY, SILENT)
    made.check_from_home(HEALTHY)
    made.reports(HEALTHY, SILENT, vantage="nyc")
    made.written()
    yield made
    made.stop()


def export(life: Life, kind: Kind, vantage: str | None = None) -> list[dict[str, Any]]:
    request = ExportRequest(kind, "json", ("fra1",), 0.0, 1e12, vantage)
    return [json.loads(line) for line in export_parts(life.history, request)]


def test_checks_of_all_vantages_come_in_the_order_of_time(life: Life) -> None:
    found = [(each["vantage"], each["verdict"]) for each in export(life, "checks")]
    assert found == [
        ("local", "healthy"),
        ("fra", "healthy"),
        ("fra", "silent"),
        ("local", "healthy"),
        ("nyc", "healthy"),
        ("nyc", "silent"),
    ]


@pytest.mark.parametrize(("vantage", "checks"), [("local", 2), ("fra", 2), ("nyc", 2)])
def test_checks_of_one_vantage_alone(life: Life, vantage: str, checks: int) -> None:
    found = export(life, "checks", vantage)
    assert [each["vantage"] for each in found] == [vantage] * checks


def test_incidents_name_those_who_held_it_to_be_down(life: Life) -> None:
    assert [each["vantage"] for each in export(life, "incidents")] == ["fra,nyc"]
    assert len(export(life, "incidents", "nyc")) == 1
    assert export(life, "incidents", "local") == []


def test_exchanges_of_other_vantages_come_with_their_packets(life: Life) -> None:
    found = export(life, "exchange", "nyc")
    assert [(each["vantage"], each["kind"], each["verdict"]) for each in found] == [
        ("nyc", "sight", "healthy"),
        ("nyc", "sight", "silent"),
    ]
    assert all(each["exchange"] for each in found)
    assert {each["vantage"] for each in export(life, "exchange")} == {"local", "fra", "nyc"}


def test_a_column_of_the_fleet_says_who_sees_what(life: Life) -> None:
    server_state = life.engine.fleet_state.states["fra1"]
    fleet = fleet_object(server_state)
    assert (fleet["verdict"], fleet["seen_from"]) == ("regional", "down from fra, nyc; up from local")


def test_the_report_on_a_server_has_what_all_of_them_agree_on(life: Life) -> None:
    told = as_text(report_of(life.engine.fleet_state.states["fra1"]), life.now)
    assert "regional" in told.splitlines()[0]
    assert "- down from fra, nyc; up from local" in told
    assert "the path between fra, nyc and the server" in told


def test_what_is_told_of_an_incident_has_what_each_vantage_said(life: Life) -> None:
    [(stored,)] = query_store(life.state_dir, "SELECT matter FROM outbox")
    snapshot = incident_snapshot.from_json(stored)
    assert snapshot
    assert [(each.vantage, each.verdict) for each in snapshot.vantage_verdicts] == [
        ("local", HEALTHY),
        ("fra", SILENT),
        ("nyc", SILENT),
    ]


def test_a_vantage_that_nobody_knows_is_refused_in_one_line(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", "checks", "--vantage", "oslo", "--state", str(life.state_dir)]
    assert main(words) == 64
    said = capsys.readouterr().err
    assert 'no vantage "oslo" in the history; known: "local", "fra", "nyc"' in said
    assert said.count("\n") == 1
