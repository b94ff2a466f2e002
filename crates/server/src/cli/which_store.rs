//! The store that a command without a server uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use domain::Passkeys;
use domain::model::policy::Policy;
use storage::{OpenError, StoreError, StoreUrl};

use crate::config::{self, Flags, Settings};
use crate::metadata::Sources;
use crate::process::{self, ProcessError};

/// Where the settings and the store are.
#[derive(Clone, Debug, Args)]
pub(super) struct WhichStore {
    /// TOML file with settings.
    #[arg(long, value_name = "FILE", env = config::CONFIG)]
    config: Option<PathBuf>,
    /// Directory of the embedded store [default: ./passkeyd-data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The store: `sqlite:<path>` or `postgres://...` [default: sqlite:<data-dir>/passkeyd.db].
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl WhichStore {
    /// The file of the settings.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

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

/// The file of the embedded store that the settings name. `elsewhere` says what to do with a PostgreSQL store.
///
/// # Errors
/// It is no embedded store.
pub(super) fn file_of(settings: &Settings, elsewhere: &str) -> Result<PathBuf, ProcessError> {
    let location = settings.store_location()?;
    location.file().map(Path::to_owned).ok_or_else(|| {
        ProcessError::Command(format!(
            "this command is for the embedded store; {elsewhere}"
        ))
    })
}

/// Opens the store that the settings name. `in_use` says what to do if a running server has it open.
///
/// # Errors
/// There is no store (opening it would create an empty one), or it cannot be opened.
pub(super) async fn open_existing(
    settings: &Settings,
    in_use: impl FnOnce(&Path, &OpenError) -> String,
) -> Result<Arc<Passkeys>, ProcessError> {
    exists(settings)?;
    open(settings, in_use).await
}

/// A store that was to be opened.
pub(super) enum Opened {
    /// It is open.
    Store(Arc<Passkeys>),
    /// Another process has this file open.
    InUse(PathBuf),
}

/// As [`open_existing`], for a command that a running server can execute as well.
///
/// # Errors
/// There is no store, or it cannot be opened.
pub(super) async fn open_or_in_use(settings: &Settings) -> Result<Opened, ProcessError> {
    exists(settings)?;
    let location = settings.store_location()?;
    let sources = Sources::load(&settings.metadata)?;
    match process::open(&location, Some(settings), Policy::default(), sources).await {
        Ok(passkeys) => Ok(Opened::Store(passkeys)),
        Err(ProcessError::Store(StoreError::Embedded(OpenError::InUse { path }))) => {
            Ok(Opened::InUse(path))
        }
        Err(other) => Err(other),
    }
}

/// Refuses an embedded store that is not there: opening it would create an empty one.
fn exists(settings: &Settings) -> Result<(), ProcessError> {
    let location = settings.store_location()?;
    let Some(file) = location.file().filter(|file| !file.is_file()) else {
        return Ok(());
    };
    Err(ProcessError::Command(format!(
        "there is no store at {}; name the server's with --data-dir, --store or --config, or run `passkeyd serve` once to make one",
        file.display()
    )))
}

/// As [`open_existing`], but takes an empty store in memory for one that does not exist. Nothing is made.
///
/// # Errors
/// It cannot be opened.
pub(super) async fn open_or_empty(
    settings: &Settings,
    in_use: impl FnOnce(&Path, &OpenError) -> String,
) -> Result<Arc<Passkeys>, ProcessError> {
    if exists(settings).is_ok() {
        return open(settings, in_use).await;
    }
    let sources = Sources::load(&settings.metadata)?;
    process::open(&StoreUrl::Memory, None, Policy::default(), sources).await
}

/// As [`open_existing`], without the master key: for what reads records that are not sealed, such as those of a backup whose key is
/// elsewhere.
///
/// # Errors
/// There is no store, or it cannot be opened.
pub(super) async fn open_without_keys(
    settings: &Settings,
    in_use: impl FnOnce(&Path, &OpenError) -> String,
) -> Result<Arc<Passkeys>, ProcessError> {
    exists(settings)?;
    opened(settings, None, in_use).await
}

/// As [`open_existing`], but creates a store that does not exist.
///
/// # Errors
/// It cannot be opened.
pub(super) async fn open(
    settings: &Settings,
    in_use: impl FnOnce(&Path, &OpenError) -> String,
) -> Result<Arc<Passkeys>, ProcessError> {
    opened(settings, Some(settings), in_use).await
}

/// Opens a store; with its master key if `keys` are the settings that name it.
async fn opened(
    settings: &Settings,
    keys: Option<&Settings>,
    in_use: impl FnOnce(&Path, &OpenError) -> String,
) -> Result<Arc<Passkeys>, ProcessError> {
    let location = settings.store_location()?;
    let sources = Sources::load(&settings.metadata)?;
    process::open(&location, keys, Policy::default(), sources)
        .await
        .map_err(|error| match error {
            ProcessError::Store(StoreError::Embedded(fault)) => match &fault {
                OpenError::InUse { path } => ProcessError::Command(in_use(path, &fault)),
                _ => ProcessError::Store(fault.into()),
            },
            other => other,
        })
}
