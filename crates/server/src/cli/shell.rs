//! `passkeyd completions` and `passkeyd man`: what a package installs beside the binary.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::print::cannot_print;
use crate::error::ProcessError;

/// Arguments of `passkeyd completions`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

/// Arguments of `passkeyd man`.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// The directory to write to, for example /usr/local/share/man/man1.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Prints the completions of a shell.
///
/// # Errors
/// They cannot be printed.
pub(super) fn completions(
    mut command: Command,
    arguments: &Completions,
) -> Result<(), ProcessError> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "passkeyd", &mut text);
    let mut out = io::stdout().lock();
    out.write_all(&text)
        .and_then(|()| out.flush())
        .map_err(cannot_print)
}

/// Writes the manual pages, one for each command.
///
/// # Errors
/// They cannot be written.
pub(super) fn man(command: Command, arguments: &Man) -> Result<(), ProcessError> {
    std::fs::create_dir_all(&arguments.directory)
        .and_then(|()| clap_mangen::generate_to(command, &arguments.directory))
        .map_err(|source| ProcessError::System {
            what: "cannot write the manual pages",
            source,
        })
}
