"""Uptimes of a server, of whole hours and days."""

from __future__ import annotations

import pytest

from tests.store.read.rollup_rows import MIDNIGHT, tally
from tests.store.sql_stores import HOUR, T0, Store
from wgmon_tui.store.maintenance.rollups import Rollup
from wgmon_tui.store.models import PeriodState


def test_uptimes_are_of_whole_hours_from_that_of_the_start(store: Store) -> None:
    store.rolled("hours", HOUR - 1, tally(down=3600))
    store.rolled("hours", HOUR, tally(up=1800, down=1800))
    store.rolled("hours", HOUR + 1, tally(up=3600))
    store.rolled("hours", HOUR, tally(down=60), "ams2")
    store.now = T0 + 7200
    assert store.history.uptimes(T0 + 900, T0 + 7200) == {"fra1": 0.75, "ams2": 0.0}


def test_uptimes_of_many_days_are_of_whole_days_and_hours_at_their_ends(store: Store) -> None:
    day = int(MIDNIGHT // 86_400)
    for number in range(3):
        store.rolled("days", day + number, tally(up=60_000, down=20_000))
        for hour in range(24):
            store.rolled("hours", (day + number) * 24 + hour, tally(up=3600))
    store.now = MIDNIGHT + 3 * 86_400
    up, down = 3600 + 60_000 + 3600, 20_000
    found = store.history.uptimes(MIDNIGHT + 23.5 * 3600, MIDNIGHT + 2 * 86_400 + 1800)
    assert found == {"fra1": pytest.approx(up / (up + down))}


def test_a_server_that_was_never_seen_has_no_uptime(store: Store) -> None:
    unknown = Rollup()
    unknown.add_time(PeriodState.UNKNOWN, 600)
    store.rolled("hours", HOUR, unknown)
    store.now = T0 + 3600
    assert store.history.uptimes(T0, T0 + 3600) == {}
