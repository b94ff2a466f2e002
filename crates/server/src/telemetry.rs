//! Logs: one event per line on standard error, as JSON or text. Of what a client sent, only values that are neither secrets nor names of users are
//! logged.
//!
//! A thread of its own writes the lines. When nobody reads standard error, lines are dropped and counted; the process goes on.

pub mod json;
mod lines;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use crate::config::{Log, LogFormat, LogLevel};
use crate::error::ProcessError;
use lines::{Dropped, Rest};

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// The log of the process. What waits is written when this is dropped.
pub struct Logging {
    _rest: Rest,
    dropped: Dropped,
    level: reload::Handle<Targets, Registry>,
}

impl std::fmt::Debug for Logging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logging").finish_non_exhaustive()
    }
}

impl Logging {
    /// Changes the level from now on.
    pub fn set_level(&self, level: LogLevel) {
        if let Err(error) = self.level.reload(targets(level)) {
            tracing::error!(%error, "the level of the log cannot be changed");
        }
    }

    /// Lines that were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.lines()
    }
}

fn targets(level: LogLevel) -> Targets {
    // At lower levels libraries log the bytes of requests, so these levels are never enabled for them.
    let level = LevelFilter::from(level);
    Targets::new()
        .with_default(LevelFilter::WARN.min(level))
        .with_targets(["server", "passkeyd", "domain", "storage", "webauthn"].map(|t| (t, level)))
}

/// Starts logging for the whole process. The place of every panic is logged.
///
/// A second call has no effect.
///
/// # Errors
/// The system gives no thread.
pub fn init(log: &Log) -> Result<Logging, ProcessError> {
    let started = lines::start(std::io::stderr());
    let (writer, rest, dropped) = started.map_err(|source| ProcessError::System {
        what: "cannot start the thread that writes the log",
        source,
    })?;
    let (filter, level) = reload::Layer::new(targets(log.level));
    let registry = tracing_subscriber::registry();
    let started = match log.format {
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .event_format(json::JsonLine)
                    .with_writer(writer)
                    .with_filter(filter),
            )
            .try_init(),
        LogFormat::Text => registry
            .with(
                fmt::layer()
                    .with_target(false)
                    .with_ansi(false)
                    .with_writer(writer)
                    .with_filter(filter),
            )
            .try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            // Only the place: the message may contain what a client sent.
            let place = panic
                .location()
                .map(ToString::to_string)
                .unwrap_or_default();
            tracing::error!(place, "panic");
        }));
    }
    Ok(Logging {
        _rest: rest,
        dropped,
        level,
    })
}
