"""Plot of round-trip times: a line for the median, a band up to p95 and a thinner band up to p99.

Pure functions: buckets in, Rich text out. A cell has four by two dots in braille, one in ASCII. Losses have a
separate line below the plot, so that they are visible even if nothing was answered.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import groupby
from math import ceil, floor, log10

from rich.text import Text

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.store.models import TimeBucket
from wgmon_tui.text import format_clock, format_day, format_limit
from wgmon_tui.tui.heat_marks import loss_mark, worst_state
from wgmon_tui.tui.theme.text_style import TextStyle

LABEL_CELLS = 10
"""Cells of the round-trip time labels and the axis."""

LINES_BELOW = 3
"""Lines below the plot: losses, axis and times."""

ALL_LOST = 0.995

_LINES_A_TICK = 4
_OUTLIER = 4.0
"""The axis ends at this multiple of the usual p95. Values above it are marked at the top."""

_SHOWN_IN_FULL = 0.95
"""The axis always covers this share of the medians, so that long slow periods are shown in full."""

_LENGTHS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_TICKS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200)
_TICKS_DAYS = (1, 2, 5, 10)
_DAY_S = 86400.0
_TICK_CELLS = 9
"""Cells of a label of the time axis, with its blank."""

_BRAILLE = 0x2800
_DOTS = (0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80)
"""The bit of each dot of a braille cell, line by line."""


_NOTHING, _P99, _P95, _P50 = range(4)
"""What a dot shows. The highest value in a cell sets its colour."""

_Grid = list[bytearray]


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The plotted period in Unix seconds, and the length of one bucket."""

    start: float
    end: float
    length: float


@dataclass(frozen=True, slots=True)
class RttScale:
    """The axis of round-trip times: its end and its tick distance, in seconds."""

    top: float
    tick: float


def plot_window(window: float, end: float, cells: int, interval: float, *, ascii_only: bool) -> TimeWindow:
    """The period and bucket length to read for a plot of `cells` cells. Each bucket has room for a check.

    `window`, `end` and the checks' `interval` are in seconds.
    """
    dots = cells * (1 if ascii_only else 2)
    least = max(window / max(1, dots), 1.5 * interval)
    length = next((each for each in _LENGTHS_S if each >= least), _LENGTHS_S[-1])
    return TimeWindow(end - window, end, float(length))


def scale_for(buckets: Iterable[TimeBucket], lines: int) -> RttScale | None:
    """The axis from zero to a round number above the shown values; None if nothing was answered."""
    seen = [bucket.seen for bucket in buckets]
    medians = sorted(each.p50 for each in seen if each.p50 is not None)
    usual = sorted(each.p95 for each in seen if each.p95 is not None)
    slowest = max((each.p99 for each in seen if each.p99 is not None), default=0.0)
    if not medians or not usual or slowest <= 0:
        return None
    reached = medians[ceil(_SHOWN_IN_FULL * len(medians)) - 1]
    top = min(slowest, max(reached, _OUTLIER * usual[len(usual) * 3 // 4]))
    tick = _round_up(top / max(1, lines // _LINES_A_TICK))
    return RttScale(ceil(top / tick - 1e-9) * tick, tick)


def plot(
    buckets: Sequence[TimeBucket], time_window: TimeWindow, lines: int, text_style: TextStyle
) -> list[Text]:
    """The plot on `lines` lines, and `LINES_BELOW` more for losses and times."""
    cells = max(1, text_style.width - LABEL_CELLS)
    scale = scale_for(buckets, lines)
    rows = (
        _rows(buckets, time_window, scale, cells, lines, text_style) if scale else [Text(" " * cells)] * lines
    )
    labels = _labels(scale, lines)
    muted = text_style.palette.muted
    axis, corner = ("|", "+") if text_style.glyphs.ascii_only else ("┤", "└")
    bar = "|" if text_style.glyphs.ascii_only else "│"
    plotted = [
        Text.assemble((f"{label:>{LABEL_CELLS - 2}} {axis if label else bar}", muted), row)
        for label, row in zip(labels, rows, strict=True)
    ]
    times, ticks = _time_axis(time_window, cells, text_style)
    return [
        *plotted,
        Text.assemble(
            (f"{'lost':>{LABEL_CELLS - 2}} {bar}", muted), _losses(buckets, time_window, cells, text_style)
        ),
        Text(f"{'':>{LABEL_CELLS - 1}}{corner}{ticks}", style=muted),
        Text(" " * LABEL_CELLS + times, style=muted),
    ]


def legend(text_style: TextStyle) -> Text:
    """The meaning of the marks. Entries that do not fit are left out."""
    palette, glyphs = text_style.palette, text_style.glyphs
    if glyphs.ascii_only:
        p50, p95, p99 = "*", ":", "."
        # Digits beside "lost" would read as a count.
        lost = (f"{glyphs.losses[1]} to {glyphs.losses[7]}", palette.lost, "= a part lost")
        all_lost = (glyphs.lost, palette.lost, "= all lost")
    else:
        p50, p95, p99 = "⠒⠒", "⢕⢕", "⠡⠡"
        lost = (f"{glyphs.losses[1]}{glyphs.losses[4]}{glyphs.losses[7]}", palette.lost, "lost")
        all_lost = (glyphs.lost, palette.lost, "all")
    entries = [
        (p50, palette.accent, "p50"),
        (p95, palette.sparkline, "p95"),
        (p99, palette.muted, "p99"),
        lost,
        all_lost,
        (glyphs.of(Severity.UNKNOWN), palette.severity[Severity.UNKNOWN], "unknown"),
        (glyphs.of(Severity.PAUSED), palette.severity[Severity.PAUSED], "paused"),
        (glyphs.unseen, palette.muted, "not checked"),
        (glyphs.ascending, palette.accent, "off scale"),
    ]
    line = Text()
    for mark, style, words in entries:
        entry = Text.assemble((mark, style), (f" {words}  ", palette.muted))
        if line.cell_len + entry.cell_len - 2 <= text_style.width:
            line.append_text(entry)
    return line


# Plot


def _rows(
    buckets: Sequence[TimeBucket],
    time_window: TimeWindow,
    scale: RttScale,
    cells: int,
    lines: int,
    text_style: TextStyle,
) -> list[Text]:
    across, down = (1, 1) if text_style.glyphs.ascii_only else (2, 4)
    grid = _grid(buckets, time_window, scale, cells * across, lines * down)
    palette = text_style.palette
    styles = {_NOTHING: palette.text, _P99: palette.muted, _P95: palette.sparkline, _P50: palette.accent}
    rows = []
    for line in range(lines):
        dots = grid[line * down : (line + 1) * down]
        drawn = [
            _cell(b"".join(each[column : column + across] for each in dots))
            for column in range(0, cells * across, across)
        ]
        row = Text()
        for mark, run in groupby(drawn, key=lambda cell: cell[1]):
            row.append("".join(character for character, _ in run), styles[mark])
        rows.append(row)
    for cell in _overflowing(buckets, time_window, scale, cells):
        mark_above = Text(text_style.glyphs.ascending, style=palette.accent)
        rows[0] = rows[0][:cell] + mark_above + rows[0][cell + 1 :]
    return rows


def _grid(
    buckets: Sequence[TimeBucket], time_window: TimeWindow, scale: RttScale, across: int, down: int
) -> _Grid:
    """Every dot of the plot, top line first."""
    grid = [bytearray(across) for _ in range(down)]

    def height(seconds: float) -> int:
        return max(0, down - 1 - int(min(seconds, scale.top) / scale.top * (down - 0.001)))

    before: tuple[int, int] | None = None
    for bucket in buckets:
        seen = bucket.seen
        first, after = _columns(bucket, time_window, across)
        if seen.p50 is None:
            # A bucket between two checks of a healthy server does not break the line.
            before = before if seen.counted and not seen.lost else None
            continue
        if first >= after:
            continue
        low, p95, p99 = (height(value) for value in (seen.p50, seen.p95 or seen.p50, seen.p99 or seen.p50))
        for column in range(first, after):
            for y in range(p99, p95):
                grid[y][column] = max(grid[y][column], _P99)
            for y in range(p95, low):
                grid[y][column] = max(grid[y][column], _P95)
            grid[low][column] = _P50
        if before:
            _draw_line(grid, before, (first, low))
        before = (after - 1, low)
    return grid


def _draw_line(grid: _Grid, one: tuple[int, int], other: tuple[int, int]) -> None:
    """Draw a line from one dot to another on its right. Both are (column, line)."""
    (left, start), (right, end) = one, other
    previous = start
    for column in range(left + 1, right + 1):
        y = start + round((end - start) * (column - left) / (right - left))
        for between in range(min(previous, y), max(previous, y) + 1):
            if between != previous or y == previous:
                grid[between][column] = _P50
        previous = y


def _columns(bucket: TimeBucket, time_window: TimeWindow, across: int) -> tuple[int, int]:
    """The columns that a bucket covers, as a half-open range."""
    per_second = across / (time_window.end - time_window.start)
    first = floor((bucket.start - time_window.start) * per_second)
    after = floor((bucket.start + bucket.length - time_window.start) * per_second)
    return max(0, first), min(across, max(after, first + 1))


@cache
def _cell(dots: bytes) -> tuple[str, int]:
    """One cell and its highest value. `dots` holds its dots line by line: eight in braille, one in ASCII.

    Bands are dotted, and sparser farther from the median. The median line is drawn without a band around it.
    """
    highest = max(dots)
    if len(dots) == 1:
        return " .:*"[highest], highest
    bits = 0
    for number, mark in enumerate(dots):
        y, x = divmod(number, 2)
        line = mark == _P50
        band = mark == _P95 and (x + y) % 2 == 0
        thin = mark == _P99 and y == 2 * x
        if line or (highest != _P50 and (band or thin)):
            bits |= _DOTS[number]
    return chr(_BRAILLE + bits) if bits else " ", highest


def _overflowing(
    buckets: Iterable[TimeBucket], time_window: TimeWindow, scale: RttScale, cells: int
) -> set[int]:
    """The cells whose p99 is above the axis."""
    return {
        cell
        for bucket in buckets
        if bucket.seen.p99 is not None and bucket.seen.p99 > scale.top
        for cell in range(*_columns(bucket, time_window, cells))
    }


# Axes


def _round_up(value: float) -> float:
    """The smallest of 1, 2, 2.5, 5, 10 … that is not less than `value`."""
    magnitude = 10.0 ** floor(log10(value))
    return next(step * magnitude for step in (1, 2, 2.5, 5, 10) if step * magnitude >= value * (1 - 1e-9))


def _labels(scale: RttScale | None, lines: int) -> list[str]:
    """A label for each line, or an empty string."""
    labels = [""] * lines
    if scale is None:
        return labels
    for number in range(round(scale.top / scale.tick) + 1):
        value = number * scale.tick
        line = min(lines - 1, floor((1 - value / scale.top) * lines))
        label = format_limit(value)
        labels[line] = label if len(label) <= LABEL_CELLS - 2 else f"{value * 1e6:g} us"  # not 0.0025 ms
    return labels


def _losses(
    buckets: Iterable[TimeBucket], time_window: TimeWindow, cells: int, text_style: TextStyle
) -> Text:
    """The loss in each cell, or the reason why nothing was checked."""
    palette, glyphs = text_style.palette, text_style.glyphs
    checks, lost = [0] * cells, [0] * cells
    states: list[Severity | None] = [None] * cells
    for bucket in buckets:
        for cell in range(*_columns(bucket, time_window, cells)):
            checks[cell] += bucket.seen.checks
            lost[cell] += bucket.seen.lost
            states[cell] = states[cell] or worst_state(bucket.seen)
    line = Text()
    for cell in range(cells):
        if lost[cell]:
            share = lost[cell] / checks[cell]
            line.append(glyphs.lost if share > ALL_LOST else loss_mark(share, glyphs), palette.lost)
            continue
        state = states[cell]
        if checks[cell]:
            line.append(" ")
        elif state in (Severity.UNKNOWN, Severity.PAUSED):
            line.append(glyphs.of(state), palette.severity[state])
        else:
            line.append(" " if state else glyphs.unseen, palette.muted)
    return line


def _time_axis(time_window: TimeWindow, cells: int, text_style: TextStyle) -> tuple[str, str]:
    """The time labels, and the axis line with a tick above the middle of each."""
    rule, tick = ("-", "+") if text_style.glyphs.ascii_only else ("─", "┬")
    times, ticks = [" "] * cells, [rule] * cells
    free_from = 0
    for at, label in time_ticks(time_window.start, time_window.end, max(1, cells // _TICK_CELLS)):
        cell = floor((at - time_window.start) / (time_window.end - time_window.start) * cells)
        begin = max(0, min(cell - len(label) // 2, cells - len(label)))
        if not 0 <= cell < cells or begin < free_from or len(label) > cells:
            continue
        ticks[cell] = tick
        times[begin : begin + len(label)] = label
        free_from = begin + len(label) + 1
    return "".join(times).rstrip(), "".join(ticks)


def time_ticks(start: float, end: float, most: int) -> Iterator[tuple[float, str]]:
    """About `most` round local times from `start` to `end`, with their labels.

    Midnight is labelled with its day.
    """
    wanted = (end - start) / max(1, most)
    step = next((each for each in _TICKS_S if each >= wanted), None)
    days = 1 if step else next((each for each in _TICKS_DAYS if each * _DAY_S >= wanted), _TICKS_DAYS[-1])
    year, month, day = time.localtime(start)[:3]
    for number in range(ceil((end - start) / _DAY_S) + 2):
        midnight = _local_time(year, month, day + number, 0)
        if midnight > end:
            return
        if step is None:
            then = date(*time.localtime(midnight)[:3])
            if then.toordinal() % days == 0 and midnight >= start:
                yield midnight, format_day(midnight)
            continue
        for seconds in range(0, int(_DAY_S), step):
            at = _local_time(year, month, day + number, seconds)
            if start <= at <= end:
                yield at, format_clock(at) if seconds else format_day(at)


def _local_time(year: int, month: int, day: int, seconds: int) -> float:
    return time.mktime((year, month, day, seconds // 3600, seconds % 3600 // 60, 0, 0, 0, -1))
