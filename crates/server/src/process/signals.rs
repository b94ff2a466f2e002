//! SIGTERM, SIGINT and SIGHUP.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

use crate::error::ProcessError;
use crate::http::Lifecycle;

/// The effect of SIGHUP.
#[derive(Clone, Debug)]
pub enum Hangup {
    /// The settings are read again: a closed terminal, a log rotator or `systemctl reload` must not stop sign-ins.
    Reloads(Arc<Notify>),
    /// It ends the process, as SIGTERM does: the terminal of the demo is closed.
    Stops,
}

/// The signals that end a process.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    /// The name and the number of the next one.
    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 15),
            _ = self.interrupt.recv() => ("SIGINT", 2),
        }
    }
}

/// Handles SIGTERM, SIGINT and SIGHUP. The value becomes `true` when the process should end. A second SIGTERM or SIGINT ends it at once, with the
/// exit code of a process that the signal killed.
///
/// Call this before the process reports that it runs: a signal without a handler kills it.
///
/// # Errors
/// The operating system refuses the handlers.
pub fn catch_signals(
    lifecycle: &Arc<Lifecycle>,
    hangup: Hangup,
) -> Result<watch::Receiver<bool>, ProcessError> {
    let catch = |kind| {
        signal(kind).map_err(|source| ProcessError::System {
            what: "cannot wait for signals",
            source,
        })
    };
    let mut ends = Ends {
        terminate: catch(SignalKind::terminate())?,
        interrupt: catch(SignalKind::interrupt())?,
    };
    let mut hung_up = catch(SignalKind::hangup())?;
    let (stop, stopping) = watch::channel(false);
    let lifecycle = Arc::clone(lifecycle);
    tokio::spawn(async move {
        let name = loop {
            tokio::select! {
                (name, _) = ends.next() => break name,
                _ = hung_up.recv() => match &hangup {
                    Hangup::Stops => break "SIGHUP",
                    // One that comes while another is being worked on is kept.
                    Hangup::Reloads(reload) => reload.notify_one(),
                },
            }
        };
        tracing::info!(signal = name, "stopping");
        lifecycle.drain();
        stop.send_replace(true);
        // The sender lives as long as a receiver may check whether the process stops.
        tokio::select! {
            () = stop.closed() => {}
            (name, number) = ends.next() => {
                tracing::warn!(signal = name, "stopping at once: it is the second signal");
                // What was acknowledged is on disk. The line above has a moment to be written.
                tokio::time::sleep(MOMENT).await;
                std::process::exit(128 + number);
            }
        }
    });
    Ok(stopping)
}

/// Time for the last log line.
const MOMENT: std::time::Duration = std::time::Duration::from_millis(50);
