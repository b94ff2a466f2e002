//! Which store a command without a server works on.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Flags, Settings};
use crate::process::ProcessError;

/// Where the settings and the store are.
#[derive(Debug, Args)]
pub(super) struct WhichStore {
    /// TOML file with settings.
    #[arg(long, value_name = "FILE", env = "PASSKEYD_CONFIG")]
    config: Option<PathBuf>,
    /// Directory of the embedded store [default: ./passkeyd-data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The store [default: sqlite:<data-dir>/passkeyd.db].
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl WhichStore {
    /// The settings for the store.
    ///
    /// # Errors
    /// They cannot be read or are wrong.
    pub(super) fn settings(self) -> Result<Settings, ProcessError> {
        let flags = Flags {
            data_dir: self.data_dir,
            store: self.store,
            ..Flags::default()
        };
        Ok(Settings::load(self.config.as_deref(), &flags)?)
    }
}
