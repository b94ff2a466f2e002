//! Who cannot sign in any more after a change of the RP ID.

use domain::Passkeys;
use domain::model::page::{Order, PageRequest};
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;

/// People whose passkeys are looked at, the newest first.
const PEOPLE: u32 = 500;

/// What a change of the RP ID means for people who have passkeys; `None` if it locks nobody out. A passkey belongs to the RP ID under which it
/// was created, and browsers offer it for no other one (WebAuthn section 5.4.2, `rpId` of section 5.5).
///
/// # Errors
/// Faults of the store.
pub(super) async fn warning(
    passkeys: &Passkeys,
    before: &RelyingParty,
    after: &RelyingParty,
) -> Result<Option<String>, Refusal> {
    let (Some(old), Some(new)) = (&before.selection.rp_id, &after.selection.rp_id) else {
        return Ok(None);
    };
    if old == new {
        return Ok(None);
    }
    let page = PageRequest {
        after: None,
        limit: PEOPLE,
        order: Order::Descending,
    };
    let people = passkeys.list_users(before.id, page).await?;
    let (looked_at, mut locked_out) = (people.items.len(), 0);
    for person in people.items {
        // A person who was deleted meanwhile is not locked out.
        let Ok((_, records)) = passkeys.user_with_credentials(before.id, person.id).await else {
            continue;
        };
        let elsewhere =
            |of: &domain::model::credential::CredentialRecord| of.selection.rp_id != *new;
        locked_out += usize::from(!records.is_empty() && records.iter().all(elsewhere));
    }
    if locked_out == 0 {
        return Ok(None);
    }
    let of = if people.more {
        format!("the {looked_at} newest users")
    } else {
        format!("{looked_at} users")
    };
    Ok(Some(format!(
        "Service {:?}: rp_id changes from {old} to {new}, and {locked_out} of {of} have passkeys for other RP IDs only. Browsers do not offer \
         these passkeys for {new}: these users cannot sign in until they register again",
        before.name
    )))
}
