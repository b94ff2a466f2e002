//! A store as a whole moves to another one: every record that an export has, and what an export must not have.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use tokio::task::JoinSet;

use super::reads::{History, credentials_of, next_events};
use crate::model::access_key::AccessKey;
use crate::model::account::{Account, ApiKey};
use crate::model::audit::{AuditEvent, trail_of};
use crate::model::clock::Timestamp;
use crate::model::ids::{AccountId, RelyingPartyId};
use crate::model::import::{EARLIER, told_by};
use crate::model::page::{Page, PageRequest, Position};
use crate::model::relying_party::RelyingParty;
use crate::model::token::TokenKind;
use crate::model::user::User;
use crate::model::webhook::Webhook;
use crate::store::{
    Fault, ImportCredential, ImportUser, ImportedCredential, ImportedParty, ImportedUser, Storage,
};

/// Rows of one read.
const PAGE: u32 = 200;
/// Users, or events, that are written at once.
const AT_ONCE: usize = 64;

/// Keys that are copied. Which one-time tokens were used, and which ceremonies ended, is not copied: so the keys of those tokens and of
/// sealed challenges stay behind, and the other store draws new ones. What was used here is then refused there.
const LASTING: [TokenKind; 1] = [TokenKind::Access];

/// Why a store could not be copied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// One of the stores failed.
    #[error(transparent)]
    Store(#[from] Fault),
    /// The other store has something else already.
    #[error("{0}")]
    Contradiction(String),
}

fn contradiction(what: impl Into<String>) -> CopyError {
    CopyError::Contradiction(what.into())
}

/// All rows of a list.
async fn all<T, F>(
    list: impl Fn(PageRequest) -> F,
    position: impl Fn(&T) -> (Timestamp, [u8; 16]),
) -> Result<Vec<T>, Fault>
where
    F: Future<Output = Result<Page<T>, Fault>>,
{
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest {
            after,
            ..PageRequest::first(PAGE)
        };
        let page = list(request).await?;
        let end = page.items.last().map(&position);
        rows.extend(page.items);
        after = end.map(|(created, key)| Position { created, key });
        if !page.more || after.is_none() {
            return Ok(rows);
        }
    }
}

pub(crate) async fn accounts(store: &dyn Storage) -> Result<Vec<Account>, Fault> {
    all(|page| store.list_accounts(page), |a| (a.created, a.id.0)).await
}

pub(crate) async fn api_keys(store: &dyn Storage, of: AccountId) -> Result<Vec<ApiKey>, Fault> {
    let list = |page| store.list_api_keys(of, page);
    all(list, |key| (key.created, key.id.0)).await
}

async fn access_keys(store: &dyn Storage, of: RelyingPartyId) -> Result<Vec<AccessKey>, Fault> {
    let list = |page| store.list_access_keys(of, page);
    all(list, |key| (key.created, key.id.0)).await
}

async fn webhooks(store: &dyn Storage, of: RelyingPartyId) -> Result<Vec<Webhook>, Fault> {
    let list = |page| store.list_webhooks(of, page);
    all(list, |webhook| (webhook.created, webhook.id.0)).await
}

async fn parties(store: &dyn Storage, of: AccountId) -> Result<Vec<RelyingParty>, Fault> {
    let list = |page| store.list_relying_parties(of, page);
    all(list, |rp| (rp.created, rp.id.0)).await
}

/// Copies all records of a store to another one, which is empty or has a part of the copy. Pending ceremonies, one-time
/// tokens with their keys and kept responses stay behind. `step` is called for each user and each event.
///
/// # Errors
/// [`CopyError`]. The copy can run again.
pub async fn copy_store(
    from: &Arc<dyn Storage>,
    to: &Arc<dyn Storage>,
    mut step: impl FnMut() + Send,
) -> Result<(), CopyError> {
    let source = accounts(&**from).await?;
    let foreign = accounts(&**to).await?;
    if foreign.iter().any(|a| source.iter().all(|b| a.id != b.id)) {
        return Err(contradiction(
            "the store to copy to has accounts that the other one does not have. Copy to a new file or to an empty database",
        ));
    }
    refuse_what_was_used(&**from, &**to).await?;
    // A candidate is stored where there is none: the source gets what it would draw itself at its next start.
    let mut drawn = [0; 32];
    crate::model::clock::Randomness::fill(&crate::model::clock::SystemRandomness, &mut drawn);
    let secret = from.shared_secret(drawn).await?;
    if to.shared_secret(secret).await? != secret {
        return Err(contradiction(
            "the store to copy to is another store, which was used already. Copy to a new file or to an empty database",
        ));
    }
    // Token keys are copied as they are, sealed where they are, so their store key goes with them. It is wrapped under the master key.
    let sealed = match from.store_key().await? {
        Some(key) => to.keep_store_key(&key).await? == key,
        None => to.store_key().await?.is_none(),
    };
    if !sealed {
        return Err(contradiction(
            "the store to copy to is sealed, and not with the store key of the other one. Copy to a new file or to an empty database",
        ));
    }
    if let Some(stored) = from.metadata(None).await?.and_then(|record| record.stored) {
        to.replace_metadata(&stored).await?;
    }
    for account in source {
        if !to.create_account(&account).await? {
            return Err(contradiction(
                "an account has another token there. Copy to a new file or to an empty database",
            ));
        }
        for key in api_keys(&**from, account.id).await? {
            to.create_api_key(&key).await?;
        }
        copy_trail(from, to, trail_of(account.id), &mut step).await?;
        for rp in parties(&**from, account.id).await? {
            copy_party(from, to, &rp, &mut step).await?;
        }
    }
    copy_notes(&**from, &**to).await
}

/// Copies what is known of imports: what was imported and was deleted since must not come back with the next import.
async fn copy_notes(from: &dyn Storage, to: &dyn Storage) -> Result<(), CopyError> {
    let list = |page| from.list_imports(page);
    let imports = all(list, |import| (import.created, import.id.0)).await?;
    let all = imports
        .iter()
        .flat_map(|import| [import.id, told_by(import.id)]);
    for id in std::iter::once(EARLIER).chain(all) {
        let mut after = None;
        loop {
            let notes = from.list_imported(id, after, PAGE).await?;
            let Some(end) = notes.last() else { break };
            after = Some(end.place());
            to.note_imported(id, &notes).await?;
        }
    }
    for import in &imports {
        to.create_import(import).await?;
    }
    Ok(())
}

/// Refuses a store that was used after it was copied to, or whose records were removed from the first store since: what was revoked would come back.
/// Whatever is changed leaves an event, and what is revoked leaves no record.
async fn refuse_what_was_used(from: &dyn Storage, to: &dyn Storage) -> Result<(), CopyError> {
    for account in accounts(to).await? {
        is_copied(from, to, trail_of(account.id)).await?;
        let here = api_keys(from, account.id).await?;
        has_all(&here, &api_keys(to, account.id).await?, |key| key.id.0)?;
        for rp in parties(to, account.id).await? {
            is_copied(from, to, rp.id).await?;
            let here = access_keys(from, rp.id).await?;
            has_all(&here, &access_keys(to, rp.id).await?, |key| key.id.0)?;
            let here = webhooks(from, rp.id).await?;
            has_all(&here, &webhooks(to, rp.id).await?, |webhook| webhook.id.0)?;
        }
    }
    Ok(())
}

/// Sees that the first store has each of the records that the other one has.
fn has_all<T>(here: &[T], there: &[T], id: impl Fn(&T) -> [u8; 16]) -> Result<(), CopyError> {
    let known: HashSet<_> = here.iter().map(&id).collect();
    if there.iter().all(|record| known.contains(&id(record))) {
        return Ok(());
    }
    Err(contradiction(
        "the store to copy to has a key or a webhook that the other one does not have. Copy to a new file or to an empty database",
    ))
}

/// Sees that each event of a trail is one of the first store, too.
async fn is_copied(
    from: &dyn Storage,
    to: &dyn Storage,
    trail: RelyingPartyId,
) -> Result<(), CopyError> {
    let same = |event: &AuditEvent| (event.id, event.at, event.kind);
    let mut at = History::default();
    loop {
        let there = next_events(to, trail, &mut at).await?;
        let (Some(newest), Some(oldest)) = (there.first(), there.last()) else {
            return Ok(());
        };
        let mut here = HashSet::new();
        let mut walk = History::until(newest.at.plus_millis(1));
        loop {
            let events = next_events(from, trail, &mut walk).await?;
            let ended = events.last().is_none_or(|event| event.at < oldest.at);
            here.extend(events.iter().map(same));
            if ended {
                break;
            }
        }
        if there.iter().any(|event| !here.contains(&same(event))) {
            return Err(contradiction(
                "the store to copy to has events that the other one does not have: it was used after it was copied to, or the other one has removed \
                 old events since. Copy to a new file or to an empty database",
            ));
        }
    }
}

async fn copy_party(
    from: &Arc<dyn Storage>,
    to: &Arc<dyn Storage>,
    rp: &RelyingParty,
    step: &mut (impl FnMut() + Send),
) -> Result<(), CopyError> {
    match to.import_relying_party(rp).await? {
        ImportedParty::Created | ImportedParty::Exists => {}
        ImportedParty::Deleted | ImportedParty::AccountGone => {
            return Err(contradiction("a Relying Party was deleted there"));
        }
    }
    for kind in &LASTING {
        if let Some(key) = from.token_key(rp.id, *kind).await? {
            let kept = to.keep_token_key(rp.id, *kind, key.clone()).await?;
            if kept.as_ref() != Some(&key) {
                return Err(contradiction(
                    "a Relying Party has other keys of tokens there",
                ));
            }
        }
    }
    for key in access_keys(&**from, rp.id).await? {
        to.import_access_key(&key).await?;
    }
    for webhook in webhooks(&**from, rp.id).await? {
        to.create_webhook(&webhook, None).await?;
    }
    let mut running = JoinSet::new();
    let mut after = None;
    loop {
        let request = PageRequest {
            after,
            ..PageRequest::first(PAGE)
        };
        let page = from.list_users(rp.id, request).await?;
        let end = page.items.last();
        after = end.map(|user| Position {
            created: user.created,
            key: user.id.0,
        });
        for user in page.items {
            let (from, to) = (Arc::clone(from), Arc::clone(to));
            running.spawn(async move { copy_user(&*from, &*to, user).await });
            finish(&mut running, AT_ONCE, step).await?;
        }
        if !page.more || after.is_none() {
            break;
        }
    }
    finish(&mut running, 0, step).await?;
    copy_trail(from, to, rp.id, step).await
}

/// Copies the events of a Relying Party, or those of an account.
async fn copy_trail(
    from: &Arc<dyn Storage>,
    to: &Arc<dyn Storage>,
    trail: RelyingPartyId,
    step: &mut (impl FnMut() + Send),
) -> Result<(), CopyError> {
    let mut running = JoinSet::new();
    let mut at = History::default();
    loop {
        let events = next_events(&**from, trail, &mut at).await?;
        if events.is_empty() {
            break;
        }
        for event in events {
            let to = Arc::clone(to);
            running.spawn(async move { Ok(to.import_event(&event).await.map(drop)?) });
            finish(&mut running, AT_ONCE, step).await?;
        }
    }
    finish(&mut running, 0, step).await
}

/// Waits until so many are left.
async fn finish(
    running: &mut JoinSet<Result<(), CopyError>>,
    most: usize,
    step: &mut (impl FnMut() + Send),
) -> Result<(), CopyError> {
    while running.len() > most {
        match running.join_next().await {
            Some(Ok(done)) => done?,
            Some(Err(_)) => return Err(contradiction("the copy was stopped")),
            None => break,
        }
        step();
    }
    Ok(())
}

async fn copy_user(from: &dyn Storage, to: &dyn Storage, user: User) -> Result<(), CopyError> {
    let other = |what: &str| {
        contradiction(format!(
            "{what} of the user {} is another one there",
            user.id
        ))
    };
    let written = to.import_user(ImportUser {
        user: &user,
        import: None,
        event: None,
    });
    match written.await? {
        ImportedUser::Created => {}
        ImportedUser::Exists(found) if found.id == user.id => {}
        _ => return Err(other("the record")),
    }
    for (record, evidence) in credentials_of(from, &user).await? {
        let import = ImportCredential {
            credential: &record,
            evidence: evidence.as_ref(),
            import: None,
            owner_name: [0; 16],
            adopt_owner: false,
            event: None,
        };
        match to.import_credential(import).await? {
            ImportedCredential::Created
            | ImportedCredential::Exists
            | ImportedCredential::CounterRaised => {}
            ImportedCredential::Taken | ImportedCredential::UserGone => {
                return Err(other("a credential"));
            }
        }
    }
    Ok(())
}

/// How many secrets that are copied a store has, and a digest of them: hashes of tokens, API keys, access keys, keys.
///
/// # Errors
/// The store failed.
pub async fn secrets_of(store: &dyn Storage) -> Result<(u64, [u8; 32]), Fault> {
    let (mut count, mut digest) = (0, Context::new(&SHA256));
    let mut take = |bytes: &[&[u8]]| {
        count += 1;
        for bytes in bytes {
            digest.update(&bytes.len().to_be_bytes());
            digest.update(bytes);
        }
    };
    if let Some(key) = store.store_key().await? {
        take(&[&key]);
    }
    for account in accounts(store).await? {
        take(&[&account.id.0, &account.token.to_bytes()]);
        for key in api_keys(store, account.id).await? {
            let grant = format!("{:?}", key.grant);
            take(&[
                &key.id.0,
                &key.secret.to_bytes(),
                key.name.as_bytes(),
                grant.as_bytes(),
            ]);
        }
        for rp in parties(store, account.id).await? {
            for kind in &LASTING {
                if let Some(key) = store.token_key(rp.id, *kind).await? {
                    take(&[kind.name().as_bytes(), key.reveal()]);
                }
            }
            let list = |page| store.list_access_keys(rp.id, page);
            for key in all(list, |key| (key.created, key.id.0)).await? {
                let grant = format!("{:?}", key.grant());
                take(&[&key.id.0, key.name.as_bytes(), grant.as_bytes()]);
            }
            let list = |page| store.list_webhooks(rp.id, page);
            for webhook in all(list, |webhook| (webhook.created, webhook.id.0)).await? {
                // Without what the process notes by itself.
                let settings = Webhook {
                    failing: None,
                    revision: 0,
                    updated: webhook.created,
                    ..webhook
                };
                take(&[format!("{settings:?}").as_bytes()]);
            }
        }
    }
    let mut image = [0; 32];
    image.copy_from_slice(digest.finish().as_ref());
    Ok((count, image))
}
