-- Format 4.

-- The last signature counter seen since one did not grow; null: every one grew, or the counter has passed the highest again.
ALTER TABLE credentials ADD COLUMN sign_count_since_fall INTEGER;
