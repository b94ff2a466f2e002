//! Where the process is in its life.

use tokio::sync::watch;

/// Where the process is in its life.
#[derive(Debug, Default)]
pub struct Lifecycle {
    draining: watch::Sender<bool>,
}

impl Lifecycle {
    /// From now on the process only finishes what it has begun.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Ends when the process begins to end.
    pub async fn drained(&self) {
        // The sender lives as long as this waits, so nothing else can end it.
        let _ = self.draining.subscribe().wait_for(|drain| *drain).await;
    }

    /// Whether the process has begun to end.
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }
}
