-- Format 20.
--
-- Deliveries of notices to webhooks: the outbox.

CREATE TABLE deliveries (
    relying_party_id BLOB    NOT NULL,
    id               BLOB    NOT NULL,
    account_id       BLOB    NOT NULL,
    webhook_id       BLOB    NOT NULL,
    user_id          BLOB,               -- whose name is in the body
    created          INTEGER NOT NULL,
    state            INTEGER NOT NULL,   -- 0 waiting, 1 delivered, 2 failed
    due              INTEGER NOT NULL,
    body             TEXT    NOT NULL,   -- the whole record as JSON
    PRIMARY KEY (relying_party_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_of_webhook ON deliveries (relying_party_id, webhook_id, created, id);
CREATE INDEX deliveries_of_user ON deliveries (relying_party_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX deliveries_waiting ON deliveries (account_id, webhook_id, due) WHERE state = 0;
CREATE INDEX deliveries_by_age ON deliveries (state, created);
