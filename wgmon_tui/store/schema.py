"""Tables of the store, and migrations from older versions.

Everything that grows is clustered by time: new rows go to the end of their table and old ones leave from its
beginning. So a commit touches a few pages however many servers there are. The history of one server is read
by point lookups, one per bucket.

    checks ──(each minute, some series in one transaction)──► packs, minutes, hours, days; as_of advances

A series is the history of one server as one vantage sees it. The series of this machine has the id of its
server. Each other vantage has a series with a negative id, and a row in `series`. All of them take the same
way through the same tables.

`checks` is the journal: the events since the last full minutes. A viewer follows it by `id`, which is never
reused. Rows up to their series' `current.as_of` are in the rollups already and must not be counted again.
They are deleted in one range, once all earlier rows are in the rollups too, because the rows of a series are
scattered over all pages of the journal. `packs` holds the same checks minute by minute, packed; `minutes`,
`hours` and `days` are rollups. A state holds from its row to the next one of its series;
`current.accounted_to` is the time up to which the rollups include it. In the series of this machine it is the
state on which all vantages agree, in another one that of its vantage alone.

Times are Unix seconds (REAL). Minutes, hours and days (UTC) are their number since the epoch (INTEGER).
States, severities and verdicts are stored as text.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache

from wgmon_tui.store.database import connect_memory
from wgmon_tui.store.store_version import VERSION

_TABLES = """
CREATE TABLE servers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    entry TEXT NOT NULL,              -- what viewers may know of its entry: JSON, nothing secret
    holds REAL NOT NULL,              -- seconds after which a state without a further check is nobody's word
    removed_at REAL                   -- no longer in servers.toml since; its history stays
) STRICT;

CREATE TABLE series (                 -- of the other vantages; that of this machine has the id of its server
    id INTEGER PRIMARY KEY,           -- negative
    server INTEGER NOT NULL, vantage TEXT NOT NULL,
    UNIQUE (server, vantage)
) STRICT;

CREATE TABLE checks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    series INTEGER NOT NULL,
    at REAL NOT NULL,                 -- when it began
    address TEXT,
    vantage TEXT NOT NULL,
    verdict TEXT,                     -- of this check alone; NULL where the state changed without a check
    state TEXT NOT NULL,              -- of the series after it, damped: store.models.PeriodState
    since REAL NOT NULL,              -- of that state
    decides INTEGER NOT NULL,         -- 1 for the check of a round that speaks for the server
    rtt REAL,                         -- seconds; NULL where lost
    tunnel_sent INTEGER, tunnel_received INTEGER, tunnel_rtt REAL,
    port_monitor TEXT,                -- where it was asked in this round
    epoch TEXT, number INTEGER        -- of the report with this check, by its vantage; NULL for this machine
) STRICT;
CREATE UNIQUE INDEX checks_of_reports ON checks (vantage, epoch, number) WHERE number IS NOT NULL;

CREATE TABLE packs (
    minute INTEGER NOT NULL, series INTEGER NOT NULL, checks BLOB NOT NULL,
    PRIMARY KEY (minute, series)
) STRICT, WITHOUT ROWID;

CREATE TABLE minutes (
    minute INTEGER NOT NULL, series INTEGER NOT NULL,
    checks INTEGER NOT NULL, lost INTEGER NOT NULL,
    up_s REAL NOT NULL, degraded_s REAL NOT NULL, down_s REAL NOT NULL,
    unknown_s REAL NOT NULL, paused_s REAL NOT NULL, maintenance_s REAL NOT NULL,
    sketch BLOB NOT NULL,             -- of the round-trip times
    PRIMARY KEY (minute, series)
) STRICT, WITHOUT ROWID;

CREATE TABLE hours (
    hour INTEGER NOT NULL, series INTEGER NOT NULL,
    checks INTEGER NOT NULL, lost INTEGER NOT NULL,
    up_s REAL NOT NULL, degraded_s REAL NOT NULL, down_s REAL NOT NULL,
    unknown_s REAL NOT NULL, paused_s REAL NOT NULL, maintenance_s REAL NOT NULL,
    sketch BLOB NOT NULL,
    PRIMARY KEY (hour, series)
) STRICT, WITHOUT ROWID;

CREATE TABLE days (
    day INTEGER NOT NULL, series INTEGER NOT NULL,
    checks INTEGER NOT NULL, lost INTEGER NOT NULL,
    up_s REAL NOT NULL, degraded_s REAL NOT NULL, down_s REAL NOT NULL,
    unknown_s REAL NOT NULL, paused_s REAL NOT NULL, maintenance_s REAL NOT NULL,
    sketch BLOB NOT NULL,
    PRIMARY KEY (day, series)
) STRICT, WITHOUT ROWID;

CREATE TABLE current (                -- what a face shows at once after a start
    series INTEGER PRIMARY KEY,
    as_of INTEGER NOT NULL,           -- the last id of its journal rows that is in here and in the rollups
    accounted_to REAL NOT NULL,       -- the time before is in the rollups; from here on `state` holds
    state TEXT NOT NULL, since REAL,
    verdict TEXT, rtt REAL, port_monitor TEXT,
    damping TEXT NOT NULL,            -- JSON: monitor.damping's record, as of the last commit
    samples BLOB NOT NULL             -- the last round-trip times, little-endian float32, NaN for lost
) STRICT;

CREATE TABLE exchanges (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,               -- 'change', 'failure' or 'good'; of 'good' only the last is kept
    verdict TEXT NOT NULL,
    incident TEXT,
    round BLOB NOT NULL               -- history.codec, compressed
) STRICT;
CREATE INDEX exchanges_of_series ON exchanges (series, at);
CREATE UNIQUE INDEX good_exchanges ON exchanges (series) WHERE kind = 'good';

CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    server INTEGER NOT NULL,
    vantage TEXT NOT NULL,
    opened_at REAL NOT NULL, closed_at REAL,
    verdict TEXT NOT NULL,            -- the cause as known now
    severity TEXT NOT NULL,           -- the worst of it
    summary TEXT NOT NULL,
    flapping INTEGER NOT NULL,
    acknowledged_at REAL, acknowledged_by TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_of_server ON incidents (server, opened_at);
CREATE INDEX incidents_by_time ON incidents (opened_at);
CREATE INDEX open_incidents ON incidents (server) WHERE closed_at IS NULL;

CREATE TABLE notes (
    id INTEGER PRIMARY KEY, incident TEXT NOT NULL, at REAL NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX notes_of_incident ON notes (incident, at);

CREATE TABLE pauses (server INTEGER PRIMARY KEY, since REAL NOT NULL, who TEXT NOT NULL) STRICT;

CREATE TABLE mutes (
    server INTEGER PRIMARY KEY, since REAL NOT NULL, until REAL NOT NULL, who TEXT NOT NULL
) STRICT;

CREATE TABLE outbox (                 -- what happened to incidents, written with them: nothing goes untold
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    what TEXT NOT NULL,               -- monitor.incidents.What; 'told' where that was done from memory
    incident TEXT NOT NULL,
    matter TEXT NOT NULL              -- JSON: history.matters.Matter
) STRICT;
CREATE INDEX outbox_of_incident ON outbox (incident);

CREATE TABLE tellings (               -- how an incident stands with a sink: alerts.policy.Standing
    incident TEXT NOT NULL, sink TEXT NOT NULL,
    told_at REAL, reminded_at REAL, escalated_at REAL, held TEXT NOT NULL,
    PRIMARY KEY (incident, sink)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    dedup TEXT NOT NULL,              -- the announcement's id
    sink TEXT NOT NULL,
    kind TEXT NOT NULL,
    at REAL NOT NULL,                 -- when it happened
    waits_since REAL NOT NULL,        -- moves with a clock that is set, and so do the next two
    due_at REAL NOT NULL,
    lease_until REAL,                 -- somebody sends it just now
    attempts INTEGER NOT NULL,
    state TEXT NOT NULL,              -- 'pending', 'sent', 'given up' or 'held'
    reason TEXT NOT NULL,             -- why it is not sent (yet)
    done_at REAL,
    incidents TEXT NOT NULL,          -- their ids, with spaces between
    announcement TEXT NOT NULL,       -- JSON: alerts.records.Announcement
    seen_at REAL,                     -- somebody knows that it was given up, and nobody need look any more
    seen_by TEXT NOT NULL DEFAULT '',
    UNIQUE (dedup, sink)
) STRICT;
CREATE INDEX pending_deliveries ON deliveries (sink, id) WHERE state = 'pending';
CREATE INDEX unseen_deliveries ON deliveries (sink) WHERE state = 'given up' AND seen_at IS NULL;

CREATE TABLE stamps (identity BLOB PRIMARY KEY, last_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;  -- of the store itself

CREATE TABLE seen_from (              -- what each of them says now
    server INTEGER NOT NULL, vantage TEXT NOT NULL,
    changed INTEGER NOT NULL,         -- the `sights_version` of `facts` in which it was written
    at REAL NOT NULL, holds_until REAL NOT NULL, current INTEGER NOT NULL,
    address TEXT, verdict TEXT NOT NULL, rtt REAL,
    tunnel_sent INTEGER, tunnel_received INTEGER, tunnel_rtt REAL,
    up_at REAL, damping TEXT NOT NULL, rtts BLOB NOT NULL,
    round BLOB,                       -- the last of which the packets are kept
    PRIMARY KEY (server, vantage)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_lately ON seen_from (changed);

CREATE TABLE reported (               -- up to which report each of them was taken
    vantage TEXT PRIMARY KEY, epoch TEXT NOT NULL, number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO facts (name, value) VALUES ('sights_version', 0);
"""

_ADDITIONS = """
CREATE TABLE IF NOT EXISTS verdict_changes (   -- the sequence of verdicts of an incident
    incident TEXT NOT NULL,
    number INTEGER NOT NULL,          -- from 0 on; those that were left out in the middle are counted
    at REAL NOT NULL, verdict TEXT NOT NULL, summary TEXT NOT NULL,
    PRIMARY KEY (incident, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS verdict_changes_of_deleted AFTER DELETE ON incidents BEGIN
    DELETE FROM verdict_changes WHERE incident = old.id;
END;

CREATE TABLE IF NOT EXISTS pause_ends (        -- the pauses that end by themselves, and when
    server INTEGER PRIMARY KEY, until REAL NOT NULL
) STRICT;

CREATE TRIGGER IF NOT EXISTS pause_ends_of_resumed AFTER DELETE ON pauses BEGIN
    DELETE FROM pause_ends WHERE server = old.server;
END;

CREATE TABLE IF NOT EXISTS expiries (          -- until when certificates and keys are valid
    server INTEGER NOT NULL, what TEXT NOT NULL, name TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (server, what, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS expiry_notices (    -- how the end of a certificate or key stands with a sink
    server TEXT NOT NULL, what TEXT NOT NULL, name TEXT NOT NULL, sink TEXT NOT NULL,
    at REAL NOT NULL,                 -- the end that was told
    within REAL,                      -- the threshold that was told, in seconds before the end
    held TEXT NOT NULL,               -- why it is not told now
    PRIMARY KEY (server, what, name, sink)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS node_reports (      -- what control planes report of their nodes
    server INTEGER PRIMARY KEY,
    report BLOB NOT NULL              -- store/formats/node_report.py; written when it says something new
) STRICT;

CREATE TABLE IF NOT EXISTS node_report_times ( -- when the last report came
    server INTEGER PRIMARY KEY, at REAL NOT NULL
) STRICT;
"""
"""What versions that do not know it can leave alone: they read and write the store as before.

The triggers delete with the incident or the pause, also when such a version does. Readers must do without a
table of these if the writer does not know it.
"""

_ADDED = tuple(re.findall(r"IF NOT EXISTS (\w+)", _ADDITIONS))
"""The names of the additions."""


def ignore_progress(_done: int, _total: int) -> None:
    """Show no progress of a migration."""


def create_or_migrate(
    connection: sqlite3.Connection, on_progress: Callable[[int, int], None] = ignore_progress
) -> None:
    """Create the tables, or migrate an older store to VERSION, with all additions, in one transaction.

    Raises sqlite3.Error. Do not call it for a newer store.
    """
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        version = version_of(connection)
        if version == 0:
            execute_script(connection, _TABLES)
        elif version < VERSION:
            from wgmon_tui.store.migrations import migrate  # a start rarely needs it

            migrate(connection, version, on_progress)
        execute_script(connection, _ADDITIONS)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def is_current(connection: sqlite3.Connection) -> bool:
    """Return whether a store that is not newer has everything that this program writes."""
    stored = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    return version_of(connection) == VERSION and stored.issuperset(_ADDED)


def has_verdict_changes(connection: sqlite3.Connection) -> bool:
    """Return whether the store has the table `verdict_changes`: earlier versions do not create it."""
    found = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'verdict_changes'"
    return connection.execute(found).fetchone() is not None


def has_pause_ends(connection: sqlite3.Connection) -> bool:
    """Return whether the store has the table `pause_ends`: earlier versions do not create it."""
    found = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'pause_ends'"
    return connection.execute(found).fetchone() is not None


def has_expiry_notices(connection: sqlite3.Connection) -> bool:
    """Return whether the store has the table `expiry_notices`: earlier versions do not create it."""
    found = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'expiry_notices'"
    return connection.execute(found).fetchone() is not None


def find_missing(connection: sqlite3.Connection) -> list[str]:
    """Return the tables, columns, indexes and triggers that a store of this version lacks.

    A later addition is not missed. Raises sqlite3.Error.
    """
    found = _objects_of(connection)
    return [name for name in _expected_objects() if name not in found]


@cache
def _expected_objects() -> tuple[str, ...]:
    with closing(connect_memory()) as model:
        create_or_migrate(model)
        return tuple(_objects_of(model))


def _objects_of(connection: sqlite3.Connection) -> dict[str, None]:
    """Return the name of every table, index and trigger, and of every column with its type."""
    found: dict[str, None] = {}
    for kind, name in connection.execute("SELECT type, name FROM sqlite_schema ORDER BY rowid").fetchall():
        found[f"{kind} {name}"] = None
        if kind == "table":
            columns = connection.execute(f'PRAGMA table_info("{name}")')
            found |= {f"{name}.{column} {of_type}": None for _, column, of_type, *_ in columns}
    return found


_FACTS: dict[str, tuple[type[int] | type[float], ...]] = {
    "fleet_version": (int,),
    "sights_version": (int,),
    "alerts_read": (int,),
    "alerting": (int, float),
    "believed_at": (int, float),
    "doubted_since": (int, float),
}
"""The facts that are numbers."""

_START_AT = {"fleet_version": 1, "sights_version": 0}
"""Facts that must exist."""


def repair_facts(connection: sqlite3.Connection) -> None:
    """Delete facts that are no number where one belongs, and start the versions again.

    Alerts are then read from the beginning: sent ones are known by their ids. Raises sqlite3.Error.
    """
    facts = dict(connection.execute("SELECT name, value FROM facts"))
    wrong = [name for name, kinds in _FACTS.items() if name in facts and not isinstance(facts[name], kinds)]
    missing = [name for name in _START_AT if name in wrong or name not in facts]
    if not wrong and not missing:
        return
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        connection.executemany("DELETE FROM facts WHERE name = ?", ((name,) for name in wrong))
        connection.executemany(
            "INSERT INTO facts (name, value) VALUES (?, ?)", ((name, _START_AT[name]) for name in missing)
        )


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of a store; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def execute_script(connection: sqlite3.Connection, script: str) -> None:
    """Execute the statements one by one: `executescript` would commit the open transaction.

    Raises sqlite3.Error.
    """
    pending = ""
    for line in script.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            connection.execute(pending)
            pending = ""
