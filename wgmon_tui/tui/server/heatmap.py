"""Heat map of a server's hours: one row per day, one column per hour, newest day on top.

Pure functions: hourly buckets in, Rich text out. A cell shows the worst state of the hour, and its loss.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from rich.text import Text

from wgmon_tui.store.models import TimeBucket
from wgmon_tui.tui.heat_marks import HeatCell, cell_marks, worst_state
from wgmon_tui.tui.theme.text_style import TextStyle

HOUR_S = 3600.0

_LABEL_WIDTH = 12
_HOURS_PER_BLOCK = 6
"""Hours between two blanks, so that a column can be found without counting."""


def group_by_hour(buckets: Iterable[TimeBucket]) -> Mapping[tuple[date, int], HeatCell]:
    """The hours with data, by local day and hour.

    When clocks are put back, two periods share an hour. Then the worse value of each is kept.
    """
    hours: dict[tuple[date, int], HeatCell] = {}
    for bucket in buckets:
        state = worst_state(bucket.seen)
        if state is None or bucket.length > HOUR_S:
            continue  # a daily bucket, kept after hourly ones expire, is not an hour
        then = time.localtime(bucket.start)
        place = (date(*then[:3]), then.tm_hour)
        before = hours.get(place, HeatCell())
        worst = state if before.worst is None else min(state, before.worst, key=lambda each: each.rank)
        hours[place] = HeatCell(worst, max(before.loss, bucket.seen.loss or 0.0))
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
                marks, style = cell_marks(hours.get((day, hour), HeatCell()), text_style)
                line.append(marks if wide else marks[0], style)
        lines.append(line)
    return lines


def _heading(wide: bool, text_style: TextStyle) -> Text:
    line = " " * _LABEL_WIDTH
    for hour in range(0, 24, 3):
        line += f"{hour:02}".ljust(6 if wide else 3)
        if hour % _HOURS_PER_BLOCK == 3:
            line += " "
    return Text(line.rstrip(), style=text_style.palette.muted)


def choose_days(lines: int) -> int:
    """The number of days to show on `lines` lines: the largest of 7, 14 and 30 that fits, or 7."""
    return max((each for each in (14, 30) if each <= lines), default=7)
