-- Schema 8.
--
-- Names in the order of their bytes, for searches by the beginning of a name. `users_by_name` has the order of the database, which depends on its
-- language. Only a new user costs one entry more.

CREATE INDEX IF NOT EXISTS users_by_bytes ON @users (relying_party_id, name COLLATE "C");
