//! A file of another product, record by record: CSV, one JSON object a line, a JSON list, or one JSON document.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::Path;

use serde_json::Value;

use super::json::{ListError, Once, TWICE, each_of_list};
use super::table::{Csv, UNSTATED, each_row, separator_of};

/// Longest document that is read as a whole, in bytes: a realm of Keycloak.
const LONGEST: u64 = 1 << 28;

/// Longest line of NDJSON, in bytes: a user with all passkeys.
pub(super) const LONGEST_LINE: u64 = 1 << 24;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// With this character between columns.
    Csv(u8),
    Lines,
    List,
    Document,
}

/// What is wrong with a text that is no JSON of records, and what to do.
fn not_json(what: &str, error: &serde_json::Error) -> String {
    let error = error.to_string();
    let fix = if error.contains(TWICE) {
        "Give each column a name of its own, instead of SELECT *"
    } else {
        "Write bytes as text, such as hex(column) AS column, instead of SELECT *, and take JSON out of PostgreSQL with psql -At and not with COPY"
    };
    format!("{what} is not JSON: {error}. {fix}")
}

/// Calls `take` with each record of the file, and with its place in words. A document gives one record, a list one for each element.
///
/// # Errors
/// The file cannot be read, in words; or `take` fails.
pub(super) fn each_record(
    file: &Path,
    csv: Option<Csv>,
    mut take: impl FnMut(String, Value) -> Result<(), String>,
) -> Result<(), String> {
    let unreadable =
        |error: &dyn std::fmt::Display| format!("cannot read the file {}: {error}", file.display());
    let mut opened = BufReader::new(File::open(file).map_err(|e| unreadable(&e))?);
    let form = form_of(&mut opened).map_err(|e| unreadable(&e))?;
    match form {
        Form::Csv(separator) => {
            let Some(Csv::Rfc4180) = csv else {
                return Err(format!("{} is no JSON. {UNSTATED}", file.display()));
            };
            let mut again = BufReader::new(File::open(file).map_err(|e| unreadable(&e))?);
            skip_mark(&mut again).map_err(|e| unreadable(&e))?;
            each_row(opened, again, separator, take)
                .map_err(|why| format!("{}: {why}", file.display()))
        }
        Form::Lines => {
            let mut line = Vec::new();
            for n in 1.. {
                let place = format!("line {n}");
                line.clear();
                let read = opened
                    .by_ref()
                    .take(LONGEST_LINE)
                    .read_until(b'\n', &mut line);
                match read.map_err(|e| unreadable(&e))? {
                    0 => break,
                    _ if line.len() as u64 == LONGEST_LINE => {
                        return Err(format!("{place} is longer than {LONGEST_LINE} bytes"));
                    }
                    _ if line.iter().all(u8::is_ascii_whitespace) => continue,
                    _ => {}
                }
                let value = serde_json::from_slice(&line);
                let Once(value) = value.map_err(|error| not_json(&place, &error))?;
                take(place, value)?;
            }
            Ok(())
        }
        Form::List => {
            let mut n = 0;
            let mut take = |value| {
                n += 1;
                take(format!("record {n}"), value)
            };
            each_of_list(opened, &mut take).map_err(|error| match error {
                ListError::Json(error) => not_json("the file", &error),
                ListError::Taken(why) => why,
            })
        }
        Form::Document => {
            let size = opened
                .get_ref()
                .metadata()
                .map_err(|e| unreadable(&e))?
                .len();
            if size > LONGEST {
                return Err(format!(
                    "the file is one document of more than {LONGEST} bytes, which is not read: write a list, or one record a line"
                ));
            }
            let Once(value) =
                serde_json::from_reader(opened).map_err(|e| not_json("the file", &e))?;
            take("the document".to_owned(), value)
        }
    }
}

/// Leaves out the mark that some programs write at the beginning of a text.
fn skip_mark(file: &mut BufReader<File>) -> std::io::Result<()> {
    if file.fill_buf()?.starts_with(&[0xef, 0xbb, 0xbf]) {
        file.consume(3);
    }
    Ok(())
}

fn form_of(file: &mut BufReader<File>) -> std::io::Result<Form> {
    skip_mark(file)?;
    if matches!(file.fill_buf()?, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        let why = "it is UTF-16: save it as UTF-8";
        return Err(std::io::Error::other(why));
    }
    let mut first = Vec::new();
    while first.iter().all(u8::is_ascii_whitespace) {
        first.clear();
        if file.by_ref().take(1 << 24).read_until(b'\n', &mut first)? == 0 {
            break;
        }
    }
    let begins = first.iter().find(|b| !b.is_ascii_whitespace());
    let form = match begins {
        Some(b'{') if serde_json::from_slice::<Value>(&first).is_ok() => Form::Lines,
        None => Form::Lines,
        Some(b'[') => Form::List,
        Some(b'{') => Form::Document,
        _ => Form::Csv(separator_of(&first)),
    };
    if begins.is_some_and(u8::is_ascii_control) {
        return Err(std::io::Error::other("it is neither CSV nor JSON"));
    }
    file.rewind()?;
    skip_mark(file)?;
    Ok(form)
}
