//! `passkeyd migrate`: creates or updates the tables of a PostgreSQL store, or says what is to be done.

use clap::Args;
use domain::model::clock::{Clock as _, Randomness as _, SystemClock, SystemRandomness};
use domain::model::ids::NodeId;
use storage::postgres::{Schema, migrate, schema};
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
/// The database cannot be used, its schema is too new, or `--check` found something to do.
pub(super) async fn run(arguments: Migrate) -> Result<(), ProcessError> {
    let location = arguments.store.settings()?.store_location()?;
    let StoreUrl::Postgres(url) = location else {
        return say("The embedded store updates itself when it is opened. There is nothing to do.");
    };
    let failed = |error| ProcessError::Store(storage::StoreError::Postgres(error));
    if arguments.check {
        return judge(&url, schema(&url).await.map_err(failed)?);
    }
    let clock = SystemClock::default();
    let mut node = NodeId([0; 16]);
    SystemRandomness.fill(&mut node.0);
    let steps = migrate(&url, node, || clock.now()).await.map_err(failed)?;
    match steps {
        0 => say("The schema is current."),
        1 => say("Done: 1 step."),
        steps => say(&format!("Done: {steps} steps.")),
    }
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
