//! `passkeyd backup` and `passkeyd restore`: copies of the embedded store.

use std::path::{Path, PathBuf};

use clap::Args;
use domain::model::clock::{Clock as _, SystemClock};
use domain::model::master_key::MasterKeyId;
use domain::model::text::is_control;
use domain::service::vault::master_key_of;
use storage::OpenError;
use storage::embedded::{
    CopyError, Counts, How, Record, RecordKind, Restored, backup, new_file_of, partial_of, restore,
};

use super::print::{counted, say};
use super::progress::Growing;
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
    after_help = "Stop passkeyd first. With --replace, passkeyd compares the backup with the store that is there. Keys, administrators and webhooks that \
                  were revoked or removed after the backup stay so. The report names what comes back, such as deleted users and passkeys. It is \
                  also in a file beside the store. A restore that is interrupted is undone by the next start."
)]
pub(super) struct Restore {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the store that is there. It is kept under another name.
    #[arg(long)]
    replace: bool,
    /// Replace the store also when passkeyd cannot read it. Keys that were revoked after the backup may then work again.
    #[arg(long, requires = "replace")]
    without_comparison: bool,
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
    // A name such as `file:x` would be a URI to SQLite.
    let file = std::path::absolute(&arguments.file).unwrap_or_else(|_| arguments.file.clone());
    let growing = Growing::new(partial_of(&file), length(&path), "being verified");
    let done = backup(&path, &file);
    growing.end();
    let counts = done.map_err(|error| failed(&error))?;
    let needs = match sealed_under(&file)? {
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
    let how = How {
        replace: arguments.replace,
        without_comparison: arguments.without_comparison,
    };
    let mut text = String::new();
    let growing = Growing::new(
        new_file_of(&path),
        length(&arguments.file),
        "being verified and compared",
    );
    let done = restore(&arguments.file, &path, how, now, |done| {
        text = format!(
            "Restored {} to {}.\n{}",
            arguments.file.display(),
            path.display(),
            report(done)
        );
        text.clone()
    });
    growing.end();
    let done = done.map_err(|error| match error {
        CopyError::Exists(there) => ProcessError::Command(format!(
            "there is a store at {}; with --replace the backup takes its place, and the store is kept under another name",
            there.display()
        )),
        CopyError::NotCompared { path, what } => ProcessError::Command(format!(
            "cannot read the store {}: {what}. Only this store knows which keys were revoked after the backup, so nothing was changed. \
             With --without-comparison the backup takes its place all the same. Keys that were revoked after the backup may then work again",
            path.display()
        )),
        other => failed(&other),
    })?;
    let file = done.report.display();
    let lacks = lacks(&settings, &path).unwrap_or_default();
    let printed = say(&format!("{text}\nThis report is also in {file}.{lacks}"));
    printed.map_err(|error| {
        ProcessError::Command(format!(
            "the backup is restored, and the report is in {file}, but it cannot be printed: {error}"
        ))
    })
}

/// Bytes of a database file.
pub(super) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
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
        "It has {}, {}, {}, {}, {}, {}, {} and {}.",
        counted(counts.accounts, "account", "accounts"),
        counted(counts.api_keys, "API key", "API keys"),
        counted(counts.relying_parties, "Relying Party", "Relying Parties"),
        counted(counts.access_keys, "access key", "access keys"),
        counted(counts.users, "user", "users"),
        counted(counts.credentials, "passkey", "passkeys"),
        counted(counts.ceremonies, "ceremony", "ceremonies"),
        counted(counts.events, "audit event", "audit events")
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
        "Removed {} that waited for their response, and {} of intent, status and transaction tokens and of \
         sealed challenges: those of before are refused.",
        counted(done.ceremonies_voided, "ceremony", "ceremonies"),
        counted(done.token_keys_voided, "key", "keys")
    ));
    let mut stays: Vec<_> = difference.stays.iter().map(line).collect();
    if !stays.is_empty() {
        let place = if done.replaced.is_some() {
            " in the store that was there"
        } else {
            ""
        };
        lines.push(format!(
            "These were revoked, removed or replaced{place}, and it stays so:"
        ));
        lines.append(&mut stays);
    }
    let mut again: Vec<_> = difference.again.iter().map(line).collect();
    for (what, kind, in_all) in [
        ("users", RecordKind::User, difference.users_again),
        (
            "passkeys",
            RecordKind::Credential,
            difference.credentials_again,
        ),
    ] {
        let named = difference.again.iter().filter(|r| r.kind == kind).count();
        let more = in_all.saturating_sub(u64::try_from(named).unwrap_or(u64::MAX));
        if more > 0 {
            again.push(format!("  and {more} more {what}"));
        }
    }
    let nothing_again = again.is_empty();
    lines.push(match (done.compared, nothing_again) {
        (true, true) => "The backup brings nothing back that the store did not have.".to_owned(),
        (true, false) => {
            "These come back. The store that was there did not have them, or had them in another form:"
                .to_owned()
        }
        (false, _) => {
            let why = match &done.unreadable {
                Some(what) => format!(
                    "The store that was there cannot be read: {what}. It had revoked {} of the backup, as far as could be seen: they stay so.",
                    counted(done.kept_revoked, "key, webhook or administrator", "keys, webhooks and administrators")
                ),
                None => "There was no store to compare with.".to_owned(),
            };
            format!("{why} All of this works now, also what was revoked, replaced or deleted after the backup without a trace:")
        }
    });
    lines.append(&mut again);
    if !nothing_again {
        lines.push("Revoke or delete what must not work.".to_owned());
    }
    if done.compared {
        let lost = &difference.lost;
        lines.push(format!(
            "Lost, because the backup does not have them: {}, {}, {}, {}, {}, {}, {}, {}.",
            counted(lost.accounts, "account", "accounts"),
            counted(lost.api_keys, "API key", "API keys"),
            counted(lost.relying_parties, "Relying Party", "Relying Parties"),
            counted(lost.access_keys, "access key", "access keys"),
            counted(lost.webhooks, "webhook", "webhooks"),
            counted(lost.users, "user", "users"),
            counted(lost.credentials, "passkey", "passkeys"),
            counted(lost.administrators, "administrator", "administrators")
        ));
        if lost.administrator_passkeys > 0 {
            lines.push(format!(
                "Lost, too: {} of administrators who are there. `passkeyd console invite` makes a link for one who cannot sign in now.",
                counted(lost.administrator_passkeys, "passkey", "passkeys")
            ));
        }
    }
    lines.join("\n")
}

/// The line of one record.
fn line(record: &Record) -> String {
    // A name is what somebody chose: no control character of it may reach the terminal.
    let name: String = record.name.chars().filter(|c| !is_control(*c)).collect();
    let name = if name.is_empty() {
        name
    } else {
        format!(" ({name})")
    };
    let (id, owner) = (&record.id, &record.owner);
    let line = match record.kind {
        RecordKind::AccessKey => {
            // Access keys have the ids that `passkeyd access-key` takes.
            let id = uuid::Uuid::parse_str(id).map_or_else(|_| id.clone(), |id| id.to_string());
            format!("access key {id}{name} of VA{owner}")
        }
        RecordKind::AccessTokenKeys => {
            format!("the keys that check the access keys of VA{owner}{name}")
        }
        RecordKind::ApiKey => format!("API key SK{id}{name} of AC{owner}"),
        RecordKind::AuthToken => format!("Auth Token of account AC{owner}{name}"),
        RecordKind::Administrator => format!("administrator{name}"),
        RecordKind::Role => format!("role of the administrator{name}"),
        RecordKind::AdministratorPasskey => format!("passkey of the administrator{name}"),
        RecordKind::NoAuthToken => format!(
            "Auth Token of account AC{owner}: the one in the backup was replaced, and the new one is not known here. The account has none now: \
             run `passkeyd account reset-token AC{owner}`"
        ),
        RecordKind::NoAccessTokenKeys => format!(
            "the keys that check the access keys of VA{owner}: those in the backup were replaced or removed, and the new ones are not known here. No \
             access key of this Service works now: create new ones"
        ),
        RecordKind::WebhookOff => format!("webhook {id}{name} of VA{owner} is switched off"),
        RecordKind::Settings => format!("settings of the Service VA{id}{name} of AC{owner}"),
        RecordKind::Webhook => format!("webhook {id}{name} of VA{owner}"),
        RecordKind::WebhookSettings => format!("settings of the webhook {id}{name} of VA{owner}"),
        RecordKind::RelyingParty => format!("Relying Party VA{id}{name} of AC{owner}"),
        RecordKind::User => format!("user YE{id}{name} of VA{owner}"),
        RecordKind::Credential => format!("passkey YF{id}{name} of VA{owner}"),
    };
    format!("  {line}")
}
