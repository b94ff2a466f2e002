//! `passkeyd import`: passkeys from a file, and what became of imports.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use domain::Passkeys;
use domain::model::ids::{ImportId, RelyingPartyId};
use domain::model::page::PageRequest;
use domain::service::transfer::Target;
use tempfile::NamedTempFile;

use super::export::relying_party;
use super::print::{cannot_print, visible};
use super::progress::Progress;
use super::which_store::{self, WhichStore};
use crate::api::dates::Date;
use crate::process::ProcessError;
use crate::transfer::import::{ImportError, Looked, Mode, Report, Summary, import, look};
use crate::transfer::own;
use crate::transfer::source::{HandleRule, Source, Told};
use crate::transfer::table::Csv;

/// Most imports that are listed.
const MOST: u32 = 1000;

/// Arguments of the command.
#[derive(Debug, Args)]
#[command(
    after_help = "Each record that is refused is printed as a line of JSON; with --dry-run every record is. What is in the store is never \
                  replaced: a run that was interrupted can be repeated. Guides: docs/migrate."
)]
pub(super) struct Import {
    /// Write nothing, and print what would happen to each record.
    #[arg(long, conflicts_with_all = ["undo", "report", "list"])]
    dry_run: bool,
    /// The product that wrote the file.
    #[arg(long, value_enum, default_value = "passkeyd", value_name = "PRODUCT")]
    from: Source,
    /// The Relying Party (Service) that gets the passkeys of another product: VA and 32 hex digits. With an export of passkeyd: the only
    /// one whose records are imported.
    #[arg(long, value_name = "VA...", value_parser = relying_party)]
    relying_party: Option<RelyingPartyId>,
    /// How user handles are made where the file does not have them.
    #[arg(long, value_enum, value_name = "RULE")]
    user_handle: Option<HandleRule>,
    /// The member or column that has the name of the user. A dot comes before a member within another one: `user.email`.
    #[arg(long, value_name = "NAME")]
    user_column: Option<String>,
    /// The rule by which a file of CSV is written. Without it, only JSON is read.
    #[arg(long, value_enum, value_name = "RULE")]
    csv: Option<Csv>,
    /// Import credentials that were second factors too. As passkeys they sign in alone.
    #[arg(long)]
    second_factors: bool,
    /// Import passkeys too that are revoked, disabled or deleted in the other system, or whose users are. They can sign in here.
    #[arg(long)]
    include_disabled: bool,
    /// Import passkeys again that were imported before and were deleted here since.
    #[arg(long)]
    with_deleted: bool,
    /// Members or columns that passkeyd ignores: none of them says that a passkey is revoked or that its user may not sign in. Separate names with
    /// commas. A name stands for all members within it, too.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Remove the credentials and the users that an import has made.
    #[arg(long, value_name = "ID", value_parser = import_id, conflicts_with_all = ["report", "list"])]
    undo: Option<ImportId>,
    /// Say how many passkeys of an import have signed in since.
    #[arg(long, value_name = "ID", value_parser = import_id, conflicts_with = "list")]
    report: Option<ImportId>,
    /// List the imports of the store.
    #[arg(long)]
    list: bool,
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE", required_unless_present_any = ["undo", "report", "list"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    store: WhichStore,
}

fn import_id(text: &str) -> Result<ImportId, String> {
    ImportId::from_hex(text).ok_or_else(|| "expected 32 hex digits".to_owned())
}

/// Runs the command.
///
/// # Errors
/// The file or the store cannot be used, or a record was refused.
pub(super) async fn run(arguments: Import) -> Result<(), ProcessError> {
    let (undo_id, report_id, listed) = (arguments.undo, arguments.report, arguments.list);
    // The export of another passkeyd may be the first thing that is in a store.
    let fresh = arguments.file.is_some() && arguments.from == Source::Passkeyd;
    let dry_run = arguments.dry_run;
    let (task, store) = arguments.split();
    let settings = store.settings()?;
    // A file that cannot be read leaves no trace in the store, and makes none.
    let task = task.filter(|_| undo_id.is_none() && report_id.is_none() && !listed);
    let task = task.map(Task::read).transpose()?;
    let in_use = |path: &Path, _: &_| {
        format!(
            "{} is in use by a running passkeyd: stop it, import, then start it",
            path.display()
        )
    };
    let passkeys = match (fresh, dry_run) {
        (true, false) => which_store::open(&settings, in_use).await?,
        (true, true) => which_store::open_or_empty(&settings, in_use).await?,
        (false, _) => which_store::open_existing(&settings, in_use).await?,
    };
    let done = if let Some(id) = undo_id {
        undo(&passkeys, id).await
    } else if let Some(id) = report_id {
        first_sign_ins(&passkeys, id).await
    } else if listed {
        list(&passkeys).await
    } else if let Some(task) = task {
        from_file(&passkeys, task).await
    } else {
        Ok(())
    };
    passkeys.close().await?;
    done
}

/// An import from a file.
struct Task {
    file: PathBuf,
    dry_run: bool,
    with_deleted: bool,
    source: Source,
    relying_party: Option<RelyingPartyId>,
    told: Told,
}

/// What a file is.
enum Found {
    /// An export of passkeyd.
    Own(own::Checked),
    /// The data of another product.
    Other(Box<Looked>),
}

/// What is imported, and where the passkeys of another product go.
enum What<'a> {
    Own(own::Checked),
    Other(&'a Looked, Target),
}

/// A file that can be read.
struct Read {
    task: Task,
    found: Found,
    /// Removes what was read from standard input or a pipe at the end.
    _spool: Option<NamedTempFile>,
}

impl Task {
    /// What can be read only once: standard input, or a pipe that has a name, such as `<(zcat FILE)` of a shell.
    fn read_once(&self) -> Result<Option<Box<dyn io::Read>>, ProcessError> {
        if self.file == Path::new("-") {
            return Ok(Some(Box::new(io::stdin().lock())));
        }
        let is_pipe = fs::metadata(&self.file).is_ok_and(|found| found.file_type().is_fifo());
        if !is_pipe {
            return Ok(None);
        }
        let opened = File::open(&self.file);
        let opened = opened.map_err(|error| {
            let file = self.file.display();
            ProcessError::Command(format!("cannot read the file {file}: {error}"))
        })?;
        Ok(Some(Box::new(opened)))
    }

    /// Reads the file once: that it can be read, and what its columns are. It is read again later.
    fn read(mut self) -> Result<Read, ProcessError> {
        let mut kept = None;
        if let Some(mut from) = self.read_once()? {
            let spool = spool(&mut *from).map_err(|source| ProcessError::System {
                what: "cannot keep the input in a temporary file",
                source,
            })?;
            spool.path().clone_into(&mut self.file);
            kept = Some(spool);
        }
        let found = if self.source == Source::Passkeyd {
            Found::Own(own::check(&self.file, self.relying_party).map_err(failed)?)
        } else {
            Found::Other(Box::new(
                look(&self.file, self.source, &self.told).map_err(failed)?,
            ))
        };
        Ok(Read {
            task: self,
            found,
            _spool: kept,
        })
    }
}

impl Import {
    fn split(self) -> (Option<Task>, WhichStore) {
        let task = self.file.map(|file| Task {
            file,
            dry_run: self.dry_run,
            with_deleted: self.with_deleted,
            source: self.from,
            relying_party: self.relying_party,
            told: Told {
                handle: self.user_handle,
                user: self.user_column,
                csv: self.csv,
                second_factors: self.second_factors,
                include_disabled: self.include_disabled,
                ..Told::default()
            }
            .ignoring(&self.ignore),
        });
        (task, self.store)
    }
}

async fn from_file(passkeys: &Arc<Passkeys>, read: Read) -> Result<(), ProcessError> {
    let Read { task, found, .. } = &read;
    let what = match found {
        Found::Other(looked) => {
            if let Some(why) = looked.stops().filter(|_| !task.dry_run) {
                return Err(ProcessError::Command(format!("nothing was written: {why}")));
            }
            let target = target(passkeys, task.relying_party).await?;
            What::Other(looked, target.with_deleted(task.with_deleted))
        }
        Found::Own(checked) => What::Own(*checked),
    };
    let mode = if task.dry_run {
        Mode::DryRun
    } else {
        Mode::Write(passkeys.begin_import(&task.source.name()).await?)
    };
    let mut progress = Progress::new("records", None);
    let mut unprinted = None;
    let print = |report: &Report| {
        progress.step();
        if (mode == Mode::DryRun || report.outcome == "refused")
            && let Err(error) = line(report)
        {
            unprinted.get_or_insert(error);
        }
    };
    let done = match what {
        What::Own(checked) => own::import(passkeys, &task.file, checked, mode, print).await,
        What::Other(looked, target) => {
            import(passkeys, target, &task.file, looked, mode, print).await
        }
    };
    progress.end();
    if let Some(error) = unprinted {
        return Err(cannot_print(error));
    }
    let summary = done.map_err(|error| interrupted(error, mode))?;
    say(&summarised(&summary, mode));
    if summary.stopped.is_some() {
        return Err(ProcessError::Command(
            "the import would write nothing: see above for the members that are not known"
                .to_owned(),
        ));
    }
    match summary.count("refused") {
        0 => Ok(()),
        1 => Err(ProcessError::Command("1 record was refused".to_owned())),
        refused => Err(ProcessError::Command(format!(
            "{refused} records were refused"
        ))),
    }
}

/// The Relying Party that gets the passkeys of another product.
async fn target(
    passkeys: &Passkeys,
    wanted: Option<RelyingPartyId>,
) -> Result<Target, ProcessError> {
    let rp = wanted.ok_or_else(|| {
        ProcessError::Command(
            "--relying-party must name the Relying Party that gets the passkeys".to_owned(),
        )
    })?;
    passkeys.import_target(rp).await.map_err(|refusal| {
        ProcessError::Command(format!(
            "the Relying Party cannot get passkeys: {}",
            refusal.message
        ))
    })
}

fn spool(from: &mut dyn io::Read) -> io::Result<NamedTempFile> {
    let mut spool = NamedTempFile::new()?;
    io::copy(from, &mut spool)?;
    spool.flush()?;
    Ok(spool)
}

fn line(report: &Report) -> io::Result<()> {
    // A file has names that nobody has judged yet, and JSON may have control characters as they are.
    let mut text = visible(&serde_json::to_string(report)?);
    text.push('\n');
    io::stdout().lock().write_all(text.as_bytes())
}

fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", visible(text));
}

fn failed(error: ImportError) -> ProcessError {
    match error {
        ImportError::Store(refusal) => refusal.into(),
        ImportError::File(why) => ProcessError::Command(visible(&why)),
    }
}

fn interrupted(error: ImportError, mode: Mode) -> ProcessError {
    match mode {
        Mode::DryRun => failed(error),
        Mode::Write(id) => ProcessError::Command(format!(
            "the import {id} ended early: {}. Run it again, or undo it with --undo {id}",
            visible(&error.to_string())
        )),
    }
}

fn summarised(summary: &Summary, mode: Mode) -> String {
    let mut text = String::new();
    let mut add = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    for line in &summary.file {
        add(format!("File: {line}."));
    }
    for (note, count) in &summary.notes {
        let records = if *count == 1 { "record" } else { "records" };
        add(format!("Note on {count} {records}: {note}."));
    }
    let (added, exists) = (summary.count("added"), summary.count("exists"));
    let (raised, refused) = (summary.count("counter_raised"), summary.count("refused"));
    let left = match summary.count(own::LEFT_OUT) {
        0 => String::new(),
        left => format!(", {left} of other Services left out"),
    };
    let counts = format!(
        "{added} added, {exists} already there, {raised} with a raised counter, {refused} refused{left}"
    );
    match mode {
        Mode::DryRun => add(format!("Nothing was written. It would be: {counts}.")),
        Mode::Write(id) => {
            add(format!("Import {id}: {counts}."));
            // Nothing follows an id, so that a command can be copied with a double click.
            add(format!("First sign-ins: passkeyd import --report {id}"));
            add(format!(
                "To remove what was added: passkeyd import --undo {id}"
            ));
        }
    }
    text.pop();
    text
}

async fn undo(passkeys: &Passkeys, id: ImportId) -> Result<(), ProcessError> {
    known(passkeys, id).await?;
    let undone = passkeys.undo_import(id).await?;
    say(&format!(
        "Removed: credentials {}, users {}. Kept: users with other credentials {}, all accounts and Relying Parties.",
        undone.credentials, undone.users, undone.users_kept
    ));
    Ok(())
}

async fn first_sign_ins(passkeys: &Passkeys, id: ImportId) -> Result<(), ProcessError> {
    let import = known(passkeys, id).await?;
    let report = passkeys.first_sign_ins(&import).await?;
    writeln!(
        io::stdout().lock(),
        "source         {}\nbegun          {}\nimported       {}\nsigned in      {}\ndeleted since  {}",
        import.source,
        Date(import.created),
        report.imported,
        report.signed_in,
        report.gone
    )
    .map_err(cannot_print)
}

async fn known(
    passkeys: &Passkeys,
    id: ImportId,
) -> Result<domain::model::import::Import, ProcessError> {
    passkeys
        .import(id)
        .await?
        .ok_or_else(|| ProcessError::Command("the store has no import with this id".to_owned()))
}

async fn list(passkeys: &Passkeys) -> Result<(), ProcessError> {
    let imports = passkeys.list_imports(PageRequest::first(MOST)).await?;
    for import in imports.items {
        writeln!(
            io::stdout().lock(),
            "{}  {}  {}",
            import.id,
            Date(import.created),
            import.source
        )
        .map_err(cannot_print)?;
    }
    Ok(())
}
