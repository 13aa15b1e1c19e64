"""Read access to the store, for screens and exports: `History`."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from types import TracebackType

from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.models import Round
from wgmon_tui.store import schema
from wgmon_tui.store.database import (
    VALUE_ERRORS,
    DamagedStoreError,
    NewerStoreError,
    StoreUnavailableError,
    connect_to_read,
    unavailable,
)
from wgmon_tui.store.models import (
    EMPTY_PERIOD,
    ExchangeSummary,
    JournalEntry,
    LastKnownState,
    Mute,
    Note,
    PeriodSummary,
    StoredCheck,
    StoredEntry,
    StoredExchange,
    TimeBucket,
    VantageCheckId,
    VantageLastKnown,
)
from wgmon_tui.store.read import exchanges, fleet_summary, tiers, vantages
from wgmon_tui.store.read import windows as rolled
from wgmon_tui.store.read.row_mapping import exchange_summary_of, incident_of, timeline_point_of
from wgmon_tui.store.read.tiers import QuerySpan, find_tiered_server
from wgmon_tui.store.read.verdict_changes import with_verdicts
from wgmon_tui.store.replaced_values import take_replaced, time_of
from wgmon_tui.store.write.vantage_batch import VantageQuorum

FileId = tuple[int, int]
"""Device and inode."""

_LINES_OF_ALL = """
    SELECT exchanges.id, name, at, kind, verdict, incident FROM exchanges JOIN servers ON servers.id = server
    WHERE at >= :start AND at < :end AND (:incident IS NULL OR incident = :incident)
    ORDER BY at DESC, exchanges.id DESC LIMIT :limit"""

_LINES_OF_SERVER = """
    SELECT id, :server, at, kind, verdict, incident FROM exchanges
    WHERE server = (SELECT id FROM servers WHERE name = :server)
    AND at >= :start AND at < :end AND (:incident IS NULL OR incident = :incident)
    ORDER BY at DESC, id DESC LIMIT :limit"""

_INCIDENTS = """
    SELECT incidents.id, name, vantage, opened_at, verdict, severity, summary, closed_at, flapping,
        acknowledged_at, acknowledged_by
    FROM incidents JOIN servers ON servers.id = server
    WHERE :since IS NULL OR closed_at IS NULL OR closed_at >= :since
    ORDER BY opened_at DESC LIMIT :limit"""

_NOTE_COUNT = """
    SELECT (SELECT count(*) FROM notes WHERE notes.incident = incidents.id) FROM incidents WHERE id = ?"""

_INCIDENT_BY_ID = """
    SELECT incidents.id, name, vantage, opened_at, verdict, severity, summary, closed_at, flapping,
        acknowledged_at, acknowledged_by
    FROM incidents JOIN servers ON servers.id = server WHERE incidents.id = ?"""

_INCIDENTS_OF_SERVER = """
    SELECT id, :server, vantage, opened_at, verdict, severity, summary, closed_at, flapping, acknowledged_at,
        acknowledged_by
    FROM incidents WHERE server = (SELECT id FROM servers WHERE name = :server)
    AND (:since IS NULL OR closed_at IS NULL OR closed_at >= :since)
    ORDER BY opened_at DESC LIMIT :limit"""

_OPEN_INCIDENTS = """
    SELECT incidents.id, name, vantage, opened_at, verdict, severity, summary, closed_at, flapping,
        acknowledged_at, acknowledged_by
    FROM incidents INDEXED BY open_incidents JOIN servers ON servers.id = server
    WHERE (:server IS NULL OR server = (SELECT id FROM servers WHERE name = :server)) AND closed_at IS NULL
    ORDER BY opened_at DESC LIMIT :limit"""

_JOURNAL_AFTER = """
    SELECT checks.id, name, since, port_monitor, state, at, address, vantage, verdict, decides, rtt,
        tunnel_sent, tunnel_received, tunnel_rtt
    FROM checks JOIN servers ON servers.id = server WHERE checks.id > ? ORDER BY checks.id LIMIT ?"""


class History:
    """Reader of one store, from any thread. Every answer is a consistent snapshot, and never blocks the
    writer.

    A server that the store does not know has an empty history. If the store cannot be read, every method
    raises StoreUnavailableError with one line, and the next call tries again.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """`path` is the store's file; `clock` returns the Unix time up to which a current state holds."""
        self._path = path
        self._clock = clock
        self._idle: list[tuple[sqlite3.Connection, FileId]] = []
        """Idle connections, each with the id of its file."""
        self.replaced_values = 0
        """How many stored values could not be read so far, and were replaced or left out."""
        self._idle_lock = threading.Lock()
        self._is_closed = False

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, those in use after their answer. A later call opens one for itself."""
        with self._idle_lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def window(self, server: str, start: float, end: float) -> PeriodSummary:
        """Summarise a period, from `start` to before `end`.

        The ends are rounded to whole minutes. Where minutes have been deleted they are rounded to whole
        hours, and where hours have been deleted, to whole days (UTC).
        """
        with self._read_transaction() as connection:
            tiered_server = find_tiered_server(connection, server)
            if tiered_server is None or start >= end:
                return EMPTY_PERIOD
            return rolled.window(connection, tiered_server, QuerySpan(start, end, self._clock()))

    def buckets(self, server: str, start: float, end: float, length: float) -> list[TimeBucket]:
        """Divide a period into buckets of `length` seconds, ascending and without gaps.

        Buckets begin at multiples of their length since the epoch. A length of a minute or more is cut to
        whole minutes, of an hour or more to whole hours, of a day or more to whole days. Where only a coarser
        tier has data, buckets have its length: a minute, an hour, a day.
        """
        with self._read_transaction() as connection:
            tiered_server = find_tiered_server(connection, server)
            if tiered_server is None or start >= end:
                return []
            return rolled.buckets(connection, tiered_server, QuerySpan(start, end, self._clock()), length)

    def uptimes(self, start: float, end: float) -> dict[str, float]:
        """Return the uptime of every server with data, in whole hours, from the hour of `start` on."""
        with self._read_transaction() as connection:
            return fleet_summary.uptimes(connection, start, min(end, self._clock()))

    def checks(self, server: str, start: float, end: float) -> list[StoredCheck]:
        """Return all single checks that are still stored, ascending."""
        with self._read_transaction() as connection:
            tiered_server = find_tiered_server(connection, server)
            if tiered_server is None:
                return []
            return [
                each.check for each in tiers.timeline(connection, tiered_server, start, end) if each.check
            ]

    def failures(
        self, server: str, before: float = inf, limit: int = 100
    ) -> list[tuple[StoredCheck, ExchangeSummary | None]]:
        """Return the last failed checks, the latest first, each with its exchange if that is stored.

        Where single checks have been deleted, only checks with a stored exchange remain.
        """
        with self._read_transaction() as connection:
            tiered_server = find_tiered_server(connection, server)
            return (
                []
                if tiered_server is None
                else exchanges.failures(connection, tiered_server, server, before, limit)
            )

    def exchanges(
        self,
        server: str | None = None,
        start: float = 0.0,
        end: float = inf,
        *,
        incident: str | None = None,
        limit: int | None = 500,
    ) -> list[ExchangeSummary]:
        """Return stored exchanges, the latest first; all if `limit` is None."""
        query = _LINES_OF_ALL if server is None else _LINES_OF_SERVER
        parameters = {
            "server": server,
            "start": start,
            "end": end,
            "incident": incident,
            "limit": _sql_limit(limit),
        }
        with self._read_transaction() as connection:
            return [
                line for row in connection.execute(query, parameters) if (line := exchange_summary_of(*row))
            ]

    def exchange(self, number: int) -> StoredExchange | None:
        """Return the exchange with this id; None if it was deleted or this version cannot read it."""
        with self._read_transaction() as connection:
            return exchanges.stored(connection, number)

    def last_good(self, server: str, before: float = inf) -> StoredExchange | None:
        """Return the latest exchange with a healthy server before a time; if there is none, the first one
        after.

        None if no such exchange is stored.
        """
        with self._read_transaction() as connection:
            return exchanges.last_good(connection, server, before)

    def incidents(
        self,
        server: str | None = None,
        since: float | None = None,
        *,
        open_only: bool = False,
        limit: int | None = 500,
    ) -> list[Incident]:
        """Return incidents, the latest first, without those that ended before `since`; all if `limit` is
        None.
        """
        parameters = {"server": server, "since": since, "limit": _sql_limit(limit)}
        usual = _INCIDENTS if server is None else _INCIDENTS_OF_SERVER
        with self._read_transaction() as connection:
            rows = connection.execute(_OPEN_INCIDENTS if open_only else usual, parameters)
            found = [incident for row in rows if (incident := incident_of(*row))]
            return with_verdicts(connection, found)

    def incident(self, incident_id: str) -> Incident | None:
        """Return an incident; None if it was deleted."""
        with self._read_transaction() as connection:
            row = connection.execute(_INCIDENT_BY_ID, (incident_id,)).fetchone()
            found = incident_of(*row) if row else None
            return with_verdicts(connection, [found])[0] if found else None

    def notes(self, incident: str) -> list[Note]:
        """Return the notes on an incident, ascending."""
        with self._read_transaction() as connection:
            rows = connection.execute(
                "SELECT at, who, text FROM notes WHERE incident = ? ORDER BY at, id", (incident,)
            )
            return [Note(time_of(at), who, text) for at, who, text in rows]

    def count_notes(self, incidents: Iterable[str]) -> dict[str, int]:
        """Return the number of notes of each of these incidents that exists."""
        with self._read_transaction() as connection:
            counts = {}
            for incident in incidents:
                found = connection.execute(_NOTE_COUNT, (incident,)).fetchone()
                if found:
                    counts[incident] = int(found[0])
            return counts

    def current(self) -> dict[str, LastKnownState]:
        """Return the last known state of every server that was ever checked or paused, by name."""
        with self._read_transaction() as connection:
            return fleet_summary.current(connection)

    def mutes(self) -> dict[str, Mute]:
        """Return the muted servers; expired mutes may be included."""
        with self._read_transaction() as connection:
            rows = connection.execute(
                "SELECT name, since, until, who FROM mutes JOIN servers ON servers.id = server"
            )
            return {name: Mute(*row) for name, *row in rows}

    def vantage_checks(
        self, server: str, start: float, end: float, *, vantage: str | None = None
    ) -> list[StoredCheck]:
        """Return the stored single checks of all other vantages, or of one, ascending."""
        with self._read_transaction() as connection:
            return vantages.vantage_checks(connection, server, start, end, vantage)

    def vantage_rounds(
        self, server: str, start: float, end: float, *, vantage: str | None = None
    ) -> list[Round]:
        """Return the rounds of other vantages with stored packets, ascending."""
        with self._read_transaction() as connection:
            return vantages.rounds(connection, server, start, end, vantage)

    def vantage_failures(
        self, server: str, before: float = inf, limit: int = 100
    ) -> list[tuple[StoredCheck, VantageCheckId | None]]:
        """Return the last failed checks of other vantages, the latest first. Those with stored packets have
        an id.
        """
        with self._read_transaction() as connection:
            return vantages.failures(connection, server, before, limit)

    def vantage_round(self, wanted: VantageCheckId) -> Round | None:
        """Return a round of another vantage; None if its packets were deleted or this version cannot read
        them.
        """
        with self._read_transaction() as connection:
            return vantages.round_by(connection, wanted)

    def vantage_states(self, after: int = 0) -> list[VantageLastKnown]:
        """Return the vantage states that changed after a version."""
        with self._read_transaction() as connection:
            return list(vantages.vantage_states(connection, after))

    def vantages_version(self) -> int:
        """Return the version that grows with every change of a vantage state."""
        with self._read_transaction() as connection:
            return vantages.version(connection)

    def home_dampings(self) -> dict[str, str]:
        """Return the local damping states, as JSON, of servers that other vantages check too."""
        with self._read_transaction() as connection:
            return vantages.home_dampings(connection)

    def vantages(self) -> VantageQuorum:
        """Return the other vantages as the writer stored them."""
        with self._read_transaction() as connection:
            return vantages.vantages(connection)

    def last_reports(self) -> dict[str, tuple[str, int]]:
        """Return the epoch and number of the last accepted report of each vantage."""
        with self._read_transaction() as connection:
            return vantages.last_reports(connection)

    def entries(self) -> list[StoredEntry]:
        """Return every server of the store by name, including those no longer watched."""
        with self._read_transaction() as connection:
            rows = connection.execute("SELECT name, entry, removed_at FROM servers ORDER BY name")
            return [StoredEntry(*row) for row in rows]

    def names(self) -> list[str]:
        """Return the names of all servers of the store."""
        return [entry.server for entry in self.entries()]

    def journal_after(self, number: int, limit: int = 10_000) -> list[JournalEntry]:
        """Return the journal rows after the row with this id, in order."""
        with self._read_transaction() as connection:
            return [
                JournalEntry(row_id, name, since, timeline_point_of(*row), port_monitor)
                for row_id, name, since, port_monitor, *row in connection.execute(
                    _JOURNAL_AFTER, (number, limit)
                )
            ]

    def journal_end(self) -> int:
        """Return the id of the last row ever written to the journal; 0 if there is none."""
        with self._read_transaction() as connection:
            found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'checks'").fetchone()
            return int(found[0]) if found else 0

    def fleet_version(self) -> int:
        """Return the version that grows with every change of a server, a pause, an incident or a note."""
        with self._read_transaction() as connection:
            found = connection.execute("SELECT value FROM facts WHERE name = 'fleet_version'").fetchone()
            return int(found[0]) if found else 0

    @contextmanager
    def _read_transaction(self) -> Iterator[sqlite3.Connection]:
        """Provide a connection inside a read transaction. Raises StoreUnavailableError."""
        connection = None
        try:
            connection, file_id = self._connection()
            connection.execute("BEGIN")
            _check_version(self._path, connection)
            yield connection
            connection.execute("COMMIT")
            if file_id and self._keep_idle(connection, file_id):
                connection = None
        except (OSError, sqlite3.Error) as error:
            raise unavailable(self._path, error) from None
        except VALUE_ERRORS as error:
            raise DamagedStoreError(f"{self._path}: a stored value cannot be read: {error}") from None
        finally:
            self.replaced_values += take_replaced()
            if connection is not None:
                connection.close()

    def _keep_idle(self, connection: sqlite3.Connection, file_id: FileId) -> bool:
        with self._idle_lock:
            if not self._is_closed:
                self._idle.append((connection, file_id))
            return not self._is_closed

    def _connection(self) -> tuple[sqlite3.Connection, FileId | None]:
        """Return an idle connection, or open one if a new file has replaced a damaged store.

        A connection without a file id serves one answer only. Raises OSError and sqlite3.Error.
        """
        status = self._path.stat()
        file_id = status.st_dev, status.st_ino
        while self._idle:
            with suppress(IndexError):  # another thread was quicker
                connection, opened_file_id = self._idle.pop()
                if opened_file_id == file_id:
                    return connection, file_id
                connection.close()
        connection, is_snapshot = connect_to_read(self._path)
        return connection, None if is_snapshot else file_id


def _check_version(path: Path, connection: sqlite3.Connection) -> None:
    """Check the store's version, which a writer of another version may have changed.

    Raises StoreUnavailableError.
    """
    version = schema.version_of(connection)
    if version > schema.VERSION:
        raise NewerStoreError(
            f"{path} was written by a later version of wgmon-tui (store version {version}, this one reads"
            f" {schema.VERSION}): run that version"
        )
    if version < schema.VERSION:
        raise StoreUnavailableError(
            f"{path} was written by an earlier version of wgmon-tui: run this version once as the writer to"
            " upgrade it"
        )


def _sql_limit(limit: int | None) -> int:
    return -1 if limit is None else limit
