"""A viewer shows what other vantages see as the writer has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.history.life import Life
from tests.monitor.seen import VANTAGES, seen, watched
from tests.service.stage import healthy, until, write
from tests.service.test_viewer import both
from wgmon_tui.diagnosis.verdict import Severity, Verdict
from wgmon_tui.monitor.board import Board, Row
from wgmon_tui.service.following import Following, show

HEALTHY, SILENT = Verdict.HEALTHY, Verdict.SILENT


class Watcher:
    """A writer's life, and a board that follows its store look by look."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.board = Board()
        self.following = Following(life.state_dir)

    def looks(self) -> Row:
        self.life.written()
        show(self.board, self.following.look(), None)
        return self.board.rows["fra1"]

    @property
    def original(self) -> Row:
        return self.life.engine.board.rows["fra1"]


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Watcher]:
    life = Life(tmp_path, watched(), watched("nyc1"), quorum=2)
    made = Watcher(life)
    yield made
    made.following.close()
    life.ends()


def alike(shown: Row, original: Row) -> None:
    """Both say the same of the server and of every vantage."""
    assert (shown.severity, shown.word, shown.flapping) == (
        original.severity,
        original.word,
        original.flapping,
    )
    assert shown.sights.keys() == original.sights.keys()
    for name, sight in original.sights.items():
        found = shown.sights[name]
        assert (found.severity, found.verdict, found.at) == (sight.severity, sight.verdict, sight.at)


def test_what_was_there_is_shown_at_the_first_look(watcher: Watcher) -> None:
    watcher.life.sees_from_home(HEALTHY)
    for vantage in ("fra", "nyc"):
        watcher.life.reports(HEALTHY, SILENT, vantage=vantage)
    shown = watcher.looks()
    alike(shown, watcher.original)
    assert shown.word == "regional"
    assert (watcher.board.vantages, watcher.board.quorum) == (("fra", "nyc"), 2)


def test_what_comes_is_shown_at_the_next_look_and_nothing_else_is_touched(watcher: Watcher) -> None:
    watcher.life.sees_from_home(HEALTHY)
    watcher.life.sees_from_home(HEALTHY, "nyc1")
    watcher.life.reports(HEALTHY)
    watcher.looks()
    watcher.board.drain()
    watcher.life.reports(SILENT)
    alike(watcher.looks(), watcher.original)
    assert watcher.board.drain() == {"fra1"}
    watcher.life.reports(HEALTHY, vantage="nyc")
    alike(watcher.looks(), watcher.original)


def test_what_home_finds_is_agreed_on_with_what_the_others_said(watcher: Watcher) -> None:
    watcher.life.sees_from_home(HEALTHY)
    watcher.life.reports(SILENT)
    assert watcher.looks().word == "healthy"
    watcher.life.sees_from_home(SILENT)
    alike(watcher.looks(), watcher.original)
    assert watcher.board.rows["fra1"].incident == watcher.original.incident
    assert watcher.board.rows["fra1"].severity is Severity.DOWN


def test_a_vantage_that_is_gone_is_seen_from_no_more(watcher: Watcher) -> None:
    watcher.life.sees_from_home(HEALTHY)
    watcher.life.reports(HEALTHY)
    watcher.life.reports(SILENT, vantage="nyc")
    watcher.looks()
    watcher.life.engine.elsewhere.see_from((VANTAGES[0],), 1)
    alike(watcher.looks(), watcher.original)


def test_the_exchange_of_a_vantage_is_shown_with_its_packets(watcher: Watcher) -> None:
    watcher.life.reports(SILENT)
    shown = watcher.looks().sights["fra"]
    assert shown.exchange
    assert shown.exchange.check.exchange == seen(SILENT).check.exchange


async def test_a_report_is_on_the_viewers_board_within_a_second(tmp_path: Path) -> None:
    config = tmp_path / "config"
    async with healthy("fra1") as (_, fra1):
        write(config, fra1)
        (config / "config.toml").write_text('[[vantage]]\nname = "fra"\ncommand = ["sleep", "60"]\n')
        async with both(tmp_path) as (writer, viewer):
            await until(lambda: viewer.board.vantages)
            last = writer.board.rows["fra1"].last
            began = last.check.started_at if last else 0.0
            for number in range(1, 4):
                outcome = seen(SILENT, began + number / 10, "fra")
                writer.engine.report("fra", "fra1", outcome, began + 1, epoch="e", number=number)
            took = await until(lambda: viewer.board.rows["fra1"].word == "regional")
            assert took < 1.0
            assert viewer.board.rows["fra1"].severity is Severity.DOWN
