//! Recorded ceremonies: reading one as a case, and judging it by the core. `passkeyd verify` and the console show the verdict.

mod case;
mod explained;
mod exported;
mod judge;
mod parts;

pub(crate) use case::{Case, Kind, Unreadable};
pub(crate) use explained::Explained;
pub(crate) use exported::exported;
pub(crate) use judge::{Facts, Refusal, judge};
