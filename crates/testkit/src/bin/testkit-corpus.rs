//! Labelled ceremonies for comparing verifiers: `testkit-corpus SEED COUNT` writes cases of `passkeyd verify`, one JSON object in
//! a line, to the standard output. See [`testkit::corpus`].

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use testkit::corpus;

fn main() -> ExitCode {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().ok());
    let (Some(Some(seed)), Some(Some(count)), None) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return fail(&"usage: testkit-corpus SEED COUNT");
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut take = |_: &str, line: &str| {
        writeln!(out, "{line}").map_err(|error| testkit::Error::Corpus(error.to_string()))
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if let Err(error) = corpus::write(seed, count, &mut take) {
        return fail(&error);
    }
    match out.flush() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(problem: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "testkit-corpus: {problem}");
    ExitCode::FAILURE
}
