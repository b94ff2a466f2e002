//! Deliveries to webhooks: written with their event, taken by one caller at a time.

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::ids::{DeliveryId, RelyingPartyId, WebhookId};
use domain::model::notice::{Delivery, DeliveryState, NoticeType};
use domain::model::page::PageRequest;
use domain::model::webhook::{Subscriber, Webhook};
use domain::store::{FinishedAuthentication, Storage};
use webauthn::error::Reason;

use super::fixture::{
    Fixture, NOW, StoreUnderTest, at, authentication, counting, event, key, registration,
};
use super::relying_parties::webhook;
use super::tokens::access_key;

async fn hook(fixture: &Fixture) -> Webhook {
    let hook = webhook(fixture.rp, NOW);
    assert_eq!(fixture.store.create_webhook(&hook).await, Ok(true));
    hook
}

/// The event, of which this webhook is told.
fn told(event: AuditEvent, hook: &Webhook) -> AuditEvent {
    event.told_to(Subscriber::of(hook).map(|one| vec![one].into()))
}

/// A delivery that is due at this time.
pub(crate) fn delivery(rp: RelyingPartyId, hook: WebhookId, millis: i64) -> Delivery {
    let event = event(AuditKind::AccessKeyCreated, rp);
    let subscriber = Subscriber::of(&Webhook {
        id: hook,
        ..webhook(rp, NOW)
    });
    let event = event.told_to(subscriber.map(|one| vec![one].into()));
    let mut delivery = event.deliveries().remove(0);
    delivery.id = DeliveryId(key());
    delivery.due = at(millis);
    delivery
}

async fn all(store: &dyn Storage, hook: &Webhook) -> Vec<Delivery> {
    let page = PageRequest::first(100);
    let found = store.list_deliveries(hook.relying_party, hook.id, page);
    found.await.unwrap().items
}

pub async fn an_event_and_its_deliveries_are_written_together(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let hook = hook(&fixture).await;
    let access = access_key(fixture.rp, NOW);
    let created = told(event(AuditKind::AccessKeyCreated, fixture.rp), &hook);
    for _ in 0..2 {
        assert_eq!(store.create_access_key(&access, &created).await, Ok(true));
    }
    assert_eq!(all(store, &hook).await, created.deliveries());
    let gone = told(event(AuditKind::AccessKeyDeleted, fixture.rp), &hook);
    let deleted = store.delete_access_key(fixture.rp, access.id, &gone);
    assert_eq!(deleted.await, Ok(true));
    let again = told(event(AuditKind::AccessKeyDeleted, fixture.rp), &hook);
    let deleted = store.delete_access_key(fixture.rp, access.id, &again);
    assert_eq!(deleted.await, Ok(false));
    let ids = |deliveries: &[Delivery]| -> Vec<_> { deliveries.iter().map(|d| d.id).collect() };
    let mut expected = ids(&created.deliveries());
    expected.extend(ids(&gone.deliveries()));
    let mut found = ids(&all(store, &hook).await);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

pub async fn ceremonies_are_told_as_they_end(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let hook = hook(&fixture).await;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;

    let ceremony = authentication(fixture.rp, Some(&ann), NOW);
    fixture.begin(&ceremony).await;
    let mut sign_in = passkey.sign_in(&ceremony, &record, at(2), &counting(7));
    sign_in.event = told(sign_in.event, &hook);
    assert_eq!(
        sign_in.send(store).await,
        Ok(FinishedAuthentication::Accepted)
    );
    let kinds =
        |deliveries: &[Delivery]| -> Vec<_> { deliveries.iter().map(|d| d.notice.what).collect() };
    let found = all(store, &hook).await;
    assert_eq!(found, sign_in.event.deliveries());
    assert_eq!(kinds(&found), [NoticeType::ChallengeApproved]);

    // The store finds that the counter did not increase.
    let ceremony = authentication(fixture.rp, Some(&ann), NOW);
    fixture.begin(&ceremony).await;
    let mut sign_in = passkey.sign_in(&ceremony, &record, at(3), &counting(7));
    sign_in.counter = domain::store::CounterRule::MustIncrease;
    sign_in.event = told(sign_in.event, &hook);
    let refused = sign_in.send(store).await;
    assert_ne!(refused, Ok(FinishedAuthentication::Accepted));
    let mut found = kinds(&all(store, &hook).await);
    found.sort_by_key(|kind| kind.name());
    assert_eq!(
        found,
        [
            NoticeType::ChallengeApproved,
            NoticeType::ChallengeDenied,
            NoticeType::CounterNotIncreased
        ]
    );
    let reasons = all(store, &hook).await;
    let reason = Some(Reason::SignCountNotIncreased.name().to_owned());
    assert_eq!(
        reasons.iter().filter(|d| d.notice.reason == reason).count(),
        2
    );

    let begun = registration(&ann, NOW);
    fixture.begin(&begun).await;
    let mut attempt = passkey.register(&begun, at(4));
    attempt.event = told(attempt.event, &hook);
    attempt.send(store).await.unwrap();
    let last = all(store, &hook).await;
    let is_new = |d: &&Delivery| d.notice.what == NoticeType::FactorVerified;
    assert_eq!(last.iter().filter(is_new).count(), 1);
}

pub async fn a_delivery_is_claimed_once_until_its_lease_ends(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let (one, other) = (hook(&fixture).await, hook(&fixture).await);
    let mut ids = Vec::new();
    for (hook, millis) in [(&one, 3), (&one, 1), (&one, 2), (&other, 5), (&other, 90)] {
        let delivery = delivery(fixture.rp, hook.id, millis);
        ids.push(delivery.id);
        assert_eq!(store.create_delivery(&delivery).await, Ok(true));
    }
    let claim = async |now, except: &[WebhookId]| {
        let claimed = store.claim_deliveries(at(now), at(now + 100), except, 2, 10);
        let mut claimed = claimed.await.unwrap();
        assert!(claimed.iter().all(|d| d.due == at(now + 100)));
        claimed.sort_by_key(|d| ids.iter().position(|id| *id == d.id));
        claimed.into_iter().map(|d| d.id).collect::<Vec<_>>()
    };
    assert_eq!(claim(10, &[one.id]).await, [ids[3]]);
    assert_eq!(claim(10, &[]).await, [ids[1], ids[2]]);
    assert_eq!(claim(10, &[]).await, [ids[0]]);
    assert_eq!(claim(10, &[]).await, []);
    assert_eq!(claim(95, &[]).await, [ids[4]]);
    // The leases of the first claims have ended.
    assert_eq!(claim(111, &[other.id]).await.len(), 2);
}

pub async fn a_delivery_is_replaced_by_the_caller_that_has_it(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let hook = hook(&fixture).await;
    let first = delivery(fixture.rp, hook.id, 1);
    assert_eq!(store.create_delivery(&first).await, Ok(true));
    assert_eq!(store.oldest_delivery().await, Ok(Some(first.created)));
    let ended = Delivery {
        state: DeliveryState::Delivered,
        attempts: 1,
        status: Some(204),
        tried: Some(at(5)),
        ..first.clone()
    };
    assert_eq!(store.replace_delivery(&ended, at(2)).await, Ok(false));
    for _ in 0..2 {
        assert_eq!(store.replace_delivery(&ended, at(1)).await, Ok(true));
    }
    let found = store.delivery(fixture.rp, first.id).await;
    assert_eq!(found, Ok(Some(ended.clone())));
    assert_eq!(store.oldest_delivery().await, Ok(None));
    let other = fixture.another_rp().await;
    assert_eq!(store.delivery(other, first.id).await, Ok(None));

    let waiting = delivery(fixture.rp, hook.id, 1);
    assert_eq!(store.create_delivery(&waiting).await, Ok(true));
    let before = first.created.plus_millis(1);
    // A fault may hide that a sweep has removed something.
    while !matches!(store.sweep_deliveries(before, 10).await, Ok(0)) {}
    assert_eq!(all(store, &hook).await, [waiting]);
    store.delete_relying_party(fixture.rp, NOW).await.unwrap();
    assert_eq!(all(store, &hook).await, []);
    let late = delivery(fixture.rp, hook.id, 1);
    assert_eq!(store.create_delivery(&late).await, Ok(false));
}
