"""Text of the path view. Pure functions: records in, Rich text out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.path_trace import Hop, HopAnswer, PathTrace
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.output.path_trace_text import (
    column_heading,
    conclusion_lines,
    hop_lines,
    trace_heading,
    trace_lines,
)
from wgmon_tui.text import format_local_time
from wgmon_tui.tui.theme.text_style import TextStyle

_COPIED_WIDTH = 100


def path_title(server: str, trace: PathTrace | None, is_tracing: bool, text_style: TextStyle) -> Text:
    """The server, its address and the progress, above the hops."""
    bold = text_style.palette.text + Style(bold=True)
    waiting = ": waiting for the first packet" if is_tracing else ""
    heading = trace_heading(server, trace) if trace else f"Path to {server}{waiting}"
    return Text("\n").join(text_style.paragraph(heading, bold))


def path_body(trace: PathTrace, names: Mapping[str, str], text_style: TextStyle) -> Text:
    """A line for each hop, and below them what the finished trace shows."""
    lines = [Text(column_heading(trace), style=text_style.palette.muted)]
    for line in hop_lines(trace, text_style.width, names):
        style = text_style.palette.muted if line.is_note else _style_of(line.hop, text_style)
        lines.append(Text(text_style.glyphs.clean(line.text), style=style))
    if trace.is_finished:
        lines += [Text(""), *_conclusion(trace, text_style)]
    return Text("\n").join(lines)


def path_copy(server: str, trace: PathTrace, names: Mapping[str, str], at: float) -> str:
    """The trace as plain text, with the time of its start."""
    began = f"Traced at {format_local_time(at, zone=True)}."
    return "\n".join([*trace_lines(server, trace, _COPIED_WIDTH, names), began])


def _style_of(hop: Hop, text_style: TextStyle) -> Style:
    match hop.answer:
        case HopAnswer.SERVER:
            return text_style.state(Severity.UP)
        case HopAnswer.REFUSED:
            return text_style.state(Severity.DOWN)
        case HopAnswer.UNPROVEN:
            return text_style.state(Severity.DEGRADED)
        case HopAnswer.NOTHING:
            return text_style.palette.muted
    return text_style.palette.text


def _conclusion(trace: PathTrace, text_style: TextStyle) -> Iterator[Text]:
    first, *others = conclusion_lines(trace, text_style.width)
    unreached = Severity.UNKNOWN if trace.is_cut_short else Severity.DOWN
    severity = Severity.UP if trace.is_reached else unreached
    yield Text(first, style=text_style.state(severity) + Style(bold=True))
    for line in others:
        yield Text(line, style=text_style.palette.text)
