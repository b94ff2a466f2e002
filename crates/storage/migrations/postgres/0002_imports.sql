-- Schema 2.
--
-- Credentials that come from a file. An authenticator keeps the user handle that it was given elsewhere, so such a credential has a
-- handle of its own.

ALTER TABLE @credentials ADD COLUMN IF NOT EXISTS user_handle bytea;

CREATE TABLE IF NOT EXISTS @imports (
    id      bytea  NOT NULL PRIMARY KEY,
    source  text   NOT NULL,
    created bigint NOT NULL
);

-- What an import has made, so that it can be undone.
CREATE TABLE IF NOT EXISTS @imported (
    import_id        bytea  NOT NULL,
    kind             bigint NOT NULL,        -- 0 credential, 1 user
    relying_party_id bytea  NOT NULL,
    key              bytea  NOT NULL,
    user_id          bytea  NOT NULL,
    PRIMARY KEY (import_id, kind, relying_party_id, key)
);

CREATE INDEX IF NOT EXISTS imports_in_order ON @imports (created, id);
