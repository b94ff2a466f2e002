//! Keys in the store are sealed under a master key, and are replaced.

use domain::model::account::{Principal, Secret, SecretHash};
use domain::model::audit::AuditKind;
use domain::model::ids::RelyingPartyId;
use domain::model::master_key::{MasterKey, MasterKeys};
use domain::model::token::{MacKind, TokenKey, TokenKind};
use domain::service::rotation::TokenKeyChange;
use domain::service::vault::{SealedFor, Vault, VaultError};
use domain::store::{Accounts as _, EventFilter, Events as _, Storage, Tokens as _, Upkeep as _};

use super::*;

const TEXT: &[u8] = b"text";

fn new_keys() -> MasterKeys {
    MasterKeys {
        current: MasterKey::random(&SystemRandomness),
        previous: None,
    }
}

/// The key before, and another one.
fn next(before: &MasterKeys) -> MasterKeys {
    MasterKeys {
        current: MasterKey::random(&SystemRandomness),
        previous: Some(before.current.clone()),
    }
}

impl Fixture {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::<Memory>::clone(&self.store)
    }

    async fn vault(&self, keys: Option<&MasterKeys>) -> Result<Option<Vault>, VaultError> {
        Vault::open(&self.storage(), keys, &SystemRandomness).await
    }

    /// A process with master keys.
    async fn node(&self, keys: &MasterKeys) -> Passkeys {
        let vault = self.vault(Some(keys)).await.unwrap();
        let clock = Arc::<SteppedClock>::clone(&self.clock);
        let opened = Passkeys::open_with(self.storage(), vault, clock, Arc::new(SystemRandomness));
        opened.await.unwrap()
    }

    async fn stored(&self, kind: TokenKind) -> TokenKey {
        let stored = self.store.token_key(self.rp.id, kind).await;
        stored.unwrap().unwrap()
    }
}

async fn load(node: &Passkeys, id: RelyingPartyId) -> Arc<Prepared> {
    node.relying_party_itself(id).await.unwrap()
}

/// A code that a node makes.
async fn code(node: &Passkeys, id: RelyingPartyId, kind: MacKind) -> [u8; 64] {
    let rp = load(node, id).await;
    node.mac_key(&rp, kind).await.unwrap().sign(TEXT)
}

/// Whether a node accepts a code.
async fn accepts(node: &Passkeys, id: RelyingPartyId, kind: MacKind, code: &[u8]) -> bool {
    let rp = load(node, id).await;
    let verified = node.verified_with_mac(&rp, kind, |key| key.verifies(TEXT, code).then_some(()));
    verified.await.unwrap().is_some()
}

/// Draws every key of the Relying Party.
async fn draw_all(node: &Passkeys, id: RelyingPartyId) -> Vec<[u8; 64]> {
    let rp = load(node, id).await;
    node.signing_key(&rp).await.unwrap();
    let mut codes = Vec::new();
    for kind in MacKind::ALL.iter().copied() {
        codes.push(code(node, id, kind).await);
    }
    codes
}

#[tokio::test]
async fn a_store_that_was_not_sealed_keeps_its_keys_and_has_none_of_them_in_it() {
    let fixture = Fixture::new().await;
    let id = fixture.rp.id;
    let before = draw_all(&fixture.passkeys, id).await;
    let mut plain = Vec::new();
    for (_, _, key) in fixture.store.list_token_keys(None, 100).await.unwrap() {
        plain.push(key);
    }
    assert_eq!(plain.len(), 5);

    let keys = new_keys();
    let node = fixture.node(&keys).await;
    assert_eq!(draw_all(&node, id).await, before);
    assert_eq!(draw_all(&fixture.node(&keys).await, id).await, before);
    // The sealed values, of the old keys and of new ones.
    let other = node
        .create_relying_party(
            fixture.rp.account,
            "B",
            selection("acme.test"),
            WireSettings::default(),
            &OPERATOR,
        )
        .await
        .unwrap();
    draw_all(&node, other.id).await;
    let stored = fixture.store.list_token_keys(None, 100).await.unwrap();
    assert_eq!(stored.len(), 10);
    for (rp, kind, value) in stored {
        let value = value.reveal();
        for plain in &plain {
            let plain = plain.reveal();
            // No part of a key either.
            let found = plain
                .windows(8)
                .any(|part| value.windows(8).any(|w| w == part));
            assert!(!found, "{rp} {kind:?}");
        }
        if let Some(mac) = MacKind::ALL
            .iter()
            .find(|mac| TokenKind::from(**mac) == kind)
        {
            // What is stored makes no code that is accepted.
            for length in [64, value.len()] {
                let forged = domain::service::token_keys::MacKey::new(&value[..length]).sign(TEXT);
                assert!(!accepts(&node, rp, *mac, &forged).await);
            }
        }
    }
}

#[tokio::test]
async fn a_sealed_store_opens_with_its_master_key_only() {
    let fixture = Fixture::new().await;
    assert!(fixture.vault(None).await.unwrap().is_none());
    let keys = new_keys();
    fixture.vault(Some(&keys)).await.unwrap().unwrap();
    let sealed = keys.current.id();

    let missing = fixture.vault(None).await;
    assert!(matches!(missing, Err(VaultError::Missing { sealed: id }) if id == sealed));
    let wrong = new_keys();
    let refused = fixture.vault(Some(&wrong)).await;
    assert!(
        matches!(refused, Err(VaultError::Other { sealed: id, given }) if id == sealed && given == wrong.current.id())
    );
    // Every byte of what is stored counts.
    let stored = fixture.store.store_key().await.unwrap().unwrap();
    for at in 0..stored.len() {
        let mut damaged = stored.clone();
        damaged[at] ^= 1;
        let done = fixture.store.replace_store_key(&stored, &damaged).await;
        assert_eq!(done, Ok(true));
        assert!(fixture.vault(Some(&keys)).await.is_err(), "byte {at}");
        let done = fixture.store.replace_store_key(&damaged, &stored).await;
        assert_eq!(done, Ok(true));
    }
    fixture.vault(Some(&keys)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_process_without_the_master_key_makes_and_opens_nothing_in_a_sealed_store() {
    let fixture = Fixture::new().await;
    let id = fixture.rp.id;
    let node = fixture.node(&new_keys()).await;
    code(&node, id, MacKind::Access).await;
    let rp = load(&fixture.passkeys, id).await;
    for kind in [MacKind::Access, MacKind::Intent] {
        let refused = fixture.passkeys.mac_key(&rp, kind).await;
        assert_eq!(reason(refused), Reason::StoreUnavailable, "{kind:?}");
    }
    assert_eq!(
        fixture.store.token_key(id, TokenKind::Intent).await,
        Ok(None)
    );
}

#[tokio::test]
async fn a_sealed_key_opens_in_its_own_row_only_and_a_plain_one_is_refused() {
    let fixture = Fixture::new().await;
    let keys = new_keys();
    let node = fixture.node(&keys).await;
    let id = fixture.rp.id;
    let other = node
        .create_relying_party(
            fixture.rp.account,
            "B",
            selection("acme.test"),
            WireSettings::default(),
            &OPERATOR,
        )
        .await
        .unwrap();
    for id in [id, other.id] {
        draw_all(&node, id).await;
    }
    let own = fixture.stored(TokenKind::Intent).await;
    let elsewhere = fixture.store.token_key(other.id, TokenKind::Intent).await;
    let foreign = [
        elsewhere.unwrap().unwrap(),
        fixture.stored(TokenKind::Status).await,
        TokenKey::new(vec![7; 64]),
        TokenKey::new(vec![1]),
        TokenKey::new(Vec::new()),
    ];
    for foreign in foreign {
        let swap = async |from: &TokenKey, to: &TokenKey| {
            let swapped = fixture
                .store
                .replace_token_key(id, TokenKind::Intent, from, to, None);
            assert_eq!(swapped.await, Ok(true));
        };
        swap(&own, &foreign).await;
        let fresh = fixture.node(&keys).await;
        let rp = load(&fresh, id).await;
        let refused = fresh.mac_key(&rp, MacKind::Intent).await;
        assert_eq!(reason(refused), Reason::RecordUnreadable);
        swap(&foreign, &own).await;
    }
}

#[tokio::test]
async fn a_secret_is_sealed_for_its_purpose_and_its_row() {
    let fixture = Fixture::new().await;
    let vault = fixture.vault(Some(&new_keys())).await.unwrap().unwrap();
    let of = |purpose, row| SealedFor { purpose, row };
    let sealed = vault.seal(of("a", &[b"bc"]), b"secret", &SystemRandomness);
    let sealed = sealed.unwrap();
    assert_eq!(
        &**vault.unseal(of("a", &[b"bc"]), &sealed).unwrap(),
        b"secret"
    );
    for other in [
        of("b", &[b"bc"]),
        of("a", &[b"b", b"c"]),
        of("a", &[]),
        of("ab", &[b"c"]),
    ] {
        assert!(vault.unseal(other, &sealed).is_none(), "{other:?}");
    }
    assert!(vault.unseal(of("a", &[b"bc"]), &sealed[1..]).is_none());
    assert_eq!(format!("{vault:?}"), "Vault(..)");
}

#[tokio::test]
async fn a_master_key_is_replaced_while_several_nodes_use_the_store() {
    let fixture = Fixture::new().await;
    let id = fixture.rp.id;
    let old = new_keys();
    let before = draw_all(&fixture.node(&old).await, id).await;
    let both = next(&old);
    // A node with both keys starts before and after the store is sealed anew.
    let one = fixture.node(&both).await;
    assert_eq!(draw_all(&one, id).await, before);
    assert_eq!(one.sealed_under().await.unwrap(), Some(old.current.id()));
    assert!(one.rewrap_store_key(&both).await.unwrap());
    assert!(!one.rewrap_store_key(&both).await.unwrap());
    assert_eq!(one.sealed_under().await.unwrap(), Some(both.current.id()));
    assert_eq!(draw_all(&fixture.node(&both).await, id).await, before);
    // The old one is not needed any more, and opens nothing.
    let only_new = MasterKeys {
        current: both.current.clone(),
        previous: None,
    };
    assert_eq!(draw_all(&fixture.node(&only_new).await, id).await, before);
    assert!(matches!(
        fixture.vault(Some(&old)).await,
        Err(VaultError::Other { .. })
    ));
}

#[tokio::test]
async fn many_nodes_that_seal_a_store_at_once_agree() {
    let fixture = Fixture::new().await;
    let id = fixture.rp.id;
    let before = draw_all(&fixture.passkeys, id).await;
    let keys = new_keys();
    let (one, two, three) = tokio::join!(
        fixture.node(&keys),
        fixture.node(&keys),
        fixture.node(&keys)
    );
    for node in [&one, &two, &three] {
        assert_eq!(draw_all(node, id).await, before);
    }
}

#[tokio::test]
async fn a_lost_master_key_costs_the_keys_and_no_more() {
    let fixture = Fixture::new().await;
    let id = fixture.rp.id;
    let before = draw_all(&fixture.node(&new_keys()).await, id).await;
    let other = new_keys();
    let replaced = Vault::discard(&fixture.storage(), &other, &SystemRandomness).await;
    assert_eq!(replaced.unwrap(), 5);
    let node = fixture.node(&other).await;
    let after = draw_all(&node, id).await;
    for (kind, (old, new)) in MacKind::ALL.iter().copied().zip(before.iter().zip(&after)) {
        assert_ne!(old, new);
        assert!(!accepts(&node, id, kind, old).await && accepts(&node, id, kind, new).await);
    }
    // Where nothing is lost, nothing is replaced but the store key; its keys were sealed under the other one.
    let again = Vault::discard(&fixture.storage(), &other, &SystemRandomness).await;
    assert_eq!(again.unwrap(), 5);
}

#[tokio::test]
async fn a_token_key_is_replaced_and_old_tokens_are_accepted_until_they_have_expired() {
    for sealed in [false, true] {
        let fixture = Fixture::new().await;
        let id = fixture.rp.id;
        let keys = new_keys();
        let (here, there) = if sealed {
            (fixture.node(&keys).await, fixture.node(&keys).await)
        } else {
            (fixture.another_node().await, fixture.another_node().await)
        };
        let by = browser();
        for kind in [MacKind::Intent, MacKind::Status, MacKind::Transaction] {
            let change = async |change| {
                let changed = here.change_token_keys(id, kind.into(), change, &by).await;
                changed.unwrap()
            };
            // What is not there is not replaced.
            assert_eq!(change(TokenKeyChange::Rotate).await, []);
            let old = code(&here, id, kind).await;
            assert!(accepts(&there, id, kind, &old).await);
            fixture.clock.advance_millis(2_000);

            let listed = change(TokenKeyChange::Rotate).await;
            let numbers: Vec<_> = listed.iter().map(|key| (key.number, key.signs)).collect();
            assert_eq!(numbers, [(2, false), (1, true)]);
            assert_eq!(code(&here, id, kind).await, old);
            fixture.clock.advance_millis(5_000);
            assert!(listed.iter().all(|key| key.sealed == sealed));
            let new = code(&here, id, kind).await;
            assert_ne!(new, old);
            // The other node accepts the new ones, though it still makes old ones for a minute.
            assert!(accepts(&there, id, kind, &new).await);
            assert_eq!(code(&there, id, kind).await, new);
            for node in [&here, &there] {
                assert!(accepts(node, id, kind, &old).await);
            }
            let end = listed[1].ends.unwrap();
            fixture.clock.advance_millis(end.0 - here.now().0 - 1);
            for node in [&here, &there] {
                assert!(accepts(node, id, kind, &old).await);
            }
            fixture.clock.advance_millis(1);
            for node in [&here, &there] {
                assert!(!accepts(node, id, kind, &old).await);
                assert!(accepts(node, id, kind, &new).await);
            }
            // Old keys go with the next rotation.
            let numbers: Vec<_> = change(TokenKeyChange::Rotate)
                .await
                .iter()
                .map(|k| k.number)
                .collect();
            assert_eq!(numbers, [3, 2]);
            // A key that is retired ends at once, and the new one makes tokens at once.
            let retired = change(TokenKeyChange::Retire).await;
            assert_eq!(
                retired
                    .iter()
                    .map(|k| (k.number, k.signs))
                    .collect::<Vec<_>>(),
                [(3, true)]
            );
            assert!(!accepts(&here, id, kind, &new).await);
            let last = code(&here, id, kind).await;
            assert!(accepts(&here, id, kind, &last).await);
        }
        let filter = EventFilter {
            kinds: Some(vec![AuditKind::TokenKeyRotated]),
            ..EventFilter::default()
        };
        let found = fixture.store.find_events(id, &filter, 1000).await.unwrap();
        assert_eq!(found.events.len(), 9);
    }
}

#[tokio::test]
async fn a_replaced_access_key_signature_is_accepted_until_it_is_retired() {
    let fixture = Fixture::new().await;
    let id = fixture.rp.id;
    let node = fixture.node(&new_keys()).await;
    let by = browser();
    let old = code(&node, id, MacKind::Access).await;
    let kind = TokenKind::Access;
    let listed = node
        .change_token_keys(id, kind, TokenKeyChange::Rotate, &by)
        .await;
    assert!(listed.unwrap().iter().all(|key| key.ends.is_none()));
    fixture.clock.advance_millis(1_000_000_000_000);
    assert!(accepts(&node, id, MacKind::Access, &old).await);
    let listed = node
        .change_token_keys(id, kind, TokenKeyChange::Retire, &by)
        .await;
    assert_eq!(listed.unwrap().len(), 1);
    assert!(!accepts(&node, id, MacKind::Access, &old).await);
}

#[tokio::test]
async fn a_new_key_pair_is_published_before_it_signs() {
    let fixture = Fixture::new().await;
    let id = fixture.rp.id;
    let node = fixture.node(&new_keys()).await;
    let rp = load(&node, id).await;
    let signer = async || node.signing_key(&rp).await.unwrap().thumbprint().to_owned();
    let published = async || {
        let keys = node.signing_keys(&rp).await.unwrap();
        let names = keys.iter().map(|key| key.thumbprint().to_owned());
        names.collect::<Vec<_>>()
    };
    let old = signer().await;
    let kind = TokenKind::Signing;
    let by = browser();
    let listed = node
        .change_token_keys(id, kind, TokenKeyChange::Rotate, &by)
        .await;
    let listed = listed.unwrap();
    assert_eq!(
        listed.iter().map(|key| key.signs).collect::<Vec<_>>(),
        [false, true]
    );
    assert_eq!(signer().await, old);
    let both = published().await;
    assert_eq!((both.len(), &both[1]), (2, &old));
    fixture
        .clock
        .advance_millis(listed[0].signs_from.0 - node.now().0);
    assert_eq!(signer().await, both[0]);
    fixture
        .clock
        .advance_millis(listed[1].ends.unwrap().0 - node.now().0);
    assert_eq!(published().await, both[..1]);
}

#[tokio::test]
async fn of_two_nodes_with_different_master_keys_the_second_is_refused() {
    let fixture = Fixture::new().await;
    let id = fixture.rp.id;
    let before = draw_all(&fixture.passkeys, id).await;
    let (one, other) = (new_keys(), new_keys());
    let opened = tokio::join!(fixture.vault(Some(&one)), fixture.vault(Some(&other)));
    let (first, refused) = match opened {
        (Ok(_), Err(why)) => (&one, why),
        (Err(why), Ok(_)) => (&other, why),
        both => panic!("{both:?}"),
    };
    assert!(matches!(refused, VaultError::Other { .. }), "{refused}");
    assert_eq!(draw_all(&fixture.node(first).await, id).await, before);
}

#[tokio::test]
async fn a_discard_that_was_interrupted_is_noticed_and_runs_again() {
    let fixture = Fixture::new().await;
    let id = fixture.rp.id;
    draw_all(&fixture.node(&new_keys()).await, id).await;
    // What a discard leaves that is killed after its first write: another store key, and the token keys of before.
    let other = new_keys();
    let elsewhere = Fixture::new().await;
    let discarded = Vault::discard(&elsewhere.storage(), &other, &SystemRandomness).await;
    assert_eq!(discarded.unwrap(), 0);
    let new = elsewhere.store.store_key().await.unwrap().unwrap();
    let old = fixture.store.store_key().await.unwrap().unwrap();
    assert_eq!(fixture.store.replace_store_key(&old, &new).await, Ok(true));
    let opened = fixture.vault(Some(&other)).await;
    assert!(matches!(opened, Err(VaultError::Foreign)), "{opened:?}");
    let checked = Vault::check(&fixture.storage(), &other).await;
    assert!(matches!(checked, Err(VaultError::Foreign)), "{checked:?}");

    let again = Vault::discard(&fixture.storage(), &other, &SystemRandomness).await;
    assert_eq!(again.unwrap(), 5);
    let node = fixture.node(&other).await;
    Vault::check(&fixture.storage(), &other).await.unwrap();
    let (code, kind) = (code(&node, id, MacKind::Access).await, MacKind::Access);
    assert!(accepts(&node, id, kind, &code).await);
}

// ---- secrets of accounts ----------------------------------------------------------------------

/// The token of the fixture's account.
async fn new_token(node: &Passkeys, fixture: &Fixture) -> (Principal, Secret) {
    let account = fixture.rp.account;
    let token = node.reset_account_token(account, &OPERATOR).await.unwrap();
    (Principal::Account(account), token)
}

async fn new_api_key(node: &Passkeys, fixture: &Fixture) -> (Principal, Secret) {
    let account = fixture.rp.account;
    let (key, secret) = node
        .create_api_key(account, "ci", Grant::EVERYTHING, &OPERATOR)
        .await
        .unwrap();
    (Principal::ApiKey(key.id), secret)
}

impl Fixture {
    async fn hash(&self, of: Principal) -> SecretHash {
        self.store.secret(of).await.unwrap().unwrap().hash
    }

    async fn put(&self, of: Principal, hash: SecretHash) {
        let stored = self.hash(of).await;
        assert_eq!(self.store.replace_secret(of, stored, hash).await, Ok(true));
    }
}

#[tokio::test]
async fn in_a_sealed_store_secrets_of_accounts_are_keyed_hashes_and_old_secrets_stay_right() {
    let fixture = Fixture::new().await;
    let keys = new_keys();
    let old = [
        new_token(&fixture.passkeys, &fixture).await,
        new_api_key(&fixture.passkeys, &fixture).await,
    ];
    for (of, secret) in &old {
        assert_eq!(fixture.hash(*of).await, secret.hash());
    }
    // Several nodes at once, and another start.
    let (node, other) = tokio::join!(fixture.node(&keys), fixture.node(&keys));
    let later = fixture.node(&keys).await;
    let new = [
        old[0].clone(),
        old[1].clone(),
        new_api_key(&node, &fixture).await,
    ];
    let account = fixture.rp.account;
    for (of, secret) in &new {
        for node in [&node, &other, &later] {
            assert_eq!(
                node.authenticate(*of, secret).await.unwrap().account,
                account
            );
            let wrong = Secret::random(&SystemRandomness);
            let refused = node.authenticate(*of, &wrong).await;
            assert_eq!(reason(refused), Reason::AccessDenied);
        }
        let SecretHash::Keyed(code) = fixture.hash(*of).await else {
            panic!("{of:?} has a plain hash");
        };
        // Nothing that can be worked out without the master key.
        assert_ne!(code, secret.digest());
    }
    // The same secret of another owner has another hash.
    let (token, secret) = &old[0];
    let keyed = fixture.hash(*token).await;
    let moved = old[1].0;
    fixture.put(moved, keyed).await;
    let refused = fixture.node(&keys).await.authenticate(moved, secret).await;
    assert_eq!(reason(refused), Reason::AccessDenied);
    // A plain hash that somebody put into a sealed store opens nothing, also after another start.
    fixture.put(moved, secret.hash()).await;
    let refused = fixture.node(&keys).await.authenticate(moved, secret).await;
    assert_eq!(reason(refused), Reason::AccessDenied);
}

#[tokio::test]
async fn a_store_whose_hashes_were_not_keyed_yet_gets_them_keyed() {
    let fixture = Fixture::new().await;
    let keys = new_keys();
    fixture.node(&keys).await;
    let (of, secret) = new_token(&fixture.node(&keys).await, &fixture).await;
    // As a store was that was sealed before hashes were keyed, or whose sealing was interrupted: discarding a store key leaves it so.
    let other = new_keys();
    let discarded = Vault::discard(&fixture.storage(), &other, &SystemRandomness).await;
    discarded.unwrap();
    fixture.put(of, secret.hash()).await;
    let node = fixture.node(&other).await;
    assert_eq!(
        node.authenticate(of, &secret).await.unwrap().account,
        fixture.rp.account
    );
    assert_ne!(fixture.hash(of).await, secret.hash());
}

#[tokio::test]
async fn another_master_key_leaves_secrets_of_accounts_valid_and_a_lost_one_does_not() {
    let fixture = Fixture::new().await;
    let old = new_keys();
    let node = fixture.node(&old).await;
    let secrets = [
        new_token(&node, &fixture).await,
        new_api_key(&node, &fixture).await,
    ];
    let both = next(&old);
    let node = fixture.node(&both).await;
    assert!(node.rewrap_store_key(&both).await.unwrap());
    let only_new = MasterKeys {
        current: both.current.clone(),
        previous: None,
    };
    let node = fixture.node(&only_new).await;
    for (of, secret) in &secrets {
        assert!(node.authenticate(*of, secret).await.is_ok(), "{of:?}");
    }
    let other = new_keys();
    let discarded = Vault::discard(&fixture.storage(), &other, &SystemRandomness).await;
    discarded.unwrap();
    let node = fixture.node(&other).await;
    for (of, secret) in &secrets {
        let refused = node.authenticate(*of, secret).await;
        assert_eq!(reason(refused), Reason::AccessDenied, "{of:?}");
    }
    let (of, secret) = new_token(&node, &fixture).await;
    assert!(node.authenticate(of, &secret).await.is_ok());
}

#[tokio::test]
async fn a_process_without_the_master_key_neither_denies_nor_stores_secrets_of_a_sealed_store() {
    let fixture = Fixture::new().await;
    let without = &fixture.passkeys;
    let (of, secret) = new_token(&fixture.node(&new_keys()).await, &fixture).await;
    for secret in [&secret, &Secret::new("wrong")] {
        let refused = without.authenticate(of, secret).await;
        assert_eq!(reason(refused), Reason::StoreUnavailable);
    }
    let account = fixture.rp.account;
    let before = fixture.hash(of).await;
    let refused = without.reset_account_token(account, &OPERATOR).await;
    assert_eq!(reason(refused), Reason::StoreUnavailable);
    assert_eq!(fixture.hash(of).await, before);
    let refused = without
        .create_api_key(account, "ci", Grant::EVERYTHING, &OPERATOR)
        .await;
    assert_eq!(reason(refused), Reason::StoreUnavailable);
    let refused = without.create_account(&OPERATOR).await;
    assert_eq!(reason(refused), Reason::StoreUnavailable);
}
