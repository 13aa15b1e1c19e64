"""The fleet as a table, printed once: for pipes, cron and CI, and where the dashboard cannot be shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from wgmon_tui.cells import cell_width
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.fleet_state import FleetState, ServerState
from wgmon_tui.monitor.freshness import format_stale_age
from wgmon_tui.output.styled_text import TextFormat, TextRole, role_of
from wgmon_tui.text import format_rtt, printable

_HEADINGS = ("STATE", "NAME", "VERDICT", "RTT", "LOSS", "P50", "P95", "ENDPOINT")
_RIGHT = {"RTT", "LOSS", "P50", "P95"}
_LEFT_OUT_FIRST = ("ENDPOINT", "P95", "P50", "LOSS")
"""Columns that a narrow terminal does not show: a line that it wraps is no row of a table."""

_COLOURED = {"STATE", "VERDICT"}
_GAP = 2


def printed_severity(server_state: ServerState) -> Severity:
    """Return the severity for a table that is printed once: that of the verdict before a state is settled."""
    if server_state.severity is not Severity.UNKNOWN or server_state.paused or server_state.is_stale:
        return server_state.severity
    return server_state.verdict_severity or Severity.UNKNOWN


def format_table(fleet_state: FleetState, text_format: TextFormat) -> str:
    """Return a table of all servers, worst first. Columns that do not fit on a terminal are left out."""
    states = sorted(
        fleet_state.states.values(),
        key=lambda server_state: (printed_severity(server_state).rank, server_state.server.name),
    )
    rows = [_cells(server_state, text_format) for server_state in states]
    widths = {
        heading: max(map(cell_width, cells))
        for heading, *cells in zip(_HEADINGS, *(_HEADINGS, *rows), strict=True)
    }
    for heading in _LEFT_OUT_FIRST:
        if (
            text_format.width is not None
            and sum(widths.values()) + _GAP * (len(widths) - 1) > text_format.width
        ):
            del widths[heading]
    roles = [role_of(printed_severity(each)) for each in states]
    lines = [_line(_HEADINGS, widths, TextRole.NAME, text_format)]
    lines += [_line(row, widths, role, text_format) for row, role in zip(rows, roles, strict=True)]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Mapping[str, int], role: TextRole, text_format: TextFormat) -> str:
    """Return one line of the table: its state and verdict, or all headings, in the colour of `role`."""
    parts = []
    for cell, heading in zip(cells, _HEADINGS, strict=True):
        if heading in widths:
            padding = " " * (widths[heading] - cell_width(cell))
            is_coloured = heading in _COLOURED or cell == heading
            shown = text_format.coloured(cell, role) if is_coloured else cell
            parts.append(padding + shown if heading in _RIGHT else shown + padding)
    return (" " * _GAP).join(parts).rstrip()


def format_totals(severities: Iterable[Severity], text_format: TextFormat) -> str:
    """Return the number of servers per severity, on one line."""
    counts = Counter(severities)
    return "  ".join(
        text_format.coloured(f"{text_format.glyph(each)} {counts[each]} {each.word}", role_of(each))
        for each in Severity
        if counts[each]
    )


def _cells(server_state: ServerState, text_format: TextFormat) -> tuple[str, ...]:
    loss = server_state.samples.loss()
    p50, p95 = server_state.samples.percentiles(0.5, 0.95)
    lost = "lost" if _is_lost(server_state) else "-"
    severity = printed_severity(server_state)
    return (
        f"{text_format.glyph(severity)} {severity.word}",
        text_format.shown(printable(server_state.server.name)),
        server_state.status_word
        if server_state.stale_age is None
        else f"{server_state.status_word}, {format_stale_age(server_state.stale_age)}",
        _rtt_or_dash(server_state.rtt) if server_state.rtt is not None else lost,
        "-" if loss is None else f"{loss:.0%}",
        _rtt_or_dash(p50),
        _rtt_or_dash(p95),
        text_format.shown(printable(str(server_state.server.endpoint))),
    )


def _is_lost(server_state: ServerState) -> bool:
    """Return whether the last check got no answer. A viewer has only its verdict."""
    if server_state.paused or server_state.is_stale:
        return False
    if server_state.last is None:
        return server_state.verdict_severity is Severity.DOWN
    return server_state.last.diagnosis.verdict.severity is not Severity.UNKNOWN


def _rtt_or_dash(seconds: float | None) -> str:
    return "-" if seconds is None else format_rtt(seconds)
