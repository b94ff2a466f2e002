//! Log lines for what is odd about the RP ID and the origins of a Relying Party.

use domain::model::relying_party::RelyingParty;

/// Logs the warnings about RP ID and origins that were just configured. The log says how many origins are concerned and not
/// which: nothing that a client sent is logged. `GET /manage/v1/services/{VA}/relying-party` shows them.
pub fn warn(rp: &RelyingParty) {
    for warning in rp.selection.judge_reach().into_iter().flatten() {
        tracing::warn!(
            relying_party = %rp.id,
            warning = warning.kind.name(),
            origins = warning.origins.len(),
            "some origins cannot use the RP ID"
        );
    }
}
