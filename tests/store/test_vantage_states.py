"""The last known states of vantages: as readers see them, and after the next start."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from tests.monitor.sample_vantages import START, VANTAGES, seen, watched
from tests.store.vantage_reports import HEALTHY, SILENT
from tests.store.writer_run import Life
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.store.history import History
from wgmon_tui.store.read.vantages import vantage_state_of
from wgmon_tui.store.store_file import open_store
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.vantage_states import VantageQuorum

# Last known states


def test_the_last_known_states_are_read_as_the_fleet_state_has_them(life: Life) -> None:
    life.reports(HEALTHY, HEALTHY, SILENT)
    life.reports(HEALTHY, vantage="nyc")
    life.written()
    row = life.engine.fleet_state.states["fra1"]
    stored = life.history.vantage_states()
    assert {found.vantage for found in stored} == {"fra", "nyc"}
    for found in stored:
        vantage_state, original = vantage_state_of(found, row.server), row.vantage_states[found.vantage]
        assert (
            vantage_state.at,
            vantage_state.verdict,
            vantage_state.damping,
            vantage_state.last_up_at,
            vantage_state.current,
        ) == (
            original.at,
            original.verdict,
            original.damping,
            original.last_up_at,
            original.current,
        )
        assert vantage_state.rtts == pytest.approx(original.rtts)
        assert vantage_state.last.check.address == original.last.check.address


def test_only_what_changed_since_a_version_is_read(life: Life) -> None:
    life.reports(HEALTHY)
    life.reports(HEALTHY, vantage="nyc")
    life.written()
    version = life.history.vantages_version()
    life.reports(SILENT, vantage="nyc")
    life.written()
    assert [each.vantage for each in life.history.vantage_states(version)] == ["nyc"]
    assert life.history.vantages_version() > version


def test_the_packets_of_the_last_exchange_stay_while_routine_rounds_come(life: Life) -> None:
    life.reports(SILENT, HEALTHY)
    life.reports(*[HEALTHY] * 3, packets=False)
    life.written()
    [found] = life.history.vantage_states()
    assert found.exchange
    assert found.exchange.check.started_at == START + 20
    assert found.check.at == START + 50


def test_readers_know_the_vantages_and_how_many_must_agree(life: Life) -> None:
    life.written()
    assert life.history.vantages() == VantageQuorum(("fra", "nyc"), 1)


def test_a_vantage_that_no_longer_watches_a_server_has_no_state_of_it(life: Life) -> None:
    life.reports(HEALTHY)
    life.reports(HEALTHY, vantage="nyc")
    life.engine.vantage_reports.set_vantages((VANTAGES[0],), 1)
    life.written()
    assert [each.vantage for each in life.history.vantage_states()] == ["fra"]
    assert life.count("checks WHERE epoch IS NOT NULL") == 2  # its history stays


def test_a_vantage_that_was_removed_without_a_writer_has_no_state_either(tmp_path: Path) -> None:
    first = Life(tmp_path)
    first.reports(HEALTHY)
    first.reports(HEALTHY, vantage="nyc")
    first.stop()
    second = Life(tmp_path, vantages=(VANTAGES[1],))
    second.written()
    assert [each.vantage for each in second.history.vantage_states()] == ["nyc"]
    second.stop()


def test_vantage_states_of_a_removed_server_are_deleted(tmp_path: Path) -> None:
    first = Life(tmp_path, watched(), watched("nyc1"))
    first.reports(HEALTHY)
    first.reports(HEALTHY, name="nyc1")
    first.engine.watch([watched()], {}, {})
    first.recorder.watch(first.engine.fleet_state.states.values())
    first.written()
    assert [each.server for each in first.history.vantage_states()] == ["fra1"]
    first.stop()


# The next start


def test_a_restarted_writer_continues_from_the_vantage_states(tmp_path: Path) -> None:
    first = Life(tmp_path, quorum=2)
    for vantage in ("fra", "nyc"):
        first.reports(HEALTHY, SILENT, vantage=vantage)
    first.engine.fleet_state.record("fra1", seen(HEALTHY, first.now, LOCAL_VANTAGE), first.now)
    opened = first.engine.fleet_state.states["fra1"].incident
    first.stop()
    second = Life(tmp_path, quorum=2, now=first.now)
    row = second.engine.fleet_state.states["fra1"]
    assert (row.severity, set(row.vantage_states)) == (Severity.DOWN, {"fra", "nyc"})
    second.engine.fleet_state.record("fra1", seen(HEALTHY, second.now, LOCAL_VANTAGE), second.now)
    assert (row.severity, row.status_word, row.incident and row.incident.id) == (
        Severity.DOWN,
        "regional",
        opened and opened.id,
    )
    second.report(seen(HEALTHY, second.now), 2)  # the last number of fra that the first run accepted
    assert row.vantage_states["fra"].verdict is SILENT
    second.stop()


def test_a_new_store_after_a_damaged_one_gets_the_vantage_states_again(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.reports(HEALTHY)
    life.written()
    life.recorder._store_writer._store_id = "another"
    life.recorder._collector.start_new_store()
    life.written()
    assert life.history.last_reports() == {"fra": ("one", 1)}
    assert life.history.vantages().names == ("fra", "nyc")
    life.stop()


# A store of another version


def test_vantages_stored_by_another_version_are_ignored(tmp_path: Path) -> None:
    with closing(open_store(tmp_path).connection) as connection:
        connection.execute("INSERT INTO facts VALUES ('vantages', ?)", (json.dumps({"names": 7}),))
    history = History(tmp_path / STORE)
    assert history.vantages() == VantageQuorum((), 1)
    history.close()
