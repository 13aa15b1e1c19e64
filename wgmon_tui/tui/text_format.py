"""What depends on the width of terminal cells or on the glyphs. Pure; wgmon_tui.text writes the values."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from wgmon_tui.tui.theme.glyphs import Glyphs


def progress(checks: tuple[int, int] | None) -> str:
    """How many checks speak for another state, of how many that it takes: ` 1/2`. Nothing where none do."""
    return f" {checks[0]}/{checks[1]}" if checks else ""


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
