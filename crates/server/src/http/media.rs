//! Media types in `Content-Type` and `Accept` (RFC 9110, sections 8.3 and 12.5.1).
//!
//! They are compared where they stand. The `mime` crate copies what it parses, and it refuses the space before a semicolon that
//! clients send (`*/* ; q=0.1`).

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};

/// JSON.
pub const JSON: &str = "application/json";
/// Forms as HTML has them.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Whether the first `Content-Type` is this one, in UTF-8.
pub fn is(headers: &HeaderMap, wanted: &str) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| is_essence(value.as_bytes(), wanted))
}

/// Whether there is one `Content-Type` and it is this one, in UTF-8.
pub fn is_only(headers: &HeaderMap, wanted: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    values
        .next()
        .filter(|_| values.next().is_none())
        .is_some_and(|value| is_essence(value.as_bytes(), wanted))
}

/// Whether the media type before the parameters is the wanted one, and no parameter names a character set other than UTF-8: a body that
/// is declared as UTF-16 or Latin-1 is not to be read as UTF-8.
fn is_essence(value: &[u8], wanted: &str) -> bool {
    let mut parts = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case(wanted.as_bytes()) && parts.all(is_utf8_or_no_charset)
}

fn is_utf8_or_no_charset(parameter: &[u8]) -> bool {
    let Some(at) = parameter.iter().position(|byte| *byte == b'=') else {
        return true;
    };
    let (name, value) = (&parameter[..at], &parameter[at + 1..]);
    if !name.trim_ascii().eq_ignore_ascii_case(b"charset") {
        return true;
    }
    let value = value.trim_ascii();
    let quoted = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let charset = quoted.unwrap_or(value);
    [&b"utf-8"[..], b"utf8", b"us-ascii"]
        .iter()
        .any(|known| charset.eq_ignore_ascii_case(known))
}

/// Whether an `Accept` header names this media type itself.
pub fn names(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all(ACCEPT).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut ranges = texts.flat_map(|value| value.split(','));
    ranges.any(|range| {
        let essence = range.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case(wanted)
    })
}

/// Whether an `Accept` header names JSON; `None` when there is no such header.
pub fn accepts_json(headers: &HeaderMap) -> Option<bool> {
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    values.peek()?;
    Some(
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(range_holds_json),
    )
}

/// Whether a media range with its parameters admits `application/json`.
fn range_holds_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let holds = [JSON, "application/*", "*/*"]
        .iter()
        .any(|json| essence.eq_ignore_ascii_case(json));
    let refused = parts.any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("q")
                && value.trim().bytes().all(|byte| matches!(byte, b'0' | b'.'))
        })
    });
    holds && !refused
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_media_range_admits_json_unless_its_quality_is_zero() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json;charset=utf-8",
            "application/*",
            "*/*",
            " */* ; q=0.1",
            "application/json;q=1.000",
        ] {
            assert!(range_holds_json(good), "{good}");
        }
        for bad in [
            "",
            "text/html",
            "application/problem+json",
            "application/json;q=0",
            "*/*;q=0.000",
            "application/jso",
            "json",
        ] {
            assert!(!range_holds_json(bad), "{bad}");
        }
    }

    #[test]
    fn a_content_type_is_compared_without_case_and_parameters() {
        let with = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            headers
        };
        for good in [
            "application/json",
            "Application/JSON ; charset=utf-8",
            "application/json;",
            "application/json; profile=a; Charset=\"UTF-8\"",
            "application/json;charset=utf8",
            "application/json; charset = us-ascii",
        ] {
            assert!(
                is(&with(&[good]), JSON) && is_only(&with(&[good]), JSON),
                "{good}"
            );
        }
        for bad in [
            "",
            "text/json",
            "application/jsonx",
            "a;application/json",
            "application/json; charset=utf-16",
            "application/json;charset=\"iso-8859-1\"",
            "application/json; a=b; CHARSET=latin1",
            "application/json; charset=",
        ] {
            assert!(!is(&with(&[bad]), JSON), "{bad}");
        }
        assert!(!is(&HeaderMap::new(), JSON));
        let two = with(&["application/json", "text/plain"]);
        assert!(is(&two, JSON) && !is_only(&two, JSON));
    }
}
