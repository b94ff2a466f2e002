//! Slashes in the paths of the Twilio wire.
//!
//! Back ends join a base URL and a path by hand, and some tools end the path of a collection with a slash. A redirect would lose
//! the body of a `POST`, and the vendor's libraries take one for a success. So a path with a slash at its end, or with two in a
//! row, is changed before it is routed.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// The request with its path changed so.
pub fn fold(mut request: Request) -> Request {
    if let Some(uri) = folded_uri(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The URI with its slashes folded, where it is not in that form already and is one of the Twilio wire then.
fn folded_uri(uri: &Uri) -> Option<Uri> {
    let path = folded_path(uri.path())?;
    if path != "/v2" && !path.starts_with("/v2/") {
        return None;
    }
    let path = match uri.query() {
        Some(query) => Cow::Owned(format!("{path}?{query}")),
        None => Cow::Borrowed(path.as_str()),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path.as_ref()).ok()?);
    Uri::from_parts(parts).ok()
}

/// The path without empty segments; `None` when it has none. An encoded slash (`%2F`) is part of its segment.
fn folded_path(path: &str) -> Option<String> {
    if !path.contains("//") && !path.ends_with('/') {
        return None;
    }
    let mut folded = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        folded.push('/');
        folded.push_str(segment);
    }
    Some(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str) -> Option<String> {
        folded_uri(&uri.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn empty_segments_of_the_wire_are_dropped_and_the_query_is_kept() {
        for (given, folded) in [
            ("/v2/", "/v2"),
            ("//v2", "/v2"),
            ("//v2//Services///", "/v2/Services"),
            (
                "/v2/Services/?Page=1&x=a//b/",
                "/v2/Services?Page=1&x=a//b/",
            ),
            (
                "///v2/Services/VA1/Entities//a",
                "/v2/Services/VA1/Entities/a",
            ),
            ("/v2/Services/%2F%2F/", "/v2/Services/%2F%2F"),
            ("http://a.test:81//v2/", "http://a.test:81/v2"),
        ] {
            assert_eq!(of(given).as_deref(), Some(folded), "{given}");
        }
    }

    #[test]
    fn other_paths_stay_as_they_are() {
        for given in [
            "/v2/Services",
            "/v2",
            "/",
            "//",
            "/api/v1/users/",
            "//manage/v1//services",
            "/v2x//y/",
            "//V2/",
            "/v2%2F/",
            "/v2/Services?x=//",
            "*",
        ] {
            assert_eq!(of(given), None, "{given}");
        }
    }
}
