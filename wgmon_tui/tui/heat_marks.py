"""Marks of a heat map: one period of a server, its worst state and its loss as glyph and colour.

The glyph carries the same meaning as its colour. Pure functions: buckets in, marks out.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.store.models import PeriodSummary
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette
from wgmon_tui.tui.theme.text_style import TextStyle

_LOSS_STEPS = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.9)
"""Loss above the first step gives the second mark, from the second step the third, and so on."""

_NOTABLE_LOSS = 0.05
"""Loss from which the cell gets a warning colour although the server was up."""

_LEGEND_LOSSES = ((0.0, "0%"), (0.05, "5%"), (0.25, "25%"), (0.9, "90% lost"))


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One period: its worst state, and the share of lost checks."""

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


def legend(text_style: TextStyle) -> list[Text]:
    """The meaning of the marks, on as many lines as needed."""
    palette, glyphs = text_style.palette, text_style.glyphs
    # In ASCII the marks are digits, and "3 5%" would read as two figures.
    means = "=" if glyphs.ascii_only else " "
    entries = [
        (loss_mark(loss, glyphs), _loss_style(loss, palette), f"{means}{words}")
        for loss, words in _LEGEND_LOSSES
    ]
    entries += [
        (glyphs.of(severity), palette.severity[severity], f" {severity.word}")
        for severity in (Severity.DEGRADED, Severity.DOWN, Severity.UNKNOWN, Severity.PAUSED)
    ]
    entries.append((glyphs.unseen, palette.muted, " not checked"))
    lines = [Text()]
    for glyph, style, words in entries:
        entry = Text.assemble((glyph, style), (f"{words}  ", palette.muted))
        if lines[-1].cell_len + entry.cell_len - 2 > text_style.width:
            lines.append(Text())
        lines[-1].append_text(entry)
    return lines


def cell_marks(cell: HeatCell, text_style: TextStyle) -> tuple[str, Style]:
    """Two marks and their colour: severity (unless up) and loss. A narrow map shows only the first."""
    palette, glyphs = text_style.palette, text_style.glyphs
    if cell.worst is None:
        return f"{glyphs.unseen} ", palette.muted
    if cell.worst in (Severity.UNKNOWN, Severity.PAUSED):
        return f"{glyphs.of(cell.worst)} ", palette.severity[cell.worst]
    loss = loss_mark(cell.loss, glyphs)
    if cell.worst is Severity.UP:
        return loss * 2, _loss_style(cell.loss, palette)
    return glyphs.of(cell.worst) + loss, palette.severity[cell.worst]


def _loss_style(loss: float, palette: Palette) -> Style:
    if loss <= 0:
        return palette.sparkline
    return palette.severity[Severity.DEGRADED if loss >= _NOTABLE_LOSS else Severity.UP]
