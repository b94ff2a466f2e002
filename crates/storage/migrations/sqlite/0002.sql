-- Format 2.

-- The BLOB of the FIDO Metadata Service: one row, or none. It has a row id, so that its millions of bytes lie on
-- pages of their own and looking at the number reads none of them.
CREATE TABLE metadata (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    no       INTEGER NOT NULL,
    imported INTEGER NOT NULL,
    source   TEXT    NOT NULL,            -- by name
    blob     BLOB    NOT NULL
) STRICT;
