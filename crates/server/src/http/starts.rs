//! Rate limits of the starts of ceremonies, which the domain asks for.

use std::fmt;

use domain::Reason;
use domain::model::ids::RelyingPartyId;
use domain::model::user::UserRef;
use domain::service::limits::Limits;

use super::current;
use super::rates::{Limit, Limited, PerMinute};

/// The limits of the starts of ceremonies.
pub struct Starts {
    relying_party: Limit,
    user: Limit,
}

impl fmt::Debug for Starts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starts").finish_non_exhaustive()
    }
}

impl Starts {
    /// Starts with these limits.
    pub fn new(most: &PerMinute) -> Self {
        Self {
            relying_party: Limit::per_minute("relying_party", most.relying_party),
            user: Limit::per_minute("user", most.user),
        }
    }
}

impl Limits for Starts {
    fn start(&self, rp: RelyingPartyId, user: Option<UserRef<'_>>) -> Result<(), Reason> {
        // First that of the user, so that a flood for one user does not use up what the others have.
        let of_user = match user {
            Some(UserRef::Name(name)) => self.user.take((rp, name)),
            Some(UserRef::Id(id)) => self.user.take((rp, id)),
            None => Ok(()),
        };
        of_user.map_err(|limited| noted(limited, Reason::TooManyCeremonies))?;
        let of_rp = self.relying_party.take(rp);
        of_rp.map_err(|limited| noted(limited, Reason::RateLimited))
    }
}

/// Notes the limit for the response, the log line and the metrics of the request.
fn noted(limited: Limited, reason: Reason) -> Reason {
    current::note(|noted| noted.limited = Some(limited));
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_user_over_the_limit_takes_nothing_from_the_others() {
        let starts = Starts::new(&PerMinute {
            relying_party: 4,
            user: 2,
            ..PerMinute::default()
        });
        let rp = RelyingPartyId([3; 16]);
        let start = |user| starts.start(rp, Some(UserRef::Name(user)));
        assert_eq!((start("a"), start("a")), (Ok(()), Ok(())));
        for _ in 0..10 {
            assert_eq!(start("a"), Err(Reason::TooManyCeremonies));
        }
        assert_eq!((start("b"), starts.start(rp, None)), (Ok(()), Ok(())));
        assert_eq!(start("c"), Err(Reason::RateLimited));
        let other = RelyingPartyId([4; 16]);
        assert_eq!(starts.start(other, Some(UserRef::Name("a"))), Ok(()));
    }
}
