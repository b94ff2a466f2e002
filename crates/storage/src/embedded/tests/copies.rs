//! Backups, restores, and files without gaps.

use std::path::PathBuf;

use domain::model::account::{Principal, SecretHash};
use domain::model::audit::{ActorKind, AuditEvent};
use domain::model::token::TokenKind;
use domain::store::{
    AccessKeys, Accounts, Begin, FinishedAuthentication, Imports, Survival, Swept, Tokens,
};

use super::*;
use crate::conformance::accounts::api_key;
use crate::conformance::fixture::{
    Fixture, LIFETIME, NOW, Passkey, at, authentication, counting, event, new_account,
};
use crate::conformance::tokens::{access_key, token_key};
use crate::embedded::copies::{reader, verify_copy};

/// The events of a restored store, except the one about the restore.
fn without_the_restore(events: Vec<AuditEvent>) -> Vec<AuditEvent> {
    let of_restore = |event: &AuditEvent| event.kind == AuditKind::StoreRestored;
    let (told, others): (Vec<_>, Vec<_>) = events.into_iter().partition(of_restore);
    let actors: Vec<_> = told.iter().map(|event| event.actor.kind).collect();
    assert_eq!(actors, [ActorKind::Admin]);
    others
}

fn database(under_test: &Directory) -> PathBuf {
    under_test.place.path().join("store.db")
}

/// Opens the store again, in another fixture of the same Relying Party.
fn again(path: &Path, fixture: &Fixture) -> (Fixture, Arc<Embedded>) {
    let store = Arc::new(open(path).unwrap());
    let fixture = Fixture {
        store: Arc::<Embedded>::clone(&store),
        ..*fixture
    };
    (fixture, store)
}

/// One user with a passkey signs in so many times.
async fn sign_ins(
    fixture: &Fixture,
    passkey: &mut Passkey,
    record: &CredentialRecord,
    from: i64,
    count: i64,
) {
    for n in 0..count {
        let ceremony = authentication(fixture.rp, None, at(from + 2 * n));
        fixture.begin(&ceremony).await;
        let answered = passkey.sign_in(&ceremony, record, at(from + 2 * n + 1), &counting(0));
        let done = answered.send(&*fixture.store).await;
        assert_eq!(done, Ok(FinishedAuthentication::Accepted));
    }
}

#[tokio::test]
async fn a_backup_of_a_store_in_use_has_all_that_was_acknowledged_and_brings_back_nothing_that_was_used_since()
 {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let (mut deleted, deleted_record) = fixture.passkey(&ann).await;
    sign_ins(&fixture, &mut passkey, &record, 10, 3).await;
    let eve = fixture.user("eve").await;
    fixture.passkey(&eve).await;
    let revoked = access_key(fixture.rp, NOW);
    let made = event(AuditKind::AccessKeyCreated, fixture.rp);
    store.create_access_key(&revoked, &made).await.unwrap();
    for kind in TokenKind::ALL {
        let kept = store.keep_token_key(fixture.rp, *kind, token_key(3)).await;
        assert!(kept.unwrap().is_some());
    }
    // One waits in the table, one in memory.
    let waiting = authentication(fixture.rp, None, at(100));
    let asked = Arc::new(waiting.clone());
    let begun = store.begin_authentication(&asked, &[], Survival::Crash);
    assert_eq!(begun.await, Ok(Begin::Begun));
    let in_memory = authentication(fixture.rp, None, at(100));
    fixture.begin(&in_memory).await;
    let events = fixture.events().await;
    let file = under_test.place.path().join("backup.db");
    let counts = backup(&database(&under_test), &file).unwrap();
    assert_eq!(
        (counts.users, counts.credentials, counts.access_keys),
        (2, 3, 1)
    );
    assert_eq!(usize::try_from(counts.events).unwrap(), events.len());
    let taken = backup(&database(&under_test), &file);
    assert!(matches!(taken, Err(CopyError::Exists(_))));

    // What happens after the backup.
    for ceremony in [&waiting, &in_memory] {
        let answered = deleted.sign_in(ceremony, &deleted_record, at(101), &counting(0));
        let done = answered.send(&*store).await;
        assert_eq!(done, Ok(FinishedAuthentication::Accepted));
    }
    let gone = event(AuditKind::CredentialDeleted, fixture.rp);
    let done = store.delete_credential(fixture.rp, ann.id, deleted_record.key, &gone);
    assert_eq!(done.await, Ok(true));
    // No sweep has removed what she had.
    let gone = event(AuditKind::UserDeleted, fixture.rp);
    let done = store.delete_user(fixture.rp, eve.id, &gone);
    assert_eq!(done.await, Ok(true));
    let gone = event(AuditKind::AccessKeyDeleted, fixture.rp);
    let done = store.delete_access_key(fixture.rp, revoked.id, &gone);
    assert_eq!(done.await, Ok(true));
    let bob = fixture.user("bob").await;
    fixture.passkey(&bob).await;

    let path = database(&under_test);
    let in_use = restore(&file, &path, true, NOW);
    assert!(matches!(
        in_use,
        Err(CopyError::Open(OpenError::InUse { .. }))
    ));
    store.close().await.unwrap();
    let there = restore(&file, &path, false, NOW);
    assert!(matches!(there, Err(CopyError::Exists(_))));
    let restored = restore(&file, &path, true, NOW).unwrap();
    assert!(restored.compared);
    assert_eq!(
        (restored.ceremonies_voided, restored.token_keys_voided),
        (1, 4)
    );
    let difference = &restored.difference;
    let hex = |bytes: &[u8]| hex::encode(bytes);
    assert_eq!(difference.access_keys.len(), 1);
    assert_eq!(difference.access_keys[0].id, hex(&revoked.id.0));
    assert_eq!(difference.access_keys[0].owner, hex(&fixture.rp.0));
    assert_eq!(difference.access_keys[0].name, revoked.name);
    assert_eq!(difference.credentials_in_all, 2);
    let back = |user: &str| {
        difference
            .credentials
            .iter()
            .find(|c| c.name.starts_with(user))
    };
    assert_eq!(back("ann, ").unwrap().id, hex(&deleted_record.key.0));
    assert!(back("eve, ").is_some());
    assert_eq!((difference.users_lost, difference.credentials_lost), (1, 1));
    assert!(difference.api_keys.is_empty() && difference.auth_tokens.is_empty());

    let (fixture, store) = again(&path, &fixture);
    assert_eq!(without_the_restore(fixture.events().await), events);
    for ceremony in [&waiting, &in_memory] {
        assert_eq!(fixture.ceremony(ceremony.id).await, None);
        let answered = deleted.sign_in(ceremony, &deleted_record, at(102), &counting(0));
        let done = answered.send(&*store).await;
        assert_eq!(done, Ok(FinishedAuthentication::Gone));
    }
    for kind in TokenKind::ALL {
        let kept = matches!(kind, TokenKind::Access | TokenKind::Signing);
        let found = store.token_key(fixture.rp, *kind).await.unwrap();
        assert_eq!(found.is_some(), kept, "{kind:?}");
    }
    sign_ins(&fixture, &mut passkey, &record, 200, 1).await;
    // The store that was there is whole, too.
    let replaced = restored.replaced.unwrap();
    let (fixture, _) = again(&replaced, &fixture);
    assert_eq!(fixture.record(deleted_record.key).await, None);
    assert!(fixture.events().await.len() > events.len());
}

#[tokio::test]
async fn keys_that_were_revoked_after_a_backup_stay_revoked() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    // One is revoked after the backup. Another one is not there then either, and no event says why: the store may be an older one.
    let (revoked, unknown) = (access_key(fixture.rp, NOW), access_key(fixture.rp, NOW));
    for key in [&revoked, &unknown] {
        let made = event(AuditKind::AccessKeyCreated, fixture.rp);
        store.create_access_key(key, &made).await.unwrap();
    }
    let secret = api_key(fixture.account);
    assert_eq!(store.create_api_key(&secret).await, Ok(true));
    let (file, path) = (
        under_test.place.path().join("backup.db"),
        database(&under_test),
    );
    backup(&path, &file).unwrap();
    let gone = event(AuditKind::AccessKeyDeleted, fixture.rp);
    let told = gone
        .clone()
        .target("access_key", &revoked.id.to_hex(), None);
    for (key, gone) in [(&revoked, &told), (&unknown, &gone)] {
        let done = store.delete_access_key(fixture.rp, key.id, gone);
        assert_eq!(done.await, Ok(true));
    }
    let deleted = store.delete_api_key(fixture.account, secret.id);
    assert_eq!(deleted.await, Ok(true));
    let gone = event(AuditKind::ApiKeyDeleted, fixture.rp);
    let gone = gone.target("api_key", &secret.id.to_hex(), None);
    store.record_event(&gone).await.unwrap();
    store.close().await.unwrap();

    let restored = restore(&file, &path, true, NOW).unwrap();
    assert!(restored.compared);
    let difference = &restored.difference;
    for (found, id) in [
        (&difference.access_keys, unknown.id.0),
        (&difference.access_keys_revoked, revoked.id.0),
        (&difference.api_keys_revoked, secret.id.0),
    ] {
        let found: Vec<_> = found.iter().map(|key| key.id.clone()).collect();
        assert_eq!(found, [hex::encode(id)]);
    }
    assert!(difference.api_keys.is_empty());
    let keys = (restored.counts.access_keys, restored.counts.api_keys);
    assert_eq!(keys, (1, 0));
    let (fixture, store) = again(&path, &fixture);
    for (key, works) in [(&revoked, false), (&unknown, true)] {
        let found = store.access_key(fixture.rp, key.id).await.unwrap();
        assert_eq!(found.is_some(), works);
    }
    let found = store.secret(Principal::ApiKey(secret.id)).await;
    assert!(found.unwrap().is_none());
}

#[tokio::test]
async fn without_a_store_to_compare_with_a_restore_names_all_keys() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let ann = fixture.user("ann").await;
    fixture.passkey(&ann).await;
    let created = access_key(fixture.rp, NOW);
    let made = event(AuditKind::AccessKeyCreated, fixture.rp);
    store.create_access_key(&created, &made).await.unwrap();
    let events = fixture.events().await;
    let file = under_test.place.path().join("backup.db");
    backup(&database(&under_test), &file).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("new/store.db");
    let restored = restore(&file, &path, false, NOW).unwrap();
    assert!(!restored.compared);
    assert_eq!(restored.replaced, None);
    assert_eq!(restored.difference.access_keys.len(), 1);
    assert_eq!(restored.difference.credentials_in_all, 1);
    assert_eq!(restored.difference.relying_parties.len(), 1);
    open(&path).unwrap();

    // The files of the store are lost, and the lock file knows that there was one.
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Lost { .. })));
    restore(&file, &path, false, NOW).unwrap();
    // It is there, and nobody can read it.
    std::fs::write(&path, [7; 9000]).unwrap();
    std::fs::write(elsewhere.path().join("new/store.db-wal"), [7; 9000]).unwrap();
    let restored = restore(&file, &path, true, NOW).unwrap();
    assert!(!restored.compared);
    let replaced = restored.replaced.unwrap();
    assert_eq!(std::fs::read(&replaced).unwrap(), [7; 9000]);
    assert_eq!(std::fs::read(marker::log_of(&replaced)).unwrap(), [7; 9000]);
    let (fixture, _) = again(&path, &fixture);
    assert_eq!(without_the_restore(fixture.events().await), events);
}

#[tokio::test]
async fn a_damaged_row_or_page_is_noticed_before_a_backup_or_a_restore_is_done() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    fixture.user("ann").await;
    let sound = under_test.place.path().join("sound.db");
    backup(&database(&under_test), &sound).unwrap();
    let damage = store.write(|c| Ok(c.execute("UPDATE users SET name = 'bob'", [])?));
    damage.await.unwrap();
    let file = under_test.place.path().join("backup.db");
    let error = backup(&database(&under_test), &file).unwrap_err();
    assert!(
        error.to_string().contains("1 rows of the table users"),
        "{error}"
    );
    assert!(!file.exists() && !under_test.place.path().join("backup.db.partial").exists());

    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("store.db");
    let whole = std::fs::read(&sound).unwrap();
    let altered = |sql: &str| {
        std::fs::write(&file, &whole).unwrap();
        Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        std::fs::read(&file).unwrap()
    };
    for (what, bytes) in [
        ("cut off", whole[..whole.len() / 2].to_vec()),
        ("one byte is missing", whole[..whole.len() - 1].to_vec()),
        ("one byte too many", [&whole[..], &[0]].concat()),
        ("without an index", altered("DROP INDEX imports_in_order")),
        (
            "with another table",
            altered("CREATE TABLE more (id INTEGER PRIMARY KEY)"),
        ),
        (
            "an event without a kind",
            altered("UPDATE events SET kind = ''"),
        ),
        (
            "an event with half a key",
            altered("UPDATE events SET user_id = x'00'"),
        ),
        ("another file", vec![b'x'; 5000]),
        ("empty", Vec::new()),
        ("a damaged page", {
            let mut bytes = whole.clone();
            let middle = bytes.len() / 2;
            bytes[middle..middle + 4096].fill(0xff);
            bytes
        }),
    ] {
        std::fs::write(&file, bytes).unwrap();
        for path in [&path, &elsewhere.path().join("new/deep/store.db")] {
            let error = restore(&file, path, false, NOW).unwrap_err().to_string();
            assert!(error.contains("backup.db"), "{what}: {error}");
            assert!(!error.contains("store.db"), "{what}: {error}");
            assert_eq!(
                std::fs::read_dir(elsewhere.path()).unwrap().count(),
                0,
                "{what}"
            );
        }
    }
    let missing = restore(&path, &path, false, NOW);
    assert!(matches!(missing, Err(CopyError::Missing(_))));
}

#[tokio::test]
async fn a_backup_whose_events_are_not_those_of_the_store_is_noticed() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    fixture.user("ann").await;
    let store = under_test.store.clone().unwrap();
    let mut late = event(AuditKind::UserCreated, fixture.rp);
    late.at = at(600_000);
    store.import_event(&late).await.unwrap();
    let path = database(&under_test);
    let file = under_test.place.path().join("backup.db");
    for (alter, sound) in [
        (
            "UPDATE events SET signals = 'x' WHERE at = (SELECT max(at) FROM events)",
            false,
        ),
        (
            "UPDATE events SET user_agent = 'x' WHERE at = (SELECT min(at) FROM events)",
            false,
        ),
        (
            "DELETE FROM events WHERE at = (SELECT min(at) FROM events)",
            false,
        ),
        // It may have happened after the copy was made.
        (
            "DELETE FROM events WHERE at = (SELECT max(at) FROM events)",
            true,
        ),
        ("DELETE FROM events", false),
        ("", true),
    ] {
        backup(&path, &file).unwrap();
        Connection::open(&file)
            .unwrap()
            .execute_batch(alter)
            .unwrap();
        let verified = verify_copy(&file, &path);
        assert_eq!(verified.is_ok(), sound, "{alter}: {verified:?}");
        std::fs::remove_file(&file).unwrap();
    }
}

#[tokio::test]
async fn two_restores_in_one_second_keep_both_stores() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    fixture.user("ann").await;
    let file = under_test.place.path().join("backup.db");
    backup(&database(&under_test), &file).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("store.db");
    restore(&file, &path, false, NOW).unwrap();
    let mut kept = Vec::new();
    for _ in 0..3 {
        kept.push(restore(&file, &path, true, NOW).unwrap().replaced.unwrap());
    }
    kept.sort();
    kept.dedup();
    assert_eq!(kept.len(), 3);
    assert!(kept.iter().all(|path| path.is_file()));
}

#[tokio::test]
async fn a_store_that_lost_its_log_is_not_compared_with() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let created = access_key(fixture.rp, NOW);
    let made = event(AuditKind::AccessKeyCreated, fixture.rp);
    store.create_access_key(&created, &made).await.unwrap();
    let (path, file) = (
        database(&under_test),
        under_test.place.path().join("backup.db"),
    );
    backup(&path, &file).unwrap();
    // A crash leaves the revocation in the log, and the log is gone.
    let elsewhere = tempfile::tempdir().unwrap();
    let left = elsewhere.path().join("store.db");
    std::fs::copy(&path, &left).unwrap();
    std::fs::write(elsewhere.path().join("store.db.lock"), "open\n").unwrap();
    let restored = restore(&file, &left, true, NOW).unwrap();
    assert!(!restored.compared);
    assert_eq!(restored.difference.access_keys.len(), 1);
}

#[tokio::test]
async fn a_store_starts_stops_and_is_compacted_while_a_backup_reads_it() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let ann = fixture.user("ann").await;
    let path = database(&under_test);
    let backup = reader(&path).unwrap();
    backup.execute_batch("BEGIN; SELECT * FROM users;").unwrap();
    let bob = fixture.user("bob").await;
    let store = under_test.store.clone().unwrap();
    store.close().await.unwrap();
    for _ in 0..2 {
        let (fixture, store) = again(&path, &fixture);
        for user in [&ann, &bob] {
            let found = store.user(fixture.rp, UserRef::Id(user.id)).await;
            assert_eq!(found.unwrap().as_ref(), Some(user));
        }
        store.close().await.unwrap();
        compact(&path).unwrap();
    }
    let seen: i64 = backup
        .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .unwrap();
    assert_eq!(seen, 1);
}

#[tokio::test]
async fn a_compaction_gives_space_back_and_changes_nothing_else() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    sign_ins(&fixture, &mut passkey, &record, 10, 600).await;
    let late = at(LIFETIME + 2000);
    for _ in 0..4 {
        store.sweep(late, late, late, 1000).await.unwrap();
    }
    sign_ins(&fixture, &mut passkey, &record, 400_000, 3).await;
    let events = fixture.events().await;
    let path = database(&under_test);
    let in_use = compact(&path);
    assert!(matches!(
        in_use,
        Err(CopyError::Open(OpenError::InUse { .. }))
    ));
    store.close().await.unwrap();
    let done = compact(&path).unwrap();
    assert!(done.after * 3 < done.before * 2, "{done:?}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), done.after);
    let left = std::fs::read_dir(under_test.place.path()).unwrap();
    let mut left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["store.db", "store.db.lock"]);
    let (fixture, _) = again(&path, &fixture);
    assert_eq!(fixture.events().await, events);
    sign_ins(&fixture, &mut passkey, &record, 500_000, 1).await;
}

#[tokio::test]
async fn a_store_under_steady_load_does_not_grow_when_old_records_are_removed() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let mut pages = Vec::new();
    // Each round keeps what the round before has left, and removes all that is older.
    for round in 0..16 {
        let begun = round * LIFETIME;
        sign_ins(&fixture, &mut passkey, &record, begun, 150).await;
        let before = at(begun);
        while store.sweep(before, before, before, 1000).await.unwrap() != Swept::default() {}
        let count =
            |c: &Connection| Ok(c.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0))?);
        pages.push(store.write(count).await.unwrap());
    }
    let early = pages[4..8].iter().max().unwrap();
    let late = pages[12..].iter().max().unwrap();
    assert!(late * 10 <= early * 11, "{pages:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_administrator_leaves_files_that_the_server_can_open() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let under_test = Directory::new();
    let path = database(&under_test);
    let file = under_test.place.path().join("backup.db");
    backup(&path, &file).unwrap();
    under_test.store.clone().unwrap().close().await.unwrap();
    let place = tempfile::tempdir().unwrap();
    if chown(place.path(), Some(4711), Some(4712)).is_err() {
        // Only the administrator can give files away.
        return;
    }
    let path = place.path().join("store.db");
    let owners = || {
        let owner = |name| {
            let file = std::fs::metadata(place.path().join(name)).unwrap();
            (file.uid(), file.gid())
        };
        [owner("store.db"), owner("store.db.lock")]
    };
    restore(&file, &path, false, NOW).unwrap();
    assert_eq!(owners(), [(4711, 4712); 2]);
    restore(&file, &path, true, NOW).unwrap();
    compact(&path).unwrap();
    assert_eq!(owners(), [(4711, 4712); 2]);
}

#[tokio::test]
async fn a_restore_says_which_auth_tokens_are_old_and_which_it_cannot_compare() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let [same, replaced, keyed] = [(); 3].map(|()| new_account(NOW));
    for account in [&same, &replaced, &keyed] {
        assert_eq!(store.create_account(account).await, Ok(true));
    }
    let file = under_test.place.path().join("backup.db");
    let path = database(&under_test);
    backup(&path, &file).unwrap();
    for (account, hash) in [
        (&replaced, SecretHash::Plain([8; 32])),
        (&keyed, SecretHash::Keyed([7; 32])),
    ] {
        let done = store.replace_account_token(account.id, hash);
        assert_eq!(done.await, Ok(true));
    }
    store.close().await.unwrap();
    let restored = restore(&file, &path, true, NOW).unwrap();
    let mut found: Vec<_> = restored
        .difference
        .auth_tokens
        .into_iter()
        .map(|named| (named.id, named.name))
        .collect();
    let mut expected = [
        (hex::encode(replaced.id.0), String::new()),
        (
            hex::encode(keyed.id.0),
            "perhaps the present one: the backup is older than the seal of the store".to_owned(),
        ),
    ];
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
