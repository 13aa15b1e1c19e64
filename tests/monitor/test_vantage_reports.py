"""Tests of reports of other vantages, and of a vantage whose connection is lost."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.monitor.sample_vantages import START, VANTAGES, seen, watched
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.fleet_state import FleetState, ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.monitor.quorum import DISCONNECTED_GRACE_S, VantageReport, validity_s
from wgmon_tui.monitor.vantage_reports import VantageReports

HEALTHY, SILENT = Verdict.HEALTHY, Verdict.SILENT
UP, DOWN = Severity.UP, Severity.DOWN
RARELY = replace(watched(), interval=3600.0)
"""Checked so rarely that a report alone would stay valid for hours."""


class Clock:
    def __init__(self) -> None:
        self.now = START

    def time(self) -> float:
        return self.now


class Reports:
    """A fleet state that is up from the local vantage, and reports of others, numbered by hand."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.fleet_state = FleetState([RARELY])
        self.notified: list[tuple[str, tuple[IncidentEvent, ...]]] = []
        self.calls: list[tuple[str, int | None]] = []
        self.vantage_reports = VantageReports(
            self.fleet_state, lambda name, events: self.notified.append((name, events))
        )
        self.vantage_reports.listen(self._listen)
        self.vantage_reports.set_vantages(VANTAGES, 1)
        self.fleet_state.record("fra1", seen(HEALTHY, START, LOCAL_VANTAGE), START)

    def _listen(self, _: ServerState, vantage: str, report: VantageReport | None) -> None:
        self.calls.append((vantage, report.number if report else None))

    @property
    def severity(self) -> Severity:
        return self.fleet_state.states["fra1"].severity

    def reports(
        self,
        verdict: Verdict,
        number: int,
        *,
        at: float | None = None,
        vantage: str = "fra",
        epoch: str = "one",
    ) -> None:
        began = self.clock.now if at is None else at
        outcome = seen(verdict, began, vantage)
        if self.vantage_reports.numbers.accept(vantage, epoch, number):
            report = VantageReport(vantage, epoch, number, "fra1", outcome)
            self.vantage_reports.record(report, self.clock.now)

    def passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.vantage_reports.expire_outdated(self.clock.now)


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> Reports:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock.time)
    return Reports(clock)


def test_the_report_of_a_disconnected_vantage_counts_for_a_minute_more(reports: Reports) -> None:
    reports.reports(SILENT, 1)
    reports.vantage_reports.mark_disconnected("fra")
    reports.passes(DISCONNECTED_GRACE_S - 1)
    assert reports.severity is DOWN
    reports.passes(1)
    assert reports.severity is UP
    assert reports.calls[-1] == ("fra", None)


def test_a_disconnect_does_not_extend_an_old_report(reports: Reports) -> None:
    reports.reports(SILENT, 1)
    reports.passes(validity_s(RARELY) - 10)
    assert reports.severity is DOWN
    reports.vantage_reports.mark_disconnected("fra")
    reports.passes(10)
    assert reports.severity is UP


def test_a_disconnect_of_one_vantage_leaves_the_reports_of_others(reports: Reports) -> None:
    reports.reports(SILENT, 1, vantage="nyc")
    reports.reports(HEALTHY, 1)
    reports.vantage_reports.mark_disconnected("fra")
    reports.passes(DISCONNECTED_GRACE_S)
    assert reports.severity is DOWN


def test_a_report_of_before_the_loss_that_comes_long_after_it_does_not_count(reports: Reports) -> None:
    reports.reports(HEALTHY, 1)
    reports.vantage_reports.mark_disconnected("fra")
    reports.passes(2 * validity_s(RARELY))
    reports.reports(SILENT, 2, at=START + 10)
    assert reports.severity is UP
    assert reports.fleet_state.states["fra1"].incident is None
    assert reports.fleet_state.states["fra1"].vantage_states["fra"].severity is Severity.UNKNOWN


def test_a_vantage_that_is_back_counts_again_with_its_first_new_report(reports: Reports) -> None:
    reports.reports(SILENT, 1)
    reports.vantage_reports.mark_disconnected("fra")
    reports.passes(DISCONNECTED_GRACE_S)
    reports.reports(SILENT, 2)
    assert reports.severity is DOWN
    reports.passes(DISCONNECTED_GRACE_S)
    assert reports.severity is DOWN


def test_a_report_that_comes_twice_counts_once(reports: Reports) -> None:
    reports.reports(HEALTHY, 2)
    reports.reports(SILENT, 2)
    reports.reports(SILENT, 1)
    assert (reports.severity, reports.calls) == (UP, [("fra", 2)])


def test_another_run_of_an_agent_numbers_from_the_beginning(reports: Reports) -> None:
    reports.reports(HEALTHY, 7)
    reports.reports(SILENT, 1, epoch="two")
    assert (reports.severity, reports.vantage_reports.numbers.last_number("fra", "two")) == (DOWN, 1)


def test_after_a_start_no_report_that_the_store_has_counts_again(reports: Reports) -> None:
    reports.vantage_reports.numbers.resume_from({"fra": ("one", 5)})
    reports.reports(SILENT, 5)
    assert (reports.severity, reports.calls) == (UP, [])
    reports.reports(SILENT, 6)
    assert reports.severity is DOWN


def test_reports_of_a_vantage_that_config_toml_no_longer_names_are_ignored(reports: Reports) -> None:
    reports.vantage_reports.set_vantages(VANTAGES[1:], 1)
    reports.reports(SILENT, 1)
    assert (reports.severity, reports.calls) == (UP, [])


def test_a_change_by_a_report_calls_the_listener_with_its_events(reports: Reports) -> None:
    reports.reports(SILENT, 1)
    [(name, [opened])] = reports.notified
    assert (name, opened.incident.vantage) == ("fra1", "fra")
