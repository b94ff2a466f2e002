-- Format 6.

-- Deletions whose rows are not all removed yet. What a Relying Party or a user owns counts only while the row of its owner is
-- there, so a deletion removes that one row, leaves a mark here, and the sweep removes the rest in batches.
CREATE TABLE deletions (
    at               INTEGER NOT NULL,
    relying_party_id BLOB    NOT NULL,
    user_id          BLOB    NOT NULL,    -- 17 bytes 0xff: the Relying Party as a whole
    PRIMARY KEY (at, relying_party_id, user_id)
) STRICT, WITHOUT ROWID;

-- Counts registrations of the user; null: none since format 6. A registration writes it, so that two registrations of a user
-- meet on this row, as a registration and the deletion of its user do.
ALTER TABLE users ADD COLUMN version INTEGER;
