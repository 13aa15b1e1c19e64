"""Writer of the report queue: a thread for the disk, and the reports that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from wgmon_tui.vantages.agent.report_queue import QueuedReport, ReportQueue, ReportQueueUnavailableError
from wgmon_tui.vantages.agent.runtime_dir import append_log

_RETRY_S = 1.0

_MAX_UNWRITTEN = 5_000
"""The largest number of reports that wait for the disk; above it, the oldest are dropped."""

_MAX_UNWRITTEN_BYTES = 16 * 2**20
"""Their largest size, for reports with many packets."""

T = TypeVar("T")


class ReportWriter:
    """Reads and writes a report queue without blocking the event loop."""

    def __init__(self, state_dir: Path, queue: ReportQueue, on_written: Callable[[], None]) -> None:
        """`on_written` is called when reports are on disk, and can be sent."""
        self.trouble = ""
        """Why the queue is unavailable; "" if it is not."""
        self._state_dir = state_dir
        self._queue = queue
        self._on_written = on_written
        self._executor = ThreadPoolExecutor(1, "reports")
        self._unwritten: list[QueuedReport] = []
        self._unwritten_bytes = 0
        self._dropped = 0
        self._write_requested = asyncio.Event()

    @property
    def epoch(self) -> str:
        """The random name of the queue: a new file numbers its reports from the beginning."""
        return self._queue.epoch

    @property
    def waiting(self) -> int:
        """How many reports no writer has confirmed yet."""
        return self._queue.waiting + len(self._unwritten)

    @property
    def dropped(self) -> int:
        """How many reports were dropped for lack of space."""
        return self._queue.dropped + self._dropped

    def put(self, report: QueuedReport) -> None:
        """Write a report soon."""
        self._unwritten.append(report)
        self._unwritten_bytes += len(report.body)
        while len(self._unwritten) > _MAX_UNWRITTEN or self._unwritten_bytes > _MAX_UNWRITTEN_BYTES:
            self._unwritten_bytes -= len(self._unwritten.pop(0).body)
            self._dropped += 1
        self._write_requested.set()

    async def run(self) -> None:
        """Write reports to disk as they arrive."""
        while True:
            await self._write_requested.wait()
            self._write_requested.clear()
            if await self._flush():
                self._on_written()
            else:
                await asyncio.sleep(_RETRY_S)
                self._write_requested.set()

    async def close(self) -> None:
        """Write what is pending, once, and stop."""
        await self._flush()
        self._executor.shutdown()

    async def first_number(self) -> int:
        """The number of the first report; 0 if the queue is unavailable."""
        return await self._run_in_thread(self._queue.first_number) or 0

    async def read_after(self, number: int, limit: int) -> list[tuple[int, bytes]]:
        """The first reports after this number."""
        return await self._run_in_thread(partial(self._queue.read_after, number, limit)) or []

    async def delete_up_to(self, number: int) -> None:
        """Delete every report up to this number."""
        await self._run_in_thread(partial(self._queue.delete_up_to, number))

    async def _flush(self) -> bool:
        """Write the pending reports. Returns whether they are on disk."""
        kept, self._unwritten, self._unwritten_bytes = self._unwritten, [], 0
        if kept and await self._run_in_thread(partial(self._add, kept)) is None:
            self._unwritten = kept + self._unwritten
            self._unwritten_bytes += sum(len(each.body) for each in kept)
            return False
        return True

    def _add(self, kept: Sequence[QueuedReport]) -> bool:
        self._queue.add(kept)
        return True

    async def _run_in_thread(self, work: Callable[[], T]) -> T | None:
        """Run `work` in the thread of the queue; None if the queue is unavailable."""
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except ReportQueueUnavailableError as error:
            if not self.trouble:
                append_log(self._state_dir, str(error))
            self.trouble = str(error)
            return None
        self.trouble = ""
        return done
