"""Terminal capabilities: interactive or not, ASCII or Unicode."""

from __future__ import annotations

import sys


def is_interactive() -> bool:
    """Return whether both input and output are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def is_output_ascii() -> bool:
    """Return whether the output encoding has only ASCII characters."""
    return (sys.stdout.encoding or "").lower().replace("-", "") not in ("utf8", "utf16", "utf32")
