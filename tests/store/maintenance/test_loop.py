"""Turns of maintenance between the commits of a recorder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from wgmon_tui.config.config_toml import Retention
from wgmon_tui.monitor.freshness import ClockReading
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.maintenance.loop import MaintenanceLoop
from wgmon_tui.store.store_file import WritableStore, open_store
from wgmon_tui.store.store_version import STORE


def test_maintenance_waits_for_those_who_send_alerts(tmp_path: Path) -> None:
    now = 1_700_000_000.0
    guard = ClockGuard(lambda: ClockReading(now, 0.0))
    maintenance = MaintenanceLoop(Retention(), None, guard, lambda: now, lambda: 0.0)
    with closing(open_store(tmp_path).connection) as connection:
        store = WritableStore(connection, tmp_path / STORE)

        def turn(*, has_news: bool) -> float:
            assert maintenance.run_slice(store, has_news=has_news)
            query = "SELECT ifnull(max(value), 0) FROM facts WHERE name = 'believed_at'"
            return float(connection.execute(query).fetchone()[0])

        assert turn(has_news=False) == 0  # copies the log
        assert turn(has_news=False) == now
        now += 60
        assert turn(has_news=True) == now - 60
        assert turn(has_news=False) == now
