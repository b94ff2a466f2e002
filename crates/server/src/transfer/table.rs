//! CSV, which is no format but many: a file does not show by which rules its quotes are to be read, and people choose some of its values. In a
//! file without any rule, a name can look like whole records. So a table is read only where the operator states its rule, and by that rule.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use clap::ValueEnum;
use csv::StringRecord;
use serde_json::{Map, Value};

use super::rows::plain;

/// By which rule CSV is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Csv {
    /// Each value with a separator, a quote or a line break is in quotes, and quotes within it are doubled (RFC 4180).
    Rfc4180,
}

/// What an operator does about a table that cannot be read with certainty.
const EXPORT: &str = "Export the data as JSON";

/// Why a table is not read.
pub(super) const UNSTATED: &str = "A table (CSV) does not show how it is to be read: with some tools, a name with a quote in it looks like another column \
                                   or record, and a passkey goes to another person. Export the data as JSON. If the tool that wrote the file puts each \
                                   value with a separator, a quote or a line break in quotes, and doubles the quotes in it (COPY with CSV, csv of \
                                   Python, spreadsheets): add --csv rfc4180";

/// Calls `take` with each record of a table, and with its place in words. `again` is the same text, which is read beside `file`: the reader of
/// CSV does not say which values were in quotes.
///
/// # Errors
/// The table cannot be read, in words; or `take` fails.
pub(super) fn each_row(
    file: impl Read,
    mut again: impl BufRead,
    separator: u8,
    mut take: impl FnMut(String, Value) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.delimiter(separator).flexible(true).from_reader(file);
    let names = reader.headers().map_err(|e| e.to_string())?.clone();
    judge_header(&names)?;
    let mut at = 0;
    let mut is_ended = true;
    let mut raw = Vec::new();
    let mut written = |end: u64| {
        raw.clear();
        let mut rest = again.by_ref().take(end.saturating_sub(at));
        at = end;
        rest.read_to_end(&mut raw).map_err(|e| e.to_string())?;
        let is_ended = matches!(raw.last(), Some(b'\r' | b'\n'));
        in_quotes(&raw, separator).map(|quoted| (quoted, is_ended))
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
        let quoted;
        (quoted, is_ended) = written(reader.position().byte()).map_err(at_place)?;
        let members = members(&names, &record, &quoted).map_err(at_place)?;
        take(place, Value::Object(members))?;
    }
    if !is_ended {
        return Err(
            "the last line has no line break at its end, so the file may have been cut off within a value: export it again, or add the line break if it is whole"
                .to_owned(),
        );
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
fn in_quotes(raw: &[u8], separator: u8) -> Result<Vec<bool>, String> {
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
