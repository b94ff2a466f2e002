//! A record of a file as rows. A row is flat: members of objects in it are named by their path, with dots. Case, `_` and `-` of names do not
//! count, because each mapper of tables writes them differently. So two names may mean the same: a record with such names is refused when
//! their values differ.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::json::Once;

/// The key of a document of `MongoDB`.
const MONGO_ID: &str = "_id";
/// What stands for members without a name, and for those whose path is too long.
const NAMELESS: &str = "(nameless)";
const LONGER: &str = "(longname)";
/// Longest path of a member that is kept, in bytes.
const LONGEST_PATH: usize = 200;

type Members = BTreeMap<String, Value>;

/// A row, and where it is in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// For people.
    pub(super) place: String,
    /// Values by their paths, but for those that are nothing.
    members: Arc<Members>,
    /// Members that are nothing: `null`, for an empty text, too, or an object without members.
    empty: Arc<Members>,
    /// The members of what has the passkey in a list, of a user or of a document, and those that are nothing.
    owner: Option<(Arc<Members>, Arc<Members>)>,
    /// Whether that is a user.
    of_user: bool,
    /// The name of the list.
    list: &'static str,
    /// Whether it is a user alone, and no passkey.
    is_person: bool,
    /// Why it is refused.
    refused: Option<String>,
}

/// A member of a record, or of what has it in a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// The list in which the record is whose member it is; empty for a member of what has the list, and where there is no list.
    list: &'static str,
    /// Its path in the record.
    pub(super) path: &'a str,
    /// Its value.
    pub(super) value: &'a Value,
}

impl<'a> Member<'a> {
    /// Its path as an operator names it: within the list, if it is in one.
    pub(super) fn full(&self) -> Cow<'a, str> {
        match self.list {
            "" => Cow::Borrowed(self.path),
            list => Cow::Owned(format!("{list}.{}", self.path)),
        }
    }
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
    "passkey.cred",
    "credential.cred",
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

/// A name as it is compared: without case, `_`, `-`, blanks and quotes. `_id` of `MongoDB` is another name than `id`.
pub(super) fn plain(name: &str) -> String {
    if name == MONGO_ID {
        return name.to_owned();
    }
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '"'));
    letters.flat_map(char::to_lowercase).collect()
}

/// A path of members, with each name as it is compared.
pub(super) fn plain_path(path: &str) -> String {
    let names: Vec<_> = path.split('.').map(plain).collect();
    names.join(".")
}

/// Whether a member is at a path, or within the object there.
pub(super) fn is_at(path: &str, one: &str) -> bool {
    let rest = path.strip_prefix(one);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Why a record with two members of one name is refused.
pub(super) fn one_name(first: &str, second: &str) -> String {
    format!("its members {first} and {second} have different values, and count as one name")
}

/// Whether an object is a byte string that JSON made an object of, or a key of webauthn-rs.
fn is_value(object: &Map<String, Value>) -> bool {
    object.get("type").is_some_and(|kind| kind == "Buffer")
        || object.contains_key("type_")
        || object.contains_key("$binary")
        || (object.contains_key("0") && object.keys().all(|k| k.parse::<u32>().is_ok()))
}

/// Whether a value is nothing.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

impl Row {
    pub(super) fn new(place: impl Into<String>, value: &Value) -> Self {
        let mut row = Self {
            place: place.into(),
            ..Self::default()
        };
        row.add("", value);
        row
    }

    /// The object that a text is, in a column that may hold one.
    fn unfolded(path: &str, text: &str) -> Option<Value> {
        let record = JSON_COLUMNS.contains(&path);
        let name = path.rsplit('.').next().unwrap_or(path);
        if !text.starts_with('{') || !(record || BYTES_COLUMNS.contains(&name)) {
            return None;
        }
        let Once(value) = serde_json::from_str(text).ok()?;
        let is_one = value.as_object().is_some_and(is_value);
        (record || is_one).then_some(value)
    }

    /// Adds a value, which is not looked into.
    pub(super) fn put(&mut self, path: &str, value: &Value) {
        if is_nothing(value) {
            return self.put_empty(path, Value::Null);
        }
        match self.members.get(path) {
            Some(other) if other != value => self.refuse(format!(
                "it has two different values of {path}: in one of its columns, and within another one"
            )),
            Some(_) => {}
            None => {
                Arc::make_mut(&mut self.members).insert(path.to_owned(), value.clone());
            }
        }
    }

    /// Adds a member that is nothing.
    fn put_empty(&mut self, path: &str, value: Value) {
        if !path.is_empty() && !self.empty.contains_key(path) {
            Arc::make_mut(&mut self.empty).insert(path.to_owned(), value);
        }
    }

    /// A row that is refused.
    pub(super) fn refused(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            refused: Some(why.into()),
            ..Self::default()
        }
    }

    /// Refuses the row, if it is not refused for another reason yet.
    pub(super) fn refuse(&mut self, why: String) {
        self.refused.get_or_insert(why);
    }

    /// Adds a value at a path, and the members of an object below it.
    pub(super) fn add(&mut self, path: &str, value: &Value) {
        // No name is so long, and people may have written the object.
        if path.len() > LONGEST_PATH {
            return self.put(LONGER, &true.into());
        }
        match value {
            Value::Object(object) if object.is_empty() => self.put_empty(path, value.clone()),
            Value::Object(object) if !is_value(object) => {
                let mut plain_names: HashMap<String, (&String, &Value)> = HashMap::new();
                for (member, value) in object {
                    let short = plain(member);
                    // A member without a name is no other one's value.
                    if short.is_empty() {
                        if !is_nothing(value) {
                            self.put(NAMELESS, &true.into());
                        }
                        continue;
                    }
                    let below = match path {
                        "" => short.clone(),
                        path => format!("{path}.{short}"),
                    };
                    let (first, other) = *plain_names.entry(short).or_insert((member, value));
                    if other != value && !other.is_null() && !value.is_null() {
                        let why = one_name(first, member);
                        self.refuse(why);
                    }
                    self.add(&below, value);
                }
            }
            Value::String(text) => match Self::unfolded(path, text) {
                Some(object) => self.add(path, &object),
                None => self.put(path, value),
            },
            other => self.put(path, other),
        }
    }

    /// The value of a member, by its path of plain names; none if it is null or empty.
    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        self.members.get(path)
    }

    /// Whether the row may be read.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn judge(&self) -> Result<(), String> {
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// Says in whose list the passkey is. The user alone says who that is.
    pub(super) fn listed_by(&mut self, user: &Self, list: &'static str) {
        self.beside(user, list);
        self.of_user = true;
    }

    /// A user alone: the file has one of this name, whether the user has a passkey or not.
    pub(super) fn person(user: &Self) -> Self {
        let mut row = Self {
            is_person: true,
            ..Self::default()
        };
        row.listed_by(user, "");
        row
    }

    /// Whether it is a user alone, and no passkey.
    pub(super) fn is_person(&self) -> bool {
        self.is_person
    }

    /// Says which document has the record in a list.
    pub(super) fn beside(&mut self, document: &Self, list: &'static str) {
        if let Some(why) = &document.refused {
            self.refuse(why.clone());
        }
        self.owner = Some((Arc::clone(&document.members), Arc::clone(&document.empty)));
        self.list = list;
    }

    /// Refuses a passkey that has other values of these members than what has it in a list.
    pub(super) fn agrees_on(&mut self, paths: &[&str]) {
        for path in paths {
            let (own, of_owner) = (self.get(path), self.of_owner(path));
            if own.is_some() && of_owner.is_some() && own != of_owner {
                self.refuse(format!(
                    "the passkey, and what has it in a list, have different values of {path}"
                ));
            }
        }
    }

    /// Whether the passkey is in the list of a user.
    pub(super) fn is_listed(&self) -> bool {
        self.of_user
    }

    /// What differs between two users of one name, as one text: for a user who has a list all that the file has of the user, and otherwise the
    /// members at these paths and below.
    pub(super) fn identity(&self, paths: &[&str]) -> String {
        let (members, all) = match &self.owner {
            Some((owner, _)) if self.of_user => (owner, true),
            _ => (&self.members, false),
        };
        let is_one = |path: &str| paths.iter().any(|one| is_at(path, one));
        let found = members.iter().filter(|(path, _)| all || is_one(path));
        let found = found.map(|(path, value)| format!("{path} {value}"));
        found.collect::<Vec<_>>().join("\n")
    }

    /// All members of the record, with its path in that of a user if it is in a list, and of what has it in a list.
    pub(super) fn all(&self) -> impl Iterator<Item = Member<'_>> {
        let owner = self.owner.iter().flat_map(|(owner, _)| &**owner);
        self.listed(&self.members, owner)
    }

    /// The members that are nothing, of the record and of what has it in a list.
    pub(super) fn empty(&self) -> impl Iterator<Item = Member<'_>> {
        let owner = self.owner.iter().flat_map(|(_, empty)| &**empty);
        self.listed(&self.empty, owner)
    }

    fn listed<'a>(
        &self,
        own: &'a Members,
        owner: impl Iterator<Item = (&'a String, &'a Value)>,
    ) -> impl Iterator<Item = Member<'a>> {
        let list = if self.owner.is_some() { self.list } else { "" };
        let own = own
            .iter()
            .map(move |(path, value)| Member { list, path, value });
        own.chain(owner.map(|(path, value)| Member {
            list: "",
            path,
            value,
        }))
    }

    /// A member of what has the passkey in a list.
    pub(super) fn of_owner(&self, path: &str) -> Option<&Value> {
        self.owner.as_ref()?.0.get(path)
    }
}
