//! A refused ceremony as a case for `passkeyd verify`.

use axum::http::StatusCode;
use axum::response::Response;
use domain::Reason;
use domain::model::ids::CeremonyId;
use domain::model::refusal::Refusal;

use super::error::Problem;
use super::request::{Request, digits, service_id};
use crate::http::reply;
use crate::verify;

/// Exports a refused ceremony as a case for `passkeyd verify --explain`: the response, and what it was verified against.
///
/// It is there as long as the event of the refusal, unless `retention.refused_responses` is off. Of trust anchors and metadata it has
/// what counts for this response, so the verdict is the same without passkeyd's store. A case of more than 32 KiB is not kept, nor a response
/// that belongs to no known credential or was refused before it was verified.
#[utoipa::path(
    get,
    operation_id = "show_case",
    tag = "Events",
    path = "/manage/v1/ceremonies/{id}/case",
    params(
        ("id" = String, Path, description = "The identifier of the ceremony: 32 hex digits, with or without two letters, or a UUID"),
        ("service" = String, Query, description = "`VA` and 32 hex digits"),
    ),
    responses(
        (status = 200, description = "One line of JSON: the input of `passkeyd verify`.", body = Object),
        (status = 400, description = "`service` is missing, or there is another parameter.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or nothing is kept of such a ceremony.", body = Problem),
    )
)]
pub async fn show(request: Request) -> Result<Response, Problem> {
    let query = request.query(&["service"])?;
    let service = query.get("service").ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "request_invalid")
            .at("service")
            .saying("`service` is missing: the Service of the ceremony")
    })?;
    let service = service_id(service).ok_or_else(|| Refusal::from(Reason::RelyingPartyUnknown))?;
    let passkeys = &request.state.passkeys;
    let rp = passkeys.relying_party(request.account, service).await?.id;
    let nothing = || {
        Problem::new(StatusCode::NOT_FOUND, "not_found")
            .saying("there is no such ceremony, it was not refused, or its response is not kept")
    };
    let id = CeremonyId::from_hex(&digits(request.segment("id"))).ok_or_else(nothing)?;
    let found = passkeys.refused_case(rp, id).await?;
    let event = found.ok_or_else(nothing)?;
    let mut line = verify::exported(&event).ok_or_else(Problem::internal)?;
    line.push('\n');
    Ok(reply::json(StatusCode::OK, line.into_bytes()))
}
