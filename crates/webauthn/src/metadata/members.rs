//! JSON objects whose members are read one by one, so that one which cannot be read takes none of the others with it.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt;

/// The members of an object, unread; `None` stands for one that is there twice and so says two things.
pub(super) struct Members<'a>(HashMap<String, Option<&'a RawValue>>);

/// A member of an object.
pub(super) enum Member<T> {
    /// It is not there, or null.
    Absent,
    /// It is there and cannot be read, for this reason.
    Unreadable(&'static str),
    /// What it says.
    Read(T),
}

impl<'a> Members<'a> {
    /// `None` when the text is no object.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The member with this name, unread.
    pub(super) fn get(&self, name: &str) -> Member<&'a RawValue> {
        match self.0.get(name) {
            None => Member::Absent,
            Some(None) => Member::Unreadable("it is there twice"),
            Some(Some(raw)) if raw.get() == "null" => Member::Absent,
            Some(Some(raw)) => Member::Read(raw),
        }
    }

    /// A member that should be a string.
    pub(super) fn text(&self, name: &str) -> Member<String> {
        self.read_as(name, "it is not a string", text_of)
    }

    /// A member that should be `true` or `false`.
    pub(super) fn boolean(&self, name: &str) -> Member<bool> {
        self.read_as(name, "it is neither true nor false", |raw| {
            serde_json::from_str(raw.get()).ok()
        })
    }

    /// A member that should be an array, its elements unread.
    pub(super) fn list(&self, name: &str) -> Member<Vec<&'a RawValue>> {
        self.read_as(name, "it is not an array", |raw| {
            serde_json::from_str(raw.get()).ok()
        })
    }

    fn read_as<T>(
        &self,
        name: &str,
        why: &'static str,
        read: impl FnOnce(&'a RawValue) -> Option<T>,
    ) -> Member<T> {
        match self.get(name) {
            Member::Absent => Member::Absent,
            Member::Unreadable(why) => Member::Unreadable(why),
            Member::Read(raw) => read(raw).map_or(Member::Unreadable(why), Member::Read),
        }
    }
}

/// A string.
pub(super) fn text_of(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = HashMap::new();
                while let Some(name) = map.next_key::<&RawValue>()? {
                    // A name that is not text is ignored. The other members stay readable.
                    let name = text_of(name).unwrap_or_else(|| name.get().to_owned());
                    let value = map.next_value::<&RawValue>()?;
                    members
                        .entry(name)
                        .and_modify(|known| *known = None)
                        .or_insert(Some(value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
