"""What a busy machine adds to the evidence of a check, and the repetition of what it made impossible."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import wraps
from threading import Event, Thread
from typing import ParamSpec, TypeVar

import pytest
from _pytest.runner import runtestprotocol

from wgmon_tui.checks.evidence import Evidence, MachineStarved
from wgmon_tui.checks.loop_lag import STARVED_S, TICK_S, LoopLag
from wgmon_tui.checks.starvation import find_starvation

REPETITIONS = 10
"""How often a test, or a cell of a matrix, runs again if this machine had no time for it."""

_Parameters = ParamSpec("_Parameters")
_Played = TypeVar("_Played")


def without_starvation(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence without the waits of this process for the processor."""
    return [each for each in evidence if not isinstance(each, MachineStarved)]


def is_starved(lag_s: float) -> bool:
    """Return whether a process waited too long for the processor to expect an answer in time."""
    return lag_s >= STARVED_S


def play_again_if_starved(
    play: Callable[[], _Played],
    is_wrong: Callable[[_Played], bool],
    evidence_of: Callable[[_Played], Iterable[Evidence]],
) -> _Played:
    """Play a row of a matrix. Repeat one that is wrong, if its check or its real client had no processor."""
    for _ in range(REPETITIONS):
        lag = ThreadLag()
        try:
            played = play()
        finally:
            worst = lag.stop()
        is_void = is_starved(worst) or find_starvation(evidence_of(played)) is not None
        if not (is_void and is_wrong(played)):
            return played
    return play()


class ThreadLag:
    """How late a thread of its own wakes: where no event loop runs, such as beside a real client."""

    def __init__(self) -> None:
        """Start the thread."""
        self._worst = 0.0
        self._is_over = Event()
        self._thread = Thread(target=self._watch, name="lag", daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """End the thread, and return the longest lag in seconds."""
        self._is_over.set()
        self._thread.join()
        return self._worst

    def _watch(self) -> None:
        began, is_over = time.monotonic(), False
        while not is_over:
            is_over = self._is_over.wait(TICK_S)
            now = time.monotonic()
            self._worst, began = max(self._worst, now - began - TICK_S), now


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


_LAG = pytest.StashKey[float]()


def run_again_if_starved(
    item: pytest.Function, nextitem: pytest.Item | None, least_lag_s: float = STARVED_S
) -> None:
    """Run a coroutine as pytest does, and repeat it as `repeated_if_starved` says, with new fixtures."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    test = item.obj
    item.obj = _noting_lag(item)
    for left in range(REPETITIONS, -1, -1):
        item.stash[_LAG] = 0.0
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        has_failed = any(each.failed and each.when == "call" for each in reports)
        if not (has_failed and left and item.stash[_LAG] >= least_lag_s):
            break
    item.obj = test
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _noting_lag(item: pytest.Function) -> Callable[..., Awaitable[None]]:
    test = item.obj

    @wraps(test)
    async def run(*arguments: object, **keywords: object) -> None:
        lag, began = LoopLag(), time.monotonic()
        lag.start()
        try:
            await test(*arguments, **keywords)
        finally:
            item.stash[_LAG] = lag.worst_since(began)
            lag.stop()

    return run
