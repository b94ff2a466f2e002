-- Format 19.
--
-- Who did it from where, and what few events have: the API key, a name, the value that led to a refusal, the record concerned, what
-- changed. A sign-in has none of that but the address.

ALTER TABLE events ADD COLUMN address BLOB;     -- 4 or 16 bytes
ALTER TABLE events ADD COLUMN more TEXT;        -- JSON
ALTER TABLE sign_ins ADD COLUMN address BLOB;
