//! Copies of a store: made while a server uses it, verified before anybody relies on them, and put in its place.
//!
//! A copy is written beside its target and takes its name at the end, so a file with that name is always whole.

mod backup;
mod carry;
mod compact;
mod copy;
mod report;
mod restore;

pub use self::backup::{backup, partial_of};
pub use self::compact::{Compacted, compact, compacted_of};
pub use self::copy::CopyError;
#[cfg(test)]
pub(super) use self::copy::{Snapshot, reader, verify_copy};
pub use self::report::{Counts, Difference, Lost, Record, RecordKind};
pub use self::restore::{How, Restored, restore};
