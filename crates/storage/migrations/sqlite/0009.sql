-- Format 9.

-- Counts the changes of a webhook, so that of two concurrent ones none is lost; null: 1.
ALTER TABLE webhooks ADD COLUMN revision INTEGER;

-- How often metadata was removed; null: never. A removed BLOB leaves its row, with -1 as its number and no bytes, so that every
-- process of the store notices the removal.
ALTER TABLE metadata ADD COLUMN removals INTEGER;
