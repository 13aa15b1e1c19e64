"""Tests of reports of other vantages: in the same stream as the checks of this machine, and restored."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.monitor.sample_vantages import START, VANTAGES, seen, watched
from tests.store.recorder_harness import query_store
from tests.store.writer_run import Life
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.config_toml import HOUR, Retention
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.freshness import ClockReading
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.history import History
from wgmon_tui.store.maintenance.compaction import compact
from wgmon_tui.store.maintenance.retention import forget
from wgmon_tui.store.maintenance.schedule import run_maintenance
from wgmon_tui.store.models import EMPTY_PERIOD
from wgmon_tui.store.read.tiers import oldest
from wgmon_tui.store.read.vantages import vantage_state_of
from wgmon_tui.store.store_file import open_store
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.batch import Batch, make_journal_rows
from wgmon_tui.store.write.vantage_states import VantageQuorum

HEALTHY, SILENT = Verdict.HEALTHY, Verdict.SILENT
EVER = 1e12


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    yield made
    made.stop()


# Written


def test_every_report_is_kept_with_its_vantage(life: Life) -> None:
    life.reports(HEALTHY, SILENT)
    life.reports(HEALTHY, vantage="nyc")
    life.written()
    kept = life.history.checks("fra1", 0.0, EVER, None)
    assert [(each.vantage, each.verdict) for each in kept] == [
        ("fra", HEALTHY),
        ("fra", SILENT),
        ("nyc", HEALTHY),
    ]
    assert [each.rtt for each in kept] == [0.02, None, 0.02]
    assert [each.vantage for each in life.history.checks("fra1", 0.0, EVER, "nyc")] == ["nyc"]
    assert life.history.checks("fra1", 0.0, EVER) == []


def test_a_report_that_comes_again_is_neither_counted_nor_kept_twice(life: Life) -> None:
    outcome = seen(SILENT, START)
    for _ in range(3):
        life.report(outcome, 7)
    life.report(seen(HEALTHY, START), 6)
    life.written()
    assert life.count("checks WHERE epoch IS NOT NULL") == 1
    assert life.engine.fleet_state.states["fra1"].vantage_states["fra"].verdict is SILENT


def test_a_new_store_of_a_vantage_numbers_from_the_beginning(life: Life) -> None:
    life.report(seen(HEALTHY), 50, epoch="one")
    life.report(seen(HEALTHY), 1, epoch="two")
    life.written()
    assert life.history.last_reports() == {"fra": ("two", 1)}
    assert life.count("checks WHERE epoch IS NOT NULL") == 2


def test_a_change_of_state_by_a_report_is_in_the_timeline_and_the_outbox(life: Life) -> None:
    life.reports(HEALTHY, SILENT)
    life.written()
    [opened] = life.history.incidents("fra1")
    assert (opened.vantage, opened.verdict) == ("fra", SILENT)
    assert query_store(life.state_dir, "SELECT state FROM checks WHERE series > 0 ORDER BY id") == [
        ("up",),
        ("down",),
    ]
    assert life.count("outbox") == 1


def test_a_report_that_changes_no_state_leaves_the_series_of_this_machine_alone(life: Life) -> None:
    life.reports(*[HEALTHY] * 4)
    life.written()
    assert life.count("checks WHERE series > 0") == 1


def test_a_report_that_is_in_the_journal_already_is_not_written_again(life: Life) -> None:
    batch = Batch()
    report = VantageReport("fra", "one", 1, "fra1", seen(HEALTHY))
    for _ in range(2):
        batch.add_journal_rows(make_journal_rows("fra1", report.round, "up", START, report))
    with closing(open_store(life.state_dir).connection) as connection:
        batch.write(connection, {}, START)
    assert life.count("checks WHERE epoch IS NOT NULL") == 1


def test_every_address_of_a_report_is_kept(life: Life) -> None:
    one, other = seen(SILENT), seen(HEALTHY, address="192.0.2.8")
    life.report(Round((one.check, other.check), (one.diagnosis, other.diagnosis)), 1)
    life.written()
    kept = life.history.checks("fra1", 0.0, EVER, "fra")
    assert [(each.verdict, each.is_deciding) for each in kept] == [(SILENT, True), (HEALTHY, False)]


def test_packets_are_kept_of_changes_and_of_some_failures(life: Life) -> None:
    life.reports(HEALTHY, *[SILENT] * 100, HEALTHY)
    life.written()
    lines = life.history.exchanges("fra1", vantage="fra")[::-1]
    assert 10 < len(lines) < 25
    assert [each.kind for each in lines if each.verdict is HEALTHY] == ["change", "good"]
    assert {each.kind for each in lines if each.verdict is SILENT} == {"change", "failure"}
    assert lines[-1].verdict is HEALTHY
    rounds = [stored.round for each in lines if (stored := life.history.exchange(each.id))]
    assert all(each.check.exchange for each in rounds)
    assert life.history.exchanges("fra1", vantage="nyc") == []
    assert life.history.exchanges("fra1") == []
    assert len(life.history.exchanges(vantage=None)) == len(lines)


def test_failures_of_all_vantages_are_read_the_latest_first_with_what_opens_their_packets(life: Life) -> None:
    life.reports(HEALTHY, SILENT)
    life.reports(SILENT, vantage="nyc", packets=False)
    life.written()
    [(later, nothing), (earlier, kept)] = life.history.failures("fra1", vantage=None)
    assert (later.vantage, nothing) == ("nyc", None)
    assert earlier.vantage == "fra"
    assert kept
    found = life.history.exchange(kept.id)
    assert found
    assert found.line.vantage == "fra"
    assert found.round.check.started_at == earlier.at
    assert found.round.check.exchange
    failures = life.history.failures
    assert [check.vantage for check, _ in failures("fra1", limit=1, vantage=None)] == ["nyc"]
    assert [check.vantage for check, _ in failures("fra1", later.at, vantage=None)] == ["fra"]
    assert [check.vantage for check, _ in failures("fra1", vantage="nyc")] == ["nyc"]
    assert failures("fra1") == failures("nobody", vantage=None) == []


def test_failures_are_in_the_order_of_time_whether_they_are_packed_or_not(tmp_path: Path) -> None:
    with closing(stored(tmp_path, *[SILENT] * 30, packets=True)) as connection:
        history = History(tmp_path / STORE)
        before = history.failures("fra1", vantage="fra")
        compact_all(connection, START + 200)
        after = history.failures("fra1", vantage="fra")
        times = [check.at for check, _ in after]
        assert len(after) == 30
        assert times == sorted(times, reverse=True)
        assert [kept for _, kept in after] == [kept for _, kept in before]
        found = history.failures("fra1", START + 100, 3, "fra")
        assert [check.at for check, _ in found] == pytest.approx(
            [START + 90, START + 80, START + 70], abs=0.001
        )
        history.close()


# Last known states


def test_the_last_known_states_are_read_as_the_fleet_state_has_them(life: Life) -> None:
    life.reports(HEALTHY, HEALTHY, SILENT)
    life.reports(HEALTHY, vantage="nyc")
    life.written()
    row = life.engine.fleet_state.states["fra1"]
    for found in life.history.vantage_states():
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


# Packed, rolled up and deleted


def stored(tmp_path: Path, *verdicts: Verdict, packets: bool = False) -> sqlite3.Connection:
    life = Life(tmp_path)
    life.reports(*verdicts, packets=packets)
    life.stop()
    return open_store(tmp_path).connection


def compact_all(connection: sqlite3.Connection, boundary: float) -> None:
    for _ in compact(connection, boundary, boundary + 10):
        pass


def test_reports_are_packed_when_their_minute_is_over_and_read_as_before(tmp_path: Path) -> None:
    with closing(stored(tmp_path, *[HEALTHY] * 30)) as connection:
        history = History(tmp_path / STORE)
        before = history.checks("fra1", 0.0, EVER, "fra")
        compact_all(connection, START + 200)
        assert connection.execute("SELECT count(*) FROM checks").fetchone()[0] < 30
        assert connection.execute("SELECT count(*) FROM packs WHERE series < 0").fetchone()[0] >= 3
        after = history.checks("fra1", 0.0, EVER, "fra")
        assert [(each.vantage, each.verdict) for each in after] == [("fra", HEALTHY)] * 30
        assert [each.at for each in after] == pytest.approx([each.at for each in before], abs=0.001)
        assert [each.rtt for each in after] == [pytest.approx(0.02)] * 30
        history.close()


@pytest.mark.parametrize("compacted", [False, True])
def test_each_vantage_has_its_own_percentiles_loss_and_uptime(tmp_path: Path, compacted: bool) -> None:
    life = Life(tmp_path, quorum=2)
    for _ in range(30):
        life.reports(HEALTHY)
        life.report(seen(SILENT, life.now, "nyc"), life.number, vantage="nyc")
    life.stop()
    with closing(open_store(tmp_path).connection) as connection:
        if compacted:
            compact_all(connection, START + 400)
    with History(tmp_path / STORE, clock=lambda: START + 400) as history:
        fra, nyc = (history.window("fra1", START - 60, START + 310, each) for each in ("fra", "nyc"))
        [hour] = history.buckets("fra1", START, START + 10, 3600.0, "nyc")
        assert history.vantages_of("fra1") == ["fra", "nyc"]
        assert history.window("fra1", START - 60, START + 310, "lax") == EMPTY_PERIOD
    assert (fra.checks, fra.loss, fra.uptime) == (30, 0.0, 1.0)
    assert fra.p50 == pytest.approx(0.02, rel=0.02)
    assert (nyc.checks, nyc.loss, nyc.uptime, nyc.p50) == (30, 1.0, 0.0, None)
    assert hour.seen.worst is Severity.DOWN


def test_the_time_of_reports_that_come_hours_later_counts_once(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.reports(*[HEALTHY] * 30)
    life.stop()
    with closing(open_store(tmp_path).connection) as connection:
        compact_all(connection, START + 3600)
    again = Life(tmp_path, now=START + 3600)
    for number in range(31, 61):
        again.report(seen(HEALTHY, START + 10.0 * number, packets=False), number)
    again.stop()
    with closing(open_store(tmp_path).connection) as connection:
        compact_all(connection, START + 4000)
        ((seconds,),) = connection.execute("SELECT sum(up_s) FROM hours WHERE series < 0").fetchall()
        ((checks,),) = connection.execute("SELECT sum(checks) FROM hours WHERE series < 0").fetchall()
    assert (seconds, checks) == (pytest.approx(590.0), 60)


def test_what_a_vantage_catches_up_with_is_added_to_its_minute(tmp_path: Path) -> None:
    with closing(stored(tmp_path, HEALTHY)) as connection:
        compact_all(connection, START + 60)
    life = Life(tmp_path)
    life.now, life.number = START, 1
    life.reports(SILENT, packets=False)
    life.stop()
    with closing(open_store(tmp_path).connection) as connection:
        compact_all(connection, START + 60)
        assert connection.execute("SELECT count(*) FROM checks").fetchone() == (0,)
    history = History(tmp_path / STORE)
    assert [each.verdict for each in history.checks("fra1", 0.0, EVER, "fra")] == [HEALTHY, SILENT]
    history.close()


def test_packs_go_with_single_checks_and_packets_with_exchanges(tmp_path: Path) -> None:
    with closing(stored(tmp_path, SILENT, HEALTHY, packets=True)) as connection:
        compact_all(connection, START + 600)

        def left() -> tuple[int, int]:
            [counts] = connection.execute(
                "SELECT (SELECT count(*) FROM packs WHERE series < 0),"
                " (SELECT count(*) FROM exchanges WHERE series < 0)"
            )
            packs, exchanges = counts
            return packs, exchanges

        kept = Retention(raw=3600.0, exchanges=7200.0)
        full = left()
        assert all(full)
        for now, expected in (
            (START + 3000, full),
            (START + 4000, (0, full[1])),
            (START + 8000, (0, 1)),  # the last good exchange stays
        ):
            for turn in range(4):
                for _ in forget(connection, kept, now, turn):
                    pass
            assert left() == expected


def test_a_late_report_leaves_the_blocks_of_this_machine_complete(tmp_path: Path) -> None:
    """A tier counts as complete from its oldest row on, for every series."""
    life = Life(tmp_path)
    life.check_from_home(HEALTHY)
    life.report(seen(HEALTHY, START - 20 * HOUR, "fra"), 1)
    life.stop()
    clock = ClockReading(START + 120, 0.0)
    with closing(open_store(tmp_path).connection) as connection:
        for _ in run_maintenance(
            connection,
            Retention(raw=12 * HOUR, minutes=48 * HOUR),
            None,
            ClockGuard(lambda: clock),
            boundary=START + 60,
            now=START + 120,
            minutes=range(0),
        ):
            pass
        assert oldest(connection, "packs") > START - HOUR
        assert oldest(connection, "minutes") < START - 19 * HOUR


# A store of another version


def test_vantages_stored_by_another_version_are_ignored(tmp_path: Path) -> None:
    with closing(open_store(tmp_path).connection) as connection:
        connection.execute("INSERT INTO facts VALUES ('vantages', ?)", (json.dumps({"names": 7}),))
    history = History(tmp_path / STORE)
    assert history.vantages() == VantageQuorum((), 1)
    history.close()
