-- Format 10.

-- Which node does what only one is to do at a time.
CREATE TABLE leases (
    name  TEXT    NOT NULL PRIMARY KEY,
    node  BLOB    NOT NULL,
    until INTEGER NOT NULL                -- from this moment on any node may take it
) STRICT, WITHOUT ROWID;
