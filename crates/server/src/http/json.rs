//! Bodies of JSON, and the members of JSON objects. Each wire words the errors in its own way.

use std::fmt;

use axum::body::Bytes;
use domain::Reason;
use domain::webauthn::json::{Limits, Object, Value, parse};

/// A body that was sent as JSON.
pub struct JsonText(Bytes);

impl JsonText {
    /// The body with these bytes.
    pub fn new(body: Bytes) -> Self {
        Self(body)
    }

    /// The JSON object in the body.
    ///
    /// # Errors
    /// The body is not one JSON object within the limits.
    pub fn object(&self) -> Result<Object<'_>, BodyError> {
        match self.value()? {
            Value::Object(object) => Ok(object),
            other => Err(BodyError::not_an_object(&other)),
        }
    }

    /// The JSON object in the body, as a value.
    ///
    /// # Errors
    /// As [`JsonText::object`].
    pub fn value(&self) -> Result<Value<'_>, BodyError> {
        match parse(&self.0, &Limits::default()) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(other) => Err(BodyError::not_an_object(&other)),
            Err(error) => Err(BodyError {
                reason: error.reason(),
                message: error.to_string(),
            }),
        }
    }
}

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyError {
    /// The reason.
    pub reason: Reason,
    /// A sentence for the client.
    pub message: String,
}

impl BodyError {
    fn not_an_object(found: &Value<'_>) -> Self {
        let found = found.found_instead_of_object();
        Self {
            reason: Reason::RequestInvalid,
            message: format!("The body is {found}, not a JSON object."),
        }
    }
}

/// Why a member cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberError {
    /// It has another type than it must have.
    WrongType {
        /// Its name.
        member: &'static str,
        /// The type that it has, with its article.
        found: &'static str,
        /// The type that it must have, with its article.
        wanted: &'static str,
    },
    /// It is none of the allowed words.
    NotOneOf {
        /// Its name.
        member: &'static str,
        /// The type that it has when it is no string, with its article.
        other_type: Option<&'static str>,
        /// The allowed words, separated by commas.
        words: String,
    },
}

impl MemberError {
    /// A member has another type than it must have.
    pub fn wrong_type(member: &'static str, found: &Value<'_>, wanted: &'static str) -> Self {
        Self::WrongType {
            member,
            found: found.type_name(),
            wanted,
        }
    }
}

/// A sentence without its full stop.
impl fmt::Display for MemberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongType {
                member,
                found,
                wanted,
            } => write!(f, "{member} is {found}, not {wanted}"),
            Self::NotOneOf { member, words, .. } => write!(f, "{member} must be one of: {words}"),
        }
    }
}

/// A member of an object; null counts as absent.
pub fn member<'v, 'a>(object: &'v Object<'a>, name: &str) -> Option<&'v Value<'a>> {
    object.get(name).filter(|value| !value.is_null())
}

/// A member that is a string.
///
/// # Errors
/// It has another type.
pub fn text<'v>(
    object: &'v Object<'_>,
    name: &'static str,
) -> Result<Option<&'v str>, MemberError> {
    typed(object, name, "a string", Value::as_str)
}

/// A member that is an object.
///
/// # Errors
/// It has another type.
pub fn object<'v, 'a>(
    object: &'v Object<'a>,
    name: &'static str,
) -> Result<Option<&'v Object<'a>>, MemberError> {
    typed(object, name, "an object", Value::as_object)
}

/// A member that is true or false.
///
/// # Errors
/// It has another type.
pub fn boolean(object: &Object<'_>, name: &'static str) -> Result<Option<bool>, MemberError> {
    typed(object, name, "true or false", Value::as_bool)
}

/// A member that is one of some words.
///
/// # Errors
/// It has another type, or is another word. The error lists the words in the given order.
pub fn choice<T: Copy>(
    object: &Object<'_>,
    name: &'static str,
    choices: &[(&str, T)],
) -> Result<Option<T>, MemberError> {
    let Some(value) = member(object, name) else {
        return Ok(None);
    };
    let text = value.as_str();
    let chosen = text.and_then(|text| choices.iter().find(|(word, _)| *word == text));
    if let Some((_, choice)) = chosen {
        return Ok(Some(*choice));
    }
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    Err(MemberError::NotOneOf {
        member: name,
        other_type: text.is_none().then(|| value.type_name()),
        words: words.join(", "),
    })
}

fn typed<'v, 'a, T>(
    object: &'v Object<'a>,
    name: &'static str,
    wanted: &'static str,
    read: impl Fn(&'v Value<'a>) -> Option<T>,
) -> Result<Option<T>, MemberError> {
    let Some(value) = member(object, name) else {
        return Ok(None);
    };
    match read(value) {
        None => Err(MemberError::wrong_type(name, value, wanted)),
        found => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &'static str) -> JsonText {
        JsonText::new(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_body_is_one_object() {
        assert!(body(r#"{"a": 1}"#).object().is_ok());
        let error = body("[]").object().unwrap_err();
        assert_eq!(error.reason, Reason::RequestInvalid);
        assert_eq!(error.message, "The body is an array, not a JSON object.");
        assert!(body("{").object().is_err());
    }

    #[test]
    fn a_member_is_absent_null_of_its_type_or_refused() {
        let sent = body(r#"{"null": null, "text": "a", "object": {}, "yes": true, "one": 1}"#);
        let members = &sent.object().unwrap();
        for absent in ["null", "other"] {
            assert_eq!(text(members, absent), Ok(None));
            assert!(object(members, absent).unwrap().is_none());
            assert_eq!(boolean(members, absent), Ok(None));
            assert_eq!(choice(members, absent, &[("a", 1)]), Ok(None));
        }
        assert_eq!(text(members, "text"), Ok(Some("a")));
        assert!(object(members, "object").unwrap().is_some());
        assert_eq!(boolean(members, "yes"), Ok(Some(true)));
        assert_eq!(choice(members, "text", &[("b", 1), ("a", 2)]), Ok(Some(2)));
        for (error, said) in [
            (
                text(members, "one").unwrap_err(),
                "one is a number, not a string",
            ),
            (
                object(members, "one").unwrap_err(),
                "one is a number, not an object",
            ),
            (
                boolean(members, "one").unwrap_err(),
                "one is a number, not true or false",
            ),
            (
                choice(members, "text", &[("b", 1), ("c", 2)]).unwrap_err(),
                "text must be one of: b, c",
            ),
        ] {
            assert_eq!(error.to_string(), said);
        }
    }
}
