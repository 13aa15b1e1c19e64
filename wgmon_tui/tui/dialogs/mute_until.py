"""Parser for the end of a mute, as an operator types it: `1h`, `1d12h`, `18:30`, `tomorrow 9:00`.

Pure functions. Times of day are local, and account for a daylight saving change before that time.
"""

from __future__ import annotations

import re
import time
from math import inf

from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.text import quoted

PRESETS = ("1h", "4h", "8h", "tomorrow 9:00", "monday 9:00", "7d", "until unmuted")
"""Common choices, in the order in which they are offered."""

FOREVER = "until unmuted"

EXAMPLES = "such as 1h, 90m, 18:30, tomorrow 9:00 or mon 9:00"

_MAX_DURATION_S = 366 * 86400.0
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION_PART = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(min|[smhdw])")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME_OF_DAY = re.compile(r"(?:([a-z]+)\s+)?(\d{1,2})(?::(\d{2}))?")
_MIN_DAY_LETTERS = 3


def parse_until(text: str, now: float) -> float:
    """Parse a text into a Unix time after `now`, `inf` for FOREVER. Raises InvalidValueError."""
    typed = " ".join(text.casefold().split())
    if typed == FOREVER:
        return inf
    typed = typed.removeprefix("until ")
    ends = _parse_duration(typed, now) or _parse_time_of_day(typed, now)
    if ends is None:
        raise InvalidValueError(f"expected a time {EXAMPLES}, got {quoted(text)}")
    if not now < ends <= now + _MAX_DURATION_S:
        raise InvalidValueError(f"expected a time within a year, got {quoted(text)}")
    return ends


def _parse_duration(typed: str, now: float) -> float | None:
    parts = _DURATION_PART.findall(typed)
    if not parts or _DURATION_PART.sub("", typed).strip():
        return None
    return now + max(1.0, sum(float(number) * _UNITS[unit] for number, unit in parts))


def _parse_time_of_day(typed: str, now: float) -> float | None:
    found = _TIME_OF_DAY.fullmatch(typed)
    if found is None:
        return None
    day, hour, minute = found[1], int(found[2]), int(found[3] or 0)
    if hour > 23 or minute > 59 or (day is None and found[3] is None):
        return None
    for ahead in _days_ahead(day, time.localtime(now).tm_wday):
        ends = _timestamp(now, ahead, hour, minute)
        if ends > now:
            return ends
    return None


def _days_ahead(day: str | None, today: int) -> tuple[int, ...]:
    """The candidate numbers of days from today, nearest first."""
    if day is None:
        return 0, 1
    if day in ("today", "tomorrow"):
        return (int(day == "tomorrow"),)
    if len(day) < _MIN_DAY_LETTERS:
        return ()
    return next(
        (
            ((number - today) % 7, (number - today) % 7 + 7)
            for number, name in enumerate(_DAYS)
            if name.startswith(day)
        ),
        (),
    )


def _timestamp(now: float, days: int, hour: int, minute: int) -> float:
    then = time.localtime(now)
    # With an unknown daylight flag (-1), mktime applies the daylight saving time of that day.
    return time.mktime((then.tm_year, then.tm_mon, then.tm_mday + days, hour, minute, 0, 0, 0, -1))
