//! Data that leaves a store as a whole, and data that comes in from a file.

mod imports;
mod own;
mod passkeys;
mod reads;

pub use imports::{FirstSignIns, Undone};
pub use own::{OwnCredential, OwnUser};
pub use passkeys::{Outcome, Passkey, Target};
pub use reads::{History, WithEvidence};
