//! CSV, which is no format but many: a file does not show by which rules its quotes are to be read, and people choose some of its values. So a
//! file is read by one rule that no value can imitate, or by the rule that the operator states.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use clap::ValueEnum;
use csv::StringRecord;
use serde_json::{Map, Value};

use super::rows::plain;

/// How the values of CSV are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Csv {
    /// Every text is in quotes; numbers, truth values and nothing need not be.
    #[default]
    Quoted,
    /// A value with a separator, a quote or a line break is in quotes, and quotes within it are doubled (RFC 4180).
    Rfc4180,
}

/// What an operator does about a table that cannot be read with certainty.
pub(super) const EXPORT: &str = "Export the table as JSON, or as CSV with every text in quotes";

/// Said of a table that may have escapes instead of doubled quotes.
const ESCAPES: &str = "a quote comes after a backslash, and some tools write a quote within a value so. Export the table as JSON. If the tool that \
                       wrote the file doubles the quotes in a value and leaves backslashes alone (COPY with CSV, csv of Python): add --csv rfc4180";

/// Calls `take` with each record of a table, and with its place in words. `again` is the same text, which is read beside `file`: the reader of
/// CSV does not say which values were in quotes.
///
/// # Errors
/// The table cannot be read, in words; or `take` fails.
pub(super) fn each_row(
    file: impl Read,
    mut again: impl BufRead,
    separator: u8,
    csv: Csv,
    mut take: impl FnMut(String, Value) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.delimiter(separator).flexible(true).from_reader(file);
    let names = reader.headers().map_err(|e| e.to_string())?.clone();
    judge_header(&names)?;
    let mut at = 0;
    let mut raw = Vec::new();
    let mut written = |end: u64| {
        raw.clear();
        let mut rest = again.by_ref().take(end.saturating_sub(at));
        at = end;
        let read = rest.read_to_end(&mut raw).map_err(|e| e.to_string());
        read.and_then(|_| in_quotes(&raw, separator, csv))
    };
    written(reader.position().byte()).map_err(|why| format!("the header: {why}"))?;
    let mut record = StringRecord::new();
    for n in 2.. {
        let place = format!("line {n}");
        let at_place = |why: String| format!("{place}: {why}");
        let more = reader.read_record(&mut record);
        if !more.map_err(|e| at_place(e.to_string()))? {
            break;
        }
        let quoted = written(reader.position().byte()).map_err(at_place)?;
        let members = members(&names, &record, &quoted, csv).map_err(at_place)?;
        take(place, Value::Object(members))?;
    }
    Ok(())
}

/// The members of a record.
///
/// # Errors
/// It is not written by the rule.
fn members(
    names: &StringRecord,
    record: &StringRecord,
    quoted: &[bool],
    csv: Csv,
) -> Result<Map<String, Value>, String> {
    if quoted.len() != record.len() {
        return Err(format!("its quotes can be read in two ways. {EXPORT}"));
    }
    if record.len() != names.len() {
        return Err(format!(
            "it has {} values, and the header has {} columns. {EXPORT}",
            record.len(),
            names.len()
        ));
    }
    let mut members = Map::new();
    for ((name, text), quoted) in names.iter().zip(record).zip(quoted) {
        let nothing = !quoted && ["", "NULL", "\\N"].contains(&text);
        if csv == Csv::Quoted && !quoted && !nothing && is_text(text) {
            return Err(format!(
                "the value of {name} is not in quotes. passkeyd reads CSV in which every text is in quotes, because only there nobody's name can look \
                 like another record. {EXPORT}. If the tool that wrote the file puts each value with a separator, a quote or a line break in quotes, and \
                 doubles the quotes in it (COPY with CSV, csv of Python): add --csv rfc4180"
            ));
        }
        if !plain(name).is_empty() {
            let value = if nothing { Value::Null } else { text.into() };
            members.insert(name.to_owned(), value);
        }
    }
    Ok(members)
}

/// Refuses a header that has one name twice, as a join of two tables with a column `id` has.
fn judge_header(names: &StringRecord) -> Result<(), String> {
    let mut met = HashMap::new();
    for name in names {
        let plain = plain(name);
        if plain.is_empty() {
            continue;
        }
        if let Some(first) = met.insert(plain, name) {
            return Err(format!(
                "the columns {first} and {name} of the file count as one name: export each column under a name of its own"
            ));
        }
    }
    Ok(())
}

/// Which values of a record are in quotes.
///
/// # Errors
/// It has quotes that two readers may read in two ways.
fn in_quotes(raw: &[u8], separator: u8, csv: Csv) -> Result<Vec<bool>, String> {
    let is_end = |b: &u8| matches!(b, b'\r' | b'\n');
    let begin = raw.iter().position(|b| !is_end(b)).unwrap_or(raw.len());
    let mut rest = &raw[begin..];
    let mut found = Vec::new();
    loop {
        let quoted = rest.first() == Some(&b'"');
        let length = if quoted {
            let value = until_quote(&rest[1..]).ok_or_else(|| {
                format!("a value begins with a quote, and does not end with one. {EXPORT}")
            })?;
            if csv == Csv::Quoted && value.windows(2).any(|two| two == b"\\\"")
                || value.ends_with(b"\\")
            {
                return Err(ESCAPES.to_owned());
            }
            value.len() + 2
        } else {
            let length = rest.iter().position(|b| *b == separator || is_end(b));
            length.unwrap_or(rest.len())
        };
        if !quoted && rest[..length].contains(&b'"') {
            return Err(format!(
                "a value that is not in quotes has a quote in it. {EXPORT}"
            ));
        }
        found.push(quoted);
        match rest.get(length) {
            Some(next) if *next == separator => rest = &rest[length + 1..],
            Some(next) if !is_end(next) => {
                return Err(format!(
                    "there is something after the quote that ends a value. {EXPORT}"
                ));
            }
            Some(_) | None => return Ok(found),
        }
    }
}

/// The bytes up to the quote that ends a value; a doubled quote does not.
fn until_quote(rest: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        at += rest[at..].iter().position(|b| *b == b'"')?;
        if rest.get(at + 1) != Some(&b'"') {
            return Some(&rest[..at]);
        }
        at += 2;
    }
}

/// Whether a tool that puts texts in quotes would put this value in quotes: it is no number and no truth value.
fn is_text(value: &str) -> bool {
    let number = value.parse::<f64>().is_ok() && !value.ends_with(char::is_alphabetic);
    let truth = ["true", "false", "t", "f"].contains(&value.to_ascii_lowercase().as_str());
    !number && !truth
}

/// What is between the columns of a header: a comma, unless there is more of what other programs write.
pub(super) fn separator_of(header: &[u8]) -> u8 {
    let header = String::from_utf8_lossy(header);
    let count = |separator: u8| header.matches(char::from(separator)).count();
    let mut most = b',';
    for other in [b';', b'\t'] {
        if count(other) > count(most) {
            most = other;
        }
    }
    most
}
