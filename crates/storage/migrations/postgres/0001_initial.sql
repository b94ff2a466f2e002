-- Schema 1.
--
-- The tables of the embedded store in the types that PostgreSQL and the engines which speak its protocol share: keys are bytea,
-- times are milliseconds since 1970 as bigint, JSON is text that passkeyd alone reads. No foreign keys, triggers, sequences,
-- generated columns or partitions. `@` stands for the schema. Each statement ends with a semicolon at the end of a line, and is
-- a transaction of its own, so each can run twice.

CREATE TABLE IF NOT EXISTS @meta (
    name  text  NOT NULL PRIMARY KEY,
    value bytea NOT NULL
);

CREATE TABLE IF NOT EXISTS @accounts (
    id      bytea  NOT NULL PRIMARY KEY,
    token   bytea  NOT NULL,             -- SHA-256 of the secret
    created bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS @api_keys (
    id         bytea  NOT NULL PRIMARY KEY,
    account_id bytea  NOT NULL,
    name       text   NOT NULL,
    secret     bytea  NOT NULL,          -- SHA-256 of the secret
    created    bigint NOT NULL
);

CREATE INDEX IF NOT EXISTS api_keys_by_account ON @api_keys (account_id, created, id);

CREATE TABLE IF NOT EXISTS @relying_parties (
    id         bytea  NOT NULL PRIMARY KEY,
    account_id bytea  NOT NULL,
    version    bigint NOT NULL,
    created    bigint NOT NULL,
    rp_id      text,
    body       text   NOT NULL           -- the whole record as JSON
);

CREATE INDEX IF NOT EXISTS relying_parties_by_account ON @relying_parties (account_id, created, id);

CREATE INDEX IF NOT EXISTS relying_parties_by_rp_id ON @relying_parties (rp_id, id);

-- The configured origins. A row goes in the transaction that removes its Relying Party.
CREATE TABLE IF NOT EXISTS @origins (
    origin           text  NOT NULL,
    relying_party_id bytea NOT NULL,
    PRIMARY KEY (origin, relying_party_id)
);

CREATE INDEX IF NOT EXISTS origins_by_relying_party ON @origins (relying_party_id, origin);

CREATE TABLE IF NOT EXISTS @users (
    relying_party_id bytea  NOT NULL,
    id               bytea  NOT NULL,
    name             text   NOT NULL,
    created          bigint NOT NULL,
    updated          bigint NOT NULL,
    last_success     bigint,             -- of a credential that is gone
    last_failure     bigint,
    version          bigint NOT NULL,    -- counts registrations, so that two of them meet on this row
    PRIMARY KEY (relying_party_id, id)
);

CREATE UNIQUE INDEX IF NOT EXISTS users_by_name ON @users (relying_party_id, name);

CREATE INDEX IF NOT EXISTS users_in_order ON @users (relying_party_id, created, id);

-- The primary key is SHA-256 of the credential id: the id may be 1023 bytes long, and the authenticator chooses it.
CREATE TABLE IF NOT EXISTS @credentials (
    relying_party_id      bytea   NOT NULL,
    id_hash               bytea   NOT NULL,
    key                   bytea   NOT NULL,
    user_id               bytea   NOT NULL,
    id                    bytea   NOT NULL,
    public_key            bytea   NOT NULL,  -- COSE
    algorithm             bigint  NOT NULL,  -- COSE
    sign_count            bigint  NOT NULL,
    sign_count_since_fall bigint,
    uv_initialized        boolean NOT NULL,
    backup_eligible       boolean,
    backup_state          boolean,
    transports            text    NOT NULL,  -- JSON list
    aaguid                bytea   NOT NULL,
    attestation_format    text    NOT NULL,
    attestation_type      text    NOT NULL,
    trust                 text    NOT NULL,
    discoverable          boolean,
    name                  text    NOT NULL,
    selection             text    NOT NULL,  -- JSON
    created               bigint  NOT NULL,
    updated               bigint  NOT NULL,
    last_used             bigint,
    user_agent            text,
    digest                bytea   NOT NULL,  -- of what never changes, so that damage is noticed
    PRIMARY KEY (relying_party_id, id_hash)
);

CREATE UNIQUE INDEX IF NOT EXISTS credentials_by_key ON @credentials (relying_party_id, key);

-- No indexed column ever changes, so an authentication writes no index of this table.
CREATE INDEX IF NOT EXISTS credentials_by_user ON @credentials (relying_party_id, user_id, created, key);

CREATE TABLE IF NOT EXISTS @attestations (
    relying_party_id   bytea NOT NULL,
    key                bytea NOT NULL,
    attestation_object bytea NOT NULL,
    client_data_json   bytea NOT NULL,
    extensions         text,                 -- JSON
    PRIMARY KEY (relying_party_id, key)
);

CREATE TABLE IF NOT EXISTS @ceremonies (
    relying_party_id bytea    NOT NULL,
    id               bytea    NOT NULL,
    kind             bigint   NOT NULL,      -- 0 registration, 1 authentication
    state            bigint   NOT NULL,      -- 0 pending, 1 succeeded, 2 failed
    reason           text,                   -- why it failed, by name
    user_id          bytea,
    credential_key   bytea,
    created          bigint   NOT NULL,
    expires          bigint   NOT NULL,
    updated          bigint   NOT NULL,
    claimed_by       bytea,                  -- the attempt that took it
    stored_count     bigint,                 -- counter that the attempt did not exceed, if it failed for that
    policy_id        bytea    NOT NULL,
    asked            text     NOT NULL,      -- JSON
    PRIMARY KEY (relying_party_id, id)
);

CREATE INDEX IF NOT EXISTS ceremonies_by_user ON @ceremonies (relying_party_id, user_id, kind, created, id);

CREATE INDEX IF NOT EXISTS ceremonies_by_expiry ON @ceremonies (expires, relying_party_id, id);

-- What ceremonies are judged by, apart from what is their own. Many ceremonies refer to one row, which never changes.
CREATE TABLE IF NOT EXISTS @policies (
    relying_party_id bytea  NOT NULL,
    id               bytea  NOT NULL,        -- an image of the body, which shows damage
    expires          bigint NOT NULL,        -- when no ceremony needs it any more
    body             text   NOT NULL,        -- JSON
    PRIMARY KEY (relying_party_id, id)
);

CREATE INDEX IF NOT EXISTS policies_by_expiry ON @policies (expires, relying_party_id, id);

-- The primary key is the order of the list, so a hot table needs no second index.
CREATE TABLE IF NOT EXISTS @events (
    relying_party_id bytea  NOT NULL,
    at               bigint NOT NULL,
    id               bytea  NOT NULL,
    kind             text   NOT NULL,        -- by name
    user_id          bytea,
    credential_key   bytea,
    ceremony_id      bytea,
    reason           text,                   -- by name
    signals          text   NOT NULL,
    user_name        text,
    actor            text,                   -- by name; null: not noted
    access_key_id    bytea,
    wire             text,
    user_agent       text,
    PRIMARY KEY (relying_party_id, at, id)
);

CREATE TABLE IF NOT EXISTS @webhooks (
    relying_party_id bytea  NOT NULL,
    id               bytea  NOT NULL,
    created          bigint NOT NULL,
    revision         bigint NOT NULL,
    body             text   NOT NULL,        -- the whole record as JSON
    PRIMARY KEY (relying_party_id, id)
);

CREATE TABLE IF NOT EXISTS @access_keys (
    relying_party_id bytea  NOT NULL,
    id               bytea  NOT NULL,
    created          bigint NOT NULL,
    body             text   NOT NULL,        -- the whole record as JSON
    PRIMARY KEY (relying_party_id, id)
);

CREATE TABLE IF NOT EXISTS @token_keys (
    relying_party_id bytea NOT NULL,
    kind             text  NOT NULL,         -- by name
    value            bytea NOT NULL,
    PRIMARY KEY (relying_party_id, kind)
);

-- One-time tokens that were used.
CREATE TABLE IF NOT EXISTS @used_tokens (
    relying_party_id bytea  NOT NULL,
    id               bytea  NOT NULL,
    expires          bigint NOT NULL,
    attempt          bytea  NOT NULL,
    PRIMARY KEY (relying_party_id, id)
);

CREATE INDEX IF NOT EXISTS used_tokens_by_expiry ON @used_tokens (expires, relying_party_id, id);

-- Responses of calls that may be sent again under the same key. Key and content are images.
CREATE TABLE IF NOT EXISTS @answers (
    account_id bytea  NOT NULL,
    key        bytea  NOT NULL,
    content    bytea  NOT NULL,
    attempt    bytea  NOT NULL,
    started    bigint NOT NULL,
    expires    bigint NOT NULL,
    answer     bytea,                        -- null: the call is being done
    PRIMARY KEY (account_id, key)
);

CREATE INDEX IF NOT EXISTS answers_by_account ON @answers (account_id, expires, key);

CREATE INDEX IF NOT EXISTS answers_by_expiry ON @answers (expires, account_id, key);

-- The BLOB of the FIDO Metadata Service: one row, or none.
CREATE TABLE IF NOT EXISTS @metadata (
    id       bigint NOT NULL PRIMARY KEY,
    removals bigint NOT NULL,
    no       bigint NOT NULL,                -- -1: removed
    imported bigint NOT NULL,
    source   text   NOT NULL,                -- by name
    blob     bytea  NOT NULL
);

-- Deletions whose rows are not all removed yet.
CREATE TABLE IF NOT EXISTS @deletions (
    at               bigint  NOT NULL,
    relying_party_id bytea   NOT NULL,
    user_id          bytea   NOT NULL,       -- 17 bytes 0xff: the Relying Party as a whole
    swept            boolean NOT NULL,       -- all rows are removed; kept for writes that were under way
    PRIMARY KEY (swept, at, relying_party_id, user_id)
);
