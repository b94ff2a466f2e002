//! What the domain needs of a store. Each operation is one unit of work that the store does
//! atomically in its best way; absence and conflict are values, only faults are errors. A store
//! reports facts and decides nothing. Time is always passed in.
//!
//! # Adding a store
//!
//! A store implements the trait of each subject, and passes the conformance suite of the crate `storage`. `storage::Memory` is the
//! reference: it says what each operation means in the fewest words.
//!
//! The suite is the module `storage::conformance`, behind the cargo feature `conformance`. The crate of the store names it among
//! its dev-dependencies:
//!
//! ```toml
//! storage = { package = "passkeyd-storage", path = "../storage", features = ["conformance"] }
//! ```
//!
//! A test implements `storage::conformance::StoreUnderTest`, which opens the store and opens it again. This makes a test of every
//! case:
//!
//! ```text
//! mod conformance {
//!     storage::conformance_tests!(crate::new_store_under_test);
//! }
//! ```
//!
//! `crates/storage/tests/memory.rs` is a whole example. Two more tests belong to a store: `storage::conformance::Faulty` runs the same
//! cases while operations fail and are sent again, and `storage::conformance::model::run` compares the store with `storage::Memory` on
//! random operations.
//!
//! `storage/src/url.rs` opens a store by its address. A type that stands before another store uses the list of all operations in
//! `storage/src/forward.rs`: a new operation needs a line there.
//!
//! **Atomicity.** Everything that one call writes is there together, or not at all, its events included. No caller sees a part
//! of it. A call decides what to write by what it has read. A store with several writers must check in the write that this has
//! not changed.
//!
//! **Lists.** A list is ordered by `(created, key)`, byte by byte, in the direction that the [page](crate::model::page) asks for.
//! A page begins after a position and has at most `limit` rows. The position need not be that of a row: the row may have been
//! deleted. The store sets no limit of its own: the wires ask for 1,000 rows at most. These reads return more than one row, but
//! no page:
//!
//! | read | order | most rows |
//! |---|---|---|
//! | [`Users::user_with_credentials`] | credentials oldest first | what the policy lets a user have |
//! | [`RelyingParties::relying_parties_with_rp_id`] | keys | `limit` |
//! | [`Imports::list_imported`] | [places](crate::model::import::Imported::place) | `limit` |
//! | [`Tokens::list_token_keys`] | Relying Party, name of the kind | `limit` |
//! | [`Events::find_events`] | by `(at, id)`, newest first | `limit`, of at most [`EventFilter::most`] that are looked at |
//!
//! **Cost.** No operation reads or writes more because the installation is larger. Only the sweep removes rows in number, at most
//! a fixed number in one transaction (500 in the embedded store).
//!
//! **Repeats.** A call whose outcome is [unknown](Fault::Unknown) may have happened, and is sent again. What the second call does:
//!
//! | write | the second call |
//! |---|---|
//! | [`finish_registration`](Ceremonies::finish_registration), [`finish_authentication`](Ceremonies::finish_authentication), [`refuse_ceremony`](Ceremonies::refuse_ceremony), [`claim_once`](Tokens::claim_once), [`reserve_answer`](Answers::reserve_answer), [`keep_answer`](Answers::keep_answer) | has the outcome of the first, by its attempt, and writes nothing twice |
//! | [`begin_registration`](Ceremonies::begin_registration), [`begin_authentication`](Ceremonies::begin_authentication), and everything that is called `create` | has the outcome of the first, by the key of what it creates, and writes nothing twice |
//! | [`update_relying_party`](RelyingParties::update_relying_party) | has the outcome of the first, by the key of its event |
//! | [`import_relying_party`](Imports::import_relying_party), [`import_user`](Imports::import_user), [`import_credential`](Imports::import_credential) | finds what the first has written, and writes nothing |
//! | [`record_event`](Events::record_event), [`import_event`](Imports::import_event), [`import_access_key`](Imports::import_access_key), [`create_import`](Imports::create_import), [`note_imported`](Imports::note_imported) | has the outcome of the first, and writes nothing twice |
//! | [`forget_import`](Imports::forget_import) | removes what is left |
//! | [`replace_metadata`](MetadataBlobs::replace_metadata) | has the outcome of the first, when the stored BLOB is the same |
//! | [`lease`](Upkeep::lease), [`shared_secret`](Upkeep::shared_secret), [`keep_store_key`](Upkeep::keep_store_key), [`replace_store_key`](Upkeep::replace_store_key), [`replace_token_key`](Tokens::replace_token_key), [`latest_time`](Upkeep::latest_time), [`keep_token_key`](Tokens::keep_token_key), [`update_webhook`](Webhooks::update_webhook), [`replace_account_token`](Accounts::replace_account_token), the renamings | has the outcome of the first and leaves the same |
//! | [`replace_delivery`](Deliveries::replace_delivery) | finds its own change |
//! | [`erase_deliveries`](Deliveries::erase_deliveries) | erases what is left |
//! | [`claim_deliveries`](Deliveries::claim_deliveries) | gets other deliveries; those of the first are due again when its lease ends |
//! | the deletions, [`remove_metadata`](MetadataBlobs::remove_metadata), [`release_answer`](Answers::release_answer) | finds nothing and says `false`; after an unknown outcome that means it is done |
//! | [`replace_console_record`](Console::replace_console_record), [`see_session`](Console::see_session), [`accept_invite`](Console::accept_invite), [`keep_console_party`](Console::keep_console_party) | has the outcome of the first and leaves the same |
//! | [`sweep`](Upkeep::sweep), [`sweep_console`](Console::sweep_console), [`sweep_deliveries`](Deliveries::sweep_deliveries) | removes what is left, so it is not sent again |
//!
//! # Deletions
//!
//! *Nothing comes back after an acknowledged deletion.* The row of a Relying Party is the proof that it is there, and so is the
//! row of a user. A deletion removes that one row and leaves a mark; both are one write of a constant size. What the owner had may
//! lie in its tables until the sweep has removed it, but each operation on it has the condition that the rows of its owners are
//! there. Keys of owners are random and are never given to another one, so an owner that is gone stays gone, even when the mark is
//! gone too. This needs no foreign keys.
//!
//! With several writers, a write that was under way when the deletion was committed may still come after it. There are two
//! kinds. A registration first writes the row of its user (its `version`), as the deletion does, so that the database orders
//! the two: the registration finds that the row is gone, or the deletion waits and its sweep finds the credential. Every other write
//! adds a row which no read will find. Such a store keeps a mark for longer than any request may take, and sweeps it a last time
//! then.
//!
//! A sign-in writes the row of its credential under the condition that the user is there. It is refused when it begins after the
//! deletion was acknowledged; of two that overlap either may come first.
//!
//! *A user has at most N credentials.* The registrations of one user meet on the row of the user in the same way. The second one
//! waits for the first, and counts its credential. No sign-in writes that row, and no counter is kept that could be wrong.
//!
//! The id of a credential that only the sweep has yet to remove is free: a registration with the same id takes its place.
//!
//! # Pending ceremonies
//!
//! A ceremony carries its [policy](crate::model::ceremony_policy::RegistrationPolicy), which never changes and which many ceremonies share. A
//! store may keep each policy once and let its ceremonies refer to it. It must then keep the policy for as long as one of them.
//!
//! An authentication that waits may be lost when its process dies, but not when it stops, unless its start says
//! [`Survival::Crash`]: nobody has accepted its response yet. What
//! has ended must survive, and with it the fact that it has ended.
//!
//! A start is one write at most. Which pending ceremonies make room for it is said by the caller, by key. Correctness never depends on the
//! sweep: each take compares the moment of expiry.

mod access_keys;
mod accounts;
mod answers;
mod ceremonies;
mod console;
mod credentials;
mod deliveries;
mod events;
mod fault;
mod imports;
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
    AuthenticationFilter, Begin, BeginRegistration, Ceremonies, CounterRule, FinishAuthentication,
    FinishRegistration, FinishedAuthentication, FinishedRegistration, LoadedAuthentication,
    RefuseCeremony, Refused, Survival,
};
pub use console::Console;
pub use credentials::{CountedModels, Credentials};
pub use deliveries::{ClaimDeliveries, Deliveries};
pub use events::{About, EventFilter, Events, FoundEvents, MAX_SEARCHED, Wanted, place_of};
pub use fault::Fault;
pub use imports::{
    ImportCredential, ImportUser, ImportedCredential, ImportedParty, ImportedUser, Imports,
};
pub use metadata::{MetadataBlobs, ReplaceMetadata};
pub use parties::{RelyingParties, Update};
pub use tokens::Tokens;
pub use upkeep::{Responds, Swept, Upkeep};
pub use users::{CreateUser, Users};
pub use webhooks::Webhooks;

/// The store behind the domain.
///
/// The section *Repeats* above says what a call does that is sent again.
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
    + Deliveries
    + AccessKeys
    + Tokens
    + MetadataBlobs
    + Events
    + Answers
    + Imports
    + Console
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
        + Deliveries
        + AccessKeys
        + Tokens
        + MetadataBlobs
        + Events
        + Answers
        + Imports
        + Console
        + Upkeep
        + 'static
{
}
