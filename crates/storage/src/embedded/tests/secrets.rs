//! Secrets that were replaced after a backup: they do not come back with it.

use domain::model::account::{Principal, SecretHash};
use domain::model::token::TokenKind;
use domain::store::{AccessKeys, Accounts, Imports, Tokens};

use super::copies::{BLINDLY, NEW, REPLACE, database, of_kind, restore};
use super::restores::Revocable;
use super::*;
use crate::conformance::fixture::{Fixture, NOW, at, event, new_account};
use crate::conformance::tokens::{access_key, token_key};

#[tokio::test]
async fn a_restore_says_which_auth_tokens_are_old_and_which_it_cannot_compare() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let [same, replaced, keyed, lost] = [(); 4].map(|()| new_account(NOW));
    for account in [&same, &replaced, &keyed, &lost] {
        assert_eq!(store.create_account(account).await, Ok(true));
    }
    let file = under_test.place.path().join("backup.db");
    let path = database(&under_test);
    backup(&path, &file).unwrap();
    // The store is sealed after the backup, so the backup cannot have its secrets.
    store.keep_store_key(&[1; 60]).await.unwrap();
    for (account, hash) in [
        (&replaced, SecretHash::Plain([8; 32])),
        (&lost, SecretHash::Keyed([6; 32])),
    ] {
        let done = store.replace_account_token(account.id, hash);
        assert_eq!(done.await, Ok(true));
    }
    // The same token, whose hash has a key now.
    let hash = SecretHash::Keyed([7; 32]);
    let of = Principal::Account(keyed.id);
    let done = store.replace_secret(of, keyed.token, hash);
    assert_eq!(done.await, Ok(true));
    store.close().await.unwrap();
    let restored = restore(&file, &path, REPLACE, NOW).unwrap();
    let tokens = restored.difference.again.into_iter();
    let tokens = tokens.filter(|record| record.kind == RecordKind::AuthToken);
    let found: Vec<_> = tokens.map(|record| (record.id, record.name)).collect();
    let expected = [(
        hex::encode(keyed.id.0),
        "perhaps the present one: only one of the two is sealed".to_owned(),
    )];
    assert_eq!(found, expected);
    // What was replaced does not work again, and the new ones cannot be read with the key of the backup.
    let mut found = of_kind(&restored.difference.stays, RecordKind::NoAuthToken);
    let mut expected = [&replaced, &lost].map(|account| hex::encode(account.id.0));
    found.sort_unstable();
    expected.sort();
    assert_eq!(found, expected);
    let store = open(&path).unwrap();
    for (account, works) in [
        (&same, true),
        (&keyed, true),
        (&replaced, false),
        (&lost, false),
    ] {
        let found = store.secret(Principal::Account(account.id)).await.unwrap();
        assert_eq!(found.unwrap().hash == account.token, works);
    }
}

/// The trail says which keys were rotated, unless it is of an earlier version.
#[tokio::test]
async fn a_rotation_of_other_keys_does_not_make_those_of_access_keys_old() {
    for (kind, old) in [("status", false), ("access", true)] {
        let mut secrets = Secrets::new().await;
        let first = secrets.backup("first.db");
        secrets.replace(2).await;
        let rotated = event(AuditKind::TokenKeyRotated, secrets.fixture.rp);
        let mut rotated = rotated.target("token_key", kind, None);
        rotated.at = at(5000);
        let only_the_trail = "DELETE FROM took_effect; DELETE FROM revoked; DELETE FROM events";
        let store = secrets.store();
        let done = store.write(move |c| Ok(c.execute_batch(only_the_trail)?));
        done.await.unwrap();
        store.import_event(&rotated).await.unwrap();
        let difference = secrets.restore(&first, 10).await;
        for (records, expected) in [(&difference.stays, old), (&difference.again, !old)] {
            let found = of_kind(records, RecordKind::AccessTokenKeys);
            assert_eq!(found.len(), usize::from(expected), "{kind}");
        }
        let keys = secrets
            .store()
            .token_key(secrets.fixture.rp, TokenKind::Access);
        let expected = token_key(if old { 2 } else { 1 });
        assert_eq!(keys.await, Ok(Some(expected)), "{kind}");
    }
}

/// A store of format 21 has no notes. Its trail says that a value was replaced, and so which of two is the newer one.
#[tokio::test]
async fn a_store_of_the_last_format_says_in_its_trail_which_secrets_were_replaced() {
    for told in [true, false] {
        let under_test = Directory::new();
        let set = Revocable::new(&under_test).await;
        let Fixture { rp, account, .. } = set.fixture;
        let store = under_test.store.clone().unwrap();
        let file = under_test.place.path().join("backup.db");
        let path = database(&under_test);
        let before = event(AuditKind::TokenKeyRotated, rp);
        store.import_event(&before).await.unwrap();
        backup(&path, &file).unwrap();
        set.revoke(&store).await;
        if told {
            let reset = event(AuditKind::AccountTokenReset, rp);
            let mut reset = reset.target("account", &account.to_hex(), None);
            reset.at = at(1000);
            store.import_event(&reset).await.unwrap();
            let mut rotated = event(AuditKind::TokenKeyRotated, rp);
            rotated.at = at(1000);
            store.import_event(&rotated).await.unwrap();
        }
        store.close().await.unwrap();
        drop(store);
        for of_old_format in [&path, &file] {
            let old = Connection::open(of_old_format).unwrap();
            old.execute_batch(WITHOUT_REVOKED).unwrap();
            old.pragma_update(None, "user_version", 21).unwrap();
        }

        let difference = restore(&file, &path, REPLACE, NOW).unwrap().difference;
        let account = hex::encode(account.0);
        let (stays, again) = if told {
            (&difference.stays, &difference.again)
        } else {
            (&difference.again, &difference.stays)
        };
        assert_eq!(of_kind(stays, RecordKind::AuthToken), [account.as_str()]);
        assert_eq!(of_kind(stays, RecordKind::AccessTokenKeys), [""]);
        assert_eq!(of_kind(again, RecordKind::AuthToken), [""; 0]);
        assert_eq!(of_kind(again, RecordKind::AccessTokenKeys), [""; 0]);
        let store = open(&path).unwrap();
        let found = store.token_key(rp, TokenKind::Access).await.unwrap();
        assert_eq!(found == Some(token_key(2)), told);
        let of = Principal::Account(set.fixture.account);
        let found = store.secret(of).await.unwrap().unwrap();
        assert_eq!(found.hash == SecretHash::Plain([9; 32]), told);
    }
}

/// The backup is newer, and has swept its older events. That the older store still has them says nothing.
#[tokio::test]
async fn an_event_that_the_backup_has_swept_does_not_make_its_secrets_old() {
    let under_test = Directory::new();
    let set = Revocable::new(&under_test).await;
    let Fixture { rp, account, .. } = set.fixture;
    let store = under_test.store.clone().unwrap();
    let place = under_test.place.path();
    let (old, new) = (place.join("old.db"), place.join("new.db"));
    let reset = event(AuditKind::AccountTokenReset, rp);
    let reset = reset.target("account", &account.to_hex(), None);
    store.import_event(&reset).await.unwrap();
    let before = event(AuditKind::TokenKeyRotated, rp);
    store.import_event(&before).await.unwrap();
    // Of both stores only the trail is left, as before format 22.
    let without = store.write(move |c| Ok(c.execute_batch("DELETE FROM took_effect")?));
    without.await.unwrap();
    backup(&database(&under_test), &old).unwrap();
    set.revoke(&store).await;
    let mut late = event(AuditKind::UserCreated, rp);
    late.at = at(1000);
    store.import_event(&late).await.unwrap();
    let swept = "DELETE FROM revoked; DELETE FROM took_effect; DELETE FROM events WHERE kind IN ('account_token_reset', 'token_key_rotated')";
    let done = store.write(move |c| Ok(c.execute_batch(swept)?));
    done.await.unwrap();
    backup(&database(&under_test), &new).unwrap();

    let path = place.join("standby.db");
    restore(&old, &path, NEW, at(20)).unwrap();
    let difference = restore(&new, &path, REPLACE, at(3000)).unwrap().difference;
    assert_eq!(difference.stays, []);
    let store = open(&path).unwrap();
    let found = store.secret(Principal::Account(account)).await.unwrap();
    assert_eq!(found.unwrap().hash, SecretHash::Plain([9; 32]));
    let found = store.token_key(rp, TokenKind::Access).await.unwrap();
    assert_eq!(found, Some(token_key(2)));
}

/// The store is sealed after the backup: the same keys, in another form.
#[tokio::test]
async fn keys_that_were_only_sealed_are_not_called_replaced() {
    let under_test = Directory::new();
    let set = Revocable::new(&under_test).await;
    let rp = set.fixture.rp;
    let store = under_test.store.clone().unwrap();
    let file = under_test.place.path().join("backup.db");
    let path = database(&under_test);
    backup(&path, &file).unwrap();
    store.keep_store_key(&[1; 60]).await.unwrap();
    let (plain, sealed) = (token_key(1), token_key(2));
    let done = store.replace_token_key(rp, TokenKind::Access, &plain, &sealed, None);
    assert_eq!(done.await, Ok(true));
    store.close().await.unwrap();
    drop(store);
    let difference = restore(&file, &path, REPLACE, NOW).unwrap().difference;
    assert_eq!(difference.stays, []);
    let store = open(&path).unwrap();
    let found = store.token_key(rp, TokenKind::Access).await.unwrap();
    assert_eq!(found, Some(plain));
}

/// What a damaged note revokes is revoked, and the restored store is sound.
#[tokio::test]
async fn a_damaged_note_leaves_a_store_that_can_be_backed_up() {
    let under_test = Directory::new();
    let set = Revocable::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let file = under_test.place.path().join("backup.db");
    let path = database(&under_test);
    backup(&path, &file).unwrap();
    set.revoke(&store).await;
    store.close().await.unwrap();
    drop(store);
    let damage = Connection::open(&path).unwrap();
    let sql = "UPDATE revoked SET digest = zeroblob(8) WHERE kind = 'access_key'";
    assert_eq!(damage.execute(sql, []), Ok(1));
    drop(damage);
    assert!(restore(&file, &path, REPLACE, NOW).is_err());
    restore(&file, &path, BLINDLY, NOW).unwrap();
    let store = open(&path).unwrap();
    let revoked = store.access_key(set.fixture.rp, set.keys[0].id).await;
    assert_eq!(revoked, Ok(None));
    backup(&path, &under_test.place.path().join("again.db")).unwrap();
    store.close().await.unwrap();
}

/// The value in the backup is known as replaced, and no newer one can be taken over.
#[tokio::test]
async fn a_replaced_secret_whose_successor_is_not_known_does_not_come_back() {
    for how in ["sealed again", "deleted and swept", "damaged"] {
        let under_test = Directory::new();
        let set = Revocable::new(&under_test).await;
        let Fixture { rp, account, .. } = set.fixture;
        let store = under_test.store.clone().unwrap();
        let file = under_test.place.path().join("backup.db");
        let path = database(&under_test);
        backup(&path, &file).unwrap();
        set.revoke(&store).await;
        if how == "sealed again" {
            store.keep_store_key(&[1; 60]).await.unwrap();
        }
        let gone = if how == "deleted and swept" {
            "DELETE FROM token_keys; DELETE FROM access_keys; DELETE FROM webhooks; DELETE FROM relying_parties"
        } else {
            ""
        };
        let done = store.write(move |c| Ok(c.execute_batch(gone)?));
        done.await.unwrap();
        store.close().await.unwrap();
        drop(store);
        let how_restored = if how == "damaged" {
            let damage = Connection::open(&path).unwrap();
            let sql = "UPDATE events SET kind = 'No Words'";
            assert!(damage.execute(sql, []).unwrap() > 0);
            BLINDLY
        } else {
            REPLACE
        };
        let restored = restore(&file, &path, how_restored, NOW).unwrap();
        assert_eq!(restored.compared, how != "damaged");
        let difference = &restored.difference;
        assert_eq!(
            of_kind(&difference.stays, RecordKind::NoAccessTokenKeys).len(),
            1,
            "{how}"
        );
        // An access key that nothing checks does not come back.
        assert_eq!(
            of_kind(&difference.again, RecordKind::AccessKey),
            [""; 0],
            "{how}"
        );
        let store = open(&path).unwrap();
        let found = store.token_key(rp, TokenKind::Access).await.unwrap();
        assert_eq!(found, None, "{how}");
        let token = store.secret(Principal::Account(account)).await.unwrap();
        let [kept, removed] = [RecordKind::AuthToken, RecordKind::NoAuthToken]
            .map(|kind| of_kind(&difference.stays, kind).len());
        let new = SecretHash::Plain([9; 32]);
        if how == "deleted and swept" {
            assert_eq!((kept, removed), (1, 0));
            assert_eq!(token.unwrap().hash, new);
        } else {
            assert_eq!((kept, removed), (0, 1), "{how}");
            let (found, old) = (token.unwrap().hash, new_account(NOW).token);
            assert!(found != new && found != old, "{how}");
        }
        // The next restore of the same backup says so again.
        store.close().await.unwrap();
        drop(store);
        let stays = restore(&file, &path, REPLACE, at(5))
            .unwrap()
            .difference
            .stays;
        for (kind, found) in [
            (RecordKind::AuthToken, kept),
            (RecordKind::NoAuthToken, removed),
            (RecordKind::NoAccessTokenKeys, 1),
        ] {
            assert_eq!(of_kind(&stays, kind).len(), found, "{how} {kind:?}");
        }
    }
}

/// One account with its Auth Token, and one Relying Party with the keys that check its access keys.
struct Secrets {
    under_test: Directory,
    fixture: Fixture,
    store: Option<Arc<Embedded>>,
    path: PathBuf,
}

impl Secrets {
    async fn new() -> Self {
        let mut under_test = Directory::new();
        let fixture = Fixture::new(&under_test).await;
        let store = under_test.store.take();
        let path = database(&under_test);
        let this = Self {
            under_test,
            fixture,
            store,
            path,
        };
        let kept = this
            .store()
            .keep_token_key(this.fixture.rp, TokenKind::Access, token_key(1));
        kept.await.unwrap();
        this
    }

    fn store(&self) -> &Embedded {
        self.store.as_deref().unwrap()
    }

    fn backup(&self, name: &str) -> PathBuf {
        let file = self.under_test.place.path().join(name);
        backup(&self.path, &file).unwrap();
        file
    }

    /// The n-th token and the n-th keys replace those before.
    async fn replace(&self, n: u8) {
        let Fixture { rp, account, .. } = self.fixture;
        let hash = SecretHash::Plain([n; 32]);
        assert_eq!(
            self.store().replace_account_token(account, hash).await,
            Ok(true)
        );
        let old = self.store().token_key(rp, TokenKind::Access).await.unwrap();
        let rotated = event(AuditKind::TokenKeyRotated, rp);
        let (old, new) = (old.unwrap(), token_key(n));
        let done =
            self.store()
                .replace_token_key(rp, TokenKind::Access, &old, &new, Some(&rotated));
        assert_eq!(done.await, Ok(true));
    }

    async fn restore(&mut self, file: &Path, second: i64) -> Difference {
        self.restore_to(self.path.clone(), file, second).await
    }

    async fn restore_to(&mut self, path: PathBuf, file: &Path, second: i64) -> Difference {
        if let Some(store) = self.store.take() {
            store.close().await.unwrap();
        }
        let how = if path.exists() { REPLACE } else { NEW };
        let restored = restore(file, &path, how, at(second * 1000)).unwrap();
        self.store = Some(Arc::new(open(&path).unwrap()));
        self.path = path;
        restored.difference
    }

    async fn token(&self) -> SecretHash {
        let of = Principal::Account(self.fixture.account);
        self.store().secret(of).await.unwrap().unwrap().hash
    }

    /// The n-th token and the n-th keys are the present ones.
    async fn assert_are(&self, n: u8) {
        assert_eq!(self.token().await, SecretHash::Plain([n; 32]));
        let keys = self
            .store()
            .token_key(self.fixture.rp, TokenKind::Access)
            .await;
        assert_eq!(keys.unwrap(), Some(token_key(n)));
    }
}

#[tokio::test]
async fn of_two_secrets_the_later_one_counts_in_whichever_order_backups_are_restored() {
    let mut secrets = Secrets::new().await;
    secrets.replace(2).await;
    let first = secrets.backup("first.db");
    secrets.replace(3).await;
    let second = secrets.backup("second.db");
    // On a new machine, which never knew the third.
    let place = secrets.under_test.place.path().join("elsewhere");
    secrets.restore_to(place.join("store.db"), &first, 10).await;
    secrets.assert_are(2).await;
    secrets.replace(4).await;
    // Both are older. The events that would say it go with each restore.
    for (n, file) in [(20, &first), (30, &second), (40, &first), (50, &second)] {
        let difference = secrets.restore(file, n).await;
        secrets.assert_are(4).await;
        let stays = difference.stays;
        assert_eq!(of_kind(&stays, RecordKind::AuthToken).len(), 1, "{n}");
        assert_eq!(of_kind(&stays, RecordKind::AccessTokenKeys).len(), 1, "{n}");
    }
}

#[tokio::test]
async fn an_old_secret_in_its_form_before_the_seal_does_not_come_back() {
    let mut secrets = Secrets::new().await;
    let plain = secrets.backup("plain.db");
    let Fixture { account, rp, .. } = secrets.fixture;
    let of = Principal::Account(account);
    let store = secrets.store();
    store.keep_store_key(&[1; 60]).await.unwrap();
    let keyed = SecretHash::Keyed([7; 32]);
    let done = store.replace_secret(of, secrets.token().await, keyed);
    assert_eq!(done.await, Ok(true));
    let (old, new) = (token_key(1), token_key(5));
    let done = store.replace_token_key(rp, TokenKind::Access, &old, &new, None);
    assert_eq!(done.await, Ok(true));
    let sealed = secrets.backup("sealed.db");
    // The same secrets in another form: the backup brings its own back.
    let difference = secrets.restore(&plain, 10).await;
    assert_eq!(of_kind(&difference.stays, RecordKind::NoAuthToken).len(), 0);
    assert_eq!(secrets.token().await, new_account(NOW).token);
    secrets.restore(&sealed, 20).await;
    assert_eq!(secrets.token().await, keyed);
    // New ones, of which the store that is sealed knows.
    secrets.replace(9).await;
    secrets.restore(&sealed, 30).await;
    secrets.assert_are(9).await;
    let difference = secrets.restore(&plain, 40).await;
    assert_eq!(of_kind(&difference.stays, RecordKind::NoAuthToken).len(), 1);
    assert_eq!(
        of_kind(&difference.stays, RecordKind::NoAccessTokenKeys).len(),
        1
    );
    assert_ne!(secrets.token().await, new_account(NOW).token);
    let keys = secrets.store().token_key(rp, TokenKind::Access).await;
    assert_eq!(keys, Ok(None));
}

#[tokio::test]
async fn a_secret_that_was_removed_gives_way_to_the_one_it_stands_for_and_to_a_later_one() {
    for reset in [false, true] {
        let mut secrets = Secrets::new().await;
        let first = secrets.backup("first.db");
        secrets.replace(2).await;
        let second = secrets.backup("second.db");
        // Sealed under another key, so that the first backup cannot have the second ones.
        secrets.store().keep_store_key(&[1; 60]).await.unwrap();
        let difference = secrets.restore(&first, 10).await;
        assert_eq!(of_kind(&difference.stays, RecordKind::NoAuthToken).len(), 1);
        let removed = secrets.token().await;
        assert!(![new_account(NOW).token, SecretHash::Plain([2; 32])].contains(&removed));
        if !reset {
            secrets.restore(&second, 20).await;
            secrets.assert_are(2).await;
            continue;
        }
        let hash = SecretHash::Plain([3; 32]);
        let done = secrets
            .store()
            .replace_account_token(secrets.fixture.account, hash);
        assert_eq!(done.await, Ok(true));
        for (n, file) in [(20, &first), (30, &second), (40, &first)] {
            secrets.restore(file, n).await;
            assert_eq!(secrets.token().await, hash, "{n}");
        }
    }
}

#[tokio::test]
async fn keys_that_check_access_keys_stay_where_a_backup_is_older_than_they_are() {
    let mut secrets = Secrets::new().await;
    let with_keys = secrets.backup("with-keys.db");
    let without = "DELETE FROM token_keys";
    let done = secrets
        .store()
        .write(move |c| Ok(c.execute_batch(without)?));
    done.await.unwrap();
    let before = secrets.backup("before.db");
    secrets.restore(&with_keys, 10).await;
    secrets.restore(&before, 20).await;
    let rp = secrets.fixture.rp;
    let keys = secrets.store().token_key(rp, TokenKind::Access).await;
    assert_eq!(keys, Ok(Some(token_key(1))));
    secrets.replace(2).await;
    for (n, file) in [(30, &before), (40, &with_keys)] {
        secrets.restore(file, n).await;
        secrets.assert_are(2).await;
    }
}

/// After a copy a store knows no times, and those of a backup of the first store say nothing about its values.
#[tokio::test]
async fn a_time_that_one_of_two_secrets_lacks_says_nothing() {
    let mut secrets = Secrets::new().await;
    secrets.replace(2).await;
    let second = secrets.backup("second.db");
    secrets.replace(3).await;
    let reset = event(AuditKind::AccountTokenReset, secrets.fixture.rp);
    let account = secrets.fixture.account.to_hex();
    let mut reset = reset.target("account", &account, None);
    let mut rotated = event(AuditKind::TokenKeyRotated, secrets.fixture.rp);
    (reset.at, rotated.at) = (at(5000), at(5000));
    for event in [&reset, &rotated] {
        secrets.store().import_event(event).await.unwrap();
    }
    let without = "DELETE FROM took_effect; DELETE FROM revoked";
    let done = secrets
        .store()
        .write(move |c| Ok(c.execute_batch(without)?));
    done.await.unwrap();
    let third = secrets.backup("third.db");
    // The trail says it. The next restore knows it from the notes.
    for (n, file) in [(10, &second), (20, &second), (30, &third), (40, &second)] {
        secrets.restore(file, n).await;
        secrets.assert_are(3).await;
    }
    // On a standby from the second one, nothing says it: what is restored counts.
    let place = secrets.under_test.place.path().join("standby");
    secrets
        .restore_to(place.join("store.db"), &second, 50)
        .await;
    secrets.assert_are(2).await;
    let difference = secrets.restore(&third, 60).await;
    secrets.assert_are(3).await;
    assert_eq!(of_kind(&difference.again, RecordKind::AuthToken).len(), 1);
}

/// Two restores of one backup, by a store which knows only by their times that its secrets are the later ones, and cannot give them to the backup.
#[tokio::test]
async fn secrets_that_were_removed_by_their_time_are_removed_again() {
    let mut secrets = Secrets::new().await;
    let first = secrets.backup("first.db");
    secrets.replace(2).await;
    let second = secrets.backup("second.db");
    let place = secrets.under_test.place.path().join("elsewhere");
    secrets.restore_to(place.join("store.db"), &first, 10).await;
    secrets.replace(4).await;
    secrets.store().keep_store_key(&[1; 60]).await.unwrap();
    for n in [20, 30] {
        let difference = secrets.restore(&second, n).await;
        let stays = difference.stays;
        assert_eq!(of_kind(&stays, RecordKind::NoAuthToken).len(), 1, "{n}");
        let no_keys = of_kind(&stays, RecordKind::NoAccessTokenKeys);
        assert_eq!(no_keys.len(), 1, "{n}");
        assert_ne!(secrets.token().await, SecretHash::Plain([2; 32]), "{n}");
        let keys = secrets
            .store()
            .token_key(secrets.fixture.rp, TokenKind::Access);
        assert_eq!(keys.await, Ok(None), "{n}");
    }
}

/// A token that nobody knows, and keys that are not there, do not make those of an older backup the newer ones.
#[tokio::test]
async fn what_was_removed_is_no_reason_to_bring_something_older_back() {
    for (told, sealed) in [(true, false), (true, true), (false, false)] {
        let mut secrets = Secrets::new().await;
        let Fixture { account, rp, .. } = secrets.fixture;
        let first = secrets.backup("first.db");
        secrets.replace(2).await;
        // What a copy of the store has: the trail, without times and notes.
        let reset = event(AuditKind::AccountTokenReset, rp);
        let mut reset = reset.target("account", &account.to_hex(), None);
        let rotated = event(AuditKind::TokenKeyRotated, rp);
        let mut rotated = rotated.target("token_key", "access", None);
        (reset.at, rotated.at) = (at(5000), at(5000));
        let without = "DELETE FROM took_effect; DELETE FROM revoked; DELETE FROM events";
        let done = secrets
            .store()
            .write(move |c| Ok(c.execute_batch(without)?));
        done.await.unwrap();
        for event in [&reset, &rotated] {
            if told {
                secrets.store().import_event(event).await.unwrap();
            }
        }
        let second = secrets.backup("second.db");
        secrets.replace(3).await;
        secrets.store().keep_store_key(&[1; 60]).await.unwrap();
        let difference = secrets.restore(&second, 10).await;
        assert_eq!(of_kind(&difference.stays, RecordKind::NoAuthToken).len(), 1);
        let removed = secrets.token().await;
        if sealed {
            // The same token in another form: it is still one that nobody knows.
            let store = secrets.store();
            store.keep_store_key(&[1; 60]).await.unwrap();
            let of = Principal::Account(account);
            let keyed = SecretHash::Keyed([7; 32]);
            let done = store.replace_secret(of, removed, keyed);
            assert_eq!(done.await, Ok(true));
        }
        let difference = secrets.restore(&first, 20).await;
        let (stays, again) = (&difference.stays, &difference.again);
        let keys = secrets.store().token_key(rp, TokenKind::Access).await;
        let mut expected = usize::from(told);
        for (records, token, keys) in [
            (
                stays,
                RecordKind::NoAuthToken,
                RecordKind::NoAccessTokenKeys,
            ),
            (again, RecordKind::AuthToken, RecordKind::AccessTokenKeys),
        ] {
            assert_eq!(of_kind(records, token).len(), expected, "{told} {sealed}");
            assert_eq!(of_kind(records, keys).len(), expected, "{told} {sealed}");
            expected = 1 - expected;
        }
        assert_eq!(keys == Ok(None), told);
        let came_back = secrets.token().await == new_account(NOW).token;
        assert_eq!(came_back, !told);
        // A backup of the store that has none says so, too.
        if told {
            let none = secrets.backup("none.db");
            let difference = secrets.restore(&none, 30).await;
            assert_eq!(of_kind(&difference.stays, RecordKind::NoAuthToken).len(), 1);
            assert_eq!(of_kind(&difference.again, RecordKind::AuthToken).len(), 0);
        }
    }
}

/// The backup has access keys and nothing that checks them, and the store is sealed under another key.
#[tokio::test]
async fn a_backup_without_keys_says_that_access_keys_stop_working() {
    for with_access_key in [true, false] {
        let mut secrets = Secrets::new().await;
        let rp = secrets.fixture.rp;
        if with_access_key {
            let key = access_key(rp, NOW);
            let made = event(AuditKind::AccessKeyCreated, rp);
            secrets
                .store()
                .create_access_key(&key, &made)
                .await
                .unwrap();
        }
        let keys = secrets.store().token_key(rp, TokenKind::Access).await;
        assert!(keys.unwrap().is_some());
        let without = "DELETE FROM token_keys";
        let with = secrets.backup("with.db");
        let done = secrets
            .store()
            .write(move |c| Ok(c.execute_batch(without)?));
        done.await.unwrap();
        let file = secrets.backup("without.db");
        secrets.restore(&with, 10).await;
        secrets.store().keep_store_key(&[1; 60]).await.unwrap();
        let difference = secrets.restore(&file, 20).await;
        let named = of_kind(&difference.stays, RecordKind::NoAccessTokenKeys);
        assert_eq!(named.len(), usize::from(with_access_key));
        let keys = secrets.store().token_key(rp, TokenKind::Access).await;
        assert_eq!(keys, Ok(None));
    }
}

#[tokio::test]
async fn a_damaged_time_is_not_built_upon() {
    let secrets = Secrets::new().await;
    secrets.replace(2).await;
    let damage = "UPDATE took_effect SET at = 9223372036854775807";
    let done = secrets.store().write(move |c| Ok(c.execute(damage, [])?));
    assert_eq!(done.await, Ok(2));
    secrets.replace(3).await;
    let sound = "SELECT count(*) FROM took_effect WHERE at < 32503680000000";
    let found = secrets
        .store()
        .write(move |c| Ok(c.query_row(sound, [], |row| row.get::<_, i64>(0))?));
    assert_eq!(found.await, Ok(2));
}
