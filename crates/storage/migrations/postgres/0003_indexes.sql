-- Schema 3.
--
-- Indexes for what read whole tables: lists of accounts, and the question whether something was deleted.

CREATE INDEX IF NOT EXISTS accounts_in_order ON @accounts (created, id);

CREATE INDEX IF NOT EXISTS deletions_by_owner ON @deletions (relying_party_id, user_id);
