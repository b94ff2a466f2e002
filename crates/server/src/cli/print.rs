//! Printing results.

use std::fmt::Write as _;
use std::io::Write as _;

use domain::model::text::is_control;

use crate::error::ProcessError;
use crate::transfer::record::Counts;

/// Prints a result as JSON.
pub(super) fn print_json(what: &impl serde::Serialize) -> Result<(), ProcessError> {
    let write = || -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, what)?;
        out.write_all(b"\n")?;
        out.flush()
    };
    write().map_err(cannot_print)
}

/// A text as a terminal may show it: what a terminal would obey, or what would reorder the line, is written as an escape. Line breaks stay.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_control(c) && c != '\n' {
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Prints a line.
pub(super) fn say(text: &str) -> Result<(), ProcessError> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(cannot_print)
}

/// A number with its noun, in the singular where it is one.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The records of an export, in words.
pub(super) fn exported(counts: Counts) -> String {
    let mut parts = vec![
        counted(counts.accounts, "account", "accounts"),
        counted(counts.relying_parties, "Relying Party", "Relying Parties"),
        counted(counts.users, "user", "users"),
        counted(counts.credentials, "credential", "credentials"),
        counted(counts.events, "event", "events"),
    ];
    if counts.imported > 0 {
        parts.push(counted(
            counts.imported,
            "note of an import",
            "notes of imports",
        ));
    }
    parts.join(", ")
}

/// The error of a result that cannot be printed.
pub(super) fn cannot_print(source: std::io::Error) -> ProcessError {
    ProcessError::System {
        what: "cannot print the result",
        source,
    }
}
