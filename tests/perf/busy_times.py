"""What a process did while something waited: times of chosen calls, pauses of the collector, late timers."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

_KEPT = 100_000
_TICK_S = 0.01
_LATE_S = 0.02
_FRAMES = 5


@dataclass(frozen=True, slots=True)
class BusyTime:
    """Something that took from `began` to `ended`, in Unix seconds."""

    what: str
    began: float
    ended: float


@dataclass
class BusyTimes:
    """Collects them, from any thread."""

    found: deque[BusyTime] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _ticked: float = inf
    """When the loop should have run its timer."""

    def watch(self, owner: type[Any], method: str, what: str) -> None:
        """Note each call of a method from now on; of an asynchronous one, until its result is there."""
        call: Callable[..., Any] = getattr(owner, method)

        def timed(*args: object, **named: object) -> Any:
            began = time.time()
            result = call(*args, **named)
            if asyncio.iscoroutine(result):
                return self._finish(result, what, began)
            self.found.append(BusyTime(what, began, time.time()))
            return result

        setattr(owner, method, timed)

    async def _finish(self, result: Any, what: str, began: float) -> Any:
        try:
            return await result
        finally:
            self.found.append(BusyTime(what, began, time.time()))

    @contextmanager
    def watching_collector(self) -> Iterator[None]:
        """Note the pauses of the garbage collector within the block."""
        began = 0.0

        def note(phase: str, info: dict[str, int]) -> None:
            nonlocal began
            if phase == "start":
                began = time.time()
            else:
                self.found.append(BusyTime(f"collector, generation {info['generation']}", began, time.time()))

        gc.callbacks.append(note)
        try:
            yield
        finally:
            gc.callbacks.remove(note)

    async def watch_loop(self) -> None:
        """Note how late a timer of this loop runs, until cancelled, and how much of that the loop computed.

        While it computes little, it waits for the processor or for another thread.
        """
        watched, ended = threading.get_ident(), threading.Event()
        watcher = threading.Thread(target=self._watch_stack, args=(watched, ended), daemon=True)
        watcher.start()
        try:
            while True:
                self._ticked = due = time.time() + _TICK_S
                computed = time.thread_time()
                await asyncio.sleep(_TICK_S)
                if (now := time.time()) - due > _LATE_S:
                    spent = (time.thread_time() - computed) * 1000
                    self.found.append(BusyTime(f"loop blocked, {spent:.0f} ms of it computing", due, now))
        finally:
            ended.set()

    def _watch_stack(self, watched: int, ended: threading.Event) -> None:
        """In a thread: note what the loop runs while it is late."""
        while not ended.wait(_TICK_S):
            if (now := time.time()) - self._ticked > 2 * _LATE_S:
                frame = sys._current_frames().get(watched)
                names = [each.name for each in traceback.extract_stack(frame)[-_FRAMES:]]
                self.found.append(BusyTime(" > ".join(names), now - _TICK_S, now))

    def between(self, began: float, ended: float) -> list[BusyTime]:
        """What happened between two times, in its order, without what took less than a millisecond."""
        return sorted(
            (
                each
                for each in self.found
                if each.ended > began and each.began < ended and each.ended - each.began >= 0.001
            ),
            key=lambda each: each.began,
        )
