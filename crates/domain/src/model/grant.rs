//! What a key may be used for, and until when.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::clock::Timestamp;
use crate::model::ids::{AccessKeyId, ApiKeyId, RelyingPartyId};

/// One thing that a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Scope {
    /// Read records: settings, users, credentials, ceremonies, events.
    Read = 1,
    /// Create users, and register and name their credentials.
    Enrol = 2,
    /// Run authentications.
    Approve = 4,
    /// Change settings, webhooks and keys, and delete records.
    Manage = 8,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Enrol, Self::Approve, Self::Manage];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Enrol => "enrol",
            Self::Approve => "approve",
            Self::Manage => "manage",
        }
    }

    /// The scope of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// A set of scopes. It is stored as a list of their names, and the set of all as `api`: so says the record of every key that was made
/// before there were scopes, and a passkeyd of that time accepts no other.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

/// The name of [`Scopes::ALL`] in a store.
const EVERYTHING: &str = "api";

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);
    /// Every scope.
    pub const ALL: Self = Self::of(&Scope::ALL);

    /// The set of these scopes.
    pub const fn of(scopes: &[Scope]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < scopes.len() {
            bits |= scopes[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Whether it has this scope.
    pub const fn has(self, scope: Scope) -> bool {
        self.meets(Self(scope as u8))
    }

    /// Whether it has one of those scopes.
    pub const fn meets(self, those: Self) -> bool {
        self.0 & those.0 != 0
    }

    /// Whether it has no scope that the other has not.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Its scopes.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(Scope::name)
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::ALL {
            return serializer.collect_seq([EVERYTHING]);
        }
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    /// A name that is not known here allows nothing here.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names: Vec<String> = Vec::deserialize(deserializer)?;
        let mut bits = 0;
        for name in names {
            bits |= match (name.as_str(), Scope::from_name(&name)) {
                (EVERYTHING, _) => Self::ALL.0,
                (_, Some(scope)) => scope as u8,
                (_, None) => 0,
            };
        }
        Ok(Self(bits))
    }
}

/// What a key may be used for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// What for.
    pub scopes: Scopes,
    /// The time from which the key is not valid; `None` for a key that is valid until it is revoked.
    pub expires: Option<Timestamp>,
}

impl Grant {
    /// Everything, for ever: what an account's own token may do, and every API key that was made before there were scopes.
    pub const EVERYTHING: Self = Self {
        scopes: Scopes::ALL,
        expires: None,
    };

    /// Whether it allows anything at this moment.
    pub fn opens(&self, now: Timestamp) -> bool {
        self.scopes != Scopes::NONE && self.expires.is_none_or(|expires| now < expires)
    }

    /// Whether it allows no more than the other, and no longer.
    pub fn is_within(&self, other: &Self) -> bool {
        let no_longer = match (self.expires, other.expires) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(others)) => own <= others,
        };
        no_longer && self.scopes.is_within(other.scopes)
    }
}

/// A key whose use is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsedKey {
    /// An API key.
    Api(ApiKeyId),
    /// An access key.
    Access(RelyingPartyId, AccessKeyId),
}

/// When a key was used last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: UsedKey,
    /// The moment.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(scopes: Scopes) -> String {
        serde_json::to_string(&scopes).unwrap()
    }

    #[test]
    fn all_scopes_are_stored_as_before_there_were_scopes() {
        assert_eq!(stored(Scopes::ALL), r#"["api"]"#);
        let some = Scopes::of(&[Scope::Approve, Scope::Read]);
        assert_eq!(stored(some), r#"["read","approve"]"#);
        for scopes in (0..16).map(Scopes) {
            assert_eq!(
                serde_json::from_str::<Scopes>(&stored(scopes)).unwrap(),
                scopes
            );
        }
    }

    #[test]
    fn a_scope_of_a_later_version_allows_nothing() {
        let read = |text| serde_json::from_str::<Scopes>(text).unwrap();
        assert_eq!(read(r#"["later"]"#), Scopes::NONE);
        assert_eq!(read(r#"["later","read"]"#), Scopes::of(&[Scope::Read]));
    }

    #[test]
    fn a_grant_is_within_one_that_allows_as_much_for_as_long() {
        let grant = |scopes: &[Scope], expires: Option<i64>| Grant {
            scopes: Scopes::of(scopes),
            expires: expires.map(Timestamp),
        };
        let narrow = grant(&[Scope::Read], Some(5));
        for (other, within) in [
            (Grant::EVERYTHING, true),
            (narrow, true),
            (grant(&[Scope::Read, Scope::Enrol], Some(6)), true),
            (grant(&[Scope::Enrol], None), false),
            (grant(&[Scope::Read], Some(4)), false),
        ] {
            assert_eq!(narrow.is_within(&other), within, "{other:?}");
        }
        assert!(!grant(&[Scope::Read], None).is_within(&narrow));
    }

    #[test]
    fn a_grant_opens_until_it_expires() {
        let grant = Grant {
            scopes: Scopes::of(&[Scope::Read]),
            expires: Some(Timestamp(5)),
        };
        assert!(grant.opens(Timestamp(4)));
        assert!(!grant.opens(Timestamp(5)));
        let nothing = Grant {
            scopes: Scopes::NONE,
            expires: None,
        };
        assert!(!nothing.opens(Timestamp(0)));
    }
}
