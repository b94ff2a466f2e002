//! What a copy contains, and what it contains that another store does not.

use std::fmt::Write as _;
use std::path::Path;

use domain::model::console::CONSOLE_PARTY;
use rusqlite::{Connection, Row};

/// How many records a store has, without what the console keeps for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts.
    pub accounts: u64,
    /// Relying Parties.
    pub relying_parties: u64,
    /// Users.
    pub users: u64,
    /// Credentials.
    pub credentials: u64,
    /// Access keys of back ends.
    pub access_keys: u64,
    /// API keys of accounts.
    pub api_keys: u64,
    /// Ceremonies that ended or wait for their response.
    pub ceremonies: u64,
    /// Audit events.
    pub events: u64,
}

/// What a [`Record`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// An access key of a Relying Party.
    AccessKey,
    /// The keys under which the access keys of a Relying Party are checked.
    AccessTokenKeys,
    /// An API key of an account.
    ApiKey,
    /// The Auth Token of an account.
    AuthToken,
    /// The Auth Token of an account, which no longer has one: that of the backup was replaced, and its successor is not known.
    NoAuthToken,
    /// As [`AccessTokenKeys`](Self::AccessTokenKeys), of a Relying Party that has none now for the same reason.
    NoAccessTokenKeys,
    /// An administrator of the console.
    Administrator,
    /// The role of an administrator.
    Role,
    /// A passkey of an administrator who was there; its name has that of the administrator.
    AdministratorPasskey,
    /// A webhook of a Relying Party.
    Webhook,
    /// A webhook that is switched off.
    WebhookOff,
    /// The address, the secret and the other settings of a webhook.
    WebhookSettings,
    /// The name, the policy and the other settings of a Relying Party.
    Settings,
    /// A Relying Party of an account.
    RelyingParty,
    /// A user.
    User,
    /// A credential; its name has that of the user.
    Credential,
}

/// A record with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is.
    pub kind: RecordKind,
    /// The Relying Party or the account, in hexadecimal.
    pub owner: String,
    /// Its key, in hexadecimal.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What the store that was there has, and the backup does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Accounts.
    pub accounts: u64,
    /// Relying Parties.
    pub relying_parties: u64,
    /// Users.
    pub users: u64,
    /// Credentials.
    pub credentials: u64,
    /// Access keys of back ends.
    pub access_keys: u64,
    /// API keys of accounts.
    pub api_keys: u64,
    /// Webhooks.
    pub webhooks: u64,
    /// Administrators of the console.
    pub administrators: u64,
    /// Passkeys of administrators who are there now.
    pub administrator_passkeys: u64,
}

/// What comes back when a backup takes the place of a store, and what goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What was revoked, replaced or removed after the backup, and stays so.
    pub stays: Vec<Record>,
    /// What the backup has and the other store has not, or has in another form; of users and credentials the first ones.
    pub again: Vec<Record>,
    /// How many users come back.
    pub users_again: u64,
    /// How many credentials come back.
    pub credentials_again: u64,
    /// What is lost.
    pub lost: Lost,
}

/// Users and credentials that are named; there may be millions.
const NAMED: u32 = 1000;

/// The Relying Party of the console belongs to no account, and no list has it.
const OF_ACCOUNTS: &str = "c.account_id IN (SELECT id FROM main.accounts)";

/// Whether keys and secrets of both stores are sealed under the same key, so that one can have those of the other.
pub(super) const SAME_KEY: &str = "(SELECT value FROM main.meta WHERE name = 'store_key') IS \
    (SELECT value FROM present.meta WHERE name = 'store_key')";

/// A store that has nothing, as far as stores are compared.
const NOTHING: &str = "ATTACH ':memory:' AS present;
    CREATE TABLE present.meta (name, value);
    CREATE TABLE present.revoked (kind, id);
    CREATE TABLE present.accounts (id, token);
    CREATE TABLE present.api_keys (id);
    CREATE TABLE present.relying_parties (id, body);
    CREATE TABLE present.access_keys (relying_party_id, id);
    CREATE TABLE present.token_keys (relying_party_id, kind, value);
    CREATE TABLE present.webhooks (relying_party_id, id, body);
    CREATE TABLE present.console_records (kind, id, body);
    CREATE TABLE present.users (relying_party_id, id);
    CREATE TABLE present.credentials (relying_party_id, key, user_id);";

type Found<T> = Result<T, rusqlite::Error>;

fn count(connection: &Connection, sql: &str) -> Found<u64> {
    let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The key of the console's Relying Party as SQL.
pub(super) fn console() -> String {
    format!("x'{}'", CONSOLE_PARTY.to_hex())
}

pub(super) fn counts(connection: &Connection) -> Found<Counts> {
    let of = |table| count(connection, &format!("SELECT count(*) FROM {table}"));
    let outside = |table| {
        let console = console();
        let sql = format!("SELECT count(*) FROM {table} WHERE relying_party_id <> {console}");
        count(connection, &sql)
    };
    Ok(Counts {
        accounts: of("accounts")?,
        relying_parties: count(
            connection,
            &format!("SELECT count(*) FROM relying_parties c WHERE {OF_ACCOUNTS}"),
        )?,
        users: outside("users")?,
        credentials: outside("credentials")?,
        access_keys: of("access_keys")?,
        api_keys: of("api_keys")?,
        ceremonies: of("ceremonies")?,
        events: of("events")?,
    })
}

/// How many keys, webhooks and administrators a store has.
pub(super) fn revocable(connection: &Connection) -> Found<u64> {
    count(
        connection,
        "SELECT (SELECT count(*) FROM main.access_keys) + (SELECT count(*) FROM main.api_keys) + (SELECT count(*) FROM main.webhooks) \
         + (SELECT count(*) FROM main.console_records WHERE kind = 0)",
    )
}

/// The URI by which `SQLite` opens a file for reading only: not even a damaged log of it is touched.
fn to_read(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            let _ = write!(uri, "%{byte:02x}");
        }
    }
    uri + "?mode=ro"
}

/// Makes the store at `present` known to a connection as `present`; without one, a store that has nothing.
pub(super) fn attach(connection: &Connection, present: Option<&Path>) -> Found<()> {
    match present {
        Some(path) => connection
            .execute("ATTACH ?1 AS present", [to_read(path)])
            .map(drop),
        None => connection.execute_batch(NOTHING),
    }
}

/// Reads records: the owner, the key, and the name of each.
fn records(connection: &Connection, kind: RecordKind, sql: &str) -> Found<Vec<Record>> {
    let read = |row: &Row<'_>| {
        Ok(Record {
            kind,
            owner: row.get(0)?,
            id: row.get(1)?,
            name: row.get(2)?,
        })
    };
    connection.prepare(sql)?.query_map([], read)?.collect()
}

/// What was revoked, as the attached store says.
fn revoked(kind: &str, id: &str) -> String {
    format!("EXISTS (SELECT 1 FROM present.revoked r WHERE r.kind = '{kind}' AND r.id = {id})")
}

/// Administrators of the attached store and of this one.
const BOTH_ADMINISTRATORS: &str = "main.console_records c JOIN present.console_records p \
    ON p.kind = 0 AND p.id = c.id WHERE c.kind = 0";

/// The passkeys of administrators that one of two stores has and the other one has not, where both have the administrator.
fn administrator_passkeys(of: &str, other: &str) -> String {
    let console = console();
    format!(
        "FROM {of}.credentials k JOIN {of}.console_records a ON a.kind = 0 AND a.id = k.user_id \
         JOIN {other}.console_records b ON b.kind = 0 AND b.id = k.user_id WHERE k.relying_party_id = {console} AND NOT EXISTS \
         (SELECT 1 FROM {other}.credentials o WHERE o.relying_party_id = k.relying_party_id AND o.key = k.key)"
    )
}

/// Whether the value of which this expression is the image was replaced, as either store knows.
fn replaced(kind: &str, image: &str) -> String {
    format!(
        "(EXISTS (SELECT 1 FROM main.revoked r WHERE r.kind = '{kind}' AND r.id = {image}) \
         OR EXISTS (SELECT 1 FROM present.revoked r WHERE r.kind = '{kind}' AND r.id = {image}))"
    )
}

/// How the values of `c` in this store and `p` in the attached one differ: what they are compared by, and the image of each.
pub(super) struct Values {
    kind: &'static str,
    column: &'static str,
    image: fn(&str) -> String,
}

/// Auth Tokens.
pub(super) const TOKENS: Values = Values {
    kind: "auth_token",
    column: "token",
    image: |row| format!("seal('auth_token', {row}.id, {row}.token)"),
};

/// The keys that check access keys.
pub(super) const TOKEN_KEYS: Values = Values {
    kind: "access_token_keys",
    column: "value",
    image: |row| format!("seal('access_token_keys', {row}.relying_party_id, {row}.value)"),
};

impl Values {
    /// The present store has another one, or none.
    fn differ(&self, row: &str) -> String {
        format!("p.{0} IS NOT {row}.{0}", self.column)
    }

    /// The kind of its rows in `revoked`.
    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    /// The kind of the rows in `revoked` which say that a value, whose image they have, is none: [`removed`](super::carry::removed) drew it.
    pub(super) fn none(&self) -> String {
        format!("no_{}", self.kind)
    }

    /// Whether the value of a row stands for one that was removed, so that nobody knows it. It is as old as that one.
    pub(super) fn is_none(&self, row: &str) -> String {
        replaced(&self.none(), &self.image_of(row))
    }

    /// The image of the value of a row.
    pub(super) fn image_of(&self, row: &str) -> String {
        (self.image)(row)
    }

    /// Whether the value of a row was replaced.
    pub(super) fn is_replaced(&self, row: &str) -> String {
        replaced(self.kind, &self.image_of(row))
    }

    /// When the value of a row took the place of another one; null where neither store knows. The notes of both stores are in this one.
    pub(super) fn since(&self, row: &str) -> String {
        format!(
            "(SELECT at FROM main.took_effect WHERE kind = '{}' AND image = {})",
            self.kind,
            self.image_of(row)
        )
    }

    /// Whether the value of one row took effect before that of the other one, as far as both times are known.
    fn is_earlier(&self, row: &str, than: &str) -> String {
        format!("ifnull({} < {}, 0)", self.since(row), self.since(than))
    }

    /// They differ, and nothing says which of them is the later one.
    pub(super) fn unknown(&self) -> String {
        let [c, p] = ["c", "p"].map(|row| self.is_replaced(row));
        let (earlier, later) = (self.is_earlier("c", "p"), self.is_earlier("p", "c"));
        format!(
            "({} AND NOT {c} AND NOT {p} AND NOT {earlier} AND NOT {later})",
            self.differ("c")
        )
    }

    /// That of the row was replaced, that of `p` was not, and this store can have it. A note that a value was replaced says more than a time.
    pub(super) fn present_is_newer(&self, row: &str) -> String {
        let [c, p] = [row, "p"].map(|row| self.is_replaced(row));
        format!(
            "(p.{} IS NOT NULL AND {} AND {SAME_KEY} AND NOT {p} AND NOT {} AND ({c} OR {}))",
            self.column,
            self.differ(row),
            self.is_none("p"),
            self.is_earlier(row, "p")
        )
    }

    /// That of `c` was not replaced, and that of `p` was.
    fn present_is_older(&self) -> String {
        let [c, p] = ["c", "p"].map(|row| self.is_replaced(row));
        format!(
            "({} AND NOT {c} AND ({p} OR {}))",
            self.differ("c"),
            self.is_earlier("p", "c")
        )
    }

    /// What the report says of a value of `c` that takes the place of that of `p`.
    fn remark(&self) -> String {
        format!(
            "CASE WHEN {} THEN 'it is newer than the one that was there' ELSE '' END",
            self.present_is_older()
        )
    }

    /// That of the row was replaced: by one that is known, or by that of `p`, if there is one.
    pub(super) fn is_old(&self, row: &str) -> String {
        let [c, p] = [row, "p"].map(|row| self.is_replaced(row));
        format!(
            "({c} OR ifnull({} AND NOT {p} AND {}, 0))",
            self.differ(row),
            self.is_earlier(row, "p")
        )
    }
}

/// Whether the administrator of the row `p` may do less than that of `c`: the lower role counts, so that nobody gains one.
pub(super) fn lower_role() -> String {
    format!("({} < {})", rank("p"), rank("c"))
}

/// Orders the roles of administrators.
fn rank(row: &str) -> String {
    format!("CASE {row}.body ->> '$.role' WHEN 'owner' THEN 2 WHEN 'operator' THEN 1 ELSE 0 END")
}

/// Whether the webhook of the row `p` is switched off, and that of `c` is not.
pub(super) fn webhook_is_off() -> &'static str {
    "(NOT p.body ->> '$.enabled' AND c.body ->> '$.enabled')"
}

/// The settings in the body of a row: without what counts changes, and what the process notes.
fn settings(row: &str) -> String {
    format!(
        "json_remove({row}.body, '$.revision', '$.version', '$.updated', '$.failing', '$.enabled')"
    )
}

/// What stays revoked, replaced or removed.
fn stays(connection: &Connection) -> Found<Vec<Record>> {
    let (token, token_keys, role) = (
        TOKENS.present_is_newer("c"),
        TOKEN_KEYS.present_is_newer("c"),
        lower_role(),
    );
    let (access, api) = (revoked("access_key", "c.id"), revoked("api_key", "c.id"));
    let (webhook, administrator) = (revoked("webhook", "c.id"), revoked("administrator", "c.id"));
    let (no_token, no_keys) = (TOKENS.is_old("c"), TOKEN_KEYS.is_old("c"));
    let none = TOKENS.is_none("c");
    let keys_replaced = TOKEN_KEYS.is_replaced("p");
    let off = webhook_is_off();
    let mut found = Vec::new();
    for (kind, sql) in [
        (
            RecordKind::AccessKey,
            format!(
                "SELECT lower(hex(c.relying_party_id)), lower(hex(c.id)), coalesce(c.body ->> '$.name', '') \
             FROM main.access_keys c WHERE {access} ORDER BY c.created"
            ),
        ),
        (
            RecordKind::ApiKey,
            format!(
                "SELECT lower(hex(c.account_id)), lower(hex(c.id)), c.name FROM main.api_keys c WHERE {api} ORDER BY c.created"
            ),
        ),
        (
            RecordKind::Webhook,
            format!(
                "SELECT lower(hex(c.relying_party_id)), lower(hex(c.id)), coalesce(c.body ->> '$.name', '') \
             FROM main.webhooks c WHERE {webhook} ORDER BY c.created"
            ),
        ),
        (
            RecordKind::Administrator,
            format!(
                "SELECT '{}', lower(hex(c.id)), coalesce(c.body ->> '$.name', '') \
             FROM main.console_records c WHERE c.kind = 0 AND {administrator} ORDER BY c.created",
                CONSOLE_PARTY.to_hex()
            ),
        ),
        (
            RecordKind::Role,
            format!(
                "SELECT '{}', lower(hex(c.id)), coalesce(p.body ->> '$.name', '') || ', ' || coalesce(p.body ->> '$.role', '') \
             FROM {BOTH_ADMINISTRATORS} AND {role} ORDER BY c.created",
                CONSOLE_PARTY.to_hex()
            ),
        ),
        (
            RecordKind::AuthToken,
            format!(
                "SELECT lower(hex(c.id)), lower(hex(c.id)), '' FROM main.accounts c JOIN present.accounts p ON p.id = c.id \
             WHERE {token} ORDER BY c.created"
            ),
        ),
        (
            RecordKind::AccessTokenKeys,
            format!(
                "SELECT lower(hex(c.relying_party_id)), '', '' FROM main.token_keys c JOIN present.token_keys p \
             ON p.relying_party_id = c.relying_party_id AND p.kind = c.kind WHERE c.kind = 'access' AND {token_keys}"
            ),
        ),
        (
            RecordKind::NoAuthToken,
            format!(
                "SELECT lower(hex(c.id)), lower(hex(c.id)), '' FROM main.accounts c LEFT JOIN present.accounts p ON p.id = c.id \
             WHERE ({no_token} OR {none}) AND {token} IS NOT TRUE ORDER BY c.created"
            ),
        ),
        (
            RecordKind::NoAccessTokenKeys,
            format!(
                "SELECT lower(hex(c.relying_party_id)), '', '' FROM main.token_keys c LEFT JOIN present.token_keys p \
             ON p.relying_party_id = c.relying_party_id AND p.kind = c.kind \
             WHERE c.kind = 'access' AND {no_keys} AND {token_keys} IS NOT TRUE"
            ),
        ),
        // A restore has removed those of the backup, and those of the store cannot be used with it.
        (
            RecordKind::NoAccessTokenKeys,
            format!(
                "SELECT lower(hex(p.relying_party_id)), '', '' FROM present.token_keys p JOIN main.relying_parties r ON r.id = p.relying_party_id \
             WHERE p.kind = 'access' AND NOT ({SAME_KEY} AND NOT {keys_replaced}) \
             AND EXISTS (SELECT 1 FROM main.access_keys k WHERE k.relying_party_id = p.relying_party_id) \
             AND NOT EXISTS (SELECT 1 FROM main.token_keys c WHERE c.relying_party_id = p.relying_party_id AND c.kind = p.kind)"
            ),
        ),
        (
            RecordKind::WebhookOff,
            format!(
                "SELECT lower(hex(c.relying_party_id)), lower(hex(c.id)), coalesce(c.body ->> '$.name', '') FROM main.webhooks c \
             JOIN present.webhooks p ON p.relying_party_id = c.relying_party_id AND p.id = c.id WHERE {off} ORDER BY c.created"
            ),
        ),
    ] {
        found.append(&mut records(connection, kind, &sql)?);
    }
    Ok(found)
}

/// Whether the access key of the row `c` has nothing that checks it: the keys for it in this store were replaced, and their successors are not known.
fn without_keys() -> String {
    let (old, newer) = (TOKEN_KEYS.is_old("t"), TOKEN_KEYS.present_is_newer("t"));
    format!(
        "EXISTS (SELECT 1 FROM main.token_keys t LEFT JOIN present.token_keys p ON p.relying_party_id = t.relying_party_id AND p.kind = t.kind \
         WHERE t.relying_party_id = c.relying_party_id AND t.kind = 'access' AND {old} AND {newer} IS NOT TRUE)"
    )
}

/// The administrators that come back, and what comes back to them: a higher role, a passkey.
fn administrators_again(connection: &Connection) -> Found<Vec<Record>> {
    let raised = format!("({} > {})", rank("p"), rank("c"));
    let administrator = revoked("administrator", "c.id");
    let passkeys = administrator_passkeys("main", "present");
    let mut found = Vec::new();
    for (kind, sql) in [
        (
            RecordKind::Role,
            format!(
                "SELECT '{}', lower(hex(c.id)), coalesce(c.body ->> '$.name', '') || ', ' || coalesce(c.body ->> '$.role', '') \
             FROM {BOTH_ADMINISTRATORS} AND {raised} ORDER BY c.created",
                CONSOLE_PARTY.to_hex()
            ),
        ),
        (
            RecordKind::Administrator,
            format!(
                "SELECT '{}', lower(hex(c.id)), coalesce(c.body ->> '$.name', '') || ', ' || coalesce(c.body ->> '$.role', '') \
             FROM main.console_records c WHERE c.kind = 0 AND NOT {administrator} AND NOT EXISTS \
             (SELECT 1 FROM present.console_records p WHERE p.kind = 0 AND p.id = c.id) ORDER BY c.created",
                CONSOLE_PARTY.to_hex()
            ),
        ),
        (
            RecordKind::AdministratorPasskey,
            format!(
                "SELECT '{}', lower(hex(k.key)), coalesce(a.body ->> '$.name', '') || ', ' || k.name {passkeys}",
                CONSOLE_PARTY.to_hex()
            ),
        ),
    ] {
        found.append(&mut records(connection, kind, &sql)?);
    }
    Ok(found)
}

/// The keys and webhooks that come back, and what comes back in its old form.
fn keys_again(connection: &Connection) -> Found<Vec<Record>> {
    let (old_token, no_token) = (TOKENS.is_old("c"), TOKENS.is_none("c"));
    let old_keys = TOKEN_KEYS.is_old("c");
    let (of_token, of_keys) = (TOKENS.remark(), TOKEN_KEYS.remark());
    let without_keys = without_keys();
    let settings_differ = format!("{} <> {}", settings("p"), settings("c"));
    let switched_off = "(p.body ->> '$.enabled' AND NOT c.body ->> '$.enabled')";
    let party = "JOIN present.relying_parties r ON r.id = p.relying_party_id";
    let (access, api) = (revoked("access_key", "c.id"), revoked("api_key", "c.id"));
    let webhook = revoked("webhook", "c.id");
    let mut found = Vec::new();
    for (kind, sql) in [
        (
            RecordKind::AccessKey,
            format!(
                "SELECT lower(hex(c.relying_party_id)), lower(hex(c.id)), coalesce(c.body ->> '$.name', '') FROM main.access_keys c \
             WHERE NOT {access} AND NOT {without_keys} AND NOT EXISTS (SELECT 1 FROM present.access_keys p {party} \
             WHERE p.relying_party_id = c.relying_party_id AND p.id = c.id) ORDER BY c.created"
            ),
        ),
        (
            RecordKind::AccessTokenKeys,
            format!(
                "SELECT lower(hex(c.relying_party_id)), '', {of_keys} FROM main.token_keys c \
             JOIN present.relying_parties r ON r.id = c.relying_party_id LEFT JOIN present.token_keys p \
             ON p.relying_party_id = c.relying_party_id AND p.kind = c.kind \
             WHERE c.kind = 'access' AND p.value IS NOT c.value AND NOT {old_keys}"
            ),
        ),
        (
            RecordKind::ApiKey,
            format!(
                "SELECT lower(hex(c.account_id)), lower(hex(c.id)), c.name FROM main.api_keys c WHERE NOT {api} AND NOT EXISTS \
             (SELECT 1 FROM present.api_keys p WHERE p.id = c.id) ORDER BY c.created"
            ),
        ),
        // A keyed hash and a plain one cannot be compared, nor those of two keys.
        (
            RecordKind::AuthToken,
            format!(
                "SELECT lower(hex(c.id)), lower(hex(c.id)), CASE WHEN length(p.token) <> length(c.token) \
             THEN 'perhaps the present one: only one of the two is sealed' ELSE {of_token} END \
             FROM main.accounts c LEFT JOIN present.accounts p ON p.id = c.id \
             WHERE p.token IS NOT c.token AND NOT {old_token} AND NOT {no_token} ORDER BY c.created"
            ),
        ),
        (
            RecordKind::Webhook,
            format!(
                "SELECT lower(hex(c.relying_party_id)), lower(hex(c.id)), coalesce(c.body ->> '$.name', '') FROM main.webhooks c \
             WHERE NOT {webhook} AND NOT EXISTS (SELECT 1 FROM present.webhooks p {party} \
             WHERE p.relying_party_id = c.relying_party_id AND p.id = c.id) ORDER BY c.created"
            ),
        ),
        (
            RecordKind::WebhookSettings,
            format!(
                "SELECT lower(hex(c.relying_party_id)), lower(hex(c.id)), \
             coalesce(c.body ->> '$.name', '') || CASE WHEN {switched_off} THEN ', switched off now' ELSE '' END FROM main.webhooks c \
             JOIN present.webhooks p ON p.relying_party_id = c.relying_party_id AND p.id = c.id \
             WHERE {settings_differ} OR {switched_off} ORDER BY c.created"
            ),
        ),
        (
            RecordKind::Settings,
            format!(
                "SELECT lower(hex(c.account_id)), lower(hex(c.id)), coalesce(c.body ->> '$.name', '') FROM main.relying_parties c \
             JOIN present.relying_parties p ON p.id = c.id WHERE {OF_ACCOUNTS} AND {settings_differ} ORDER BY c.created"
            ),
        ),
        (
            RecordKind::RelyingParty,
            format!(
                "SELECT lower(hex(c.account_id)), lower(hex(c.id)), coalesce(c.body ->> '$.name', '') FROM main.relying_parties c \
             WHERE {OF_ACCOUNTS} AND NOT EXISTS (SELECT 1 FROM present.relying_parties p WHERE p.id = c.id) ORDER BY c.created"
            ),
        ),
    ] {
        found.append(&mut records(connection, kind, &sql)?);
    }
    Ok(found)
}

/// What was revoked in this store is not lost: the attached store is the older one.
fn unless_revoked(table: &str) -> String {
    let kind = match table {
        "access_keys" => "access_key",
        "api_keys" => "api_key",
        "webhooks" => "webhook",
        _ => return String::new(),
    };
    format!("AND NOT EXISTS (SELECT 1 FROM main.revoked r WHERE r.kind = '{kind}' AND r.id = p.id)")
}

/// What this store has that the attached one has not, and the other way round.
pub(super) fn difference(connection: &Connection) -> Found<Difference> {
    // The rows of a user or of a Relying Party that was deleted may still be there: the sweep removes them.
    let party = "JOIN present.relying_parties r ON r.id = p.relying_party_id";
    let user = format!(
        "JOIN present.users u ON u.relying_party_id = p.relying_party_id AND u.id = p.user_id {party}"
    );
    let console = console();
    let lost = |table: &str, key: &str| {
        let sql = format!(
            "SELECT count(*) FROM present.{table} p {} WHERE p.relying_party_id <> {console} AND NOT EXISTS \
             (SELECT 1 FROM main.{table} c WHERE c.relying_party_id = p.relying_party_id AND c.{key} = p.{key}) {}",
            if table == "credentials" { &user } else { party },
            unless_revoked(table)
        );
        count(connection, &sql)
    };
    let lost_by_id = |table: &str| {
        let sql = format!(
            "SELECT count(*) FROM present.{table} p WHERE p.id <> {console} AND NOT EXISTS (SELECT 1 FROM main.{table} c WHERE c.id = p.id) {}",
            unless_revoked(table)
        );
        count(connection, &sql)
    };
    let credentials = format!(
        "FROM main.credentials c WHERE c.relying_party_id <> {console} AND NOT EXISTS (SELECT 1 FROM present.credentials p \
         {user} WHERE p.relying_party_id = c.relying_party_id AND p.key = c.key)"
    );
    let users = format!(
        "FROM main.users c WHERE c.relying_party_id <> {console} AND NOT EXISTS (SELECT 1 FROM present.users p {party} \
         WHERE p.relying_party_id = c.relying_party_id AND p.id = c.id)"
    );
    let mut again = keys_again(connection)?;
    again.append(&mut administrators_again(connection)?);
    again.append(&mut records(
        connection,
        RecordKind::User,
        &format!(
            "SELECT lower(hex(c.relying_party_id)), lower(hex(c.id)), c.name {users} LIMIT {NAMED}"
        ),
    )?);
    again.append(&mut records(
        connection,
        RecordKind::Credential,
        &format!(
            "SELECT lower(hex(c.relying_party_id)), lower(hex(c.key)), coalesce((SELECT u.name || ', ' FROM main.users u \
             WHERE u.relying_party_id = c.relying_party_id AND u.id = c.user_id), '') || c.name {credentials} LIMIT {NAMED}"
        ),
    )?);
    Ok(Difference {
        stays: stays(connection)?,
        again,
        users_again: count(connection, &format!("SELECT count(*) {users}"))?,
        credentials_again: count(connection, &format!("SELECT count(*) {credentials}"))?,
        lost: Lost {
            accounts: lost_by_id("accounts")?,
            relying_parties: lost_by_id("relying_parties")?,
            users: lost("users", "id")?,
            credentials: lost("credentials", "key")?,
            access_keys: lost("access_keys", "id")?,
            api_keys: lost_by_id("api_keys")?,
            webhooks: lost_by_id("webhooks")?,
            administrators: count(
                connection,
                "SELECT count(*) FROM present.console_records p WHERE p.kind = 0 AND NOT EXISTS \
                 (SELECT 1 FROM main.console_records c WHERE c.kind = 0 AND c.id = p.id) \
                 AND NOT EXISTS (SELECT 1 FROM main.revoked r WHERE r.kind = 'administrator' AND r.id = p.id)",
            )?,
            administrator_passkeys: count(
                connection,
                &format!(
                    "SELECT count(*) {}",
                    administrator_passkeys("present", "main")
                ),
            )?,
        },
    })
}
