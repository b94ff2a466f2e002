//! What a new key may do, in the words of the caller who creates it: the same in the management API, on the command line, in a file of
//! `passkeyd apply` and in the console.

use domain::model::clock::Timestamp;
use domain::model::grant::{Grant, Scope, Scopes};

use crate::moment::Moment;

/// Why a key is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// `scopes` is empty, or has what is no scope.
    #[error("scopes is a list of one or more of: read, enrol, approve, manage")]
    Scopes,
    /// `expires_at` is no moment.
    #[error("expires_at is a moment as in RFC 3339, for example 2027-01-31T12:00:00Z")]
    Expires,
    /// `expires_at` is not in the future.
    #[error("expires_at is in the past")]
    Past,
    /// The caller's own key has less.
    #[error("a key makes no key that may do more than itself, or is valid for longer")]
    Beyond,
}

impl GrantError {
    /// The member that is wrong; none of them alone where the caller has less.
    pub fn member(self) -> Option<&'static str> {
        match self {
            Self::Scopes => Some("scopes"),
            Self::Expires | Self::Past => Some("expires_at"),
            Self::Beyond => None,
        }
    }
}

/// What a new key may do. What is not asked for is as with the caller.
///
/// # Errors
/// [`GrantError`].
pub fn asked_for(
    scopes: Option<&[String]>,
    expires_at: Option<&str>,
    caller: &Grant,
    now: Timestamp,
) -> Result<Grant, GrantError> {
    let scopes = match scopes {
        None => caller.scopes,
        Some(names) => {
            let known: Option<Vec<Scope>> = names.iter().map(|n| Scope::from_name(n)).collect();
            let known = known.filter(|known| !known.is_empty());
            Scopes::of(&known.ok_or(GrantError::Scopes)?)
        }
    };
    let expires = match expires_at {
        None => caller.expires,
        Some(text) => {
            let moment = Moment::try_from(text.to_owned()).map_err(|_| GrantError::Expires)?;
            let seconds: i64 = moment.0.0;
            let expires = Timestamp(seconds.saturating_mul(1000));
            if expires <= now {
                return Err(GrantError::Past);
            }
            Some(expires)
        }
    };
    let grant = Grant { scopes, expires };
    if grant.is_within(caller) {
        Ok(grant)
    } else {
        Err(GrantError::Beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn ask(scopes: Option<&[&str]>, expires_at: Option<&str>) -> Result<Grant, GrantError> {
        let scopes: Option<Vec<String>> =
            scopes.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        asked_for(scopes.as_deref(), expires_at, &Grant::EVERYTHING, NOW)
    }

    #[test]
    fn a_key_that_asks_for_nothing_may_do_what_its_maker_may() {
        assert_eq!(ask(None, None), Ok(Grant::EVERYTHING));
        let own = Grant {
            scopes: Scopes::of(&[Scope::Manage]),
            expires: Some(Timestamp(2_000_000)),
        };
        assert_eq!(asked_for(None, None, &own, NOW), Ok(own));
    }

    #[test]
    fn what_is_asked_for_is_granted_or_explained() {
        let granted = ask(Some(&["approve", "read"]), Some("1970-01-01T01:00:00Z")).unwrap();
        assert_eq!(granted.scopes, Scopes::of(&[Scope::Read, Scope::Approve]));
        assert_eq!(granted.expires, Some(Timestamp(3_600_000)));
        for wrong in [&[][..], &["api"], &["Read"], &["read", "write"]] {
            assert_eq!(ask(Some(wrong), None), Err(GrantError::Scopes), "{wrong:?}");
        }
        assert_eq!(ask(None, Some("tomorrow")), Err(GrantError::Expires));
        assert_eq!(
            ask(None, Some("1970-01-01T00:16:40Z")),
            Err(GrantError::Past)
        );
    }

    #[test]
    fn a_key_grants_no_more_than_it_has() {
        let own = Grant {
            scopes: Scopes::of(&[Scope::Manage]),
            expires: Some(Timestamp(3_600_000)),
        };
        let read = ["read".to_owned()];
        let beyond = Err(GrantError::Beyond);
        assert_eq!(asked_for(Some(&read), None, &own, NOW), beyond);
        let later = Some("1970-01-01T01:00:01Z");
        assert_eq!(asked_for(None, later, &own, NOW), beyond);
    }
}
