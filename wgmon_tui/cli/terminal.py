"""What the terminal in front of a command can show."""

from __future__ import annotations

import sys


def is_interactive() -> bool:
    """Whether somebody sits there to see the dashboard and to press keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def is_output_ascii() -> bool:
    """Whether the output has no characters but those of ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "") not in ("utf8", "utf16", "utf32")
