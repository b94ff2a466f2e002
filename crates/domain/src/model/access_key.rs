//! Access keys: with one, a back end may work with one Relying Party. A key is text that the server makes and checks with
//! the Relying Party's [`token key`](crate::model::token). This record says whether it is still valid.

use serde::{Deserialize, Serialize};

use crate::model::clock::Timestamp;
use crate::model::ids::{AccessKeyId, RelyingPartyId};

/// A key for one Relying Party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// Its key.
    pub id: AccessKeyId,
    /// The Relying Party that it is for.
    pub relying_party: RelyingPartyId,
    /// A name, to be shown.
    pub name: String,
    /// What it may be used for. So far a key has [`Self::EVERYTHING`], and opens nothing without it: a key of a later version that
    /// may do less must not do more here.
    pub scopes: Vec<String>,
    /// When it was created.
    pub created: Timestamp,
    /// The time from which it is not valid; `None` for a key that is valid until it is revoked.
    pub expires: Option<Timestamp>,
}

impl AccessKey {
    /// The scope of a key for every call.
    pub const EVERYTHING: &str = "api";

    /// Whether it opens its Relying Party at this moment.
    pub fn opens(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
            && self.scopes.iter().any(|scope| scope == Self::EVERYTHING)
    }
}
