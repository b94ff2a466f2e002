//! `passkeyd backup` and `passkeyd restore`: copies of the embedded store.

use std::path::{Path, PathBuf};

use clap::Args;
use domain::model::clock::{Clock as _, SystemClock};
use domain::model::master_key::MasterKeyId;
use domain::service::vault::master_key_of;
use storage::OpenError;
use storage::embedded::{CopyError, Counts, Named, Restored, backup, restore};

use super::print::say;
use super::which_store::{WhichStore, file_of};
use crate::config::Settings;
use crate::master_key;
use crate::process::ProcessError;

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(
    after_help = "passkeyd may serve meanwhile. The backup has everything that was acknowledged before it began. It is verified before it gets \
                  its name: a file with this name is whole. It does not have the master key, which a restore needs too."
)]
pub(super) struct Backup {
    /// The file to write, which must not exist.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    store: WhichStore,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
#[command(
    after_help = "Stop passkeyd first. With --replace, access keys and API keys that were revoked after the backup stay revoked. The result names \
                  every other key, Auth Token, Relying Party and passkey that works again although it was replaced or deleted after the backup."
)]
pub(super) struct Restore {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the store that is there. It is kept under another name.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    store: WhichStore,
}

/// What PostgreSQL has for it.
const ELSEWHERE: &str = "use the tools of PostgreSQL (pg_dump, pg_basebackup)";

/// A failure in words.
pub(super) fn failed(error: &CopyError) -> ProcessError {
    ProcessError::Command(match error {
        CopyError::Open(OpenError::InUse { path }) => format!(
            "{} is in use by a running passkeyd: stop it first",
            path.display()
        ),
        other => other.to_string(),
    })
}

/// Writes a backup.
///
/// # Errors
/// There is no embedded store, the file exists, the disk has no room, or the store is damaged.
pub(super) fn run(arguments: Backup) -> Result<(), ProcessError> {
    let settings = arguments.store.settings()?;
    let path = file_of(&settings, ELSEWHERE)?;
    let counts = backup(&path, &arguments.file).map_err(|error| failed(&error))?;
    let needs = match sealed_under(&arguments.file)? {
        Some(id) => {
            let from = master_key::source(&settings);
            let from = from.map_or_else(String::new, |from| format!(" ({from})"));
            format!(
                "\nIts keys are sealed under the master key {id}{from}, which is not in it. A restore needs that key: keep a copy of it in another place."
            )
        }
        None => String::new(),
    };
    say(&format!(
        "Wrote and verified {}.\n{}{needs}",
        arguments.file.display(),
        listed(&counts)
    ))
}

/// Restores a backup and says what came back.
///
/// # Errors
/// There is no sound backup, a store is there already, a running server uses it, or the disk has no room.
pub(super) fn run_restore(arguments: Restore) -> Result<(), ProcessError> {
    let settings = arguments.store.settings()?;
    let path = file_of(&settings, ELSEWHERE)?;
    let now = SystemClock::default().now();
    let done = restore(&arguments.file, &path, arguments.replace, now);
    let done = done.map_err(|error| match error {
        CopyError::Exists(there) => ProcessError::Command(format!(
            "there is a store at {}; with --replace the backup takes its place, and the store is kept under another name",
            there.display()
        )),
        other => failed(&other),
    })?;
    say(&format!(
        "Restored {} to {}.\n{}{}",
        arguments.file.display(),
        path.display(),
        report(&done),
        lacks(&settings, &path)?
    ))
}

/// The master key under which a store is sealed.
fn sealed_under(file: &Path) -> Result<Option<MasterKeyId>, ProcessError> {
    let wrapped = storage::embedded::store_key(file);
    let wrapped = wrapped.map_err(|error| ProcessError::Store(error.into()))?;
    Ok(wrapped.as_deref().and_then(master_key_of))
}

/// Says that a restored store needs a master key that is not here.
fn lacks(settings: &Settings, path: &Path) -> Result<String, ProcessError> {
    let Some(sealed) = sealed_under(path)? else {
        return Ok(String::new());
    };
    let found = match master_key::keys(settings) {
        Ok(Some(keys)) if keys.current.id() == sealed => return Ok(String::new()),
        Ok(Some(keys)) if keys.previous.as_ref().is_some_and(|key| key.id() == sealed) => {
            return Ok(String::new());
        }
        Ok(Some(keys)) => format!("the one that is set is {}", keys.current.id()),
        Ok(None) => "none is set".to_owned(),
        Err(error) => error.to_string(),
    };
    Ok(format!(
        "\nIts keys are sealed under the master key {sealed}, and {found}. passkeyd does not start until the right one is set: `master_key_file`, \
         or the file {}.",
        path.with_extension("key").display()
    ))
}

fn listed(counts: &Counts) -> String {
    format!(
        "It has {} accounts, {} API keys, {} Relying Parties, {} access keys, {} users, {} passkeys, {} ceremonies and {} audit events.",
        counts.accounts,
        counts.api_keys,
        counts.relying_parties,
        counts.access_keys,
        counts.users,
        counts.credentials,
        counts.ceremonies,
        counts.events
    )
}

/// What a restore has done, for the person who has to finish it.
fn report(done: &Restored) -> String {
    let difference = &done.difference;
    let mut lines = vec![listed(&done.counts)];
    if let Some(replaced) = &done.replaced {
        lines.push(format!(
            "The store that was there is {} now.",
            replaced.display()
        ));
    }
    lines.push(format!(
        "Removed {} ceremonies that waited for their response, and {} keys of intent, status and transaction tokens and of \
         sealed challenges: those of before are refused.",
        done.ceremonies_voided, done.token_keys_voided
    ));
    let mut revoked = Vec::new();
    for (what, owner, id, found) in [
        ("access key", "VA", "", &difference.access_keys_revoked),
        ("API key", "AC", "SK", &difference.api_keys_revoked),
    ] {
        revoked.extend(found.iter().map(|named| line(what, (owner, id), named)));
    }
    if !revoked.is_empty() {
        lines.push("These were revoked after the backup, and stay revoked:".to_owned());
        lines.append(&mut revoked);
    }
    let unrevoked = [
        ("access key", "VA", "", &difference.access_keys),
        ("API key", "AC", "SK", &difference.api_keys),
        (
            "old Auth Token of account",
            "AC",
            "AC",
            &difference.auth_tokens,
        ),
        ("Relying Party", "AC", "VA", &difference.relying_parties),
        ("passkey", "VA", "YF", &difference.credentials),
    ];
    let mut again = Vec::new();
    for (what, owner, id, found) in unrevoked {
        again.extend(found.iter().map(|named| line(what, (owner, id), named)));
    }
    let named = u64::try_from(difference.credentials.len()).unwrap_or(u64::MAX);
    if difference.credentials_in_all > named {
        again.push(format!(
            "  and {} more passkeys",
            difference.credentials_in_all - named
        ));
    }
    if again.is_empty() {
        let nothing = "Nothing works again that was revoked, replaced or deleted.";
        lines.push(nothing.to_owned());
    } else {
        lines.push(
            if done.compared {
                "These work again, although they were revoked, replaced or deleted after the backup:"
            } else {
                "There was no readable store to compare with. All of this works now, also what was revoked or deleted after the backup:"
            }
            .to_owned(),
        );
        lines.append(&mut again);
        lines.push("Revoke or delete again what must not work.".to_owned());
    }
    if done.compared {
        lines.push(format!(
            "Lost, because they are newer than the backup: {} users, {} passkeys, {} access keys.",
            difference.users_lost, difference.credentials_lost, difference.access_keys_lost
        ));
    }
    lines.join("\n")
}

/// The line of one record.
fn line(what: &str, (owner, id): (&str, &str), named: &Named) -> String {
    // A name is what somebody chose: no control character of it may reach the terminal.
    let name: String = named.name.chars().filter(|c| !c.is_control()).collect();
    let name = if name.is_empty() {
        name
    } else {
        format!(" ({name})")
    };
    // Access keys have the ids that `passkeyd access-key` takes.
    let key = match uuid::Uuid::parse_str(&named.id) {
        Ok(uuid) if id.is_empty() => uuid.to_string(),
        _ => named.id.clone(),
    };
    format!("  {what} {id}{key}{name} of {owner}{}", named.owner)
}
