-- Schema 4.
--
-- The people who use the console: administrators, the invites by which they come in, and their sessions.

CREATE TABLE IF NOT EXISTS @console_records (
    kind    bigint NOT NULL,    -- 0 administrator, 1 invite, 2 session
    id      bytea  NOT NULL,
    owner   bytea,              -- the administrator whose it is
    created bigint NOT NULL,
    expires bigint,
    body    text   NOT NULL,    -- JSON
    PRIMARY KEY (kind, id)
);

CREATE INDEX IF NOT EXISTS console_records_in_order ON @console_records (kind, created, id);

CREATE INDEX IF NOT EXISTS console_records_of_owner ON @console_records (owner, kind, created, id);

CREATE INDEX IF NOT EXISTS console_records_by_expiry ON @console_records (expires);
