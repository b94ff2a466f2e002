//! What the pages need of the process.

use std::sync::Arc;

use domain::Passkeys;

use super::place::Place;
use crate::doctor::Checkup;
use crate::http::{BodyLimit, Lifecycle, PublicUrl, Traffic};

/// The parts of the process that the console needs.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The domain.
    pub passkeys: Arc<Passkeys>,
    /// The life cycle of the process.
    pub lifecycle: Arc<Lifecycle>,
    /// The issuer of access keys.
    pub public_url: Arc<PublicUrl>,
    /// How long a body may be.
    pub bodies: BodyLimit,
    /// Who counts client events.
    pub traffic: Arc<dyn Traffic>,
    /// What examines the process.
    pub doctor: Arc<Checkup>,
}

/// The state of all pages; cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    pub(super) passkeys: Arc<Passkeys>,
    pub(super) lifecycle: Arc<Lifecycle>,
    pub(super) public_url: Arc<PublicUrl>,
    pub(super) bodies: BodyLimit,
    pub(super) place: Arc<Place>,
    pub(super) traffic: Arc<dyn Traffic>,
    pub(super) doctor: Arc<Checkup>,
}

impl State {
    /// The console at this place.
    pub fn new(parts: Parts, place: Place) -> Self {
        Self {
            passkeys: parts.passkeys,
            lifecycle: parts.lifecycle,
            public_url: parts.public_url,
            bodies: parts.bodies,
            place: Arc::new(place),
            traffic: parts.traffic,
            doctor: parts.doctor,
        }
    }
}
