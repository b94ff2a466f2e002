//! The master key: where it comes from, and the vault of a store.
//!
//! The first of these that is there has the key: the file of the settings, the environment, the systemd credential, and, for an embedded
//! store, a file beside the database. Only that last file is made by passkeyd itself: at the first start, so that a copy of the database alone
//! has no usable key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::model::clock::SystemRandomness;
use domain::model::master_key::{MasterKey, MasterKeyId, MasterKeys};
use domain::service::vault::{Vault, VaultError};
use domain::store::Storage;
use storage::StoreUrl;
use zeroize::Zeroizing;

use crate::config::{MASTER_KEY, MASTER_KEY_PREVIOUS, Settings};
use crate::process::ProcessError;

/// Names of the systemd credentials.
const CREDENTIAL: &str = "passkeyd-master-key";
const CREDENTIAL_PREVIOUS: &str = "passkeyd-master-key-previous";
/// The directory of the systemd credentials.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// How a key is made without passkeyd.
const MADE: &str =
    "64 hex digits, as `passkeyd master-key create FILE` or `openssl rand -hex 32` makes them";

/// Longest file of a key that is read, in bytes.
const LONGEST: usize = 1024;

/// The place of a master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file of the settings, or the one beside the database.
    File(PathBuf),
    /// An environment variable.
    Variable(&'static str),
    /// A systemd credential.
    Credential(PathBuf),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Credential(path) => write!(f, "the systemd credential {}", path.display()),
        }
    }
}

/// Where the master key is; `None` when there is none.
pub fn source(settings: &Settings) -> Option<Source> {
    sources(settings).next()
}

/// Every place that has a master key. The first one counts.
fn sources(settings: &Settings) -> impl Iterator<Item = Source> + use<> {
    let beside = beside(settings).filter(|beside| beside.exists());
    named(settings.master_key_file.as_deref(), MASTER_KEY, CREDENTIAL)
        .chain(beside.map(Source::File))
}

/// The places after the first one whose key is another one than `current`. They are not used.
pub fn unused(settings: &Settings, current: MasterKeyId) -> Vec<(Source, MasterKeyId)> {
    let others = sources(settings).skip(1);
    let others = others.filter_map(|from| Some((read(&from).ok()?.id(), from)));
    others
        .filter(|(id, _)| *id != current)
        .map(|(id, from)| (from, id))
        .collect()
}

/// The key file beside the database of an embedded store.
pub fn beside(settings: &Settings) -> Option<PathBuf> {
    let location = settings.store_location().ok()?;
    Some(location.file()?.with_extension("key"))
}

fn named(
    file: Option<&Path>,
    variable: &'static str,
    credential: &str,
) -> impl Iterator<Item = Source> + use<> {
    let file = file.map(|file| Source::File(file.to_owned()));
    let variable = std::env::var_os(variable).map(|_| Source::Variable(variable));
    let credential = std::env::var_os(CREDENTIALS_DIRECTORY)
        .map(|directory| PathBuf::from(directory).join(credential))
        .filter(|path| path.exists())
        .map(Source::Credential);
    file.into_iter().chain(variable).chain(credential)
}

fn failed(why: impl Into<String>) -> ProcessError {
    ProcessError::Command(why.into())
}

/// Reads a key.
///
/// # Errors
/// It cannot be read, others may read it, or it is none.
pub fn read(from: &Source) -> Result<MasterKey, ProcessError> {
    let text = match from {
        Source::Variable(name) => std::env::var(name)
            .map_err(|_| failed(format!("{name} is not UTF-8")))
            .map(Zeroizing::new)?,
        Source::Credential(path) => text_of(path)?,
        Source::File(path) => {
            let found = fs::metadata(path);
            // What cannot be looked at cannot be read either: the message of that is better.
            let found = found.map(|found| (found.is_dir(), found.mode()));
            if let Ok((true, _)) = found {
                return Err(failed(format!(
                    "{} is a directory, and no file of a master key. Docker makes one where a file that is to be mounted does not exist",
                    path.display()
                )));
            }
            if let Ok((_, mode)) = found
                && mode & 0o077 != 0
            {
                return Err(failed(format!(
                    "the file of the master key {} has the mode {:o}, so other users of this machine may read it: chmod 600 {}",
                    path.display(),
                    mode & 0o777,
                    path.display()
                )));
            }
            text_of(path)?
        }
    };
    MasterKey::parse(&text)
        .ok_or_else(|| failed(format!("{from} has no master key: expected {MADE}")))
}

fn text_of(path: &Path) -> Result<Zeroizing<String>, ProcessError> {
    let mut text = Zeroizing::new(String::with_capacity(LONGEST));
    let read = File::open(path).and_then(|file| {
        let mut file = file.take(LONGEST as u64);
        file.read_to_string(&mut text)
    });
    read.map_err(|error| {
        failed(format!(
            "cannot read the master key from {}: {error}",
            path.display()
        ))
    })?;
    Ok(text)
}

/// The master keys that the settings name; `None` when there is none.
///
/// # Errors
/// A key cannot be read.
pub fn keys(settings: &Settings) -> Result<Option<MasterKeys>, ProcessError> {
    let previous = named(
        settings.master_key_previous_file.as_deref(),
        MASTER_KEY_PREVIOUS,
        CREDENTIAL_PREVIOUS,
    )
    .next();
    let Some(source) = source(settings) else {
        return match previous {
            None => Ok(None),
            Some(previous) => Err(failed(format!(
                "{previous} has the master key before this one, and there is no present one: set `master_key_file`"
            ))),
        };
    };
    Ok(Some(MasterKeys {
        current: read(&source)?,
        previous: previous.as_ref().map(read).transpose()?,
    }))
}

/// Writes a new master key to a file that is not there, for its owner alone, and to the disk. The file gets its name when it is whole.
///
/// # Errors
/// The file exists or cannot be written.
pub fn create(path: &Path) -> io::Result<MasterKey> {
    if path.exists() {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists));
    }
    let key = MasterKey::random(&SystemRandomness);
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".partial");
    let unfinished = PathBuf::from(unfinished);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write(&unfinished, &key).and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    let directory = path.parent().filter(|d| !d.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(key)
}

fn write(path: &Path, key: &MasterKey) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let text = Zeroizing::new(format!("{}\n", *key.reveal()));
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The master keys of a store: those of the settings, or for an embedded store that is not sealed yet a new one beside the database.
///
/// # Errors
/// A key cannot be read or made.
pub async fn keys_of(
    store: &Arc<dyn Storage>,
    settings: &Settings,
) -> Result<Option<MasterKeys>, ProcessError> {
    if let Some(keys) = keys(settings)? {
        return Ok(Some(keys));
    }
    let Some(beside) = beside(settings) else {
        return Ok(None);
    };
    let sealed = store.store_key().await.map_err(VaultError::from);
    if sealed.map_err(|why| failed(why.to_string()))?.is_some() {
        return Ok(None);
    }
    let made = create(&beside).and_then(|key| {
        owned_as_the_store(settings, &beside)?;
        Ok(key)
    });
    let current = made.map_err(|error| {
        failed(format!(
            "cannot make the file of the master key {}: {error}; name another place with `master_key_file`",
            beside.display()
        ))
    })?;
    tracing::info!(
        file = %beside.display(),
        key = %current.id(),
        "made a master key. The keys in the store are sealed under it. Keep a copy of the file, apart from the backups of the store"
    );
    Ok(Some(MasterKeys {
        current,
        previous: None,
    }))
}

/// A command of the administrator must leave a file that the server can read.
fn owned_as_the_store(settings: &Settings, path: &Path) -> io::Result<()> {
    let location = settings.store_location().ok();
    let Some(store) = location.as_ref().and_then(StoreUrl::file) else {
        return Ok(());
    };
    let (wanted, present) = (fs::metadata(store)?, fs::metadata(path)?);
    if (wanted.uid(), wanted.gid()) != (present.uid(), present.gid()) {
        std::os::unix::fs::chown(path, Some(wanted.uid()), Some(wanted.gid()))?;
    }
    Ok(())
}

/// The vault of a store: opened, or made where there is a master key; `None` when the keys in the store are not sealed.
///
/// # Errors
/// There is no right master key, or the settings demand one.
pub async fn vault(
    store: &Arc<dyn Storage>,
    settings: &Settings,
) -> Result<Option<Vault>, ProcessError> {
    let keys = keys_of(store, settings).await?;
    let current = keys.as_ref().map(|keys| keys.current.id());
    for (from, id) in current.map_or_else(Vec::new, |current| unused(settings, current)) {
        tracing::warn!(
            "{from} has the master key {id}, which is not used: another place counts first"
        );
    }
    let vault = Vault::open(store, keys.as_ref(), &SystemRandomness).await;
    let vault = vault.map_err(|why| ProcessError::MasterKey(explained(&why, settings)))?;
    if vault.is_none() && settings.production {
        return Err(failed(format!(
            "no master key is set, and this is marked as a `production` system: a copy of the database could make access keys and tokens. \
             Set `master_key_file`, {MASTER_KEY} or the systemd credential {CREDENTIAL} to {MADE}, the same on each node"
        )));
    }
    if vault.is_none() {
        tracing::warn!(
            "no master key is set: the keys in the store are not sealed, and a copy of the database can make access keys and tokens. \
             Set `master_key_file`, the same on each node"
        );
    }
    Ok(vault)
}

/// Why the secrets of a store cannot be used, and how that is fixed.
fn explained(why: &VaultError, settings: &Settings) -> String {
    let lost = "If it is lost, `passkeyd master-key discard` gives the store another one: passkeys stay, but all access keys, Auth \
                Tokens and API keys have to be made again";
    match why {
        VaultError::Missing { .. } => {
            let place = match beside(settings) {
                Some(beside) => format!("Copy the key file to {}, or set", beside.display()),
                None => "Set".to_owned(),
            };
            format!(
                "{why}. {place} `master_key_file`, {MASTER_KEY} or the systemd credential {CREDENTIAL}. {lost}"
            )
        }
        VaultError::Other { sealed, given } => {
            let from = source(settings).map_or_else(String::new, |from| format!(" (from {from})"));
            let others = unused(settings, *given);
            let right = others.iter().find(|(_, id)| id == sealed);
            let right = right.map_or_else(String::new, |(place, _)| {
                format!(" It is in {place}, but the other place counts first.")
            });
            format!(
                "{why}{from}. Set the right one.{right} If it is being replaced, name the old one with `master_key_previous_file` and run \
                 `passkeyd master-key reseal`. {lost}"
            )
        }
        VaultError::Foreign => format!(
            "{why}. If `passkeyd master-key discard` was interrupted, run it again; otherwise restore a backup of the store"
        ),
        VaultError::Damaged | VaultError::Store(_) => why.to_string(),
    }
}
