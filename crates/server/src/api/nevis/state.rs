//! What the handlers of this wire share on one node.

use std::sync::Arc;

use domain::Passkeys;

use super::exports::Exports;
use super::waiters::Waiters;
use crate::http::{BodyLimit, Lifecycle, PublicUrl};

/// The channel of this wire; the product's others are not passkeys.
pub const CHANNEL: &str = "fido2";

/// What the handlers of this wire share on one node; cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    /// The domain.
    pub passkeys: Arc<Passkeys>,
    /// Base of emitted URLs, and the issuer of tokens.
    pub public_url: Arc<PublicUrl>,
    /// Where the process is in its life: requests that wait end with it.
    pub lifecycle: Arc<Lifecycle>,
    /// Requests that wait until a transaction ends.
    pub waiters: Arc<Waiters>,
    /// Exports of the log that are being read.
    pub exports: Arc<Exports>,
    /// Whether `GET /ping` needs no access key.
    pub open_ping: bool,
    /// How long the body of a request may be.
    pub bodies: BodyLimit,
}
