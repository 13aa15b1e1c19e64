"""Outbox harness with an unwritable store: events wait in a batch, as in the recorder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.alerts.outbox_harness import OutboxHarness
from tests.store.engine_updates import Clock
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.store.database import connect_to_read
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.batch import Batch
from wgmon_tui.store.write.replay_state import ReplayState
from wgmon_tui.store.write.unsaved_events import UnsavedEvents, unwritten


class Stuck(OutboxHarness):
    """Harness whose store is sometimes `away`. Like the recorder, it replays what holds into a new store."""

    def __init__(self, state_dir: Path, alerts: AlertSettings, clock: Clock | None = None) -> None:
        super().__init__(state_dir, alerts, clock)
        self.away = False
        self.waits = Batch()
        self.current = ReplayState()
        self.stores_set_aside = 0

    def write(self, batch: Batch) -> None:
        self.waits.incidents |= batch.incidents
        self.waits.mutes |= batch.mutes
        self.waits.outbox += batch.outbox
        if not self.away:
            super().write(self.waits)
            self.current.apply_written(self.waits)
            self.waits.clear()

    def unwritten(self) -> UnsavedEvents | None:
        return unwritten(self.waits, "the disk is full") if self.away else None

    def expand(self) -> None:
        self.working_set.sync(self.unwritten())
        super().expand()

    def is_readable(self) -> bool:
        try:
            connection, _ = connect_to_read(self.state_dir / STORE, patience_s=0.0)
        except sqlite3.Error:
            return False
        connection.close()
        return True

    def remove_store(self) -> None:
        """Move the store away."""
        self.shut()
        self.working_set._disconnect()
        for suffix in ("", "-wal", "-shm"):
            if (file := self.state_dir / f"{STORE}{suffix}").exists():
                file.rename(file.with_name(f"away{suffix}"))
        self.away = True

    def restore_store(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            if (file := self.state_dir / f"away{suffix}").exists():
                file.rename(file.with_name(f"{STORE}{suffix}"))
        self._continue()

    def replace_store(self) -> None:
        """Move the store aside for good, and start a new one, while the dispatcher has it open."""
        self.working_set.load()
        self.swap_store()
        self.expand()

    def swap_store(self) -> None:
        self.shut()
        for suffix in ("", "-wal", "-shm"):
            if (file := self.state_dir / f"{STORE}{suffix}").exists():
                file.rename(file.with_name(f"aside-{self.stores_set_aside}{suffix}"))
        self.stores_set_aside += 1
        self.reopen()
        self.current.replay_into(self.waits)
        self.write(Batch())

    @contextmanager
    def locked(self, *, unreadable: bool = False) -> Iterator[None]:
        """Lock the store from another connection."""
        with closing(sqlite3.connect(self.state_dir / STORE, isolation_level=None)) as other:
            if unreadable:
                self.working_set.close()
                self.shut()
                other.execute("PRAGMA locking_mode = EXCLUSIVE")
                other.execute("BEGIN EXCLUSIVE")
            else:
                other.execute("BEGIN IMMEDIATE")
            self.away = True
            yield
        self._continue()

    def _continue(self) -> None:
        self.away = False
        self.shut()
        self.reopen()
        self.write(Batch())
