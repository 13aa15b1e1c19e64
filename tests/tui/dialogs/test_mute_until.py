from __future__ import annotations

import time
from contextlib import suppress
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.sample_fleet import NOW
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.tui.dialogs.mute_until import FOREVER, PRESETS, parse_until

HOUR, DAY = 3600.0, 86400.0


@pytest.mark.parametrize(
    ("text", "later"),
    [
        ("1h", HOUR),
        ("90m", 1.5 * HOUR),
        ("90 min", 1.5 * HOUR),
        ("1d12h", 1.5 * DAY),
        ("1.5h", 1.5 * HOUR),
        ("2w", 14 * DAY),
        ("20:00", 0.5 * HOUR),
        ("until 20:00", 0.5 * HOUR),
        ("19:00", 23.5 * HOUR),
        ("today 20:00", 0.5 * HOUR),
        ("Tomorrow 9:00", 13.5 * HOUR),
        ("tomorrow 9", 13.5 * HOUR),
        ("mon 9:00", 13.5 * HOUR),
        ("sunday 20:00", 0.5 * HOUR),
        ("sun 19:00", 7 * DAY - 0.5 * HOUR),
        (FOREVER, inf),
    ],
)
def test_a_stretch_or_a_time_of_day_is_a_moment_after_now(text: str, later: float) -> None:
    """It is Sunday, 19:30."""
    assert parse_until(text, NOW) == NOW + later


@pytest.mark.parametrize(
    "text",
    ["", "h", "9", "soon", "25:00", "9:60", "today 9:00", "mo 9:00", "1h soon", "3y", "366d 1h", "1h:30"],
)
def test_what_means_no_time_to_come_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="expected"):
        parse_until(text, NOW)


def test_tomorrow_at_nine_is_at_nine_by_the_clock_through_a_change_of_daylight_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    evening = time.mktime((2026, 10, 24, 20, 0, 0, 0, 0, -1))
    found = time.localtime(parse_until("tomorrow 9:00", evening))
    assert (found.tm_mday, found.tm_hour, found.tm_min) == (25, 9, 0)
    assert parse_until("tomorrow 9:00", evening) - evening == 14 * HOUR


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_time(preset: str) -> None:
    assert parse_until(preset, NOW) > NOW


@given(st.text(alphabet="0123456789hmdw :.tomrsunday", max_size=16), st.floats(0, 4e9))
def test_whatever_is_typed_is_later_than_now_or_refused(text: str, now: float) -> None:
    with suppress(InvalidValueError):
        assert parse_until(text, now) > now
