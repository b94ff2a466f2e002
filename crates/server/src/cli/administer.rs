//! Executes administration commands: on the store, or through the control socket of the server that has it open.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::print::cannot_print;
use super::which_store::{Opened, WhichStore, open_or_in_use};
use crate::config::Settings;
use crate::console::Place;
use crate::control::{AdminCommand, Administered, NotDone, client, execute};
use crate::process::ProcessError;

/// How often a store is tried that is in use while nothing listens at the control socket: its server may be starting, or a short command may be
/// using it.
const TRIES: u32 = 2;

/// Where the store is, and how the result is printed.
#[derive(Debug, clap::Args)]
pub(super) struct At {
    #[command(flatten)]
    pub(super) store: WhichStore,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl From<NotDone> for ProcessError {
    fn from(why: NotDone) -> Self {
        Self::Command(why.message)
    }
}

/// Executes a command on the store that the settings name.
///
/// # Errors
/// There is no store, or a server uses it and does not listen at the control socket; what the command says.
pub(super) async fn administer(
    store: WhichStore,
    command: AdminCommand,
) -> Result<Value, ProcessError> {
    let settings = store.settings()?;
    let location = settings.store_location()?;
    let mut tries = 0;
    loop {
        // A server that listens has the store open.
        let asked = location.file().zip(settings.control_path());
        let absent = match &asked {
            Some((file, socket)) => match client::ask(socket, file, command.clone()) {
                Ok(done) => return Ok(done?),
                Err(error) if is_absence(&error) => Some(error),
                Err(error) => return Err(unreachable(&settings, file, socket, &error)),
            },
            None => None,
        };
        let file = match open_or_in_use(&settings).await? {
            Opened::Store(passkeys) => {
                let public_url = settings.public_url(settings.listen.port());
                let on = Administered {
                    file: None,
                    passkeys: Arc::clone(&passkeys),
                    master_keys: crate::master_key::keys(&settings)?,
                    console: settings
                        .console
                        .enabled
                        .then(|| Place::of(&settings, &public_url, None)),
                    public_url: Arc::new(public_url),
                    webhook_networks: settings.webhooks.networks(),
                };
                let done = execute(&on, command).await;
                passkeys.close().await?;
                return Ok(done?);
            }
            Opened::InUse(file) => file,
        };
        let (Some((_, socket)), Some(error)) = (asked, absent) else {
            return Err(ProcessError::Command(format!(
                "{} is in use by a running passkeyd, and `control.enabled` is false: stop it, run this command again, then start it",
                file.display()
            )));
        };
        if tries == TRIES {
            return Err(unreachable(&settings, &file, &socket, &error));
        }
        tries += 1;
    }
}

/// Whether nobody listens.
fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

fn unreachable(settings: &Settings, file: &Path, socket: &Path, error: &io::Error) -> ProcessError {
    let why = if error.kind() == io::ErrorKind::PermissionDenied {
        "run this command as the user that passkeyd runs as"
    } else if settings.control.path.is_none() {
        "if the server has another `control.path`, name its settings with --config; else stop it, run this command again, then start it"
    } else {
        "check that the server has the same `control.path`; else stop it, run this command again, then start it"
    };
    ProcessError::Command(format!(
        "{} is in use by a running passkeyd, and its control socket {} does not respond ({error}): {why}",
        file.display(),
        socket.display()
    ))
}

/// Prints text for people.
///
/// # Errors
/// The result cannot be printed.
pub(super) fn print(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), ProcessError> {
    let mut out = io::stdout().lock();
    write(&mut out)
        .and_then(|()| out.flush())
        .map_err(cannot_print)
}

/// A text of a result; empty if it has none there.
pub(super) fn text<'r>(result: &'r Value, member: &str) -> &'r str {
    result[member].as_str().unwrap_or_default()
}

/// A list of a result.
pub(super) fn list<'r>(result: &'r Value, member: &str) -> &'r [Value] {
    result[member].as_array().map_or(&[], Vec::as_slice)
}

/// Says that a list has further records.
pub(super) fn print_more(out: &mut dyn Write, result: &Value, shown: usize) -> io::Result<()> {
    if result["more"] == Value::Bool(true) {
        writeln!(out, "There are more: these are the oldest {shown}.")?;
    }
    Ok(())
}
