-- Format 21.
--
-- What an API key may be used for and until when, and when keys were used last. What was granted is in the seal of its row where there is
-- something; the keys that are there may do everything, and their seals stay as they are.

ALTER TABLE api_keys ADD COLUMN granted TEXT;       -- JSON; NULL for everything, for ever
ALTER TABLE api_keys ADD COLUMN used INTEGER;
ALTER TABLE access_keys ADD COLUMN used INTEGER;    -- what it may do is in its body
