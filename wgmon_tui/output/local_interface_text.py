"""Comparison with this machine's WireGuard interfaces, as text and JSON for `probe`."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.comparison import ComparisonResult
from wgmon_tui.checks.inspection import LocalPeerView
from wgmon_tui.output.advice_lines import format_next_step
from wgmon_tui.output.json_lines import Json
from wgmon_tui.output.styled_text import Span, TextFormat, lay_out
from wgmon_tui.text import format_iso_time, printable


def interface_object(seen: LocalPeerView) -> Json:
    """Return the comparison as JSON, without any key."""
    entry = seen.peer.entry
    return {
        "interface": seen.peer.interface,
        "endpoint": str(entry.endpoint) if entry.endpoint else None,
        "latest_handshake": format_iso_time(entry.latest_handshake) if entry.latest_handshake else None,
        "keepalive_s": entry.keepalive_s,
        "agreement": seen.finding.result.word,
        "finding": seen.finding.sentence,
        "fix": seen.finding.fix or None,
    }


def disagreements(seen: Sequence[LocalPeerView], text_format: TextFormat) -> str:
    """Return the lines below a server's result, only for differences."""
    lines = []
    for finding in (each.finding for each in seen):
        if finding.result is ComparisonResult.DIFFERS:
            glyph = finding.result.ascii_glyph if text_format.ascii_only else finding.result.glyph
            sentence = f"{glyph} {printable(finding.subject)}: {printable(finding.sentence)}"
            lines.append(lay_out([Span(sentence)], text_format, indent=4, hanging=6))
            lines.append(format_next_step(finding.fix, text_format, indent=7))
    return "\n".join(lines)
