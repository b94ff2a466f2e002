//! Backups, and files without gaps.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::model::audit::{ActorKind, AuditEvent};
use domain::model::token::TokenKind;
use domain::store::{AccessKeys, Begin, FinishedAuthentication, Imports, Survival, Swept, Tokens};

use super::*;
use crate::conformance::fixture::{
    Fixture, LIFETIME, NOW, Passkey, at, authentication, counting, event,
};
use crate::conformance::tokens::{access_key, token_key};
use crate::embedded::copies::{Snapshot, reader, verify_copy};

pub(super) const NEW: How = How {
    replace: false,
    without_comparison: false,
};
pub(super) const REPLACE: How = How {
    replace: true,
    without_comparison: false,
};
pub(super) const BLINDLY: How = How {
    replace: true,
    without_comparison: true,
};

pub(super) fn restore(
    file: &Path,
    path: &Path,
    how: How,
    now: Timestamp,
) -> Result<Restored, CopyError> {
    super::restore(file, path, how, now, |done| {
        format!("{} events", done.counts.events)
    })
}

/// The keys of the records of a kind.
pub(super) fn of_kind(records: &[Record], kind: RecordKind) -> Vec<&str> {
    let found = records.iter().filter(|record| record.kind == kind);
    found.map(|record| record.id.as_str()).collect()
}

/// The events of a restored store, except the one about the restore.
pub(super) fn without_the_restore(events: Vec<AuditEvent>) -> Vec<AuditEvent> {
    let of_restore = |event: &AuditEvent| event.kind == AuditKind::StoreRestored;
    let (told, others): (Vec<_>, Vec<_>) = events.into_iter().partition(of_restore);
    let actors: Vec<_> = told.iter().map(|event| event.actor.kind).collect();
    assert_eq!(actors, [ActorKind::Admin]);
    others
}

pub(super) fn database(under_test: &Directory) -> PathBuf {
    under_test.place.path().join("store.db")
}

/// Opens the store again, in another fixture of the same Relying Party.
pub(super) fn again(path: &Path, fixture: &Fixture) -> (Fixture, Arc<Embedded>) {
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
    let in_use = restore(&file, &path, REPLACE, NOW);
    assert!(matches!(
        in_use,
        Err(CopyError::Open(OpenError::InUse { .. }))
    ));
    store.close().await.unwrap();
    let there = restore(&file, &path, NEW, NOW);
    assert!(matches!(there, Err(CopyError::Exists(_))));
    let restored = restore(&file, &path, REPLACE, NOW).unwrap();
    assert!(restored.compared);
    assert_eq!(
        (restored.ceremonies_voided, restored.token_keys_voided),
        (1, 5)
    );
    let difference = &restored.difference;
    let hex = |bytes: &[u8]| hex::encode(bytes);
    let stays = &difference.stays[..];
    assert!(matches!(stays, [key] if key.owner == hex(&fixture.rp.0) && key.name == revoked.name));
    assert_eq!(of_kind(stays, RecordKind::AccessKey), [hex(&revoked.id.0)]);
    let again = (difference.users_again, difference.credentials_again);
    assert_eq!(again, (1, 2));
    let back = |user: &str| {
        let mut found = difference.again.iter();
        found.find(|c| c.kind == RecordKind::Credential && c.name.starts_with(user))
    };
    assert_eq!(back("ann, ").unwrap().id, hex(&deleted_record.key.0));
    assert!(back("eve, ").is_some());
    assert_eq!(
        of_kind(&difference.again, RecordKind::User),
        [hex(&eve.id.0)]
    );
    assert_eq!((difference.lost.users, difference.lost.credentials), (1, 1));
    assert_eq!(difference.again.len(), 3);

    let (fixture, store) = self::again(&path, &fixture);
    assert_eq!(without_the_restore(fixture.events().await), events);
    for ceremony in [&waiting, &in_memory] {
        assert_eq!(fixture.ceremony(ceremony.id).await, None);
        let answered = deleted.sign_in(ceremony, &deleted_record, at(102), &counting(0));
        let done = answered.send(&*store).await;
        assert_eq!(done, Ok(FinishedAuthentication::Gone));
    }
    for kind in TokenKind::ALL {
        let kept = *kind == TokenKind::Access;
        let found = store.token_key(fixture.rp, *kind).await.unwrap();
        assert_eq!(found.is_some(), kept, "{kind:?}");
    }
    sign_ins(&fixture, &mut passkey, &record, 200, 1).await;
    // The store that was there is whole, too.
    let replaced = restored.replaced.unwrap();
    let (fixture, _) = self::again(&replaced, &fixture);
    assert_eq!(fixture.record(deleted_record.key).await, None);
    assert!(fixture.events().await.len() > events.len());
}

#[tokio::test]
async fn a_damaged_row_or_page_is_noticed_before_a_backup_or_a_restore_is_done() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    fixture.user("ann").await;
    let sql = "INSERT INTO revoked VALUES ('api_key', zeroblob(16), seal('revoked', 'api_key', zeroblob(16)))";
    let revoked = store.write(move |c| Ok(c.execute(sql, [])?));
    assert_eq!(revoked.await, Ok(1));
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
        (
            "a revocation of another key",
            altered("UPDATE revoked SET id = x'01000000000000000000000000000000'"),
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
            let error = restore(&file, path, NEW, NOW).unwrap_err().to_string();
            assert!(error.contains("backup.db"), "{what}: {error}");
            assert!(!error.contains("store.db"), "{what}: {error}");
            assert_eq!(
                std::fs::read_dir(elsewhere.path()).unwrap().count(),
                0,
                "{what}"
            );
        }
    }
    let missing = restore(&path, &path, NEW, NOW);
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
        (
            "DELETE FROM events WHERE at = (SELECT max(at) FROM events)",
            false,
        ),
        ("DELETE FROM events", false),
        ("", true),
    ] {
        backup(&path, &file).unwrap();
        Connection::open(&file)
            .unwrap()
            .execute_batch(alter)
            .unwrap();
        let verified = verify_copy(&file, &Snapshot::of(&path).unwrap());
        assert_eq!(verified.is_ok(), sound, "{alter}: {verified:?}");
        std::fs::remove_file(&file).unwrap();
    }
}

/// The store changes while a backup is made: a person is erased, events are swept, and the clock was set back, so that new events are older.
#[tokio::test]
async fn events_that_change_while_a_backup_is_made_are_no_damage() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    for second in 0..4 {
        let mut event = event(AuditKind::UserCreated, fixture.rp);
        event.at = at(second * 1000);
        store.import_event(&event).await.unwrap();
    }
    let path = database(&under_test);
    let file = under_test.place.path().join("backup.db");
    let meanwhile = [
        "UPDATE events SET user_name = NULL, user_agent = 'erased' WHERE id = (SELECT id FROM events ORDER BY at, id LIMIT 1)",
        "DELETE FROM events WHERE id = (SELECT id FROM events ORDER BY at, id LIMIT 1)",
        "INSERT INTO events (relying_party_id, at, id, kind, signals, actor, wire) \
         SELECT relying_party_id, at - 7200000, randomblob(16), kind, signals, actor, wire FROM events LIMIT 1",
    ];
    for change in meanwhile {
        // Before the copy, and after it.
        let before = Snapshot::of(&path).unwrap();
        let changed = store.write(move |c| Ok(c.execute(change, [])?));
        assert_eq!(changed.await, Ok(1), "{change}");
        backup(&path, &file).unwrap();
        let changed = store.write(move |c| Ok(c.execute(change, [])?));
        assert_eq!(changed.await, Ok(1), "{change}");
        verify_copy(&file, &before).unwrap();
        std::fs::remove_file(&file).unwrap();
    }
}

#[tokio::test]
async fn a_store_starts_and_stops_while_a_backup_reads_it_and_is_not_compacted() {
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
        // The log is part of the store: nobody may lose it, whenever the machine stops.
        let refused = compact(&path, drop).unwrap_err();
        assert!(refused.to_string().contains("something reads"), "{refused}");
        assert!(!compacted_of(&path).exists());
        assert!(marker::log_of(&path).exists());
    }
    let seen: i64 = backup
        .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .unwrap();
    assert_eq!(seen, 1);
    drop(backup);
    compact(&path, drop).unwrap();
    let (fixture, store) = again(&path, &fixture);
    let found = store.user(fixture.rp, UserRef::Id(bob.id)).await;
    assert_eq!(found.unwrap().as_ref(), Some(&bob));
}

/// Without its log a store that says "open" is not opened: it would be taken for one whose log was lost.
#[tokio::test]
async fn a_compaction_can_be_killed_at_any_moment() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    fixture.user("ann").await;
    let path = database(&under_test);
    under_test.store.clone().unwrap().close().await.unwrap();
    let ended = AtomicBool::new(false);
    let lost = || {
        let lock = std::fs::read(path.with_extension("db.lock")).unwrap();
        lock == b"open\n" && !marker::log_of(&path).exists()
    };
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut looks = 0;
            while !ended.load(Ordering::Relaxed) {
                looks += 1;
                // The log is gone before the mark is read, and after it.
                let gone = !marker::log_of(&path).exists();
                assert!(!(gone && lost()), "killed now, the store would not open");
            }
            looks
        });
        for _ in 0..20 {
            compact(&path, drop).unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        assert!(watch.join().unwrap() > 100);
    });
    again(&path, &fixture);
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
    let in_use = compact(&path, drop);
    assert!(matches!(
        in_use,
        Err(CopyError::Open(OpenError::InUse { .. }))
    ));
    store.close().await.unwrap();
    let done = compact(&path, drop).unwrap();
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
    restore(&file, &path, NEW, NOW).unwrap();
    assert_eq!(owners(), [(4711, 4712); 2]);
    restore(&file, &path, REPLACE, NOW).unwrap();
    compact(&path, drop).unwrap();
    assert_eq!(owners(), [(4711, 4712); 2]);
}
