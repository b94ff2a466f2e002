//! What the key of a caller needs for a route.

use domain::Reason;
use domain::model::grant::{Scope, Scopes};
use domain::model::refusal::Refusal;

/// What the key of a caller needs for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The route asks for no key.
    NoKey,
    /// One of these scopes.
    OneOf(Scopes),
}

impl Needs {
    /// A key for whatever it is.
    pub const ANY_KEY: Self = Self::OneOf(Scopes::ALL);

    /// Refuses a key that has none of the scopes.
    ///
    /// # Errors
    /// `scope_missing`.
    pub fn check(self, scopes: Scopes) -> Result<(), Refusal> {
        match self {
            Self::NoKey => Ok(()),
            Self::OneOf(needed) if needed.meets(scopes) => Ok(()),
            Self::OneOf(needed) => {
                let names: Vec<_> = needed.names().collect();
                let message = format!("the key needs the scope {}", names.join(" or "));
                Err(Refusal::new(Reason::ScopeMissing, message))
            }
        }
    }
}

impl From<Scope> for Needs {
    fn from(scope: Scope) -> Self {
        Self::OneOf(Scopes::of(&[scope]))
    }
}
