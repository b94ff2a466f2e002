//! Webhooks of a Service: deliveries, redelivery, tests, secrets, and the settings that the Twilio API does not have.

use axum::http::StatusCode;
use axum::response::Response;
use domain::model::clock::Timestamp;
use domain::model::ids::{DeliveryId, RelyingPartyId, WebhookId};
use domain::model::notice::{Delivery as Record, DeliveryState, Try};
use domain::model::page::{Order, PageRequest};
use domain::model::webhook::{BodyFormat, SignatureHash, Webhook};
use domain::service::deliveries::Range;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::Problem;
use super::request::{Request, ok};
use super::state::administrator;
use crate::api::dates::Date;
use crate::api::webhook_secrets::{signing_token, standard_secret};

/// How many deliveries are shown, the newest first.
const MOST: u32 = 500;

/// How a webhook is sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSending {
    /// The body: `form`, as Twilio sends it, or `json`, as the libraries of Standard Webhooks read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    format: Option<BodyFormat>,
    /// The hash of the Twilio signature: `sha1` or `sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    signature_hash: Option<SignatureHash>,
}

/// What verifies deliveries to a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookSecrets {
    /// For the validators of Twilio, in place of the Auth Token.
    signing_token: String,
    /// For the libraries of Standard Webhooks.
    secret: String,
    /// The signing token before, while the Twilio signature is still made with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_signing_token: Option<String>,
    /// The secret before, while both sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_secret: Option<String>,
    /// Until when both sign (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_until: Option<Date>,
}

/// A delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivery {
    /// Its id, the `webhook-id` of every attempt.
    id: String,
    /// What is sent.
    #[serde(rename = "type")]
    kind: &'static str,
    /// `waiting`, `delivered` or `failed`.
    #[schema(value_type = String)]
    state: DeliveryState,
    /// How often it was sent.
    attempts: u32,
    /// The status of the last response.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// When it was made (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: Date,
    /// When it was last sent (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    tried_at: Option<Date>,
    /// When it is sent next (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Date>,
    /// The last 30 attempts, oldest first, also those before it was sent again.
    history: Vec<DeliveryAttempt>,
}

/// An attempt to deliver.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryAttempt {
    /// When it ended (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    at: Date,
    /// The status of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl From<Try> for DeliveryAttempt {
    fn from(one: Try) -> Self {
        Self {
            at: Date(one.at),
            status: one.status,
            problem: one.problem,
        }
    }
}

impl From<Record> for Delivery {
    fn from(record: Record) -> Self {
        let waits = record.state == DeliveryState::Waiting;
        Self {
            id: record.id.to_hex(),
            kind: record.notice.what.name(),
            state: record.state,
            attempts: record.attempts,
            status: record.status,
            problem: record.problem,
            created_at: Date(record.created),
            tried_at: record.tried.map(Date),
            next_at: waits.then_some(Date(record.due)),
            history: record
                .tries
                .into_iter()
                .map(DeliveryAttempt::from)
                .collect(),
        }
    }
}

/// Deliveries, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deliveries {
    /// The deliveries.
    deliveries: Vec<Delivery>,
}

/// Which deliveries are sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeliverRange {
    /// Made at this moment or later, in milliseconds since 1970.
    since_ms: i64,
    /// Made before this moment, in milliseconds since 1970.
    until_ms: i64,
    /// Those that arrived, too, and not only those that failed or wait for another attempt.
    #[serde(default)]
    delivered: bool,
}

/// What a redelivery does.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redelivered {
    /// How many deliveries are sent again.
    count: u64,
}

fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found")
}

/// The webhook in the path.
async fn webhook(request: &Request) -> Result<Webhook, Problem> {
    let rp = request.service().await?;
    let id = request.segment("webhook").strip_prefix("YW");
    let id = id.and_then(WebhookId::from_hex).ok_or_else(not_found)?;
    let webhook = request.state.passkeys.webhook(rp.id, id).await?;
    webhook.ok_or_else(not_found)
}

fn place(webhook: &Webhook) -> (RelyingPartyId, WebhookId) {
    (webhook.relying_party, webhook.id)
}

fn sending(webhook: &Webhook) -> WebhookSending {
    WebhookSending {
        format: Some(webhook.format),
        signature_hash: Some(webhook.hash),
    }
}

fn secrets(request: &Request, webhook: &Webhook) -> WebhookSecrets {
    let secrets = request.state.passkeys.webhook_secrets(webhook);
    let both = secrets.previous.as_ref();
    WebhookSecrets {
        signing_token: signing_token(&secrets.current),
        secret: standard_secret(&secrets.current),
        previous_signing_token: both.map(signing_token),
        previous_secret: both.map(standard_secret),
        previous_until: webhook.overlap.filter(|_| both.is_some()).map(Date),
    }
}

/// Shows how a webhook is sent.
#[utoipa::path(
    get,
    operation_id = "get_webhook_sending",
    tag = "Webhooks",
    path = "/manage/v1/services/{service}/webhooks/{webhook}/sending",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("webhook" = String, Path, description = "`YW` and 32 hex digits"),
    ),
    responses(
        (status = 200, description = "How it is sent.", body = WebhookSending),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such webhook.", body = Problem),
    )
)]
pub(super) async fn show(request: Request) -> Result<Response, Problem> {
    ok(&sending(&webhook(&request).await?))
}

/// Changes how a webhook is sent. Members that are not there stay as they are.
#[utoipa::path(
    patch,
    operation_id = "change_webhook_sending",
    tag = "Webhooks",
    path = "/manage/v1/services/{service}/webhooks/{webhook}/sending",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("webhook" = String, Path, description = "`YW` and 32 hex digits"),
    ),
    request_body = WebhookSending,
    responses(
        (status = 200, description = "How it is sent from now on.", body = WebhookSending),
        (status = 400, description = "The body is not as described.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such webhook.", body = Problem),
        (status = 415, description = "The body is not JSON.", body = Problem),
    )
)]
pub(super) async fn change(request: Request) -> Result<Response, Problem> {
    let (rp, id) = place(&webhook(&request).await?);
    let wanted: WebhookSending = request.json().await?;
    let change = |webhook: &mut Webhook| {
        webhook.format = wanted.format.unwrap_or(webhook.format);
        webhook.hash = wanted.signature_hash.unwrap_or(webhook.hash);
    };
    let changed = request
        .state
        .passkeys
        .update_webhook(rp, id, change, &administrator())
        .await?;
    ok(&sending(&changed.ok_or_else(not_found)?))
}

/// Shows what verifies deliveries to a webhook.
#[utoipa::path(
    get,
    operation_id = "get_webhook_secrets",
    tag = "Webhooks",
    path = "/manage/v1/services/{service}/webhooks/{webhook}/secrets",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("webhook" = String, Path, description = "`YW` and 32 hex digits"),
    ),
    responses(
        (status = 200, description = "The secrets.", body = WebhookSecrets),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such webhook.", body = Problem),
    )
)]
pub(super) async fn show_secrets(request: Request) -> Result<Response, Problem> {
    let webhook = webhook(&request).await?;
    ok(&secrets(&request, &webhook))
}

/// Replaces the secret of a webhook. The one before signs, too, for a day.
#[utoipa::path(
    post,
    operation_id = "rotate_webhook_secret",
    tag = "Webhooks",
    path = "/manage/v1/services/{service}/webhooks/{webhook}/secrets/rotate",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("webhook" = String, Path, description = "`YW` and 32 hex digits"),
    ),
    responses(
        (status = 200, description = "The secrets from now on.", body = WebhookSecrets),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such webhook.", body = Problem),
    )
)]
pub(super) async fn rotate(request: Request) -> Result<Response, Problem> {
    let (rp, id) = place(&webhook(&request).await?);
    let rotated = request
        .state
        .passkeys
        .rotate_webhook_secret(rp, id, &administrator())
        .await?;
    ok(&secrets(&request, &rotated.ok_or_else(not_found)?))
}

/// Lists the last 500 deliveries to a webhook.
#[utoipa::path(
    get,
    operation_id = "list_deliveries",
    tag = "Webhooks",
    path = "/manage/v1/services/{service}/webhooks/{webhook}/deliveries",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("webhook" = String, Path, description = "`YW` and 32 hex digits"),
    ),
    responses(
        (status = 200, description = "Deliveries, newest first.", body = Deliveries),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such webhook.", body = Problem),
    )
)]
pub(super) async fn list(request: Request) -> Result<Response, Problem> {
    let (rp, id) = place(&webhook(&request).await?);
    let page = PageRequest {
        order: Order::Descending,
        ..PageRequest::first(MOST)
    };
    let page = request.state.passkeys.list_deliveries(rp, id, page).await?;
    ok(&Deliveries {
        deliveries: page.items.into_iter().map(Delivery::from).collect(),
    })
}

/// Sends a delivery again, under the same id.
#[utoipa::path(
    post,
    operation_id = "redeliver",
    tag = "Webhooks",
    path = "/manage/v1/services/{service}/webhooks/{webhook}/deliveries/{id}/redeliver",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("webhook" = String, Path, description = "`YW` and 32 hex digits"),
        ("id" = String, Path, description = "the id of the delivery (32 hex digits)"),
    ),
    responses(
        (status = 200, description = "The delivery, which waits to be sent.", body = Delivery),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "There is no such Service, webhook or delivery.", body = Problem),
    )
)]
pub(super) async fn redeliver(request: Request) -> Result<Response, Problem> {
    let (rp, id) = place(&webhook(&request).await?);
    let delivery = DeliveryId::from_hex(request.segment("id")).ok_or_else(not_found)?;
    let by = administrator();
    let again = request.state.passkeys.redeliver(rp, id, delivery, &by);
    let again = again.await?;
    ok(&Delivery::from(again.ok_or_else(not_found)?))
}

/// Sends the deliveries of a range of time again, under the same ids: those that failed, or all.
#[utoipa::path(
    post,
    operation_id = "redeliver_range",
    tag = "Webhooks",
    path = "/manage/v1/services/{service}/webhooks/{webhook}/redeliver",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("webhook" = String, Path, description = "`YW` and 32 hex digits"),
    ),
    request_body = RedeliverRange,
    responses(
        (status = 200, description = "How many are sent again.", body = Redelivered),
        (status = 400, description = "The body is not as described.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such webhook.", body = Problem),
        (status = 415, description = "The body is not JSON.", body = Problem),
    )
)]
pub(super) async fn redeliver_range(request: Request) -> Result<Response, Problem> {
    let (rp, id) = place(&webhook(&request).await?);
    let wanted: RedeliverRange = request.json().await?;
    let range = Range {
        since: Timestamp(wanted.since_ms),
        until: Timestamp(wanted.until_ms),
        delivered: wanted.delivered,
    };
    let passkeys = &request.state.passkeys;
    let by = administrator();
    let count = passkeys.redeliver_range(rp, id, range, &by);
    ok(&Redelivered {
        count: count.await?.ok_or_else(not_found)?,
    })
}

/// Sends a test event to a webhook.
#[utoipa::path(
    post,
    operation_id = "test_webhook",
    tag = "Webhooks",
    path = "/manage/v1/services/{service}/webhooks/{webhook}/test",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("webhook" = String, Path, description = "`YW` and 32 hex digits"),
    ),
    responses(
        (status = 200, description = "The delivery, which waits to be sent.", body = Delivery),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such webhook.", body = Problem),
    )
)]
pub(super) async fn test(request: Request) -> Result<Response, Problem> {
    let (rp, id) = place(&webhook(&request).await?);
    let by = administrator();
    let delivery = request.state.passkeys.test_webhook(rp, id, &by);
    let delivery = delivery.await?;
    ok(&Delivery::from(delivery.ok_or_else(not_found)?))
}
