-- Format 14.
--
-- A credential took 1,500 bytes. Rows now lie in the order in which they were written, so that their pages are full; what many
-- credentials have in common lies in one row; the key that a hash of the id is has 16 bytes; and evidence is compressed.

-- What credentials of a Relying Party have in common: attestation and settings. A row never changes.
CREATE TABLE credential_kinds (
    id               INTEGER NOT NULL PRIMARY KEY,
    relying_party_id BLOB    NOT NULL,
    image            BLOB    NOT NULL,    -- of the body, which shows damage
    body             TEXT    NOT NULL     -- JSON
) STRICT;

CREATE UNIQUE INDEX credential_kinds_by_image ON credential_kinds (relying_party_id, image);

DROP INDEX credentials_by_key;
DROP INDEX credentials_by_user;
ALTER TABLE credentials RENAME TO old_credentials;
ALTER TABLE attestations RENAME TO old_attestations;

CREATE TABLE credentials (
    number                INTEGER NOT NULL PRIMARY KEY,
    relying_party_id      BLOB    NOT NULL,
    id_hash               BLOB    NOT NULL,  -- half of the SHA-256 of the id, which the authenticator chooses
    key                   BLOB    NOT NULL,
    user_id               BLOB    NOT NULL,
    id                    BLOB    NOT NULL,
    public_key            BLOB    NOT NULL,  -- COSE
    algorithm             INTEGER NOT NULL,  -- COSE
    sign_count            INTEGER NOT NULL,
    uv_initialized        INTEGER NOT NULL,
    backup_eligible       INTEGER,
    backup_state          INTEGER,
    transports            TEXT    NOT NULL,  -- JSON list
    aaguid                BLOB    NOT NULL,
    kind                  INTEGER NOT NULL,  -- credential_kinds.id
    discoverable          INTEGER,
    name                  TEXT    NOT NULL,
    created               INTEGER NOT NULL,
    updated               INTEGER NOT NULL,
    last_used             INTEGER,
    digest                BLOB    NOT NULL,  -- of what never changes, so that a damaged page is noticed
    user_agent            TEXT,
    sign_count_since_fall INTEGER
) STRICT;

-- Finds a credential by its id.
CREATE UNIQUE INDEX credentials_by_id_hash ON credentials (relying_party_id, id_hash);
-- Finds a credential by the key that wires render.
CREATE UNIQUE INDEX credentials_by_key ON credentials (relying_party_id, key);
-- Lists and counts the credentials of a user.
CREATE INDEX credentials_by_user ON credentials (relying_party_id, user_id, created, key);

-- What the client sent at registration, by the number of the credential. Compressed against what the row of the credential has.
CREATE TABLE attestations (
    number   INTEGER NOT NULL PRIMARY KEY,
    evidence BLOB    NOT NULL
) STRICT;

-- A body that is no JSON cannot be read later either.
CREATE TEMPORARY TABLE kinds AS
    SELECT relying_party_id, id_hash, json_object(
        'attestation_format', attestation_format,
        'attestation_type', attestation_type,
        'trust', trust,
        'selection', CASE WHEN json_valid(selection) THEN json(selection) END) AS body
    FROM old_credentials;

INSERT OR IGNORE INTO credential_kinds (relying_party_id, image, body)
    SELECT relying_party_id, policy_image(body), body FROM kinds GROUP BY relying_party_id, body;

INSERT INTO credentials (relying_party_id, id_hash, key, user_id, id, public_key, algorithm, sign_count, uv_initialized,
        backup_eligible, backup_state, transports, aaguid, kind, discoverable, name, created, updated, last_used, digest,
        user_agent, sign_count_since_fall)
    SELECT c.relying_party_id, substr(c.id_hash, 1, 16), c.key, c.user_id, c.id, c.public_key, c.algorithm, c.sign_count,
        c.uv_initialized, c.backup_eligible, c.backup_state, c.transports, c.aaguid, k.id, c.discoverable, c.name, c.created,
        c.updated, c.last_used, c.digest, c.user_agent, c.sign_count_since_fall
    FROM old_credentials c
        JOIN kinds ON kinds.relying_party_id = c.relying_party_id AND kinds.id_hash = c.id_hash
        JOIN credential_kinds k ON k.relying_party_id = c.relying_party_id AND k.image = policy_image(kinds.body)
    ORDER BY c.created, c.key;

INSERT INTO attestations (number, evidence)
    SELECT c.number, pack_evidence(a.attestation_object, a.client_data_json, a.extensions, c.id, c.public_key,
        CASE WHEN json_valid(k.body) THEN k.body ->> '$.selection.rp_id' END)
    FROM credentials c
        JOIN credential_kinds k ON k.id = c.kind
        JOIN old_attestations a ON a.relying_party_id = c.relying_party_id AND a.key = c.key;

DROP TABLE kinds;
DROP TABLE old_credentials;
DROP TABLE old_attestations;
