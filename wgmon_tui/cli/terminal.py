"""Lines and questions for a person at a terminal."""

from __future__ import annotations

import sys

from wgmon_tui.terminal import detect_terminal
from wgmon_tui.text import printable


def show_progress(line: str) -> None:
    """Print a line about what a command waits for; only a person at a terminal needs it."""
    if detect_terminal().is_error_output:
        print(f"wgmon-tui: {printable(line)}", file=sys.stderr, flush=True)


def can_ask() -> bool:
    """Return whether a person can read a question and answer it."""
    terminal = detect_terminal()
    return terminal.is_input and terminal.is_error_output


def ask(question: str) -> bool:
    """Ask a question, and return whether the answer is yes. Any other answer, or none, is no."""
    print(printable(f"{question} [y/N] "), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
