//! A file of another product as rows: CSV, one JSON object a line, a JSON list, or one JSON document. A row is flat: members of objects
//! in it are named by their path. Case, `_` and `-` of names do not count, because each mapper of tables writes them differently. So two
//! names may mean the same: a header with such names is not read, and a record with them is refused when their values differ.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
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
    /// The members of the user in whose list the passkey is.
    owner: Option<Vec<(String, Value)>>,
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

/// A name as it is compared: without case, `_`, `-`, blanks and quotes.
pub(super) fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '"'));
    letters.flat_map(char::to_lowercase).collect()
}

/// Whether an object is a byte string that JSON made an object of, or a key of webauthn-rs.
fn is_value(object: &Map<String, Value>) -> bool {
    object.get("type").is_some_and(|kind| kind == "Buffer")
        || object.contains_key("type_")
        || (object.contains_key("0") && object.keys().all(|k| k.parse::<u32>().is_ok()))
}

fn value_of<'a>(members: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    let mut found = members.iter().filter(|(member, _)| member == name);
    found
        .find(|(_, value)| !value.is_null() && value.as_str() != Some(""))
        .map(|(_, value)| value)
}

impl Row {
    pub(super) fn new(place: impl Into<String>, value: &Value) -> Self {
        let mut row = Self {
            place: place.into(),
            members: Vec::new(),
            owner: None,
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

    /// A row that is refused, because either of two members may be meant.
    pub(super) fn ambiguous(place: impl Into<String>, first: &str, second: &str) -> Self {
        Self {
            place: place.into(),
            ambiguous: Some((first.to_owned(), second.to_owned())),
            ..Self::default()
        }
    }

    /// Adds members below a name.
    pub(super) fn add(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(object) if !is_value(object) => {
                let mut plain_names: HashMap<String, (&String, &Value)> = HashMap::new();
                for (member, value) in object {
                    let short = plain(member);
                    // A member without a name is no other one's value.
                    if short.is_empty() {
                        continue;
                    }
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
        value_of(&self.members, name)
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

    /// Adds those members of the user that the passkey, which is in the list of the user, does not have.
    ///
    /// A passkey that has another one of these members than the user is refused.
    pub(super) fn add_owner(&mut self, value: &Value, same: &[&str]) {
        let more = Self::new("", value);
        self.ambiguous = self.ambiguous.take().or(more.ambiguous);
        for name in same {
            let (own, of_owner) = (self.get(name), value_of(&more.members, name));
            if own.is_some() && of_owner.is_some() && own != of_owner {
                let both = ((*name).to_owned(), (*name).to_owned());
                self.ambiguous.get_or_insert(both);
            }
        }
        self.owner = Some(more.members.clone());
        for (name, value) in more.members {
            if self.get(&name).is_none() {
                self.members.push((name, value));
            }
        }
    }

    /// Whether the passkey is in the list of a user.
    pub(super) fn is_listed(&self) -> bool {
        self.owner.is_some()
    }

    /// A member of the user in whose list the passkey is.
    pub(super) fn of_owner(&self, name: &str) -> Option<&Value> {
        value_of(self.owner.as_ref()?, name)
    }
}

/// A value of JSON whose objects have each member once: of two, nobody knows which one counts.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reads).map(Self)
    }
}

struct Reads;

impl<'de> Visitor<'de> for Reads {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Once(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Once(value))) = map.next_entry::<String, Once>()? {
            if object.contains_key(&name) {
                let why = format!("an object has the member {name:?} twice");
                return Err(serde::de::Error::custom(why));
            }
            object.insert(name, value);
        }
        Ok(object.into())
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

/// A record of a file as JSON.
pub(super) struct Record {
    /// For people.
    pub(super) place: String,
    pub(super) value: Value,
    /// The plain names of columns whose values are in quotes, in a record of which others are not (perhaps the quotes belong to the value), or which
    /// are escaped in a way that is not known.
    pub(super) doubtful: Vec<String>,
}

/// Calls `take` with each record of the file. A document gives one record, a list one for each element.
pub(super) fn each_value(
    file: &Path,
    mut take: impl FnMut(Record) -> Result<(), String>,
) -> Result<(), String> {
    let mut take_json = |place: String, value: Value| {
        take(Record {
            place,
            value,
            doubtful: Vec::new(),
        })
    };
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
            let mut written = Written::new(file).map_err(|e| unreadable(&e))?;
            let header = reader.position().byte();
            written.next(header).map_err(|e| unreadable(&e))?;
            let mut record = csv::StringRecord::new();
            for n in 2.. {
                let place = format!("line {n}");
                let more = reader.read_record(&mut record);
                if !more.map_err(|error| format!("{place}: {error}"))? {
                    break;
                }
                let end = reader.position().byte();
                let raw = written.next(end).map_err(|e| unreadable(&e))?;
                let quoted = in_quotes(raw, separator, names.len());
                let quoted = quoted.map_err(|why| format!("{place}: {why}"))?;
                let escaped = (0..record.len()).filter(|n| is_escaped(&record[*n], separator));
                let doubtful = quoted.into_iter().chain(escaped);
                let doubtful = doubtful.filter_map(|column| names.get(column));
                let members = names.iter().zip(&record);
                let members = members.filter(|(name, _)| !plain(name).is_empty());
                let members = members.map(|(name, text)| (name.to_owned(), text.into()));
                take(Record {
                    place,
                    value: Value::Object(members.collect()),
                    doubtful: doubtful.map(plain).collect(),
                })?;
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
                let Once(value) = value.map_err(|error| format!("{place} is not JSON: {error}"))?;
                take_json(place, value)?;
            }
        }
        Form::Document => {
            let Once(value) = serde_json::from_reader(opened.take(LONGEST))
                .map_err(|error| format!("the file is not JSON: {error}"))?;
            match value {
                Value::Array(list) => {
                    for (n, value) in list.into_iter().enumerate() {
                        take_json(format!("record {}", n + 1), value)?;
                    }
                }
                document => take_json("the document".to_owned(), document)?,
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

/// The bytes of a file of CSV, record by record.
struct Written {
    file: BufReader<File>,
    at: u64,
    record: Vec<u8>,
}

impl Written {
    fn new(file: &Path) -> std::io::Result<Self> {
        let mut file = BufReader::new(File::open(file)?);
        skip_mark(&mut file)?;
        Ok(Self {
            file,
            at: 0,
            record: Vec::new(),
        })
    }

    /// What is written up to this place.
    fn next(&mut self, end: u64) -> std::io::Result<&[u8]> {
        self.record.clear();
        let mut rest = self.file.by_ref().take(end.saturating_sub(self.at));
        rest.read_to_end(&mut self.record)?;
        self.at = end;
        Ok(&self.record)
    }
}

/// What an operator does about a table whose quotes are not those of CSV.
pub(super) const EXPORT: &str = "Export the table as JSON, or as CSV with every text in quotes";

/// The columns of a record of CSV whose values are in quotes, while other texts are not in quotes.
///
/// Tools such as `mysql -B`, `COPY ... TO` and `sqlite3 -separator` put no quotes around values, so a quote belongs to the value there. People
/// choose some of the values: one in quotes must not become that of somebody else, nor take in the records that follow.
///
/// # Errors
/// Nothing of the file can be relied upon.
fn in_quotes(raw: &[u8], separator: u8, columns: usize) -> Result<Vec<usize>, String> {
    let blank = |b: &u8| matches!(b, b'\r' | b'\n');
    let begin = raw.iter().position(|b| !blank(b)).unwrap_or(raw.len());
    let raw = &raw[begin..];
    let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
    let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
    if raw.windows(2).any(|two| two[0] == b'\r' && two[1] != b'\n') {
        return Err(format!(
            "a line ends with a carriage return alone. {EXPORT}"
        ));
    }
    let (mut found, mut bare) = (Vec::new(), false);
    let mut at = 0;
    for column in 0.. {
        let rest = &raw[at..];
        let length = if rest.first() == Some(&b'"') {
            let value = until_quote(&rest[1..]).ok_or_else(|| {
                format!("a value begins with a quote, and does not end with one. {EXPORT}")
            })?;
            // Also one that needs them, because of a comma: it looks the same in a table without quotes.
            if !value.is_empty() {
                found.push(column);
            }
            value.len() + 2
        } else {
            let length = rest.iter().position(|b| *b == separator);
            let length = length.unwrap_or(rest.len());
            bare |= is_text(&rest[..length]);
            length
        };
        match raw.get(at + length) {
            None => break,
            Some(next) if *next == separator => at += length + 1,
            Some(_) => {
                return Err(format!(
                    "there is something after the quote that ends a value. {EXPORT}"
                ));
            }
        }
    }
    // Where every text is in quotes, quotes and line breaks are what they should be.
    if !bare {
        return Ok(Vec::new());
    }
    let wide = |line: &[u8]| line.split(|b| *b == separator).count() >= columns;
    if columns > 1 && raw.split(|b| *b == b'\n').skip(1).any(wide) {
        return Err(format!(
            "a value begins with a quote, and has a whole record in it. {EXPORT}"
        ));
    }
    Ok(found)
}

/// Whether a value is written in a way of its tool: nothing as a word, and, where a tab is between the columns, a backslash before what has another
/// meaning.
fn is_escaped(value: &str, separator: u8) -> bool {
    value == "\\N" || value == "NULL" || (separator == b'\t' && value.contains('\\'))
}

/// The bytes up to the quote that ends a value; a doubled quote does not. None where there is no such quote, or a backslash is before a quote: some
/// tools double the quote then, and some do not.
fn until_quote(rest: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        at += rest[at..].iter().position(|b| *b == b'"')?;
        if rest[..at].ends_with(b"\\") {
            return None;
        }
        if rest.get(at + 1) != Some(&b'"') {
            return Some(&rest[..at]);
        }
        at += 2;
    }
}

/// Whether a tool that puts texts in quotes would put this value in quotes: it is no number, no truth value and not nothing.
fn is_text(value: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(value) else {
        return true;
    };
    let word = text.trim().to_ascii_lowercase();
    let nothing = ["", "null", "\\n", "true", "false", "t", "f"].contains(&word.as_str());
    !nothing && word.parse::<f64>().is_err()
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
