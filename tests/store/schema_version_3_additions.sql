CREATE TABLE verdict_changes (
    incident TEXT NOT NULL,
    number INTEGER NOT NULL,
    at REAL NOT NULL, verdict TEXT NOT NULL, summary TEXT NOT NULL,
    PRIMARY KEY (incident, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER verdict_changes_of_deleted AFTER DELETE ON incidents BEGIN
    DELETE FROM verdict_changes WHERE incident = old.id;
END;

CREATE TABLE pause_ends (
    server INTEGER PRIMARY KEY, until REAL NOT NULL
) STRICT;

CREATE TRIGGER pause_ends_of_resumed AFTER DELETE ON pauses BEGIN
    DELETE FROM pause_ends WHERE server = old.server;
END;

CREATE TABLE expiries (
    server INTEGER NOT NULL, what TEXT NOT NULL, name TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (server, what, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE expiry_notices (
    server TEXT NOT NULL, what TEXT NOT NULL, name TEXT NOT NULL, sink TEXT NOT NULL,
    at REAL NOT NULL,
    within REAL,
    held TEXT NOT NULL,
    PRIMARY KEY (server, what, name, sink)
) STRICT, WITHOUT ROWID;

CREATE TABLE node_reports (
    server INTEGER PRIMARY KEY,
    report BLOB NOT NULL
) STRICT;

CREATE TABLE node_report_times (
    server INTEGER PRIMARY KEY, at REAL NOT NULL
) STRICT;
