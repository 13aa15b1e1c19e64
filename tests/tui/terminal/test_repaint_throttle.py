"""Tests of the repaint throttle: limits on repaints and on bytes over time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.tui.terminal.repaint_throttle import (
    DEFAULT_LIMITS,
    LOW_BANDWIDTH,
    RepaintLimits,
    RepaintThrottle,
)

_ASKED_EVERY_S = 0.5


class Terminal:
    """A byte counter with a clock that the test advances."""

    def __init__(self, limits: RepaintLimits) -> None:
        self.now = 0.0
        self.bytes = 0
        self.repaint_throttle = RepaintThrottle(limits, lambda: self.bytes, lambda: self.now)

    def paints(self, cost: int, seconds: float) -> int:
        """The number of repaints of this many bytes in this many seconds."""
        painted = 0
        for _ in range(int(seconds / _ASKED_EVERY_S)):
            if self.repaint_throttle.is_due():
                painted += 1
                self.bytes += cost
            self.now += _ASKED_EVERY_S
        return painted


def test_small_changes_are_painted_as_often_as_asked() -> None:
    assert Terminal(DEFAULT_LIMITS).paints(1_000, 10) == 20


def test_a_slow_link_gets_a_paint_every_two_seconds() -> None:
    assert Terminal(LOW_BANDWIDTH).paints(300, 20) == 10


@given(st.integers(0, 100_000))
def test_on_a_slow_link_no_screen_is_too_large(cost: int) -> None:
    terminal = Terminal(LOW_BANDWIDTH)
    terminal.paints(cost, 600)
    assert terminal.bytes - cost <= LOW_BANDWIDTH.bytes_per_second * 600


def test_usually_nobody_waits_long_for_a_state() -> None:
    assert Terminal(DEFAULT_LIMITS).paints(100_000, 30) == 10


def test_what_keys_cost_holds_nothing_up() -> None:
    terminal = Terminal(LOW_BANDWIDTH)
    assert terminal.repaint_throttle.is_due()
    terminal.now += 1
    assert not terminal.repaint_throttle.is_due()
    terminal.bytes += 50_000
    terminal.now += 1
    assert terminal.repaint_throttle.is_due()
