-- Schema 6.
--
-- Deliveries of notices to webhooks: the outbox.

CREATE TABLE IF NOT EXISTS @deliveries (
    relying_party_id bytea  NOT NULL,
    id               bytea  NOT NULL,
    account_id       bytea  NOT NULL,
    webhook_id       bytea  NOT NULL,
    user_id          bytea,              -- whose name is in the body
    created          bigint NOT NULL,
    state            bigint NOT NULL,    -- 0 waiting, 1 delivered, 2 failed
    due              bigint NOT NULL,
    body             text   NOT NULL,    -- the whole record as JSON
    PRIMARY KEY (relying_party_id, id)
);

CREATE INDEX IF NOT EXISTS deliveries_of_webhook ON @deliveries (relying_party_id, webhook_id, created, id);

CREATE INDEX IF NOT EXISTS deliveries_of_user ON @deliveries (relying_party_id, user_id);

CREATE INDEX IF NOT EXISTS deliveries_waiting ON @deliveries (state, account_id, webhook_id, due);

CREATE INDEX IF NOT EXISTS deliveries_by_age ON @deliveries (state, created);
