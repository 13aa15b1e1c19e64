"""The top line: counts by state, alert failures, check rate and correlated failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.controller import FleetController
from wgmon_tui.monitor.correlation import FailureGroup
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_count, format_rtt
from wgmon_tui.tui.correlated_failures import CorrelatedFailures
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette

_PERCENTILE_INTERVAL_S = 5.0

_WIDE = 118
"""Line width in cells from which correlated failures are shown: a terminal of 120 columns."""

TOP_LINE = (
    ("counts", "Servers by state. A click on a count shows only those servers"),
    ("checks/s", "Finished checks: of the last 5 seconds, or of the last minute if there are few"),
    ("p95", "19 of 20 servers answered their last check faster; servers without an answer do not count"),
)
"""What the parts of the line mean, for the help."""

_SEVERITIES = (Severity.UP, Severity.DEGRADED, Severity.DOWN, Severity.UNKNOWN, Severity.PAUSED)


@dataclass(frozen=True, slots=True)
class FleetTotals:
    """The numbers of the top line.

    `p95` is over the round-trip times of every server's last check, in seconds. `together` is the largest
    group of correlated failures. `marked` is the number of marked servers. `alerts` is the alert badge.
    """

    counts: Mapping[Severity, int]
    checks_per_second: float
    p95: float | None
    together: FailureGroup | None = None
    marked: int = 0
    alerts: str = ""


def fleet_p95(fleet_state: FleetState) -> float | None:
    """The 95th percentile of the servers' last round-trip times, in seconds; None without any."""
    times = sorted(
        rtt
        for server_state in fleet_state.states.values()
        if not server_state.paused and (rtt := server_state.rtt) is not None
    )
    return times[-(-len(times) * 95 // 100) - 1] if times else None


@dataclass(frozen=True, slots=True)
class _TotalsPart:
    text: str
    style: Style
    gap: str
    drop_order: int
    """On a narrow line the part with the highest value is dropped first; 0 is never dropped."""

    short: str = ""
    """A shorter text if the parts that are never dropped do not fit; "" for none."""

    severity: Severity | None = None
    """The state whose servers it counts."""

    action: str = ""
    """The action of the screen that a click on it runs, if it counts no state."""
    brief: str = ""
    """A shorter text before the part is dropped; "" for none."""


def totals_line(
    totals: FleetTotals, note: str, width: int, palette: Palette, glyphs: Glyphs, status: str = ""
) -> list[tuple[str, Style]]:
    """The line as styled text of exactly `width` cells. Parts that do not fit are dropped.

    `note` is at the right end.
    A `status` replaces the note, in full or with its first part only, and other parts make room for it.
    Counts of zero are muted, so that a colour always needs attention.
    """
    pieces, note = _lay_out(totals, note, width, palette, glyphs, status)
    parts = [part for piece in pieces for part in ((piece.gap, palette.muted), (piece.text, piece.style))]
    spare = width - _width_of(pieces)
    if note and cell_len(note) + 3 <= spare:
        return [*parts, (" " * (spare - cell_len(note) - 1), palette.muted), (f"{note} ", palette.muted)]
    return [*parts, (" " * max(0, spare), palette.muted)]


def part_at(
    x: int, totals: FleetTotals, note: str, width: int, palette: Palette, glyphs: Glyphs, status: str = ""
) -> tuple[Severity | None, str]:
    """The state whose count is at the cell `x` of the line, or the action of another part there."""
    end = 0
    for piece in _lay_out(totals, note, width, palette, glyphs, status)[0]:
        start = end + cell_len(piece.gap)
        end = start + cell_len(piece.text)
        if start <= x < end:
            return piece.severity, piece.action
    return None, ""


def _lay_out(
    totals: FleetTotals, note: str, width: int, palette: Palette, glyphs: Glyphs, status: str
) -> tuple[list[_TotalsPart], str]:
    """The parts that fit, and the text at the right end."""
    separator = f" {glyphs.separator} "
    pieces: list[_TotalsPart] = []
    for severity in _SEVERITIES:
        count = totals.counts.get(severity, 0)
        style = palette.severity[severity] if count else palette.muted
        text = f"{glyphs.of(severity)} {count} {severity.word}"
        gap, drop_order = "  " if pieces else "", 0 if count else 1
        short = f"{glyphs.of(severity)} {count}"
        pieces.append(_TotalsPart(text, style, gap, drop_order, short, severity))
    if totals.marked:
        pieces.append(
            _TotalsPart(
                f"{glyphs.marked} {totals.marked} marked", palette.accent, separator, 0, action="show_marked"
            )
        )
    if totals.alerts:
        pieces.append(
            _TotalsPart(totals.alerts, palette.severity[Severity.DOWN], separator, 0, action="alerts")
        )
    if rate := _rate(totals.checks_per_second):
        pieces.append(_TotalsPart(rate, palette.muted, separator, 3))
    if totals.p95 is not None:
        time = format_rtt(totals.p95)
        brief = f"p95 {time}"
        words = f"p95 of last checks {time}"
        pieces.append(_TotalsPart(words, palette.muted, separator, 2, brief=brief))
    if _width_of(pieces) + cell_len(note) + 3 > width:
        pieces = _shorten(pieces)
    if totals.together and width >= _WIDE:
        pieces = _with_failure_group(
            pieces, totals.together, width, palette.severity[Severity.DOWN], separator, glyphs
        )
    pieces, note = _with_status(pieces, status, note, width, glyphs)
    return _abbreviate(pieces, width), note


def _rate(checks_per_second: float) -> str:
    """The check rate, of a small fleet per minute; "" if no check has finished in the last minute."""
    if checks_per_second >= 1:
        return f"{checks_per_second:.1f} checks/s"
    per_minute = round(checks_per_second * 60)
    return f"{format_count(per_minute, 'check')}/min" if per_minute else ""


def _with_status(
    pieces: list[_TotalsPart], status: str, note: str, width: int, glyphs: Glyphs
) -> tuple[list[_TotalsPart], str]:
    """The parts that remain, and the text at the right end."""
    if not status:
        return _fitting(pieces, width), note
    for words in map(glyphs.clean, (status, status.partition(" · ")[0])):
        kept = _fitting(pieces, width - cell_len(words) - 3)
        if _width_of(kept) + cell_len(words) + 3 <= width:
            return kept, words
    return _fitting(pieces, width), ""


def _fitting(pieces: list[_TotalsPart], width: int) -> list[_TotalsPart]:
    """The parts that fit, shortened if necessary, and those that are never dropped."""
    kept = list(pieces) if _width_of(pieces) <= width else _shorten(pieces)
    while _width_of(kept) > width and any(piece.drop_order for piece in kept):
        kept.remove(max(reversed(kept), key=lambda piece: piece.drop_order))
    return kept


def _shorten(pieces: list[_TotalsPart]) -> list[_TotalsPart]:
    """The parts with their brief texts."""
    return [replace(piece, text=piece.brief) if piece.brief else piece for piece in pieces]


def _abbreviate(pieces: list[_TotalsPart], width: int) -> list[_TotalsPart]:
    """Shorten parts from the last one on until the line fits: a glyph shows the state without its name."""
    kept = list(pieces)
    for number in reversed(range(len(kept))):
        if _width_of(kept) > width and kept[number].short:
            kept[number] = replace(kept[number], text=kept[number].short)
    return kept


def _with_failure_group(
    pieces: list[_TotalsPart],
    together: FailureGroup,
    width: int,
    style: Style,
    separator: str,
    glyphs: Glyphs,
) -> list[_TotalsPart]:
    """Add the correlated failures, without the zero counts if needed; leave them out if they do not fit."""
    count = len(together.names)
    words = glyphs.clean(f"{'both' if count == 2 else f'all {count}'} with {together.common_cause} are down")
    failure_group = _TotalsPart(words, style, separator, 0)
    brief = _shorten(pieces)
    for kept in (pieces, brief, [piece for piece in brief if piece.drop_order != 1]):
        if _width_of([*kept, failure_group]) <= width:
            return [*kept, failure_group]
    return pieces


def _width_of(pieces: list[_TotalsPart]) -> int:
    return sum(cell_len(piece.gap) + cell_len(piece.text) for piece in pieces)


class TotalsLine(Widget):
    """The top line. It repaints only when its text changed."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TotalsLine {
        height: 1;
        padding: 0 1;
    }
    """

    class CountClicked(Message):
        """The count of a state was clicked."""

        def __init__(self, severity: Severity) -> None:
            super().__init__()
            self.severity = severity

    def __init__(
        self,
        engine: FleetController,
        together: CorrelatedFailures,
        palette: Callable[[], Palette],
        glyphs: Glyphs,
        note: str,
        *,
        id: str | None = None,  # noqa: A002  # Textual's name for it
    ) -> None:
        super().__init__(id=id)
        self._engine = engine
        self._correlated_failures = together
        self._palette = palette
        self._glyphs = glyphs
        self._note = glyphs.clean(note)
        self._counted_version = -1
        self._percentile_at = time.monotonic()
        self._totals = FleetTotals(
            engine.fleet_state.totals(), engine.checks_per_second, fleet_p95(engine.fleet_state)
        )
        self._followed: tuple[FleetTotals, str] | None = None
        """What the last `follow` found. The same again needs no new line, which is not cheap to lay out."""
        self._drawn_text = ""
        self._alerts = ""

    def show_alert_badge(self, alerts: str) -> None:
        """Set the alert badge; it appears with the next `follow`."""
        self._alerts = alerts

    def follow(self, marked: int = 0) -> None:
        """Update the numbers.

        An unchanged fleet state is not counted again. The check rate changes all the time, and the percentile
        sorts the whole fleet, so both are updated every few seconds.
        """
        fleet_state, now, totals = self._engine.fleet_state, time.monotonic(), self._totals
        counts, rate, p95 = totals.counts, totals.checks_per_second, totals.p95
        settled = p95 is not None and now - self._percentile_at < _PERCENTILE_INTERVAL_S
        if fleet_state.version != self._counted_version:
            self._counted_version = fleet_state.version
            counts = fleet_state.totals()
            p95 = p95 if settled else fleet_p95(fleet_state)
        if not settled:
            self._percentile_at, rate = now, self._engine.checks_per_second
        failure_group = self._correlated_failures.largest if self.size.width >= _WIDE else None
        self._totals = FleetTotals(counts, rate, p95, failure_group, marked, self._alerts)
        followed, self._followed = self._followed, (self._totals, self._status)
        if followed != self._followed and self._line().plain != self._drawn_text:
            self.refresh()

    @property
    def _status(self) -> str:
        """What is still being read; then who checks, if it is another process."""
        loading = self._engine.loading
        return str(loading) if loading else self._engine.status

    async def on_click(self, event: Click) -> None:
        """Report a click on a count; on the alerts or the marks, show them."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        width, status = self.size.width, self._status
        severity, action = part_at(
            offset.x, self._totals, self._note, width, self._palette(), self._glyphs, status
        )
        if severity:
            self.post_message(self.CountClicked(severity))
        elif action:
            await self.run_action(f"screen.{action}")

    def render(self) -> Text:
        """The line for the current width."""
        line = self._line()
        self._drawn_text = line.plain
        return line

    def _line(self) -> Text:
        palette = self._palette()
        width = self.size.width
        parts = totals_line(self._totals, self._note, width, palette, self._glyphs, self._status)
        return Text.assemble(*parts, no_wrap=True, end="", style=palette.base)
