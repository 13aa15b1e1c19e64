"""Reports of vantages that are packed, rolled up and deleted."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.monitor.sample_vantages import START, seen
from tests.store.vantage_reports import EVER, HEALTHY, SILENT, compact_all, stored
from tests.store.writer_run import Life
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.config_toml import HOUR, Retention
from wgmon_tui.monitor.freshness import ClockReading
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.history import History
from wgmon_tui.store.maintenance.retention import forget
from wgmon_tui.store.maintenance.schedule import run_maintenance
from wgmon_tui.store.models import EMPTY_PERIOD
from wgmon_tui.store.read.tiers import oldest
from wgmon_tui.store.store_file import open_store
from wgmon_tui.store.store_version import STORE


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
