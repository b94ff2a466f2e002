-- Format 1.
--
-- Keys are 16-byte blobs, times are milliseconds since 1970 as integers, JSON is text that passkeyd alone
-- reads. No foreign keys, triggers, sequences or generated columns: the same shapes have to work on PostgreSQL and on
-- engines that speak its protocol and know less than it does. Table names are plural because "user" is
-- a reserved word there.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id      BLOB    NOT NULL PRIMARY KEY,
    token   BLOB    NOT NULL,             -- SHA-256 of the secret
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    id         BLOB    NOT NULL PRIMARY KEY,
    account_id BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    secret     BLOB    NOT NULL,          -- SHA-256 of the secret
    created    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Lists the keys of an account in order.
CREATE INDEX api_keys_by_account ON api_keys (account_id, created, id);

CREATE TABLE relying_parties (
    id         BLOB    NOT NULL PRIMARY KEY,
    account_id BLOB    NOT NULL,
    version    INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    body       TEXT    NOT NULL           -- the whole record as JSON
) STRICT, WITHOUT ROWID;

-- Lists the Relying Parties of an account in order.
CREATE INDEX relying_parties_by_account ON relying_parties (account_id, created, id);

CREATE TABLE users (
    relying_party_id BLOB    NOT NULL,
    id               BLOB    NOT NULL,
    name             TEXT    NOT NULL,
    created          INTEGER NOT NULL,
    updated          INTEGER NOT NULL,
    PRIMARY KEY (relying_party_id, id)
) STRICT, WITHOUT ROWID;

-- Finds a user by name, and keeps names unique within a Relying Party.
CREATE UNIQUE INDEX users_by_name ON users (relying_party_id, name);
-- Lists the users of a Relying Party in order.
CREATE INDEX users_in_order ON users (relying_party_id, created, id);

-- The primary key is SHA-256 of the credential id: the id may be 1023 bytes long, and it is chosen by
-- the authenticator, which must not be able to aim at one end of the table.
CREATE TABLE credentials (
    relying_party_id   BLOB    NOT NULL,
    id_hash            BLOB    NOT NULL,
    key                BLOB    NOT NULL,
    user_id            BLOB    NOT NULL,
    id                 BLOB    NOT NULL,
    public_key         BLOB    NOT NULL,  -- COSE
    algorithm          INTEGER NOT NULL,  -- COSE
    sign_count         INTEGER NOT NULL,
    uv_initialized     INTEGER NOT NULL,
    backup_eligible    INTEGER,
    backup_state       INTEGER,
    transports         TEXT    NOT NULL,  -- JSON list
    aaguid             BLOB    NOT NULL,
    attestation_format TEXT    NOT NULL,
    attestation_type   TEXT    NOT NULL,
    trust              TEXT    NOT NULL,
    discoverable       INTEGER,
    name               TEXT    NOT NULL,
    selection          TEXT    NOT NULL,  -- JSON
    created            INTEGER NOT NULL,
    updated            INTEGER NOT NULL,
    last_used          INTEGER,
    digest             BLOB    NOT NULL,  -- of what never changes, so that a damaged page is noticed
    PRIMARY KEY (relying_party_id, id_hash)
) STRICT, WITHOUT ROWID;

-- Finds a credential by the key that wires render.
CREATE UNIQUE INDEX credentials_by_key ON credentials (relying_party_id, key);
-- Lists and counts the credentials of a user. No indexed column ever changes, so an authentication
-- writes no index of this table.
CREATE INDEX credentials_by_user ON credentials (relying_party_id, user_id, created, key);

-- What the client sent at registration. Large and hardly ever read, so it is kept out of the
-- table that every authentication reads.
CREATE TABLE attestations (
    relying_party_id   BLOB NOT NULL,
    key                BLOB NOT NULL,
    attestation_object BLOB NOT NULL,
    client_data_json   BLOB NOT NULL,
    PRIMARY KEY (relying_party_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE ceremonies (
    relying_party_id BLOB    NOT NULL,
    id               BLOB    NOT NULL,
    kind             INTEGER NOT NULL,    -- 0 registration, 1 authentication
    state            INTEGER NOT NULL,    -- 0 pending, 1 succeeded, 2 failed
    reason           TEXT,                -- why it failed, by name
    user_id          BLOB,
    credential_key   BLOB,
    created          INTEGER NOT NULL,
    expires          INTEGER NOT NULL,
    updated          INTEGER NOT NULL,
    claimed_by       BLOB,                -- the attempt that took it
    stored_count     INTEGER,             -- counter that the attempt did not exceed, if it failed for that
    asked            TEXT    NOT NULL,    -- JSON
    PRIMARY KEY (relying_party_id, id)
) STRICT, WITHOUT ROWID;

-- Lists the ceremonies of a user in order. An authentication of nobody in particular enters it only
-- when it succeeds.
CREATE INDEX ceremonies_by_user ON ceremonies (relying_party_id, user_id, kind, created, id)
    WHERE user_id IS NOT NULL;
-- Finds the oldest pending ceremonies of a user when a further one begins. Small: a row leaves it
-- when the ceremony is taken.
CREATE INDEX ceremonies_pending ON ceremonies (relying_party_id, user_id, kind, created, id)
    WHERE state = 0 AND user_id IS NOT NULL;
-- Finds what the sweep removes. Rows arrive nearly in order, so the writes fall on one page.
CREATE INDEX ceremonies_by_expiry ON ceremonies (expires, relying_party_id, id);

-- The primary key is the order of the list, so a hot table needs no second index; the sweep walks
-- from one Relying Party to the next.
CREATE TABLE events (
    relying_party_id BLOB    NOT NULL,
    at               INTEGER NOT NULL,
    id               BLOB    NOT NULL,
    kind             TEXT    NOT NULL,    -- by name
    user_id          BLOB,
    credential_key   BLOB,
    ceremony_id      BLOB,
    reason           TEXT,                -- by name
    signals          TEXT    NOT NULL,
    PRIMARY KEY (relying_party_id, at, id)
) STRICT, WITHOUT ROWID;

-- A Relying Party has a handful of webhooks; sorting them costs less than an index.
CREATE TABLE webhooks (
    relying_party_id BLOB    NOT NULL,
    id               BLOB    NOT NULL,
    created          INTEGER NOT NULL,
    body             TEXT    NOT NULL,    -- the whole record as JSON
    PRIMARY KEY (relying_party_id, id)
) STRICT, WITHOUT ROWID;
