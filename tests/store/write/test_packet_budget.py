"""Tests of the daily budget of a vantage for packets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.monitor.sample_vantages import watched
from tests.store.recorder_harness import query_store
from tests.store.writer_run import Life
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.store.write.packet_budget import PacketUse

NAMES = [f"fra{number}" for number in range(30)]
DAY_S = 86400.0
NOON = 20_000 * DAY_S + 43_200.0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Life]]:
    """Start a run of the writer, with room for the packets of about ten reports of a vantage."""
    runs: list[Life] = []

    def begin() -> Life:
        if runs:
            runs[-1].stop()
        life = Life(tmp_path, *map(watched, NAMES), now=runs[-1].now if runs else NOON)
        life.recorder.packet_budget.limit_bytes = 3_000
        runs.append(life)
        return life

    yield begin
    runs[-1].stop()


def stored_bytes(life: Life, vantage: str = "fra") -> int:
    life.written()
    query = """SELECT coalesce(sum(length(round)), 0) FROM exchanges JOIN series ON series.id = series
        WHERE vantage = ?"""
    ((size,),) = query_store(life.state_dir, query, vantage)
    return int(size)


def report_changes(life: Life, vantage: str = "fra") -> None:
    """Report a change of the verdict of every server."""
    for name in NAMES:
        life.reports(Verdict.SILENT, vantage=vantage, name=name)


def test_beyond_its_budget_a_vantage_stores_checks_without_packets(start: Callable[[], Life]) -> None:
    life = start()
    report_changes(life)
    assert 2_000 < stored_bytes(life) <= 3_000
    assert all(len(life.history.checks(name, 0.0, life.now + 1.0, "fra")) == 1 for name in NAMES)
    assert len(life.history.vantage_states()) == len(NAMES)
    use = life.recorder.packet_budget.use_of("fra")
    assert use.bytes == stored_bytes(life)
    assert use.left_out == len(NAMES) - life.count("exchanges WHERE series < 0")
    assert life.recorder.packet_budget.is_used_up("fra")


def test_each_vantage_has_its_own_budget(start: Callable[[], Life]) -> None:
    life = start()
    report_changes(life)
    report_changes(life, "nyc")
    assert stored_bytes(life, "nyc") > 2_000


def test_a_restart_gives_no_new_budget(start: Callable[[], Life]) -> None:
    life = start()
    report_changes(life)
    before = stored_bytes(life), life.recorder.packet_budget.use_of("fra")
    life = start()
    assert life.recorder.packet_budget.use_of("fra") == before[1]
    for name in NAMES:
        life.reports(Verdict.HEALTHY, name=name)
    assert stored_bytes(life) == before[0]


@pytest.mark.parametrize("days", [1, -1])
def test_another_day_gives_a_new_budget(start: Callable[[], Life], days: int) -> None:
    life = start()
    report_changes(life)
    before = stored_bytes(life)
    life.now += days * DAY_S
    assert life.recorder.packet_budget.use_of("fra") == PacketUse()
    for name in NAMES:
        life.reports(Verdict.PORT_CLOSED, name=name)
    assert stored_bytes(life) > before + 2_000


def test_a_budget_of_another_version_is_no_error(start: Callable[[], Life]) -> None:
    life = start()
    report_changes(life)
    life.written()
    connection = life.recorder._store_writer.store
    assert connection
    connection.connection.execute("UPDATE facts SET value = '[7]' WHERE name = 'packet_budget'")
    life = start()
    assert life.recorder.packet_budget.use_of("fra") == PacketUse()
