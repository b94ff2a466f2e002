//! A strict, bounded reader for JSON of strangers.
//!
//! `serde_json` does the tokens; this module adds what WebAuthn needs on top: duplicate members are refused (WebAuthn allows
//! unknown members, so a second one could hide there), and depth, widths and lengths are bounded while reading.

use crate::Reason;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

/// A JSON value that borrows from its text where no escape stands in the way.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, escapes resolved.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object, members in the order of the text.
    Object(Object<'a>),
}

/// A JSON object without duplicate members, in the order of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Value<'a> {
    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The array's elements, if it is one.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is one that 64 bits with a sign hold exactly.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// Whether the value is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The name of the value's type, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The name of the value's type for the message that an object was wanted: a string that holds an object is recognised, since
    /// it was made by encoding the object twice.
    pub fn found_instead_of_object(&self) -> &'static str {
        match self {
            string if string.holds_object() => {
                "a string that holds a JSON object (it was stringified twice)"
            }
            other => other.type_name(),
        }
    }

    /// Whether the value is a string whose text is a JSON object.
    pub fn holds_object(&self) -> bool {
        self.as_str().is_some_and(holds_object)
    }

    /// An owned copy as a [`serde_json::Value`].
    pub fn to_owned_value(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => serde_json::Value::Bool(*value),
            Self::Number(number) => serde_json::Value::Number(number.clone()),
            Self::String(text) => serde_json::Value::String(text.clone().into_owned()),
            Self::Array(elements) => elements.iter().map(Value::to_owned_value).collect(),
            Self::Object(object) => serde_json::Value::Object(
                object
                    .iter()
                    .map(|(name, value)| (name.to_owned(), value.to_owned_value()))
                    .collect(),
            ),
        }
    }
}

impl<'a> Object<'a> {
    /// The value of the member with this name.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.0
            .iter()
            .find_map(|(candidate, value)| (candidate == name).then_some(value))
    }

    /// The members in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the value is `{}`.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Bounds on what [`parse`] accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Arrays and objects inside each other; a scalar has depth 0.
    pub depth: usize,
    /// Members of one object.
    pub members: usize,
    /// Bytes of one string or member name, escapes resolved.
    pub string: usize,
    /// Elements of one array.
    pub elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 16,
            members: 128,
            string: 48 * 1024,
            elements: 1024,
        }
    }
}

/// Why a text was not accepted as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The bytes are not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The text is not JSON, or something follows after it.
    #[error("the text is not valid JSON at line {line}, column {column}: {message}")]
    Syntax {
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// An object has two members of one name.
    #[error("the member {name:?} occurs twice in one object")]
    DuplicateMember {
        /// The name, cut to 64 characters.
        name: String,
    },
    /// More nesting than [`Limits::depth`].
    #[error("the JSON is nested too deeply")]
    TooDeep,
    /// More members than [`Limits::members`].
    #[error("an object has too many members")]
    TooManyMembers,
    /// More elements than [`Limits::elements`].
    #[error("an array has too many elements")]
    TooManyElements,
    /// A longer string than [`Limits::string`].
    #[error("a string is too long")]
    StringTooLong,
}

impl JsonError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotUtf8 | Self::Syntax { .. } => Reason::JsonMalformed,
            Self::DuplicateMember { .. } => Reason::JsonDuplicateMember,
            Self::TooDeep => Reason::JsonTooDeep,
            Self::TooManyMembers | Self::TooManyElements | Self::StringTooLong => {
                Reason::JsonTooLarge
            }
        }
    }
}

/// Reads one JSON text.
///
/// # Errors
/// [`JsonError`]: not UTF-8, not JSON, trailing data, a duplicate member, or a limit exceeded.
pub fn parse<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Value<'a>, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    let problem = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Reader {
        limits,
        depth: 0,
        problem: &problem,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value))
    .map_err(|error| {
        problem.take().unwrap_or_else(|| {
            let message = error.to_string();
            // serde_json appends the position, which the error carries as numbers.
            let message = message
                .split(" at line ")
                .next()
                .unwrap_or_default()
                .to_owned();
            JsonError::Syntax {
                line: error.line(),
                column: error.column(),
                message,
            }
        })
    })
}

/// Whether a text is a JSON object.
fn holds_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && parse(text.as_bytes(), &Limits::default()).is_ok_and(|value| value.as_object().is_some())
}

/// Builds one value; carries the limits down and a precise problem up, since serde errors are texts only.
#[derive(Clone, Copy)]
struct Reader<'l> {
    limits: &'l Limits,
    depth: usize,
    problem: &'l RefCell<Option<JsonError>>,
}

impl Reader<'_> {
    fn refuse<E: serde::de::Error>(&self, problem: JsonError) -> E {
        let error = E::custom(&problem);
        self.problem.replace(Some(problem));
        error
    }

    fn deeper<E: serde::de::Error>(mut self) -> Result<Self, E> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            Err(self.refuse(JsonError::TooDeep))
        } else {
            Ok(self)
        }
    }

    fn bounded<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        if text.len() > self.limits.string {
            Err(self.refuse(JsonError::StringTooLong))
        } else {
            Ok(())
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value<'de>, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        self.bounded(text)?;
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value<'de>, E> {
        self.bounded(text)?;
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value<'de>, A::Error> {
        let reader = self.deeper()?;
        let mut elements = Vec::new();
        while let Some(value) = access.next_element_seed(reader)? {
            if elements.len() == self.limits.elements {
                return Err(self.refuse(JsonError::TooManyElements));
            }
            elements.push(value);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value<'de>, A::Error> {
        let reader = self.deeper()?;
        let mut members: Vec<(Cow<'de, str>, Value<'de>)> = Vec::new();
        while let Some(name) = access.next_key_seed(reader)? {
            let Value::String(name) = name else {
                return Err(A::Error::custom("a member name must be a string"));
            };
            if members.iter().any(|(known, _)| *known == name) {
                return Err(self.refuse(JsonError::DuplicateMember {
                    name: name.chars().take(64).collect(),
                }));
            }
            if members.len() == self.limits.members {
                return Err(self.refuse(JsonError::TooManyMembers));
            }
            members.push((name, access.next_value_seed(reader)?));
        }
        Ok(Value::Object(Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value<'_>, JsonError> {
        parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn values_of_every_type_are_read() {
        let value = read(r#"{"a":[1,-2,1.5,true,null,"x\n"],"b":{}}"#).unwrap();
        assert_eq!(
            value.to_owned_value(),
            serde_json::json!({"a": [1, -2, 1.5, true, null, "x\n"], "b": {}})
        );
        let object = value.as_object().unwrap();
        assert_eq!((object.len(), object.is_empty()), (2, false));
        let nulls = object.get("a").and_then(Value::as_array).unwrap().iter();
        let nulls: Vec<_> = nulls.map(Value::is_null).collect();
        assert_eq!(nulls, [false, false, false, false, true, false]);
        assert!(object.get("b").unwrap().as_object().unwrap().is_empty());
        assert!(object.get("c").is_none());
    }

    #[test]
    fn plain_strings_are_borrowed_and_escaped_ones_decoded() {
        let value = read(r#"{"\u0074ype":"plain"}"#).unwrap();
        assert!(matches!(
            value.as_object().unwrap().get("type"),
            Some(Value::String(Cow::Borrowed("plain")))
        ));
    }

    #[test]
    fn a_duplicate_member_is_refused_however_it_is_written() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"x":{"a":1,"b":2,"a":3}}]"#,
        ] {
            assert_eq!(
                read(text),
                Err(JsonError::DuplicateMember { name: "a".into() }),
                "{text}"
            );
        }
        assert!(read(r#"{"a":{"a":1}}"#).is_ok());
    }

    #[test]
    fn text_that_is_not_json_is_refused_with_its_place() {
        for text in [
            "",
            "{",
            "{} {}",
            "{}x",
            "{'a':1}",
            "{\"a\":01}",
            "nul",
            "[1,]",
            "\"\\ud800\"",
            "1e999",
            "{1:2}",
            "\u{feff}{}",
        ] {
            assert!(
                matches!(read(text), Err(JsonError::Syntax { .. })),
                "{text:?} {:?}",
                read(text)
            );
        }
        let Err(JsonError::Syntax {
            line,
            column,
            message,
        }) = read("{\n \"a\" 1}")
        else {
            panic!()
        };
        assert_eq!((line, column, message.as_str()), (2, 6, "expected `:`"));
        assert_eq!(
            parse(b"\"\xff\"", &Limits::default()),
            Err(JsonError::NotUtf8)
        );
    }

    #[test]
    fn each_limit_is_exact() {
        let limits = Limits {
            depth: 2,
            members: 2,
            string: 3,
            elements: 2,
        };
        let read = |text: &'static str| parse(text.as_bytes(), &limits);
        assert!(read(r"[[1]]").is_ok());
        assert_eq!(read(r"[[[1]]]"), Err(JsonError::TooDeep));
        assert!(read(r"[1,2]").is_ok());
        assert_eq!(read(r"[1,2,3]"), Err(JsonError::TooManyElements));
        assert!(read(r#"{"a":1,"b":2}"#).is_ok());
        assert_eq!(
            read(r#"{"a":1,"b":2,"c":3}"#),
            Err(JsonError::TooManyMembers)
        );
        assert!(read(r#""abc""#).is_ok());
        assert_eq!(read(r#""abcd""#), Err(JsonError::StringTooLong));
        assert_eq!(read(r#""abc\n""#), Err(JsonError::StringTooLong));
        assert_eq!(read(r#"{"abcd":1}"#), Err(JsonError::StringTooLong));
    }

    #[test]
    fn an_object_that_was_stringified_twice_is_recognised() {
        for text in [r#""{\"id\":\"x\"}""#, r#"" {}""#] {
            let found = read(text).unwrap().found_instead_of_object();
            assert!(found.contains("stringified twice"), "{text}");
        }
        for (text, found) in [
            (r#""{""#, "a string"),
            (r#""x""#, "a string"),
            (r#""[{}]""#, "a string"),
            ("[]", "an array"),
            ("null", "null"),
        ] {
            assert_eq!(read(text).unwrap().found_instead_of_object(), found);
        }
    }

    #[test]
    fn a_nesting_bomb_is_refused_as_too_deep() {
        let bomb = "[".repeat(100_000);
        assert_eq!(read(&bomb), Err(JsonError::TooDeep));
        let bomb = "{\"a\":".repeat(100_000);
        assert_eq!(read(&bomb), Err(JsonError::TooDeep));
    }
}
