//! The settings of traces: what is wrong with them, and the headers of the file that they name.

use axum::http::uri::Scheme;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use zeroize::Zeroizing;

use super::{ConfigError, Traces, invalid};
use crate::outbound::is_here;

/// Whether this binary has traces.
const BUILT_IN: bool = cfg!(feature = "opentelemetry");
/// What an endpoint looks like.
const EXAMPLE: &str = "expected for example http://localhost:4318/v1/traces";

impl Traces {
    pub(super) fn check(&self) -> Vec<ConfigError> {
        if !BUILT_IN {
            return self.given().map(not_built_in).collect();
        }
        let mut problems: Vec<_> = self.url().err().into_iter().collect();
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            let why = format!("{} is not between 0 and 1", self.sample_ratio);
            problems.push(invalid("traces.sample_ratio", why));
        }
        problems.extend(self.headers().err());
        problems
    }

    /// The keys of the settings that are not the defaults.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let unset = Self::default();
        let given = [
            ("traces.endpoint", self.endpoint != unset.endpoint),
            (
                "traces.sample_ratio",
                self.sample_ratio.to_bits() != unset.sample_ratio.to_bits(),
            ),
            (
                "traces.trusted_parents",
                self.trusted_parents != unset.trusted_parents,
            ),
            (
                "traces.headers_file",
                self.headers_file != unset.headers_file,
            ),
        ];
        given.into_iter().filter(|(_, on)| *on).map(|(key, _)| key)
    }

    /// The URL that spans are posted to; `None` without traces.
    ///
    /// # Errors
    /// It is not one that can be called, or headers would go to it without TLS.
    pub(crate) fn url(&self) -> Result<Option<Uri>, ConfigError> {
        let Some(text) = &self.endpoint else {
            return Ok(None);
        };
        let wrong = |why: &str| Err(invalid("traces.endpoint", format!("{why}; {EXAMPLE}")));
        let Ok(url) = text.parse::<Uri>() else {
            return wrong("it is not a URL");
        };
        let Some(authority) = url.authority() else {
            return wrong("it has no host");
        };
        if authority.as_str().contains('@') {
            return wrong("it holds a user name: put a secret into `traces.headers_file`");
        }
        if url.path() == "/" {
            return wrong("it has no path, and collectors take spans at /v1/traces");
        }
        match url.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => Ok(Some(url)),
            Some(scheme) if *scheme == Scheme::HTTP => {
                if self.headers_file.is_some() && !is_here(&url) {
                    return wrong(
                        "it begins with http://, so the headers of `traces.headers_file` would cross the network unencrypted",
                    );
                }
                Ok(Some(url))
            }
            _ => wrong("it begins neither with https:// nor with http://"),
        }
    }

    /// The headers of the posts.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is not a header.
    pub(crate) fn headers(&self) -> Result<HeaderMap, ConfigError> {
        let mut headers = HeaderMap::new();
        let Some(file) = &self.headers_file else {
            return Ok(headers);
        };
        let wrong =
            |why: String| invalid("traces.headers_file", format!("{}: {why}", file.display()));
        let text = std::fs::read_to_string(file).map(Zeroizing::new);
        let text = text.map_err(|error| wrong(error.to_string()))?;
        let lines = text.lines().zip(1..).map(|(line, at)| (line.trim(), at));
        for (line, at) in lines.filter(|(line, _)| !line.is_empty()) {
            // The line itself may be a secret.
            let (name, value) = header(line).ok_or_else(|| {
                wrong(format!(
                    "line {at} is not a header; expected for example Authorization: Bearer abc"
                ))
            })?;
            headers.append(name, value);
        }
        Ok(headers)
    }
}

fn not_built_in(key: &'static str) -> ConfigError {
    invalid(
        key,
        "this passkeyd was built without traces: remove the setting, or build passkeyd with `--features opentelemetry`",
    )
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let mut value = HeaderValue::from_str(value.trim()).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(traces: &Traces) -> Vec<String> {
        let problems = traces.check();
        problems.iter().map(ToString::to_string).collect()
    }

    fn to(endpoint: &str) -> Traces {
        Traces {
            endpoint: Some(endpoint.to_owned()),
            ..Traces::default()
        }
    }

    #[test]
    fn no_settings_are_right_in_every_binary() {
        assert!(problems(&Traces::default()).is_empty());
    }

    #[cfg(not(feature = "opentelemetry"))]
    #[test]
    fn a_binary_without_traces_refuses_each_of_their_settings() {
        use crate::config::Network;

        let all = Traces {
            sample_ratio: 0.5,
            trusted_parents: vec![Network("10.0.0.0/8".parse().unwrap())],
            headers_file: Some("/nothing".into()),
            ..to("http://localhost:4318/v1/traces")
        };
        let problems = problems(&all);
        assert_eq!(problems.len(), 4, "{problems:?}");
        for problem in problems {
            assert!(problem.contains("--features opentelemetry"), "{problem}");
        }
    }

    #[cfg(feature = "opentelemetry")]
    mod built_in {
        use super::*;

        #[test]
        fn an_endpoint_is_a_whole_url() {
            for right in [
                "http://localhost:4318/v1/traces",
                "http://collector:4318/v1/traces",
                "https://otlp.example/otlp/v1/traces",
            ] {
                assert!(problems(&to(right)).is_empty(), "{right}");
            }
            for wrong in [
                "",
                "localhost:4318",
                "http://localhost:4318",
                "http://localhost:4318/",
                "ftp://localhost/v1/traces",
                "https://user:secret@otlp.example/v1/traces",
                "/v1/traces",
            ] {
                let problems = problems(&to(wrong));
                let [problem] = problems.as_slice() else {
                    panic!("{wrong}: {problems:?}");
                };
                assert!(problem.starts_with("`traces.endpoint`: "), "{problem}");
                assert!(!problem.contains("secret@"), "{problem}");
            }
        }

        #[test]
        fn a_ratio_is_between_0_and_1() {
            for (ratio, right) in [
                (0.0, true),
                (0.5, true),
                (1.0, true),
                (-0.1, false),
                (1.1, false),
                (f64::NAN, false),
            ] {
                let traces = Traces {
                    sample_ratio: ratio,
                    ..Traces::default()
                };
                assert_eq!(problems(&traces).is_empty(), right, "{ratio}");
            }
        }

        #[test]
        fn headers_are_read_from_a_file_and_go_over_tls_only() {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("headers");
            std::fs::write(&file, "\nAuthorization: Bearer abc\n x-tenant : one\n").unwrap();
            let with = |endpoint: &str| Traces {
                headers_file: Some(file.clone()),
                ..to(endpoint)
            };
            let traces = with("https://otlp.example/v1/traces");
            let headers = traces.headers().unwrap();
            assert_eq!(headers["authorization"], "Bearer abc");
            assert_eq!(headers["x-tenant"], "one");
            assert!(problems(&traces).is_empty());
            assert!(problems(&with("http://127.0.0.1:4318/v1/traces")).is_empty());
            assert_eq!(problems(&with("http://collector:4318/v1/traces")).len(), 1);

            std::fs::write(&file, "Bearer a-secret\n").unwrap();
            let problems = problems(&with("https://otlp.example/v1/traces"));
            assert!(problems[0].contains("line 1"), "{problems:?}");
            assert!(!problems[0].contains("a-secret"), "{problems:?}");
        }
    }
}
