-- Successful sign-ins of the last moments, in the order of their commits. A sign-in writes one row at the end of this table. The rows
-- move to `ceremonies` and `events` many at a time.
CREATE TABLE sign_ins (
    seq              INTEGER PRIMARY KEY,
    relying_party_id BLOB    NOT NULL,
    id               BLOB    NOT NULL,    -- of the ceremony
    user_id          BLOB    NOT NULL,
    credential_key   BLOB    NOT NULL,
    created          INTEGER NOT NULL,
    expires          INTEGER NOT NULL,
    updated          INTEGER NOT NULL,    -- of the event too
    claimed_by       BLOB    NOT NULL,
    asked            TEXT    NOT NULL,    -- JSON
    policy_id        BLOB    NOT NULL,
    event_id         BLOB    NOT NULL,
    signals          TEXT    NOT NULL,
    user_name        TEXT,
    actor            TEXT,
    access_key_id    BLOB,
    wire             TEXT,
    user_agent       TEXT
) STRICT;
