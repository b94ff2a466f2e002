//! Authenticator models as the metadata describes them, and how the process is.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use domain::model::refusal::Refusal;
use domain::webauthn::UnixSeconds;

use super::failure::Failure;
use super::page::{self, Frame};
use super::visit::Visit;
use super::words;

/// Models of a page.
const ROWS: usize = 50;

struct Model {
    aaguid: String,
    description: String,
    status: String,
    levels: String,
}

struct InUse {
    no: u64,
    next_update: String,
    stale: bool,
    imported: String,
    source: &'static str,
    entries: usize,
}

#[derive(Template)]
#[template(path = "console/metadata.html")]
struct MetadataPage {
    frame: Frame,
    in_use: Option<InUse>,
    problem: Option<Refusal>,
    query: String,
    models: Vec<Model>,
    found: usize,
    from: usize,
    next: Option<usize>,
}

#[derive(Template)]
#[template(path = "console/health.html")]
struct HealthPage {
    frame: Frame,
    version: &'static str,
    state: &'static str,
    ready: bool,
    /// Where the console is reached, and why no passkey can be used there.
    link: String,
    place: Option<String>,
    secure: bool,
}

/// `GET /console/metadata`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let passkeys = visit.passkeys();
    let state = passkeys.metadata_state();
    let now = passkeys.now();
    let at = UnixSeconds(now.seconds());
    let query = visit.query("q").unwrap_or_default().trim().to_owned();
    let wanted = query.to_lowercase();
    let from = visit.query("from").and_then(|from| from.parse().ok());
    let from: usize = from.unwrap_or_default();
    let (mut models, mut found) = (Vec::new(), 0);
    if let Some(in_use) = &state.in_use {
        // Only a model with an AAGUID makes passkeys; a U2F model is known by its keys.
        for entry in in_use.metadata.entries() {
            let model = entry;
            let Some(aaguid) = model.aaguid() else {
                continue;
            };
            let description = model.description().unwrap_or_default();
            let fits = description.to_lowercase().contains(&wanted)
                || aaguid.to_string().contains(&wanted);
            if !fits {
                continue;
            }
            found += 1;
            if found <= from || models.len() >= ROWS {
                continue;
            }
            let status = model.current_status(at);
            let levels: Vec<_> = model.certification_levels(at).collect();
            models.push(Model {
                aaguid: aaguid.to_string(),
                description: description.to_owned(),
                status: status
                    .map(|report| report.status.clone())
                    .unwrap_or_default(),
                levels: levels.join(", "),
            });
        }
    }
    let next = Some(from.saturating_add(ROWS)).filter(|next| *next < found);
    page::page(&MetadataPage {
        frame: visit.frame()?,
        in_use: state.in_use.map(|in_use| InUse {
            no: in_use.metadata.no(),
            next_update: in_use.metadata.next_update().to_owned(),
            stale: in_use.is_stale(now),
            imported: words::moment(in_use.imported),
            source: in_use.source.name(),
            entries: in_use.metadata.entries().len(),
        }),
        problem: state.problem,
        query,
        models,
        found,
        from,
        next,
    })
}

/// `GET /console/health`.
pub(super) async fn health(visit: Visit) -> Result<Response, Failure> {
    let (status, state) = crate::health::state(visit.passkeys(), &visit.state.lifecycle).await;
    let place = &visit.state.place;
    page::page(&HealthPage {
        frame: visit.frame()?,
        version: env!("CARGO_PKG_VERSION"),
        state,
        ready: status == StatusCode::OK,
        link: place.link("/"),
        place: place.ceremonies().err().map(str::to_owned),
        secure: place.is_secure(),
    })
}
