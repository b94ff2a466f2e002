//! What SIGHUP reads again, a certificate that has changed, and the count of lost log lines.

use std::sync::Arc;
use std::time::Duration;

use domain::Passkeys;
use domain::webauthn::UnixSeconds;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use crate::config::{ConfigError, Settings};
use crate::metadata::Sources;
use crate::metrics::Metrics;
use crate::telemetry::Logging;
use crate::transport::Tls;

/// Time between two looks at the files of the certificate and at the count of lost log lines.
const LOOK: Duration = Duration::from_secs(5);

/// Reads the settings again at each notification, and uses those that can change while the process runs. Faulty settings change nothing.
pub(super) async fn reload(
    hangups: Arc<Notify>,
    again: Box<dyn Fn() -> Result<Settings, ConfigError> + Send + Sync>,
    logging: Logging,
    passkeys: Arc<Passkeys>,
    tls: Option<Tls>,
    metrics: Arc<Metrics>,
) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lost = 0;
    loop {
        tokio::select! {
            () = hangups.notified() => once(&*again, &logging, &passkeys, tls.as_ref()).await,
            _ = looks.tick() => {
                if let Some(replaced) = tls.as_ref().and_then(Tls::look) {
                    say(replaced);
                }
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

/// Says what became of the certificate.
fn say(replaced: Result<Option<i64>, ConfigError>) {
    match replaced {
        Ok(ends) => tracing::info!(
            not_after = ends.map(|ends| tracing::field::display(UnixSeconds(ends))),
            "the certificate was read again; new connections get it"
        ),
        Err(error) => tracing::error!(
            %error,
            "the certificate cannot be used; new connections get the one that was read before"
        ),
    }
}

async fn once(
    again: &(dyn Fn() -> Result<Settings, ConfigError> + Send + Sync),
    logging: &Logging,
    passkeys: &Arc<Passkeys>,
    tls: Option<&Tls>,
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
    if let Some(tls) = tls {
        say(tls.replace(&settings.tls));
    }
    let metadata = crate::metadata::replace_trust(passkeys, sources).await;
    match metadata {
        Ok(()) => tracing::info!(
            signal = "SIGHUP",
            "read again: log level, certificate, trusted signers of the metadata, names of providers; other settings need a restart"
        ),
        Err(refusal) => tracing::error!(
            signal = "SIGHUP",
            reason = refusal.reason.name(),
            error = refusal.message,
            "the metadata in the store cannot be used with the settings that were read again"
        ),
    }
}
