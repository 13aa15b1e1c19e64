CREATE TABLE verdict_changes (
    incident TEXT NOT NULL,
    number INTEGER NOT NULL,
    at REAL NOT NULL, verdict TEXT NOT NULL, summary TEXT NOT NULL,
    PRIMARY KEY (incident, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER verdict_changes_of_deleted AFTER DELETE ON incidents BEGIN
    DELETE FROM verdict_changes WHERE incident = old.id;
END;
