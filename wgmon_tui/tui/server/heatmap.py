"""Heat map of a server's hours: one row per day, one column per hour, newest day on top.

Pure functions: hourly buckets in, Rich text out. The glyphs of a cell carry the same meaning as its colour:
the worst state of the hour, and its loss.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.store.models import PeriodSummary, TimeBucket
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette
from wgmon_tui.tui.theme.text_style import TextStyle

HOUR_S = 3600.0

_LABEL_WIDTH = 12
_HOURS_PER_BLOCK = 6
"""Hours between two blanks, so that a column can be found without counting."""

_LOSS_STEPS = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.9)
"""Loss above the first step gives the second mark, from the second step the third, and so on."""

_NOTABLE_LOSS = 0.05
"""Loss from which the cell gets a warning colour although the server was up."""

_LEGEND_LOSSES = ((0.0, "0%"), (0.05, "5%"), (0.25, "25%"), (0.9, "90% lost"))


@dataclass(frozen=True, slots=True)
class HeatmapHour:
    """One hour of local time: its worst state, and the share of lost checks."""

    worst: Severity | None = None
    """None if nothing was checked."""
    loss: float = 0.0


def loss_mark(loss: float, glyphs: Glyphs) -> str:
    """The glyph of a loss. `loss` is a share from 0 to 1."""
    if loss <= 0:
        return glyphs.losses[0]
    return glyphs.losses[max(1, sum(loss >= step for step in _LOSS_STEPS))]


def worst_state(seen: PeriodSummary) -> Severity | None:
    """The worst counted state; else the reason why nothing counted; None if nothing was checked."""
    if seen.counted:
        return seen.worst
    unseen = {Severity.PAUSED: seen.paused + seen.maintenance, Severity.UNKNOWN: seen.unknown}
    longest = max(unseen, key=unseen.__getitem__)
    return longest if unseen[longest] else None


def group_by_hour(buckets: Iterable[TimeBucket]) -> Mapping[tuple[date, int], HeatmapHour]:
    """The hours with data, by local day and hour.

    When clocks are put back, two periods share an hour. Then the worse value of each is kept.
    """
    hours: dict[tuple[date, int], HeatmapHour] = {}
    for bucket in buckets:
        state = worst_state(bucket.seen)
        if state is None or bucket.length > HOUR_S:
            continue  # a daily bucket, kept after hourly ones expire, is not an hour
        then = time.localtime(bucket.start)
        place = (date(*then[:3]), then.tm_hour)
        before = hours.get(place, HeatmapHour())
        worst = state if before.worst is None else min(state, before.worst, key=lambda each: each.rank)
        hours[place] = HeatmapHour(worst, max(before.loss, bucket.seen.loss or 0.0))
    return hours


def first_midnight(now: float, days: int) -> float:
    """The Unix time at which the first of `days` local days begins. The last one is today."""
    first = date(*time.localtime(now)[:3]) - timedelta(days=days - 1)
    return time.mktime((*first.timetuple()[:3], 0, 0, 0, 0, 0, -1))


def heat_map(buckets: Iterable[TimeBucket], now: float, days: int, text_style: TextStyle) -> list[Text]:
    """A heading of hours, then at most `days` days. Days before the first data are left out."""
    hours = group_by_hour(buckets)
    wide = text_style.width >= _LABEL_WIDTH + 2 * 24 + 3
    then = time.localtime(now)
    today, this_hour = date(*then[:3]), then.tm_hour
    known = [day for day, _ in hours]
    earliest = min([today, *known])
    lines = [_heading(wide, text_style)]
    for back in range(min(days, (today - earliest).days + 1)):
        day = today - timedelta(days=back)
        line = Text().append(f"{day:%a %b %d}".ljust(_LABEL_WIDTH), text_style.palette.muted)
        for hour in range(24):
            if hour and hour % _HOURS_PER_BLOCK == 0:
                line.append(" ")
            if day == today and hour > this_hour:
                line.append("  " if wide else " ")
            else:
                marks, style = _cell(hours.get((day, hour), HeatmapHour()), text_style)
                line.append(marks if wide else marks[0], style)
        lines.append(line)
    return lines


def legend(text_style: TextStyle) -> list[Text]:
    """The meaning of the marks, on as many lines as needed."""
    palette, glyphs = text_style.palette, text_style.glyphs
    entries = [(loss_mark(loss, glyphs), _loss_style(loss, palette), words) for loss, words in _LEGEND_LOSSES]
    entries += [
        (glyphs.of(severity), palette.severity[severity], severity.word)
        for severity in (Severity.DEGRADED, Severity.DOWN, Severity.UNKNOWN, Severity.PAUSED)
    ]
    entries.append((glyphs.unseen, palette.muted, "not checked"))
    lines = [Text()]
    for glyph, style, words in entries:
        entry = Text.assemble((glyph, style), (f" {words}  ", palette.muted))
        if lines[-1].cell_len + entry.cell_len - 2 > text_style.width:
            lines.append(Text())
        lines[-1].append_text(entry)
    return lines


def _heading(wide: bool, text_style: TextStyle) -> Text:
    line = " " * _LABEL_WIDTH
    for hour in range(0, 24, 3):
        line += f"{hour:02}".ljust(6 if wide else 3)
        if hour % _HOURS_PER_BLOCK == 3:
            line += " "
    return Text(line.rstrip(), style=text_style.palette.muted)


def _cell(hour: HeatmapHour, text_style: TextStyle) -> tuple[str, Style]:
    """Two marks and their colour: severity (unless up) and loss. A narrow map shows only the first."""
    palette, glyphs = text_style.palette, text_style.glyphs
    if hour.worst is None:
        return f"{glyphs.unseen} ", palette.muted
    if hour.worst in (Severity.UNKNOWN, Severity.PAUSED):
        return f"{glyphs.of(hour.worst)} ", palette.severity[hour.worst]
    loss = loss_mark(hour.loss, glyphs)
    if hour.worst is Severity.UP:
        return loss * 2, _loss_style(hour.loss, palette)
    return glyphs.of(hour.worst) + loss, palette.severity[hour.worst]


def _loss_style(loss: float, palette: Palette) -> Style:
    if loss <= 0:
        return palette.sparkline
    return palette.severity[Severity.DEGRADED if loss >= _NOTABLE_LOSS else Severity.UP]


def choose_days(lines: int, choices: Sequence[int] = (7, 14, 30)) -> int:
    """The number of days to show on `lines` lines: the largest of `choices` that fits, or the smallest."""
    return max((each for each in choices if each <= lines), default=choices[0])
