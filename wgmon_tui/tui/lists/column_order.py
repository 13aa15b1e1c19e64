"""The order of a list by one of its columns. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from rich.style import Style
from rich.text import Text

from wgmon_tui.tui.theme.text_style import TextStyle

Entry = TypeVar("Entry")

GAP = 2
"""Cells between two columns."""


@dataclass(frozen=True, slots=True)
class ColumnOrder:
    """The column to sort by, ascending unless `is_reversed`. `values` has what to sort by, for each title."""

    values: Mapping[str, Callable[[Any], Any]] = field(repr=False)
    column: str
    is_reversed: bool = False

    def clicked(self, column: str) -> ColumnOrder:
        """The order after a click on a title: a second click reverses."""
        is_reversed = column == self.column and not self.is_reversed
        return replace(self, column=column, is_reversed=is_reversed)

    def next(self) -> ColumnOrder:
        """The order by the next column."""
        columns = list(self.values)
        following = columns[(columns.index(self.column) + 1) % len(columns)]
        return replace(self, column=following, is_reversed=False)

    def reversed(self) -> ColumnOrder:
        """The other direction."""
        return replace(self, is_reversed=not self.is_reversed)

    def sort(self, entries: Iterable[Entry]) -> list[Entry]:
        """The entries in this order. Those with equal values keep theirs."""
        return sorted(entries, key=self.values[self.column], reverse=self.is_reversed)


def heading(
    columns: Iterable[tuple[str, int]], order: ColumnOrder, text_style: TextStyle, right: str = ""
) -> Text:
    """The titles of the columns, with an arrow at the one that the list is sorted by. A click sorts.

    `right` is the column that is aligned to the right.
    """
    palette, glyphs = text_style.palette, text_style.glyphs
    found = Text()
    for title, width in columns:
        found.append(" " * GAP if found else "")
        words, style = title, palette.muted
        if title == order.column:
            words += f" {glyphs.descending if order.is_reversed else glyphs.ascending}"
            style = palette.accent
        if title in order.values:
            style += Style(meta={"@click": f"screen.sort_by('{title}')"})
        found.append(words.rjust(width) if title == right else words.ljust(width)[:width], style)
    return found
