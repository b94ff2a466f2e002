//! In a binary without the feature: nothing is sent.

use std::sync::Arc;

use domain::store::Storage;

use crate::config;
use crate::error::ProcessError;
use crate::http::Traces;

/// Sends nothing.
#[derive(Debug)]
pub struct Exporting;

/// Records nothing. Settings of traces were refused before.
///
/// # Errors
/// None.
pub fn start(_: &config::Traces) -> Result<(Traces, Exporting), ProcessError> {
    Ok((Traces::default(), Exporting))
}

/// The same store.
pub fn timed(store: Arc<dyn Storage>, _: &Traces) -> Arc<dyn Storage> {
    store
}

impl Exporting {
    /// There is nothing to wait for.
    #[expect(
        clippy::unused_async,
        reason = "with the feature it waits for the collector"
    )]
    pub async fn end(self) {}
}
