-- Format 22.
--
-- What was revoked or removed, for good. A backup that is restored later still has it: it is removed from what is restored, also when the audit
-- trail was swept or a backup is restored a second time. What a deleted Relying Party had comes back together with it.

CREATE TABLE revoked (
    kind   TEXT NOT NULL,       -- access_key, api_key, webhook, administrator
    id     BLOB NOT NULL,
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

-- What the audit trail still knows of the time before this format.
INSERT OR IGNORE INTO revoked (kind, id, digest)
SELECT kind, id, seal('revoked', kind, id) FROM (
    SELECT CASE kind WHEN 'access_key_deleted' THEN 'access_key' WHEN 'api_key_deleted' THEN 'api_key'
               WHEN 'webhook_deleted' THEN 'webhook' ELSE 'administrator' END AS kind,
           CASE WHEN kind = 'administrator_deleted' THEN user_id
               WHEN json_valid(more) THEN unhex(more ->> '$.target.id') END AS id
    FROM events WHERE kind IN ('access_key_deleted', 'api_key_deleted', 'webhook_deleted', 'administrator_deleted')
) WHERE length(id) = 16;
