//! How many ceremonies may start. The service asks before it reads or writes anything; somebody else counts.

use webauthn::error::Reason;

use crate::model::ids::RelyingPartyId;
use crate::model::user::UserRef;

/// Bounds the starts of ceremonies. Called on the way of every sign-in, in the task that serves the request, so it must be fast.
pub trait Limits: Send + Sync + 'static {
    /// Whether this Relying Party may start a ceremony for this user, if one is named. It counts as a start.
    ///
    /// # Errors
    /// `too_many_ceremonies` for the user, `rate_limited` for the Relying Party.
    fn start(&self, rp: RelyingPartyId, user: Option<UserRef<'_>>) -> Result<(), Reason>;
}

/// No limit.
#[derive(Clone, Copy, Debug)]
pub struct Unlimited;

impl Limits for Unlimited {
    fn start(&self, _: RelyingPartyId, _: Option<UserRef<'_>>) -> Result<(), Reason> {
        Ok(())
    }
}
