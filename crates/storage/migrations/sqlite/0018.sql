-- Format 18.
--
-- What an authentication asked for is kept as bytes, which are a quarter of the JSON. Rows that are there keep their JSON. The type of a
-- column is only in the schema, so no row is written.

PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'asked            TEXT    NOT NULL', 'asked            ANY     NOT NULL')
    WHERE type = 'table' AND name IN ('ceremonies', 'sign_ins');
PRAGMA writable_schema = RESET;
