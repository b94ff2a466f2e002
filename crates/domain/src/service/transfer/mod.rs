//! Data that leaves a store as a whole, and data that comes in from a file.

pub(crate) mod copy;
mod imports;
mod judge;
mod notes;
mod own;
mod own_file;
mod passkeys;
mod reads;

pub use copy::{CopyError, copy_store, secrets_of};
pub use imports::{FirstSignIns, Undone};
pub use own_file::{OwnCredential, OwnFile, OwnJudged, OwnUser};
pub use passkeys::{Outcome, Passkey, Target};
pub use reads::{History, WithEvidence};
