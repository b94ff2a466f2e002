//! How the process is, and what an examination of it found.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use domain::model::clock::Timestamp;

use super::failure::Failure;
use super::page::{self, Frame};
use super::visit::Visit;
use super::words;
use crate::doctor::{Finding, LONGEST, Level};

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
    /// When the last examination ended.
    examined: Option<Timestamp>,
}

/// Findings of the last examination.
#[derive(Template)]
#[template(path = "console/doctor.html")]
struct DoctorPage {
    frame: Frame,
    /// Most seconds of an examination.
    seconds: u64,
    result: Option<Findings>,
}

struct Findings {
    at: Timestamp,
    problems: usize,
    warnings: usize,
    left_out: usize,
    wrong: Vec<Finding>,
    good: Vec<Finding>,
}

/// `GET /console/health`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
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
        examined: visit.state.doctor.last().map(|checked| checked.at),
    })
}

/// `GET /console/health/doctor`: the result of the last examination. It starts none.
pub(super) async fn doctor(visit: Visit) -> Result<Response, Failure> {
    let result = visit.state.doctor.last().map(|checked| {
        let all = checked.report.findings.iter().cloned();
        let (good, wrong) = all.partition(|finding| finding.level == Level::Good);
        Findings {
            at: checked.at,
            problems: checked.report.problems,
            warnings: checked.report.warnings,
            left_out: checked.left_out,
            wrong,
            good,
        }
    });
    page::page(&DoctorPage {
        frame: visit.frame()?,
        seconds: LONGEST.as_secs(),
        result,
    })
}

/// `POST /console/health/doctor`: examines, and leads to the result.
pub(super) async fn examine(visit: Visit) -> Result<Response, Failure> {
    let state = &visit.state;
    let passkeys = Arc::clone(&state.passkeys);
    let done = state.doctor.run(&passkeys, &state.public_url).await;
    let done = if done { "examined" } else { "examining" };
    Ok(visit.back("/health/doctor", done))
}
