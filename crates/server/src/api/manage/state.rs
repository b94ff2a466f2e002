//! What the handlers of this API share.

use std::sync::Arc;

use domain::Passkeys;
use domain::model::audit::Actor;

use crate::http::current;
use crate::http::{BodyLimit, PublicUrl};

/// Who calls to change something.
pub fn administrator() -> Actor {
    current::administering("manage")
}

/// What the handlers of this API share; cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    /// The domain.
    pub passkeys: Arc<Passkeys>,
    /// Base of emitted URLs, and the issuer of access keys.
    pub public_url: Arc<PublicUrl>,
    /// How long the body of a request may be.
    pub bodies: BodyLimit,
}
