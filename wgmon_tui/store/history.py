"""Read access to the store, for screens and exports: `History`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from math import inf
from pathlib import Path
from types import TracebackType

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.node_reports import NodeReport
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
    VantageLastKnown,
)
from wgmon_tui.store.read import exchanges, fleet_summary, incidents, tiers, vantages
from wgmon_tui.store.read import windows as rolled
from wgmon_tui.store.read.exchanges import Failure
from wgmon_tui.store.read.expiries import read_expiries
from wgmon_tui.store.read.node_reports import read_node_reports
from wgmon_tui.store.read.row_mapping import timeline_point_of
from wgmon_tui.store.read.series import find_series
from wgmon_tui.store.read.tiers import QuerySpan, TieredSeries, find_tiered_series, tiered_series
from wgmon_tui.store.reader import StoreReader
from wgmon_tui.store.write.vantage_states import VantageQuorum

_JOURNAL_AFTER = """
    SELECT checks.id, name, since, port_monitor, ifnull(series.vantage, 'local'),
        state, at, address, checks.vantage, verdict, decides, rtt, tunnel_sent, tunnel_received, tunnel_rtt
    FROM checks LEFT JOIN series ON series.id = checks.series
    JOIN servers ON servers.id = ifnull(series.server, checks.series)
    WHERE checks.id > ? ORDER BY checks.id LIMIT ?"""


class History:
    """Reader of one store, from any thread.

    Every answer is a consistent snapshot, and never blocks the writer. A server that the store does not know
    has an empty history. If the store cannot be read, every method raises StoreUnavailableError with one
    line, and the next call tries again.

    Answers are about the checks of one vantage, by default this machine. Its states are those on which all
    vantages agree; the states of another vantage are its own. A `vantage` of None, where it is possible,
    means all of them.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """`path` is the store's file; `clock` returns the Unix time up to which a current state holds."""
        self._reader = StoreReader(path)
        self._clock = clock
        self._last_series: tuple[sqlite3.Connection, tuple[str, str, int], TieredSeries | None] | None = None
        """The last series that was read: the connection, what it is of, and the series."""

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, those in use after their answer. A later call opens one for itself."""
        self._reader.close()

    @property
    def replaced_values(self) -> int:
        """Return how many stored values could not be read so far, and were replaced or left out."""
        return self._reader.replaced_values

    def window(self, server: str, start: float, end: float, vantage: str = LOCAL_VANTAGE) -> PeriodSummary:
        """Summarise a period, from `start` to before `end`.

        The ends are rounded to whole minutes. Where minutes have been deleted they are rounded to whole
        hours, and where hours have been deleted, to whole days (UTC).
        """
        with self._reader.transaction() as connection:
            series = self._find_series(connection, server, vantage)
            if series is None or start >= end:
                return EMPTY_PERIOD
            return rolled.window(connection, series, QuerySpan(start, end, self._clock()))

    def buckets(
        self, server: str, start: float, end: float, length: float, vantage: str = LOCAL_VANTAGE
    ) -> list[TimeBucket]:
        """Divide a period into buckets of `length` seconds, ascending and without gaps.

        Buckets begin at multiples of their length since the epoch. A length of a minute or more is cut to
        whole minutes, of an hour or more to whole hours, of a day or more to whole days. Where only a coarser
        tier has data, buckets have its length: a minute, an hour, a day.
        """
        with self._reader.transaction() as connection:
            series = self._find_series(connection, server, vantage)
            if series is None or start >= end:
                return []
            return rolled.buckets(connection, series, QuerySpan(start, end, self._clock()), length)

    def _find_series(self, connection: sqlite3.Connection, server: str, vantage: str) -> TieredSeries | None:
        """Find a series. A screen asks for several periods of one, and its journal is read once for them."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        key = (server, vantage, version)
        last = self._last_series
        if last is None or last[0] is not connection or last[1] != key:
            self._last_series = last = connection, key, find_tiered_series(connection, server, vantage)
        return last[2]

    def uptimes(self, start: float, end: float) -> dict[str, float]:
        """Return the uptime of every server with data, in whole hours, from the hour of `start` on."""
        with self._reader.transaction() as connection:
            return fleet_summary.uptimes(connection, start, min(end, self._clock()))

    def expiries(self) -> dict[str, tuple[Expires, ...]]:
        """Return until when certificates and keys of each server are valid, the first to end first."""
        with self._reader.transaction() as connection:
            return read_expiries(connection)

    def node_reports(self) -> dict[str, NodeReport]:
        """Return what each control plane last reported of its nodes."""
        with self._reader.transaction() as connection:
            return read_node_reports(connection)

    def checks(
        self, server: str, start: float, end: float, vantage: str | None = LOCAL_VANTAGE
    ) -> list[StoredCheck]:
        """Return all single checks that are still stored, ascending."""
        with self._reader.transaction() as connection:
            of_series = (
                tiers.timeline(connection, tiered_series(connection, series), start, end)
                for series in find_series(connection, server, vantage)
            )
            found = [moment.check for moments in of_series for moment in moments if moment.check]
            return sorted(found, key=lambda check: check.at)

    def failures(
        self, server: str, before: float = inf, limit: int = 100, vantage: str | None = LOCAL_VANTAGE
    ) -> list[Failure]:
        """Return the last failed checks, the latest first, each with its exchange if that is stored.

        Where single checks have been deleted, only checks with a stored exchange remain.
        """
        with self._reader.transaction() as connection:
            found = [
                failure
                for series in find_series(connection, server, vantage)
                for failure in exchanges.failures(
                    connection, tiered_series(connection, series), server, before, limit
                )
            ]
            return sorted(found, key=lambda failure: failure[0].at, reverse=True)[:limit]

    def exchanges(
        self,
        server: str | None = None,
        start: float = 0.0,
        end: float = inf,
        *,
        incident: str | None = None,
        limit: int | None = 500,
        vantage: str | None = LOCAL_VANTAGE,
    ) -> list[ExchangeSummary]:
        """Return stored exchanges, the latest first; all if `limit` is None."""
        span, most = (start, end), _sql_limit(limit)
        with self._reader.transaction() as connection:
            if server is None:
                return exchanges.lines_of_all(connection, span, incident, vantage, most)
            return exchanges.lines_of_server(connection, server, span, incident, vantage, most)

    def exchange(self, number: int) -> StoredExchange | None:
        """Return the exchange with this id; None if it was deleted or this version cannot read it."""
        with self._reader.transaction() as connection:
            return exchanges.stored(connection, number)

    def last_good(
        self, server: str, before: float = inf, vantage: str = LOCAL_VANTAGE
    ) -> StoredExchange | None:
        """Return the latest exchange with a healthy server before a time, or else the first one after it.

        None if no such exchange is stored.
        """
        with self._reader.transaction() as connection:
            return exchanges.last_good(connection, server, before, vantage)

    def incidents(
        self,
        server: str | None = None,
        since: float | None = None,
        *,
        open_only: bool = False,
        limit: int | None = 500,
    ) -> list[Incident]:
        """Return incidents, the latest first, without those that ended before `since`.

        All of them if `limit` is None.
        """
        with self._reader.transaction() as connection:
            return incidents.incidents(connection, server, since, _sql_limit(limit), open_only=open_only)

    def incident(self, incident_id: str) -> Incident | None:
        """Return an incident; None if it was deleted."""
        with self._reader.transaction() as connection:
            return incidents.incident(connection, incident_id)

    def notes(self, incident: str) -> list[Note]:
        """Return the notes on an incident, ascending."""
        with self._reader.transaction() as connection:
            return incidents.notes(connection, incident)

    def count_notes(self, incident_ids: Iterable[str]) -> dict[str, int]:
        """Return the number of notes of each of these incidents that exists."""
        with self._reader.transaction() as connection:
            return incidents.count_notes(connection, incident_ids)

    def current(self) -> dict[str, LastKnownState]:
        """Return the last known state of every server that was ever checked or paused, by name."""
        with self._reader.transaction() as connection:
            return fleet_summary.current(connection)

    def mutes(self) -> dict[str, Mute]:
        """Return the muted servers; expired mutes may be included."""
        with self._reader.transaction() as connection:
            rows = connection.execute(
                "SELECT name, since, until, who FROM mutes JOIN servers ON servers.id = server"
            )
            return {name: Mute(*row) for name, *row in rows}

    def vantage_states(self, after: int = 0) -> list[VantageLastKnown]:
        """Return the vantage states that changed after a version."""
        with self._reader.transaction() as connection:
            return list(vantages.vantage_states(connection, after))

    def vantages_version(self) -> int:
        """Return the version that grows with every change of a vantage state."""
        with self._reader.transaction() as connection:
            return vantages.version(connection)

    def home_dampings(self) -> dict[str, str]:
        """Return the local damping states, as JSON, of servers that other vantages check too."""
        with self._reader.transaction() as connection:
            return vantages.home_dampings(connection)

    def vantages(self) -> VantageQuorum:
        """Return the other vantages as the writer stored them."""
        with self._reader.transaction() as connection:
            return vantages.vantages(connection)

    def vantages_of(self, server: str) -> list[str]:
        """Return the other vantages that have a history of a server, by name."""
        with self._reader.transaction() as connection:
            series = find_series(connection, server, None)
            return [each.vantage for each in series if each.vantage != LOCAL_VANTAGE]

    def last_reports(self) -> dict[str, tuple[str, int]]:
        """Return the epoch and number of the last accepted report of each vantage."""
        with self._reader.transaction() as connection:
            return vantages.last_reports(connection)

    def entries(self) -> list[StoredEntry]:
        """Return every server of the store by name, including those no longer watched."""
        with self._reader.transaction() as connection:
            rows = connection.execute("SELECT name, entry, removed_at FROM servers ORDER BY name")
            return [StoredEntry(*row) for row in rows]

    def names(self) -> list[str]:
        """Return the names of all servers of the store."""
        return [entry.server for entry in self.entries()]

    def journal_after(self, number: int, limit: int = 10_000) -> list[JournalEntry]:
        """Return the journal rows after the row with this id, in order."""
        with self._reader.transaction() as connection:
            return [
                JournalEntry(row_id, name, since, timeline_point_of(*row), port_monitor, vantage)
                for row_id, name, since, port_monitor, vantage, *row in connection.execute(
                    _JOURNAL_AFTER, (number, limit)
                )
            ]

    def journal_end(self) -> int:
        """Return the id of the last row ever written to the journal; 0 if there is none."""
        with self._reader.transaction() as connection:
            found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'checks'").fetchone()
            return int(found[0]) if found else 0

    def fleet_version(self) -> int:
        """Return the version that grows with every change of a server, a pause, an incident or a note."""
        with self._reader.transaction() as connection:
            found = connection.execute("SELECT value FROM facts WHERE name = 'fleet_version'").fetchone()
            return int(found[0]) if found else 0


def _sql_limit(limit: int | None) -> int:
    return -1 if limit is None else limit
