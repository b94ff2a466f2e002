//! JSON of another product, which is read strictly: where two readers may read it in two ways, it is refused.

use std::io::Read;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Said of a member that an object has two times.
pub(super) const TWICE: &str = "twice";

/// A value of JSON whose objects have each member once: of two, nobody knows which one counts.
pub(super) struct Once(pub(super) Value);

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
                let why = format!("an object has the member {name:?} {TWICE}");
                return Err(serde::de::Error::custom(why));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

/// Why a list was not read to its end.
pub(super) enum ListError {
    /// It is not JSON.
    Json(serde_json::Error),
    /// What was called with an element has failed.
    Taken(String),
}

/// Calls `take` with each element of a list, one after the other: the list is not kept in memory.
///
/// # Errors
/// [`ListError`].
pub(super) fn each_of_list(
    file: impl Read,
    take: &mut dyn FnMut(Value) -> Result<(), String>,
) -> Result<(), ListError> {
    let mut failed = None;
    let mut json = serde_json::Deserializer::from_reader(file);
    let elements = Elements {
        take,
        failed: &mut failed,
    };
    let read = json.deserialize_seq(elements).and_then(|()| json.end());
    match failed {
        Some(why) => Err(ListError::Taken(why)),
        None => read.map_err(ListError::Json),
    }
}

struct Elements<'a> {
    take: &'a mut dyn FnMut(Value) -> Result<(), String>,
    failed: &'a mut Option<String>,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(Once(value)) = list.next_element()? {
            if let Err(why) = (self.take)(value) {
                *self.failed = Some(why);
                return Err(serde::de::Error::custom("an element was not taken"));
            }
        }
        Ok(())
    }
}
