"""Terminal driver that counts written bytes, and constants to measure a slow link."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver

CURSOR_POSITION_QUERY = "\x1b[6n"
"""Sent after the first full paint. The answer arrives when the terminal has received all of that paint."""

SLOW_LINK_S = 0.5
"""A paint with its answer that takes longer than this, in seconds, is noticeable with every key."""


class CountingDriver(LinuxDriver):
    """Textual's terminal driver with a count of the bytes written."""

    bytes_written = 0
    _has_mouse: bool | None = None

    def write(self, data: str) -> None:
        """Write and count. Text that is not ASCII is encoded to count its bytes."""
        self.bytes_written += len(data) if data.isascii() else len(data.encode(errors="replace"))
        super().write(data)

    def use_mouse(self, enabled: bool) -> None:
        """Turn mouse reports, one per cell moved, on or off; with --no-mouse never on."""
        if self._has_mouse is None:
            self._has_mouse = self._mouse
        if enabled and self._has_mouse:
            self._mouse = True
            self._enable_mouse_support()
        elif self._mouse:
            self._disable_mouse_support()
            self._mouse = False
