//! What a command is executed on, and why it was not done.

use std::path::PathBuf;
use std::sync::Arc;

use domain::Passkeys;
use domain::model::master_key::MasterKeys;
use domain::model::refusal::Refusal;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::console::Place;
use crate::error::ProcessError;
use crate::http::PublicUrl;

/// What a command is executed on.
#[derive(Clone, Debug)]
pub struct Administered {
    /// The file of the store, if it is one.
    pub file: Option<PathBuf>,
    /// The domain.
    pub passkeys: Arc<Passkeys>,
    /// The master keys, if there are.
    pub master_keys: Option<MasterKeys>,
    /// Base of emitted URLs: the issuer of access keys.
    pub public_url: Arc<PublicUrl>,
    /// Networks that are not public, where webhooks may lead.
    pub webhook_networks: Vec<IpNet>,
    /// Where the console is; `None` if it is off.
    pub console: Option<Place>,
}

/// Why a command was not done: one sentence for the person who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotDone {
    /// The sentence.
    pub message: String,
}

impl NotDone {
    /// With this sentence.
    pub fn because(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl From<Refusal> for NotDone {
    fn from(refusal: Refusal) -> Self {
        Self::because(ProcessError::from(refusal).to_string())
    }
}
