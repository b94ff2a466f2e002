-- Format 3.

-- Answers of calls that may be sent again under the same key. Key and content are images.
CREATE TABLE answers (
    account_id BLOB    NOT NULL,
    key        BLOB    NOT NULL,
    content    BLOB    NOT NULL,
    attempt    BLOB    NOT NULL,
    started    INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    answer     BLOB,                      -- null: the call is being done
    PRIMARY KEY (account_id, key)
) STRICT;

-- Counts the answers of an account and finds its oldest ones, without a look at their bytes.
CREATE INDEX answers_by_account ON answers (account_id, expires, key);

-- Finds what the sweep removes.
CREATE INDEX answers_by_expiry ON answers (expires, account_id, key);
