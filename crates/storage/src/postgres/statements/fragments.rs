//! What several statements have in common.

/// Conditions on rows of the Relying Party `$1`: their owners are there. What belongs to a Relying Party or to a user that was
/// deleted may still lie in its table until the sweep has removed it, and must not be seen.
macro_rules! alive {
    // The Relying Party is there.
    (party) => {
        " EXISTS (SELECT 1 FROM @relying_parties p WHERE p.id = $1)"
    };
    // The Relying Party is there, and the user whom a row names, if it names one.
    (maybe $user:literal) => {
        concat!(
            " EXISTS (SELECT 1 FROM @relying_parties p WHERE p.id = $1) AND (",
            $user,
            " IS NULL OR EXISTS (SELECT 1 FROM @users o WHERE o.relying_party_id = $1 AND o.id = ",
            $user,
            "))"
        )
    };
    // The Relying Party is there, and the user whose key the expression gives.
    ($user:literal) => {
        concat!(
            " EXISTS (SELECT 1 FROM @users o JOIN @relying_parties p ON p.id = o.relying_party_id \
             WHERE o.relying_party_id = $1 AND o.id = ",
            $user,
            ")"
        )
    };
}

/// Whether the JSON of an administrator is that of an owner: it has [`OWNER`](crate::console::OWNER).
macro_rules! owns {
    ($body:literal) => {
        concat!($body, " LIKE '%\"role\":\"owner\"%'")
    };
}

/// Begins a statement that changes the record `$19` of the kind `$18`: if it is an administrator, `o` has all of them, and locks each that
/// is looked at. Of two statements that take away each other's owner the second one sees what the first has done.
macro_rules! administrators {
    () => {
        concat!(
            "WITH o AS (SELECT id, ",
            owns!("body"),
            " AS owns FROM @console_records WHERE kind = 0 AND $18 = 0 ORDER BY id FOR UPDATE)"
        )
    };
}

/// Whether another owner is left without the administrator `$19`, or that one is none.
macro_rules! leaves_an_owner {
    () => {
        " EXISTS (SELECT 1 FROM o WHERE owns AND id <> $19) OR NOT EXISTS (SELECT 1 FROM o WHERE owns AND id = $19)"
    };
}

/// The columns that the reader of the same name reads, in its order.
macro_rules! columns {
    (account) => {
        "id, token, created"
    };
    (api_key) => {
        "id, account_id, name, secret, created, granted, used"
    };
    (user) => {
        "u.relying_party_id, u.id, u.name, u.created, u.updated, u.last_success, u.last_failure"
    };
    (credential) => {
        "c.relying_party_id, c.key, c.user_id, c.id, c.public_key, c.algorithm, c.sign_count, \
         c.sign_count_since_fall, c.uv_initialized, c.backup_eligible, c.backup_state, c.transports, c.aaguid, \
         c.attestation_format, c.attestation_type, c.trust, c.discoverable, c.name, c.selection, c.created, \
         c.updated, c.last_used, c.user_agent, c.user_handle, c.digest"
    };
    (ceremony) => {
        "y.relying_party_id, y.id, y.kind, y.state, y.reason, y.user_id, y.credential_key, y.created, y.expires, \
         y.updated, y.policy_id, j.body, y.asked"
    };
    (takeable) => {
        "y.kind, y.state, y.reason, y.expires, y.claimed_by, y.stored_count"
    };
    (event) => {
        "relying_party_id, at, id, kind, user_id, credential_key, ceremony_id, reason, signals, user_name, \
         actor, access_key_id, wire, user_agent, address, more"
    };
}

/// Ceremonies `y` with their policies.
macro_rules! ceremonies {
    () => {
        concat!(
            "SELECT ",
            columns!(ceremony),
            " FROM @ceremonies y LEFT JOIN @policies j \
             ON j.relying_party_id = y.relying_party_id AND j.id = y.policy_id"
        )
    };
}

/// Credentials `c` with their owners `u`.
macro_rules! signers {
    () => {
        concat!(
            "SELECT ",
            columns!(user),
            ", ",
            columns!(credential),
            " FROM @credentials c JOIN @users u ON u.relying_party_id = c.relying_party_id AND u.id = c.user_id"
        )
    };
}

/// The types of a Relying Party, of an event, and of what follows.
macro_rules! with_event {
    ($types:literal) => {
        concat!("bibtbbbttttbttbtb", $types)
    };
}

/// Writes the event `$2` to `$17` once for each row of `$from`, which is one at most.
macro_rules! event {
    ($from:literal) => {
        concat!(
            "INSERT INTO @events (",
            columns!(event),
            ") SELECT $17, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 FROM ",
            $from,
            " ON CONFLICT (relying_party_id, at, id) DO NOTHING"
        )
    };
}

/// The ceremony `$1`, `$18` as it was before the statement, for an attempt that met it. `$join` brings further rows.
macro_rules! found {
    ($join:literal) => {
        concat!(
            columns!(takeable),
            " FROM (SELECT 1) one",
            $join,
            " LEFT JOIN @ceremonies y ON y.relying_party_id = $1 AND y.id = $18 AND",
            alive!(maybe "y.user_id")
        )
    };
}

/// A user with all credentials, oldest first.
macro_rules! owners {
    ($is:literal) => {
        concat!(
            "SELECT ",
            columns!(user),
            ", ",
            columns!(credential),
            " FROM @users u LEFT JOIN @credentials c ON c.relying_party_id = u.relying_party_id AND c.user_id = u.id \
             WHERE u.relying_party_id = $1 AND ",
            $is,
            " AND",
            alive!(party),
            " ORDER BY c.created, c.key"
        )
    };
}

/// Writes a user, if the Relying Party is there and the name is free.
macro_rules! user {
    ($values:literal) => {
        concat!(
            "INSERT INTO @users (relying_party_id, id, name, created, updated, last_success, last_failure, version) \
             SELECT $1, ",
            $values,
            ", 0 WHERE",
            alive!(party),
            " ON CONFLICT DO NOTHING RETURNING 1"
        )
    };
}

/// Starts a ceremony `w` with its policy. `$1` to `$13`: Relying Party, key, kind, user, credential, created, expires, updated, asked,
/// policy, until when the policy is kept, its text, when it is needed. `$with` comes before, `$if` is a condition of the ceremony.
macro_rules! begin {
    ($with:expr, $if:expr, $more:literal) => {
        concat!(
            "WITH ",
            $with,
            "w AS (INSERT INTO @ceremonies (relying_party_id, id, kind, state, user_id, credential_key, created, \
             expires, updated, asked, policy_id) SELECT $1, $2, $3, 0, $4, $5, $6, $7, $8, $9, $10 WHERE",
            $if,
            " ON CONFLICT (relying_party_id, id) DO NOTHING RETURNING 1), \
             k AS (INSERT INTO @policies (relying_party_id, id, expires, body) SELECT $1, $10, $11, $12 FROM w \
             WHERE NOT EXISTS (SELECT 1 FROM @policies WHERE relying_party_id = $1 AND id = $10 AND expires >= $13) \
             ON CONFLICT (relying_party_id, id) DO UPDATE SET expires = excluded.expires \
             WHERE policies.expires < excluded.expires) \
             SELECT (SELECT count(*) FROM w), EXISTS (SELECT 1 FROM @ceremonies y \
             WHERE y.relying_party_id = $1 AND y.id = $2 AND",
            alive!(maybe "y.user_id"),
            "), (",
            alive!(maybe "$4"),
            ")",
            $more
        )
    };
}

/// Both directions of a list. `$order` are the two sort columns, `$n` to `$n + 2` the position and the limit.
macro_rules! page {
    (up $select:expr, $a:literal, $b:literal, $created:literal, $key:literal, $limit:literal) => {
        concat!(
            $select,
            " AND (",
            $a,
            ", ",
            $b,
            ") > (",
            $created,
            ", ",
            $key,
            ") ORDER BY ",
            $a,
            ", ",
            $b,
            " LIMIT ",
            $limit
        )
    };
    (down $select:expr, $a:literal, $b:literal, $created:literal, $key:literal, $limit:literal) => {
        concat!(
            $select,
            " AND (",
            $a,
            ", ",
            $b,
            ") < (",
            $created,
            ", ",
            $key,
            ") ORDER BY ",
            $a,
            " DESC, ",
            $b,
            " DESC LIMIT ",
            $limit
        )
    };
}

/// Removes at most `$2` rows of a table that expired before `$1`, the longest expired first.
macro_rules! sweep {
    ($table:literal, $key:literal) => {
        concat!(
            "WITH w AS (DELETE FROM ",
            $table,
            " WHERE (",
            $key,
            ") IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE expires < $1 ORDER BY expires, ",
            $key,
            " LIMIT $2) RETURNING 1) SELECT count(*) FROM w"
        )
    };
}

/// Removes at most `$2` rows of what the Relying Party `$1` had in a table, in the order of their keys.
macro_rules! remains {
    ($table:literal, $key:literal) => {
        concat!(
            "WITH w AS (DELETE FROM ",
            $table,
            " WHERE relying_party_id = $1 AND ",
            $key,
            " IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE relying_party_id = $1 ORDER BY ",
            $key,
            " LIMIT $2) RETURNING 1) SELECT count(*) FROM w"
        )
    };
}
