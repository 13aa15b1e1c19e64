"""Delivery log: sent, pending, held and given-up deliveries, read while another process writes the store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from wgmon_tui.alerts.delivery_queue import announcement_of
from wgmon_tui.alerts.models import Announcement
from wgmon_tui.store.database import DamagedStoreError, MissingStoreError, connect_to_read, unavailable
from wgmon_tui.store.reader import require_version
from wgmon_tui.store.store_version import STORE


class DeliveryState(StrEnum):
    """State of a delivery. The `reason` of a pending one is that of the last attempt."""

    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given up"
    HELD = "held"
    """Not sent; the reason names what suppressed it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one sink. Times are Unix seconds.

    `at` is the time of the event, `due_at` the time of the next attempt. `sending` is true during an attempt.
    `done_at` is when it was sent, given up or held. `seen_by` is who acknowledged the failure.
    """

    id: int
    sink: str
    announcement: Announcement
    at: float
    due_at: float
    sending: bool
    attempts: int
    state: DeliveryState
    reason: str
    done_at: float | None
    seen_at: float | None = None
    seen_by: str = ""

    @property
    def is_unacknowledged(self) -> bool:
        """Return whether it was given up and not acknowledged."""
        return self.state is DeliveryState.GIVEN_UP and self.seen_at is None

    @property
    def is_failing(self) -> bool:
        """Return whether at least one attempt failed and another one is pending."""
        return self.state is DeliveryState.PENDING and self.attempts > 0


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """Numbers of deliveries: `failing` are pending after a failed attempt, `given_up` are unacknowledged."""

    pending: int = 0
    failing: int = 0
    given_up: int = 0


def deliveries(state_dir: Path, limit: int = 500, sink: str | None = None) -> list[Delivery]:
    """Return the last deliveries, newest first. Raises StoreUnavailableError."""
    return _deliveries(_rows(state_dir, _LAST, (sink, limit)))


def deliveries_about(state_dir: Path, incident: str) -> list[Delivery]:
    """Return the deliveries about an incident, oldest first. Raises StoreUnavailableError."""
    return _deliveries(_rows(state_dir, _ABOUT, (incident,)))


def _deliveries(rows: list[tuple[Any, ...]]) -> list[Delivery]:
    return [
        Delivery(number, name, announcement, at, due, lease is not None, attempts, state, reason, *done)
        for number, name, text, at, due, lease, attempts, word, reason, *done in rows
        if (announcement := announcement_of(text)) and (state := _STATES.get(word))
    ]


def counts(state_dir: Path) -> DeliveryCounts:
    """Count the deliveries by state. Raises StoreUnavailableError."""
    ((pending, failing, given_up),) = _rows(state_dir, _COUNTS, ())
    return DeliveryCounts(pending, failing, given_up)


def _rows(state_dir: Path, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
    path = state_dir / STORE
    if not path.exists():
        raise MissingStoreError(f"{path}: No such file or directory")
    try:
        connection, _ = connect_to_read(path)
        with closing(connection):
            require_version(path, connection)
            return connection.execute(query, values).fetchall()
    except UnicodeDecodeError:  # SQLite quotes damaged text in its own message
        raise DamagedStoreError(f"{path}: damaged") from None
    except sqlite3.Error as error:
        raise unavailable(path, error) from None


_STATES = {state.value: state for state in DeliveryState}

_COLUMNS = """SELECT id, sink, announcement, at, due_at, lease_until, attempts, state, reason, done_at,
    seen_at, seen_by FROM deliveries"""

_LAST = f"""{_COLUMNS} WHERE sink = ifnull(?, sink) ORDER BY id DESC LIMIT ?"""

_ABOUT = f"{_COLUMNS} WHERE instr(' ' || incidents || ' ', ' ' || ? || ' ') ORDER BY id"

_COUNTS = """SELECT
    (SELECT count(*) FROM deliveries WHERE state = 'pending'),
    (SELECT count(*) FROM deliveries WHERE state = 'pending' AND attempts > 0),
    (SELECT count(*) FROM deliveries WHERE state = 'given up' AND seen_at IS NULL)"""
