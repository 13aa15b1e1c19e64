"""Plain-text output of the fleet and of single results, for pipes, cron and CI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from wgmon_tui.checks.evidence import Soak
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.verdict import Severity, describe_likelihood
from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
from wgmon_tui.monitor.freshness import format_stale_age
from wgmon_tui.text import format_count, format_rtt, printable

_HEADINGS = ("STATE", "NAME", "VERDICT", "RTT", "LOSS", "P50", "P95", "ENDPOINT")
_RIGHT = {"RTT", "LOSS", "P50", "P95"}
_LEFT_OUT_FIRST = ("ENDPOINT", "P95", "P50", "LOSS")
"""Columns that a narrow terminal does not show: a line that it wraps is no row of a table."""

_GAP = 2


def printed_severity(server_state: ServerState) -> Severity:
    """Return the severity for a table that is printed once: that of the verdict before a state is settled."""
    if server_state.severity is not Severity.UNKNOWN or server_state.paused or server_state.is_stale:
        return server_state.severity
    return server_state.verdict_severity or Severity.UNKNOWN


def format_table(fleet_state: FleetState, ascii_only: bool = False, width: int | None = None) -> str:
    """Return a table of all servers, worst first. With a `width`, columns that do not fit are left out."""
    states = sorted(
        fleet_state.states.values(),
        key=lambda server_state: (printed_severity(server_state).rank, server_state.server.name),
    )
    lines = [_HEADINGS, *(_cells(server_state, ascii_only) for server_state in states)]
    widths = {heading: max(map(len, cells)) for heading, *cells in zip(_HEADINGS, *lines, strict=True)}
    for heading in _LEFT_OUT_FIRST:
        if width is not None and sum(widths.values()) + _GAP * (len(widths) - 1) > width:
            del widths[heading]
    return "\n".join(
        (" " * _GAP)
        .join(
            cell.rjust(widths[heading]) if heading in _RIGHT else cell.ljust(widths[heading])
            for cell, heading in zip(line, _HEADINGS, strict=True)
            if heading in widths
        )
        .rstrip()
        for line in lines
    )


def format_totals(severities: Iterable[Severity], ascii_only: bool = False) -> str:
    """Return the number of servers per severity, on one line."""
    counts = Counter(severities)
    return "  ".join(
        f"{_glyph(each, ascii_only)} {counts[each]} {each.word}" for each in Severity if counts[each]
    )


def format_result(outcome: Round, ascii_only: bool = False) -> str:
    """Return one server's result: one line per address, and unless it is up, evidence and next steps.

    A lost initiation is shown for a server that is up, too: a client waits seconds before its next one.
    """
    lines = [_headline(outcome, position, ascii_only) for position in range(len(outcome.checks))]
    bullet, arrow = ("-", "->") if ascii_only else ("·", "→")
    if outcome.diagnosis.verdict.severity is Severity.UP:
        return "\n".join([*lines, *(f"    {bullet} {each}" for each in _remarks(outcome))])
    diagnosis = outcome.diagnosis
    lines.append(f"    {printable(diagnosis.summary)}")
    lines += [f"    {bullet} {printable(evidence)}" for evidence in diagnosis.evidence]
    for number, cause in enumerate(diagnosis.causes, 1):
        fix = cause.fix.replace("—", "-") if ascii_only else cause.fix
        known_as = f"{describe_likelihood(diagnosis.causes)}: " if number == 1 else ""
        lines.append(f"    {number}. {known_as}{printable(cause.cause)}: {printable(cause.why)}")
        lines.append(f"       {arrow} {printable(fix)}")
    return "\n".join(lines)


def _remarks(outcome: Round) -> list[str]:
    """What is worth a line although the server is up."""
    soaks = [each for check in outcome.checks for each in check.evidence if isinstance(each, Soak)]
    lost = sum(check.handshake.retransmits for check in outcome.checks if check.handshake)
    initiations = (
        f"{format_count(lost, 'initiation')} got no answer: a client waits 5 s before it sends another"
    )
    return [*([initiations] if lost else []), *(describe_evidence(each) for each in soaks)]


def _glyph(severity: Severity, ascii_only: bool) -> str:
    return severity.ascii_glyph if ascii_only else severity.glyph


def _headline(outcome: Round, position: int, ascii_only: bool) -> str:
    check, diagnosis = outcome.checks[position], outcome.diagnoses[position]
    severity = diagnosis.verdict.severity
    rtt = format_rtt(check.handshake.rtt) if check.handshake else "lost"
    where = (
        f" ({printable(str(check.address))})"
        if check.address and str(check.address) != check.endpoint.host
        else ""
    )
    state = f"{_glyph(severity, ascii_only)} {severity.word:<8}"
    return (
        f"{state}  {printable(check.server)}  {diagnosis.verdict.slug}  {rtt}  "
        f"{printable(str(check.endpoint))}{where}"
    )


def _cells(server_state: ServerState, ascii_only: bool) -> tuple[str, ...]:
    loss = server_state.samples.loss()
    p50, p95 = server_state.samples.percentiles(0.5, 0.95)
    counted = (
        server_state.last is not None and server_state.last.diagnosis.verdict.severity is not Severity.UNKNOWN
    )
    lost = "lost" if counted and not server_state.paused else "-"
    severity = printed_severity(server_state)
    return (
        f"{_glyph(severity, ascii_only)} {severity.word}",
        printable(server_state.server.name),
        server_state.status_word
        if server_state.stale_age is None
        else f"{server_state.status_word}, {format_stale_age(server_state.stale_age)}",
        _rtt_or_dash(server_state.rtt) if server_state.rtt is not None else lost,
        "-" if loss is None else f"{loss:.0%}",
        _rtt_or_dash(p50),
        _rtt_or_dash(p95),
        printable(str(server_state.server.endpoint)),
    )


def _rtt_or_dash(seconds: float | None) -> str:
    return "-" if seconds is None else format_rtt(seconds)
