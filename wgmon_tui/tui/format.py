"""Numbers, times and texts as the face writes them. Pure functions; widths are in terminal cells."""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import inf

from rich.cells import cell_len, set_cell_size

from wgmon_tui.tui.glyphs import Glyphs

_SPOKEN = 3


def duration(seconds: float) -> str:
    """A round-trip time and its unit in at most seven cells: `0.42 ms`, `12.4 ms`, `1.20 s`."""
    milliseconds = seconds * 1000
    if milliseconds < 0.995:
        return f"{milliseconds:.2f} ms"
    if milliseconds < 99.95:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"


def share(part: float) -> str:
    """A share of 0 to 1 as a percentage; only none at all reads as `0%`."""
    if part == 0:
        return "0%"
    return f"{part:.1%}" if part < 0.0995 else f"{part:.0%}"


def progress(checks: tuple[int, int] | None) -> str:
    """How many checks speak for another state, of how many that it takes: ` 1/2`. Nothing where none do."""
    return f" {checks[0]}/{checks[1]}" if checks else ""


def uptime(part: float) -> str:
    """A share of 0 to 1 as a percentage, cut rather than rounded: only one without any outage is `100%`."""
    if part >= 1:
        return "100%"
    hundredths = int(part * 10_000)
    return f"{hundredths / 100:.2f}%" if hundredths >= 9_000 else f"{hundredths // 10 / 10:.1f}%"


def occasion(when: float, now: float, *, seconds: bool = False) -> str:
    """A Unix time as day and time of day: `19:15` today, `Nov 21 19:15`, `2024 Nov 21`."""
    then, today = time.localtime(when), time.localtime(now)
    clock = time.strftime("%H:%M:%S" if seconds else "%H:%M", then)
    if then[:3] == today[:3]:
        return clock
    day = time.strftime("%b %d", then)
    return f"{day} {clock}" if then.tm_year == today.tm_year else f"{then.tm_year} {day}"


def moment(when: float, now: float) -> str:
    """A Unix time in the local zone, as short as it stays clear: `19:15` today, `Nov 21`, `2024`.

    Absolute on purpose: an age would change every second and repaint every row with it.
    """
    then, today = time.localtime(when), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    return time.strftime("%b %d", then) if then.tm_year == today.tm_year else str(then.tm_year)


def until_words(until: float, now: float) -> str:
    """Until when something holds: `until 19:15`, `until Nov 23 09:00`; without an end `until unmuted`."""
    return f"until {'unmuted' if until == inf else occasion(until, now)}"


def spoken(names: Sequence[str]) -> str:
    """Servers in a notice: their names, where there are few enough to read."""
    return ", ".join(names) if len(names) <= _SPOKEN else f"{len(names)} servers"


def fit(text: str, width: int, glyphs: Glyphs, *, right: bool = False) -> str:
    """`text` in exactly `width` cells: padded, or cut with an ellipsis."""
    cells = cell_len(text)
    if cells > width:
        if width <= 0:
            return ""
        return set_cell_size(text, width - 1) + glyphs.ellipsis
    padding = " " * (width - cells)
    return padding + text if right else text + padding


def sparkline(samples: Sequence[float | None], width: int, glyphs: Glyphs) -> str:
    """The last `width` checks, the newest on the right; a lost one is the `lost` mark, never a gap.

    Scaled to the row from zero up to its peak, or to twice its median if that is more: a steady row draws a
    calm line at half height, and jitter of a millisecond does not look like an outage.
    """
    shown = samples[-width:] if width > 0 else ()
    answered = sorted(sample for sample in shown if sample is not None)
    if answered:
        top = max(answered[-1], 2 * answered[len(answered) // 2]) or 1.0
    steps = len(glyphs.bars)
    marks = [
        glyphs.lost if sample is None else glyphs.bars[min(steps - 1, int(sample / top * steps))]
        for sample in shown
    ]
    return "".join(marks).rjust(width)
