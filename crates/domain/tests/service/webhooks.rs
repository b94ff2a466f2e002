//! Webhooks: what follows from attempts to deliver.

use std::time::Duration;

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::ids::{RelyingPartyId, WebhookId};
use domain::model::notice::{Delivery, DeliveryState, NoticeType};
use domain::model::webhook::{BodyFormat, SignatureHash, Webhook};
use domain::service::deliveries::Attempt;
use domain::store::{ClaimDeliveries, EventFilter};

use super::*;

/// A webhook that receives everything.
pub(crate) fn hook(
    rp: RelyingPartyId,
    url: &str,
) -> impl FnOnce(WebhookId, Timestamp) -> Webhook + use<> {
    let url = url.to_owned();
    move |id, now| Webhook {
        id,
        relying_party: rp,
        name: "hook".to_owned(),
        event_types: vec!["*".to_owned()],
        url,
        enabled: true,
        version: "v2".to_owned(),
        revision: 1,
        format: BodyFormat::Form,
        hash: SignatureHash::Sha1,
        secret: 0,
        overlap: None,
        failing: None,
        created: now,
        updated: now,
    }
}

fn failed(status: Option<u16>) -> Attempt {
    Attempt::Failed {
        status,
        problem: "test".to_owned(),
        retry_after: None,
    }
}

impl Fixture {
    async fn hook(&self) -> Webhook {
        let make = hook(self.rp.id, "https://a.test/");
        self.passkeys.create_webhook(make, &OPERATOR).await.unwrap()
    }

    async fn reload(&self, hook: &Webhook) -> Webhook {
        let found = self.passkeys.webhook(self.rp.id, hook.id).await;
        found.unwrap().unwrap()
    }

    async fn deliveries(&self, hook: &Webhook) -> Vec<Delivery> {
        let page = PageRequest::first(100);
        let found = self.passkeys.list_deliveries(self.rp.id, hook.id, page);
        found.await.unwrap().items
    }

    /// Sends a test, with this outcome.
    async fn attempt(&self, hook: &Webhook, attempt: Attempt) {
        let sent = self
            .passkeys
            .test_webhook(self.rp.id, hook.id, &OPERATOR)
            .await;
        let delivery = sent.unwrap().unwrap();
        let noted = self.passkeys.conclude_delivery(delivery, attempt).await;
        noted.unwrap();
    }

    async fn disabled(&self) -> Vec<AuditEvent> {
        let all = EventFilter::default();
        let found = self.passkeys.find_events(self.rp.id, &all, 1000);
        let mut events = found.await.unwrap().events;
        events.retain(|event| event.kind == AuditKind::WebhookDisabled);
        events
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_disables_its_webhook_and_the_trail_and_the_others_tell_why() {
    let fixture = Fixture::new().await;
    let (gone, other) = (fixture.hook().await, fixture.hook().await);
    fixture.attempt(&gone, failed(Some(410))).await;
    assert!(!fixture.reload(&gone).await.enabled);
    let [event] = <[AuditEvent; 1]>::try_from(fixture.disabled().await).unwrap();
    assert_eq!(event.actor.kind, ActorKind::Passkeyd);
    let details = event.details.unwrap();
    assert_eq!(details.found.as_deref(), Some("gone"));
    assert_eq!(details.target.unwrap().id, gone.id.to_hex());
    let [told] = <[Delivery; 1]>::try_from(fixture.deliveries(&other).await).unwrap();
    assert_eq!(told.notice.what, NoticeType::WebhookDisabled);
    assert_eq!(told.notice.reason.as_deref(), Some("gone"));
    // The one that was disabled is not told itself.
    let own = fixture.deliveries(&gone).await;
    let kinds: Vec<_> = own.iter().map(|one| (one.notice.what, one.state)).collect();
    assert_eq!(kinds, [(NoticeType::Test, DeliveryState::Failed)]);
}

#[tokio::test]
async fn a_delivery_that_was_put_back_can_be_claimed_again_at_once() {
    let fixture = Fixture::new().await;
    let (passkeys, hook) = (&fixture.passkeys, fixture.hook().await);
    let sent = passkeys.test_webhook(fixture.rp.id, hook.id, &OPERATOR);
    let sent = sent.await.unwrap().unwrap();
    let claim = async || {
        let now = passkeys.now();
        let claim = ClaimDeliveries {
            now,
            until: now.plus_millis(30_000),
            webhooks: &[],
            parties: &[],
            of_webhook: 16,
            of_party: 16,
            most: 16,
        };
        passkeys.claim_deliveries(claim).await.unwrap()
    };
    let [claimed] = <[Delivery; 1]>::try_from(claim().await).unwrap();
    assert_eq!(claimed.id, sent.id);
    assert_eq!(claim().await, []);
    passkeys.put_back_delivery(claimed).await.unwrap();
    let [again] = <[Delivery; 1]>::try_from(claim().await).unwrap();
    assert_eq!((again.id, again.attempts), (sent.id, 0));
}

#[tokio::test]
async fn a_receiver_that_accepts_nothing_for_five_days_disables_its_webhook() {
    let fixture = Fixture::new().await;
    let hook = fixture.hook().await;
    let day = i64::try_from(Duration::from_hours(24).as_millis()).unwrap();
    for (days, accepted) in [(0, false), (4, true), (1, false), (4, false)] {
        fixture.clock.advance_millis(days * day);
        let attempt = if accepted {
            Attempt::Accepted(200)
        } else {
            failed(None)
        };
        fixture.attempt(&hook, attempt).await;
        assert!(fixture.reload(&hook).await.enabled, "{days}");
    }
    assert_eq!(fixture.disabled().await, []);
    fixture.clock.advance_millis(day);
    for _ in 0..2 {
        fixture.attempt(&hook, failed(Some(500))).await;
    }
    assert!(!fixture.reload(&hook).await.enabled);
    // It is sent once.
    let [event] = <[AuditEvent; 1]>::try_from(fixture.disabled().await).unwrap();
    let why = event.details.unwrap().found;
    assert_eq!(why.as_deref(), Some("failed_for_days"));
}

#[tokio::test]
async fn deliveries_in_a_state_are_found_page_by_page_newest_first() {
    let fixture = Fixture::new().await;
    let hook = fixture.hook().await;
    for number in 0..5 {
        fixture.clock.advance_millis(1);
        let attempt = if number % 2 == 0 {
            failed(Some(500))
        } else {
            Attempt::Accepted(200)
        };
        fixture.attempt(&hook, attempt).await;
    }
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = fixture.passkeys.find_deliveries(
            (fixture.rp.id, hook.id),
            Some(DeliveryState::Waiting),
            after,
            2,
        );
        let page = page.await.unwrap();
        assert!(page.deliveries.len() <= 2);
        found.extend(page.deliveries);
        after = page.stopped;
        if after.is_none() {
            break;
        }
    }
    let all = fixture.deliveries(&hook).await;
    let wanted: Vec<_> = all.iter().rev().step_by(2).cloned().collect();
    assert_eq!(wanted.len(), 3);
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn a_deleted_user_is_told_with_each_passkey_and_erasure_leaves_no_name_in_deliveries() {
    let fixture = Fixture::new().await;
    let hook = fixture.hook().await;
    let mut keys = Vec::new();
    for _ in 0..2 {
        let mut authenticator = Authenticator::new(Profile::default());
        let record = fixture.register("ada", &mut authenticator).await.unwrap();
        keys.push(record.key);
    }
    let user = fixture.passkeys.user(fixture.rp.id, "ada").await.unwrap();
    let before = fixture.deliveries(&hook).await;
    assert!(before.iter().all(|one| one.notice.user_name.is_some()));
    let erased = fixture
        .passkeys
        .erase_user(fixture.rp.id, user.id, &OPERATOR)
        .await;
    erased.unwrap();
    let after = fixture.deliveries(&hook).await;
    assert!(after.iter().all(|one| one.notice.user_name.is_none()));
    let (deleted, others): (Vec<_>, Vec<_>) = after
        .into_iter()
        .partition(|one| one.notice.what == NoticeType::FactorDeleted);
    let mut told: Vec<_> = deleted
        .iter()
        .map(|one| one.notice.credential.unwrap())
        .collect();
    told.sort();
    keys.sort();
    assert_eq!(told, keys);
    assert_eq!(others.len(), before.len());
    for one in others {
        assert_eq!((one.notice.user, one.notice.credential), (None, None));
    }
}
