"""Text formats that depend on cell width or glyphs. Pure functions; wgmon_tui.text formats the values."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from wgmon_tui.tui.theme.glyphs import Glyphs


def progress(checks: tuple[int, int] | None) -> str:
    """Checks in favour of another state, and how many a change needs: ` 1/2`. "" if there are none."""
    return f" {checks[0]}/{checks[1]}" if checks else ""


def progress_words(checks: tuple[int, int] | None) -> str:
    """The same in words, for checks that are up again. "" if there are none."""
    if checks is None:
        return ""
    more = checks[1] - checks[0]
    return f", up again, {more} more {'check' if more == 1 else 'checks'} to count"


def fit(text: str, width: int, glyphs: Glyphs, *, right: bool = False) -> str:
    """Pad `text` to exactly `width` cells, or cut it with an ellipsis."""
    cells = cell_len(text)
    if cells > width:
        if width <= 0:
            return ""
        return set_cell_size(text, width - 1) + glyphs.ellipsis
    padding = " " * (width - cells)
    return padding + text if right else text + padding


def sparkline(samples: Sequence[float | None], width: int, glyphs: Glyphs) -> str:
    """Draw the last `width` checks, newest on the right. A lost check is the `lost` mark, never a gap.

    The scale goes from zero to the peak, or to twice the median if that is more. So a steady row is a flat
    line at half height, and a jitter of one millisecond does not look like an outage.
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
