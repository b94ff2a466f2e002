//! Access keys: what a back end shows to work with one Relying Party. A key is text that the server makes and checks with
//! the Relying Party's [`token key`](crate::model::token); here is the record that says whether it still opens anything.

use serde::{Deserialize, Serialize};

use crate::model::clock::Timestamp;
use crate::model::ids::{AccessKeyId, RelyingPartyId};

/// A key that opens one Relying Party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// Its key.
    pub id: AccessKeyId,
    /// What it opens.
    pub relying_party: RelyingPartyId,
    /// A name for people.
    pub name: String,
    /// What it may be used for, in the words of the wire that made it.
    pub scopes: Vec<String>,
    /// When it was created.
    pub created: Timestamp,
    /// From this moment on it opens nothing; `None` for a key that lives until it is revoked.
    pub expires: Option<Timestamp>,
}
