"""Reports of other vantages: written into the same stream as the checks of this machine."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.monitor.sample_vantages import START, seen
from tests.store.recorder_harness import query_store
from tests.store.vantage_reports import EVER, HEALTHY, SILENT, compact_all, stored
from tests.store.writer_run import Life
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.store.history import History
from wgmon_tui.store.store_file import open_store
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.batch import Batch, make_journal_rows


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
