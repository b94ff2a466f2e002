-- Schema 7.
--
-- What an API key may be used for and until when, and when keys were used last. A program that was written for an older schema does not
-- read what was granted: create keys that may do less when no such program uses the store any more.

ALTER TABLE @api_keys ADD COLUMN IF NOT EXISTS granted text;        -- JSON; NULL for everything, for ever

ALTER TABLE @api_keys ADD COLUMN IF NOT EXISTS used bigint;

ALTER TABLE @access_keys ADD COLUMN IF NOT EXISTS used bigint;
