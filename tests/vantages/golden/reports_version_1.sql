CREATE TABLE reports (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    routine INTEGER NOT NULL,         -- healthy as before: the first to go where there is no room
    body BLOB NOT NULL                -- protocol.report_body
) STRICT;

CREATE INDEX routine_reports ON reports (number) WHERE routine;

CREATE TABLE facts (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
