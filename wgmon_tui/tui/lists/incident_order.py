"""Order of the incidents list: sorting by a column, and the titles that a click sorts by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.tui.lists.incident_text import GAP, IncidentColumns, IncidentEntry, titles
from wgmon_tui.tui.theme.text_style import TextStyle

_VALUES: Mapping[str, Callable[[Incident, float], str | float]] = {
    "state": lambda incident, _: -incident.severity.rank,
    "server": lambda incident, _: incident.server.casefold(),
    "cause": lambda incident, _: incident.verdict.slug,
    "opened": lambda incident, _: incident.opened_at,
    "lasted": lambda incident, now: (
        (now if incident.closed_at is None else incident.closed_at) - incident.opened_at
    ),
}
"""The value to sort by, for the title of each column, from an incident and the Unix time."""

_DESCENDING = ("state", "opened", "lasted")
"""Columns that are sorted with the largest value first, as an operator looks for it."""


@dataclass(frozen=True, slots=True)
class IncidentOrder:
    """The column to sort by, and whether in the other direction. Without one, the order of the timeline."""

    column: str = ""
    is_reversed: bool = False

    @property
    def is_descending(self) -> bool:
        """Whether the largest value comes first."""
        return (self.column in _DESCENDING) is not self.is_reversed

    def clicked(self, column: str) -> IncidentOrder:
        """The order after a click on a title: by it, then reversed, then the timeline again."""
        if column != self.column:
            return IncidentOrder(column)
        return IncidentOrder() if self.is_reversed else IncidentOrder(column, is_reversed=True)

    def sort(self, entries: Iterable[IncidentEntry], now: float) -> list[IncidentEntry]:
        """The entries in this order. Those with equal values keep theirs."""
        value = _VALUES.get(self.column)
        if value is None:
            return list(entries)
        return sorted(entries, key=lambda entry: value(entry.incident, now), reverse=self.is_descending)


def sortable_heading(columns: IncidentColumns, order: IncidentOrder, text_style: TextStyle) -> Text:
    """The titles of the columns, with an arrow at the one that the list is sorted by. A click sorts."""
    palette, glyphs = text_style.palette, text_style.glyphs
    heading = Text()
    for title, width, is_right in titles(columns):
        heading.append(" " * GAP if heading else "")
        words, style = title, palette.muted
        if title == order.column:
            words += f" {glyphs.descending if order.is_descending else glyphs.ascending}"
            style = palette.accent
        if title in _VALUES:
            style += Style(meta={"@click": f"screen.sort_by('{title}')"})
        heading.append(words.rjust(width) if is_right else words.ljust(width), style)
    return heading
