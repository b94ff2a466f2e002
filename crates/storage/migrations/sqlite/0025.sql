-- Format 25.
--
-- A fresh delivery has one key and a body of bytes: it takes a third of the space of JSON, and half of the time. What waits in the form of format 24
-- becomes a delivery like the others.

INSERT INTO deliveries (relying_party_id, id, account_id, webhook_id, user_id, created, state, due, body)
SELECT f.relying_party_id, f.id, p.account_id, f.webhook_id,
       CASE WHEN json_valid(f.body) THEN unhex(f.body ->> '$.notice.user') END,
       f.created, 0, f.created, f.body
FROM fresh_deliveries f JOIN relying_parties p ON p.id = f.relying_party_id
WHERE true
ON CONFLICT (relying_party_id, id) DO NOTHING;

DROP TABLE fresh_deliveries;

CREATE TABLE fresh_deliveries (
    key              BLOB    NOT NULL PRIMARY KEY,   -- of the webhook and of the delivery, which begins with its time
    relying_party_id BLOB    NOT NULL,
    body             BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
