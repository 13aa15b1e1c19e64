"""What a busy machine adds to the evidence of a check, and the repetition of what it made impossible."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import ParamSpec

import pytest

from wgmon_tui.checks.evidence import Evidence, MachineStarved
from wgmon_tui.checks.loop_lag import STARVED_S, LoopLag

REPETITIONS = 10
"""How often a test, or a cell of a matrix, runs again if this machine had no time for it."""

_Parameters = ParamSpec("_Parameters")


def without_starvation(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence without the waits of this process for the processor."""
    return [each for each in evidence if not isinstance(each, MachineStarved)]


def is_starved(lag_s: float) -> bool:
    """Return whether a process waited too long for the processor to expect an answer in time."""
    return lag_s >= STARVED_S


def repeated_if_starved(
    least_lag_s: float = STARVED_S,
) -> Callable[[Callable[_Parameters, Awaitable[None]]], Callable[_Parameters, Awaitable[None]]]:
    """Repeat a test that fails while this process waited that long for the processor: it proves nothing.

    For tests in which an answer must come at a certain time. Other tests wait as long as they need to.
    """

    def repeated(test: Callable[_Parameters, Awaitable[None]]) -> Callable[_Parameters, Awaitable[None]]:
        @wraps(test)
        async def run(*arguments: _Parameters.args, **keywords: _Parameters.kwargs) -> None:
            for _ in range(REPETITIONS):
                lag, began = LoopLag(), time.monotonic()
                lag.start()
                try:
                    await test(*arguments, **keywords)
                except (AssertionError, pytest.fail.Exception):
                    if lag.worst_since(began) < least_lag_s:
                        raise
                else:
                    return
                finally:
                    lag.stop()
            await test(*arguments, **keywords)

        return run

    return repeated
