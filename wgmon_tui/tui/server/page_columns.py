"""Columns of the server screen: on a wide terminal the diagnosis is beside the open tab."""

from __future__ import annotations

from dataclasses import dataclass

WIDE = 140
"""Columns of the terminal from which the screen has two columns."""

_TAB_WIDTH = 78
"""What the hex dump of the packets needs."""

_MOST_PROSE_WIDTH = 98


@dataclass(frozen=True, slots=True)
class PageColumns:
    """Widths in cells: of the diagnosis, 0 if it is a tab of its own, and of the open tab."""

    diagnosis: int
    tab: int


def page_columns(width: int) -> PageColumns:
    """The columns for a terminal of this width."""
    diagnosis = min(_MOST_PROSE_WIDTH, width - _TAB_WIDTH) if width >= WIDE else 0
    return PageColumns(diagnosis, width - diagnosis)
