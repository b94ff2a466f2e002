//! RP ID and origins of a Service, and what browsers make of them.

use axum::response::Response;
use domain::model::reach::ReachWarning;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Problem;
use super::request::{Request, ok};

/// RP ID and origins, as they are configured.
#[derive(Debug, Serialize, ToSchema)]
pub struct RelyingPartyView {
    /// The RP ID; null if there is none yet.
    rp_id: Option<String>,
    /// The name that users see; null if there is none yet.
    name: Option<String>,
    /// The origins; null if there are none yet.
    origins: Option<Vec<String>>,
    /// What browsers will not do with them.
    warnings: Vec<OriginWarning>,
}

/// Something that works for some pages only.
#[derive(Debug, Serialize, ToSchema)]
pub struct OriginWarning {
    /// `related_origins_needed`, `localhost_mixed` or `too_many_related_origins`. A Service that was configured before
    /// passkeyd judged this may also have `rp_id_public_suffix` or `origins_outside_rp_id`: no page can use its RP ID.
    warning: &'static str,
    /// What it means.
    message: String,
    /// The origins concerned.
    origins: Vec<String>,
}

impl From<ReachWarning> for OriginWarning {
    fn from(warning: ReachWarning) -> Self {
        Self {
            warning: warning.kind.name(),
            message: warning.to_string(),
            origins: warning.origins.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Shows the RP ID and the origins of a Service, and which of them browsers will refuse. They are configured as
/// `Passkeys.RelyingParty` of the Service, through the Twilio API.
#[utoipa::path(
    get,
    operation_id = "fetch_relying_party",
    tag = "Relying parties",
    path = "/manage/v1/services/{service}/relying-party",
    params(("service" = String, Path, description = "`VA` and 32 hex digits")),
    responses(
        (status = 200, description = "RP ID, origins and warnings.", body = RelyingPartyView),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service.", body = Problem),
    )
)]
pub async fn show(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    let own = &rp.selection;
    let texts = |origins: &Vec<_>| origins.iter().map(ToString::to_string).collect();
    let origins: Option<Vec<String>> = own.origins.as_ref().map(texts);
    let warnings = match own.judge_reach() {
        Ok(warnings) => warnings.into_iter().map(OriginWarning::from).collect(),
        Err(refusal) => vec![OriginWarning {
            warning: refusal.reason.name(),
            message: refusal.message,
            origins: origins.clone().unwrap_or_default(),
        }],
    };
    ok(&RelyingPartyView {
        rp_id: own.rp_id.as_ref().map(ToString::to_string),
        name: own.rp_name.clone(),
        origins,
        warnings,
    })
}
