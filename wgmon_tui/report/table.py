"""The fleet and single results as plain text, for pipes, cron and CI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.diagnosis.wording import milliseconds
from wgmon_tui.monitor.board import Board, Round, Row

_HEADINGS = ("STATE", "NAME", "VERDICT", "RTT", "LOSS", "P50", "P95", "ENDPOINT")
_RIGHT = {"RTT", "LOSS", "P50", "P95"}


def printable(text: str) -> str:
    """Text from outside with every control character made visible: it must not steer a terminal."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def table(board: Board) -> str:
    """All servers, worst first, in columns as wide as they need."""
    rows = sorted(board.rows.values(), key=lambda row: (row.severity.rank, row.server.name))
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if heading in _RIGHT else cell.ljust(width)
            for cell, width, heading in zip(line, widths, _HEADINGS, strict=True)
        ).rstrip()
        for line in lines
    )


def totals(severities: Iterable[Severity]) -> str:
    """How many there are of each severity, on one line."""
    counts = Counter(severities)
    return "  ".join(f"{each.glyph} {counts[each]} {each.word}" for each in Severity if counts[each])


def explained(outcome: Round) -> str:
    """One server's result: a line, and where it is not well, the evidence and what to do next."""
    lines = [_headline(outcome, position) for position in range(len(outcome.checks))]
    if outcome.diagnosis.verdict.severity is Severity.UP:
        return "\n".join(lines)
    diagnosis = outcome.diagnosis
    lines.append(f"    {printable(diagnosis.summary)}")
    lines += [f"    · {printable(evidence)}" for evidence in diagnosis.evidence]
    for number, cause in enumerate(diagnosis.causes, 1):
        lines.append(f"    {number}. {printable(cause.cause)}: {printable(cause.why)}")
        lines.append(f"       → {printable(cause.fix)}")
    return "\n".join(lines)


def _headline(outcome: Round, position: int) -> str:
    check, diagnosis = outcome.checks[position], outcome.diagnoses[position]
    severity = diagnosis.verdict.severity
    rtt = milliseconds(check.handshake.rtt) if check.handshake else "lost"
    where = f" ({check.address})" if check.address and str(check.address) != check.endpoint.host else ""
    state = f"{severity.glyph} {severity.word:<8}"
    return (
        f"{state}  {printable(check.server)}  {diagnosis.verdict.slug}  {rtt}  "
        f"{printable(str(check.endpoint))}{where}"
    )


def _cells(row: Row) -> tuple[str, ...]:
    loss = row.samples.loss()
    p50, p95 = row.samples.percentiles(0.5, 0.95)
    lost = "lost" if row.last and row.severity is Severity.DOWN else "-"
    return (
        f"{row.severity.glyph} {row.severity.word}",
        printable(row.server.name),
        row.word,
        _duration(row.rtt) if row.rtt is not None else lost,
        "-" if loss is None else f"{loss:.0%}",
        _duration(p50),
        _duration(p95),
        printable(str(row.server.endpoint)),
    )


def _duration(seconds: float | None) -> str:
    return "-" if seconds is None else milliseconds(seconds)
