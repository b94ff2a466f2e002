//! `passkeyd mds`: the metadata of the FIDO Metadata Service in a store, without a server.

use domain::model::text::is_control;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use domain::Passkeys;
use domain::model::clock::Timestamp;
use domain::model::metadata::MetadataSource;
use domain::service::metadata::{ImportedMetadata, MetadataInUse, ModelName};
use storage::OpenError;
use webauthn::metadata::{MAX_BLOB, Part};

use super::which_store::{self, WhichStore};
use crate::api::dates::Date;
use crate::config::Settings;
use crate::metadata;
use crate::process::ProcessError;

#[derive(Debug, Args)]
pub(super) struct Mds {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify a metadata BLOB and put it into the store.
    Import {
        /// The BLOB as the service serves it; `-` is standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        store: WhichStore,
    },
    /// Remove the metadata from the store, so that the metadata of another service can be imported, whatever its number.
    Remove {
        #[command(flatten)]
        store: WhichStore,
    },
    /// Show the metadata in the store.
    Show {
        #[command(flatten)]
        store: WhichStore,
    },
}

/// Runs the command and prints the result.
pub(super) async fn run(arguments: Mds) -> Result<(), ProcessError> {
    let text = match arguments.command {
        Command::Import { file, store } => import(&file, &store.settings()?).await?,
        Command::Remove { store } => remove(&store.settings()?).await?,
        Command::Show { store } => show(&store.settings()?).await?,
    };
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(|source| ProcessError::System {
            what: "cannot print the result",
            source,
        })
}

async fn import(file: &Path, settings: &Settings) -> Result<String, ProcessError> {
    let blob = read(file).map_err(|error| {
        ProcessError::Command(format!("cannot read {}: {error}", file.display()))
    })?;
    let instead = format!("-T {}", file.display());
    let passkeys = which_store::open(settings, |_, fault| {
        ask_the_server(settings, &instead, fault)
    })
    .await?;
    let imported = metadata::import(&passkeys, blob, MetadataSource::Command).await;
    let now = passkeys.now();
    passkeys.close().await?;
    match imported {
        Ok(imported) => Ok(told(&imported, now)),
        Err(refusal) => Err(ProcessError::Command(format!(
            "{} ({})",
            refusal.message,
            refusal.reason.name()
        ))),
    }
}

async fn remove(settings: &Settings) -> Result<String, ProcessError> {
    let passkeys = open_existing(settings, "-X DELETE").await?;
    let removed = passkeys.remove_metadata().await?;
    passkeys.close().await?;
    Ok(if removed {
        "The metadata was removed.\n".to_owned()
    } else {
        "There was no metadata.\n".to_owned()
    })
}

async fn show(settings: &Settings) -> Result<String, ProcessError> {
    let passkeys = open_existing(settings, "").await?;
    let state = passkeys.metadata_state();
    let now = passkeys.now();
    passkeys.close().await?;
    let mut text = match state.in_use {
        Some(in_use) => described(&in_use, now),
        None => "No metadata is in use.\n".to_owned(),
    };
    if let Some(problem) = state.problem {
        let _ = writeln!(
            text,
            "The metadata in the store is not used: {} ({}).",
            problem.message,
            problem.reason.name()
        );
    }
    Ok(text)
}

/// One byte more than a BLOB may have is enough to see that it is too large.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut blob = Vec::new();
    let most = MAX_BLOB as u64 + 1;
    if file == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut blob)?;
    } else {
        File::open(file)?.take(most).read_to_end(&mut blob)?;
    }
    Ok(blob)
}

async fn open_existing(settings: &Settings, instead: &str) -> Result<Arc<Passkeys>, ProcessError> {
    which_store::open_existing(settings, |_, fault| {
        ask_the_server(settings, instead, fault)
    })
    .await
}

fn ask_the_server(settings: &Settings, instead: &str, fault: &OpenError) -> String {
    let url = settings.public_url(settings.listen.port());
    let url = url.join(crate::api::manage::METADATA);
    format!(
        "{fault}.\nCall the running server instead:\n\n  curl -u ACCOUNT_SID:AUTH_TOKEN {instead}{}{url}\n",
        if instead.is_empty() { "" } else { " " },
    )
}

fn told(imported: &ImportedMetadata, now: Timestamp) -> String {
    if !imported.is_new() {
        return format!("Nothing new.\n{}", described(&imported.now, now));
    }
    let mut text = described(&imported.now, now);
    let Some(before) = &imported.before else {
        return format!("This is the first metadata of this store.\n{text}");
    };
    let changes = imported.changes(now);
    let _ = writeln!(text, "before        no {}", before.metadata.no());
    for model in &changes.new {
        let _ = writeln!(text, "new           {}", name(model));
    }
    for model in &changes.gone {
        let _ = writeln!(text, "gone          {}", name(model));
    }
    for change in &changes.changed {
        let _ = writeln!(
            text,
            "changed       {}: {} -> {}",
            name(&change.model),
            list(&change.from),
            list(&change.to)
        );
    }
    text
}

fn described(in_use: &MetadataInUse, now: Timestamp) -> String {
    let metadata = &in_use.metadata;
    let stale = if in_use.is_stale(now) {
        " (over: newer metadata is due)"
    } else {
        ""
    };
    let mut text = format!(
        "no            {}\nnext update   {}{stale}\nimported      {} ({})\nmodels        {}\n",
        metadata.no(),
        metadata.next_update(),
        Date(in_use.imported),
        in_use.source.name(),
        metadata.entries().len(),
    );
    for (part, dropped) in metadata.dropped().iter() {
        let label = match part {
            Part::SecondEntry => "twice     ",
            _ => "unreadable",
        };
        let _ = writeln!(text, "{label}    {} {}", dropped.count, part.name());
        for named in &dropped.named {
            let _ = writeln!(text, "              {}", printable(&metadata::named(named)));
        }
        let more = metadata::not_named(dropped);
        if more > 0 {
            let _ = writeln!(text, "              and {more} more");
        }
    }
    text
}

fn name(model: &ModelName) -> String {
    let aaguid = model.aaguid.map(|aaguid| aaguid.to_string());
    let description = model.description.as_deref().map(printable);
    match (aaguid, description) {
        (Some(aaguid), Some(description)) => format!("{aaguid} {description}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "a model without a name".to_owned(),
    }
}

fn list(statuses: &[String]) -> String {
    if statuses.is_empty() {
        return "none".to_owned();
    }
    printable(&statuses.join(", "))
}

/// Text from outside for a terminal, without control characters.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if is_control(c) { ' ' } else { c })
        .collect()
}
