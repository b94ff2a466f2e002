//! What the domain needs of a store. Each operation is one unit of work that the store does
//! atomically in its best way; absence and conflict are values, only faults are errors. A store
//! reports facts and decides nothing. Time is always passed in.

mod access_keys;
mod accounts;
mod answers;
mod ceremonies;
mod credentials;
mod events;
mod fault;
mod metadata;
mod parties;
pub mod take;
mod tokens;
mod upkeep;
mod users;
mod webhooks;

pub use access_keys::AccessKeys;
pub use accounts::{Accounts, FirstAccount, StoredSecret};
pub use answers::{Answers, Reservation, Reserved};
pub use ceremonies::{
    Begin, BeginRegistration, Ceremonies, CeremonyFilter, CounterRule, FinishAuthentication,
    FinishRegistration, FinishedAuthentication, FinishedRegistration, LoadedAuthentication,
    RefuseCeremony, Refused,
};
pub use credentials::Credentials;
pub use events::{EventFilter, Events, FoundEvents, MAX_SEARCHED, Wanted};
pub use fault::Fault;
pub use metadata::{MetadataBlobs, ReplaceMetadata};
pub use parties::{RelyingParties, Update};
pub use tokens::Tokens;
pub use upkeep::{Swept, Upkeep};
pub use users::{CreateUser, Users};
pub use webhooks::Webhooks;

/// The store behind the domain.
///
/// Idempotence: an operation with an [`AttemptId`] that took a ceremony answers the same when it is
/// sent again with the same attempt, and writes nothing twice.
///
/// Durability: when a call returns, what it wrote survives the death of the process; and, but for
/// [`Ceremonies::begin_authentication`], the loss of power.
pub trait Storage:
    Accounts
    + RelyingParties
    + Users
    + Ceremonies
    + Credentials
    + Webhooks
    + AccessKeys
    + Tokens
    + MetadataBlobs
    + Events
    + Answers
    + Upkeep
    + 'static
{
}

impl<S> Storage for S where
    S: Accounts
        + RelyingParties
        + Users
        + Ceremonies
        + Credentials
        + Webhooks
        + AccessKeys
        + Tokens
        + MetadataBlobs
        + Events
        + Answers
        + Upkeep
        + 'static
{
}
