//! Every statement of the store, in one table: its name, the types of its parameters, and its text.
//!
//! `@` stands for the schema. The types are one letter each: `b` bytea, `i` bigint, `t` text, `l` boolean, `B` bytea\[\], `T` text\[\].
//! Where a statement writes an event, `$2` to `$17` are the event, and `$17` is the Relying Party of it. The tests prepare every statement
//! on a real engine, and keep it inside the part of SQL that PostgreSQL and the engines which speak its protocol share.

#[macro_use]
mod fragments;

macro_rules! statements {
    ($($name:ident ($types:expr) $sql:expr;)+) => {
        /// A statement of the store.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Statement {
            $($name),+
        }

        impl Statement {
            /// Every statement, in the order of their numbers.
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The types of its parameters, one letter each.
            pub(super) const fn types(self) -> &'static str {
                match self {
                    $(Self::$name => $types),+
                }
            }

            /// Its text.
            pub(super) const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $sql),+
                }
            }
        }
    };
}

statements! {
    // ---- accounts ----
    CreateFirstAccount ("bbi")
        "WITH w AS (INSERT INTO @meta (name, value) SELECT 'first_account', $1 \
         WHERE NOT EXISTS (SELECT 1 FROM @accounts) ON CONFLICT (name) DO NOTHING RETURNING 1), \
         a AS (INSERT INTO @accounts (id, token, created) SELECT $1, $2, $3 FROM w ON CONFLICT (id) DO NOTHING) \
         SELECT (SELECT count(*) FROM w), (SELECT id FROM @accounts ORDER BY created, id LIMIT 1), \
         EXISTS (SELECT 1 FROM @accounts WHERE id = $1 AND token = $2 AND created = $3)";
    CreateAccount ("bbi")
        "WITH w AS (INSERT INTO @accounts (id, token, created) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING RETURNING 1) \
         SELECT (SELECT count(*) FROM w), EXISTS (SELECT 1 FROM @accounts WHERE id = $1), \
         EXISTS (SELECT 1 FROM @accounts WHERE id = $1 AND token = $2 AND created = $3)";
    ListAccounts ("ibi")
        page!(up concat!("SELECT ", columns!(account), " FROM @accounts WHERE TRUE"), "created", "id", "$1", "$2", "$3");
    ListAccountsDown ("ibi")
        page!(down concat!("SELECT ", columns!(account), " FROM @accounts WHERE TRUE"), "created", "id", "$1", "$2", "$3");
    ReplaceAccountToken ("bb")
        "WITH w AS (UPDATE @accounts SET token = $2 WHERE id = $1 RETURNING 1) SELECT count(*) FROM w";
    ReplaceAccountSecret ("bbb")
        "WITH w AS (UPDATE @accounts SET token = $3 WHERE id = $1 AND token IN ($2, $3) RETURNING 1) SELECT count(*) FROM w";
    ReplaceApiKeySecret ("bbb")
        "WITH w AS (UPDATE @api_keys SET secret = $3 WHERE id = $1 AND secret IN ($2, $3) RETURNING 1) SELECT count(*) FROM w";
    AccountSecret ("b")
        "SELECT id, token FROM @accounts WHERE id = $1";
    ApiKeySecret ("b")
        "SELECT account_id, secret, granted FROM @api_keys WHERE id = $1";
    CreateApiKey ("bbtbiti")
        "WITH w AS (INSERT INTO @api_keys (id, account_id, name, secret, created, granted, used) SELECT $1, $2, $3, $4, $5, $6, $7 \
         WHERE EXISTS (SELECT 1 FROM @accounts WHERE id = $2) ON CONFLICT (id) DO NOTHING) \
         SELECT EXISTS (SELECT 1 FROM @accounts WHERE id = $2)";
    ListApiKeys ("bibi")
        page!(up concat!("SELECT ", columns!(api_key), " FROM @api_keys WHERE account_id = $1"), "created", "id", "$2", "$3", "$4");
    ListApiKeysDown ("bibi")
        page!(down concat!("SELECT ", columns!(api_key), " FROM @api_keys WHERE account_id = $1"), "created", "id", "$2", "$3", "$4");
    NoteApiKeyUse ("bi")
        "WITH w AS (UPDATE @api_keys SET used = $2 WHERE id = $1 AND coalesce(used, $2 - 1) < $2 RETURNING 1) SELECT count(*) FROM w";
    // $1 is the account.
    DeleteApiKey (with_event!("b"))
        concat!(
            "WITH w AS (DELETE FROM @api_keys WHERE id = $18 AND account_id = $1 RETURNING 1), e AS (",
            event!("w"),
            ") SELECT count(*) FROM w"
        );

    // ---- Relying Parties ----
    CreateRelyingParty (with_event!("biittT"))
        concat!(
            "WITH a AS (SELECT 1 FROM @accounts WHERE id = $18), \
             w AS (INSERT INTO @relying_parties (id, account_id, version, created, body, rp_id) \
             SELECT $1, $18, $19, $20, $21, $22 FROM a ON CONFLICT (id) DO NOTHING), \
             o AS (INSERT INTO @origins (origin, relying_party_id) SELECT DISTINCT n.origin, $1 \
             FROM unnest($23) AS n (origin) WHERE EXISTS (SELECT 1 FROM a) \
             ON CONFLICT (origin, relying_party_id) DO NOTHING), e AS (",
            event!("a"),
            ") SELECT count(*) FROM a"
        );
    RelyingParty ("b")
        "SELECT body FROM @relying_parties WHERE id = $1";
    ListRelyingParties ("bibi")
        page!(up "SELECT body FROM @relying_parties WHERE account_id = $1", "created", "id", "$2", "$3", "$4");
    ListRelyingPartiesDown ("bibi")
        page!(down "SELECT body FROM @relying_parties WHERE account_id = $1", "created", "id", "$2", "$3", "$4");
    HasOrigin ("t")
        "SELECT EXISTS (SELECT 1 FROM @origins WHERE origin = $1)";
    RelyingPartiesWithRpId ("ti")
        "SELECT id FROM @relying_parties WHERE rp_id = $1 ORDER BY id LIMIT $2";
    UpdateRelyingParty (with_event!("ittT"))
        concat!(
            "WITH w AS (UPDATE @relying_parties SET version = $18, body = $19, rp_id = $20 \
             WHERE id = $1 AND version = $18 - 1 RETURNING 1), \
             d AS (DELETE FROM @origins WHERE relying_party_id = $1 AND origin <> ALL($21) \
             AND EXISTS (SELECT 1 FROM w)), \
             o AS (INSERT INTO @origins (origin, relying_party_id) SELECT DISTINCT n.origin, $1 \
             FROM unnest($21) AS n (origin) WHERE EXISTS (SELECT 1 FROM w) \
             ON CONFLICT (origin, relying_party_id) DO NOTHING), e AS (",
            event!("w"),
            ") SELECT (SELECT count(*) FROM w), \
             EXISTS (SELECT 1 FROM @events WHERE relying_party_id = $17 AND at = $2 AND id = $3), \
             EXISTS (SELECT 1 FROM @relying_parties WHERE id = $1)"
        );
    DeleteRelyingParty ("bib")
        "WITH w AS (DELETE FROM @relying_parties WHERE id = $1 RETURNING 1), \
         o AS (DELETE FROM @origins WHERE relying_party_id = $1), \
         m AS (INSERT INTO @deletions (at, relying_party_id, user_id, swept) SELECT $2, $1, $3, FALSE FROM w) \
         SELECT count(*) FROM w";

    // ---- users ----
    CreateUser (with_event!("btiiii"))
        concat!(
            "WITH w AS (",
            user!("$18, $19, $20, $21, $22, $23"),
            "), e AS (",
            event!("w"),
            ") SELECT (SELECT count(*) FROM w),",
            alive!(party),
            ", ",
            columns!(user),
            " FROM (SELECT 1) one LEFT JOIN @users u ON u.relying_party_id = $1 AND u.name = $19 AND",
            alive!(party)
        );
    UserByName ("bt")
        concat!("SELECT ", columns!(user), " FROM @users u WHERE u.relying_party_id = $1 AND u.name = $2 AND", alive!(party));
    UserById ("bb")
        concat!("SELECT ", columns!(user), " FROM @users u WHERE u.relying_party_id = $1 AND u.id = $2 AND", alive!(party));
    OwnerByName ("bt")
        owners!("u.name = $2");
    OwnerById ("bb")
        owners!("u.id = $2");
    ListUsers ("bibi")
        page!(up concat!("SELECT ", columns!(user), " FROM @users u WHERE u.relying_party_id = $1 AND", alive!(party)), "u.created", "u.id", "$2", "$3", "$4");
    ListUsersDown ("bibi")
        page!(down concat!("SELECT ", columns!(user), " FROM @users u WHERE u.relying_party_id = $1 AND", alive!(party)), "u.created", "u.id", "$2", "$3", "$4");
    // By the order of bytes, which is not always that of the database.
    UsersNamed ("btti")
        concat!(
            "SELECT ",
            columns!(user),
            " FROM @users u WHERE u.relying_party_id = $1 AND u.name COLLATE \"C\" >= $2 AND u.name COLLATE \"C\" < $3 AND",
            alive!(party),
            " ORDER BY u.name COLLATE \"C\" LIMIT $4"
        );
    DeleteUser (with_event!("b"))
        concat!(
            "WITH w AS (DELETE FROM @users WHERE relying_party_id = $1 AND id = $18 AND",
            alive!(party),
            " RETURNING 1), m AS (INSERT INTO @deletions (at, relying_party_id, user_id, swept) \
             SELECT $2, $1, $18, FALSE FROM w), e AS (",
            event!("w"),
            ") SELECT count(*) FROM w"
        );

    // ---- ceremonies ----
    Begin ("bbibbiiitbiti")
        begin!("", alive!(maybe "$4"), "");
    BeginWithUser ("bbibbiiitbititiiii")
        begin!(
            concat!("n AS (", user!("$4, $14, $15, $16, $17, $18"), "), "),
            concat!(" (EXISTS (SELECT 1 FROM n) OR", alive!("$4"), ")"),
            ", EXISTS (SELECT 1 FROM n), EXISTS (SELECT 1 FROM @relying_parties WHERE id = $1), \
             EXISTS (SELECT 1 FROM @users WHERE relying_party_id = $1 AND name = $14 AND id <> $4)"
        );
    // Removes the pending ones of `$3`, which a ceremony displaces, if the ceremony has begun. Not a part of the statements above: on
    // tables that were never analysed, the engine expects a list to be long, and would look at all ceremonies of the Relying Party.
    Displace ("bbB")
        "WITH d AS (DELETE FROM @ceremonies WHERE relying_party_id = $1 AND id = ANY($3) AND state = 0 \
         AND EXISTS (SELECT 1 FROM @ceremonies WHERE relying_party_id = $1 AND id = $2) RETURNING 1) SELECT count(*) FROM d";
    BeginEvent (with_event!("b"))
        concat!(
            "WITH y AS (SELECT 1 FROM @ceremonies WHERE relying_party_id = $1 AND id = $18), e AS (",
            event!("y"),
            ") SELECT count(*) FROM y"
        );
    Ceremony ("bb")
        concat!(ceremonies!(), " WHERE y.relying_party_id = $1 AND y.id = $2 AND", alive!(maybe "y.user_id"));
    FinishAuthentication (with_event!("bbibbbilllllttt"))
        concat!(
            // The ceremony, locked, if it may be taken.
            "WITH l AS (SELECT y.user_id FROM @ceremonies y WHERE y.relying_party_id = $1 AND y.id = $18 \
             AND y.kind = 1 AND y.state = 0 AND y.expires > $20 AND",
            alive!(maybe "y.user_id"),
            // The credential, locked.
            " FOR UPDATE), c AS (SELECT c.sign_count, c.backup_eligible, \
             ($24 > c.sign_count OR ($24 = 0 AND c.sign_count = 0)) AS grows FROM @credentials c \
             WHERE c.relying_party_id = $1 AND c.id_hash = $21 AND c.key = $22 AND c.user_id = $23 \
             AND EXISTS (SELECT 1 FROM l) AND",
            alive!("$23"),
            // Why the ceremony fails; null: it does not.
            " FOR UPDATE), v AS (SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM c) THEN $32 \
             WHEN $25 AND NOT (SELECT c.grows FROM c) THEN $31 END AS reason FROM l), \
             u AS (UPDATE @credentials k SET \
             sign_count = CASE WHEN c.grows THEN $24 ELSE c.sign_count END, \
             sign_count_since_fall = CASE WHEN c.grows THEN NULL ELSE $24 END, \
             uv_initialized = k.uv_initialized OR $26, \
             backup_eligible = CASE WHEN c.backup_eligible THEN $27 ELSE $28 END, backup_state = $29, \
             last_used = greatest(k.last_used, $20) FROM c, v \
             WHERE k.relying_party_id = $1 AND k.id_hash = $21 AND v.reason IS NULL), \
             f AS (UPDATE @users o SET last_failure = greatest(o.last_failure, $20) FROM v \
             WHERE o.relying_party_id = $1 AND o.id = $23 AND v.reason = $31), \
             t AS (UPDATE @ceremonies y SET state = CASE WHEN v.reason IS NULL THEN 1 ELSE 2 END, reason = v.reason, \
             stored_count = CASE WHEN v.reason = $31 THEN (SELECT c.sign_count FROM c) END, \
             user_id = CASE WHEN v.reason IS NULL THEN $23 ELSE y.user_id END, \
             credential_key = CASE WHEN v.reason IS NULL THEN $22 ELSE y.credential_key END, \
             claimed_by = $19, updated = $20 FROM v WHERE y.relying_party_id = $1 AND y.id = $18), \
             e AS (INSERT INTO @events (",
            columns!(event),
            ") SELECT $17, $2, $3, CASE WHEN v.reason IS NULL THEN $4 ELSE $30 END, $5, $6, $7, coalesce(v.reason, $8), \
             CASE WHEN v.reason IS NULL THEN $9 ELSE '' END, $10, $11, $12, $13, $14, $15, \
             CASE WHEN v.reason IS NOT NULL THEN $16 END FROM v \
             ON CONFLICT (relying_party_id, at, id) DO NOTHING) \
             SELECT (SELECT count(*) FROM l), v.reason, (SELECT c.sign_count FROM c), ",
            found!(" LEFT JOIN v ON TRUE")
        );
    // Orders the registrations of a user, so that each counts the credentials of those before it, and a registration and the
    // deletion of its user.
    MeetAtUser ("bb")
        concat!(
            "WITH w AS (UPDATE @users SET version = version + 1 WHERE relying_party_id = $1 AND id = $2 AND",
            alive!(party),
            " RETURNING 1) SELECT count(*) FROM w"
        );
    // What a deleted user left of the credential with this id.
    RemoveOldAttestation ("bb")
        concat!(
            "WITH w AS (DELETE FROM @attestations WHERE relying_party_id = $1 AND key IN (SELECT c.key \
             FROM @credentials c WHERE c.relying_party_id = $1 AND c.id_hash = $2 AND NOT",
            alive!("c.user_id"),
            ") RETURNING 1) SELECT count(*) FROM w"
        );
    RemoveOldCredential ("bb")
        concat!(
            "WITH w AS (DELETE FROM @credentials c WHERE c.relying_party_id = $1 AND c.id_hash = $2 AND NOT",
            alive!("c.user_id"),
            " RETURNING 1) SELECT count(*) FROM w"
        );
    FinishRegistration (with_event!("bbibbitttbbiiillltbtttlttiiitbbbt"))
        concat!(
            "WITH l AS (SELECT y.user_id FROM @ceremonies y WHERE y.relying_party_id = $1 AND y.id = $18 \
             AND y.kind = 0 AND y.state = 0 AND y.expires > $20 AND",
            alive!("$22"),
            " FOR UPDATE), v AS (SELECT CASE WHEN EXISTS (SELECT 1 FROM @credentials c \
             WHERE c.relying_party_id = $1 AND c.id_hash = $21 AND",
            alive!("c.user_id"),
            ") THEN $25 WHEN (SELECT count(*) FROM @credentials c \
             WHERE c.relying_party_id = $1 AND c.user_id = $22) >= $23 THEN $26 END AS reason FROM l), \
             t AS (UPDATE @ceremonies y SET state = CASE WHEN v.reason IS NULL THEN 1 ELSE 2 END, reason = v.reason, \
             credential_key = CASE WHEN v.reason IS NULL THEN $18 ELSE y.credential_key END, \
             claimed_by = $19, updated = $20 FROM v WHERE y.relying_party_id = $1 AND y.id = $18), \
             c AS (INSERT INTO @credentials (relying_party_id, id_hash, key, user_id, id, public_key, algorithm, \
             sign_count, sign_count_since_fall, uv_initialized, backup_eligible, backup_state, transports, aaguid, \
             attestation_format, attestation_type, trust, discoverable, name, selection, created, updated, last_used, \
             user_agent, digest) SELECT $1, $21, $18, $22, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, \
             $39, $40, $41, $42, $43, $44, $45, $46, $47 FROM v WHERE v.reason IS NULL), \
             a AS (INSERT INTO @attestations (relying_party_id, key, attestation_object, client_data_json, extensions) \
             SELECT $1, $18, $48, $49, $50 FROM v WHERE v.reason IS NULL), \
             e AS (INSERT INTO @events (",
            columns!(event),
            ") SELECT $17, $2, $3, CASE WHEN v.reason IS NULL THEN $4 ELSE $24 END, $5, \
             CASE WHEN v.reason IS NULL THEN $6 END, $7, coalesce(v.reason, $8), \
             CASE WHEN v.reason IS NULL THEN $9 ELSE '' END, $10, $11, $12, $13, $14, $15, $16 FROM v \
             ON CONFLICT (relying_party_id, at, id) DO NOTHING) \
             SELECT (SELECT count(*) FROM l), v.reason, ",
            found!(" LEFT JOIN v ON TRUE")
        );
    RefuseCeremony (with_event!("bbitb"))
        concat!(
            "WITH t AS (UPDATE @ceremonies y SET state = 2, reason = $21, claimed_by = $19, updated = $20 \
             WHERE y.relying_party_id = $1 AND y.id = $18 AND y.state = 0 AND y.expires > $20 AND",
            alive!(maybe "y.user_id"),
            " RETURNING 1), f AS (UPDATE @users SET last_failure = greatest(last_failure, $20) \
             WHERE relying_party_id = $1 AND id = $22 AND EXISTS (SELECT 1 FROM t)), e AS (",
            event!("t"),
            ") SELECT (SELECT count(*) FROM t), ",
            found!("")
        );
    ListAuthentications ("bbbiiibi")
        page!(up concat!(ceremonies!(), " WHERE y.relying_party_id = $1 AND y.user_id = $2 AND y.kind = 1 AND ($3 IS NULL OR y.credential_key = $3) AND ($5 = 0 OR ($5 = 1 AND y.state = 0 AND y.expires > $4) OR ($5 = 2 AND y.state = 0 AND y.expires <= $4) OR ($5 = 3 AND y.state = 1) OR ($5 = 4 AND y.state = 2)) AND", alive!("$2")), "y.created", "y.id", "$6", "$7", "$8");
    ListAuthenticationsDown ("bbbiiibi")
        page!(down concat!(ceremonies!(), " WHERE y.relying_party_id = $1 AND y.user_id = $2 AND y.kind = 1 AND ($3 IS NULL OR y.credential_key = $3) AND ($5 = 0 OR ($5 = 1 AND y.state = 0 AND y.expires > $4) OR ($5 = 2 AND y.state = 0 AND y.expires <= $4) OR ($5 = 3 AND y.state = 1) OR ($5 = 4 AND y.state = 2)) AND", alive!("$2")), "y.created", "y.id", "$6", "$7", "$8");

    // ---- credentials, and registrations that have not led to one ----
    Signer ("bb")
        concat!(signers!(), " WHERE c.relying_party_id = $1 AND c.id_hash = $2 AND", alive!(party));
    Credential ("bb")
        concat!(signers!(), " WHERE c.relying_party_id = $1 AND c.key = $2 AND", alive!(party));
    Evidence ("bb")
        concat!(
            "SELECT a.attestation_object, a.client_data_json, a.extensions FROM @credentials c JOIN @attestations a \
             ON a.relying_party_id = c.relying_party_id AND a.key = c.key \
             WHERE c.relying_party_id = $1 AND c.key = $2 AND",
            alive!("c.user_id")
        );
    CountModels ("bi")
        concat!(
            "WITH n AS (SELECT u.id FROM @users u WHERE u.relying_party_id = $1 AND",
            alive!(party),
            " ORDER BY u.created DESC, u.id DESC LIMIT $2) \
             SELECT (SELECT count(*) FROM n), m.aaguid, m.credentials FROM (SELECT 1) one LEFT JOIN \
             (SELECT c.aaguid, count(*) AS credentials FROM n JOIN @credentials c ON c.relying_party_id = $1 AND c.user_id = n.id \
             GROUP BY c.aaguid) m ON TRUE ORDER BY m.aaguid"
        );
    ListCredentials ("bbibi")
        page!(up concat!("SELECT ", columns!(credential), " FROM @credentials c WHERE c.relying_party_id = $1 AND c.user_id = $2 AND", alive!("$2")), "c.created", "c.key", "$3", "$4", "$5");
    ListCredentialsDown ("bbibi")
        page!(down concat!("SELECT ", columns!(credential), " FROM @credentials c WHERE c.relying_party_id = $1 AND c.user_id = $2 AND", alive!("$2")), "c.created", "c.key", "$3", "$4", "$5");
    RenameCredential (with_event!("bbt"))
        concat!(
            "WITH w AS (UPDATE @credentials c SET name = $20, updated = $2 \
             WHERE c.relying_party_id = $1 AND c.key = $18 AND c.user_id = $19 AND",
            alive!("$19"),
            " RETURNING ",
            columns!(credential),
            "), e AS (",
            event!("w"),
            ") SELECT * FROM w"
        );
    DeleteCredential (with_event!("bb"))
        concat!(
            "WITH w AS (DELETE FROM @credentials c WHERE c.relying_party_id = $1 AND c.key = $18 AND c.user_id = $19 AND",
            alive!("$19"),
            " RETURNING c.last_used), u AS (UPDATE @users o SET last_success = greatest(o.last_success, w.last_used) \
             FROM w WHERE o.relying_party_id = $1 AND o.id = $19 AND w.last_used IS NOT NULL), \
             a AS (DELETE FROM @attestations WHERE relying_party_id = $1 AND key = $18 AND EXISTS (SELECT 1 FROM w)), e AS (",
            event!("w"),
            ") SELECT count(*) FROM w"
        );
    ListUnfinishedRegistrations ("bbibi")
        page!(up concat!(ceremonies!(), " WHERE y.relying_party_id = $1 AND y.user_id = $2 AND y.kind = 0 AND y.state <> 1 AND", alive!("$2")), "y.created", "y.id", "$3", "$4", "$5");
    ListUnfinishedRegistrationsDown ("bbibi")
        page!(down concat!(ceremonies!(), " WHERE y.relying_party_id = $1 AND y.user_id = $2 AND y.kind = 0 AND y.state <> 1 AND", alive!("$2")), "y.created", "y.id", "$3", "$4", "$5");
    RenameRegistration ("bbtti")
        "WITH w AS (UPDATE @ceremonies SET asked = $4, updated = $5 WHERE relying_party_id = $1 AND id = $2 \
         AND asked = $3 AND state <> 1 RETURNING 1) SELECT count(*) FROM w";
    DeleteRegistration ("bbb")
        concat!(
            "WITH w AS (DELETE FROM @ceremonies WHERE relying_party_id = $1 AND id = $2 AND user_id = $3 AND kind = 0 \
             AND state <> 1 AND",
            alive!("$3"),
            " RETURNING 1) SELECT count(*) FROM w"
        );

    // ---- imports ----
    ImportRelyingParty ("bbiittTb")
        "WITH w AS (INSERT INTO @relying_parties (id, account_id, version, created, body, rp_id) \
         SELECT $1, $2, $3, $4, $5, $6 WHERE EXISTS (SELECT 1 FROM @accounts WHERE id = $2) \
         AND NOT EXISTS (SELECT 1 FROM @deletions WHERE relying_party_id = $1 AND user_id = $8) \
         ON CONFLICT (id) DO NOTHING RETURNING 1), \
         o AS (INSERT INTO @origins (origin, relying_party_id) SELECT DISTINCT n.origin, $1 \
         FROM unnest($7) AS n (origin) WHERE EXISTS (SELECT 1 FROM w) \
         ON CONFLICT (origin, relying_party_id) DO NOTHING) \
         SELECT (SELECT count(*) FROM w), EXISTS (SELECT 1 FROM @relying_parties WHERE id = $1), \
         EXISTS (SELECT 1 FROM @accounts WHERE id = $2), \
         EXISTS (SELECT 1 FROM @deletions WHERE relying_party_id = $1 AND user_id = $8)";
    ImportAccessKey ("bbiti")
        concat!(
            "WITH w AS (INSERT INTO @access_keys (relying_party_id, id, created, body, used) SELECT $1, $2, $3, $4, $5 WHERE",
            alive!(party),
            " ON CONFLICT (relying_party_id, id) DO NOTHING) SELECT count(*) FROM @relying_parties WHERE id = $1"
        );
    // `$24` the import or null, `$25` whether the event is written.
    ImportUser (with_event!("btiiiibl"))
        concat!(
            "WITH w AS (INSERT INTO @users (relying_party_id, id, name, created, updated, last_success, last_failure, version) \
             SELECT $1, $18, $19, $20, $21, $22, $23, 0 WHERE",
            alive!(party),
            " AND NOT EXISTS (SELECT 1 FROM @deletions WHERE relying_party_id = $1 AND user_id = $18) \
             ON CONFLICT DO NOTHING RETURNING 1), \
             n AS (INSERT INTO @imported (import_id, kind, relying_party_id, key, user_id) SELECT $24, 1, $1, $18, $18 FROM w \
             WHERE $24 IS NOT NULL ON CONFLICT (import_id, kind, relying_party_id, key) DO NOTHING), \
             f AS (SELECT 1 FROM w WHERE $25), e AS (",
            event!("f"),
            ") SELECT (SELECT count(*) FROM w),",
            alive!(party),
            ", EXISTS (SELECT 1 FROM @deletions WHERE relying_party_id = $1 AND user_id = $18), ",
            columns!(user),
            " FROM (SELECT 1) one LEFT JOIN @users u ON u.relying_party_id = $1 AND (u.id = $18 OR u.name = $19) AND",
            alive!(party),
            " ORDER BY CASE WHEN u.id = $18 THEN 0 ELSE 1 END LIMIT 1"
        );
    // `$18` to `$42` the credential, `$43` to `$45` its evidence or nulls, `$46` the import or null, `$47` whether the event is written,
    // `$48` whether an owner whom an import has made is noted too, `$49` the image of the owner's name.
    ImportCredential (with_event!("bbbbbiiillltbtttlttiiitbbbbtbllb"))
        concat!(
            "WITH s AS (SELECT c.user_id, c.public_key, c.sign_count FROM @credentials c \
             WHERE c.relying_party_id = $1 AND c.id_hash = $20 AND",
            alive!("c.user_id"),
            " FOR UPDATE), \
             c AS (INSERT INTO @credentials (relying_party_id, key, user_id, id_hash, id, public_key, algorithm, \
             sign_count, sign_count_since_fall, uv_initialized, backup_eligible, backup_state, transports, aaguid, \
             attestation_format, attestation_type, trust, discoverable, name, selection, created, updated, last_used, \
             user_agent, user_handle, digest) SELECT $1, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, \
             $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42 WHERE NOT EXISTS (SELECT 1 FROM s) AND",
            alive!("$19"),
            " ON CONFLICT DO NOTHING RETURNING 1), \
             a AS (INSERT INTO @attestations (relying_party_id, key, attestation_object, client_data_json, extensions) \
             SELECT $1, $18, $43, $44, $45 FROM c WHERE $43 IS NOT NULL), \
             r AS (UPDATE @credentials k SET sign_count = $24, sign_count_since_fall = NULL FROM s \
             WHERE k.relying_party_id = $1 AND k.id_hash = $20 AND s.user_id = $19 AND s.public_key = $22 \
             AND s.sign_count < $24 RETURNING 1), \
             n AS (INSERT INTO @imported (import_id, kind, relying_party_id, key, user_id) SELECT $46, k.kind, $1, \
             CASE WHEN k.kind = 0 THEN $18 ELSE $49 END, CASE WHEN k.kind = 0 THEN $19 ELSE $49 END \
             FROM c CROSS JOIN (SELECT 0 kind UNION ALL SELECT 2) k WHERE $46 IS NOT NULL ON CONFLICT (import_id, kind, relying_party_id, key) DO NOTHING), \
             u AS (INSERT INTO @imported (import_id, kind, relying_party_id, key, user_id) SELECT $46, 1, $1, $19, $19 FROM c \
             WHERE $48 AND $46 IS NOT NULL AND EXISTS (SELECT 1 FROM \
             (SELECT id FROM @imports WHERE created >= 0 ORDER BY created DESC, id DESC LIMIT 100) i \
             WHERE (SELECT count(*) FROM @imported o WHERE o.import_id = i.id AND o.kind = 1 AND o.relying_party_id = $1 \
             AND o.key = $19) > 0) \
             ON CONFLICT (import_id, kind, relying_party_id, key) DO NOTHING), \
             f AS (SELECT 1 FROM c WHERE $47), e AS (",
            event!("f"),
            ") SELECT (SELECT count(*) FROM c), (SELECT count(*) FROM r),",
            alive!("$19"),
            ", EXISTS (SELECT 1 FROM s), EXISTS (SELECT 1 FROM s WHERE s.user_id = $19 AND s.public_key = $22), \
             EXISTS (SELECT 1 FROM @credentials WHERE relying_party_id = $1 AND key = $18 AND id_hash <> $20)"
        );
    RecordEvent (with_event!(""))
        concat!("WITH w AS (SELECT 1 WHERE $1 IS NOT NULL), e AS (", event!("w"), ") SELECT count(*) FROM w");
    ImportEvent (with_event!(""))
        concat!(
            "WITH p AS (SELECT 1 WHERE EXISTS (SELECT 1 FROM @relying_parties WHERE id = $1) \
             OR EXISTS (SELECT 1 FROM @accounts WHERE id = $1)), e AS (",
            event!("p"),
            ") SELECT count(*) FROM p"
        );
    CreateImport ("bti")
        "WITH w AS (INSERT INTO @imports (id, source, created) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING RETURNING 1) \
         SELECT count(*) FROM w";
    Import ("b")
        "SELECT id, source, created FROM @imports WHERE id = $1";
    ListImports ("ibi")
        page!(up "SELECT id, source, created FROM @imports WHERE TRUE", "created", "id", "$1", "$2", "$3");
    ListImportsDown ("ibi")
        page!(down "SELECT id, source, created FROM @imports WHERE TRUE", "created", "id", "$1", "$2", "$3");
    ListImported ("bibbi")
        "SELECT kind, relying_party_id, key, user_id FROM @imported WHERE import_id = $1 \
         AND (kind, relying_party_id, key) > ($2, $3, $4) ORDER BY kind, relying_party_id, key LIMIT $5";
    NoteImported ("biBBB")
        "WITH w AS (INSERT INTO @imported (import_id, kind, relying_party_id, key, user_id) \
         SELECT $1, $2, n.party, n.key, n.user_id FROM unnest($3, $4, $5) AS n (party, key, user_id) \
         ON CONFLICT (import_id, kind, relying_party_id, key) DO NOTHING RETURNING 1) SELECT count(*) FROM w";
    ForgetImported ("bi")
        "WITH w AS (DELETE FROM @imported WHERE import_id = $1 AND (kind, relying_party_id, key) IN \
         (SELECT kind, relying_party_id, key FROM @imported WHERE import_id = $1 \
         ORDER BY kind, relying_party_id, key LIMIT $2) RETURNING 1) SELECT count(*) FROM w";
    ForgetImport ("b")
        "WITH w AS (DELETE FROM @imports WHERE id = $1 RETURNING 1) SELECT count(*) FROM w";

    // ---- webhooks ----
    CreateWebhook ("bbiit")
        concat!(
            "WITH w AS (INSERT INTO @webhooks (relying_party_id, id, created, revision, body) \
             SELECT $1, $2, $3, $4, $5 WHERE",
            alive!(party),
            " ON CONFLICT (relying_party_id, id) DO NOTHING) SELECT",
            alive!(party)
        );
    CreateWebhookTold (with_event!("biit"))
        concat!(
            "WITH p AS (SELECT 1 WHERE",
            alive!(party),
            "), w AS (INSERT INTO @webhooks (relying_party_id, id, created, revision, body) \
             SELECT $1, $18, $19, $20, $21 FROM p ON CONFLICT (relying_party_id, id) DO NOTHING), e AS (",
            event!("p"),
            ") SELECT EXISTS (SELECT 1 FROM p)"
        );
    Webhook ("bb")
        concat!("SELECT body FROM @webhooks WHERE relying_party_id = $1 AND id = $2 AND", alive!(party));
    ListWebhooks ("bibi")
        page!(up concat!("SELECT body FROM @webhooks WHERE relying_party_id = $1 AND", alive!(party)), "created", "id", "$2", "$3", "$4");
    ListWebhooksDown ("bibi")
        page!(down concat!("SELECT body FROM @webhooks WHERE relying_party_id = $1 AND", alive!(party)), "created", "id", "$2", "$3", "$4");
    UpdateWebhook ("bbit")
        concat!(
            "WITH w AS (UPDATE @webhooks SET revision = $3, body = $4 \
             WHERE relying_party_id = $1 AND id = $2 AND revision = $3 - 1 AND",
            alive!(party),
            " RETURNING 1) SELECT (SELECT count(*) FROM w), (SELECT h.body FROM @webhooks h \
             WHERE h.relying_party_id = $1 AND h.id = $2 AND",
            alive!(party),
            ")"
        );
    UpdateWebhookTold (with_event!("bit"))
        concat!(
            "WITH w AS (UPDATE @webhooks SET revision = $19, body = $20 \
             WHERE relying_party_id = $1 AND id = $18 AND revision = $19 - 1 AND",
            alive!(party),
            " RETURNING 1), e AS (",
            event!("w"),
            ") SELECT (SELECT count(*) FROM w), (SELECT h.body FROM @webhooks h \
             WHERE h.relying_party_id = $1 AND h.id = $18 AND",
            alive!(party),
            ")"
        );
    DeleteWebhook (with_event!("b"))
        concat!(
            "WITH w AS (DELETE FROM @webhooks WHERE relying_party_id = $1 AND id = $18 AND",
            alive!(party),
            " RETURNING 1), e AS (",
            event!("w"),
            ") SELECT count(*) FROM w"
        );

    // ---- deliveries ----
    CreateDelivery ("bbbbbiit")
        concat!(
            "WITH w AS (INSERT INTO @deliveries (relying_party_id, id, account_id, webhook_id, user_id, created, state, due, body) \
             SELECT $1, $2, $3, $4, $5, $6, 0, $7, $8 WHERE",
            alive!(party),
            " ON CONFLICT (relying_party_id, id) DO NOTHING) SELECT",
            alive!(party)
        );
    EnqueueDelivery ("bbbbbiitibtt")
        "WITH w AS (INSERT INTO @deliveries (relying_party_id, id, account_id, webhook_id, user_id, created, state, due, body) \
         SELECT $1, $2, $3, $4, $5, $6, 0, $7, $8 FROM @events e WHERE e.relying_party_id = $1 AND e.at = $9 AND e.id = $10 \
         AND e.kind = $11 AND e.reason IS NOT DISTINCT FROM $12 ON CONFLICT (relying_party_id, id) DO NOTHING RETURNING 1) \
         SELECT count(*) FROM w";
    Delivery ("bb")
        concat!("SELECT body, due FROM @deliveries WHERE relying_party_id = $1 AND id = $2 AND", alive!(party));
    ListDeliveries ("bbibi")
        page!(up concat!("SELECT body, due FROM @deliveries WHERE relying_party_id = $1 AND webhook_id = $2 AND", alive!(party)), "created", "id", "$3", "$4", "$5");
    ListDeliveriesDown ("bbibi")
        page!(down concat!("SELECT body, due FROM @deliveries WHERE relying_party_id = $1 AND webhook_id = $2 AND", alive!(party)), "created", "id", "$3", "$4", "$5");
    // One step in the index for each webhook for which something waits, then those of it that are due.
    ClaimDeliveries ("iiBBiii")
        "WITH RECURSIVE w (account_id, webhook_id, relying_party_id) AS ((SELECT account_id, webhook_id, relying_party_id \
         FROM @deliveries WHERE state = 0 ORDER BY state, account_id, webhook_id LIMIT 1) \
         UNION ALL SELECT n.account_id, n.webhook_id, n.relying_party_id FROM w CROSS JOIN LATERAL (SELECT d.account_id, d.webhook_id, \
         d.relying_party_id FROM @deliveries d WHERE d.state = 0 AND (d.account_id, d.webhook_id) > (w.account_id, w.webhook_id) \
         ORDER BY d.state, d.account_id, d.webhook_id LIMIT 1) n), \
         c AS (SELECT x.relying_party_id, x.id, x.due, row_number() OVER (PARTITION BY x.relying_party_id ORDER BY x.due) AS place \
         FROM w CROSS JOIN LATERAL (SELECT d.relying_party_id, d.id, d.due FROM @deliveries d \
         WHERE d.state = 0 AND d.account_id = w.account_id AND d.webhook_id = w.webhook_id AND d.due <= $1 \
         ORDER BY d.due LIMIT $5) x WHERE w.webhook_id <> ALL ($3) AND w.relying_party_id <> ALL ($4)), \
         m AS (SELECT relying_party_id, id FROM c WHERE place <= $6 ORDER BY due LIMIT $7), \
         l AS (SELECT d.relying_party_id, d.id FROM @deliveries d JOIN m USING (relying_party_id, id) \
         WHERE d.state = 0 AND d.due <= $1 FOR UPDATE OF d SKIP LOCKED) \
         UPDATE @deliveries d SET due = $2 FROM l WHERE d.relying_party_id = l.relying_party_id AND d.id = l.id \
         RETURNING d.body, d.due";
    ReplaceDelivery ("bbiiti")
        "WITH w AS (UPDATE @deliveries SET state = $3, due = $4, body = $5 WHERE relying_party_id = $1 AND id = $2 \
         AND (due = $6 OR due = $4 AND body = $5) RETURNING 1) SELECT count(*) FROM w";
    DeliveriesOfUser ("bbi")
        "SELECT body, due FROM @deliveries WHERE relying_party_id = $1 AND user_id = $2 LIMIT $3";
    EraseDelivery ("bbiti")
        "WITH w AS (UPDATE @deliveries SET user_id = NULL, due = $3, body = $4 WHERE relying_party_id = $1 AND id = $2 \
         AND due = $5 RETURNING 1) SELECT count(*) FROM w";
    OldestDelivery ("")
        "SELECT created FROM @deliveries WHERE state = 0 ORDER BY state, created LIMIT 1";
    SweepDeliveries ("ii")
        "WITH w AS (DELETE FROM @deliveries WHERE (relying_party_id, id) IN (SELECT relying_party_id, id FROM @deliveries \
         WHERE state IN (1, 2) AND created < $1 LIMIT $2) RETURNING 1) SELECT count(*) FROM w";

    // ---- access keys and tokens ----
    CreateAccessKey (with_event!("bit"))
        concat!(
            "WITH p AS (SELECT 1 FROM @relying_parties WHERE id = $1), \
             w AS (INSERT INTO @access_keys (relying_party_id, id, created, body) SELECT $1, $18, $19, $20 FROM p \
             ON CONFLICT (relying_party_id, id) DO NOTHING), e AS (",
            event!("p"),
            ") SELECT count(*) FROM p"
        );
    AccessKey ("bb")
        concat!("SELECT body, used FROM @access_keys WHERE relying_party_id = $1 AND id = $2 AND", alive!(party));
    ListAccessKeys ("bibi")
        page!(up concat!("SELECT body, used FROM @access_keys WHERE relying_party_id = $1 AND", alive!(party)), "created", "id", "$2", "$3", "$4");
    ListAccessKeysDown ("bibi")
        page!(down concat!("SELECT body, used FROM @access_keys WHERE relying_party_id = $1 AND", alive!(party)), "created", "id", "$2", "$3", "$4");
    NoteAccessKeyUse ("bbi")
        "WITH w AS (UPDATE @access_keys SET used = $3 WHERE relying_party_id = $1 AND id = $2 AND coalesce(used, $3 - 1) < $3 \
         RETURNING 1) SELECT count(*) FROM w";
    DeleteAccessKey (with_event!("b"))
        concat!(
            "WITH w AS (DELETE FROM @access_keys WHERE relying_party_id = $1 AND id = $18 AND",
            alive!(party),
            " RETURNING 1), e AS (",
            event!("w"),
            ") SELECT count(*) FROM w"
        );
    // ---- the console ----
    KeepConsoleParty ("bbiit")
        "WITH w AS (INSERT INTO @relying_parties (id, account_id, version, created, body) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO NOTHING RETURNING 1) SELECT count(*) FROM w";
    CreateConsoleRecord (with_event!("ibbiit"))
        concat!(
            "WITH w AS (INSERT INTO @console_records (kind, id, owner, created, expires, body) \
             SELECT $18, $19, $20, $21, $22, $23 WHERE ($20 IS NULL OR $18 = 3 OR EXISTS \
             (SELECT 1 FROM @console_records WHERE kind = 0 AND id = $20)) AND",
            alive!(party),
            " ON CONFLICT (kind, id) DO NOTHING RETURNING 1), e AS (",
            event!("w"),
            ") SELECT (SELECT count(*) FROM w), \
             EXISTS (SELECT 1 FROM @console_records WHERE kind = $18 AND id = $19 AND body = $23)"
        );
    ConsoleRecord ("ib")
        "SELECT body FROM @console_records WHERE kind = $1 AND id = $2";
    ListConsoleRecords ("iibi")
        page!(up "SELECT body FROM @console_records WHERE kind = $1", "created", "id", "$2", "$3", "$4");
    ListConsoleRecordsDown ("iibi")
        page!(down "SELECT body FROM @console_records WHERE kind = $1", "created", "id", "$2", "$3", "$4");
    ListOwnConsoleRecords ("biibi")
        page!(up "SELECT body FROM @console_records WHERE owner = $1 AND kind = $2", "created", "id", "$3", "$4", "$5");
    ListOwnConsoleRecordsDown ("biibi")
        page!(down "SELECT body FROM @console_records WHERE owner = $1 AND kind = $2", "created", "id", "$3", "$4", "$5");
    ReplaceConsoleRecord (with_event!("ibit"))
        concat!(
            administrators!(),
            ", w AS (UPDATE @console_records SET expires = $20, body = $21 WHERE kind = $18 AND id = $19 AND (",
            owns!("$21"),
            " OR",
            leaves_an_owner!(),
            ") AND",
            alive!(party),
            " RETURNING 1), e AS (",
            event!("w"),
            ") SELECT count(*) FROM w"
        );
    // With an administrator goes what is that person's.
    DeleteConsoleRecord (with_event!("ib"))
        concat!(
            administrators!(),
            ", d AS (DELETE FROM @console_records WHERE (kind = $18 AND id = $19 OR owner = $19 AND $18 = 0) AND (",
            leaves_an_owner!(),
            ") AND",
            alive!(party),
            " RETURNING kind, id), w AS (SELECT 1 FROM d WHERE kind = $18 AND id = $19), e AS (",
            event!("w"),
            ") SELECT count(*) FROM w"
        );
    TakeInvite (with_event!("b"))
        concat!(
            "WITH w AS (DELETE FROM @console_records WHERE kind = 1 AND id = $18 AND",
            alive!(party),
            " RETURNING 1), e AS (",
            event!("w"),
            ") SELECT count(*) FROM w"
        );
    AddAdministrator ("bibbit")
        "WITH y AS (SELECT 1 FROM @events WHERE relying_party_id = $1 AND at = $2 AND id = $3), \
         a AS (INSERT INTO @console_records (kind, id, created, body) SELECT 0, $4, $5, $6 FROM y \
         ON CONFLICT (kind, id) DO NOTHING) SELECT EXISTS (SELECT 1 FROM y)";
    SeeSession ("bt")
        "WITH w AS (UPDATE @console_records SET body = $2 WHERE kind = 2 AND id = $1 RETURNING 1) SELECT count(*) FROM w";
    SweepConsoleRecords ("ii")
        sweep!("@console_records", "kind, id");

    // ---- keys of tokens ----
    TokenKey ("bt")
        concat!("SELECT value FROM @token_keys WHERE relying_party_id = $1 AND kind = $2 AND", alive!(party));
    KeepTokenKey ("btb")
        concat!(
            "WITH w AS (INSERT INTO @token_keys (relying_party_id, kind, value) SELECT $1, $2, $3 WHERE",
            alive!(party),
            " ON CONFLICT (relying_party_id, kind) DO NOTHING RETURNING value) SELECT",
            alive!(party),
            ", coalesce((SELECT value FROM w), (SELECT value FROM @token_keys WHERE relying_party_id = $1 AND kind = $2))"
        );
    ReplaceTokenKey ("btbb")
        concat!(
            "WITH w AS (UPDATE @token_keys SET value = $4 WHERE relying_party_id = $1 AND kind = $2 AND value = $3 AND",
            alive!(party),
            " RETURNING 1) SELECT (SELECT count(*) FROM w), \
             EXISTS (SELECT 1 FROM @token_keys WHERE relying_party_id = $1 AND kind = $2 AND value = $4 AND",
            alive!(party),
            ")"
        );
    RotateTokenKey (with_event!("tbb"))
        concat!(
            "WITH w AS (UPDATE @token_keys SET value = $20 WHERE relying_party_id = $1 AND kind = $18 AND value = $19 AND",
            alive!(party),
            " RETURNING 1), e AS (",
            event!("w"),
            ") SELECT (SELECT count(*) FROM w), \
             EXISTS (SELECT 1 FROM @token_keys WHERE relying_party_id = $1 AND kind = $18 AND value = $20 AND",
            alive!(party),
            ")"
        );
    ListTokenKeys ("bti")
        "SELECT relying_party_id, kind, value FROM @token_keys WHERE (relying_party_id, kind) > ($1, $2) \
         ORDER BY relying_party_id, kind LIMIT $3";
    ClaimOnce ("bbib")
        concat!(
            "WITH w AS (INSERT INTO @used_tokens (relying_party_id, id, expires, attempt) SELECT $1, $2, $3, $4 WHERE",
            alive!(party),
            " ON CONFLICT (relying_party_id, id) DO NOTHING RETURNING attempt) SELECT",
            alive!(party),
            ", coalesce((SELECT attempt FROM w), (SELECT attempt FROM @used_tokens WHERE relying_party_id = $1 AND id = $2))"
        );
    IsClaimed ("bb")
        concat!(
            "SELECT EXISTS (SELECT 1 FROM @used_tokens WHERE relying_party_id = $1 AND id = $2 AND",
            alive!(party),
            ")"
        );

    // ---- metadata ----
    Metadata ("ii")
        "SELECT removals, no, imported, source, blob FROM @metadata \
         WHERE id = 1 AND (removals > $1 OR (removals = $1 AND no > $2))";
    ReplaceMetadata ("iitb")
        "WITH w AS (INSERT INTO @metadata (id, removals, no, imported, source, blob) VALUES (1, 0, $1, $2, $3, $4) \
         ON CONFLICT (id) DO UPDATE SET no = excluded.no, imported = excluded.imported, source = excluded.source, \
         blob = excluded.blob WHERE excluded.no > metadata.no RETURNING removals) \
         SELECT (SELECT removals FROM w), m.removals, m.no, \
         m.no = $1 AND m.imported = $2 AND m.source = $3 AND m.blob = $4 \
         FROM (SELECT 1) one LEFT JOIN @metadata m ON m.id = 1";
    RemoveMetadata ("")
        "WITH w AS (UPDATE @metadata SET removals = removals + 1, no = -1, blob = '' WHERE id = 1 AND no > -1 RETURNING 1) \
         SELECT count(*) FROM w";

    // ---- events ----
    FindEvents ("biiibi")
        concat!(
            "SELECT ",
            columns!(event),
            " FROM @events WHERE relying_party_id = $1 AND at >= $2 AND at < $3 AND (at, id) < ($4, $5) \
             ORDER BY at DESC, id DESC LIMIT $6"
        );
    // The moments bound the rows that are looked at.
    EraseEvents ("bbiiB")
        "WITH w AS (UPDATE @events SET user_id = NULL, user_name = NULL, credential_key = NULL, user_agent = NULL, \
         address = NULL, more = NULL WHERE relying_party_id = $1 AND at >= $3 AND at <= $4 AND id = ANY ($5) AND user_id = $2 \
         RETURNING 1) SELECT count(*) FROM w";

    // ---- responses that are kept ----
    ReserveAnswer ("bbbbiiii")
        "WITH f AS (SELECT content, attempt, started, answer FROM @answers \
         WHERE account_id = $1 AND key = $2 AND expires > $5), \
         w AS (INSERT INTO @answers (account_id, key, content, attempt, started, expires) \
         SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT 1 FROM f \
         WHERE content <> $3 OR answer IS NOT NULL OR attempt = $4 OR started >= $7) \
         ON CONFLICT (account_id, key) DO UPDATE SET content = excluded.content, attempt = excluded.attempt, \
         started = excluded.started, expires = excluded.expires, answer = NULL \
         WHERE answers.expires <= $5 OR (answers.content = $3 AND answers.answer IS NULL AND answers.attempt <> $4 \
         AND answers.started < $7) RETURNING 1), \
         r AS (DELETE FROM @answers WHERE account_id = $1 AND key IN (SELECT o.key FROM @answers o \
         WHERE o.account_id = $1 AND o.key <> $2 ORDER BY o.expires DESC, o.key DESC OFFSET $8) \
         AND EXISTS (SELECT 1 FROM w)) \
         SELECT (SELECT count(*) FROM w), f.content, f.attempt, f.started, f.answer \
         FROM (SELECT 1) one LEFT JOIN f ON TRUE";
    KeepAnswer ("bbbb")
        "WITH w AS (UPDATE @answers SET answer = $4 WHERE account_id = $1 AND key = $2 AND attempt = $3 RETURNING 1) \
         SELECT count(*) FROM w";
    ReleaseAnswer ("bbb")
        "WITH w AS (DELETE FROM @answers WHERE account_id = $1 AND key = $2 AND attempt = $3 AND answer IS NULL \
         RETURNING 1) SELECT count(*) FROM w";

    // ---- upkeep ----
    Ping ("")
        "SELECT count(*) FROM @meta WHERE name = 'shared_secret'";
    SharedSecret ("b")
        "WITH w AS (INSERT INTO @meta (name, value) VALUES ('shared_secret', $1) ON CONFLICT (name) DO NOTHING \
         RETURNING value) SELECT coalesce((SELECT value FROM w), (SELECT value FROM @meta WHERE name = 'shared_secret'))";
    StoreKey ("")
        "SELECT value FROM @meta WHERE name = 'store_key'";
    KeepStoreKey ("b")
        "WITH w AS (INSERT INTO @meta (name, value) VALUES ('store_key', $1) ON CONFLICT (name) DO NOTHING \
         RETURNING value) SELECT coalesce((SELECT value FROM w), (SELECT value FROM @meta WHERE name = 'store_key'))";
    ReplaceStoreKey ("bb")
        "WITH w AS (UPDATE @meta SET value = $2 WHERE name = 'store_key' AND value = $1 RETURNING 1) \
         SELECT (SELECT count(*) FROM w), EXISTS (SELECT 1 FROM @meta WHERE name = 'store_key' AND value = $2)";
    LatestTime ("b")
        "WITH w AS (INSERT INTO @meta (name, value) VALUES ('latest_time', $1) ON CONFLICT (name) DO UPDATE \
         SET value = excluded.value WHERE meta.value < excluded.value RETURNING value) \
         SELECT coalesce((SELECT value FROM w), (SELECT value FROM @meta WHERE name = 'latest_time'))";
    Lease ("tbii")
        "WITH w AS (INSERT INTO @leases (name, node, until) VALUES ($1, $2, $4) ON CONFLICT (name) DO UPDATE \
         SET node = excluded.node, until = excluded.until WHERE leases.node = excluded.node OR leases.until <= $3 \
         RETURNING 1) SELECT count(*) FROM w";
    FirstDeletion ("")
        "SELECT at, relying_party_id, user_id FROM @deletions WHERE swept = FALSE \
         ORDER BY at, relying_party_id, user_id LIMIT 1";
    OldDeletion ("i")
        "SELECT at, relying_party_id, user_id FROM @deletions WHERE swept = TRUE AND at < $1 \
         ORDER BY at, relying_party_id, user_id LIMIT 1";
    MarkSwept ("ibb")
        "WITH w AS (DELETE FROM @deletions WHERE swept = FALSE AND at = $1 AND relying_party_id = $2 AND user_id = $3 \
         RETURNING 1), m AS (INSERT INTO @deletions (at, relying_party_id, user_id, swept) SELECT $1, $2, $3, TRUE FROM w) \
         SELECT count(*) FROM w";
    RemoveMark ("ibb")
        "WITH w AS (DELETE FROM @deletions WHERE swept = TRUE AND at = $1 AND relying_party_id = $2 AND user_id = $3 \
         RETURNING 1) SELECT count(*) FROM w";
    SweepPartyCeremonies ("bi")
        remains!("@ceremonies", "id");
    SweepPartyCredentials ("bi")
        "WITH w AS (DELETE FROM @credentials WHERE relying_party_id = $1 AND id_hash IN (SELECT id_hash \
         FROM @credentials WHERE relying_party_id = $1 ORDER BY id_hash LIMIT $2) RETURNING key), \
         a AS (DELETE FROM @attestations WHERE relying_party_id = $1 AND key IN (SELECT key FROM w)) \
         SELECT count(*) FROM w";
    SweepPartyUsers ("bi")
        remains!("@users", "id");
    SweepPartyWebhooks ("bi")
        remains!("@webhooks", "id");
    SweepPartyDeliveries ("bi")
        remains!("@deliveries", "id");
    SweepPartyAccessKeys ("bi")
        remains!("@access_keys", "id");
    SweepPartyTokenKeys ("bi")
        remains!("@token_keys", "kind");
    SweepPartyTokens ("bi")
        remains!("@used_tokens", "id");
    SweepUserCeremonies ("bib")
        "WITH w AS (DELETE FROM @ceremonies WHERE relying_party_id = $1 AND id IN (SELECT id FROM @ceremonies \
         WHERE relying_party_id = $1 AND user_id = $3 ORDER BY kind, created, id LIMIT $2) RETURNING 1) \
         SELECT count(*) FROM w";
    SweepUserCredentials ("bib")
        "WITH w AS (DELETE FROM @credentials WHERE relying_party_id = $1 AND id_hash IN (SELECT id_hash \
         FROM @credentials WHERE relying_party_id = $1 AND user_id = $3 ORDER BY created, key LIMIT $2) RETURNING key), \
         a AS (DELETE FROM @attestations WHERE relying_party_id = $1 AND key IN (SELECT key FROM w)) \
         SELECT count(*) FROM w";
    SweepCeremonies ("ii")
        sweep!("@ceremonies", "relying_party_id, id");
    SweepPolicies ("ii")
        sweep!("@policies", "relying_party_id, id");
    SweepTokens ("ii")
        sweep!("@used_tokens", "relying_party_id, id");
    SweepAnswers ("ii")
        sweep!("@answers", "account_id, key");
    SweepEvents ("bii")
        "WITH w AS (DELETE FROM @events WHERE relying_party_id = $1 AND (at, id) IN (SELECT at, id FROM @events \
         WHERE relying_party_id = $1 AND at < $2 ORDER BY at, id LIMIT $3) RETURNING 1) SELECT count(*) FROM w";
    // Jumps from one Relying Party to the next in the primary key instead of reading every event.
    PartiesWithEvents ("bi")
        "WITH RECURSIVE walk (party, oldest, step) AS ((SELECT relying_party_id, at, CAST(1 AS bigint) FROM @events \
         WHERE relying_party_id > $1 ORDER BY relying_party_id, at, id LIMIT 1) UNION ALL \
         SELECT n.relying_party_id, n.at, walk.step + 1 FROM walk CROSS JOIN LATERAL (SELECT e.relying_party_id, e.at \
         FROM @events e WHERE e.relying_party_id > walk.party ORDER BY e.relying_party_id, e.at, e.id LIMIT 1) n \
         WHERE walk.step < $2) SELECT party, oldest FROM walk ORDER BY step";
    EventsSweptTo ("")
        "SELECT value FROM @meta WHERE name = 'events_swept_to'";
    SetEventsSweptTo ("b")
        "WITH w AS (INSERT INTO @meta (name, value) VALUES ('events_swept_to', $1) ON CONFLICT (name) DO UPDATE \
         SET value = excluded.value RETURNING 1) SELECT count(*) FROM w";
    ClearEventsSweptTo ("")
        "WITH w AS (DELETE FROM @meta WHERE name = 'events_swept_to' RETURNING 1) SELECT count(*) FROM w";

    // ---- migrations ----
    HasMigrations ("t")
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = $1 AND table_name = 'migrations'";
    Migrations ("")
        "SELECT number, oldest FROM @migrations ORDER BY number";
    NoteMigration ("iii")
        "WITH w AS (INSERT INTO @migrations (number, oldest, applied) VALUES ($1, $2, $3) \
         ON CONFLICT (number) DO NOTHING RETURNING 1) SELECT count(*) FROM w";
    ReleaseLease ("tb")
        "WITH w AS (DELETE FROM @leases WHERE name = $1 AND node = $2 RETURNING 1) SELECT count(*) FROM w";
}
