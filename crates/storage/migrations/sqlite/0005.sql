-- Format 5.
--
-- Look-ups over the Relying Parties of all accounts, for requests that name none, such as the preflight of a browser.

-- The configured origins. A row goes in the transaction that removes its Relying Party.
CREATE TABLE origins (
    origin           TEXT NOT NULL,       -- the exact text
    relying_party_id BLOB NOT NULL,
    PRIMARY KEY (origin, relying_party_id)
) STRICT, WITHOUT ROWID;

-- Finds the rows to replace when a Relying Party is changed or removed.
CREATE INDEX origins_by_relying_party ON origins (relying_party_id, origin);

-- The configured RP ID.
ALTER TABLE relying_parties ADD COLUMN rp_id TEXT;

-- Finds the Relying Parties with an RP ID, in the order of their keys.
CREATE INDEX relying_parties_by_rp_id ON relying_parties (rp_id, id) WHERE rp_id IS NOT NULL;

-- What the records say. One that cannot be read is left out: it has no part in any ceremony either.
UPDATE relying_parties SET rp_id = json_extract(body, '$.selection.rp_id')
    WHERE json_valid(body) AND json_type(body, '$.selection.rp_id') = 'text';

INSERT OR IGNORE INTO origins (origin, relying_party_id)
    SELECT configured.value, parties.id
    FROM relying_parties AS parties,
         json_each(CASE WHEN json_valid(parties.body) THEN parties.body ELSE '{}' END, '$.selection.origins') AS configured
    WHERE configured.type = 'text';
