-- Schema 5.
--
-- Who did it from where, and what few events have: the API key, a name, the value that led to a refusal, the record concerned, what
-- changed. A sign-in has none of that but the address.

ALTER TABLE @events ADD COLUMN IF NOT EXISTS address bytea;     -- 4 or 16 bytes
ALTER TABLE @events ADD COLUMN IF NOT EXISTS more text;         -- JSON
