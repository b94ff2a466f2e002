-- Format 8.

-- The attempt that used the token, so that a use which is sent again has the outcome of the first time; null: used before
-- format 8.
ALTER TABLE used_tokens ADD COLUMN attempt BLOB;
