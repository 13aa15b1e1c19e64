"""The lines of the fleet table: its header, a server, the heading of a group. Pure: records in, parts out."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style

from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.monitor.board import Row
from wgmon_tui.tui.columns import LEFT_MARGIN, Drawing, Part, Placed
from wgmon_tui.tui.format import fit
from wgmon_tui.tui.grouping import UNTAGGED, Group
from wgmon_tui.tui.order import Order

_WORST_FIRST = sorted(Severity, key=lambda severity: severity.rank)


def header_line(layout: Sequence[Placed], order: Order, drawing: Drawing) -> list[Part]:
    """The titles of the columns, and an arrow at the one that is sorted by."""
    palette, glyphs = drawing.palette, drawing.glyphs
    parts: list[Part] = []
    end = 0
    for placed in layout:
        column, style = placed.column, palette.header
        title = column.title
        if column.key == order.sort.column:
            arrow = glyphs.descending if order.descending else glyphs.ascending
            title = f"{title} {arrow}" if len(title) + 2 <= placed.width else f"{title}{arrow}"
            style += palette.accent
        parts.append((" " * (placed.start - end), palette.header))
        parts.append((title.rjust(placed.width) if column.right else title.ljust(placed.width), style))
        end = placed.start + placed.width
    return parts


def row_line(row: Row, layout: Sequence[Placed], drawing: Drawing, *, marked: bool) -> list[Part]:
    """A server. The mark stands in the margin."""
    mark = drawing.glyphs.marked if marked else ""
    parts: list[Part] = [(f"{mark:<{LEFT_MARGIN}}", drawing.palette.accent)]
    end = LEFT_MARGIN
    for placed in layout:
        parts.append((" " * (placed.start - end), Style.null()))
        parts += placed.column.cell(row, placed.width, drawing)
        end = placed.start + placed.width
    return parts


def group_line(group: Group, layout: Sequence[Placed], drawing: Drawing, width: int) -> list[Part]:
    """The heading of a group: its tag, and how many are how bad, the worst first, as far as there is room."""
    palette, glyphs = drawing.palette, drawing.glyphs
    arrow = glyphs.folded if group.folded else glyphs.descending
    tag = "no tag" if group.tag == UNTAGGED else glyphs.clean(group.tag)
    title = f"{arrow} {tag}"
    names = next((each.start for each in layout if each.column.key == "name"), 0) - LEFT_MARGIN
    title = fit(title, min(max(names, cell_len(title)), width // 2), glyphs)
    parts: list[Part] = [
        (" " * LEFT_MARGIN, palette.header),
        (title, palette.header + palette.text + Style(bold=True)),
    ]
    taken = LEFT_MARGIN + cell_len(title)
    for severity in _WORST_FIRST:
        text = f"{glyphs.of(severity)} {group.totals[severity]} {severity.word}"
        if group.totals[severity] and taken + len(text) + 2 <= width:
            parts += [("  ", palette.header), (text, palette.header + palette.severity[severity])]
            taken += len(text) + 2
    return parts


def nothing_matches(drawing: Drawing, clear: str) -> list[Part]:
    """Where the filter hides every server; `clear` is the key that ends that."""
    palette = drawing.palette
    return [(" No server matches this filter. ", palette.text), (f"{clear} clears it.", palette.muted)]
