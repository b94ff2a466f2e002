//! How much work the response to an authentication makes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::model::ceremony::CeremonyKind;
use domain::service::observer::{Observed, Observer, Phase};

use super::*;

/// Counts verifications.
#[derive(Default)]
struct Verifications(AtomicU32);

impl Observer for Verifications {
    fn time(&self) -> Duration {
        Duration::ZERO
    }
    fn started(&self, _: Observed<'_>) {}
    fn verifies(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn phase(&self, _: CeremonyKind, _: Phase, _: Duration) {}
    fn ended(&self, _: Observed<'_>, _: Result<(), &Refusal>) {}
    fn not_started(&self, _: Observed<'_>, _: &Refusal) {}
}

impl Verifications {
    /// How many there were since the last call.
    fn counted(&self) -> u32 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn an_unknown_credential_is_verified_as_often_as_a_known_one_whose_signature_is_wrong() {
    let mut fixture = Fixture::new().await;
    let counted = Arc::new(Verifications::default());
    fixture.passkeys = fixture
        .passkeys
        .with_observer(Arc::<Verifications>::clone(&counted));
    let mut known = Authenticator::default();
    fixture.register("ada-0001", &mut known).await.unwrap();
    // The passkey of another store: nobody here has it.
    let elsewhere = Fixture::new().await;
    let mut unknown = Authenticator::default();
    elsewhere.register("ada-0001", &mut unknown).await.unwrap();
    let wrong = Lies {
        tampered_signature: true,
        ..Lies::default()
    };
    assert_eq!(counted.counted(), 0, "a registration is none");
    for named in [false, true] {
        for (passkey, why) in [
            (&mut known, Reason::SignatureInvalid),
            (&mut unknown, Reason::CredentialUnknown),
        ] {
            let who = if named {
                Who::User("ada-0001".into())
            } else {
                Who::Anyone
            };
            let (_, mut options) = fixture.challenge(who).await.unwrap();
            // The unknown one answers although it is not listed.
            options["allowCredentials"] = serde_json::json!([]);
            let assertion = passkey.get(&options, ORIGIN, &wrong).unwrap();
            let first = reason(fixture.finish(&assertion).await);
            assert_eq!(first, why);
            assert_eq!(counted.counted(), 1, "{why:?} named: {named}");
            // The ceremony has ended: nothing is verified for either.
            reason(fixture.finish(&assertion).await);
            assert_eq!(counted.counted(), 0, "{why:?} named: {named}");
        }
    }
}
