//! What the records of a file have shown together: how their bytes are written, and which member names the users.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::disabled::{near, says};
use super::encoding::Seen;
use super::names::{NAMES, credential_id, find, handle_of, is_known};
use super::rows::Row;
use super::source::{HandleRule, Source, Told};

/// The columns of bytes in a file.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    pub(super) id: Seen,
    pub(super) key: Seen,
    pub(super) handle: Seen,
    /// How many rows name a user in any way.
    rows: usize,
    /// In how many rows each member is that can name the user.
    named: Vec<usize>,
    /// Whether any row has a credential id.
    has_ids: bool,
    /// A name or an id of a user in which backslashes are doubled.
    escaped: bool,
    /// Members that the import does not read, as an operator names them.
    unread: BTreeSet<String>,
    /// Members that say whether somebody may sign in.
    judged: BTreeSet<String>,
    /// Those of them that each record has to have.
    pub(super) stated: BTreeSet<String>,
    /// Which of the members that are to be ignored the file has.
    ignored: BTreeSet<usize>,
}

/// So many names are kept.
const MOST_NOTED: usize = 10_000;
/// Of an object with more members than this, the object is named.
const MOST_OF_OBJECT: usize = 10;

/// Names of members as one text. Those of an object with many members are named by the object: people may have written them.
fn named(paths: &BTreeSet<String>) -> String {
    let object = |path: &str| path.rsplit_once('.').map(|(object, _)| object.to_owned());
    let mut members: BTreeMap<String, usize> = BTreeMap::new();
    for object in paths.iter().filter_map(|path| object(path)) {
        *members.entry(object).or_default() += 1;
    }
    let mut named = BTreeSet::new();
    for path in paths {
        let large = object(path).filter(|object| members[object] > MOST_OF_OBJECT);
        named.insert(large.unwrap_or_else(|| path.clone()));
    }
    let named: Vec<_> = named.into_iter().collect();
    named.join(",")
}

impl Columns {
    /// Looks at the columns of bytes of a row, and at what names its user.
    pub(super) fn look(&mut self, row: &Row, source: Source, told: &Told) {
        let names = source.user_names();
        self.named.resize(names.len(), 0);
        let mut any = false;
        for (name, count) in names.iter().zip(&mut self.named) {
            let is_there = of_user(row, name).is_some();
            any |= is_there;
            *count += usize::from(is_there);
        }
        self.rows += usize::from(any);
        self.note_members(row, told);
        let told_user = told.user_path();
        let is_escaped = |path: &str| {
            let text = of_user(row, path).and_then(Value::as_str);
            text.is_some_and(|text| text.contains("\\\\"))
        };
        let mut paths = names.iter().copied().chain(ids_of_user(row));
        self.escaped |= paths.any(is_escaped) || told_user.as_deref().is_some_and(is_escaped);
        let id = credential_id(row);
        self.has_ids |=
            id.is_err() || id.as_ref().is_ok_and(Option::is_some) || row.judge().is_err();
        // Only a passkey shows how the bytes of passkeys are written: a user without one has an id, too.
        let (Ok(Some(id)), Some(key)) = (id, find(row, NAMES.key)) else {
            return;
        };
        self.id.look(id);
        self.key.look(key);
        // Letters are in no encoding.
        if let Some(value) = handle_of(row)
            && told.handle != Some(HandleRule::GivenText)
        {
            self.handle.look(value);
        }
    }

    /// Notes the members of a row that say whether somebody may sign in, and those that the import does not read. People may have written
    /// some of their names, so there is a limit.
    fn note_members(&mut self, row: &Row, told: &Told) {
        let (near, user) = (near(told), told.user_path());
        for member in row.all().chain(row.empty()) {
            let path = member.full();
            let ignored = told.ignores(&path);
            self.ignored.extend(ignored);
            let noted = if let Some(says) = says(member.path, &near) {
                if says.is_stated() && self.stated.len() < MOST_NOTED {
                    self.stated.insert(path.to_string());
                }
                &mut self.judged
            } else if member.value.as_object().is_some_and(Map::is_empty)
                || ignored.is_some()
                || is_known(member.path, member.value)
                || user.as_deref() == Some(member.path)
            {
                continue;
            } else {
                &mut self.unread
            };
            if noted.len() < MOST_NOTED {
                noted.insert(path.into_owned());
            }
        }
    }

    /// Why nothing is imported, if there are members that the import does not read.
    pub(super) fn unread(&self) -> Option<String> {
        if self.unread.is_empty() {
            return None;
        }
        let named = named(&self.unread);
        Some(format!(
            "the file has members that passkeyd does not know: {named}. If one of them says that a passkey is revoked, or that its user may not sign in, \
             leave such records out of the file: they could sign in here. Then say that the members do not matter: --ignore {named}"
        ))
    }

    /// Which members say whether somebody may sign in, in words.
    pub(super) fn judged(&self) -> String {
        if self.judged.is_empty() {
            return "no member of the file says whether a passkey is revoked or its user may not sign in: such records must not be in the file".to_owned();
        }
        let named = named(&self.judged);
        format!("whether a passkey or its user may sign in: the members {named}")
    }

    /// The member that names the user: one for the whole file, so that a name is never compared with another kind of name. It is the
    /// first that any row has.
    ///
    /// # Errors
    /// Not all rows have it: one person with a name, or without one, must not decide how the others are called.
    pub(super) fn user(&self, source: Source) -> Result<Option<&'static str>, String> {
        let mut named = source.user_names().iter().zip(&self.named);
        match named.find(|(_, count)| **count > 0) {
            Some((name, count)) if *count < self.rows => Err(format!(
                "some records of the file have the member {name} and others do not: --user-column names the member that names the users"
            )),
            found => Ok(found.map(|(name, _)| *name)),
        }
    }

    /// Which member names the users, in words.
    pub(super) fn users(&self, source: Source, told: &Told) -> Option<String> {
        let member = match told.user.as_deref() {
            Some(told) => told,
            None => self.user(source).ok()??,
        };
        Some(format!("names of users: the member {member}"))
    }

    /// How each column is read, in words.
    ///
    /// # Errors
    /// No record is a passkey, a column mixes encodings, or the tool that wrote the file has escaped its texts once more.
    pub fn decide(&self, told: &Told) -> Result<Vec<String>, String> {
        let mut ignored = (0..).zip(&told.ignored);
        if let Some((_, name)) = ignored.find(|(n, _)| !self.ignored.contains(n)) {
            return Err(format!(
                "no record of the file has the member {name}, which --ignore names. A member within another one has a dot before it: user.plan"
            ));
        }
        if !self.has_ids {
            return Err(
                "no record of the file has a credential id. Is --from the product that wrote it? A table must have the names of its columns in the first line"
                    .to_owned(),
            );
        }
        if self.escaped {
            return Err(
                "a name or an id of a user has two backslashes in a row. Some tools write each backslash of a text twice, JSON included (COPY without \
                 CSV, mysql without --raw), so that one name may be read as another. Export the data with another tool, or leave the record out"
                    .to_owned(),
            );
        }
        [
            ("credential ids", &self.id),
            ("public keys", &self.key),
            ("user handles", &self.handle),
        ]
        .into_iter()
        .filter_map(|(name, seen)| {
            let decided = seen.decide(name).transpose()?;
            Some(decided.map(|encoding| format!("{name}: {encoding}")))
        })
        .collect()
    }
}

/// The member of the user that a row has: in the user in whose list it is, or else in the record.
pub(super) fn of_user<'a>(row: &'a Row, path: &str) -> Option<&'a Value> {
    if row.is_listed() {
        row.of_owner(path)
    } else {
        row.get(path)
    }
}

/// The members that have the id of the user.
fn ids_of_user(row: &Row) -> impl Iterator<Item = &'static str> {
    let of_owner = if row.is_listed() {
        NAMES.id_of_owner
    } else {
        &[]
    };
    of_owner.iter().chain(NAMES.user_id).copied()
}

/// The id of the user, with its path.
pub(super) fn id_of_user(row: &Row) -> Option<(&'static str, &Value)> {
    ids_of_user(row).find_map(|path| Some((path, of_user(row, path)?)))
}
