//! Look-ups over the Relying Parties of all accounts, for requests that name none, such as the preflight of a browser.
//! Anybody may send such requests, so what the store says is kept for a moment, absence included.

use std::sync::Arc;

use webauthn::relying_party::RpId;

use crate::model::ids::RelyingPartyId;
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::service::cache::text_key;

/// Most Relying Parties with one RP ID that a look-up names.
pub const MAX_PARTIES: u32 = 64;

impl Passkeys {
    /// Whether the origin, compared as an exact string, is configured for any Relying Party. A change on this node is seen at
    /// once, one on another node within a second.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn is_configured_origin(&self, origin: &str) -> Result<bool, Refusal> {
        let found = self
            .lookups
            .origins
            .get(text_key(origin), self.now(), async |_| {
                Ok::<_, Refusal>(Some(self.storage.has_origin(origin).await?))
            })
            .await?;
        Ok(found.unwrap_or(false))
    }

    /// The Relying Parties with this RP ID, in the order of their keys: the first [`MAX_PARTIES`]. A change on this node is
    /// seen at once, one on another node within a second.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn relying_parties_with_rp_id(
        &self,
        rp_id: &RpId,
    ) -> Result<Arc<[RelyingPartyId]>, Refusal> {
        let found = self
            .lookups
            .rp_ids
            .get(text_key(rp_id.as_str()), self.now(), async |_| {
                let found = self.storage.relying_parties_with_rp_id(rp_id, MAX_PARTIES);
                Ok::<_, Refusal>(Some(found.await?.into()))
            })
            .await?;
        Ok(found.unwrap_or_default())
    }
}
