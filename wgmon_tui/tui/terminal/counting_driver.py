"""The way to the terminal: how many bytes went over it, and whether it is slow."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver

CURSOR_POSITION_QUERY = "\x1b[6n"
"""Asked right behind the first full paint: the answer comes when all of that has arrived, and come back."""

SLOW_LINK_S = 0.5
"""A paint and an answer that take longer than this are felt with every key."""


class CountingDriver(LinuxDriver):
    """Textual's driver of a terminal, with a count. `bytes_written` is in bytes."""

    bytes_written = 0
    _has_mouse: bool | None = None

    def write(self, data: str) -> None:
        """Write, and count. Nearly all of it is ASCII; what is not is counted as what it is."""
        self.bytes_written += len(data) if data.isascii() else len(data.encode(errors="replace"))
        super().write(data)

    def use_mouse(self, enabled: bool) -> None:
        """Begin or end asking for the mouse's moves, which come for every cell; never against --no-mouse."""
        if self._has_mouse is None:
            self._has_mouse = self._mouse
        if enabled and self._has_mouse:
            self._mouse = True
            self._enable_mouse_support()
        elif self._mouse:
            self._disable_mouse_support()
            self._mouse = False
