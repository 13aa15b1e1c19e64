"""Maintenance between commits: a slice of work at a time, and a minute's work after each minute."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from math import inf

from wgmon_tui.config.config_toml import Retention
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.database import check_integrity
from wgmon_tui.store.maintenance.compaction import compaction_boundary
from wgmon_tui.store.maintenance.schedule import run_maintenance
from wgmon_tui.store.store_file import WritableStore
from wgmon_tui.store.timestamp_ledger import TimestampLedger

_COPY_LOG_EVERY_S, _COPY_LOG_AT_WORK_EVERY_S = 5.0, 1.0
"""Seconds between copies of the log into the file. While maintenance fills the log, each copy stays short."""

_SLICE_S = 0.02
"""Share of each quarter second, in seconds, for compaction and retention, so that checks and commits go on.
The step that runs at that moment is finished.
"""

_SLICE_EVERY_S = 0.1
"""Minimum seconds between slices while many incidents wake the recorder."""

_DONE = object()


class MaintenanceLoop:
    """Runs in the recorder's thread. Any thread may request a check of the whole store."""

    def __init__(
        self,
        retention: Retention,
        ledger: TimestampLedger | None,
        clock_guard: ClockGuard,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self.retention = retention
        """What to keep; it may change."""
        self._ledger = ledger
        self._clock_guard = clock_guard
        self._clock, self._monotonic = clock, monotonic
        self._check_requested = threading.Event()
        self._copy_log_at = self._slice_at = -inf
        self._work: Iterator[None] | None = None
        self._compacted_to: float | None = None
        self._started_at, self._minutes_run = monotonic(), 0

    def request_check(self) -> None:
        """Read the whole store in the next slice."""
        self._check_requested.set()

    def restart(self) -> None:
        """Begin the work of this minute again: a write failed, or the store is another one."""
        self._work = self._compacted_to = None

    def run_slice(self, store: WritableStore, *, has_news: bool = False) -> bool:
        """Do a slice of work. Returns False if the file is no longer under its path.

        With `has_news`, alerts were just written: those who send them need the store next.
        Raises StoreUnavailableError, OSError and sqlite3.Error.
        """
        connection, started = store.connection, self._monotonic()
        if self._check_requested.is_set():
            self._check_requested.clear()
            check_integrity(connection)
        if started >= self._copy_log_at:
            self._copy_log_at = started + (_COPY_LOG_AT_WORK_EVERY_S if self._work else _COPY_LOG_EVERY_S)
            if not store.is_there():
                return False
            _copy_log(connection)
            return True  # a commit waits for this alone
        if has_news and started - self._slice_at < _SLICE_EVERY_S:
            return True
        self._slice_at = started
        now = self._clock()
        boundary = compaction_boundary(now)
        if self._work is None and boundary != self._compacted_to:
            self._compacted_to = boundary
            minutes = range(self._minutes_run, int((started - self._started_at) // 60.0))
            self._minutes_run = minutes.stop
            self._work = run_maintenance(
                connection,
                self.retention,
                self._ledger,
                self._clock_guard,
                boundary=boundary,
                now=now,
                minutes=minutes,
            )
            connection.execute("PRAGMA synchronous = NORMAL")
        while self._work and self._monotonic() - started < _SLICE_S:
            if next(self._work, _DONE) is _DONE:
                self._work = None
        return True


def _copy_log(connection: sqlite3.Connection) -> None:
    """Copy the log into the file, as far as no reader needs it."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
