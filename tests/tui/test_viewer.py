"""A viewer: the name of the writer, unavailable actions, and taking over."""

from __future__ import annotations

import pytest

from tests.tui.app_harness import face
from tests.tui.sample_fleet import NOW, QuietEngine, record, server
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.freshness import read_elapsed
from wgmon_tui.monitor.staleness import CheckOutage
from wgmon_tui.tui.fleet.preview_pane import PreviewPane
from wgmon_tui.tui.fleet.totals import FleetTotals, totals_line
from wgmon_tui.tui.theme.glyphs import ASCII, UNICODE, Glyphs
from wgmon_tui.tui.theme.palette import load_palette

NIGHT = load_palette("night")
BUSY = FleetTotals({Severity.UP: 41, Severity.DEGRADED: 2, Severity.DOWN: 1, Severity.PAUSED: 1}, 4.4, 0.031)
STATUS = "viewer · written by deploy (pid 123)"


class OfAnother(QuietEngine):
    """A result of another process."""

    def __init__(self) -> None:
        super().__init__([server("fra1"), server("ams1")])
        self.written_by = STATUS
        self.broken: str | None = None
        self.free = False
        self.taken = 0
        self.attended: list[str | None] = []

    @property
    def status(self) -> str:
        return self.written_by

    @property
    def warning(self) -> str | None:
        return self.broken

    @property
    def can_become_writer(self) -> bool:
        return self.free

    def become_writer(self) -> None:
        self.taken += 1

    def set_focused_server(self, name: str | None) -> None:
        if self.attended[-1:] != [name]:
            self.attended.append(name)


def line(width: int, glyphs: Glyphs = UNICODE) -> str:
    return "".join(text for text, _ in totals_line(BUSY, "bastion", width, NIGHT, glyphs, STATUS))


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (130, f"‖ 1 paused · 4.4 checks/s · p95 31.0 ms       {STATUS} "),
        (110, f"‖ 1 paused · p95 31.0 ms  {STATUS} "),
        (98, f"‖ 1 paused  {STATUS} "),
        (85, f"● 41 up  ▲ 2 degraded  ✖ 1 down  ‖ 1 paused     {STATUS} "),
        (78, "? 0 unknown  ‖ 1 paused  viewer "),
        (60, "● 41 up  ▲ 2 degraded  ✖ 1 down  ‖ 1 paused         viewer "),
        (48, "● 41 up  ▲ 2 degraded  ✖ 1 down  ‖ 1 paused     "),
    ],
)
def test_figures_make_room_for_who_writes_and_counts_do_not(width: int, shown: str) -> None:
    assert " ".join(line(width).split()).endswith(" ".join(shown.split()))


def test_who_writes_is_said_in_ascii_too() -> None:
    assert line(130, ASCII).rstrip().endswith("viewer - written by deploy (pid 123)")


async def test_the_top_line_says_that_somebody_else_writes_until_that_is_over() -> None:
    async with face(engine := OfAnother(), size=(120, 24), title="bastion") as it:
        assert STATUS in it.lines()[0]
        engine.written_by = ""
        await it.follow()
        assert it.lines()[0].rstrip().endswith("bastion")


async def test_what_does_not_work_stays_in_view_until_it_does() -> None:
    async with face(engine := OfAnother()) as it:
        before = it.lines()
        engine.broken = "history: the disk is \x1b[31mfull"
        await it.follow()
        assert "history: the disk is \ufffd[31mfull" in it.lines()[1]
        engine.broken = None
        await it.follow()
        assert it.lines() == before


async def test_t_takes_over_once_the_writer_has_ended_and_is_not_offered_before() -> None:
    async with face(engine := OfAnother(), size=(120, 24)) as it:
        assert "take over" not in it.hints()
        await it.press("T")
        assert engine.taken == 0
        engine.free = True
        await it.follow()
        assert "T take over" in it.hints()
        await it.press("T")
        assert engine.taken == 1


@pytest.mark.thorough
async def test_a_viewer_learns_whose_packets_are_on_the_screen() -> None:
    async with face(engine := OfAnother()) as it:
        await it.press("v")  # the preview asks for the server under the cursor
        engine.attended.clear()
        await it.press("enter")
        await it.press("]")
        await it.press("escape")
        assert engine.attended == ["ams1", "fra1", None]


async def test_a_viewer_learns_whose_preview_is_on_the_screen() -> None:
    async with face(engine := OfAnother()) as it:
        await it.press("j")
        it.fleet.query_one(PreviewPane)._moved_at = 0.0  # the cursor rests
        await it.follow()
        assert engine.attended[-1] == it.table.cursor_name


class Abandoned(OfAnother):
    """A viewer whose writer has ended."""

    @property
    def outage(self) -> CheckOutage | None:
        return CheckOutage("Nobody is checking", NOW - 3600.0) if self.free else None


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_a_bar_says_since_when_nobody_checks_and_which_key_takes_over(ascii_only: bool) -> None:
    engine = Abandoned()
    engine.free = True
    async with face(engine, ascii_only=ascii_only) as it:
        assert "Nobody is checking since 18:30. T: check from here" in it.lines()[0]
        await it.press("enter")
        assert "Nobody is checking since 18:30. T: check from here" in it.lines()[0]
        assert "Waiting for the first check" not in "\n".join(it.lines())


@pytest.mark.parametrize("key", ["?", "I"])
async def test_the_bar_and_its_key_are_on_the_pages_too(key: str) -> None:
    engine = Abandoned()
    engine.free = True
    async with face(engine) as it:
        await it.press(key)
        assert "Nobody is checking since 18:30. T: check from here" in it.lines()[0]
        await it.press("T")
        assert engine.taken == 1


async def test_on_a_form_the_bar_says_to_leave_it_first() -> None:
    engine = Abandoned()
    engine.free = True
    async with face(engine) as it:
        assert it.app.outage_line(leave_first=True) == (
            "Nobody is checking since 18:30. Esc, then T: check from here"
        )


@pytest.mark.parametrize("key", ["r", "R", "p", "m"])
async def test_a_key_that_needs_a_writer_says_once_that_nobody_checks(key: str) -> None:
    engine = Abandoned()
    engine.free = True
    async with face(engine) as it:
        await it.press(key)
        assert it.notices() == ["Nobody is checking. Press T to check from here."]
        assert not engine.rechecked


async def test_a_row_that_nobody_refreshes_shows_its_age_and_no_longer_counts_as_up() -> None:
    engine = QuietEngine([server("fra1")])
    record(engine.fleet_state, "fra1", Verdict.HEALTHY, 0.01)
    async with face(engine, size=(120, 24), elapsed=lambda: read_elapsed() + 180.0) as it:
        it.app._update_staleness()
        await it.follow()
        text = "\n".join(it.lines())
        assert "? unknown" in text
        assert "3 min old" in text
        assert "0 up" in text
