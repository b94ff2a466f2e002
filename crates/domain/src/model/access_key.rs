//! Access keys: with one, a back end may work with one Relying Party. A key is text that the server makes and checks with
//! the Relying Party's [`token key`](crate::model::token). This record says whether it is still valid.

use serde::{Deserialize, Serialize};

use crate::model::clock::Timestamp;
use crate::model::grant::{Grant, Scopes};
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
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it was created.
    pub created: Timestamp,
    /// The time from which it is not valid; `None` for a key that is valid until it is revoked.
    pub expires: Option<Timestamp>,
    /// When it was used last, to a minute or so. A store keeps it beside the record.
    #[serde(skip)]
    pub used: Option<Timestamp>,
}

impl AccessKey {
    /// What it may be used for, and until when.
    pub fn grant(&self) -> Grant {
        Grant {
            scopes: self.scopes,
            expires: self.expires,
        }
    }
}
