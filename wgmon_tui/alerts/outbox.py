"""The outbox in the store: what happened becomes messages to sinks, and none of them is lost on the way.

    outbox ──expand──► tellings, deliveries ──take──► a sink ──► sent, pending again, given up

What happened was written together with its incident (history/batch.py). `expand` reads on from where it
stopped and writes the deliveries and that place in one transaction, so that a kill at any moment neither
loses nor doubles one. A delivery is pending until its sink has said that it has it: a kill in between sends
it twice, with the same id.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from wgmon_tui.alerts.grouping import Draft, Groups, in_words, shared
from wgmon_tui.alerts.policy import Moment, Standing, Standings, Tell, decide
from wgmon_tui.alerts.records import Announcement, Kind, Matter
from wgmon_tui.fleet.alert_settings import Alerts, Sink
from wgmon_tui.history import matters
from wgmon_tui.history.codec import ForeignError, form_of
from wgmon_tui.history.records import Mute
from wgmon_tui.history.store import STORE
from wgmon_tui.monitor.incidents import What

_PATIENCE_S = 1.0
_AT_ONCE = 2_000
"""Rows of the outbox that are read in one transaction."""

_LOOKED_AT = 500
"""So many pending deliveries of a sink are looked at for the next one, so that thousands cost no more."""

_LONGEST_WAIT_S = 3_700.0
"""Nothing is due later than this on purpose: what seems to be stood there when the clock was set back."""

_KEPT_S = 30 * 86_400.0
_FORGOTTEN_AT_ONCE = 1_000

_KINDS = {
    What.OPENED.value: Kind.OPENED,
    What.CAUSE_CHANGED.value: Kind.CAUSE_CHANGED,
    What.CLOSED.value: Kind.RECOVERED,
    What.ACKNOWLEDGED.value: Kind.ACKNOWLEDGED,
}


Write = tuple[str, tuple[object, ...]]
"""A statement and its values."""

Writes = list[Write]


@dataclass(frozen=True, slots=True)
class Job:
    """A delivery that is to be sent now; `late` seconds after it could first have been."""

    id: int
    announcement: Announcement
    attempts: int


@dataclass(slots=True)
class _Case:
    """An incident that some sink has yet to hear more of."""

    matter: Matter
    standings: Standings = field(default_factory=dict)


class Outbox:
    """One connection to the store, for one thread at a time. Everything raises sqlite3.Error."""

    def __init__(self, state_dir: Path, vantage: str = "") -> None:
        self._path = state_dir / STORE
        self._vantage = vantage
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._cases: dict[str, _Case] = {}
        self._groups = Groups()

    def close(self) -> None:
        """Let go of the store."""
        if self._connection:
            self._connection.close()
        self._connection = None

    # What happened becomes deliveries.

    def expand(self, alerts: Alerts, now: float, *, look_around: bool = True) -> bool:
        """Make deliveries of what has happened, and with `look_around` of what has become due.

        Where nothing has happened it is looked around as well: a mute or the rules may have changed. Returns
        whether there is more to read.
        """
        connection = self._opened()
        # Everything is read and thought over first: nobody else writes these tables, and who records checks
        # must not find the store locked for long.
        writes: Writes = []
        with _reloading_after_failure(self):
            moment = Moment(alerts, _mutes(connection), now)
            rows = _unread(connection)
            tells: list[Tell] = []
            for _, what, text in rows:
                matter = matters.from_json(text)
                if matter and what in _KINDS:
                    tells += self._decide(writes, matter, moment, _KINDS[what])
            more = len(rows) == _AT_ONCE
            if (look_around or not rows) and not more:
                tells += self._look_around(connection, writes, moment)
            for tell in tells:
                writes += _no_longer_held(tell)
                if tell.held:
                    writes.append(_note_held(tell, now))
            said = [each for each in tells if not each.held and not _is_idle(connection, each)]
            drafted: set[tuple[str, str]] = set()
            for draft in self._groups.draft(said, self._vantage, now):
                names = {draft.joins or "", *_ids(draft.announcement).split()}
                mine = {(draft.sink, name) for name in names}
                # What the store does not hold yet cannot be joined, nor can its order be seen there.
                joined = None if mine & drafted else _join(connection, draft, now)
                writes.append(joined or _insert(draft.sink, draft.announcement, draft.due))
                drafted |= mine - {(draft.sink, "")}
            if rows:
                writes.append((_READ_TO, (rows[-1][0],)))
            if writes:
                self._write(writes)
            return more

    def add(self, announcement: Announcement, sinks: Iterable[str], now: float) -> None:
        """Send these sinks something that is about no incident."""
        with self._transaction() as connection:
            for sink in sinks:
                connection.execute(*_insert(sink, announcement, now))

    def drop_others(self, sinks: Iterable[Sink], now: float) -> None:
        """Only these sinks are left: say so of what was to go to others."""
        names = json.dumps([sink.name for sink in sinks])
        with self._transaction() as connection:
            connection.execute(_DROP_OTHERS, (now, names))
            connection.execute(
                "DELETE FROM tellings WHERE sink NOT IN (SELECT value FROM json_each(?))", (names,)
            )
            self._load(connection)

    def open_now(self, sink: str) -> tuple[Matter, ...]:
        """What is open now of what a sink was told of, and nothing holds back."""
        self._opened()
        return tuple(
            case.matter
            for case in self._cases.values()
            if (standing := case.standings.get(sink)) and standing.told_at is not None and not standing.held
        )

    # Deliveries are sent.

    def take(self, sink: Sink, now: float) -> Job | float | None:
        """The next delivery of a sink, leased; or after how many seconds there is one; or None.

        What was tried least comes first; of one incident, each thing only when what was before is done.
        """
        connection = self._opened()
        blocked: set[str] = set()
        best: tuple[int, int] | None = None
        wait: float | None = None
        for number, due, lease, attempts, incidents in connection.execute(_PENDING, (sink.name, _LOOKED_AT)):
            mine = set(incidents.split())
            at = max(due, lease or due)
            if not mine & blocked:
                if at <= now or at > now + _LONGEST_WAIT_S:
                    best = min(best or (attempts, number), (attempts, number))
                else:
                    wait = min(wait or at - now, at - now)
            blocked |= mine
        if best is None:
            return wait
        attempts, number = best
        text, since = connection.execute(_SAYS, (number,)).fetchone()
        announcement = announcement_of(text)
        if announcement is None:
            connection.execute(_FINISH, ("given up", "written by another version", now, number))
            return 0.0
        connection.execute(_LEASE, (now + 2 * sink.timeout + 5.0, number))
        return Job(number, replace(announcement, late=max(0.0, now - since)), attempts)

    def sent(self, job: Job, now: float) -> None:
        """It has arrived."""
        with self._transaction() as connection:
            connection.execute(_FINISH, ("sent", "", now, job.id))

    def give_up(self, job: Job, reason: str, now: float) -> None:
        """It will never arrive."""
        with self._transaction() as connection:
            connection.execute(_FINISH, ("given up", reason, now, job.id))

    def try_again(self, job: Job, sink: Sink, reason: str, now: float, due: float) -> None:
        """It did not arrive this time. What has waited too long for this sink is given up."""
        with self._transaction() as connection:
            connection.execute(_AGAIN, (due, reason, job.id))
            too_long = f"{reason}; given up after {sink.give_up_after / 3600:g} h"
            connection.execute(_GIVE_UP_OLD, (too_long, now, sink.name, now - sink.give_up_after))

    def hurry(self, sink: str, now: float) -> None:
        """The sink is there again: what waits for another attempt need not wait."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET due_at = ? WHERE sink = ? AND state = 'pending' AND attempts > 0",
                (now, sink),
            )

    def retry(self, number: int, now: float) -> bool:
        """Somebody wants a delivery to be tried now, one that was given up too. False where there is none."""
        with self._transaction() as connection:
            changed = connection.execute(_RETRY, (now, now, number))
            return changed.rowcount == 1

    def shift(self, seconds: float) -> None:
        """The clock was set: what waits waits as long as before."""
        with self._transaction() as connection:
            connection.execute(_SHIFT_DELIVERIES, (seconds, seconds, seconds))
            connection.execute(_SHIFT_TELLINGS, (seconds, seconds, seconds))
            self._load(connection)

    def forget(self, now: float) -> None:
        """Forget what was done long ago."""
        with self._transaction() as connection:
            until = now - _KEPT_S
            connection.execute(_FORGET_DELIVERIES, (until, _FORGOTTEN_AT_ONCE))
            connection.execute(_FORGET_OUTBOX, (until, _FORGOTTEN_AT_ONCE))

    def was_left_running(self, now: float) -> float | None:
        """Say that we are there; since when somebody was who never said that he went."""
        with self._transaction() as connection:
            found = connection.execute("SELECT value FROM facts WHERE name = 'alerting'").fetchone()
            connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('alerting', ?)", (now,))
            return None if found is None else float(found[0])

    def still_there(self, now: float) -> None:
        """Said each minute, so that the next one knows until when we were."""
        with self._transaction() as connection:
            connection.execute("UPDATE facts SET value = ? WHERE name = 'alerting'", (now,))

    def went(self) -> None:
        """We end, and have said so."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM facts WHERE name = 'alerting'")

    # Within

    def _write(self, writes: Writes) -> None:
        with self._transaction() as connection:
            for statement, values in writes:
                connection.execute(statement, values)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Where it fails, what is in memory is read anew the next time."""
        connection = self._opened()
        with _reloading_after_failure(self):
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def _opened(self) -> sqlite3.Connection:
        """The store as it is found under its name now: a damaged one may have been set aside."""
        inode = self._path.stat().st_ino if self._path.exists() else 0
        if self._connection and inode == self._inode:
            return self._connection
        self.close()
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(
            uri, uri=True, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            # We hold the writer's lock: nobody sends any more what another life of this program began to.
            connection.execute("UPDATE deliveries SET lease_until = NULL WHERE lease_until IS NOT NULL")
            self._load(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode, self._groups = connection, inode, Groups()
        return connection

    def _load(self, connection: sqlite3.Connection) -> None:
        """The incidents that somebody has yet to hear more of, as far as the outbox was read."""
        self._cases = {}
        for incident, text in connection.execute(_CASES):
            if matter := matters.from_json(text):
                self._cases[incident] = _Case(matter)
        for incident, sink, *values in connection.execute(_TELLINGS):
            if case := self._cases.get(incident):
                case.standings = {**case.standings, sink: Standing(*values)}

    def _decide(self, writes: Writes, matter: Matter, moment: Moment, news: Kind | None) -> tuple[Tell, ...]:
        incident = matter.incident
        case = self._cases.setdefault(incident.id, _Case(matter))
        after, tells = decide(matter, case.standings, moment, news)
        for sink in case.standings.keys() - after.keys():
            writes.append((_NO_STANDING, (incident.id, sink)))
        for sink, standing in after.items():
            if case.standings.get(sink) != standing:
                values = (standing.told_at, standing.reminded_at, standing.escalated_at, standing.held)
                writes.append((_STANDING, (incident.id, sink, *values)))
        case.matter, case.standings = matter, after
        if incident.closed_at is not None and not after:
            del self._cases[incident.id]
        return tells

    def _look_around(self, connection: sqlite3.Connection, writes: Writes, moment: Moment) -> Iterable[Tell]:
        """What only time has brought about, and incidents that ended without a word."""
        tells: list[Tell] = []
        ended = dict(connection.execute(_ENDED))
        for key, case in list(self._cases.items()):
            matter = case.matter
            if matter.incident.closed_at is None and key in ended:
                matter = replace(
                    matter, incident=replace(matter.incident, closed_at=ended[key]), note="no longer watched"
                )
            tells += self._decide(writes, matter, moment, None)
        return tells


@contextmanager
def _reloading_after_failure(outbox: Outbox) -> Iterator[None]:
    """What is in memory runs ahead of the store until that is written."""
    try:
        yield
    except BaseException:
        outbox.close()
        raise


def _mutes(connection: sqlite3.Connection) -> Mapping[str, Mute]:
    rows = connection.execute("SELECT name, since, until, who FROM mutes JOIN servers ON servers.id = server")
    return {name: Mute(*row) for name, *row in rows}


def _unread(connection: sqlite3.Connection) -> list[tuple[int, str, str]]:
    found = connection.execute("SELECT value FROM facts WHERE name = 'alerts_read'").fetchone()
    read = int(found[0]) if found else 0
    return connection.execute(
        "SELECT id, what, matter FROM outbox WHERE id > ? ORDER BY id LIMIT ?", (read, _AT_ONCE)
    ).fetchall()


def to_json(announcement: Announcement) -> str:
    """An announcement as it is stored."""
    write, _ = form_of(Announcement)
    text = json.dumps(write(announcement), ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def announcement_of(text: str) -> Announcement | None:
    """The announcement as it was stored; None for what another version wrote and we cannot read."""
    _, read = form_of(Announcement)
    try:
        announcement = read(json.loads(text))
    except (ValueError, RecursionError, ForeignError):
        return None
    return announcement if isinstance(announcement, Announcement) else None


def _ids(announcement: Announcement) -> str:
    return " ".join(each.incident.id for each in announcement.about)


def _insert(sink: str, announcement: Announcement, due: float) -> Write:
    kind, text = announcement.kind.value, to_json(announcement)
    return _INSERT, (announcement.id, sink, kind, announcement.at, due, due, _ids(announcement), text)


def _join(connection: sqlite3.Connection, draft: Draft, now: float) -> Write | None:
    """What puts it into the message that it may join, where that waits and no order is broken by it."""
    found = connection.execute(_JOINABLE, (draft.joins, draft.sink, now)).fetchone()
    if draft.joins is None or found is None:
        return None
    number, text = found
    waiting = announcement_of(text)
    if waiting is None:
        return None
    about = (*waiting.about, *draft.announcement.about)
    mine = {each.incident.id for each in about}
    later = connection.execute(
        "SELECT incidents FROM deliveries WHERE sink = ? AND state = 'pending' AND id > ?",
        (draft.sink, number),
    )
    if any(mine & set(incidents.split()) for (incidents,) in later):
        return None
    joined = replace(waiting, about=about, bond=in_words(shared(about)))
    return _JOIN, (_ids(joined), to_json(joined), number)


def _is_idle(connection: sqlite3.Connection, tell: Tell) -> bool:
    """Whether it would remind of what the sink has not even got."""
    if tell.kind is not Kind.REMINDER:
        return False
    waiting = connection.execute(_WAITING_OF, (tell.sink, f"%{tell.matter.incident.id}%"))
    return waiting.fetchone() is not None


def _no_longer_held(tell: Tell) -> Writes:
    """Whatever was said to be held back of an incident's beginning or end: now there is more to say."""
    kinds = (Kind.OPENED, Kind.RECOVERED) if tell.kind is Kind.RECOVERED and tell.held else (tell.kind,)
    return [(_NOT_HELD, (tell.sink, _held_id(tell, kind))) for kind in kinds]


def _note_held(tell: Tell, now: float) -> Write:
    announcement = Announcement(_held_id(tell, tell.kind), tell.kind, now, (tell.matter,))
    text, ids = to_json(announcement), _ids(announcement)
    return _HOLD, (announcement.id, tell.sink, tell.kind.value, now, now, now, tell.held, now, ids, text)


def _held_id(tell: Tell, kind: Kind) -> str:
    return f"{tell.matter.incident.id}-{kind.value.replace(' ', '-')}-held"


_NO_STANDING = "DELETE FROM tellings WHERE incident = ? AND sink = ?"

_NOT_HELD = "DELETE FROM deliveries WHERE sink = ? AND dedup = ?"

_JOIN = "UPDATE deliveries SET incidents = ?, announcement = ? WHERE id = ?"

_SAYS = "SELECT announcement, waits_since FROM deliveries WHERE id = ?"

_LEASE = "UPDATE deliveries SET lease_until = ? WHERE id = ?"

_READ_TO = "INSERT OR REPLACE INTO facts (name, value) VALUES ('alerts_read', ?)"

_CASES = """SELECT incident, matter FROM outbox WHERE id IN (
    SELECT max(id) FROM outbox
    WHERE id <= ifnull((SELECT value FROM facts WHERE name = 'alerts_read'), 0)
    AND incident IN (SELECT id FROM incidents WHERE closed_at IS NULL UNION SELECT incident FROM tellings)
    GROUP BY incident)"""

_TELLINGS = "SELECT incident, sink, told_at, reminded_at, escalated_at, held FROM tellings"

_ENDED = """SELECT DISTINCT id, closed_at FROM tellings JOIN incidents ON incidents.id = tellings.incident
    WHERE closed_at IS NOT NULL"""

_STANDING = """INSERT OR REPLACE INTO tellings (incident, sink, told_at, reminded_at, escalated_at, held)
    VALUES (?, ?, ?, ?, ?, ?)"""

_INSERT = """INSERT INTO deliveries (dedup, sink, kind, at, waits_since, due_at, attempts, state, reason,
    incidents, announcement) VALUES (?, ?, ?, ?, ?, ?, 0, 'pending', '', ?, ?)
    ON CONFLICT (dedup, sink) DO UPDATE SET state = 'pending', reason = '', due_at = excluded.due_at,
    waits_since = excluded.waits_since, attempts = 0, done_at = NULL WHERE state = 'given up'"""

_HOLD = """INSERT INTO deliveries (dedup, sink, kind, at, waits_since, due_at, attempts, state, reason,
    done_at, incidents, announcement) VALUES (?, ?, ?, ?, ?, ?, 0, 'held', ?, ?, ?, ?)
    ON CONFLICT (dedup, sink) DO UPDATE SET reason = excluded.reason, at = excluded.at"""

_JOINABLE = """SELECT id, announcement FROM deliveries WHERE dedup = ? AND sink = ? AND state = 'pending'
    AND attempts = 0 AND lease_until IS NULL AND due_at > ?"""

_PENDING = """SELECT id, due_at, lease_until, attempts, incidents FROM deliveries
    WHERE sink = ? AND state = 'pending' ORDER BY id LIMIT ?"""

_WAITING_OF = "SELECT 1 FROM deliveries WHERE sink = ? AND state = 'pending' AND incidents LIKE ? LIMIT 1"

_FINISH = "UPDATE deliveries SET state = ?, reason = ?, done_at = ?, lease_until = NULL WHERE id = ?"

_AGAIN = """UPDATE deliveries SET attempts = attempts + 1, lease_until = NULL, due_at = ?, reason = ?
    WHERE id = ? AND state = 'pending'"""

_GIVE_UP_OLD = """UPDATE deliveries SET state = 'given up', reason = ?, done_at = ?
    WHERE sink = ? AND state = 'pending' AND waits_since < ?"""

_DROP_OTHERS = """UPDATE deliveries SET state = 'given up', done_at = ?, lease_until = NULL,
    reason = 'no sink "' || sink || '" in config.toml any more'
    WHERE state = 'pending' AND sink NOT IN (SELECT value FROM json_each(?))"""

_RETRY = """UPDATE deliveries SET state = 'pending', due_at = ?, waits_since = ?, attempts = 0, done_at = NULL
    WHERE id = ? AND state IN ('pending', 'given up')"""

_SHIFT_DELIVERIES = """UPDATE deliveries SET waits_since = waits_since + ?, due_at = due_at + ?,
    lease_until = lease_until + ? WHERE state = 'pending'"""

_SHIFT_TELLINGS = """UPDATE tellings SET told_at = told_at + ?, reminded_at = reminded_at + ?,
    escalated_at = escalated_at + ?"""

_FORGET_DELIVERIES = """DELETE FROM deliveries WHERE id IN (
    SELECT id FROM deliveries WHERE state != 'pending' AND done_at < ? ORDER BY id LIMIT ?)"""

_FORGET_OUTBOX = """DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE at < ?
    AND id <= ifnull((SELECT value FROM facts WHERE name = 'alerts_read'), 0)
    AND incident NOT IN (SELECT id FROM incidents WHERE closed_at IS NULL)
    AND incident NOT IN (SELECT incident FROM tellings) ORDER BY id LIMIT ?)"""
