"""Bandwidth of the link to the operator's terminal: counted, measured, and saved on request."""

from __future__ import annotations

import time

from textual import events
from textual.driver import Driver

from wgmon_tui.text import format_rtt
from wgmon_tui.tui.context import AppPart
from wgmon_tui.tui.terminal.counting_driver import CURSOR_POSITION_QUERY, SLOW_LINK_S, CountingDriver
from wgmon_tui.tui.terminal.repaint_throttle import DEFAULT_LIMITS, LOW_BANDWIDTH, RepaintThrottle


class LowBandwidthApp(AppPart):
    """An app that counts what it writes, warns about a slow link, and has a low-bandwidth mode."""

    _query_sent_at: float | None = None

    def on_mount(self) -> None:
        """Turn the mouse off in the low-bandwidth mode: each movement would cost bytes."""
        if self.repaint_throttle.limits is LOW_BANDWIDTH and isinstance(self._driver, CountingDriver):
            self._driver.use_mouse(False)

    def get_driver_class(self) -> type[Driver]:
        """The driver that counts bytes."""
        return CountingDriver

    @property
    def bytes_written(self) -> int:
        """Bytes written to the terminal so far."""
        return self._driver.bytes_written if isinstance(self._driver, CountingDriver) else 0

    def start_throttle(self, *, low: bool) -> None:
        """Limit repaints from now on, in the low-bandwidth mode or for a usual link."""
        limits = LOW_BANDWIDTH if low else DEFAULT_LIMITS
        self.repaint_throttle = RepaintThrottle(limits, lambda: self.bytes_written)

    def action_low_bandwidth(self) -> None:
        """Turn the low-bandwidth mode on or off, until the program ends."""
        low = self.repaint_throttle.limits is not LOW_BANDWIDTH
        self.set_low_bandwidth(low)
        self.show_notice(
            "Low bandwidth on: no mouse, at most one repaint every 2 s" if low else "Low bandwidth off"
        )

    def set_low_bandwidth(self, low: bool) -> None:
        """Turn the low-bandwidth mode on or off."""
        self.repaint_throttle.limits = LOW_BANDWIDTH if low else DEFAULT_LIMITS
        if isinstance(self._driver, CountingDriver):
            self._driver.use_mouse(not low)

    def measure_link(self) -> None:
        """Query the terminal after the first full paint, to measure the round trip."""
        if isinstance(self._driver, CountingDriver) and self.repaint_throttle.limits is not LOW_BANDWIDTH:
            self._query_sent_at = time.monotonic()
            self._driver.write(CURSOR_POSITION_QUERY)

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """Warn about a slow link. `event.time` is when the answer was read, not when it was processed."""
        sent_at, self._query_sent_at = self._query_sent_at, None
        if sent_at is not None and event.time - sent_at >= SLOW_LINK_S:
            key = next(action.key for action in self.actions if action.id == "low_bandwidth")
            took = format_rtt(event.time - sent_at)
            self.show_error(f"Slow link: a repaint took {took}. Press {key} to repaint less often.")
