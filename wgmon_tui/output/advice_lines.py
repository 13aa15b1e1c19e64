"""Advice as lines for a reader: where to type the command, the command alone, and what to look for."""

from __future__ import annotations

from wgmon_tui.output.next_command import parse_advice
from wgmon_tui.output.styled_text import Span, TextFormat, TextRole, command_spans, lay_out
from wgmon_tui.records import dataclass
from wgmon_tui.text import printable

_HERE = "here"


@dataclass(frozen=True, slots=True)
class AdviceLine:
    """A line of advice. `is_typed`: it is a whole command, and nothing else."""

    text: str
    is_typed: bool = False


def advice_lines(advice: str, interface: str | None = None) -> tuple[AdviceLine, ...]:
    """Return the lines. Advice without a command is one line of prose. For `interface` see `parse_advice`."""
    command = parse_advice(advice, interface)
    if command is None:
        return (AdviceLine(printable(advice)),)
    typed = [command.line] if command.is_setting else command.line.split("; ")
    lines = (
        AdviceLine(f"{command.place or _HERE}:"),
        *(AdviceLine(each, is_typed=True) for each in typed),
        AdviceLine(command.look_for),
    )
    return tuple(each for each in lines if each.text)


def format_next_step(advice: str, text_format: TextFormat, *, indent: int, whose: str = "") -> str:
    """Return the lines for a terminal, after an arrow. `whose` names the servers that the advice is for."""
    first, *more = advice_lines(advice)
    start = f"{text_format.arrow} {f'{whose}: ' if whose else ''}"
    below = indent + 2
    lines = [lay_out([Span(start), *command_spans(first.text)], text_format, indent=indent, hanging=below)]
    for each in more:
        span = Span(each.text, TextRole.COMMAND, is_whole=True) if each.is_typed else Span(each.text)
        lines.append(lay_out([span], text_format, indent=below, hanging=below))
    return "\n".join(lines)
