//! `passkeyd export`: the data of a store as a file.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use domain::Passkeys;
use domain::model::ids::RelyingPartyId;
use tempfile::NamedTempFile;

use super::print::exported;
use super::progress::Progress;
use super::which_store::{WhichStore, open_without_keys};
use crate::process::ProcessError;
use crate::transfer::export::{ExportError, Lines, Sink, Wanted, export};
use crate::transfer::leaving::{Format, Leaving};
use crate::transfer::record::Line;

/// Arguments of the command.
#[derive(Debug, Args)]
#[command(
    after_help = "The file has no secrets: no Auth Tokens, API keys, access keys or keys of tokens. It has public keys and the names of users.\n\
                  An embedded store must be stopped. A PostgreSQL store may be in use; what changes meanwhile may be in the file or not."
)]
pub(super) struct Export {
    /// Only this Relying Party (Service): VA and 32 hex digits.
    #[arg(long, value_name = "VA...", value_parser = relying_party)]
    relying_party: Option<RelyingPartyId>,
    /// The audit trail too.
    #[arg(long)]
    with_history: bool,
    /// The shape of the file. Those of other products have the passkeys of one Relying Party.
    #[arg(long, value_enum, default_value_t, value_name = "PRODUCT")]
    format: Format,
    /// The file to write, which must not exist; `-` is standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    store: WhichStore,
}

/// Reads the key of a Relying Party with `VA` or without.
pub(super) fn relying_party(text: &str) -> Result<RelyingPartyId, String> {
    let digits = text.strip_prefix("VA").unwrap_or(text);
    RelyingPartyId::from_hex(digits).ok_or_else(|| "expected VA and 32 hex digits".to_owned())
}

/// Runs the command.
///
/// # Errors
/// The store cannot be read, or the file cannot be written.
pub(super) async fn run(arguments: Export) -> Result<(), ProcessError> {
    if arguments.format != Format::Passkeyd {
        if arguments.with_history {
            return Err(ProcessError::Command(
                "only an export in the format passkeyd has the audit trail".to_owned(),
            ));
        }
        if arguments.relying_party.is_none() {
            return Err(ProcessError::Command(
                "--relying-party must name the Relying Party whose passkeys leave".to_owned(),
            ));
        }
    }
    let settings = arguments.store.settings()?;
    // No secret leaves, so the master key of a backup may be elsewhere.
    let passkeys = open_without_keys(&settings, |path, _| {
        format!(
            "{} is in use by a running passkeyd: stop it first, or export a backup of the store",
            path.display()
        )
    })
    .await?;
    let wanted = Wanted {
        relying_party: arguments.relying_party,
        history: arguments.with_history,
    };
    let done = to_file(&passkeys, wanted, arguments.format, &arguments.file).await;
    passkeys.close().await?;
    let _ = writeln!(io::stderr(), "{}", done?);
    Ok(())
}

/// Writes the export; what it has, in words.
async fn to_file(
    passkeys: &Passkeys,
    wanted: Wanted,
    format: Format,
    file: &Path,
) -> Result<String, ProcessError> {
    if file == Path::new("-") {
        return Ok(write(passkeys, wanted, format, io::stdout()).await?.1);
    }
    let unwritable = |error: &dyn std::fmt::Display| {
        ProcessError::Command(format!("cannot write {}: {error}", file.display()))
    };
    if file.exists() {
        return Err(unwritable(&"it exists already"));
    }
    // Nobody finds half of an export under the name.
    let directory = file.parent().filter(|d| !d.as_os_str().is_empty());
    let temporary = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))
        .map_err(|error| unwritable(&error))?;
    let out = BufWriter::new(temporary);
    let (out, said) = write(passkeys, wanted, format, out).await?;
    let temporary = out.into_inner().map_err(|error| unwritable(&error))?;
    temporary
        .as_file()
        .sync_all()
        .map_err(|error| unwritable(&error))?;
    temporary
        .persist_noclobber(file)
        .map_err(|error| unwritable(&error.error))?;
    Ok(said)
}

/// Lines with progress.
struct Shown<S> {
    lines: S,
    progress: Progress,
}

impl<S: Sink> Sink for Shown<S> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        self.progress.step();
        self.lines.line(line)
    }
}

/// Writes the export; where it went, and what it has, in words.
async fn write<W: Write + Send>(
    passkeys: &Passkeys,
    wanted: Wanted,
    format: Format,
    out: W,
) -> Result<(W, String), ProcessError> {
    let end = |error| failed(ExportError::Write(error));
    if format != Format::Passkeyd {
        let leaving = with_progress(passkeys, wanted, Leaving::new(out, format), "records").await?;
        let (out, written, left_out) = leaving.end().map_err(end)?;
        let mut said = format!("Exported: {written} passkeys.");
        for what in left_out {
            said.push_str("\nNot exported: ");
            said.push_str(&what);
        }
        return Ok((out, said));
    }
    let mut lines = with_progress(passkeys, wanted, Lines::new(out), "records").await?;
    let counts = lines.counts();
    let manifest = lines.manifest(passkeys.now());
    lines.line(&Line::Manifest(manifest)).map_err(end)?;
    let said = format!("Exported: {}.", exported(counts));
    Ok((lines.into_inner().map_err(end)?, said))
}

/// Exports to `lines`, and shows on the way how many records of `what` there were.
pub(super) async fn with_progress<S: Sink + Send>(
    passkeys: &Passkeys,
    wanted: Wanted,
    lines: S,
    what: &'static str,
) -> Result<S, ProcessError> {
    let progress = Progress::new(what, None);
    let mut shown = Shown { lines, progress };
    let done = export(passkeys, wanted, &mut shown).await;
    shown.progress.end();
    done.map_err(failed)?;
    Ok(shown.lines)
}

fn failed(error: ExportError) -> ProcessError {
    match error {
        ExportError::Store(refusal) => refusal.into(),
        other => ProcessError::Command(other.to_string()),
    }
}
