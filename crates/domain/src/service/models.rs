//! Which models of authenticators are in use.

use std::collections::BTreeMap;

use webauthn::credential::Aaguid;

use crate::model::ids::AccountId;
use crate::model::page::{Order, PageRequest};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;

/// Most Relying Parties that are looked at.
const PARTIES: u32 = 20;
/// Most users that are looked at, of all Relying Parties together.
const USERS: u32 = 1_000;

/// Models of authenticators, as the newest users of an account have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelsInUse {
    /// How many Relying Parties were looked at, the newest first.
    pub relying_parties: usize,
    /// Whether there are older ones.
    pub more_relying_parties: bool,
    /// How many users were looked at.
    pub users: u32,
    /// Whether a Relying Party may have older users.
    pub more_users: bool,
    /// Each model and the number of credentials, the most frequent first.
    pub models: Vec<(Aaguid, u64)>,
}

impl Passkeys {
    /// Counts the models of the credentials that the newest users of an account have. It takes as long with many users as with few, because it looks at
    /// so many alone.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn models_in_use(&self, account: AccountId) -> Result<ModelsInUse, Refusal> {
        let page = PageRequest {
            after: None,
            limit: PARTIES,
            order: Order::Descending,
        };
        let parties = self.list_relying_parties(account, page).await?;
        let mut found = ModelsInUse {
            relying_parties: parties.items.len(),
            more_relying_parties: parties.more,
            ..ModelsInUse::default()
        };
        let mut counts = BTreeMap::new();
        let mut left = USERS;
        for (others, rp) in (0..).zip(&parties.items) {
            // Each gets its part of what the ones before it have left.
            let most = left / (u32::try_from(found.relying_parties).unwrap_or(1) - others).max(1);
            let counted = self.storage.count_models(rp.id, most).await?;
            found.users += counted.users;
            found.more_users |= counted.users == most;
            left -= counted.users.min(left);
            for (aaguid, credentials) in counted.models {
                *counts.entry(aaguid).or_default() += credentials;
            }
        }
        found.models = counts.into_iter().collect();
        found
            .models
            .sort_by_key(|(_, credentials)| std::cmp::Reverse(*credentials));
        Ok(found)
    }
}
