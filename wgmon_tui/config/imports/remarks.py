"""Remarks on the sources of an import: where, what, and what to type. Many of one kind become one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wgmon_tui.records import dataclass
from wgmon_tui.text import FEW, format_list

_MOST_SINGLE = 20
"""Remarks that are listed one by one."""

_MOST_LINES = 100


@dataclass(frozen=True, slots=True)
class Remark:
    """A notice or a fault. `source` is a name of a file, safe to show.

    `kind` is the text for many sources at once, if the text itself differs from source to source.
    """

    source: str
    text: str
    line: int | None = None
    kind: str = ""

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}: line {self.line}"
        return f"{where}: {self.text}"


def listed_lines(remarks: Sequence[Remark]) -> list[str]:
    """A line for each remark; of many, one for each kind, and at most `_MOST_LINES`."""
    lines = [*map(str, remarks)] if len(remarks) <= _MOST_SINGLE else grouped_lines(remarks)
    hidden = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"and {hidden:,} more lines"] if hidden > 0 else lines


def grouped_lines(remarks: Iterable[Remark]) -> list[str]:
    """One line for each remark; one for all remarks of a kind if there are more than a few."""
    groups: dict[str, list[Remark]] = {}
    for remark in remarks:
        groups.setdefault(remark.kind or remark.text, []).append(remark)
    lines: list[str] = []
    for kind, group in groups.items():
        if len(group) <= FEW:
            lines += map(str, group)
        else:
            sources = list(dict.fromkeys(each.source for each in group))
            lines.append(f"{format_list(sources, most=FEW)}: {kind}")
    return lines
