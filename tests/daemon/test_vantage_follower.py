"""Tests that a viewer shows the same vantage states as the writer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import healthy, until, write_config
from tests.daemon.viewer_harness import both
from tests.monitor.sample_vantages import VANTAGES, seen, watched
from tests.store.writer_run import Life
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.daemon.store_follower import StoreFollower, apply_store_changes
from wgmon_tui.monitor.fleet_state import FleetState, ServerState
from wgmon_tui.monitor.quorum import VantageReport

HEALTHY, SILENT = Verdict.HEALTHY, Verdict.SILENT


class Watcher:
    """A writer's engine and store, and a `FleetState` that follows the store."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.fleet_state = FleetState()
        self.following = StoreFollower(life.state_dir)

    def looks(self) -> ServerState:
        self.life.written()
        apply_store_changes(self.fleet_state, self.following.read_changes(), None)
        return self.fleet_state.states["fra1"]

    @property
    def original(self) -> ServerState:
        return self.life.engine.fleet_state.states["fra1"]


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Watcher]:
    life = Life(tmp_path, watched(), watched("nyc1"), quorum=2)
    made = Watcher(life)
    yield made
    made.following.close()
    life.stop()


def alike(shown: ServerState, original: ServerState) -> None:
    """Assert that both show the same state of the server and of every vantage."""
    assert (shown.severity, shown.status_word, shown.flapping) == (
        original.severity,
        original.status_word,
        original.flapping,
    )
    assert shown.vantage_states.keys() == original.vantage_states.keys()
    for name, vantage_state in original.vantage_states.items():
        found = shown.vantage_states[name]
        assert (found.severity, found.verdict, found.at) == (
            vantage_state.severity,
            vantage_state.verdict,
            vantage_state.at,
        )


def test_what_was_there_is_shown_at_the_first_look(watcher: Watcher) -> None:
    watcher.life.check_from_home(HEALTHY)
    for vantage in ("fra", "nyc"):
        watcher.life.reports(HEALTHY, SILENT, vantage=vantage)
    shown = watcher.looks()
    alike(shown, watcher.original)
    assert shown.status_word == "regional"
    assert (watcher.fleet_state.vantages, watcher.fleet_state.quorum) == (("fra", "nyc"), 2)


def test_what_comes_is_shown_at_the_next_look_and_nothing_else_is_touched(watcher: Watcher) -> None:
    watcher.life.check_from_home(HEALTHY)
    watcher.life.check_from_home(HEALTHY, "nyc1")
    watcher.life.reports(HEALTHY)
    watcher.looks()
    watcher.fleet_state.apply_changes()
    watcher.life.reports(SILENT)
    alike(watcher.looks(), watcher.original)
    assert watcher.fleet_state.apply_changes() == {"fra1"}
    watcher.life.reports(HEALTHY, vantage="nyc")
    alike(watcher.looks(), watcher.original)


def test_what_home_finds_is_agreed_on_with_what_the_others_said(watcher: Watcher) -> None:
    watcher.life.check_from_home(HEALTHY)
    watcher.life.reports(SILENT)
    assert watcher.looks().status_word == "healthy"
    watcher.life.check_from_home(SILENT)
    alike(watcher.looks(), watcher.original)
    assert watcher.fleet_state.states["fra1"].incident == watcher.original.incident
    assert watcher.fleet_state.states["fra1"].severity is Severity.DOWN


def test_a_vantage_that_is_gone_is_seen_from_no_more(watcher: Watcher) -> None:
    watcher.life.check_from_home(HEALTHY)
    watcher.life.reports(HEALTHY)
    watcher.life.reports(SILENT, vantage="nyc")
    watcher.looks()
    watcher.life.engine.vantage_reports.set_vantages((VANTAGES[0],), 1)
    alike(watcher.looks(), watcher.original)


def test_the_exchange_of_a_vantage_is_shown_with_its_packets(watcher: Watcher) -> None:
    watcher.life.reports(SILENT)
    shown = watcher.looks().vantage_states["fra"]
    assert shown.exchange
    assert shown.exchange.check.exchange == seen(SILENT).check.exchange


async def test_a_report_is_on_the_viewers_board_soon(tmp_path: Path) -> None:
    config = tmp_path / "config"
    async with healthy("fra1") as (_, fra1):
        write_config(config, fra1)
        (config / "config.toml").write_text('[[vantage]]\nname = "fra"\ncommand = ["sleep", "60"]\n')
        async with both(tmp_path) as (writer, viewer):
            await until(lambda: viewer.fleet_state.vantages)
            await until(lambda: writer.fleet_state.states["fra1"].last)
            last = writer.fleet_state.states["fra1"].last
            assert last
            began = last.check.started_at
            for number in range(1, 4):
                outcome = seen(SILENT, began + number / 10, "fra")
                report = VantageReport("fra", "e", number, "fra1", outcome)
                writer.engine.vantage_reports.record(report, began + 1)
            await until(lambda: viewer.fleet_state.states["fra1"].status_word == "regional")
            assert viewer.fleet_state.states["fra1"].severity is Severity.DOWN
