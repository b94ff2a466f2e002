-- Format 22.
--
-- What was revoked, removed or replaced, for good. A backup that is restored later still has it: it is removed from what is restored, also when
-- the audit trail was swept or a backup is restored a second time. What a deleted Relying Party had comes back together with it.
--
-- Of an Auth Token, and of the keys that check access keys, the row has an image of the replaced value. So nobody has to ask which of two stores
-- is the newer one: a value that is known as replaced is the older one.

CREATE TABLE revoked (
    kind   TEXT NOT NULL,       -- access_key, api_key, webhook, administrator, auth_token, access_token_keys
    id     BLOB NOT NULL,       -- its key, or the image of a value
    digest BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Triggers, so that nothing is removed without its note.
CREATE TRIGGER revoked_access_keys AFTER DELETE ON access_keys
WHEN EXISTS (SELECT 1 FROM relying_parties WHERE id = OLD.relying_party_id)
BEGIN
    INSERT OR IGNORE INTO revoked (kind, id, digest) VALUES ('access_key', OLD.id, seal('revoked', 'access_key', OLD.id));
END;

CREATE TRIGGER revoked_api_keys AFTER DELETE ON api_keys
BEGIN
    INSERT OR IGNORE INTO revoked (kind, id, digest) VALUES ('api_key', OLD.id, seal('revoked', 'api_key', OLD.id));
END;

CREATE TRIGGER revoked_webhooks AFTER DELETE ON webhooks
WHEN EXISTS (SELECT 1 FROM relying_parties WHERE id = OLD.relying_party_id)
BEGIN
    INSERT OR IGNORE INTO revoked (kind, id, digest) VALUES ('webhook', OLD.id, seal('revoked', 'webhook', OLD.id));
END;

CREATE TRIGGER revoked_administrators AFTER DELETE ON console_records WHEN OLD.kind = 0
BEGIN
    INSERT OR IGNORE INTO revoked (kind, id, digest) VALUES ('administrator', OLD.id, seal('revoked', 'administrator', OLD.id));
END;

CREATE TRIGGER replaced_auth_tokens AFTER UPDATE OF token ON accounts WHEN NEW.token <> OLD.token
BEGIN
    INSERT OR IGNORE INTO revoked (kind, id, digest) SELECT 'auth_token', image, seal('revoked', 'auth_token', image)
    FROM (SELECT seal('auth_token', OLD.id, OLD.token) AS image);
END;

CREATE TRIGGER replaced_access_token_keys AFTER UPDATE OF value ON token_keys WHEN OLD.kind = 'access' AND NEW.value <> OLD.value
BEGIN
    INSERT OR IGNORE INTO revoked (kind, id, digest) SELECT 'access_token_keys', image, seal('revoked', 'access_token_keys', image)
    FROM (SELECT seal('access_token_keys', OLD.relying_party_id, OLD.value) AS image);
END;

-- What the audit trail still knows of the time before this format.
INSERT OR IGNORE INTO revoked (kind, id, digest)
SELECT kind, id, seal('revoked', kind, id) FROM (
    SELECT CASE kind WHEN 'access_key_deleted' THEN 'access_key' WHEN 'api_key_deleted' THEN 'api_key'
               WHEN 'webhook_deleted' THEN 'webhook' ELSE 'administrator' END AS kind,
           CASE WHEN kind = 'administrator_deleted' THEN user_id
               WHEN json_valid(more) THEN unhex(more ->> '$.target.id') END AS id
    FROM events WHERE kind IN ('access_key_deleted', 'api_key_deleted', 'webhook_deleted', 'administrator_deleted')
) WHERE length(id) = 16;
