//! `passkeyd copy`: a store moves to another place, for example from a file to PostgreSQL.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use domain::Passkeys;
use domain::model::clock::{SystemClock, SystemRandomness, Timestamp};
use domain::service::transfer::{copy_store, secrets_of};
use domain::service::vault::master_key_of;
use domain::store::Storage;
use storage::StoreUrl;
use storage::embedded::formats;

use super::export::with_progress;
use super::print::{counted, exported};
use super::progress::Progress;
use crate::config::{self, Flags, Settings};
use crate::process::ProcessError;
use crate::transfer::export::{Lines, Wanted};
use crate::transfer::record::{Counts, Manifest};

/// Arguments of the command.
#[derive(Debug, Args)]
#[command(
    after_help = "No server may use either store meanwhile. The tables of a PostgreSQL store must be there: passkeyd migrate makes them. \
                  Ceremonies, one-time tokens, administrators of the console with its audit trail, and the master key are not copied."
)]
pub(super) struct Copy {
    /// The store to copy: `sqlite:<path>` or `postgres://...`.
    #[arg(long, value_name = "URL")]
    from: StoreUrl,
    /// The store to copy to, which is empty or has a part of the copy.
    #[arg(long, value_name = "URL")]
    to: StoreUrl,
    /// TOML file with settings: `store_password_file` has the password of a PostgreSQL store.
    #[arg(long, value_name = "FILE", env = config::CONFIG)]
    config: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A store cannot be used, the other store has something else, or the copy is not equal.
pub(super) async fn run(arguments: Copy) -> Result<(), ProcessError> {
    let settings = Settings::load(arguments.config.as_deref(), &Flags::default())?;
    let from = settings.with_store_password(arguments.from)?;
    let to = settings.with_store_password(arguments.to)?;
    if from == to {
        return Err(ProcessError::Command(
            "--from and --to are the same store".to_owned(),
        ));
    }
    if let Some(file) = from.file().filter(|file| !file.is_file()) {
        return Err(ProcessError::Command(format!(
            "there is no store at {}",
            file.display()
        )));
    }
    must_be_current(&from)?;
    must_be_current(&to)?;
    let source = storage::open(&from).await?;
    let target = storage::open(&to).await?;
    let done = copied(&source, &target, &to).await;
    for store in [source, target] {
        store.close().await.map_err(|fault| failed(&fault))?;
    }
    let counts = done?;
    let _ = writeln!(io::stderr(), "{counts}");
    Ok(())
}

/// Refuses a file of an older format: it would be updated without a word, and an older passkeyd could not use it any more.
fn must_be_current(store: &StoreUrl) -> Result<(), ProcessError> {
    let Some(file) = store.file().filter(|file| file.is_file()) else {
        return Ok(());
    };
    let (found, known) = formats(file).map_err(|fault| ProcessError::Store(fault.into()))?;
    if found < known {
        return Err(ProcessError::Command(format!(
            "{} has format {found}, and this passkeyd writes format {known}. If it is a store, start `passkeyd serve` once, which updates it. An older \
             passkeyd cannot use the file after that: make a backup with the older one first. If it is a backup, restore it",
            file.display()
        )));
    }
    Ok(())
}

fn failed(error: &dyn std::fmt::Display) -> ProcessError {
    ProcessError::Command(error.to_string())
}

async fn copied(
    source: &Arc<dyn Storage>,
    target: &Arc<dyn Storage>,
    to: &StoreUrl,
) -> Result<String, ProcessError> {
    let mut progress = Progress::new("users and events", None);
    let copied = copy_store(source, target, || progress.step()).await;
    progress.end();
    copied.map_err(|error| failed(&error))?;
    let (before, after) = (manifest(source).await?, manifest(target).await?);
    let secrets = secrets_of(&**source).await.map_err(|f| failed(&f))?;
    let there = secrets_of(&**target).await.map_err(|f| failed(&f))?;
    if before != after || secrets != there {
        let differ = match (before == after, secrets == there) {
            (false, true) => "Records differ",
            (true, _) => "Secrets differ (tokens, keys and webhooks)",
            (false, false) => "Records and secrets differ (tokens, keys and webhooks)",
        };
        return Err(ProcessError::Command(format!(
            "the copy is not equal to the store. {differ}. The store has {}, SHA-256 of the records {}. The copy has {}, SHA-256 {}. Was one of \
             them in use? An export of each shows which records differ",
            listed(before.counts, secrets.0),
            before.sha256,
            listed(after.counts, there.0),
            after.sha256
        )));
    }
    let wrapped = source.store_key().await.map_err(|f| failed(&f))?;
    Ok(format!(
        "Copied and compared: {}. SHA-256 of the records: {}{}",
        listed(before.counts, secrets.0),
        before.sha256,
        needs(wrapped.as_deref(), to)
    ))
}

/// Says which master key the copy needs.
fn needs(wrapped: Option<&[u8]>, to: &StoreUrl) -> String {
    let Some(id) = wrapped.and_then(master_key_of) else {
        return String::new();
    };
    let place = match to.file() {
        Some(file) => format!(
            "copy its file to {}, or name it with `master_key_file`",
            file.with_extension("key").display()
        ),
        None => "name its file with `master_key_file` on each node".to_owned(),
    };
    format!(
        "\nThe keys in the copy are sealed under the master key {id}, as those of the store. The master key is not copied: {place}. passkeyd does \
         not start on the copy with another one."
    )
}

fn listed(counts: Counts, secrets: u64) -> String {
    let secrets = counted(secrets, "secret", "secrets");
    format!("{}, {secrets}", exported(counts))
}

/// Counts and digest of everything that an export has.
async fn manifest(store: &Arc<dyn Storage>) -> Result<Manifest, ProcessError> {
    let clock = Arc::new(SystemClock::default());
    let passkeys = Passkeys::open(Arc::clone(store), clock, Arc::new(SystemRandomness)).await?;
    let wanted = Wanted {
        relying_party: None,
        history: true,
    };
    let lines = Lines::new(io::sink());
    let lines = with_progress(&passkeys, wanted, lines, "records compared").await?;
    Ok(lines.manifest(Timestamp(0)))
}
