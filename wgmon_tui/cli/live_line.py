"""The last line of the terminal, which changes in place while a command prints its results above it.

It stands on standard error. Output of this process removes it first, and it comes back a moment later.
Only a process in the foreground of its terminal draws: one in the background would write over a shell's line.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from wgmon_tui.cells import cut_to_cells

_CLEAR = b"\r\x1b[J"
"""The cursor stands at the beginning of the line: what a narrower window has wrapped is below it."""

_ASSUMED_COLUMNS = 80
_CLEAR_TIMEOUT_S = 0.5


class LiveLine:
    """The live line of this process. There is one instance, `live_line`; all threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._terminal: int | None = None
        self._drawn = b""
        self._at_line_start = True

    def open(self, terminal: int) -> None:
        """Draw on the terminal with this file descriptor from now on."""
        self._terminal = terminal

    def close(self) -> None:
        """Remove the line, and draw no more."""
        self.clear()
        self._terminal = None

    def draw(self, text: str) -> None:
        """Show printable text, as much as fits. Within a line of output, or in the background, do nothing."""
        with self._lock:
            terminal = self._terminal
            if terminal is None or not self._at_line_start or not _may_draw(terminal):
                return
            columns = _columns(terminal)
            line = cut_to_cells(_as_shown(text), columns - 1).encode(sys.stderr.encoding, "replace")
            if line != self._drawn and _write(terminal, b"\r" + line + b"\x1b[J\r"):
                self._drawn = line

    def clear(self) -> None:
        """Remove the line. Waits only shortly for a thread that draws on a stopped terminal."""
        if not self._lock.acquire(timeout=_CLEAR_TIMEOUT_S):
            return
        try:
            if self._drawn and self._terminal is not None:
                _write(self._terminal, _CLEAR)
            self._drawn = b""
        finally:
            self._lock.release()

    @contextmanager
    def kept_off(self, data: bytes | memoryview, descriptor: int) -> Iterator[None]:
        """Keep the line off the terminal while `data` is written to a descriptor of this process."""
        if self._terminal is None or not os.isatty(descriptor):
            yield
            return
        with self._lock:
            self.clear()
            yield
            self._at_line_start = bytes(data[-1:]) in (b"\n", b"")


def _as_shown(text: str) -> str:
    """Return text with the replacements of standard error for characters that its encoding lacks."""
    encoding = sys.stderr.encoding
    return text.encode(encoding, sys.stderr.errors or "replace").decode(encoding)


def _may_draw(terminal: int) -> bool:
    """Return whether this process is in the foreground and the terminal accepts output (no Ctrl+S)."""
    try:
        is_foreground = os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # not the terminal that controls this process
        is_foreground = True
    return is_foreground and bool(select.select((), (terminal,), (), 0)[1])


def _columns(terminal: int) -> int:
    """Return the present width: the window may have changed since the last line."""
    try:
        return os.get_terminal_size(terminal).columns or _ASSUMED_COLUMNS
    except OSError:
        return _ASSUMED_COLUMNS


def _write(terminal: int, data: bytes) -> bool:
    with suppress(OSError):
        return os.write(terminal, data) > 0
    return False


live_line = LiveLine()
"""The live line of this process."""
