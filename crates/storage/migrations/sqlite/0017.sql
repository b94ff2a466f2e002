-- Format 17.
--
-- The people who use the console: administrators, the invites by which they come in, and their sessions.

CREATE TABLE console_records (
    kind    INTEGER NOT NULL,   -- 0 administrator, 1 invite, 2 session
    id      BLOB    NOT NULL,
    owner   BLOB,               -- the administrator whose it is
    created INTEGER NOT NULL,
    expires INTEGER,
    body    TEXT    NOT NULL,   -- JSON
    digest  BLOB,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX console_records_in_order ON console_records (kind, created, id);
CREATE INDEX console_records_of_owner ON console_records (owner, kind, created, id) WHERE owner IS NOT NULL;
CREATE INDEX console_records_by_expiry ON console_records (expires) WHERE expires IS NOT NULL;
