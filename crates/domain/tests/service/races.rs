//! Writes that lose to another one each time that they are tried.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::clock::Randomness;
use domain::model::ids::WebhookId;
use domain::model::ids::{EventId, UserId};
use domain::model::user::{User, UserRef};

use domain::store::{RelyingParties as _, Users as _, Webhooks as _};

use super::*;

/// The outcome of an operation of the store in memory, which never waits.
fn at_once<T>(operation: impl Future<Output = T>) -> T {
    match pin!(operation).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the store in memory does not wait"),
    }
}

/// Bytes in a challenge: one is drawn each time that a start is tried, after the user was read and before the write.
const CHALLENGE: usize = 18;

/// Randomness during which somebody else creates the user, or deletes them if they are there.
struct Rival {
    store: Arc<Memory>,
    rp: domain::model::ids::RelyingPartyId,
    name: &'static str,
}

impl Randomness for Rival {
    fn fill(&self, buffer: &mut [u8]) {
        SystemRandomness.fill(buffer);
        if buffer.len() != CHALLENGE {
            return;
        }
        let event = |kind| {
            let id = EventId::random(&SystemRandomness);
            AuditEvent::new(id, kind, self.rp, Timestamp(1), &browser())
        };
        let user = at_once(self.store.user(self.rp, UserRef::Name(self.name))).unwrap();
        if let Some(user) = user {
            let gone = event(AuditKind::UserDeleted);
            at_once(self.store.delete_user(self.rp, user.id, &gone)).unwrap();
            return;
        }
        let user = User {
            id: UserId::random(&SystemRandomness),
            relying_party: self.rp,
            name: self.name.to_owned(),
            created: Timestamp(1),
            updated: Timestamp(1),
            last_success: None,
            last_failure: None,
        };
        let made = event(AuditKind::UserCreated);
        at_once(self.store.create_user(&user, &made)).unwrap();
    }
}

#[tokio::test]
async fn a_registration_that_loses_each_time_says_that_others_change_the_user() {
    let fixture = Fixture::new().await;
    let rival = Rival {
        store: Arc::clone(&fixture.store),
        rp: fixture.rp.id,
        name: "ada-0001",
    };
    let passkeys = Passkeys::open(
        Arc::<Memory>::clone(&fixture.store),
        Arc::<SteppedClock>::clone(&fixture.clock),
        Arc::new(rival),
    )
    .await
    .unwrap();
    let none = PartialSelection::default();
    let start = StartRegistration::new("ada-0001", "Key", &none, plain());
    let refused = passkeys.start_registration(&fixture.rp, start).await;
    assert_eq!(refused.unwrap_err().reason, Reason::ConcurrentChanges);
    // Of another user it is none of their business.
    let start = StartRegistration::new("bob-0001", "Key", &none, plain());
    passkeys
        .start_registration(&fixture.rp, start)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_change_that_loses_each_time_says_so_and_one_that_loses_once_is_made() {
    let mut fixture = Fixture::new().await;
    let rival = |fixture: &Fixture| {
        let mut rp = at_once(fixture.store.relying_party(fixture.rp.id))
            .unwrap()
            .unwrap();
        rp.version += 1;
        rp.name.push('!');
        let id = EventId::random(&SystemRandomness);
        let event = AuditEvent::new(
            id,
            AuditKind::RelyingPartyUpdated,
            rp.id,
            Timestamp(1),
            &browser(),
        );
        at_once(fixture.store.update_relying_party(&rp, &event)).unwrap();
    };
    let (account, id) = (fixture.rp.account, fixture.rp.id);
    let refused = fixture
        .passkeys
        .update_relying_party::<Refusal>(
            account,
            id,
            |rp| {
                rival(&fixture);
                rp.selection.rp_name = Some("New".to_owned());
                Ok(())
            },
            &OPERATOR,
        )
        .await;
    assert_eq!(refused.unwrap_err().reason, Reason::ConcurrentChanges);
    let stored = fixture.store.relying_party(id).await.unwrap().unwrap();
    assert_eq!((&*stored.name, stored.version), ("Acme!!!!!", 6));

    let once = std::sync::atomic::AtomicBool::new(true);
    fixture.rp = fixture
        .passkeys
        .update_relying_party::<Refusal>(
            account,
            id,
            |rp| {
                if once.swap(false, std::sync::atomic::Ordering::Relaxed) {
                    rival(&fixture);
                }
                rp.selection.rp_name = Some("New".to_owned());
                Ok(())
            },
            &OPERATOR,
        )
        .await
        .unwrap()
        .into();
    assert_eq!((&*fixture.rp.name, fixture.rp.version), ("Acme!!!!!!", 8));
    assert_eq!(fixture.rp.selection.rp_name.as_deref(), Some("New"));
}

#[tokio::test]
async fn of_two_changes_of_one_webhook_at_once_none_is_lost() {
    let fixture = Fixture::new().await;
    let new_hook = webhooks::hook(fixture.rp.id, "https://backend.acme.test/hook");
    let made = fixture.passkeys.create_webhook(new_hook, &OPERATOR);
    let (rp, id) = (fixture.rp.id, made.await.unwrap().id);
    let rename = |rp, id: WebhookId| {
        let mut hook = at_once(fixture.store.webhook(rp, id)).unwrap().unwrap();
        hook.name.push('!');
        hook.revision += 1;
        at_once(fixture.store.update_webhook(&hook, None)).unwrap();
    };
    let once = std::sync::atomic::AtomicBool::new(true);
    let changed = fixture.passkeys.update_webhook(
        rp,
        id,
        |hook| {
            if once.swap(false, std::sync::atomic::Ordering::Relaxed) {
                rename(rp, id);
            }
            hook.enabled = false;
        },
        &OPERATOR,
    );
    let changed = changed.await.unwrap().unwrap();
    assert_eq!(
        (&*changed.name, changed.enabled, changed.revision),
        ("hook!", false, 3)
    );
    assert_eq!(fixture.passkeys.webhook(rp, id).await, Ok(Some(changed)));

    let lost = fixture
        .passkeys
        .update_webhook(rp, id, |_| rename(rp, id), &OPERATOR);
    assert_eq!(lost.await.unwrap_err().reason, Reason::ConcurrentChanges);
}

#[tokio::test]
async fn a_change_that_fails_changes_nothing() {
    let fixture = Fixture::new().await;
    let refused = fixture
        .passkeys
        .update_relying_party(
            fixture.rp.account,
            fixture.rp.id,
            |rp| {
                rp.name = "Never".to_owned();
                Err(Refusal::from(Reason::RequestInvalid))
            },
            &OPERATOR,
        )
        .await;
    assert_eq!(refused.unwrap_err().reason, Reason::RequestInvalid);
    let stored = fixture.store.relying_party(fixture.rp.id).await;
    assert_eq!(stored, Ok(Some(fixture.rp.clone())));
}
