//! Access keys, token keys and one-time tokens.

use domain::model::access_key::AccessKey;
use domain::model::account::{Principal, Secret};
use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::grant::{Grant, KeyUse, Scope, Scopes, UsedKey};
use domain::model::ids::{AccessKeyId, EventId, RelyingPartyId, TokenId};
use domain::model::token::{MacKind, TokenKind};
use domain::service::accounts::Authenticated;
use domain::store::{AccessKeys as _, Tokens as _, Upkeep as _};

use super::*;

/// Everything, until a moment.
fn until(expires: Option<Timestamp>) -> Grant {
    Grant {
        expires,
        ..Grant::EVERYTHING
    }
}

impl Fixture {
    async fn access_key(&self, expires: Option<Timestamp>) -> AccessKey {
        self.passkeys
            .create_access_key(self.rp.id, "shop", until(expires), &browser())
            .await
            .unwrap()
    }

    async fn opens(&self, key: &AccessKey) -> bool {
        let found = self.passkeys.access_key(key.relying_party, key.id).await;
        match found {
            Ok(found) => {
                assert_eq!(*found, *key);
                true
            }
            Err(refusal) => {
                assert_eq!(refusal.reason, Reason::AccessDenied);
                false
            }
        }
    }
}

#[tokio::test]
async fn an_access_key_opens_its_relying_party_until_it_expires() {
    let fixture = Fixture::new().await;
    let now = fixture.passkeys.now();
    let forever = fixture.access_key(None).await;
    let short = fixture.access_key(Some(now.plus_millis(500))).await;
    assert!(fixture.opens(&forever).await && fixture.opens(&short).await);
    fixture.clock.advance_millis(499);
    assert!(fixture.opens(&short).await);
    // Even while it is kept in the cache.
    fixture.clock.advance_millis(1);
    assert!(!fixture.opens(&short).await);
    fixture.clock.advance_millis(1_000_000_000_000);
    assert!(fixture.opens(&forever).await);

    let narrow = AccessKey {
        id: AccessKeyId([2; 16]),
        scopes: Scopes::NONE,
        ..forever.clone()
    };
    let made = AuditEvent::new(
        EventId([2; 16]),
        AuditKind::AccessKeyCreated,
        fixture.rp.id,
        now,
        &browser(),
    );
    let kept = fixture.store.create_access_key(&narrow, &made).await;
    assert_eq!(kept, Ok(true));
    assert!(!fixture.opens(&narrow).await, "a key for nothing");

    let elsewhere = AccessKey {
        relying_party: RelyingPartyId([1; 16]),
        ..forever.clone()
    };
    assert!(!fixture.opens(&elsewhere).await);
    let unknown = AccessKey {
        id: AccessKeyId([1; 16]),
        ..forever.clone()
    };
    assert!(!fixture.opens(&unknown).await);
    let listed = fixture
        .passkeys
        .list_access_keys(fixture.rp.id, PageRequest::first(10))
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 3);
}

#[tokio::test]
async fn a_revoked_access_key_opens_nothing_here_at_once_and_elsewhere_within_a_second() {
    let fixture = Fixture::new().await;
    let here = &fixture.passkeys;
    let elsewhere = fixture.another_node().await;
    let key = fixture.access_key(None).await;
    assert!(fixture.opens(&key).await);
    assert!(elsewhere.access_key(fixture.rp.id, key.id).await.is_ok());
    let by = browser();
    let gone = here.delete_access_key(fixture.rp.id, key.id, &by).await;
    assert_eq!(gone, Ok(true));
    assert!(!fixture.opens(&key).await);
    fixture.clock.advance_millis(1_000);
    assert!(elsewhere.access_key(fixture.rp.id, key.id).await.is_err());
    let gone = here.delete_access_key(fixture.rp.id, key.id, &by).await;
    assert_eq!(gone, Ok(false));
}

#[tokio::test]
async fn a_deleted_relying_party_leaves_no_key_behind() {
    let fixture = Fixture::new().await;
    let rp = fixture.rp.id;
    let key = fixture.access_key(None).await;
    assert!(fixture.opens(&key).await);
    let held = fixture.passkeys.relying_party_itself(rp).await.unwrap();
    let status = fixture.passkeys.mac_key(&held, MacKind::Status).await;
    status.unwrap();
    fixture
        .passkeys
        .delete_relying_party(fixture.rp.account, rp, &OPERATOR)
        .await
        .unwrap();
    assert!(!fixture.opens(&key).await);
    let unknown = Reason::RelyingPartyUnknown;
    // A caller who still holds the Relying Party makes no key for it either.
    for kind in [MacKind::Access, MacKind::Intent, MacKind::Transaction] {
        let refused = fixture.passkeys.mac_key(&held, kind).await;
        assert_eq!(reason(refused), unknown);
    }
    let refused = fixture.passkeys.signing_key(&held).await;
    assert_eq!(reason(refused), unknown);
    for kind in TokenKind::ALL.iter().copied() {
        assert_eq!(fixture.store.token_key(rp, kind).await, Ok(None));
    }
    let refused = fixture.passkeys.relying_party_itself(rp).await;
    assert_eq!(reason(refused), unknown);
    let expires = fixture.passkeys.now().plus_millis(1_000);
    let claimed = fixture.passkeys.claim_once(rp, TokenId([1; 16]), expires);
    assert_eq!(claimed.await, Ok(false));
    let by = browser();
    let made = fixture
        .passkeys
        .create_access_key(rp, "late", Grant::EVERYTHING, &by)
        .await;
    assert_eq!(reason(made), unknown);
}

#[tokio::test]
async fn a_token_key_is_the_same_on_every_node_and_for_nothing_else() {
    let fixture = Fixture::new().await;
    let elsewhere = fixture.another_node().await;
    let other = fixture
        .passkeys
        .create_relying_party(
            fixture.rp.account,
            "Other",
            selection("acme.test"),
            WireSettings::default(),
            &OPERATOR,
        )
        .await
        .unwrap();
    let text = b"text";
    let mut codes = Vec::new();
    let mut thumbprints = Vec::new();
    for id in [fixture.rp.id, other.id] {
        let load = async |node: &Passkeys| node.relying_party_itself(id).await.unwrap();
        let (here, there) = (load(&fixture.passkeys).await, load(&elsewhere).await);
        for kind in MacKind::ALL.iter().copied() {
            let key = fixture.passkeys.mac_key(&here, kind).await.unwrap();
            let same = elsewhere.mac_key(&there, kind).await.unwrap();
            let code = key.sign(text);
            assert_eq!(same.sign(text), code);
            assert!(same.verifies(text, &code) && !same.verifies(b"other", &code));
            assert!(!same.verifies(text, &code[..63]));
            // Not replaced later either.
            fixture.clock.advance_millis(100_000);
            let later = load(&fixture.passkeys).await;
            let later = fixture.passkeys.mac_key(&later, kind).await.unwrap();
            assert_eq!(later.sign(text), code);
            assert_eq!(format!("{key:?}"), "MacKey(..)");
            assert!(!codes.contains(&code));
            codes.push(code);
            let stored = fixture.store.token_key(id, kind.into()).await;
            let stored = stored.unwrap().unwrap();
            assert_eq!(stored.reveal().len(), 64);
            assert_eq!(format!("{stored:?}"), "TokenKey(..)");
        }
        let key = fixture.passkeys.signing_key(&here).await.unwrap();
        let same = elsewhere.signing_key(&there).await.unwrap();
        assert_eq!(same.thumbprint(), key.thumbprint());
        let signature = key.sign(text).unwrap();
        assert!(same.verifies(text, &signature) && !same.verifies(b"other", &signature));
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
        assert!(!thumbprints.contains(&key.thumbprint().to_owned()));
        thumbprints.push(key.thumbprint().to_owned());
    }
    assert_eq!((codes.len(), thumbprints.len()), (8, 2));
}

#[tokio::test]
async fn a_one_time_token_is_used_once_and_forgotten_after_its_expiry() {
    let fixture = Fixture::new().await;
    let (rp, token) = (fixture.rp.id, TokenId([5; 16]));
    let expires = fixture.passkeys.now().plus_millis(600_000);
    let elsewhere = fixture.another_node().await;
    assert_eq!(
        fixture.passkeys.claim_once(rp, token, expires).await,
        Ok(true)
    );
    assert_eq!(elsewhere.claim_once(rp, token, expires).await, Ok(false));
    fixture.clock.advance_millis(600_000);
    let swept = fixture.passkeys.sweep(0, 1_000_000_000, 100).await.unwrap();
    assert_eq!(swept.tokens, 0);
    fixture.clock.advance_millis(1);
    let swept = fixture.passkeys.sweep(0, 1_000_000_000, 100).await.unwrap();
    assert_eq!(swept.tokens, 1);
}

#[tokio::test]
async fn the_use_of_a_key_is_shown_at_once_and_written_with_others() {
    let fixture = Fixture::new().await;
    let (passkeys, account) = (&fixture.passkeys, fixture.rp.account);
    let made = passkeys.create_api_key(account, "ci", Grant::EVERYTHING, &OPERATOR);
    let (api_key, secret) = made.await.unwrap();
    let key = fixture.access_key(None).await;
    let page = PageRequest::first(10);
    let shown = async |node: &Passkeys| {
        let api_keys = node.list_api_keys(account, page).await.unwrap();
        let keys = node.list_access_keys(fixture.rp.id, page).await.unwrap();
        (api_keys.items[0].used, keys.items[0].used)
    };
    let principal = Principal::ApiKey(api_key.id);
    let other = Secret::new("wrong");
    let wrong = passkeys.authenticate(principal, &other);
    assert!(wrong.await.is_err());
    assert_eq!(shown(passkeys).await, (None, None));

    let first = passkeys.now();
    assert!(passkeys.authenticate(principal, &secret).await.is_ok());
    fixture.clock.advance_millis(10);
    assert!(fixture.opens(&key).await);
    let second = passkeys.now();
    assert_eq!(shown(passkeys).await, (Some(first), Some(second)));
    // Another node learns it from the store.
    let elsewhere = fixture.another_node().await;
    assert_eq!(shown(&elsewhere).await, (None, None));
    passkeys.write_key_uses().await.unwrap();
    assert_eq!(shown(&elsewhere).await, (Some(first), Some(second)));
    // What a node has noted does not hide a later use elsewhere.
    assert!(passkeys.authenticate(principal, &secret).await.is_ok());
    let later = KeyUse {
        key: UsedKey::Api(api_key.id),
        at: second.plus_millis(5),
    };
    fixture.store.note_key_uses(&[later]).await.unwrap();
    assert_eq!(shown(passkeys).await.0, Some(later.at));
}

#[tokio::test]
async fn an_api_key_authenticates_for_what_was_granted_until_it_expires() {
    let fixture = Fixture::new().await;
    let (passkeys, account) = (&fixture.passkeys, fixture.rp.account);
    let grant = Grant {
        scopes: Scopes::of(&[Scope::Read]),
        expires: Some(passkeys.now().plus_millis(500)),
    };
    let made = passkeys.create_api_key(account, "ci", grant, &OPERATOR);
    let (key, secret) = made.await.unwrap();
    let principal = Principal::ApiKey(key.id);
    let known = passkeys.authenticate(principal, &secret).await;
    assert_eq!(known, Ok(Authenticated { account, grant }));
    fixture.clock.advance_millis(499);
    assert!(passkeys.authenticate(principal, &secret).await.is_ok());
    // Even while it is kept in the cache.
    fixture.clock.advance_millis(1);
    let refused = passkeys.authenticate(principal, &secret).await;
    assert_eq!(reason(refused), Reason::AccessDenied);
}
