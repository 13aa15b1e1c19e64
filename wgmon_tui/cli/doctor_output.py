"""Findings of `doctor` and `inspect` as text."""

from __future__ import annotations

import re

from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus
from wgmon_tui.output.styled_text import Span, TextFormat, TextRole, command_spans, lay_out
from wgmon_tui.text import printable

_SUBJECT = 16
_COMPARED_SUBJECT = 17
_NARROW = 70
_COMMAND_AT_END = re.compile(r"([;,] (?:and |or |then )?type:) (.+)")
"""Advice that ends in a command. The setting `type` of an error message is none: "key type: expected …"."""

_COMMAND_INDENT = 4
_ROLES = {ItemStatus.FINE: TextRole.UP, ItemStatus.LOOK: TextRole.DEGRADED, ItemStatus.FIX: TextRole.DOWN}
_RESULT_ROLES = {
    ComparisonResult.OK: TextRole.UP,
    ComparisonResult.DIFFERS: TextRole.DOWN,
    ComparisonResult.UNKNOWN: TextRole.UNKNOWN,
}


def format_item(item: ExaminedItem, text_format: TextFormat) -> str:
    """Return a finding: status, subject, fact and advice. On a terminal, the command has its own line."""
    glyph = item.status.ascii_glyph if text_format.ascii_only else item.status.glyph
    head = f"{glyph} {item.status.word:<4}  "
    text = printable(f"{item.fact}; {item.advice}" if item.advice else item.fact)
    found = _COMMAND_AT_END.search(text) if text_format.width is not None else None
    spans = [
        Span(head, _ROLES[item.status]),
        Span(f"{printable(item.subject):<{_SUBJECT}}  ", TextRole.NAME),
        *command_spans(text[: found.end(1)] if found else text),
    ]
    hanging = len(head) + (0 if _is_narrow(text_format) else _SUBJECT + 2)
    line = lay_out(spans, text_format, hanging=hanging)
    if not found:
        return line
    whole = Span(found[2], TextRole.COMMAND, is_whole=True)
    return f"{line}\n{lay_out([whole], text_format, indent=_COMMAND_INDENT)}"


def format_finding(finding: Finding, text_format: TextFormat) -> str:
    """Return a comparison with the server's own view: one line, and below it what to type."""
    glyph = finding.result.ascii_glyph if text_format.ascii_only else finding.result.glyph
    head = f"{glyph} {finding.result.word:<11}  "
    spans = [
        Span(head, _RESULT_ROLES[finding.result]),
        Span(f"{printable(finding.subject):<{_COMPARED_SUBJECT}}  ", TextRole.NAME),
        Span(printable(finding.sentence)),
    ]
    hanging = 6 if _is_narrow(text_format) else len(head) + _COMPARED_SUBJECT + 2
    line = lay_out(spans, text_format, hanging=hanging)
    if not finding.fix:
        return line
    step = [Span(f"{text_format.arrow} "), *command_spans(printable(finding.fix))]
    return f"{line}\n{lay_out(step, text_format, indent=4, hanging=6)}"


def _is_narrow(text_format: TextFormat) -> bool:
    """Return whether a second column for the text would leave too little room."""
    return text_format.width is not None and text_format.width < _NARROW
