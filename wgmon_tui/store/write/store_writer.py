"""Commits of the recorder: what was collected goes into the store, or stays until it can be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path

from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.database import (
    VALUE_ERRORS,
    DamagedStoreError,
    StoreUnavailableError,
    is_unusable,
    unavailable,
)
from wgmon_tui.store.maintenance.loop import MaintenanceLoop
from wgmon_tui.store.maintenance.schedule import compare_clock, copy_timestamps, record_clock
from wgmon_tui.store.store_file import WritableStore, open_store, set_damaged_aside
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.store.write.collector import Collector
from wgmon_tui.store.write.packet_budget import PacketBudget
from wgmon_tui.store.write.unsaved_events import UnsavedEvents, unwritten
from wgmon_tui.text import format_count

_RETRY_AFTER_S = 1.0
"""Seconds until the next try after a failed write."""


class StoreWriter:
    """Writes the batch of a collector. Other threads may read the lines about its problems."""

    def __init__(
        self,
        path: Path,
        collector: Collector,
        packet_budget: PacketBudget,
        maintenance: MaintenanceLoop,
        *,
        ledger: TimestampLedger | None,
        clock_guard: ClockGuard,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        on_events_saved: Callable[[], None],
    ) -> None:
        """The parameters are those of `Recorder`."""
        self.trouble: str | None = None
        """Why writing fails, in one line; None while it works."""
        self.notice: str | None = None
        """One line that stays: a damaged store was moved aside, or checks could not be written."""
        self.unwritten: UnsavedEvents | None = None
        """Notifications to send while writing fails: they should not wait for the disk."""
        self.store: WritableStore | None = None
        self._path = path
        self._collector, self._packet_budget, self._maintenance = collector, packet_budget, maintenance
        self._ledger, self._clock_guard = ledger, clock_guard
        self._clock, self._monotonic = clock, monotonic
        self._on_events_saved = on_events_saved
        self._store_id: str | None = None
        self._is_own_store = False
        """Whether this process made the store. Then a value that it cannot use is a bug, and no damage."""
        self.reason = ""
        """The latest reason why writing failed; it holds while there is `trouble`."""
        self._retry_at = -inf

    def open(self) -> WritableStore:
        """Open the store. Raises StoreUnavailableError."""
        opened = open_store(self._path.parent)
        try:
            store = WritableStore(opened.connection, self._path)
            self._packet_budget.restore(opened.connection)
        except (OSError, sqlite3.Error) as error:
            opened.connection.close()
            raise unavailable(self._path, error) from None
        if self._store_id is None:
            with suppress(sqlite3.Error):  # a damaged store is found by the next write
                compare_clock(store.connection, self._clock_guard, self._clock())
        elif self._store_id != store.id:
            self._collector.start_new_store()
        self.store, self._store_id = store, store.id
        self._is_own_store |= opened.is_new
        self.notice = opened.notice or self.notice
        return store

    def close(self) -> None:
        """Close the store; the next write opens it again."""
        self._maintenance.restart()
        if self.store:
            with suppress(sqlite3.Error):
                self.store.connection.close()
        self.store = None

    def write(self, *, synced: bool, last: bool, on_written: Callable[[], None]) -> None:
        """Write what was collected, call `on_written`, then do some maintenance. `last` tries at once, once.

        A failure becomes `trouble`, and everything stays.
        """
        try:
            if last or self._monotonic() >= self._retry_at:
                store = self.store or self.open()
                has_news = self._commit(store, synced=synced or last)
                on_written()
                self.trouble = None
                if last:
                    self._write_end(store)
                else:
                    self._maintain(store, has_news=has_news)
        except (StoreUnavailableError, sqlite3.Error, OSError) as error:
            self.handle_failure(error)
        except VALUE_ERRORS as error:
            if self._is_own_store:
                raise  # this process wrote it: a bug
            self.handle_failure(DamagedStoreError(f"{self._path}: a stored value cannot be used: {error}"))
        else:
            self._publish_unsaved_events()

    def handle_failure(self, error: StoreUnavailableError | sqlite3.Error | OSError) -> None:
        """Report why writing fails, and move a damaged store aside."""
        self._maintenance.restart()
        self._retry_at = self._monotonic() + _RETRY_AFTER_S
        if isinstance(error, sqlite3.Error) and is_unusable(error) and not self._is_own_store:
            error = DamagedStoreError(f"{self._path}: {error}")
        elif not isinstance(error, StoreUnavailableError):
            error = unavailable(self._path, error)
        if isinstance(error, DamagedStoreError):
            with suppress(OSError):
                self.notice = set_damaged_aside(self._path)
                self._retry_at = -inf
            self.close()
        batch = self._collector.batch
        waiting = f"; {format_count(len(batch.journal), 'check')} not written yet" if batch.journal else ""
        dropped_rows = f", {batch.dropped_rows} lost" if batch.dropped_rows else ""
        self.trouble = f"history: {error}{waiting}{dropped_rows}"
        self.reason = str(error)
        self._publish_unsaved_events()

    def _commit(self, store: WritableStore, *, synced: bool) -> bool:
        """Write the batch. Returns whether it holds anything to alert about."""
        batch, connection = self._collector.batch, store.connection
        if not batch and not synced:
            return False
        connection.execute(f"PRAGMA synchronous = {'FULL' if synced or batch.needs_sync else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            fresh = batch.write(connection, store.ids, self._clock())
            self._packet_budget.write(connection)
            if synced:
                # A transaction that writes nothing syncs nothing, and earlier writes may not be on the disk.
                connection.execute("UPDATE facts SET value = value WHERE name = 'begun'")
        for name in batch.renamed:
            store.ids.pop(name, None)
        store.ids.update(fresh)
        if batch.dropped_rows:
            self.notice = (
                f"{format_count(batch.dropped_rows, 'check')} could not be written; the history has a gap"
            )
        has_notifications = bool(batch.outbox or batch.mutes)
        self._collector.mark_written()
        self._packet_budget.mark_written()
        self.unwritten = None
        if has_notifications:
            self._on_events_saved()
        return has_notifications

    def _write_end(self, store: WritableStore) -> None:
        if self._ledger:
            copy_timestamps(store.connection, self._ledger)
        record_clock(store.connection, self._clock_guard, self._clock())

    def _maintain(self, store: WritableStore, *, has_news: bool) -> None:
        if not self._maintenance.run_slice(store, has_news=has_news):
            self.close()
            self.notice = f"{self._path} was deleted or moved: a new history was started"

    def _publish_unsaved_events(self) -> None:
        before, batch = self.unwritten, self._collector.batch
        if self.trouble is None or (
            before and (before.events, before.mutes) == (len(batch.outbox), batch.mutes)
        ):
            return
        self.unwritten = unwritten(batch, self.reason)
        if self.unwritten:
            self._on_events_saved()
