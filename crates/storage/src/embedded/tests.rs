//! What only the embedded store has: a file, a lock, a format, a process that can die.

mod copies;
mod costs;
mod damage;
mod interrupted;
mod lost;
mod outbox;
mod policies;
mod restores;
mod secrets;
mod sign_ins;
mod waiting;

use async_trait::async_trait;
use domain::model::account::Principal;
use domain::model::audit::AuditKind;
use domain::model::clock::Timestamp;
use domain::model::credential::CredentialRecord;
use domain::model::grant::{Grant, KeyUse, Scopes, UsedKey};
use domain::model::ids::{CredentialKey, RelyingPartyId, UserId};
use domain::model::page::PageRequest;
use domain::model::relying_party::RelyingParty;
use domain::model::user::UserRef;
use domain::store::{
    AccessKeys, Accounts, Ceremonies, Credentials, EventFilter, Events, RelyingParties, Storage,
    Update, Upkeep, Users,
};
use webauthn::relying_party::RpId;

use super::writer::Durability;
use super::*;
use crate::Memory;
use crate::conformance::{End, Faulty, StoreUnderTest, model};

/// A directory of its own with a store in it.
struct Directory {
    place: tempfile::TempDir,
    options: Options,
    store: Option<Arc<Embedded>>,
}

impl Directory {
    fn new() -> Self {
        Self::with(Options::default())
    }

    /// A store that keeps next to nothing in memory.
    fn small() -> Self {
        Self::with(SMALL)
    }

    fn with(options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Embedded::open(&directory.path().join("store.db"), options).unwrap();
        Self {
            place: directory,
            options,
            store: Some(Arc::new(store)),
        }
    }
}

const SMALL: Options = Options {
    readers: 1,
    list_readers: 1,
    writer_cache_kib: 64,
    reader_cache_kib: 64,
    queue: 2,
    pending: 1,
    records: 1,
    reserve: None,
};

#[async_trait]
impl StoreUnderTest for Directory {
    fn store(&self) -> Arc<dyn Storage> {
        Arc::<Embedded>::clone(self.store.as_ref().unwrap())
    }

    async fn reopen(&mut self, end: End) {
        let store = Arc::into_inner(self.store.take().unwrap()).expect("the only handle");
        match end {
            End::Closed => store.close().await.unwrap(),
            End::Dropped => drop(store),
        }
        let path = self.place.path().join("store.db");
        let store = Embedded::open(&path, self.options).unwrap();
        self.store = Some(Arc::new(store));
    }
}

mod conformance {
    crate::conformance_tests!(crate::embedded::tests::Directory::new);
}

/// The same store, when what it could keep in memory does not fit.
mod conformance_of_a_small_store {
    crate::conformance_tests!(crate::embedded::tests::Directory::small);
}

fn faulty() -> Faulty<Directory> {
    Faulty::new(Directory::new())
}

/// The same store, failing before and after its work all the time.
mod conformance_under_faults {
    crate::conformance_tests!(crate::embedded::tests::faulty);
}

/// Takes from a database what formats 22 to 25 have brought.
const WITHOUT_REVOKED: &str = "DROP TRIGGER revoked_access_keys; DROP TRIGGER revoked_api_keys; DROP TRIGGER revoked_webhooks; \
    DROP TRIGGER revoked_administrators; DROP TRIGGER replaced_auth_tokens; DROP TRIGGER replaced_access_token_keys; DROP TABLE revoked; \
    DROP TABLE took_effect; DROP TABLE fresh_deliveries;";

fn open(path: &Path) -> Result<Embedded, OpenError> {
    Embedded::open(path, Options::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_operations_have_the_outcomes_of_the_reference() {
    // One seed of choice, to see a failure again, or a few.
    let seeds = match std::env::var("PASSKEYD_MODEL_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..8).collect(),
    };
    for seed in seeds {
        for options in [Options::default(), SMALL] {
            let under_test = Directory::with(options);
            model::run(seed, Arc::new(Memory::new()), under_test.store()).await;
        }
    }
}

#[tokio::test]
async fn a_second_open_of_the_same_file_is_refused_until_the_first_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let first = open(&path).unwrap();
    assert!(matches!(open(&path), Err(OpenError::InUse { .. })));
    first.close().await.unwrap();
    open(&path).unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so_and_leaves_nothing_but_the_database() {
    let mut under_test = Directory::new();
    let store = under_test.store.take().unwrap();
    store.close().await.unwrap();
    store.close().await.unwrap();
    let closed = Err(Fault::Retryable("the store is closed".to_owned()));
    assert_eq!(store.ping().await.map(drop), closed);
    assert_eq!(
        store.shared_secret([0; 32]).await.map(drop),
        closed,
        "a write"
    );
    let page = PageRequest::first(1);
    let list = store.list_users(RelyingPartyId([0; 16]), page).await;
    assert_eq!(list.map(drop), closed, "a list");
    let mut files: Vec<_> = std::fs::read_dir(under_test.place.path())
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["store.db", "store.db.lock"]);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_what_the_store_makes() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("a").join("b");
    let store = open(&inner.join("store.db")).unwrap();
    store.shared_secret([1; 32]).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    for made in [directory.path().join("a"), inner.clone()] {
        assert_eq!(mode(&made), 0o700, "{}", made.display());
    }
    let mut files = 0;
    for file in std::fs::read_dir(&inner).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 4, "database, lock, log and its index");
}

#[cfg(unix)]
#[tokio::test]
async fn a_store_behind_a_symbolic_link_has_the_same_lock() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path).unwrap();
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(open(&link), Err(OpenError::InUse { .. })));
    store.close().await.unwrap();
    open(&link).unwrap().close().await.unwrap();
}

// ---- format -----------------------------------------------------------------------------------

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    open(&path).unwrap().close().await.unwrap();
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::NewerFormat {
                found: 99,
                known: 25,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("format 99"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// Brings the credentials of a database to format 13.
fn as_format_13(connection: &Connection) {
    use rusqlite::functions::FunctionFlags;

    use super::evidence::{Known, split};

    damage::without_seals(connection);
    connection
        .create_scalar_function("part", 5, FunctionFlags::SQLITE_UTF8, |context| {
            let known = Known {
                id: context.get_raw(1).as_blob()?,
                public_key: context.get_raw(2).as_blob()?,
                rp_id: context.get_raw(3).as_str()?,
            };
            let (object, client_data, extensions) =
                split(known, context.get_raw(0).as_blob()?).unwrap();
            let extensions = String::from_utf8(extensions).unwrap();
            Ok(match context.get::<i64>(4)? {
                0 => rusqlite::types::Value::Blob(object),
                1 => rusqlite::types::Value::Blob(client_data),
                _ if extensions.is_empty() => rusqlite::types::Value::Null,
                _ => rusqlite::types::Value::Text(extensions),
            })
        })
        .unwrap();
    let initial = include_str!("../../migrations/sqlite/0001_initial.sql");
    let begin = initial.find("CREATE TABLE credentials").unwrap();
    let end = initial.find("CREATE TABLE ceremonies").unwrap();
    connection
        .execute_batch(&format!(
            "DROP INDEX credentials_by_id_hash; DROP INDEX credentials_by_key; DROP INDEX credentials_by_user; \
             ALTER TABLE credentials RENAME TO new_credentials; ALTER TABLE attestations RENAME TO new_attestations; \
             {} \
             ALTER TABLE credentials ADD COLUMN user_agent TEXT; \
             ALTER TABLE credentials ADD COLUMN sign_count_since_fall INTEGER; \
             ALTER TABLE attestations ADD COLUMN extensions TEXT; \
             INSERT INTO credentials SELECT c.relying_party_id, CAST(c.id_hash || c.id_hash AS BLOB), c.key, c.user_id, c.id, \
                 c.public_key, c.algorithm, c.sign_count, c.uv_initialized, c.backup_eligible, c.backup_state, c.transports, \
                 c.aaguid, k.body ->> '$.attestation_format', k.body ->> '$.attestation_type', k.body ->> '$.trust', \
                 c.discoverable, c.name, k.body -> '$.selection', c.created, c.updated, c.last_used, c.digest, c.user_agent, \
                 c.sign_count_since_fall \
                 FROM new_credentials c JOIN credential_kinds k ON k.id = c.kind; \
             INSERT INTO attestations SELECT c.relying_party_id, c.key, {} \
                 FROM new_credentials c JOIN credential_kinds k ON k.id = c.kind JOIN new_attestations a ON a.number = c.number; \
             DROP TABLE new_credentials; DROP TABLE new_attestations; DROP TABLE credential_kinds; \
             PRAGMA user_version=13;",
            &initial[begin..end],
            [0, 1, 2].map(|part| format!(
                "part(a.evidence, c.id, c.public_key, k.body ->> '$.selection.rp_id', {part})"
            ))
            .join(", "),
        ))
        .unwrap();
}

#[tokio::test]
async fn credentials_of_a_store_of_format_13_are_found_as_they_were() {
    use crate::conformance::durability::dump;
    use crate::conformance::fixture::Fixture;

    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let (rp, ann) = (fixture.rp, fixture.user("ann").await);
    for _ in 0..3 {
        fixture.passkey(&ann).await;
    }
    let before = dump(&*fixture.store, rp, &[ann.id]).await;
    fixture.store.close().await.unwrap();
    drop(fixture);
    let path = under_test.place.path().join("store.db");
    as_format_13(&Connection::open(&path).unwrap());
    let store = open(&path).unwrap();
    assert_eq!(dump(&store, rp, &[ann.id]).await, before);
    // They have one kind.
    let sql = "SELECT count(*) FROM credential_kinds";
    let kinds = store.write(move |c| sql::first(c, sql, [], |row| Ok(row.get::<_, i64>(0)?)));
    assert_eq!(kinds.await, Ok(Some(1)));
}

/// Writes the content of the database at `from`, as far as format 1 can hold it, to a database of that format at `to`.
fn as_format_1(from: &Path, to: &Path) {
    as_format_13(&Connection::open(from).unwrap());
    let old = Connection::open(to).unwrap();
    old.execute_batch(include_str!("../../migrations/sqlite/0001_initial.sql"))
        .unwrap();
    old.execute("ATTACH ?1 AS new", [from.to_str().unwrap()])
        .unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = old.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    for table in texts("SELECT name FROM main.sqlite_schema WHERE type = 'table'") {
        let columns = texts(&format!(
            "SELECT name FROM main.pragma_table_info('{table}')"
        ))
        .join(", ");
        // Bytes are new in format 18.
        let values = columns.replace("asked", "iif(typeof(asked) = 'blob', '{}', asked)");
        old.execute_batch(&format!(
            "INSERT INTO main.{table} ({columns}) SELECT {values} FROM new.{table}"
        ))
        .unwrap();
    }
    // As it was until format 11.
    old.execute_batch(
        "UPDATE relying_parties SET body = \
         json_remove(json_set(body, '$.attributes', body -> '$.settings'), '$.settings');
         DETACH new; PRAGMA application_id=0x504B5944; PRAGMA user_version=1;",
    )
    .unwrap();
}

#[tokio::test]
async fn a_store_of_an_earlier_format_is_brought_to_the_present_one_with_all_but_its_ceremonies() {
    use crate::conformance::durability::dump;
    use crate::conformance::fixture::{Fixture, counting, event, registration};
    use crate::conformance::relying_parties::configured;

    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let (rp, ann) = (fixture.rp, fixture.user("ann").await);
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let sign_in = fixture.answered(&mut passkey, &record, &counting(7)).await;
    sign_in.send(&*fixture.store).await.unwrap();
    fixture
        .begin(&registration(&ann, crate::conformance::fixture::NOW))
        .await;
    let acme = configured(
        fixture.store.relying_party(rp).await.unwrap().unwrap(),
        Some("acme.test"),
        &["https://acme.test", "https://acme.test"],
    );
    let acme = RelyingParty { version: 2, ..acme };
    let updated = event(AuditKind::RelyingPartyUpdated, rp);
    let done = fixture.store.update_relying_party(&acme, &updated).await;
    assert_eq!(done, Ok(Update::Done));
    let before = dump(&*fixture.store, rp, &[ann.id]).await;
    fixture.store.close().await.unwrap();

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    as_format_1(&under_test.place.path().join("store.db"), &path);
    for _ in 0..2 {
        let store = open(&path).unwrap();
        // All but the one thing here that format 1 cannot hold, and the ceremonies.
        let expected = before.replace(r#"user_agent: Some("Browser/1.0")"#, "user_agent: None");
        assert_ne!(expected, before);
        let lines = expected.lines().map(|line| match line {
            line if ["Authentication", "Registration"]
                .iter()
                .any(|kind| line.starts_with(&format!("Ok(Page {{ items: [{kind} {{"))) =>
            {
                "Ok(Page { items: [], more: false })\n".to_owned()
            }
            line => format!("{line}\n"),
        });
        let without: String = lines.collect();
        assert_ne!(without, expected);
        let expected = without;
        assert_eq!(dump(&store, rp, &[ann.id]).await, expected);
        store.close().await.unwrap();
        let format: i64 = Connection::open(&path)
            .unwrap()
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert_eq!(format, 25);
    }
    // And what is new works on what is old.
    let store = open(&path).unwrap();
    assert_eq!(store.has_origin("https://acme.test").await, Ok(true));
    assert_eq!(store.has_origin("https://other.test").await, Ok(false));
    let rp_id = RpId::parse("acme.test").unwrap();
    let found = store.relying_parties_with_rp_id(&rp_id, 10).await;
    assert_eq!(found, Ok(vec![rp]));
    let deleted = crate::conformance::fixture::event(AuditKind::CredentialDeleted, rp);
    let gone = store.delete_credential(rp, ann.id, record.key, &deleted);
    assert_eq!(gone.await, Ok(true));
    let found = store.user(rp, UserRef::Id(ann.id)).await.unwrap();
    assert_eq!(found.unwrap().last_success, Some(sign_in.now));
}

#[tokio::test]
async fn settings_of_an_earlier_format_are_kept_and_refuse_when_they_cannot_be_read() {
    use crate::conformance::fixture::{Fixture, NOW, new_relying_party};
    use domain::model::settings::WireSettings;

    // `attributes` as format 11 had it, and the settings that it means; `None`: the record cannot be read.
    let mut chosen = WireSettings::default();
    chosen.nevis.status_token_required = false;
    chosen.twilio.code_length = 4;
    let cases = [
        ("null", Some(WireSettings::default())),
        ("{}", Some(WireSettings::default())),
        (
            r#"{"nevis": {"status_token_required": false}, "twilio": {"code_length": 4}}"#,
            Some(chosen),
        ),
        (
            r#"{"nevis": {"status_token_required": false, "of a newer passkeyd": 1}}"#,
            None,
        ),
        (r#"{"twilio": {"code_length": "4"}}"#, None),
        (r#"{"another": {}}"#, None),
        (r#""{}""#, None),
        ("7", None),
    ];
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let mut expected = Vec::new();
    for (attributes, settings) in cases {
        let rp = new_relying_party(fixture.account, NOW);
        let created = crate::conformance::fixture::event(AuditKind::RelyingPartyCreated, rp.id);
        let done = fixture.store.create_relying_party(&rp, &created).await;
        assert_eq!(done, Ok(true));
        let read = settings.map(|settings| RelyingParty {
            settings,
            ..rp.clone()
        });
        expected.push((rp.id, attributes, read));
    }
    fixture.store.close().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    as_format_1(&under_test.place.path().join("store.db"), &path);
    let old = Connection::open(&path).unwrap();
    for (id, attributes, _) in &expected {
        let changed = old.execute(
            "UPDATE relying_parties SET body = json_set(body, '$.attributes', json(?2)) WHERE id = ?1",
            (id.as_bytes(), attributes),
        );
        assert_eq!(changed, Ok(1));
    }
    // What is no record stays none, and does not keep the store from opening.
    for body in ["", "{", "{}"] {
        let rp = new_relying_party(fixture.account, NOW);
        old.execute(
            "INSERT INTO relying_parties (id, account_id, version, created, body) VALUES (?1, ?2, 1, 0, ?3)",
            (rp.id.as_bytes(), fixture.account.as_bytes(), body),
        )
        .unwrap();
        expected.push((rp.id, body, None));
    }
    drop(old);
    let store = open(&path).unwrap();
    for (id, attributes, expected) in expected {
        let read = store.relying_party(id).await;
        match expected {
            Some(rp) => assert_eq!(read, Ok(Some(rp)), "{attributes}"),
            None => assert!(matches!(read, Err(Fault::Unreadable(_))), "{attributes}"),
        }
    }
}

#[tokio::test]
async fn another_programs_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE notes (text)")
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Foreign { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    std::fs::write(&path, b"These are not the bytes of a database.".repeat(100)).unwrap();
    let error = open(&path).unwrap_err();
    assert!(
        matches!(
            &error,
            OpenError::Database {
                fault: Fault::Fatal(_),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    std::fs::write(&path, b"").unwrap();
    open(&path).unwrap().ping().await.unwrap();
}

// ---- the writer -------------------------------------------------------------------------------

/// Puts a value into the store, as a job would.
fn put(connection: &Connection, name: &str) -> Outcome<()> {
    sql::execute(
        connection,
        "INSERT INTO meta (name, value) VALUES (?1, x'00')",
        [name],
    )
    .map(drop)
}

/// Names of the values in the store.
fn names(store: &Embedded) -> Vec<String> {
    let sql = "SELECT name FROM meta ORDER BY name";
    store
        .points
        .read(|c| sql::all(c, sql, [], |row| Ok(row.get(0)?)))
        .unwrap()
}

type Task<T> = Box<dyn FnOnce(&Connection) -> Outcome<T> + Send>;

/// Has the writer wait in a job until `jobs` are queued behind it, so that they make one group, and gives
/// their outcomes.
async fn in_one_group<T: Send + 'static>(
    writer: &Arc<Writer>,
    jobs: Vec<(Durability, Task<T>)>,
) -> Vec<Result<T, Fault>> {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let hold = {
        let writer = Arc::clone(writer);
        let wait = move |_: &Connection| {
            wait.recv().unwrap();
            Ok(())
        };
        tokio::spawn(async move { writer.run(Durability::Power, wait).await.unwrap() })
    };
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let mut tasks = Vec::new();
    for (durability, job) in jobs {
        let writer = Arc::clone(writer);
        tasks.push(tokio::spawn(
            async move { writer.run(durability, job).await },
        ));
        // Queued in order.
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    release.send(()).unwrap();
    hold.await.unwrap();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_job_that_fails_takes_nothing_of_its_group_with_it() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let outcomes = in_one_group::<()>(
        &store.writer,
        vec![
            (Durability::Power, Box::new(|c| put(c, "before"))),
            (
                Durability::Power,
                Box::new(|c| {
                    put(c, "half done")?;
                    put(c, "before")
                }),
            ),
            (Durability::Power, Box::new(|c| put(c, "after"))),
        ],
    )
    .await;
    assert_eq!(outcomes[0], Ok(()));
    assert!(
        matches!(&outcomes[1], Err(Fault::Fatal(_))),
        "{:?}",
        outcomes[1]
    );
    assert_eq!(outcomes[2], Ok(()));
    assert_eq!(names(&store), ["after", "before"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_fails_is_acknowledged_to_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let connection = open::open_writer(&path, 1024, None).unwrap();
    // A broken reference is noticed by nothing but the commit.
    connection
        .execute_batch(
            "PRAGMA foreign_keys=ON;
             CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED);",
        )
        .unwrap();
    let writer = Arc::new(
        Writer::start(
            connection,
            (None, None),
            16,
            Arc::new(crate::watch::Unwatched),
            || None,
            |_| Ok(()),
            || (),
        )
        .unwrap(),
    );
    let outcomes = in_one_group::<()>(
        &writer,
        vec![
            (Durability::Power, Box::new(|c| put(c, "before"))),
            (
                Durability::Power,
                Box::new(|c| sql::execute(c, "INSERT INTO child VALUES (7)", []).map(drop)),
            ),
            (Durability::Power, Box::new(|c| put(c, "after"))),
        ],
    )
    .await;
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    // And the writer goes on.
    writer
        .run(Durability::Power, |c| put(c, "next"))
        .await
        .unwrap();
    writer.stop().unwrap();
    assert_eq!(names(&open(&path).unwrap()), ["next"]);
}

/// Lets the database grow to so many pages.
async fn room(store: &Embedded, pages: i64) {
    let sql = format!("PRAGMA max_page_count={pages}");
    let set = store
        .write(move |c| Ok(c.query_row(&sql, [], |row| row.get::<_, i64>(0))?))
        .await;
    assert_eq!(set, Ok(pages));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_refuses_writes_until_there_is_room_and_loses_nothing() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    store.write(|c| put(c, "early")).await.unwrap();
    let pages: i64 = store
        .write(|c| Ok(c.query_row("PRAGMA page_count", [], |row| row.get(0))?))
        .await
        .unwrap();
    room(&store, pages + 3).await;

    let mut acknowledged = vec!["early".to_owned()];
    let mut refused = 0;
    for n in 0..40 {
        let name = format!("{n:04}{}", "x".repeat(900));
        let job = {
            let name = name.clone();
            move |c: &Connection| put(c, &name)
        };
        match store.write(job).await {
            Ok(()) => acknowledged.push(name),
            Err(fault) => {
                assert!(matches!(fault, Fault::Retryable(_)), "{fault:?}");
                assert!(
                    !fault.to_string().contains("xxx"),
                    "a fault holds no data: {fault}"
                );
                refused += 1;
            }
        }
        store.ping().await.unwrap();
    }
    assert!(refused > 0 && acknowledged.len() > 1, "{refused} refused");
    room(&store, 100_000).await;
    store.write(|c| put(c, "late")).await.unwrap();
    acknowledged.push("late".to_owned());
    acknowledged.sort();
    assert_eq!(names(&store), acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_a_group_of_nothing_but_begun_authentications_does_not_wait_for_the_disk() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let synchronous =
        |c: &Connection| Ok(c.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0))?);
    for _ in 0..2 {
        assert_eq!(
            store.writer.run(Durability::Process, synchronous).await,
            Ok(1)
        );
        assert_eq!(
            store.writer.run(Durability::Power, synchronous).await,
            Ok(2)
        );
    }
    // One job that asks for it is enough for the group.
    let outcomes = in_one_group::<i64>(
        &store.writer,
        vec![
            (Durability::Process, Box::new(synchronous)),
            (Durability::Power, Box::new(synchronous)),
            (Durability::Process, Box::new(synchronous)),
        ],
    )
    .await;
    assert_eq!(outcomes, [Ok(2), Ok(2), Ok(2)]);
}

// ---- the death of the process -----------------------------------------------------------------

/// Opens what another process would find if this one died now: the files as they are, without any last
/// word.
fn crashed(under_test: &Directory) -> (tempfile::TempDir, Embedded) {
    let directory = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-wal"] {
        std::fs::copy(
            under_test.place.path().join(name),
            directory.path().join(name),
        )
        .unwrap();
    }
    let store = open(&directory.path().join("store.db")).unwrap();
    (directory, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_is_found_after_the_process_died_under_load() {
    let under_test = Directory::new();
    // Two files are not copied at one moment; the database file stays as it is as long as nothing is moved
    // into it. So few writes do not fill the log.
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let writers: Vec<_> = (0..8)
        .map(|task| {
            let (store, acknowledged) =
                (under_test.store.clone().unwrap(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                for n in 0..150 {
                    let name = format!("{task} {n}");
                    let job = {
                        let name = name.clone();
                        move |c: &Connection| put(c, &name)
                    };
                    // Acknowledged without the disk, and yet it survives the process.
                    store.writer.run(Durability::Process, job).await.unwrap();
                    acknowledged.lock().push(name);
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let expected = acknowledged.lock().clone();
        let (_directory, store) = crashed(&under_test);
        let found: std::collections::HashSet<_> = names(&store).into_iter().collect();
        for name in &expected {
            assert!(found.contains(name), "{name} of {}", expected.len());
        }
        seen.insert(expected.len());
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(seen.len() >= 3, "the process died too seldom: {seen:?}");
}

#[tokio::test]
async fn a_torn_log_loses_whole_commits_from_its_end_and_nothing_else() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    for n in 0..30 {
        store
            .write(move |c| put(c, &format!("{n:02}")))
            .await
            .unwrap();
    }
    let whole = std::fs::read(under_test.place.path().join("store.db-wal")).unwrap();
    let mut lengths = std::collections::BTreeSet::new();
    for part in 0..100 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        std::fs::copy(under_test.place.path().join("store.db"), &path).unwrap();
        let torn = whole.len() * part / 100;
        std::fs::write(directory.path().join("store.db-wal"), &whole[..torn]).unwrap();
        let found = names(&open(&path).unwrap());
        let expected: Vec<_> = (0..found.len()).map(|n| format!("{n:02}")).collect();
        assert_eq!(found, expected);
        lengths.insert(found.len());
    }
    assert!(lengths.len() > 10, "{lengths:?}");
}

// ---- damage -----------------------------------------------------------------------------------

/// Reads everything there is about a user with one credential. A fault is fine, a panic is not.
async fn read_all(
    path: &Path,
    ids: (RelyingPartyId, UserId, CredentialKey),
) -> Result<Option<CredentialRecord>, Fault> {
    let store = match open(path) {
        Ok(store) => store,
        Err(OpenError::Database { fault, .. }) => return Err(fault),
        Err(other) => return Err(Fault::Fatal(other.to_string())),
    };
    let (rp, user, key) = ids;
    let all = PageRequest::first(1000);
    store.relying_party(rp).await?;
    store.list_users(rp, all).await?;
    store.find_events(rp, &EventFilter::default(), 1000).await?;
    store.list_credentials(rp, user, all).await?;
    store
        .user_with_credentials(rp, UserRef::Name("ann"))
        .await?;
    store.ceremony(rp, key.into()).await?;
    store
        .sweep(Timestamp(0), Timestamp(0), Timestamp(0), 10)
        .await?;
    Ok(store.credential(rp, key).await?.map(|(record, _)| record))
}

#[tokio::test]
async fn a_damaged_file_gives_an_error_and_never_another_key_or_owner() {
    use crate::conformance::fixture::Fixture;

    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let ann = fixture.user("ann").await;
    let (_, record) = fixture.passkey(&ann).await;
    under_test.store().close().await.unwrap();
    let whole = std::fs::read(under_test.place.path().join("store.db")).unwrap();
    let names = (fixture.rp, ann.id, record.key);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(read_all(&path, names).await, Ok(Some(record.clone())));

    let mut faults = 0;
    // Each place where the public key and the credential id lie, and places all over the file.
    let places = |needle: &[u8]| -> Vec<usize> {
        whole
            .windows(needle.len())
            .enumerate()
            .filter(|(_, w)| *w == needle)
            .map(|(n, _)| n)
            .collect()
    };
    let mut positions: Vec<usize> = (0..whole.len()).step_by(whole.len() / 300).collect();
    for needle in [&record.public_key[..], record.id.as_bytes()] {
        let found = places(needle);
        assert!(!found.is_empty());
        positions.extend(
            found
                .iter()
                .flat_map(|start| [start + 1, start + needle.len() - 1]),
        );
    }
    for position in positions {
        let mut damaged = whole.clone();
        damaged[position] ^= 1 << (position % 8);
        std::fs::write(&path, &damaged).unwrap();
        let _ = std::fs::remove_file(directory.path().join("store.db-wal"));
        match read_all(&path, names).await {
            Err(_) => faults += 1,
            Ok(None) => {}
            Ok(Some(read)) => {
                let identity = |r: &CredentialRecord| {
                    (
                        r.user,
                        r.id.clone(),
                        r.public_key.clone(),
                        r.algorithm,
                        r.relying_party,
                    )
                };
                assert_eq!(identity(&read), identity(&record), "byte {position}");
            }
        }
    }
    assert!(faults > 5, "{faults}");

    for part in 0..20 {
        std::fs::write(&path, &whole[..whole.len() * part / 20]).unwrap();
        // The empty file is a new store; any other is damaged, or holds no such credential.
        assert_ne!(
            read_all(&path, names).await,
            Ok(Some(record.clone())),
            "{part}/20"
        );
    }
}

#[tokio::test]
async fn keys_of_a_store_of_format_20_may_do_what_they_could() {
    use crate::conformance::accounts::{api_key, narrow_key};
    use crate::conformance::fixture::{Fixture, NOW, at, event};
    use crate::conformance::tokens::access_key;

    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let (store, rp) = (&fixture.store, fixture.rp);
    let old_key = api_key(fixture.account);
    store.create_api_key(&old_key).await.unwrap();
    let old_access = access_key(rp, NOW);
    let made = event(AuditKind::AccessKeyCreated, rp);
    store.create_access_key(&old_access, &made).await.unwrap();
    store.close().await.unwrap();
    let path = under_test.place.path().join("store.db");

    // The same store as format 20 had it.
    let old = Connection::open(&path).unwrap();
    seals::register(&old).unwrap();
    let sql = "UPDATE access_keys SET body = json_set(body, '$.scopes', json('[\"api\"]')), \
         digest = seal('access_keys', relying_party_id, id, created, json_set(body, '$.scopes', json('[\"api\"]')))";
    assert_eq!(old.execute(sql, []), Ok(1));
    old.execute_batch(WITHOUT_REVOKED).unwrap();
    old.execute_batch(
        "ALTER TABLE api_keys DROP COLUMN granted; ALTER TABLE api_keys DROP COLUMN used;
         ALTER TABLE access_keys DROP COLUMN used; PRAGMA user_version = 20;",
    )
    .unwrap();
    drop(old);

    let store = open(&path).unwrap();
    let stored = store.secret(Principal::ApiKey(old_key.id)).await;
    let stored = stored.unwrap().unwrap();
    assert_eq!(
        (stored.hash, stored.grant),
        (old_key.secret, Grant::EVERYTHING)
    );
    let stored = store.access_key(rp, old_access.id).await.unwrap().unwrap();
    assert_eq!((stored.scopes, stored.used), (Scopes::ALL, None));
    // What is new works beside it.
    let narrow = narrow_key(fixture.account);
    store.create_api_key(&narrow).await.unwrap();
    let uses = [old_key.id, narrow.id].map(|id| KeyUse {
        key: UsedKey::Api(id),
        at: at(5),
    });
    store.note_key_uses(&uses).await.unwrap();
    let listed = store.list_api_keys(fixture.account, PageRequest::first(9));
    for key in listed.await.unwrap().items {
        let expected = if key.id == narrow.id {
            narrow.grant
        } else {
            Grant::EVERYTHING
        };
        assert_eq!((key.grant, key.used), (expected, Some(at(5))));
    }
}
