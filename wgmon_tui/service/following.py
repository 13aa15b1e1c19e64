"""The store, followed by a viewer: what has come into it since the last look, and a board that shows it.

Reading is done in a thread; the board is touched in the loop alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wgmon_tui.diagnosis.verdict import Diagnosis, Severity
from wgmon_tui.fleet.records import Server
from wgmon_tui.history.elsewhere import round_of
from wgmon_tui.history.entries import server_of
from wgmon_tui.history.reading import History
from wgmon_tui.history.records import JournalEntry, Known, Mute, PastCheck, State
from wgmon_tui.history.store import STORE
from wgmon_tui.monitor.board import Board, Round, Row
from wgmon_tui.monitor.damping import Damping, from_json
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.samples import Samples
from wgmon_tui.probe.records import Check
from wgmon_tui.service.sightseeing import SightNews, Sightseeing, show_sights

_MOST_ROWS = 20_000
"""Whoever has missed more of the journal reads the present state anew."""

_PLANNED = "planned work"
"""What a viewer calls a maintenance: its name stands in the writer's config.toml alone."""

_WATCHED = (State.UP, State.DEGRADED, State.DOWN)


@dataclass(frozen=True, slots=True)
class News:
    """What is new in the store; None where nothing of that kind is. `known` replaces all that was shown."""

    servers: tuple[Server, ...] | None = None
    known: Sequence[Known] | None = None
    journal: Sequence[JournalEntry] = ()
    incidents: Sequence[Incident] | None = None
    mutes: Mapping[str, Mute] | None = None
    sights: SightNews | None = None


class Following:
    """Reads one store, look by look. Not for two threads at once."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / STORE
        self._history = History(self._path)
        self._inode = 0
        self._position: int | None = None
        self._version: int | None = None
        self._entries: dict[str, str] = {}
        self._servers: dict[str, Server] = {}
        self._sightseeing = Sightseeing(self._history)

    def close(self) -> None:
        """Close the store."""
        self._history.close()

    def look(self) -> News:
        """What is new since the last look. Raises StoreUnavailableError."""
        inode = _inode(self._path)
        if inode != self._inode or self._position is None:
            # Another file: a damaged store was set aside, and ids begin anew.
            self._inode, self._position = inode, None
            return self._all()
        version = self._history.fleet_version()
        journal = self._history.journal_after(self._position, _MOST_ROWS)
        if len(journal) == _MOST_ROWS or (journal and journal[0].id != self._position + 1):
            return self._all()
        if any(each.moment.state is State.PAUSED and each.moment.check is None for each in journal):
            return self._all()  # the journal does not tell who paused it
        if journal:
            self._position = journal[-1].id
        if version == self._version:
            return News(journal=journal, sights=self._sightseeing.look())
        self._version = version
        incidents = self._history.incidents(open_only=True, limit=None)
        sights = self._sightseeing.look(all_anew=True)
        return News(self._fleet(), None, journal, incidents, self._history.mutes(), sights)

    def last_good(self, server: str) -> Check | None:
        """The last healthy check of a server, with its packets."""
        stored = self._history.last_good(server)
        return next((each for each in stored.round.checks if each.handshake), None) if stored else None

    def _all(self) -> News:
        # In this order what comes meanwhile is seen twice and not missed.
        self._version = self._history.fleet_version()
        position = self._history.journal_end()
        servers = self._fleet()
        known = self._history.current().values()
        self._position = position
        return News(
            servers or tuple(self._servers.values()),
            tuple(known),
            mutes=self._history.mutes(),
            sights=self._sightseeing.look(all_anew=True),
        )

    def _fleet(self) -> tuple[Server, ...] | None:
        """The servers, where any entry is another one than before."""
        entries = {each.server: each.entry for each in self._history.entries() if each.removed_at is None}
        if entries == self._entries:
            return None
        servers = {}
        for name, entry in entries.items():
            same = self._servers.get(name) if self._entries.get(name) == entry else None
            if server := same or server_of(name, entry):
                servers[name] = server
        self._entries, self._servers = entries, servers
        return tuple(servers.values())


def show(board: Board, news: News, attended: str | None) -> None:
    """Write on the board what is new. The last round of the `attended` server stays: it has packets."""
    if news.servers is not None:
        board.replace(news.servers)
    for known in news.known or ():
        if row := board.rows.get(known.server):
            _show_known(row, known)
            board.touch(known.server)
    for entry in news.journal:
        if row := board.rows.get(entry.server):
            _show_entry(row, entry, keep_round=entry.server == attended)
            board.touch(entry.server)
    if news.incidents is not None:
        _show_incidents(board, news.incidents)
    if news.mutes is not None:
        _show_mutes(board, news.mutes)
    show_sights(board, news.sights, {entry.server for entry in news.journal})


def _severity(state: State, row: Row) -> Severity:
    """How it is shown. Time in maintenance is stored as that; how the server is, its incident tells."""
    if state is not State.MAINTENANCE:
        return state.severity
    return row.incident.severity if row.incident else Severity.UP


def _show_known(row: Row, known: Known) -> None:
    row.incident = known.incident
    row.severity, row.since = _severity(known.state, row), known.since
    row.maintenance = _PLANNED if known.state is State.MAINTENANCE else None
    row.verdict, row.port_monitor = known.verdict, known.port_monitor
    row.paused = known.state is State.PAUSED
    row.paused_by = known.paused_by
    row.damping = from_json(known.damping)
    row.samples = Samples()
    for rtt in known.samples:
        row.samples.add(rtt)


def _show_entry(row: Row, entry: JournalEntry, *, keep_round: bool) -> None:
    state, check = entry.moment.state, entry.moment.check
    row.severity, row.since = _severity(state, row), entry.since
    row.maintenance = _PLANNED if state is State.MAINTENANCE else None
    row.paused = state is State.PAUSED
    if state in _WATCHED and not row.sights:
        row.damping = Damping(state.severity, flapping=row.damping.flapping)
    if check is None or not check.decides:
        return
    row.verdict = check.verdict
    row.port_monitor = entry.port_monitor or row.port_monitor
    if check.counts:
        row.samples.add(check.rtt)
    if row.last is None or not keep_round:
        row.last = _without_packets(row, check)


def _show_incidents(board: Board, incidents: Sequence[Incident]) -> None:
    open_now = {incident.server: incident for incident in incidents}
    for name, row in board.rows.items():
        incident = open_now.get(name)
        if row.incident == incident:
            continue
        row.incident = incident
        row.damping = replace(row.damping, flapping=incident is not None and incident.flapping)
        board.touch(name)


def _show_mutes(board: Board, mutes: Mapping[str, Mute]) -> None:
    for name, row in board.rows.items():
        mute = mutes.get(name)
        until, who = (mute.until, mute.who) if mute else (None, "")
        if (row.muted_until, row.muted_by) != (until, who):
            board.mute(name, until, who)


def _without_packets(row: Row, check: PastCheck) -> Round:
    """A round as the journal tells it."""
    incident = row.incident
    told = incident.summary if incident and incident.verdict is check.verdict else check.verdict.meaning
    return round_of(row.server, check, Diagnosis(check.verdict, told))


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0
