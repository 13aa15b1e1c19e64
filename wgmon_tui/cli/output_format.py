"""How commands print: width, colours and characters, from the terminal and the options."""

from __future__ import annotations

import argparse

from wgmon_tui.output.styled_text import TextFormat


def text_format(arguments: argparse.Namespace) -> TextFormat:
    """Return the format of standard output. An option comes before NO_COLOR, and that before FORCE_COLOR."""
    terminal = arguments.terminal
    has_colour = terminal.has_colour if arguments.color == "auto" else arguments.color == "always"
    return TextFormat(terminal.width, has_colour, arguments.ascii)
