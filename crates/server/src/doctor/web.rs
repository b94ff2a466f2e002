//! What clients reach: passkeyd at its public URL, and the files that browsers and systems fetch.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::DATE;
use axum::http::{HeaderMap, Response, StatusCode};
use domain::model::clock::Timestamp;
use ipnet::IpNet;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::finding::Finding;
use super::store::WellKnown;
use crate::api::well_known::File;
use crate::http::PublicUrl;
use crate::http::addresses;
use crate::http::request_id::REQUEST_ID;
use crate::outbound::{self, Client, Limits, OutboundError};
use crate::pem::Certificates;

/// What one call may take. No redirections: clients of passkeyd follow none.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    body: 1 << 20,
    redirects: 0,
    idle: Duration::ZERO,
};
/// The difference of two clocks that matters, in seconds.
const APART: i64 = 60;
/// Files that are fetched at the same time.
const AT_ONCE: usize = 8;

/// Calls addresses as a browser does.
pub struct Web {
    /// Calls the operator's own addresses.
    own: Client,
    /// Calls the hosts of RP IDs.
    hosts: Client,
}

impl Web {
    /// With Mozilla's roots, for somebody who has the machine: it calls every address.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            own: client(|_| true)?,
            hosts: client(|_| true)?,
        })
    }

    /// The same, for somebody who does not have the machine. Tenants choose RP IDs, so their hosts are called where webhooks are: at public
    /// addresses, and in these networks.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn guarded(networks: Vec<IpNet>) -> Result<Self, String> {
        Ok(Self {
            own: client(|_| true)?,
            hosts: client(addresses::rule(networks))?,
        })
    }

    /// The response of an address of the operator.
    ///
    /// # Errors
    /// What is wrong, in one sentence.
    pub async fn get(&self, url: &str) -> Result<Response<Bytes>, String> {
        get(&self.own, url).await
    }

    /// Looks at the public URL, if there is one, and at the files, at several of them at the same time. What is not there before `deadline` is said to
    /// be missing.
    pub async fn examine(
        self: &Arc<Self>,
        public_url: Option<&PublicUrl>,
        files: Vec<WellKnown>,
        now: Timestamp,
        deadline: Option<Instant>,
    ) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Some(url) = public_url {
            match in_time(deadline, self.public_url(url, now)).await {
                Some(findings) => found.extend(findings),
                None => found.push(too_slow("proxy", "the public URL was not reached in time")),
            }
        }
        let (wanted, turns) = (files.len(), Arc::new(Semaphore::new(AT_ONCE)));
        let mut calls = JoinSet::new();
        for (at, file) in files.into_iter().enumerate() {
            let (web, turns) = (Arc::clone(self), Arc::clone(&turns));
            calls.spawn(async move {
                let _turn = turns.acquire().await;
                (at, web.well_known(&file).await)
            });
        }
        let mut fetched = Vec::new();
        while let Some(Some(Ok(done))) = in_time(deadline, calls.join_next()).await {
            fetched.push(done);
        }
        // In the order of the Services, whichever response came first.
        fetched.sort_by_key(|(at, _)| *at);
        let missing = wanted - fetched.len();
        found.extend(fetched.into_iter().map(|(_, finding)| finding));
        if missing > 0 {
            let what =
                format!("files below /.well-known/ not fetched in time: {missing} of {wanted}");
            found.push(too_slow("well_known", what));
        }
        found
    }

    /// Looks at passkeyd through its public URL: whether the proxy forwards to it, and removes the path prefix.
    pub async fn public_url(&self, url: &PublicUrl, now: Timestamp) -> Vec<Finding> {
        let livez = url.join("/livez");
        let unreached = |what: String| {
            Finding::problem("proxy", what).because("the links that passkeyd sends do not work")
        };
        let response = match self.get(&livez).await {
            Ok(response) => response,
            Err(why) => {
                return vec![unreached(format!("{livez}: {why}")).fix(
                    "check the name, the certificate and the proxy; the proxy must not redirect (docs/proxy.md)",
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
                .fix("let the proxy remove the path prefix of public_url, or correct the prefix (docs/proxy.md)")
        } else if matches!(status, 400 | 502) {
            // hyper answers 400 before any route where the first line is no request.
            unreached(format!("{livez} responds {status}, and no route of passkeyd was reached"))
                .fix(
                    "see that the proxy connects to passkeyd's listener, with TLS only if tls.certificate_file is set, and with the header of the PROXY protocol \
                     only if proxy_protocol is set (docs/proxy.md)",
                )
        } else {
            unreached(format!("{livez} responds {status}, and the response does not come from passkeyd's own routes"))
                .fix("let the proxy forward the path of public_url to passkeyd (docs/proxy.md)")
        }]
    }

    /// Fetches a file as a browser does, and looks for what it has to hold.
    pub async fn well_known(&self, file: &WellKnown) -> Finding {
        let url = &file.url;
        // Who lists an origin by mistake needs no file.
        let instead = if url.ends_with(File::RelatedOrigins.path()) {
            "; or remove the origin from the Service"
        } else {
            ""
        };
        let wrong = |what: String| {
            Finding::problem("well_known", what)
                .because(file.why.clone())
                .of(&file.service)
        };
        match get(&self.hosts, url).await {
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
                wrong(format!("{url} does not name {missing}")).fix(format!(
                    "add {missing} to it; `passkeyd doctor --files` prints it{instead}"
                ))
            }
            Ok(response) => {
                wrong(format!("{url} responds {}", response.status().as_u16())).fix(format!(
                    "serve it there without a redirect, with {}; `passkeyd doctor --files` prints it{instead}",
                    file.holds.join(", ")
                ))
            }
            Err(why) if why.contains(outbound::REFUSED) => {
                Finding::warning("well_known", format!("{url} was not fetched: {why}"))
                    .because("the server calls no private addresses for Services")
                    .fix("run `passkeyd doctor` on the machine, or add the network to webhooks.allow_networks")
                    .of(&file.service)
            }
            Err(why) => wrong(format!("{url}: {why}")).fix(format!(
                "serve it there without a redirect, with {}; `passkeyd doctor --files` prints it{instead}",
                file.holds.join(", ")
            )),
        }
    }
}

fn client(allowed: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Result<Client, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(TLS_SERVER_ROOT_CERTS.iter().cloned());
    roots.add_parsable_certificates(own_roots());
    Client::new(roots, allowed, LIMITS).map_err(|error| error.to_string())
}

/// The authorities that this machine trusts besides, in the file that `SSL_CERT_FILE` names, as OpenSSL has it.
fn own_roots() -> Vec<CertificateDer<'static>> {
    let file = std::env::var_os("SSL_CERT_FILE");
    let text = file.and_then(|file| std::fs::read_to_string(file).ok());
    let read = text.and_then(|text| Certificates::try_from(text).ok());
    let found = read.map_or_else(Vec::new, |read| read.0);
    found.into_iter().map(CertificateDer::from).collect()
}

async fn get(client: &Client, url: &str) -> Result<Response<Bytes>, String> {
    let url = outbound::parse(url).map_err(str::to_owned)?;
    client.get(&url, None).await.map_err(|error| match error {
        OutboundError::Redirects(_) => "it redirects".to_owned(),
        other => other.to_string(),
    })
}

/// What comes before the deadline, if there is one.
async fn in_time<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}

/// Something that took longer than an examination may.
pub(super) fn too_slow(check: &str, what: impl Into<String>) -> Finding {
    Finding::warning(check, what)
        .because("nothing is known about it")
        .fix("run `passkeyd doctor` on the machine, which waits longer")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn file(url: &str) -> WellKnown {
        WellKnown {
            service: "VA1".to_owned(),
            url: url.to_owned(),
            holds: Vec::new(),
            why: "browsers fetch it".to_owned(),
            content: None,
        }
    }

    #[tokio::test]
    async fn what_is_not_there_before_the_deadline_is_said_to_be_missing() {
        let web = Arc::new(Web::new().unwrap());
        // It takes connections, and never says a word.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let url = format!("https://localhost:{port}/.well-known/webauthn");
        let files = vec![file(&url); 20];
        let deadline = Instant::now() + Duration::from_millis(50);
        let found = web.examine(None, files, Timestamp(0), Some(deadline)).await;
        let [missing] = &found[..] else {
            unreachable!("{found:?}");
        };
        assert_eq!(missing.level, Level::Warning);
        assert_eq!(
            missing.what,
            "files below /.well-known/ not fetched in time: 20 of 20"
        );
        assert!(missing.fix.contains("passkeyd doctor"));
    }

    #[tokio::test]
    async fn hosts_of_services_are_called_at_public_addresses_and_at_those_that_are_allowed() {
        // Nothing listens there.
        let here = file("https://localhost:9/.well-known/webauthn");
        let what = async |networks: &[&str]| {
            let networks = networks.iter().map(|one| one.parse().unwrap());
            let web = Web::guarded(networks.collect()).unwrap();
            web.well_known(&here).await
        };
        let refused = what(&[]).await;
        assert_eq!(refused.level, Level::Warning);
        assert!(refused.fix.contains("allow_networks"), "{refused:?}");
        let called = what(&["127.0.0.0/8", "::1/128"]).await;
        assert_eq!(called.level, Level::Problem, "{called:?}");
    }
}
