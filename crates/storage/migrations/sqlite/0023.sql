-- Format 23.
--
-- When each Auth Token, and each ring of keys that check access keys, took the place of the one before. Of two values, in a backup and in the store
-- that it replaces, the later one counts. The notes in `revoked` alone do not say it: a store that came from an older backup does not know what its
-- own was replaced by.
--
-- A value that replaced none, or did so before this format or in another store, has no row, and nothing follows from that.

-- A value that was sealed has other forms, which backups have: in `revoked`, the image of the present form and that of another one, as one key of the
-- kind `auth_token_form` or `access_token_keys_form`. When the value is replaced, so are all its forms.
--
-- A restore that can bring back neither of two Auth Tokens draws one that nobody knows. `revoked` has its image as `no_auth_token`: it counts as none.

CREATE TABLE took_effect (
    kind   TEXT NOT NULL,       -- auth_token, access_token_keys
    image  BLOB NOT NULL,       -- of the value
    at     INTEGER NOT NULL,    -- in milliseconds; later than that of the value before
    digest BLOB NOT NULL,
    PRIMARY KEY (kind, image)
) STRICT, WITHOUT ROWID;

-- A damaged time is no time: the next one does not follow from it.
DROP TRIGGER replaced_auth_tokens;
CREATE TRIGGER replaced_auth_tokens AFTER UPDATE OF token ON accounts WHEN NEW.token <> OLD.token
BEGIN
    INSERT OR IGNORE INTO revoked (kind, id, digest) SELECT 'auth_token', image, seal('revoked', 'auth_token', image)
    FROM (SELECT seal('auth_token', OLD.id, OLD.token) AS image);
    INSERT OR IGNORE INTO revoked (kind, id, digest) SELECT 'auth_token', form, seal('revoked', 'auth_token', form)
    FROM (SELECT substr(r.id, 1 + length(i.image)) AS form FROM (SELECT seal('auth_token', OLD.id, OLD.token) AS image) i
        JOIN revoked r ON r.kind = 'auth_token_form' AND r.id > i.image AND r.id < CAST(i.image || x'ffffffffffffffffff' AS BLOB));
    INSERT OR IGNORE INTO took_effect (kind, image, at, digest) SELECT 'auth_token', image, at, seal('took_effect', 'auth_token', image, at)
    FROM (SELECT seal('auth_token', NEW.id, NEW.token) AS image, max(CAST(unixepoch('subsec') * 1000 AS INTEGER), 1 + ifnull(
        (SELECT at FROM took_effect WHERE kind = 'auth_token' AND image = seal('auth_token', OLD.id, OLD.token)
            AND digest = seal('took_effect', kind, image, at)), 0)) AS at);
END;

DROP TRIGGER replaced_access_token_keys;
CREATE TRIGGER replaced_access_token_keys AFTER UPDATE OF value ON token_keys WHEN OLD.kind = 'access' AND NEW.value <> OLD.value
BEGIN
    INSERT OR IGNORE INTO revoked (kind, id, digest) SELECT 'access_token_keys', image, seal('revoked', 'access_token_keys', image)
    FROM (SELECT seal('access_token_keys', OLD.relying_party_id, OLD.value) AS image);
    INSERT OR IGNORE INTO revoked (kind, id, digest) SELECT 'access_token_keys', form, seal('revoked', 'access_token_keys', form)
    FROM (SELECT substr(r.id, 1 + length(i.image)) AS form FROM (SELECT seal('access_token_keys', OLD.relying_party_id, OLD.value) AS image) i
        JOIN revoked r ON r.kind = 'access_token_keys_form' AND r.id > i.image AND r.id < CAST(i.image || x'ffffffffffffffffff' AS BLOB));
    INSERT OR IGNORE INTO took_effect (kind, image, at, digest) SELECT 'access_token_keys', image, at, seal('took_effect', 'access_token_keys', image, at)
    FROM (SELECT seal('access_token_keys', NEW.relying_party_id, NEW.value) AS image, max(CAST(unixepoch('subsec') * 1000 AS INTEGER), 1 + ifnull(
        (SELECT at FROM took_effect WHERE kind = 'access_token_keys' AND image = seal('access_token_keys', OLD.relying_party_id, OLD.value)
            AND digest = seal('took_effect', kind, image, at)), 0)) AS at);
END;
