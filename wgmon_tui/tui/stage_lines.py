"""The stages of a check on a screen: one line that wraps between stages, and notes below it.

The glyph carries the same meaning as its colour. Pure: records in, Rich texts out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.stage import Stage, StageOutcome
from wgmon_tui.checks.stage_text import judged_stages, stage_mark, stage_notes, until_failed
from wgmon_tui.checks.verdict import Diagnosis, Severity
from wgmon_tui.tui.theme.palette import Palette
from wgmon_tui.tui.theme.text_style import LABEL_WIDTH, TextStyle

_LABEL = "stages"
_GAP = " "


def stage_lines(
    check: Check, diagnosis: Diagnosis, text_style: TextStyle, indent: int = LABEL_WIDTH
) -> list[Text]:
    """The stages up to the one that failed, after a label of `indent` cells; empty if they are not known."""
    stages = until_failed(judged_stages(check, diagnosis))
    return _wrapped(stages, diagnosis, text_style, indent) if stages else []


def stage_note_lines(check: Check, diagnosis: Diagnosis, text_style: TextStyle) -> list[Text]:
    """A paragraph for each stage that is not known or did not run, below the stages."""
    return [
        line
        for note in stage_notes(judged_stages(check, diagnosis))
        for line in text_style.paragraph(note, text_style.palette.muted, "", LABEL_WIDTH)
    ]


def _wrapped(stages: Sequence[Stage], diagnosis: Diagnosis, text_style: TextStyle, indent: int) -> list[Text]:
    """Break the line between stages only, so that an arrow begins the next one."""
    lines = [Text(f"{_LABEL:<{indent}}", text_style.palette.muted)]
    for number, part in enumerate(_parts(stages, diagnosis, text_style)):
        if number and lines[-1].cell_len + len(_GAP) + part.cell_len > text_style.width:
            lines.append(Text(" " * indent))
        elif number:
            lines[-1].append(_GAP)
        lines[-1].append_text(part)
    return lines


def _parts(stages: Sequence[Stage], diagnosis: Diagnosis, text_style: TextStyle) -> Iterator[Text]:
    palette, glyphs = text_style.palette, text_style.glyphs
    arrow = "-> " if glyphs.ascii_only else "→ "
    for number, stage in enumerate(stages):
        part = Text(arrow if number else "", palette.muted)
        part.append(f"{glyphs.clean(stage.name)} ", palette.text)
        mark = stage_mark(stage, ascii_only=glyphs.ascii_only)
        yield part.append(mark, _style(stage, diagnosis, palette))


def _style(stage: Stage, diagnosis: Diagnosis, palette: Palette) -> Style:
    """A failed stage has the colour of the verdict."""
    match stage.outcome:
        case StageOutcome.PASSED:
            return palette.severity[Severity.UP]
        case StageOutcome.FAILED:
            return palette.severity[diagnosis.verdict.severity]
        case StageOutcome.NOT_KNOWN:
            return palette.severity[Severity.UNKNOWN]
        case StageOutcome.NOT_RUN:
            return palette.muted
