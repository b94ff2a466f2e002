//! Backups that take the place of a store.

use domain::model::account::{Principal, SecretHash};
use domain::model::console::{Administrator, CONSOLE_PARTY, ConsoleKind, ConsoleRecord, Role};
use domain::model::token::TokenKind;
use domain::store::{AccessKeys, Accounts, Console, Imports, Tokens, Webhooks};

use super::copies::{
    BLINDLY, NEW, REPLACE, again, database, of_kind, restore, without_the_restore,
};
use super::*;
use crate::conformance::accounts::api_key;
use crate::conformance::fixture::{Fixture, NOW, at, event};
use crate::conformance::relying_parties::webhook;
use crate::conformance::tokens::{access_key, token_key};

/// A store with access keys, an API key, webhooks and administrators.
pub(super) struct Revocable {
    pub(super) fixture: Fixture,
    pub(super) keys: [domain::model::access_key::AccessKey; 2],
    secret: domain::model::account::ApiKey,
    hooks: [domain::model::webhook::Webhook; 2],
    administrators: [Administrator; 3],
}

impl Revocable {
    pub(super) async fn new(under_test: &Directory) -> Self {
        let fixture = Fixture::new(under_test).await;
        let store = under_test.store.clone().unwrap();
        let keys = [access_key(fixture.rp, NOW), access_key(fixture.rp, NOW)];
        for key in &keys {
            let made = event(AuditKind::AccessKeyCreated, fixture.rp);
            store.create_access_key(key, &made).await.unwrap();
        }
        let secret = api_key(fixture.account);
        assert_eq!(store.create_api_key(&secret).await, Ok(true));
        let hooks = [webhook(fixture.rp, NOW), webhook(fixture.rp, NOW)];
        for hook in &hooks {
            assert_eq!(store.create_webhook(hook, None).await, Ok(true));
        }
        let kept = store.keep_token_key(fixture.rp, TokenKind::Access, token_key(1));
        kept.await.unwrap();
        crate::conformance::console::fill(&*store).await;
        let administrators = [(1, "Ada"), (2, "Bob"), (3, "Eve")].map(|(n, name)| {
            Administrator::new(UserId([n; 16]), name.to_owned(), Role::Owner, NOW)
        });
        for administrator in &administrators {
            let record = ConsoleRecord::Administrator(administrator.clone());
            let made = event(AuditKind::InviteAccepted, CONSOLE_PARTY);
            assert_eq!(store.create_console_record(&record, &made).await, Ok(true));
        }
        Self {
            fixture,
            keys,
            secret,
            hooks,
            administrators,
        }
    }

    /// Revokes the first of each, lowers the other administrator, and replaces the Auth Token, the keys of access keys and the settings of the
    /// other webhook.
    pub(super) async fn revoke(&self, store: &Embedded) {
        let Fixture { rp, account, .. } = self.fixture;
        let gone = event(AuditKind::AccessKeyDeleted, rp);
        let done = store.delete_access_key(rp, self.keys[0].id, &gone);
        assert_eq!(done.await, Ok(true));
        let gone = event(AuditKind::ApiKeyDeleted, rp);
        let done = store.delete_api_key(account, self.secret.id, &gone);
        assert_eq!(done.await, Ok(true));
        let gone = event(AuditKind::WebhookDeleted, rp);
        let done = store.delete_webhook(rp, self.hooks[0].id, &gone);
        assert_eq!(done.await, Ok(true));
        let gone = event(AuditKind::AdministratorDeleted, CONSOLE_PARTY);
        let of = ConsoleKind::Administrator;
        let done = store.delete_console_record(of, self.administrators[0].id.0, &gone);
        assert_eq!(done.await, Ok(true));
        let lowered = ConsoleRecord::Administrator(Administrator {
            role: Role::Support,
            ..self.administrators[1].clone()
        });
        let changed = event(AuditKind::AdministratorChanged, CONSOLE_PARTY);
        assert_eq!(
            store.replace_console_record(&lowered, &changed).await,
            Ok(true)
        );
        let hash = SecretHash::Plain([9; 32]);
        assert_eq!(store.replace_account_token(account, hash).await, Ok(true));
        let (old, new) = (token_key(1), token_key(2));
        let rotated = event(AuditKind::TokenKeyRotated, rp);
        let replaced = store.replace_token_key(rp, TokenKind::Access, &old, &new, Some(&rotated));
        assert_eq!(replaced.await, Ok(true));
        let hook = domain::model::webhook::Webhook {
            url: "https://new.acme.test/hook".to_owned(),
            revision: 2,
            ..self.hooks[1].clone()
        };
        store.update_webhook(&hook, None).await.unwrap();
    }

    /// Asserts that what was revoked and replaced is so in this store.
    pub(super) async fn assert_revoked(&self, store: &Embedded) {
        let Fixture { rp, account, .. } = self.fixture;
        for (key, works) in self.keys.iter().zip([false, true]) {
            let found = store.access_key(rp, key.id).await.unwrap();
            assert_eq!(found.is_some(), works);
        }
        let found = store.secret(Principal::ApiKey(self.secret.id)).await;
        assert!(found.unwrap().is_none());
        assert_eq!(store.webhook(rp, self.hooks[0].id).await, Ok(None));
        let [removed, lowered, _] = self.administrators.each_ref().map(|a| a.id.0);
        let of = ConsoleKind::Administrator;
        assert_eq!(store.console_record(of, removed).await, Ok(None));
        let found = store.console_record(of, lowered).await.unwrap();
        let Some(ConsoleRecord::Administrator(found)) = found else {
            panic!("{found:?}");
        };
        assert_eq!(found.role, Role::Support);
        let found = store.secret(Principal::Account(account)).await.unwrap();
        assert_eq!(found.unwrap().hash, SecretHash::Plain([9; 32]));
        let found = store.token_key(rp, TokenKind::Access).await.unwrap();
        assert_eq!(found, Some(token_key(2)));
    }
}

#[tokio::test]
async fn what_was_revoked_after_a_backup_stays_revoked_also_after_a_second_restore() {
    let under_test = Directory::new();
    let set = Revocable::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let place = under_test.place.path();
    let (file, path) = (place.join("backup.db"), database(&under_test));
    backup(&path, &file).unwrap();
    let second = place.join("second.db");
    backup(&path, &second).unwrap();
    set.revoke(&store).await;
    // The trail is not what decides: it was swept.
    let swept = store.write(|c| Ok(c.execute("DELETE FROM events", [])?));
    assert!(swept.await.unwrap() > 0);
    store.close().await.unwrap();
    drop(store);

    let hex = |bytes: &[u8]| hex::encode(bytes);
    for again in [false, true] {
        let restored = restore(&file, &path, REPLACE, NOW).unwrap();
        assert!(restored.compared);
        let text = std::fs::read_to_string(&restored.report).unwrap();
        assert_eq!(text, format!("{} events\n", restored.counts.events));
        let difference = &restored.difference;
        for (kind, id) in [
            (RecordKind::AccessKey, hex(&set.keys[0].id.0)),
            (RecordKind::ApiKey, hex(&set.secret.id.0)),
            (RecordKind::Webhook, hex(&set.hooks[0].id.0)),
            (RecordKind::Administrator, hex(&set.administrators[0].id.0)),
            (RecordKind::Role, hex(&set.administrators[1].id.0)),
            (RecordKind::AuthToken, hex(&set.fixture.account.0)),
            (RecordKind::AccessTokenKeys, String::new()),
        ] {
            assert_eq!(
                of_kind(&difference.stays, kind),
                [id.as_str()],
                "{kind:?} {again}"
            );
        }
        assert_eq!(difference.stays.len(), 7);
        // Settings of webhooks are those of the backup, and after it the store has them, too.
        let settings = of_kind(&difference.again, RecordKind::WebhookSettings).len();
        assert_eq!(
            (settings, difference.again.len()),
            if again { (0, 0) } else { (1, 1) }
        );
        let keys = (restored.counts.access_keys, restored.counts.api_keys);
        assert_eq!(keys, (1, 0));
        let store = open(&path).unwrap();
        set.assert_revoked(&store).await;
        store.close().await.unwrap();
    }
    // By mistake an older backup was first.
    restore(&second, &path, REPLACE, NOW).unwrap();
    let store = open(&path).unwrap();
    set.assert_revoked(&store).await;
    store.close().await.unwrap();
    drop(store);
    // The other way round: the store that was put aside comes back with all that it knew.
    let replaced = restore(&file, &path, REPLACE, NOW)
        .unwrap()
        .replaced
        .unwrap();
    restore(&replaced, &path, REPLACE, NOW).unwrap();
    let store = open(&path).unwrap();
    set.assert_revoked(&store).await;
}

/// A standby is restored from one backup after the other. What it has is older than what the next backup has.
#[tokio::test]
async fn a_store_that_is_older_than_the_backup_gives_it_nothing_but_its_revocations() {
    let under_test = Directory::new();
    let set = Revocable::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let place = under_test.place.path();
    let (old, new) = (place.join("old.db"), place.join("new.db"));
    // An event that was imported may be newer than all that follow.
    let mut imported = event(AuditKind::RelyingPartyDeleted, set.fixture.rp);
    imported.at = at(1_000_000);
    store.import_event(&imported).await.unwrap();
    backup(&database(&under_test), &old).unwrap();
    set.revoke(&store).await;
    // It was created after the first backup.
    let late = access_key(set.fixture.rp, NOW);
    let mut made = event(AuditKind::AccessKeyCreated, set.fixture.rp);
    made.at = at(10);
    store.create_access_key(&late, &made).await.unwrap();
    backup(&database(&under_test), &new).unwrap();

    let path = place.join("standby.db");
    restore(&old, &path, NEW, at(20)).unwrap();
    let restored = restore(&new, &path, REPLACE, at(30)).unwrap();
    assert!(restored.compared);
    assert_eq!(restored.difference.stays, []);
    // Both secrets change, so the report names them.
    for kind in [RecordKind::AuthToken, RecordKind::AccessTokenKeys] {
        let again = restored.difference.again.iter();
        let remarks: Vec<_> = again.filter(|r| r.kind == kind).map(|r| &*r.name).collect();
        assert_eq!(
            remarks,
            ["it is newer than the one that was there"],
            "{kind:?}"
        );
    }
    let store = open(&path).unwrap();
    set.assert_revoked(&store).await;
    let found = store.access_key(set.fixture.rp, late.id).await;
    assert!(found.unwrap().is_some());
    store.close().await.unwrap();
    drop(store);
    // By mistake the first one again: what the second one knew stays.
    let restored = restore(&old, &path, REPLACE, at(40)).unwrap();
    let again = restored.difference.again.iter().map(|record| record.kind);
    assert_eq!(again.collect::<Vec<_>>(), [RecordKind::WebhookSettings]);
    let store = open(&path).unwrap();
    set.assert_revoked(&store).await;
}

#[tokio::test]
async fn a_store_of_the_last_format_says_in_its_trail_what_was_revoked() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let [revoked, unknown] = [access_key(fixture.rp, NOW), access_key(fixture.rp, NOW)];
    for key in [&revoked, &unknown] {
        let made = event(AuditKind::AccessKeyCreated, fixture.rp);
        store.create_access_key(key, &made).await.unwrap();
    }
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
    store.close().await.unwrap();
    drop(store);
    let old = Connection::open(&path).unwrap();
    old.execute_batch(WITHOUT_REVOKED).unwrap();
    old.pragma_update(None, "user_version", 21).unwrap();
    drop(old);

    let restored = restore(&file, &path, REPLACE, NOW).unwrap();
    assert!(restored.compared);
    let difference = &restored.difference;
    for (found, key) in [(&difference.stays, &revoked), (&difference.again, &unknown)] {
        let id = hex::encode(key.id.0);
        assert_eq!(of_kind(found, RecordKind::AccessKey), [id.as_str()]);
    }
    // What was put aside has its old format.
    let replaced = restored.replaced.unwrap();
    assert_eq!(formats(&replaced).unwrap(), (21, 25));
    assert_eq!(formats(&path).unwrap(), (25, 25));
    let left = std::fs::read_dir(under_test.place.path()).unwrap();
    let left = left.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("compared")
    });
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_replaced_only_where_that_is_asked_for() {
    let under_test = Directory::new();
    let set = Revocable::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let ann = set.fixture.user("ann").await;
    set.fixture.passkey(&ann).await;
    let place = under_test.place.path();
    let (file, path) = (place.join("backup.db"), database(&under_test));
    backup(&path, &file).unwrap();
    set.revoke(&store).await;
    let damage = store.write(|c| Ok(c.execute("UPDATE users SET name = 'bob'", [])?));
    damage.await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let before = std::fs::read(&path).unwrap();
    let refused = restore(&file, &path, REPLACE, NOW).unwrap_err();
    assert!(
        matches!(refused, CopyError::NotCompared { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("table users"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // What can be read of it still counts.
    let restored = restore(&file, &path, BLINDLY, NOW).unwrap();
    assert!(!restored.compared && restored.unreadable.is_some());
    let difference = &restored.difference;
    for kind in [
        RecordKind::AccessKey,
        RecordKind::ApiKey,
        RecordKind::AuthToken,
    ] {
        assert!(of_kind(&difference.again, kind).is_empty(), "{kind:?}");
    }
    for kind in [RecordKind::NoAuthToken, RecordKind::NoAccessTokenKeys] {
        assert_eq!(of_kind(&difference.stays, kind).len(), 1, "{kind:?}");
    }

    // Another program has it locked.
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE;")
        .unwrap();
    let refused = restore(&file, &path, REPLACE, NOW).unwrap_err();
    assert!(refused.to_string().contains("locked"), "{refused}");
}

#[tokio::test]
async fn a_log_without_a_database_file_is_a_store_too() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    fixture.user("ann").await;
    let file = under_test.place.path().join("backup.db");
    backup(&database(&under_test), &file).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("store.db");
    let log = marker::log_of(&path);
    std::fs::write(&log, [7; 9000]).unwrap();
    let refused = restore(&file, &path, NEW, NOW);
    assert!(matches!(refused, Err(CopyError::Exists(_))));
    let refused = restore(&file, &path, REPLACE, NOW).unwrap_err();
    assert!(refused.to_string().contains("missing"), "{refused}");
    assert_eq!(std::fs::read(&log).unwrap(), [7; 9000]);
    let restored = restore(&file, &path, BLINDLY, NOW).unwrap();
    let kept = restored.replaced.unwrap();
    assert!(kept.to_string_lossy().ends_with("-wal"));
    assert_eq!(std::fs::read(kept).unwrap(), [7; 9000]);
    assert!(!log.exists());
    // A folder is no backup.
    let refused = restore(elsewhere.path(), &path, REPLACE, NOW);
    assert!(matches!(refused, Err(CopyError::NotAFile(_))));
}

#[tokio::test]
async fn a_backup_with_a_log_beside_it_is_restored_with_what_the_log_has() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let ann = fixture.user("ann").await;
    for name in ["bob", "cid", "dan", "eve"] {
        fixture.user(name).await;
    }
    // The process died: what it was told last is in the log alone.
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("aside.db");
    std::fs::copy(database(&under_test), &file).unwrap();
    std::fs::copy(
        marker::log_of(&database(&under_test)),
        marker::log_of(&file),
    )
    .unwrap();
    let path = elsewhere.path().join("store.db");
    assert_eq!(restore(&file, &path, NEW, NOW).unwrap().counts.users, 5);
    let (fixture, store) = again(&path, &fixture);
    let found = store.user(fixture.rp, UserRef::Id(ann.id)).await;
    assert_eq!(found, Ok(Some(ann)));
    // A log that is cut off would take an acknowledged write along.
    let log = std::fs::read(marker::log_of(&file)).unwrap();
    let mut damaged = log.clone();
    damaged[100] ^= 1;
    std::fs::write(marker::log_of(&file), damaged).unwrap();
    let path = elsewhere.path().join("other.db");
    let refused = restore(&file, &path, NEW, NOW).unwrap_err();
    assert!(refused.to_string().contains("log (-wal)"), "{refused}");
}

#[tokio::test]
async fn a_restore_removes_no_file_that_it_is_given() {
    let under_test = Directory::new();
    let path = database(&under_test);
    let elsewhere = tempfile::tempdir().unwrap();
    for name in [
        "store.db.restore",
        "store.db.restore.compared",
        "store.db.restoring.partial",
    ] {
        let file = elsewhere.path().join(name);
        backup(&path, &file).unwrap();
        let linked = elsewhere
            .path()
            .join("../")
            .join(elsewhere.path().file_name().unwrap());
        let refused = restore(&file, &linked.join("store.db"), NEW, NOW);
        assert!(matches!(refused, Err(CopyError::OwnFile(_))), "{refused:?}");
        assert!(file.exists());
    }
    // A link in the place of the lock file leads nowhere.
    #[cfg(unix)]
    {
        let (file, victim) = (
            elsewhere.path().join("b.db"),
            elsewhere.path().join("victim"),
        );
        backup(&path, &file).unwrap();
        std::fs::write(&victim, "mine").unwrap();
        std::os::unix::fs::symlink(&victim, elsewhere.path().join("other.db.lock")).unwrap();
        let refused = restore(&file, &elsewhere.path().join("other.db"), NEW, NOW);
        assert!(refused.is_err());
        assert_eq!(std::fs::read(&victim).unwrap(), b"mine");
    }
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
    let restored = restore(&file, &path, NEW, NOW).unwrap();
    assert!(!restored.compared);
    assert_eq!(restored.replaced, None);
    let all = &restored.difference.again;
    for kind in [
        RecordKind::AccessKey,
        RecordKind::AuthToken,
        RecordKind::RelyingParty,
        RecordKind::User,
        RecordKind::Credential,
    ] {
        assert_eq!(of_kind(all, kind).len(), 1, "{kind:?}");
    }
    assert_eq!(restored.difference.stays, []);
    open(&path).unwrap();

    // The files of the store are lost, and the lock file knows that there was one.
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Lost { .. })));
    let refused = restore(&file, &path, NEW, NOW);
    assert!(matches!(refused, Err(CopyError::Exists(_))));
    let refused = restore(&file, &path, REPLACE, NOW);
    assert!(matches!(refused, Err(CopyError::NotCompared { .. })));
    restore(&file, &path, BLINDLY, NOW).unwrap();
    // It is there, and nobody can read it.
    std::fs::write(&path, [7; 9000]).unwrap();
    std::fs::write(elsewhere.path().join("new/store.db-wal"), [7; 9000]).unwrap();
    let refused = restore(&file, &path, REPLACE, NOW);
    assert!(matches!(refused, Err(CopyError::NotCompared { .. })));
    let restored = restore(&file, &path, BLINDLY, NOW).unwrap();
    assert!(!restored.compared);
    let replaced = restored.replaced.unwrap();
    assert_eq!(std::fs::read(&replaced).unwrap(), [7; 9000]);
    assert_eq!(std::fs::read(marker::log_of(&replaced)).unwrap(), [7; 9000]);
    let (fixture, _) = again(&path, &fixture);
    assert_eq!(without_the_restore(fixture.events().await), events);
}

#[tokio::test]
async fn two_restores_in_one_second_keep_both_stores() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    fixture.user("ann").await;
    let file = under_test.place.path().join("backup.db");
    backup(&database(&under_test), &file).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    // Some of these mean something in a URI.
    let path = elsewhere.path().join("a store?b#c%41 \u{fc}.db");
    restore(&file, &path, NEW, NOW).unwrap();
    let mut kept = Vec::new();
    for _ in 0..3 {
        kept.push(
            restore(&file, &path, REPLACE, NOW)
                .unwrap()
                .replaced
                .unwrap(),
        );
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
    let restored = restore(&file, &left, BLINDLY, NOW).unwrap();
    assert!(!restored.compared);
    let again = &restored.difference.again;
    assert_eq!(of_kind(again, RecordKind::AccessKey).len(), 1);
}

/// What was switched off stays off. What is less, or other, than it was is named.
#[tokio::test]
async fn a_restore_names_settings_that_differ_and_leaves_webhooks_off() {
    let under_test = Directory::new();
    let set = Revocable::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let file = under_test.place.path().join("backup.db");
    let path = database(&under_test);
    let [off, other] = &set.hooks;
    let lower = ConsoleRecord::Administrator(Administrator {
        role: Role::Support,
        ..set.administrators[2].clone()
    });
    let changed = event(AuditKind::AdministratorChanged, CONSOLE_PARTY);
    let done = store.replace_console_record(&lower, &changed);
    assert_eq!(done.await, Ok(true));
    backup(&path, &file).unwrap();
    let switched = domain::model::webhook::Webhook {
        enabled: false,
        revision: 2,
        ..off.clone()
    };
    let other_events = domain::model::webhook::Webhook {
        event_types: vec!["factor.deleted".to_owned()],
        revision: 2,
        ..other.clone()
    };
    for hook in [&switched, &other_events] {
        store.update_webhook(hook, None).await.unwrap();
    }
    let raised = ConsoleRecord::Administrator(set.administrators[2].clone());
    let done = store.replace_console_record(&raised, &changed);
    assert_eq!(done.await, Ok(true));
    let sql = "UPDATE relying_parties SET body = json_set(body, '$.name', 'other'), \
        digest = seal('relying_parties', id, account_id, version, created, json_set(body, '$.name', 'other'), rp_id) \
        WHERE account_id IN (SELECT id FROM accounts)";
    let renamed = store.write(move |c| Ok(c.execute(sql, [])?));
    assert!(renamed.await.unwrap() > 0);
    store.close().await.unwrap();
    drop(store);

    let difference = restore(&file, &path, REPLACE, NOW).unwrap().difference;
    let hex = |bytes: &[u8]| hex::encode(bytes);
    for (found, kind, id) in [
        (&difference.stays, RecordKind::WebhookOff, hex(&off.id.0)),
        (
            &difference.again,
            RecordKind::WebhookSettings,
            hex(&other.id.0),
        ),
        (
            &difference.again,
            RecordKind::Settings,
            hex(&set.fixture.rp.0),
        ),
        (
            &difference.again,
            RecordKind::Role,
            hex(&set.administrators[2].id.0),
        ),
    ] {
        assert_eq!(of_kind(found, kind), [id.as_str()], "{kind:?}");
    }
    let second = under_test.place.path().join("second.db");
    let store = open(&path).unwrap();
    backup(&path, &second).unwrap();
    let found = store.webhook(set.fixture.rp, off.id).await.unwrap();
    let found = found.unwrap();
    let switched_on = domain::model::webhook::Webhook {
        revision: found.revision + 1,
        enabled: true,
        ..found
    };
    let done = store.update_webhook(&switched_on, None).await;
    assert_eq!(done, Ok(domain::store::Update::Done));
    store.close().await.unwrap();
    drop(store);
    let difference = restore(&second, &path, REPLACE, at(1)).unwrap().difference;
    let [found] = &difference.again[..] else {
        panic!("{:?}", difference.again);
    };
    assert_eq!(found.kind, RecordKind::WebhookSettings);
    assert!(found.name.ends_with(", switched off now"), "{found:?}");
    let store = open(&path).unwrap();
    let found = store.webhook(set.fixture.rp, off.id).await.unwrap();
    assert!(!found.unwrap().enabled);
    let found = store.webhook(set.fixture.rp, other.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(other));
}

/// Administrators sign in with passkeys, too: one that comes back is named, and one that is lost is counted.
#[tokio::test]
async fn a_restore_names_the_passkeys_of_administrators() {
    let under_test = Directory::new();
    let set = Revocable::new(&under_test).await;
    let of_console = Fixture {
        store: Arc::clone(&set.fixture.store),
        account: set.fixture.account,
        rp: CONSOLE_PARTY,
    };
    let ann = of_console.user("Ann").await;
    let record = Administrator::new(ann.id, "Ann".to_owned(), Role::Owner, NOW);
    let record = ConsoleRecord::Administrator(record);
    let made = event(AuditKind::InviteAccepted, CONSOLE_PARTY);
    let store = under_test.store.clone().unwrap();
    assert_eq!(store.create_console_record(&record, &made).await, Ok(true));
    of_console.passkey(&ann).await;
    let path = database(&under_test);
    let [one, two] = ["one.db", "two.db"].map(|name| under_test.place.path().join(name));
    backup(&path, &one).unwrap();
    let (_, second) = of_console.passkey(&ann).await;
    backup(&path, &two).unwrap();
    store.close().await.unwrap();
    drop((store, of_console, set));

    let found = restore(&one, &path, REPLACE, NOW).unwrap().difference;
    assert_eq!(found.lost.administrator_passkeys, 1);
    assert_eq!(found.again, []);
    let found = restore(&two, &path, REPLACE, at(1)).unwrap().difference;
    let named = of_kind(&found.again, RecordKind::AdministratorPasskey);
    assert_eq!(named, [hex::encode(second.key.0)]);
    assert!(found.again[0].name.starts_with("Ann, "));
    assert_eq!(found.lost, crate::embedded::copies::Lost::default());
}

/// A server would change the file while it is read.
#[tokio::test]
async fn a_store_that_is_in_use_is_no_backup() {
    let under_test = Directory::new();
    Fixture::new(&under_test).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("store.db");
    let refused = restore(&database(&under_test), &path, NEW, NOW).unwrap_err();
    let in_use = |error: &CopyError| matches!(error, CopyError::Open(OpenError::InUse { .. }));
    assert!(in_use(&refused), "{refused}");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    let store = under_test.store.clone().unwrap();
    store.close().await.unwrap();
    drop(store);
    restore(&database(&under_test), &path, NEW, NOW).unwrap();
    // A refused restore leaves no lock file that a server of another user could not open.
    let lock = elsewhere.path().join("store.db.lock");
    std::fs::remove_file(&lock).unwrap();
    let refused = restore(&database(&under_test), &path, NEW, NOW).unwrap_err();
    assert!(matches!(refused, CopyError::Exists(_)), "{refused}");
    assert!(!lock.exists());
}
