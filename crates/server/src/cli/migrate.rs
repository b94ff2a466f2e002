//! `passkeyd migrate`: creates or updates the tables of a PostgreSQL store, or says what is to be done.

use std::io::{self, Write as _};
use std::path::Path;

use clap::Args;
use domain::model::clock::{Clock as _, Randomness as _, SystemClock, SystemRandomness};
use domain::model::ids::NodeId;
use storage::embedded::formats;
use storage::postgres::{Schema, migrate_telling, schema};
use storage::{PostgresUrl, StoreUrl};

use super::print::say;
use super::which_store::WhichStore;
use crate::process::ProcessError;

/// Arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Change nothing, and exit with 1 when there is something to do.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    store: WhichStore,
}

/// Runs the command.
///
/// # Errors
/// There is no store, the database cannot be used, its schema is too new, or `--check` found something to do.
pub(super) async fn run(arguments: Migrate) -> Result<(), ProcessError> {
    let location = arguments.store.settings()?.store_location()?;
    let url = match location {
        StoreUrl::Postgres(url) => url,
        StoreUrl::File(file) => return embedded(&file),
        StoreUrl::Memory => return say("A store in memory has no tables. Nothing was changed."),
    };
    let failed = |error| ProcessError::Store(storage::StoreError::Postgres(error));
    if arguments.check {
        return judge(&url, schema(&url).await.map_err(failed)?);
    }
    let clock = SystemClock::default();
    let mut node = NodeId([0; 16]);
    SystemRandomness.fill(&mut node.0);
    let waits = || {
        let _ = writeln!(
            io::stderr(),
            "Another process migrates this database, or was killed while it did. Waiting for at most a minute."
        );
    };
    let steps = migrate_telling(&url, node, || clock.now(), waits).await;
    let steps = steps.map_err(failed)?;
    match steps {
        0 => say("The schema is current."),
        1 => say("Done: 1 step."),
        steps => say(&format!("Done: {steps} steps.")),
    }
}

/// What there is to do about an embedded store: nothing, because it migrates itself.
fn embedded(file: &Path) -> Result<(), ProcessError> {
    const ELSEWHERE: &str =
        "For PostgreSQL, name the database: passkeyd migrate --store postgres://...";
    // A script that has forgotten the address of its database must notice.
    if !file.is_file() {
        return Err(ProcessError::Command(format!(
            "there is no embedded store at {}. passkeyd serve makes one, with all its tables. Nothing was changed.\n{ELSEWHERE}",
            file.display()
        )));
    }
    let (found, current) = formats(file).map_err(|fault| ProcessError::Store(fault.into()))?;
    let place = file.display();
    say(&if found == current {
        format!(
            "The embedded store at {place} has format {found}, which is current. Nothing was changed.\n{ELSEWHERE}"
        )
    } else {
        format!(
            "The embedded store at {place} has format {found}. passkeyd serve updates it to format {current} when it opens it. \
             Nothing was changed.\n{ELSEWHERE}"
        )
    })
}

/// What `--check` says of a schema.
fn judge(url: &PostgresUrl, found: Schema) -> Result<(), ProcessError> {
    let why = match found {
        Schema::Usable { found } => {
            return say(&format!(
                "The schema has version {found}, and this passkeyd can use it."
            ));
        }
        Schema::Missing => format!(
            "there are no tables of passkeyd in schema {} yet",
            url.schema()
        ),
        Schema::Older { found, current } => {
            format!("the schema has version {found}, and this passkeyd needs version {current}")
        }
        Schema::Newer { found, current } => format!(
            "the schema has version {found}, which a newer passkeyd made; this one knows version {current}"
        ),
    };
    Err(ProcessError::Command(why))
}
