//! What is left of a deletion until the sweep has removed it.

use std::collections::VecDeque;

use domain::model::clock::Timestamp;
use domain::model::ids::{CeremonyId, TokenId, UserId};
use webauthn::credential::CredentialId;

/// Who was deleted. Of deletions of the same moment those of users come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deleted {
    User(UserId),
    Whole,
}

/// Rows of one deletion, in the order in which the sweep removes them.
#[derive(Debug, Default)]
pub(super) struct Remains {
    pub(super) ceremonies: VecDeque<(Timestamp, CeremonyId)>,
    pub(super) credentials: VecDeque<CredentialId>,
    pub(super) others: usize,
    pub(super) used_tokens: VecDeque<(Timestamp, TokenId)>,
}
