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

PRAGMA user_version = 3;
