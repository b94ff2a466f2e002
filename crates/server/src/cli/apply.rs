//! `passkeyd apply`: Services, policies, webhooks and keys that a file declares.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::administer::{At, administer, list, print, text};
use super::print::print_json;
use crate::control::AdminCommand;
use crate::process::ProcessError;

/// Arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The file (TOML).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Show the difference and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    at: At,
}

/// The new file of a secret. It goes again when it gets none.
struct SecretFile {
    /// As the document names it.
    named: String,
    path: PathBuf,
    file: File,
    written: bool,
}

impl SecretFile {
    fn create(named: &str, beside: &Path) -> Result<Self, ProcessError> {
        // The name comes from the server, which may have fewer rights than the caller: it must not choose the folder.
        let mut parts = Path::new(named).components();
        let (Some(Component::Normal(name)), None) = (parts.next(), parts.next()) else {
            return Err(ProcessError::Command(format!(
                "`secret_file` is {named:?}: it must be a file name without a folder. Nothing was applied"
            )));
        };
        let path = beside.join(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|source| {
            ProcessError::Command(format!(
                "{} cannot be created for the secret of a new key ({source}): nothing was applied",
                path.display()
            ))
        })?;
        Ok(Self {
            named: named.to_owned(),
            path,
            file,
            written: false,
        })
    }

    fn write(&mut self, secret: &str) -> io::Result<()> {
        // Even half a file is not removed: nothing else has the secret.
        self.written = true;
        self.file.write_all(secret.as_bytes())?;
        self.file.write_all(b"\n")?;
        self.file.sync_all()
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        if !self.written {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Runs the command and prints the difference.
///
/// # Errors
/// [`ProcessError`]: the file cannot be read, declares what cannot be, or was not applied.
pub(super) async fn run(arguments: Apply) -> Result<(), ProcessError> {
    let Apply {
        file,
        dry_run,
        at: At { store, json },
    } = arguments;
    let unreadable = |why: &dyn std::fmt::Display| {
        ProcessError::Command(format!("{} cannot be read: {why}", file.display()))
    };
    let declared = std::fs::read_to_string(&file).map_err(|error| unreadable(&error))?;
    let document: Value = toml::from_str(&declared).map_err(|error| unreadable(&error))?;
    let command = |expected| AdminCommand::Apply {
        document: document.clone(),
        expected,
    };
    let shown = administer(store.clone(), command(None)).await?;
    let differences = shown["differences"].clone();
    let none = list(&shown, "differences").is_empty();
    let beside = file.parent().unwrap_or(Path::new(""));
    let lost = list(&shown, "known_keys").iter();
    let lost: Vec<_> = lost.filter(|key| !has_secret(beside, key)).collect();
    let warnings = list(&shown, "warnings");
    if !json {
        print(|out| print_differences(out, list(&shown, "differences")))?;
        let warnings = || warnings.iter().filter_map(Value::as_str);
        print(|out| warnings().try_for_each(|warning| writeln!(out, "! {warning}.")))?;
        print(|out| lost.iter().try_for_each(|key| print_lost(out, key)))?;
    }
    if dry_run || none {
        return if json {
            print_json(
                &json!({"differences": differences, "warnings": warnings, "without_secret_file": lost, "services": shown["services"], "applied": false}),
            )
        } else {
            print(|out| print_services(out, &shown))
        };
    }
    // The files come first: a key whose secret cannot be written must not be made.
    let mut files = Vec::new();
    for difference in list(&shown, "differences") {
        if let Some(named) = difference["secret_file"].as_str() {
            files.push(SecretFile::create(named, beside)?);
        }
    }
    let done = administer(store, command(Some(differences.clone()))).await?;
    for made in list(&done, "secrets") {
        let named = text(made, "file");
        if let Some(file) = files.iter_mut().find(|file| file.named == named) {
            let written = file.write(text(made, "secret"));
            written.map_err(|source| ProcessError::System {
                what: "cannot write the secret of a new key; revoke the key",
                source,
            })?;
        }
    }
    if let Some(why) = done["failed"].as_str() {
        return Err(ProcessError::Command(format!(
            "{why}. A part was applied: run the command again after you have fixed this"
        )));
    }
    if json {
        return print_json(
            &json!({"differences": differences, "warnings": warnings, "without_secret_file": lost, "services": done["services"], "applied": true}),
        );
    }
    print(|out| {
        writeln!(out, "\nApplied.")?;
        print_services(out, &done)
    })
}

/// Whether the file of a key that the store has is there and has something. When it has not, the command may have ended between the key and its
/// file.
fn has_secret(beside: &Path, key: &Value) -> bool {
    let name = Path::new(text(key, "secret_file")).file_name();
    let file = name.and_then(|name| std::fs::metadata(beside.join(name)).ok());
    file.is_some_and(|file| file.len() > 0)
}

/// The Services that the file declares and the store has, with their identifiers.
fn print_services(out: &mut dyn Write, found: &Value) -> io::Result<()> {
    list(found, "services").iter().try_for_each(|service| {
        let (name, sid) = (text(service, "name"), text(service, "sid"));
        writeln!(out, "Service {name:?}: {sid}")
    })
}

fn print_lost(out: &mut dyn Write, key: &Value) -> io::Result<()> {
    let kind = match text(key, "kind") {
        "access_key" => "access key",
        _ => "API key",
    };
    write!(out, "! {kind} {:?}", text(key, "name"))?;
    if let Some(service) = key["service"].as_str() {
        write!(out, " of Service {service:?}")?;
    }
    writeln!(
        out,
        " is in the store, and {:?} is missing or empty. The secret was shown once, when the key was made. If you do not have it, revoke the key \
         and run this command again: it makes a new key.\n    {}",
        text(key, "secret_file"),
        text(key, "revoke")
    )
}

fn print_differences(out: &mut dyn Write, differences: &[Value]) -> io::Result<()> {
    if differences.is_empty() {
        return writeln!(out, "The store has all that the file declares.");
    }
    for difference in differences {
        let sign = match text(difference, "action") {
            "create" => '+',
            _ => '~',
        };
        let kind = match text(difference, "kind") {
            "service" => "Service",
            "webhook" => "webhook",
            "access_key" => "access key",
            _ => "API key",
        };
        write!(out, "{sign} {kind} {:?}", text(difference, "name"))?;
        if let Some(service) = difference["service"].as_str() {
            write!(out, " of Service {service:?}")?;
        }
        if let Some(file) = difference["secret_file"].as_str() {
            write!(out, ", its secret to {file:?}")?;
        }
        writeln!(out)?;
        for member in list(difference, "members") {
            let value = |name: &str| {
                let text = member[name].as_str().filter(|text| !text.is_empty());
                text.unwrap_or("(none)").to_owned()
            };
            let what = text(member, "what");
            writeln!(out, "    {what}: {} -> {}", value("old"), value("new"))?;
        }
    }
    Ok(())
}
