//! A file of another product as rows: CSV, one JSON object a line, a JSON list, or one JSON document. A row is flat: members of objects
//! in it are named by their path. Case, `_` and `-` of names do not count, because each mapper of tables writes them differently. So two
//! names may mean the same: a header with such names is not read, and a record with them is refused when their values differ.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::Path;

use serde_json::{Map, Value};

/// Longest document that is read as a whole, in bytes.
const LONGEST: u64 = 1 << 30;

/// Longest line of NDJSON, in bytes: a user with all passkeys.
pub(super) const LONGEST_LINE: u64 = 1 << 24;

/// A row, and where it is in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// For people.
    pub(super) place: String,
    members: Vec<(String, Value)>,
    /// Two members that count as one name and have different values.
    ambiguous: Option<(String, String)>,
}

/// Columns in which mappers of tables write the record of a passkey, or a part of it, as a JSON text. No other text is read as JSON: people choose
/// some of them, such as their names, and a name that is JSON must not say whose passkey it is.
const JSON_COLUMNS: &[&str] = &[
    // The whole record.
    "",
    "credential",
    "credentialdata",
    "passkey",
    "data",
    "cred",
    "passkeycred",
    "credentialcred",
    // Parts of it.
    "flags",
    "authenticator",
    "descriptor",
];
/// Columns of bytes, which are a JSON text where a `Buffer` or a `Uint8Array` was one.
const BYTES_COLUMNS: &[&str] = &[
    "id",
    "credentialid",
    "credid",
    "publickeycredentialid",
    "keyid",
    "publickey",
    "credentialpublickey",
    "credpublickey",
    "webauthnuserid",
    "userhandle",
    "aaguid",
];

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '"'));
    letters.flat_map(char::to_lowercase).collect()
}

/// Whether an object is a byte string that JSON made an object of, or a key of webauthn-rs.
fn is_value(object: &Map<String, Value>) -> bool {
    object.get("type").is_some_and(|kind| kind == "Buffer")
        || object.contains_key("type_")
        || (object.contains_key("0") && object.keys().all(|k| k.parse::<u32>().is_ok()))
}

impl Row {
    pub(super) fn new(place: impl Into<String>, value: &Value) -> Self {
        let mut row = Self {
            place: place.into(),
            members: Vec::new(),
            ambiguous: None,
        };
        row.add("", value);
        row
    }

    /// The object that a text is, in a column that may hold one.
    fn unfolded(name: &str, text: &str) -> Option<Value> {
        let record = JSON_COLUMNS.contains(&name);
        if !text.starts_with('{') || !(record || BYTES_COLUMNS.contains(&name)) {
            return None;
        }
        let object: Map<String, Value> = serde_json::from_str(text).ok()?;
        (record || is_value(&object)).then_some(Value::Object(object))
    }

    /// Adds a value, which is not looked into.
    pub(super) fn put(&mut self, name: &str, value: &Value) {
        let empty = |value: &Value| value.is_null() || value.as_str() == Some("");
        if let Some(other) = self.get(name)
            && other != value
            && !empty(value)
        {
            let both = (name.to_owned(), name.to_owned());
            self.ambiguous.get_or_insert(both);
        }
        self.members.push((name.to_owned(), value.clone()));
    }

    /// Adds members below a name.
    pub(super) fn add(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(object) if !is_value(object) => {
                let mut plain_names: HashMap<String, (&String, &Value)> = HashMap::new();
                for (member, value) in object {
                    let short = plain(member);
                    let name = format!("{name}{short}");
                    let (first, other) = *plain_names.entry(short).or_insert((member, value));
                    if other != value && !other.is_null() && !value.is_null() {
                        let both = (first.clone(), member.clone());
                        self.ambiguous.get_or_insert(both);
                    }
                    self.add(&name, value);
                }
            }
            Value::String(text) => match Self::unfolded(name, text) {
                Some(object) => self.add(name, &object),
                None => self.put(name, value),
            },
            other => self.put(name, other),
        }
    }

    /// The value of a member, by its plain name; none if it is null or empty.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let mut found = self.members.iter().filter(|(member, _)| member == name);
        found
            .find(|(_, value)| !value.is_null() && value.as_str() != Some(""))
            .map(|(_, value)| value)
    }

    /// Refuses a row in which two members may be meant by one name.
    pub(super) fn judge(&self) -> Result<(), String> {
        match &self.ambiguous {
            None => Ok(()),
            Some((first, second)) if first == second => Err(format!(
                "it has two different values of {first}: in one of its columns, and within another one"
            )),
            Some((first, second)) => Err(format!(
                "its members {first} and {second} have different values, and count as one name"
            )),
        }
    }

    /// Adds those members of an object that the row does not have.
    pub(super) fn add_missing(&mut self, value: &Value) {
        let more = Self::new("", value);
        self.ambiguous = self.ambiguous.take().or(more.ambiguous);
        for (name, value) in more.members {
            if self.get(&name).is_none() {
                self.members.push((name, value));
            }
        }
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// With this character between columns.
    Csv(u8),
    Lines,
    Document,
}

/// Calls `take` with each record of the file as JSON, with its place. A document gives one record, a list one for each element.
pub(super) fn each_value(
    file: &Path,
    mut take: impl FnMut(String, Value) -> Result<(), String>,
) -> Result<(), String> {
    let unreadable =
        |error: &dyn std::fmt::Display| format!("cannot read the file {}: {error}", file.display());
    let mut opened = BufReader::new(File::open(file).map_err(|e| unreadable(&e))?);
    let form = form_of(&mut opened).map_err(|e| unreadable(&e))?;
    match form {
        Form::Csv(separator) => {
            let mut reader = csv::ReaderBuilder::new();
            let mut reader = reader.delimiter(separator).from_reader(opened);
            let names = reader.headers().map_err(|e| unreadable(&e))?.clone();
            judge_header(&names)?;
            for (n, record) in reader.records().enumerate() {
                let place = format!("line {}", n + 2);
                let record = record.map_err(|error| format!("{place}: {error}"))?;
                let members = names.iter().zip(&record);
                let members = members.map(|(name, text)| (name.to_owned(), text.into()));
                take(place, Value::Object(members.collect()))?;
            }
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
                let value = value.map_err(|error| format!("{place} is not JSON: {error}"))?;
                take(place, value)?;
            }
        }
        Form::Document => {
            let value: Value = serde_json::from_reader(opened.take(LONGEST))
                .map_err(|error| format!("the file is not JSON: {error}"))?;
            match value {
                Value::Array(list) => {
                    for (n, value) in list.into_iter().enumerate() {
                        take(format!("record {}", n + 1), value)?;
                    }
                }
                document => take("the document".to_owned(), document)?,
            }
        }
    }
    Ok(())
}

/// Refuses a header that has one name twice, as a join of two tables with a column `id` has.
fn judge_header(names: &csv::StringRecord) -> Result<(), String> {
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

/// What is between the columns of a header: a comma, unless there is more of what other programs write.
fn separator_of(header: &[u8]) -> u8 {
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
        Some(b'{' | b'[') => Form::Document,
        _ => Form::Csv(separator_of(&first)),
    };
    if begins.is_some_and(u8::is_ascii_control) {
        return Err(std::io::Error::other("it is neither CSV nor JSON"));
    }
    file.rewind()?;
    skip_mark(file)?;
    Ok(form)
}
