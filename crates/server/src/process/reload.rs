//! What SIGHUP reads again, and the count of lost log lines.

use std::sync::Arc;
use std::time::Duration;

use domain::Passkeys;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use crate::config::{ConfigError, Settings};
use crate::metadata::Sources;
use crate::metrics::Metrics;
use crate::telemetry::Logging;

/// Time between two looks at the count of lost log lines.
const LOOK: Duration = Duration::from_secs(5);

/// Reads the settings again at each notification, and uses those that can change while the process runs. Faulty settings change nothing.
pub(super) async fn reload(
    hangups: Arc<Notify>,
    again: Box<dyn Fn() -> Result<Settings, ConfigError> + Send + Sync>,
    logging: Logging,
    passkeys: Arc<Passkeys>,
    metrics: Arc<Metrics>,
) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lost = 0;
    loop {
        tokio::select! {
            () = hangups.notified() => once(&*again, &logging, &passkeys).await,
            _ = looks.tick() => {
                let dropped = logging.dropped();
                if dropped > lost {
                    metrics.log_dropped(dropped - lost);
                    tracing::warn!(
                        lines = dropped - lost,
                        "log lines were dropped: nobody reads standard error, or not fast enough"
                    );
                    lost = dropped;
                }
            }
        }
    }
}

async fn once(
    again: &(dyn Fn() -> Result<Settings, ConfigError> + Send + Sync),
    logging: &Logging,
    passkeys: &Arc<Passkeys>,
) {
    let read = || {
        let settings = again()?;
        let sources = Sources::load(&settings.metadata)?;
        Ok::<_, ConfigError>((settings, sources))
    };
    let (settings, sources) = match read() {
        Ok(read) => read,
        Err(error) => {
            tracing::error!(signal = "SIGHUP", %error, "the settings are faulty; nothing was changed");
            return;
        }
    };
    logging.set_level(settings.log.level);
    let metadata = crate::metadata::replace_trust(passkeys, sources).await;
    match metadata {
        Ok(()) => tracing::info!(
            signal = "SIGHUP",
            "read again: log level, trusted signers of the metadata, names of providers; other settings need a restart"
        ),
        Err(refusal) => tracing::error!(
            signal = "SIGHUP",
            reason = refusal.reason.name(),
            error = refusal.message,
            "the metadata in the store cannot be used with the settings that were read again"
        ),
    }
}
