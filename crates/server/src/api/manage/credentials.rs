//! A credential with all that is known of it, for support staff.

use axum::response::Response;
use domain::Reason;
use domain::model::ids::CredentialKey;
use domain::model::refusal::Refusal;
use domain::webauthn::credential::{Aaguid, CredentialId};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Problem;
use super::request::{Request, ok};
use crate::api::dates::Date;
use crate::api::nevis::uuid::Uuid;

/// A credential. The members are those of the specification's credential record, and what else the registration told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Credential {
    /// As the Verify API names it: `YF` and 32 hex digits.
    factor: String,
    /// As the Authentication Cloud API names it (UUID).
    #[schema(value_type = String)]
    authenticator: Uuid,
    /// Name of the user.
    user: String,
    /// The name that the credential was given.
    name: String,
    /// What the authenticator chose, base64url.
    #[serde(rename = "credential_id")]
    #[schema(value_type = String)]
    id: CredentialId,
    /// Number of the key's algorithm in the COSE registry.
    algorithm: i64,
    /// Model of the authenticator (UUID).
    #[schema(value_type = String)]
    aaguid: Aaguid,
    /// What the metadata or the configured names call the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// Format of the attestation statement.
    attestation_format: String,
    /// Type of the attestation.
    attestation_type: String,
    /// How far the attestation was trusted: `none`, `self`, `unknown` or `trusted`.
    trust: String,
    /// The highest signature counter seen.
    sign_count: u32,
    /// Whether the user was ever verified with it.
    uv_initialized: bool,
    /// Whether it may be backed up.
    backup_eligible: Option<bool>,
    /// Whether it is backed up, as of the last ceremony.
    backup_state: Option<bool>,
    /// How the authenticator can be reached.
    transports: Vec<String>,
    /// Whether the client said that it is discoverable.
    discoverable: Option<bool>,
    /// What the browser or app that registered it said it was.
    user_agent: Option<String>,
    /// When the registration was started (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: Date,
    /// When it last signed in (RFC 3339, UTC).
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Date>,
    /// Known outputs of extensions at the registration, of the `client` and of the `authenticator`; null for a credential
    /// that was stored before they were kept.
    #[schema(value_type = Option<Object>)]
    extensions: Option<serde_json::Value>,
}

/// Shows a credential.
#[utoipa::path(
    get,
    operation_id = "show_credential",
    tag = "Credentials",
    path = "/manage/v1/services/{service}/credentials/{id}",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("id" = String, Path, description = "`YF` and 32 hex digits, or a UUID"),
    ),
    responses(
        (status = 200, description = "The credential.", body = Credential),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such credential.", body = Problem),
    )
)]
pub async fn show(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    let key = key_of(request.segment("id"));
    let key = key.ok_or_else(|| Refusal::from(Reason::CredentialUnknown))?;
    let passkeys = &request.state.passkeys;
    let (record, user) = passkeys.credential(rp.id, key).await?;
    let evidence = passkeys.evidence(rp.id, key).await?;
    ok(&Credential {
        factor: format!("YF{}", key.to_hex()),
        authenticator: key.into(),
        user: user.name,
        name: record.name,
        id: record.id,
        algorithm: record.algorithm.0,
        aaguid: record.aaguid,
        provider: passkeys.provider_name(record.aaguid),
        attestation_format: record.attestation_format,
        attestation_type: record.attestation_type,
        trust: record.trust,
        sign_count: record.sign_count,
        uv_initialized: record.uv_initialized,
        backup_eligible: record.backup_eligible,
        backup_state: record.backup_state,
        transports: record.transports,
        discoverable: record.discoverable,
        user_agent: record.user_agent,
        created_at: Date(record.created),
        last_used_at: record.last_used.map(Date),
        // It holds flags and numbers only: writing it cannot fail.
        extensions: evidence
            .extensions
            .and_then(|outputs| serde_json::to_value(outputs).ok()),
    })
}

/// The key in either wire's form.
fn key_of(id: &str) -> Option<CredentialKey> {
    match id.strip_prefix("YF") {
        Some(hex) => CredentialKey::from_hex(hex),
        None => Uuid::parse(id).map(|uuid| CredentialKey(uuid.0)),
    }
}
