"""Restores the terminal of the dashboard when the process ends without Textual's own end."""

from __future__ import annotations

import os
import select
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from wgmon_tui.shutdown import shutdown

_RESET = (
    "\x1b[<u"  # keyboard protocol of kitty
    "\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse
    "\x1b[?2004l\x1b[?2048l\x1b[?1004l"  # bracketed paste, resize reports, focus reports
    "\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m"  # line wrap, alternate screen, cursor, colours
)
_WRITE_TIMEOUT_S = 0.5


@contextmanager
def terminal_restored_if_killed() -> Iterator[None]:
    """Restore modes and line discipline if a signal ends the process within this block."""
    try:
        earlier = termios.tcgetattr(sys.__stdin__.fileno()) if sys.__stdin__ else None
    except (termios.error, ValueError):
        earlier = None
    with shutdown.undone_if_killed(partial(_restore, earlier)):
        yield


def _restore(earlier: list[Any] | None) -> None:
    if sys.__stdin__ and earlier is not None:
        with suppress(termios.error):
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, earlier)
    if sys.__stderr__:
        terminal = sys.__stderr__.fileno()
        _, is_ready, _ = select.select((), (terminal,), (), _WRITE_TIMEOUT_S)  # it may be stopped by Ctrl+S
        if is_ready:
            os.write(terminal, _RESET.encode())
