//! Pages of other origins send results to the binding: those of the Relying Party's origins may read the responses.
//!
//! The calls that start a ceremony need a secret, which no page holds, so they have none of this.

use axum::http::HeaderValue;
use domain::service::prepared::Prepared;

use super::state::State;
use crate::http::cors::{Pages, is_own};

impl Pages for State {
    const HEADERS: &'static str = "";

    async fn may_read(&self, origin: &HeaderValue, _: Option<&Prepared>) -> bool {
        // When the store does not answer, the page may not read either.
        let rp = self.passkeys.relying_party_itself(self.relying_party).await;
        rp.is_ok_and(|rp| is_own(&rp, origin))
    }
}
