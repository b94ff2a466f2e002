//! What clients reach: passkeyd at its public URL, and the files that browsers and systems fetch.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::DATE;
use axum::http::{HeaderMap, Response, StatusCode};
use domain::model::clock::Timestamp;
use rustls::RootCertStore;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::finding::Finding;
use super::store::WellKnown;
use crate::http::PublicUrl;
use crate::http::request_id::REQUEST_ID;
use crate::outbound::{self, Client, Limits, OutboundError};

/// What one call may take. No redirections: clients of passkeyd follow none.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    body: 1 << 20,
    redirects: 0,
    idle: Duration::ZERO,
};
/// The difference of two clocks that matters, in seconds.
const APART: i64 = 60;

/// Calls addresses as a browser does.
pub struct Web(Client);

impl Web {
    /// With Mozilla's roots.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new() -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(TLS_SERVER_ROOT_CERTS.iter().cloned());
        // The operator's own addresses.
        let client = Client::new(roots, |_| true, LIMITS).map_err(|error| error.to_string())?;
        Ok(Self(client))
    }

    /// The response of an address.
    ///
    /// # Errors
    /// What is wrong, in one sentence.
    pub async fn get(&self, url: &str) -> Result<Response<Bytes>, String> {
        let url = outbound::parse(url).map_err(str::to_owned)?;
        self.0.get(&url, None).await.map_err(|error| match error {
            OutboundError::Redirects(_) => "it redirects".to_owned(),
            other => other.to_string(),
        })
    }

    /// Looks at passkeyd through its public URL: whether the proxy forwards to it, and removes the path prefix.
    pub async fn public_url(&self, url: &PublicUrl, now: Timestamp) -> Vec<Finding> {
        let livez = url.join("/livez");
        let unreached = |what: String| {
            Finding::problem("proxy", what).because("links that passkeyd emits lead nowhere")
        };
        let response = match self.get(&livez).await {
            Ok(response) => response,
            Err(why) => {
                return vec![unreached(format!("{livez}: {why}")).fix(
                    "check the name, the certificate and the proxy; the proxy must not redirect (docs/operations.md)",
                )];
            }
        };
        let ours = response.headers().contains_key(REQUEST_ID);
        if response.status() == StatusCode::OK && ours {
            let mut found = vec![Finding::good("proxy", format!("{livez} reaches passkeyd"))];
            found.extend(apart(response.headers(), now));
            return found;
        }
        let status = response.status().as_u16();
        vec![if ours {
            unreached(format!("{livez} reaches passkeyd, which responds {status}"))
                .fix("let the proxy remove the path prefix of public_url, or correct the prefix (docs/operations.md)")
        } else {
            unreached(format!("{livez} responds {status}, and not by passkeyd")).fix(
                "let the proxy forward the path of public_url to passkeyd (docs/operations.md)",
            )
        }]
    }

    /// Fetches a file as a browser does, and looks for what it has to hold.
    pub async fn well_known(&self, file: &WellKnown) -> Finding {
        let url = &file.url;
        let wrong = |what: String| {
            Finding::problem("well_known", what)
                .because(file.why.clone())
                .of(&file.service)
        };
        match self.get(url).await {
            Ok(response) if response.status() == StatusCode::OK => {
                let text = String::from_utf8_lossy(response.body());
                let missing: Vec<&str> = file
                    .holds
                    .iter()
                    .map(String::as_str)
                    .filter(|wanted| !text.contains(wanted))
                    .collect();
                if missing.is_empty() {
                    let what = format!("{url} has what it needs");
                    return Finding::good("well_known", what).of(&file.service);
                }
                let missing = missing.join(", ");
                wrong(format!("{url} does not name {missing}")).fix(format!("add {missing} to it; `passkeyd doctor --files` prints it"))
            }
            Ok(response) => {
                wrong(format!("{url} responds {}", response.status().as_u16())).fix(format!(
                    "serve it there without a redirect, with {}; `passkeyd doctor --files` prints it",
                    file.holds.join(", ")
                ))
            }
            Err(why) => wrong(format!("{url}: {why}")).fix(format!(
                "serve it there without a redirect, with {}; `passkeyd doctor --files` prints it",
                file.holds.join(", ")
            )),
        }
    }
}

/// Compares the clock with that of the proxy.
fn apart(headers: &HeaderMap, now: Timestamp) -> Option<Finding> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    let seconds = (now.seconds() - date.as_second()).abs();
    if seconds <= APART {
        return None;
    }
    Some(
        Finding::warning(
            "clock",
            format!("the clock is {seconds} seconds apart from that of the public URL"),
        )
        .because("ceremonies, tokens and certificates expire by the clock")
        .fix("synchronise the clocks (NTP)"),
    )
}
