//! `passkeyd compact`: gives the space of removed records back to the file system.

use clap::Args;
use storage::embedded::{compact, compacted_of};

use super::backup::failed;
use super::print::say;
use super::progress::Growing;
use super::which_store::{WhichStore, file_of};
use crate::process::ProcessError;

/// Arguments of the command.
#[derive(Debug, Args)]
#[command(
    after_help = "Stop passkeyd first. A copy without gaps takes the place of the database file at the end. It needs free space beside it, \
                  at most as much as the database file has."
)]
pub(super) struct Compact {
    #[command(flatten)]
    store: WhichStore,
}

/// Runs the command.
///
/// # Errors
/// There is no embedded store, a running server uses it, the disk has no room, or the store is damaged.
pub(super) fn run(arguments: Compact) -> Result<(), ProcessError> {
    let settings = arguments.store.settings()?;
    let path = file_of(
        &settings,
        "PostgreSQL gives space back by itself (autovacuum)",
    )?;
    let (mut said, mut growing) = (Ok(()), None);
    let done = compact(&path, |bytes| {
        said = say(&format!(
            "Writing a copy of {} without gaps. It needs at most {bytes} bytes of free space and takes the place of the file at the end.",
            path.display()
        ));
        growing = Some(Growing::new(compacted_of(&path), bytes, "being verified"));
    });
    if let Some(growing) = growing {
        growing.end();
    }
    let done = done.map_err(|error| failed(&error))?;
    said?;
    say(&format!(
        "Before: {} bytes. Now: {} bytes.",
        done.before, done.after
    ))
}
