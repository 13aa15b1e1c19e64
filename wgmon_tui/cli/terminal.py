"""Lines for a person who waits at a terminal."""

from __future__ import annotations

import sys

from wgmon_tui.terminal import detect_terminal
from wgmon_tui.text import printable


def show_progress(line: str) -> None:
    """Print a line about what a command waits for; only a person at a terminal needs it."""
    if detect_terminal().is_error_output:
        print(f"wgmon-tui: {printable(line)}", file=sys.stderr, flush=True)
