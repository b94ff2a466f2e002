//! Webhooks of a Service: their deliveries, each attempt, and what an operator does about them.

use askama::Template;
use axum::response::Response;
use domain::model::ids::{DeliveryId, WebhookId};
use domain::model::notice::{Delivery, DeliveryState};
use domain::model::page::PageRequest;
use domain::model::relying_party::RelyingParty;
use domain::model::webhook::Webhook;
use domain::service::deliveries::Range;

use super::failure::Failure;
use super::page::{self, Frame};
use super::services::{self, ROWS};
use super::visit::Visit;
use super::words;
use crate::api::webhook_secrets::{signing_token, standard_secret};

/// Most webhooks that are shown. No more of a Service receive events.
const MOST: u32 = 100;

const ABSENT: Failure = Failure::Absent("There is no such webhook.");
const NO_DELIVERY: Failure =
    Failure::Absent("There is no such delivery. Deliveries are kept for 30 days.");

/// What the list of deliveries can be limited to.
const STATES: [DeliveryState; 3] = [
    DeliveryState::Waiting,
    DeliveryState::Failed,
    DeliveryState::Delivered,
];

#[derive(Template)]
#[template(path = "console/webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    rp: RelyingParty,
    webhooks: Vec<Webhook>,
}

#[derive(Template)]
#[template(path = "console/webhook.html")]
struct WebhookPage {
    frame: Frame,
    rp: RelyingParty,
    webhook: Webhook,
    shown: Option<DeliveryState>,
    states: [DeliveryState; 3],
    deliveries: Vec<Delivery>,
    /// Where the next page begins.
    next: Option<String>,
    /// What is wrong with the status that was asked for.
    wrong: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "console/webhook-secrets.html")]
struct SecretsPage {
    frame: Frame,
    rp: RelyingParty,
    webhook: Webhook,
    /// The signing token of Twilio and the secret of Standard Webhooks.
    current: (String, String),
    /// Those before, and until when both sign.
    previous: Option<((String, String), String)>,
}

#[derive(Template)]
#[template(path = "console/delivery.html")]
struct DeliveryPage {
    frame: Frame,
    rp: RelyingParty,
    webhook: Webhook,
    delivery: Delivery,
}

/// The Service and the webhook that the path names.
async fn of_path(visit: &Visit) -> Result<(RelyingParty, Webhook), Failure> {
    let rp = services::of_path(visit).await?;
    let id = WebhookId::from_hex(&words::digits(visit.segment("webhook"))).ok_or(ABSENT)?;
    let webhook = visit.passkeys().webhook(rp.id, id).await?;
    Ok((rp, webhook.ok_or(ABSENT)?))
}

fn path_of(webhook: &Webhook) -> String {
    format!(
        "/services/{}/webhooks/{}",
        words::service(webhook.relying_party),
        words::webhook(webhook.id)
    )
}

/// `GET /console/services/{service}/webhooks`.
pub(super) async fn list(visit: Visit) -> Result<Response, Failure> {
    let rp = services::of_path(&visit).await?;
    let page = PageRequest::first(MOST);
    let found = visit.passkeys().list_webhooks(rp.id, page).await?;
    page::page(&WebhooksPage {
        frame: visit.frame()?,
        rp,
        webhooks: found.items,
    })
}

/// `GET /console/services/{service}/webhooks/{webhook}`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let (rp, webhook) = of_path(&visit).await?;
    page::page(&webhook_page(&visit, rp, webhook).await?)
}

async fn webhook_page(
    visit: &Visit,
    rp: RelyingParty,
    webhook: Webhook,
) -> Result<WebhookPage, Failure> {
    let wanted = visit.query("state").unwrap_or_default();
    let shown = STATES
        .into_iter()
        .find(|state| words::delivery_state(state) == wanted);
    let after = visit.query("after").and_then(words::position);
    let found = visit
        .passkeys()
        .find_deliveries((rp.id, webhook.id), shown, after, ROWS)
        .await?;
    Ok(WebhookPage {
        frame: visit.frame()?,
        rp,
        webhook,
        shown,
        states: STATES,
        deliveries: found.deliveries,
        next: found
            .stopped
            .map(|place| words::cursor(place.created, place.key)),
        wrong: None,
    })
}

/// `GET /console/services/{service}/webhooks/{webhook}/secrets`.
pub(super) async fn secrets(visit: Visit) -> Result<Response, Failure> {
    let (rp, webhook) = of_path(&visit).await?;
    let secrets = visit.passkeys().webhook_secrets(&webhook);
    let both = |secret: &[u8; 32]| (signing_token(secret), standard_secret(secret));
    let previous = secrets.previous.as_ref().zip(webhook.overlap);
    page::page(&SecretsPage {
        frame: visit.frame()?,
        current: both(&secrets.current),
        previous: previous.map(|(secret, until)| (both(secret), words::moment(until))),
        rp,
        webhook,
    })
}

/// `POST /console/services/{service}/webhooks/{webhook}/secrets`: a new secret.
pub(super) async fn rotate(visit: Visit) -> Result<Response, Failure> {
    let (rp, webhook) = of_path(&visit).await?;
    let by = visit.actor();
    let rotated = visit
        .passkeys()
        .rotate_webhook_secret(rp.id, webhook.id, &by);
    rotated.await?.ok_or(ABSENT)?;
    Ok(visit.back(&format!("{}/secrets", path_of(&webhook)), "secret"))
}

/// `POST /console/services/{service}/webhooks/{webhook}/test`.
pub(super) async fn test(visit: Visit) -> Result<Response, Failure> {
    let (rp, webhook) = of_path(&visit).await?;
    let by = visit.actor();
    let sent = visit.passkeys().test_webhook(rp.id, webhook.id, &by);
    sent.await?.ok_or(ABSENT)?;
    Ok(visit.back(&path_of(&webhook), "tested"))
}

/// `POST /console/services/{service}/webhooks/{webhook}/status`.
pub(super) async fn set_status(visit: Visit) -> Result<Response, Failure> {
    let (rp, webhook) = of_path(&visit).await?;
    let enabled = match visit.field("status") {
        "enabled" => true,
        "disabled" => false,
        _ => {
            let page = webhook_page(&visit, rp, webhook).await?;
            return page::not_accepted(&WebhookPage {
                wrong: Some("The status is enabled or disabled."),
                ..page
            });
        }
    };
    if enabled == webhook.enabled {
        return Ok(visit.back(&path_of(&webhook), "nothing"));
    }
    let change = |webhook: &mut Webhook| {
        webhook.enabled = enabled;
        // Its receiver gets all days again before the webhook is disabled.
        webhook.failing = None;
    };
    let by = visit.actor();
    let changed = visit
        .passkeys()
        .update_webhook(rp.id, webhook.id, change, &by);
    changed.await?.ok_or(ABSENT)?;
    let done = if enabled { "enabled" } else { "disabled" };
    Ok(visit.back(&path_of(&webhook), done))
}

/// `POST /console/services/{service}/webhooks/{webhook}/redeliver`: every delivery of which an attempt failed.
pub(super) async fn redeliver_failed(visit: Visit) -> Result<Response, Failure> {
    let (rp, webhook) = of_path(&visit).await?;
    let passkeys = &visit.state.passkeys;
    let range = Range {
        since: webhook.created,
        until: passkeys.now(),
        delivered: false,
    };
    let by = visit.actor();
    let sent = passkeys.redeliver_range(rp.id, webhook.id, range, &by);
    let done = match sent.await?.ok_or(ABSENT)? {
        0 => "nothing",
        _ => "redelivered",
    };
    Ok(visit.back(&path_of(&webhook), done))
}

async fn of_webhook(visit: &Visit) -> Result<(RelyingParty, Webhook, Delivery), Failure> {
    let (rp, webhook) = of_path(visit).await?;
    let id = DeliveryId::from_hex(&words::digits(visit.segment("delivery")));
    let id = id.ok_or(NO_DELIVERY)?;
    let delivery = visit.passkeys().delivery(rp.id, webhook.id, id).await?;
    Ok((rp, webhook, delivery.ok_or(NO_DELIVERY)?))
}

/// `GET /console/services/{service}/webhooks/{webhook}/deliveries/{delivery}`.
pub(super) async fn delivery(visit: Visit) -> Result<Response, Failure> {
    let (rp, webhook, delivery) = of_webhook(&visit).await?;
    page::page(&DeliveryPage {
        frame: visit.frame()?,
        rp,
        webhook,
        delivery,
    })
}

/// `POST /console/services/{service}/webhooks/{webhook}/deliveries/{delivery}/redeliver`.
pub(super) async fn redeliver(visit: Visit) -> Result<Response, Failure> {
    let (rp, webhook, delivery) = of_webhook(&visit).await?;
    let by = visit.actor();
    let again = visit
        .passkeys()
        .redeliver(rp.id, webhook.id, delivery.id, &by);
    again.await?.ok_or(NO_DELIVERY)?;
    let to = format!("{}/deliveries/{}", path_of(&webhook), delivery.id);
    Ok(visit.back(&to, "redelivered"))
}
