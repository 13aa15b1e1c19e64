"""Findings of `doctor` as text."""

from __future__ import annotations

from wgmon_tui.doctor.models import ExaminedItem, ItemStatus
from wgmon_tui.output.styled_text import Span, TextFormat, TextRole, command_spans, lay_out
from wgmon_tui.text import printable

_SUBJECT = 16
_NARROW = 70
_ROLES = {ItemStatus.FINE: TextRole.UP, ItemStatus.LOOK: TextRole.DEGRADED, ItemStatus.FIX: TextRole.DOWN}


def format_item(item: ExaminedItem, text_format: TextFormat) -> str:
    """Return a finding: status, subject, fact and advice."""
    glyph = item.status.ascii_glyph if text_format.ascii_only else item.status.glyph
    head = f"{glyph} {item.status.word:<4}  "
    text = f"{item.fact}; {item.advice}" if item.advice else item.fact
    spans = [
        Span(head, _ROLES[item.status]),
        Span(f"{printable(item.subject):<{_SUBJECT}}  ", TextRole.NAME),
        *command_spans(printable(text)),
    ]
    is_narrow = text_format.width is not None and text_format.width < _NARROW
    return lay_out(spans, text_format, hanging=len(head) + (0 if is_narrow else _SUBJECT + 2))
