"""The lines of the fleet table: header, server, group heading. Pure: records in, styled parts out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.style import Style

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.text import format_elapsed
from wgmon_tui.tui.fleet.column_layout import LEFT_MARGIN, PlacedColumn
from wgmon_tui.tui.fleet.columns import COLUMNS, CellContext, Part
from wgmon_tui.tui.fleet.row_index import RowIndex
from wgmon_tui.tui.fleet.tag_groups import UNTAGGED, TagGroup
from wgmon_tui.tui.text_format import fit

_WORST_FIRST = sorted(Severity, key=lambda severity: severity.rank)


def header_line(layout: Sequence[PlacedColumn], row_index: RowIndex, cell_context: CellContext) -> list[Part]:
    """The column titles, with an arrow at the sort column."""
    palette, glyphs = cell_context.palette, cell_context.glyphs
    parts: list[Part] = []
    end = 0
    for placed in layout:
        column, style = placed.column, palette.header
        title = column.title if column.key != "checks" else _checks_title(placed.width, cell_context.interval)
        if column.key == row_index.sort.column:
            arrow = glyphs.descending if row_index.descending else glyphs.ascending
            title = f"{title} {arrow}" if len(title) + 2 <= placed.width else f"{title}{arrow}"
            style += palette.accent
        parts.append((" " * (placed.start - end), palette.header))
        parts.append((title.rjust(placed.width) if column.align_right else title.ljust(placed.width), style))
        end = placed.start + placed.width
    return parts


def _checks_title(width: int, interval: float | None) -> str:
    """How many checks fit, and how much time that is; room is left for the arrow of the sort order."""
    titles = [f"last {width} checks", COLUMNS["checks"].title]
    if interval is not None:
        elapsed = format_elapsed(width * interval)
        span = f"{width} checks, {elapsed}"
        titles = [f"last {span}", span, f"last {elapsed}", *titles]
    return next((title for title in titles if len(title) + 2 <= width), COLUMNS["checks"].title)


def row_line(
    server_state: ServerState, layout: Sequence[PlacedColumn], cell_context: CellContext, *, marked: bool
) -> list[Part]:
    """A server, with its mark in the left margin."""
    mark = cell_context.glyphs.marked if marked else ""
    parts: list[Part] = [(f"{mark:<{LEFT_MARGIN}}", cell_context.palette.accent)]
    end = LEFT_MARGIN
    for placed in layout:
        parts.append((" " * (placed.start - end), Style.null()))
        parts += placed.column.cell(server_state, placed.width, cell_context)
        end = placed.start + placed.width
    return parts


def group_line(
    group: TagGroup, layout: Sequence[PlacedColumn], cell_context: CellContext, width: int
) -> list[Part]:
    """The heading of a group: its tag, and the counts by severity that fit, worst first."""
    palette, glyphs = cell_context.palette, cell_context.glyphs
    arrow = glyphs.folded if group.folded else glyphs.descending
    tag = "no tag" if group.tag == UNTAGGED else glyphs.clean(group.tag)
    title = f"{arrow} {tag}"
    names = next((each.start for each in layout if each.column.key == "name"), 0) - LEFT_MARGIN
    title = fit(title, min(max(names, cell_len(title)), width // 2), glyphs)
    parts: list[Part] = [
        (" " * LEFT_MARGIN, palette.header),
        (title, palette.header + palette.text + Style(bold=True)),
    ]
    used_width = LEFT_MARGIN + cell_len(title)
    for severity in _WORST_FIRST:
        text = f"{glyphs.of(severity)} {group.totals[severity]} {severity.word}"
        if group.totals[severity] and used_width + len(text) + 2 <= width:
            parts += [("  ", palette.header), (text, palette.header + palette.severity[severity])]
            used_width += len(text) + 2
    return parts


def no_server_line(cell_context: CellContext) -> list[Part]:
    """The text if there is no server at all."""
    return [(" No server yet.", cell_context.palette.muted)]


def no_match_line(cell_context: CellContext, clear: str) -> list[Part]:
    """The text if the filter hides every server; `clear` is the key that clears the filter."""
    palette = cell_context.palette
    return [
        (" No server matches this filter. ", palette.text),
        (f"Press {clear} to clear it.", palette.muted),
    ]


def with_plain_gaps(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts, with gaps in the style of the text beside them: a third fewer bytes for the terminal."""
    gap, before = "", Style.null()
    for text, style in parts:
        is_same = _looks_of_blank(style) == _looks_of_blank(before)
        if gap and not is_same:
            yield gap, before
            gap = ""
        if text.isspace() and (is_same or not gap):
            gap += text
            before = before if is_same else style
        elif text:
            yield gap + text, style
            gap, before = "", style
    if gap:
        yield gap, before


def _looks_of_blank(style: Style) -> tuple[object, ...]:
    """What shows of a style where there is no text."""
    return style.bgcolor, style.underline, style.reverse, style.strike
