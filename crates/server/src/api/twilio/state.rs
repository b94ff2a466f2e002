//! What the handlers of this wire share.

use std::sync::Arc;

use domain::Passkeys;
use domain::model::audit::{Actor, ActorKind};
use ipnet::IpNet;

use crate::http::current;
use crate::http::{BodyLimit, PublicUrl};

/// Who calls: the account's back end, whose user agent says nothing about a user's device.
pub fn back_end() -> Actor {
    current::calling(Actor::new(ActorKind::Api, WIRE))
}

/// Who calls to change what belongs to the account.
pub fn administrator() -> Actor {
    current::administering(WIRE)
}

const WIRE: &str = "twilio";

/// What the handlers of this wire share; cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    /// The domain.
    pub passkeys: Arc<Passkeys>,
    /// Base of emitted URLs.
    pub public_url: Arc<PublicUrl>,
    /// How long the body of a request may be.
    pub bodies: BodyLimit,
    /// Networks that are not public, where webhooks may lead.
    pub webhook_networks: Arc<[IpNet]>,
}
