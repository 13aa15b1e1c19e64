"""Terminal capabilities: interactive or not, ASCII or Unicode."""

from __future__ import annotations

import sys

from wgmon_tui.text import printable


def is_interactive() -> bool:
    """Return whether both input and output are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def is_output_ascii() -> bool:
    """Return whether the output encoding has only ASCII characters."""
    return (sys.stdout.encoding or "").lower().replace("-", "") not in ("utf8", "utf16", "utf32")


def show_progress(line: str) -> None:
    """Print a line about what a command waits for; only a person at a terminal needs it."""
    if sys.stderr.isatty():
        print(f"wgmon-tui: {printable(line)}", file=sys.stderr, flush=True)
