-- Format 16.
--
-- Credentials that come from a file. An authenticator keeps the user handle that it was given elsewhere, so such a credential has a
-- handle of its own. The seal of its row covers the handle; the seals of other rows stay as they are.

ALTER TABLE credentials ADD COLUMN user_handle BLOB;

CREATE TABLE imports (
    id      BLOB    NOT NULL PRIMARY KEY,
    source  TEXT    NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an import has made, so that it can be undone.
CREATE TABLE imported (
    import_id        BLOB    NOT NULL,
    kind             INTEGER NOT NULL,   -- 0 credential, 1 user
    relying_party_id BLOB    NOT NULL,
    key              BLOB    NOT NULL,
    user_id          BLOB    NOT NULL,
    PRIMARY KEY (import_id, kind, relying_party_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX imports_in_order ON imports (created, id);
