-- Format 2.
--
-- Columns are added as nullable and without defaults: that is what every engine can do to a table that is in use.

-- The BLOB of the FIDO Metadata Service: one row, or none. It has a row id, so that its millions of bytes lie on
-- pages of their own and looking at the number reads none of them.
CREATE TABLE metadata (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    no       INTEGER NOT NULL,
    imported INTEGER NOT NULL,
    source   TEXT    NOT NULL,            -- by name
    blob     BLOB    NOT NULL
) STRICT;

-- When a user signed in with a credential that is gone by now, and when they failed to. An authentication that
-- succeeds writes neither: its credential knows.
ALTER TABLE users ADD COLUMN last_success INTEGER;
ALTER TABLE users ADD COLUMN last_failure INTEGER;

-- A ceremony holds all demands that its answer is judged by, and format 1 knew fewer of them. None is guessed: the answer to a
-- ceremony that was begun before finds none, and a new one is begun.
DELETE FROM ceremonies;

-- What registered it.
ALTER TABLE credentials ADD COLUMN user_agent TEXT;

-- What extensions answered, as JSON.
ALTER TABLE attestations ADD COLUMN extensions TEXT;

-- Who did it, to whom.
ALTER TABLE events ADD COLUMN user_name TEXT;
ALTER TABLE events ADD COLUMN actor TEXT;           -- by name; null: not noted
ALTER TABLE events ADD COLUMN access_key_id BLOB;
ALTER TABLE events ADD COLUMN wire TEXT;
ALTER TABLE events ADD COLUMN user_agent TEXT;

-- A Relying Party has a handful of access keys; sorting them costs less than an index.
CREATE TABLE access_keys (
    relying_party_id BLOB    NOT NULL,
    id               BLOB    NOT NULL,
    created          INTEGER NOT NULL,
    body             TEXT    NOT NULL,    -- the whole record as JSON
    PRIMARY KEY (relying_party_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE token_keys (
    relying_party_id BLOB NOT NULL,
    kind             TEXT NOT NULL,       -- by name
    value            BLOB NOT NULL,
    PRIMARY KEY (relying_party_id, kind)
) STRICT, WITHOUT ROWID;

-- One-time tokens that were used.
CREATE TABLE used_tokens (
    relying_party_id BLOB    NOT NULL,
    id               BLOB    NOT NULL,
    expires          INTEGER NOT NULL,
    PRIMARY KEY (relying_party_id, id)
) STRICT, WITHOUT ROWID;

-- Finds what the sweep removes.
CREATE INDEX used_tokens_by_expiry ON used_tokens (expires, relying_party_id, id);
