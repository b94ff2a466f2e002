-- Format 24.
--
-- Deliveries as they come with their events: one row at the end of those of their webhook, and no index. A claim moves them to `deliveries`. So an
-- event costs little, and the work of a delivery is done when it is sent.

CREATE TABLE fresh_deliveries (
    webhook_id       BLOB    NOT NULL,
    created          INTEGER NOT NULL,
    id               BLOB    NOT NULL,
    relying_party_id BLOB    NOT NULL,
    body             TEXT    NOT NULL,   -- the whole record as JSON
    PRIMARY KEY (webhook_id, created, id)
) STRICT, WITHOUT ROWID;
