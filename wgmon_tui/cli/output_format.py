"""How commands print: width, colours and characters, from the terminal and the options."""

from __future__ import annotations

import argparse

from wgmon_tui.output.styled_text import TextFormat, command_spans, lay_out


def text_format(arguments: argparse.Namespace) -> TextFormat:
    """Return the format of standard output. An option comes before NO_COLOR, and that before FORCE_COLOR."""
    terminal = arguments.terminal
    has_colour = terminal.has_colour if arguments.color == "auto" else arguments.color == "always"
    return TextFormat(terminal.width, has_colour, arguments.ascii)


def wrap_line(line: str, width: int | None) -> str:
    """Return a line wrapped at `width`, None for no wrapping; words, keys and commands stay whole."""
    return line if width is None else lay_out(command_spans(line), TextFormat(width), hanging=2)
