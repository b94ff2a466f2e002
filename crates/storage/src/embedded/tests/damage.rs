//! Damage in the database file: a row that decides who somebody is, or what they may do, is found damaged and never believed.

use std::fmt::Debug;

use domain::model::account::{Principal, SecretHash};
use domain::model::audit::AuditKind;
use domain::model::console::ConsoleKind;
use domain::model::ids::{AccountId, AttemptId, CredentialKey, ImportId, TokenId};
use domain::model::import::Import;
use domain::model::metadata::{MetadataSource, StoredMetadata};
use domain::model::token::TokenKind;
use domain::model::webhook::Subscriber;
use domain::store::{
    AccessKeys, Accounts, Answers, AuthenticationFilter, Console as _, Deliveries as _,
    FinishedAuthentication, ImportCredential, Imports, MetadataBlobs, Survival, Tokens, Webhooks,
};
use rusqlite::types::Value;
use webauthn::credential::{CredentialId, UserHandle};

use super::*;
use crate::conformance::accounts::{api_key, narrow_key};
use crate::conformance::answers::call;
use crate::conformance::deliveries::delivery;
use crate::conformance::fixture::{
    Fixture, NOW, SignIn, at, authentication, counting, event, key, registration,
};
use crate::conformance::relying_parties::{configured, webhook};
use crate::conformance::tokens::{access_key, token_key};

/// Columns whose damage is not noticed, and why that is harmless.
const HARMLESS: &[(&str, &[&str], &str)] = &[
    (
        "events",
        &["*"],
        "the audit trail tells what happened; nothing is decided by it",
    ),
    (
        "deliveries",
        &["*"],
        "tells others what happened; nothing is decided by it",
    ),
    (
        "fresh_deliveries",
        &["*"],
        "tells others what happened; nothing is decided by it",
    ),
    ("leases", &["*"], "one process has the file"),
    ("imports", &["*"], "shown"),
    (
        "imported",
        &["*"],
        "an undo finds no record under keys that nobody drew",
    ),
    (
        "users",
        &["updated", "last_success", "last_failure", "version"],
        "shown, or written so that two jobs meet",
    ),
    ("credentials", &["updated", "last_used"], "shown"),
    (
        "credentials",
        &["id_hash", "number"],
        "find the row and its evidence, which are then compared",
    ),
    ("webhooks", &["created"], "orders a list"),
    ("api_keys", &["used"], "shown"),
    ("access_keys", &["used"], "shown"),
    (
        "policies",
        &["expires"],
        "a ceremony whose policy was removed is refused",
    ),
    ("metadata", &["removals"], "says when to read it again"),
    (
        "sign_ins",
        &[
            "seq",
            "event_id",
            "signals",
            "user_name",
            "actor",
            "access_key_id",
            "wire",
            "user_agent",
        ],
        "the event of the audit trail",
    ),
    (
        "used_tokens",
        &["relying_party_id", "id"],
        "a second copy lies in the index: see the test of used tokens",
    ),
];

/// A database file with rows in every table, and what to ask about them.
struct Filled {
    file: Vec<u8>,
    account: AccountId,
    api_key: domain::model::ids::ApiKeyId,
    narrow_key: domain::model::ids::ApiKeyId,
    rp: RelyingPartyId,
    ann: UserId,
    credential: CredentialRecord,
    token: TokenId,
    webhook: domain::model::ids::WebhookId,
    access_key: domain::model::ids::AccessKeyId,
    /// Sign-ins that were accepted: one in `ceremonies`, one in `sign_ins`.
    used: Vec<SignIn>,
    /// One whose ceremony waits in the file.
    open: SignIn,
    unfinished: domain::model::ceremony::Registration,
}

/// A credential with a handle of its own, beside this one.
async fn import_another(store: &Embedded, record: &CredentialRecord) {
    let import = Import {
        id: ImportId(key()),
        source: "a file".to_owned(),
        created: NOW,
    };
    store.create_import(&import).await.unwrap();
    let imported = CredentialRecord {
        key: CredentialKey(key()),
        id: CredentialId::new(vec![5; 32]).unwrap(),
        user_handle: Some(UserHandle::new(vec![6; 64]).unwrap()),
        ..record.clone()
    };
    let imported = ImportCredential {
        owner_name: [0; 16],
        adopt_owner: false,
        credential: &imported,
        evidence: None,
        import: Some(import.id),
        event: None,
    };
    store.import_credential(imported).await.unwrap();
}

/// The file of the store as it is, without a last word: what was signed in last lies in `sign_ins`.
fn file_of(store: &Directory) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-wal"] {
        let from = store.place.path().join(name);
        std::fs::copy(from, directory.path().join(name)).unwrap();
    }
    let file = directory.path().join("store.db");
    let opened = Connection::open(&file).unwrap();
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    opened.query_row(checkpoint, [], |_| Ok(())).unwrap();
    opened.close().unwrap();
    std::fs::read(file).unwrap()
}

async fn fill() -> Filled {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let (store, rp, account) = (
        under_test.store.clone().unwrap(),
        fixture.rp,
        fixture.account,
    );
    let acme = configured(
        store.relying_party(rp).await.unwrap().unwrap(),
        Some("acme.test"),
        &["https://acme.test"],
    );
    let acme = RelyingParty { version: 2, ..acme };
    let updated = event(AuditKind::RelyingPartyUpdated, rp);
    store.update_relying_party(&acme, &updated).await.unwrap();
    let (ann, bob) = (fixture.user("ann").await, fixture.user("bob").await);
    let (mut passkey, record) = fixture.passkey(&ann).await;
    fixture.passkey(&bob).await;
    let deleted = event(AuditKind::UserDeleted, rp);
    store.delete_user(rp, bob.id, &deleted).await.unwrap();
    let unfinished = registration(&ann, NOW);
    fixture.begin(&unfinished).await;
    let waiting = Arc::new(authentication(rp, Some(&ann), at(3)));
    let begun = store.begin_authentication(&waiting, &[], Survival::Crash);
    begun.await.unwrap();
    import_another(&store, &record).await;
    let mut used = Vec::new();
    for counter in [5, 6] {
        let sign_in = fixture
            .answered(&mut passkey, &record, &counting(counter))
            .await;
        let done = sign_in.send(&*store).await;
        assert_eq!(done, Ok(FinishedAuthentication::Accepted));
        used.push(sign_in);
        if counter == 5 {
            store.write(writes::move_sign_ins).await.unwrap();
            store.pending.moved();
        }
    }
    let open = passkey.sign_in(&waiting, &record, at(4), &counting(9));
    let replaced = store.replace_account_token(account, SecretHash::Plain([9; 32]));
    assert_eq!(replaced.await, Ok(true));
    let api_key = api_key(account);
    store.create_api_key(&api_key).await.unwrap();
    let narrow_key = narrow_key(account);
    store.create_api_key(&narrow_key).await.unwrap();
    let webhook = webhook(rp, NOW);
    store.create_webhook(&webhook, None).await.unwrap();
    let delivery = delivery(rp, webhook.id, 0);
    store.create_delivery(&delivery).await.unwrap();
    let told = event(AuditKind::AccessKeyCreated, rp);
    let told = told.told_to(Subscriber::of(&webhook, account).map(|one| vec![one].into()));
    store.record_event(&told).await.unwrap();
    let made = event(AuditKind::AccessKeyCreated, rp);
    let revoked = access_key(rp, NOW);
    let access_key = access_key(rp, NOW);
    for key in [&revoked, &access_key] {
        store.create_access_key(key, &made).await.unwrap();
    }
    let gone = event(AuditKind::AccessKeyDeleted, rp);
    let done = store.delete_access_key(rp, revoked.id, &gone);
    assert_eq!(done.await, Ok(true));
    let kept = store.keep_token_key(rp, TokenKind::Intent, token_key(5));
    kept.await.unwrap();
    let token = TokenId(key());
    let claimed = store.claim_once(rp, token, at(1000), AttemptId(key()));
    assert_eq!(claimed.await, Ok(true));
    store.shared_secret([3; 32]).await.unwrap();
    let reserved = call(account, 1, at(0));
    store.reserve_answer(&reserved).await.unwrap();
    let kept = store.keep_answer(account, reserved.key, reserved.attempt, b"answer");
    assert_eq!(kept.await, Ok(true));
    let metadata = StoredMetadata {
        no: 7,
        imported: NOW,
        source: MetadataSource::Fetch,
        blob: b"a blob".to_vec().into(),
    };
    store.replace_metadata(&metadata).await.unwrap();
    let node = domain::model::ids::NodeId(key());
    store.lease("job", node, at(0), at(10)).await.unwrap();
    crate::conformance::console::fill(&*store).await;

    Filled {
        file: file_of(&under_test),
        account,
        api_key: api_key.id,
        narrow_key: narrow_key.id,
        rp,
        ann: ann.id,
        credential: record,
        token,
        webhook: webhook.id,
        access_key: access_key.id,
        used,
        open,
        unfinished,
    }
}

fn tell<T: Debug>(told: &mut Vec<Told>, question: &'static str, out: Result<T, Fault>) {
    let refused = matches!(&out, Err(Fault::Unreadable(_)));
    told.push(Told {
        question,
        text: out.map_or_else(|fault| format!("{fault:?}"), |out| format!("{out:?}")),
        refused,
        trusts: false,
    });
}

/// What one question was answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Told {
    question: &'static str,
    text: String,
    refused: bool,
    trusts: bool,
}

impl Filled {
    /// Asks a store at `path` everything, and last what changes it. `text` is what a damaged column says: nobody has that name.
    async fn ask(&self, path: &Path, text: Option<&str>) -> Vec<Told> {
        let store = match Embedded::open(path, SMALL) {
            Ok(store) => store,
            Err(error) => panic!("{error}"),
        };
        let mut told = Vec::new();
        self.ask_parties(&store, &mut told).await;
        self.ask_users(&store, &mut told).await;
        self.ask_ceremonies(&store, &mut told).await;
        self.ask_the_rest(&store, &mut told).await;
        self.ask_for_trust(&store, &mut told, text).await;
        let done = self.open.send(&store).await;
        tell(&mut told, "finish", done);
        told
    }

    async fn ask_parties(&self, store: &Embedded, told: &mut Vec<Told>) {
        let (rp, all) = (self.rp, PageRequest::first(1000));
        let principals = [
            Principal::Account(self.account),
            Principal::ApiKey(self.api_key),
            Principal::ApiKey(self.narrow_key),
        ];
        tell(told, "account", store.secret(principals[0]).await);
        tell(told, "API key", store.secret(principals[1]).await);
        let narrow = store.secret(principals[2]).await;
        tell(told, "API key that may do less", narrow);
        tell(told, "accounts", store.list_accounts(all).await);
        let listed = store.list_api_keys(self.account, all).await;
        tell(told, "API keys", listed);
        tell(told, "Relying Party", store.relying_party(rp).await);
        let listed = store.list_relying_parties(self.account, all).await;
        tell(told, "Relying Parties", listed);
        let origin = store.has_origin("https://acme.test").await;
        tell(told, "origin", origin);
        let rp_id = RpId::parse("acme.test").unwrap();
        let found = store.relying_parties_with_rp_id(&rp_id, 10).await;
        tell(told, "RP ID", found);
    }

    async fn ask_users(&self, store: &Embedded, told: &mut Vec<Told>) {
        let (rp, all) = (self.rp, PageRequest::first(1000));
        for (question, who) in [
            ("user by name", UserRef::Name("ann")),
            ("user by key", UserRef::Id(self.ann)),
        ] {
            let user = store.user(rp, who).await;
            tell(told, question, user.map(|u| u.map(identity)));
            let found = store.user_with_credentials(rp, who).await;
            let found = found.map(|f| {
                f.map(|found| {
                    let (u, c) = Arc::unwrap_or_clone(found);
                    (identity(u), c.into_iter().map(used).collect::<Vec<_>>())
                })
            });
            tell(told, question, found);
        }
        let listed = store.list_users(rp, all).await;
        let listed = listed.map(|p| p.items.into_iter().map(identity).collect::<Vec<_>>());
        tell(told, "users", listed);
        let found = store.credential(rp, self.credential.key).await;
        let found = found.map(|f| f.map(|(c, u)| (used(c), identity(u))));
        tell(told, "credential", found);
        let found = store.evidence(rp, self.credential.key).await;
        tell(told, "evidence", found);
        let listed = store.list_credentials(rp, self.ann, all).await;
        let listed = listed.map(|p| p.items.into_iter().map(used).collect::<Vec<_>>());
        tell(told, "credentials", listed);
    }

    async fn ask_ceremonies(&self, store: &Embedded, told: &mut Vec<Told>) {
        let (rp, all) = (self.rp, PageRequest::first(1000));
        let filter = AuthenticationFilter {
            standing: None,
            credential: None,
            now: Timestamp(0),
        };
        for ceremony in [
            self.used[0].ceremony,
            self.used[1].ceremony,
            self.open.ceremony,
        ] {
            let loaded = store
                .load_for_authentication(rp, ceremony, &self.credential.id)
                .await;
            let loaded = loaded.map(|l| {
                (
                    l.ceremony,
                    l.credential
                        .map(Arc::unwrap_or_clone)
                        .map(|(c, u)| (used(c), identity(u))),
                )
            });
            tell(told, "sign-in", loaded);
        }
        let found = store.ceremony(rp, self.unfinished.id).await;
        tell(told, "registration", found);
        let listed = store.list_authentications(rp, self.ann, filter, all).await;
        tell(told, "sign-ins", listed.map(|p| p.items));
        let listed = store.list_unfinished_registrations(rp, self.ann, all).await;
        tell(told, "registrations", listed);
    }

    async fn ask_the_rest(&self, store: &Embedded, told: &mut Vec<Told>) {
        let (rp, all) = (self.rp, PageRequest::first(1000));
        tell(told, "webhook", store.webhook(rp, self.webhook).await);
        tell(told, "webhooks", store.list_webhooks(rp, all).await);
        let found = store.access_key(rp, self.access_key).await;
        tell(told, "access key", found);
        let listed = store.list_access_keys(rp, all).await;
        tell(told, "access keys", listed);
        let found = store.token_key(rp, TokenKind::Intent).await;
        tell(
            told,
            "token key",
            found.map(|k| k.map(|k| k.reveal().to_vec())),
        );
        for kind in [
            ConsoleKind::Administrator,
            ConsoleKind::Invite,
            ConsoleKind::Session,
            ConsoleKind::Enrolment,
        ] {
            let listed = store.list_console_records(kind, None, all).await;
            tell(told, "console", listed);
        }
        tell(told, "metadata", store.metadata(None).await);
        tell(told, "secret", store.shared_secret([4; 32]).await);
        let again = store.reserve_answer(&call(self.account, 1, at(5))).await;
        tell(told, "answer", again);
        tell(told, "used token", store.is_claimed(rp, self.token).await);
        let past = Timestamp(0);
        let swept = store.sweep(past, past, past, 10).await;
        tell(told, "sweep", swept);
    }

    /// What must never be: one token or challenge that is taken twice, something found under a name that nobody gave it.
    async fn ask_for_trust(&self, store: &Embedded, told: &mut Vec<Told>, text: Option<&str>) {
        let rp = self.rp;
        let attempt = AttemptId(key());
        let claimed = store.claim_once(rp, self.token, at(1000), attempt).await;
        let mut never = vec![("token used twice", claimed == Ok(true))];
        for sign_in in &self.used {
            let again = sign_in.another_attempt().send(store).await;
            let accepted = again == Ok(FinishedAuthentication::Accepted);
            never.push(("challenge used twice", accepted));
        }
        if let Some(text) = text {
            let user = store.user(rp, UserRef::Name(text)).await;
            never.push(("user of another name", matches!(user, Ok(Some(_)))));
            let origin = store.has_origin(text).await;
            never.push(("another origin", origin == Ok(true)));
            if let Ok(rp_id) = RpId::parse(text) {
                let found = store.relying_parties_with_rp_id(&rp_id, 10).await;
                never.push(("another RP ID", found.is_ok_and(|f| !f.is_empty())));
            }
        }
        for (question, trusts) in never {
            told.push(Told {
                question,
                text: String::new(),
                refused: false,
                trusts,
            });
        }
    }
}

/// Of a user, all but times that are shown.
fn identity(user: domain::model::user::User) -> String {
    format!(
        "{:?} {:?} {:?}",
        user.relying_party,
        user.id,
        (user.name, user.created)
    )
}

/// Of a credential, all but times that are shown.
fn used(mut record: CredentialRecord) -> CredentialRecord {
    record.updated = NOW;
    record.last_used = None;
    record
}

/// The value with a bit flipped, in some ways; of a value that is absent, one that is there.
fn damaged(value: &Value, kind: &str) -> Vec<Value> {
    let flip = |bytes: &[u8], at: usize, bit: u8| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= bit;
        bytes
    };
    match value {
        Value::Null if kind == "INTEGER" => vec![Value::Integer(1)],
        Value::Null if kind == "TEXT" => vec![Value::Text("x".to_owned())],
        Value::Null => vec![Value::Blob(vec![7; 16])],
        Value::Integer(n) => vec![Value::Integer(n ^ 1)],
        Value::Real(_) => panic!("no column holds this"),
        Value::Text(text) if text.is_empty() => vec![Value::Text("x".to_owned())],
        Value::Text(text) => {
            let bytes = flip(text.as_bytes(), text.len() / 2, 1);
            vec![Value::Text(String::from_utf8(bytes).unwrap())]
        }
        Value::Blob(bytes) if bytes.is_empty() => vec![Value::Blob(vec![1])],
        Value::Blob(bytes) => vec![Value::Blob(flip(bytes, bytes.len() - 1, 1))],
    }
}

struct Column {
    name: String,
    kind: String,
    in_key: bool,
}

fn columns_of(connection: &Connection, table: &str) -> Vec<Column> {
    let sql = format!("SELECT name, type, pk FROM pragma_table_info('{table}')");
    let mut statement = connection.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| {
        Ok(Column {
            name: row.get(0)?,
            kind: row.get(1)?,
            in_key: row.get::<_, i64>(2)? > 0,
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_in_any_column_is_noticed_or_harmless() {
    let filled = fill().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let fresh = || {
        std::fs::write(&path, &filled.file).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(directory.path().join(format!("store.db{suffix}")));
        }
        with_seals(&path)
    };
    drop(fresh());
    let whole = filled.ask(&path, Some("nobody")).await;
    assert!(
        whole.iter().all(|told| !told.trusts && !told.refused),
        "{whole:#?}"
    );
    let connection = fresh();
    let tables: Vec<String> = {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    drop(connection);
    let (mut noticed, mut wrong) = (0, Vec::new());
    for table in tables {
        let connection = fresh();
        let columns = columns_of(&connection, &table);
        let names: Vec<_> = columns.iter().map(|c| c.name.as_str()).collect();
        let rows: Vec<Vec<Value>> = {
            let sql = format!("SELECT {} FROM {table}", names.join(", "));
            let mut statement = connection.prepare(&sql).unwrap();
            let rows =
                statement.query_map([], |row| (0..names.len()).map(|n| row.get(n)).collect());
            rows.unwrap().map(Result::unwrap).collect()
        };
        assert!(!rows.is_empty(), "no row in {table}: fill it");
        drop(connection);
        for row in rows.into_iter().take(3) {
            let place: Vec<_> = columns.iter().zip(&row).filter(|(c, _)| c.in_key).collect();
            let condition: Vec<_> = place
                .iter()
                .enumerate()
                .map(|(n, (c, _))| format!("{} = ?{}", c.name, n + 2))
                .collect();
            let condition = condition.join(" AND ");
            let change = |sql: &str, new: &Value| {
                let connection = fresh();
                let mut bound = vec![new];
                bound.extend(place.iter().map(|(_, v)| *v));
                connection.execute(sql, rusqlite::params_from_iter(bound))
            };
            let deleted = change(
                &format!("DELETE FROM {table} WHERE ?1 IS NULL AND {condition}"),
                &Value::Null,
            );
            assert_eq!(deleted, Ok(1), "{table}");
            let absent = filled.ask(&path, None).await;
            for (column, value) in columns.iter().zip(&row) {
                let harmless = HARMLESS.iter().any(|(of, some, _)| {
                    *of == table && (some == &["*"] || some.contains(&column.name.as_str()))
                });
                for new in damaged(value, &column.kind) {
                    let sql = format!("UPDATE {table} SET {} = ?1 WHERE {condition}", column.name);
                    // The format refuses some damage by itself.
                    if change(&sql, &new) != Ok(1) {
                        continue;
                    }
                    let text = match &new {
                        Value::Text(text) if !harmless => Some(text.as_str()),
                        _ => None,
                    };
                    for told in filled.ask(&path, text).await {
                        let was_told = |of: &[Told]| {
                            of.iter()
                                .any(|t| t.question == told.question && t.text == told.text)
                        };
                        noticed += usize::from(told.refused);
                        let fine =
                            harmless || told.refused || was_told(&whole) || was_told(&absent);
                        // Of these, SQL damages both copies.
                        let twice = table == "used_tokens" && harmless;
                        let bad = if told.trusts { !twice } else { !fine };
                        if bad {
                            wrong.push(format!(
                                "{table}.{} {value:?} -> {new:?}: {} {}",
                                column.name, told.question, told.text
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
    assert!(noticed > 200, "{noticed}");
}

#[tokio::test]
async fn a_used_token_whose_row_or_index_is_damaged_is_not_used_again() {
    let filled = fill().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let needle = filled.token.0;
    let places: Vec<usize> = filled
        .file
        .windows(needle.len())
        .enumerate()
        .filter(|(_, w)| *w == needle)
        .map(|(n, _)| n)
        .collect();
    assert_eq!(places.len(), 2, "the table and its index");
    for place in places {
        let mut damaged = filled.file.clone();
        damaged[place + 15] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        let store = Embedded::open(&path, SMALL).unwrap();
        let attempt = AttemptId(key());
        let again = store.claim_once(filled.rp, filled.token, at(1000), attempt);
        assert_ne!(again.await, Ok(true));
        store.close().await.unwrap();
    }
}

/// A connection that knows the function of the triggers.
fn with_seals(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    seals::register(&connection).unwrap();
    connection
}

/// Makes the database one of format 14.
pub(super) fn without_seals(connection: &Connection) {
    open::register(connection).unwrap();
    connection.execute_batch(WITHOUT_REVOKED).unwrap();
    connection
        .execute_batch(
            "ALTER TABLE credentials DROP COLUMN user_handle; DROP TABLE imports; DROP TABLE imported; DROP TABLE console_records; DROP TABLE deliveries;
             UPDATE credentials SET digest = credential_digest_13(relying_party_id, key, user_id, algorithm, id, public_key);
             ALTER TABLE credentials DROP COLUMN use_digest; ALTER TABLE api_keys DROP COLUMN granted; \
             ALTER TABLE api_keys DROP COLUMN used; ALTER TABLE access_keys DROP COLUMN used;",
        )
        .unwrap();
    for table in [
        "accounts",
        "api_keys",
        "relying_parties",
        "origins",
        "users",
        "attestations",
        "credential_kinds",
        "ceremonies",
        "sign_ins",
        "webhooks",
        "access_keys",
        "token_keys",
        "used_tokens",
        "answers",
        "deletions",
        "metadata",
        "meta",
    ] {
        let sql = format!("ALTER TABLE {table} DROP COLUMN digest");
        connection.execute_batch(&sql).unwrap();
    }
    connection
        .execute_batch(
            "ALTER TABLE events DROP COLUMN address; ALTER TABLE events DROP COLUMN more; \
             ALTER TABLE sign_ins DROP COLUMN address; PRAGMA user_version=14",
        )
        .unwrap();
}

#[tokio::test]
async fn a_store_of_format_14_is_sealed_as_it_is_and_what_was_damaged_stays_damaged() {
    let filled = fill().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    std::fs::write(&path, &filled.file).unwrap();
    // Format 14 has no credentials with a handle of their own, no keys that may do less than everything, and no console.
    let connection = with_seals(&path);
    let sql = "DELETE FROM api_keys WHERE granted IS NOT NULL";
    assert_eq!(connection.execute(sql, []), Ok(1));
    let sql = "DELETE FROM console_records";
    assert_eq!(connection.execute(sql, []), Ok(4));
    let sql = "DELETE FROM credentials WHERE user_handle IS NOT NULL";
    assert_eq!(connection.execute(sql, []), Ok(1));
    drop(connection);
    let earlier = std::fs::read(&path).unwrap();
    let whole = filled.ask(&path, None).await;
    for damage in [false, true] {
        std::fs::write(&path, &earlier).unwrap();
        let old = Connection::open(&path).unwrap();
        without_seals(&old);
        if damage {
            let sql = "UPDATE credentials SET algorithm = algorithm - 1";
            assert!(old.execute(sql, []).unwrap() > 0);
        }
        drop(old);
        let told = filled.ask(&path, None).await;
        if damage {
            let refused = told.iter().filter(|told| told.refused).count();
            assert!(refused > 3, "{told:#?}");
        } else {
            assert_eq!(told, whole);
        }
    }
}
