//! `passkeyd verify`: verifies recorded ceremonies offline, one JSON object per line in and one per line out.
//!
//! A case is read here. The core alone decides whether it is accepted.

mod lines;
mod verdict;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use domain::model::clock::{Clock, SystemClock};
use webauthn::UnixSeconds;
use webauthn::trace::{NoTrace, Steps};

use crate::verify::{Case, Unreadable, judge};
use lines::{Line, Lines};
use verdict::Verdict;

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Show every step: its section, what was checked and what was found.
    #[arg(long)]
    explain: bool,
    /// Files with one case per line, read in this order; `-` is standard input [default: -].
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// The worst that has happened so far; the order is that of the exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    AllAccepted,
    SomeRefused,
    SomeUnreadable,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::AllAccepted => 0,
            Outcome::SomeRefused => 1,
            Outcome::SomeUnreadable => 2,
        })
    }
}

/// Verifies all cases of all files.
///
/// Exit codes: 0 all were accepted, 1 some were refused, 2 a line could not be read as a case, a file could not be read, or the
/// output could not be written.
pub(super) fn run(arguments: &Verify) -> ExitCode {
    let standard_input = [PathBuf::from("-")];
    let files = if arguments.files.is_empty() {
        &standard_input[..]
    } else {
        &arguments.files
    };
    let clock = SystemClock::default();
    let mut output = io::stdout().lock();
    let mut worst = Outcome::AllAccepted;
    for file in files {
        let judged = open(file).and_then(|input| {
            Lines::new(input).try_for_each(|line| {
                let (outcome, verdict) = judge_line(line?, arguments.explain, &clock);
                worst = worst.max(outcome);
                verdict.write(&mut output)
            })
        });
        if let Err(error) = judged.and_then(|()| output.flush()) {
            worst = Outcome::SomeUnreadable;
            // The reader has closed the output: there is nothing left to do.
            if error.kind() == io::ErrorKind::BrokenPipe {
                break;
            }
            let _ = writeln!(io::stderr(), "passkeyd: {}: {error}", file.display());
        }
    }
    worst.into()
}

fn open(file: &Path) -> io::Result<Box<dyn BufRead>> {
    if file.as_os_str() == OsStr::new("-") {
        Ok(Box::new(io::stdin().lock()))
    } else {
        Ok(Box::new(BufReader::new(File::open(file)?)))
    }
}

fn judge_line(line: Line, explain: bool, clock: &dyn Clock) -> (Outcome, Verdict) {
    let text = match line {
        Line::Text(text) => text,
        Line::TooLong => {
            let unreadable = Unreadable {
                name: None,
                message: format!("the line has more than {} bytes", lines::MAX_LINE),
            };
            return (Outcome::SomeUnreadable, Verdict::unreadable(unreadable));
        }
    };
    let case = match Case::read(&text) {
        Ok(case) => case,
        Err(unreadable) => return (Outcome::SomeUnreadable, Verdict::unreadable(unreadable)),
    };
    let now = UnixSeconds(clock.now().seconds());
    let (outcome, steps) = if explain {
        let mut steps = Steps::default();
        (judge(&case, now, &mut steps), Some(steps))
    } else {
        (judge(&case, now, &mut NoTrace), None)
    };
    match outcome {
        Ok(facts) => (
            Outcome::AllAccepted,
            Verdict::accepted(case.name, *facts, steps),
        ),
        Err(refusal) => (
            Outcome::SomeRefused,
            Verdict::refused(case.name, refusal, steps),
        ),
    }
}
