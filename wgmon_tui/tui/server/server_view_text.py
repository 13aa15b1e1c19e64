"""Text of a server's own view: its configuration and local interfaces, compared with servers.toml.

Pure functions: findings in, Rich text out.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.inspection import COMMAND_TIMEOUT_S
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import Server
from wgmon_tui.text import format_age, format_clock, format_limit
from wgmon_tui.tui.advice_text import advice_paragraphs
from wgmon_tui.tui.theme.text_style import TextStyle

_LABEL_WIDTH = 15
_AGE_STEP_S = 10
"""Step of the shown age: an age in single seconds would repaint the line every second."""
_SEVERITIES = {
    ComparisonResult.OK: Severity.UP,
    ComparisonResult.DIFFERS: Severity.DOWN,
    ComparisonResult.UNKNOWN: Severity.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class ServerViewAnswer:
    """The answer of a server to a query at a Unix time in seconds. `findings` is None until it arrives."""

    asked_at: float
    findings: tuple[Finding, ...] | None = None

    @property
    def next_step(self) -> Finding | None:
        """The first finding that has a next step."""
        return next((finding for finding in self.findings or () if finding.fix), None)


def answer_heading(answer: ServerViewAnswer, now: float, text_style: TextStyle) -> Text:
    """The heading of the answer, with its age."""
    words = "The server's own view"
    if answer.findings is not None:
        asked = format_clock(answer.asked_at, seconds=True)
        age = (now - answer.asked_at) // _AGE_STEP_S * _AGE_STEP_S
        words += f", asked at {asked}, {format_age(age)}"
    return Text("\n").join(text_style.paragraph(words, text_style.palette.muted))


def answer_lines(server: Server, answer: ServerViewAnswer, text_style: TextStyle) -> Text:
    """The findings or, until they arrive, the running commands and their time limit."""
    if answer.findings is None:
        return Text("\n").join(_pending_lines(server, text_style))
    return Text("\n").join(line for finding in answer.findings for line in _finding(finding, text_style))


def _pending_lines(server: Server, text_style: TextStyle) -> list[Text]:
    commands = [shlex.join(words) for words in (server.inspect, server.inspect_config) if words]
    if not commands:
        return text_style.paragraph(
            "reading the WireGuard interfaces of this machine …", text_style.palette.text
        )
    limit = f"at most {format_limit(COMMAND_TIMEOUT_S * len(commands))}"
    return text_style.paragraph(f"running: {', then '.join(commands)} … ({limit})", text_style.palette.text)


def _finding(finding: Finding, text_style: TextStyle) -> Iterator[Text]:
    result = finding.result
    glyph = result.ascii_glyph if text_style.glyphs.ascii_only else result.glyph
    label = f"{glyph} {result.word}"
    words = f"{finding.subject}  {finding.sentence}"
    first, *more = text_style.paragraph(words, text_style.palette.text, label, _LABEL_WIDTH)
    first.stylize(text_style.state(_SEVERITIES[result]), 0, len(label))
    first.stylize(Style(bold=True), _LABEL_WIDTH, _LABEL_WIDTH + len(finding.subject))
    yield first
    yield from more
    if finding.fix:
        yield from advice_paragraphs(finding.fix, text_style, f"{'next':>{_LABEL_WIDTH - 1}}", _LABEL_WIDTH)
