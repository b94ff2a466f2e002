//! A registration and an authentication, operation by operation, so that a store's test can say what each costs.

use std::sync::Arc;

use domain::model::user::UserRef;
use domain::store::{Begin, BeginRegistration, FinishedAuthentication, FinishedRegistration};

use super::device::Claims;
use super::fixture::{
    Fixture, NOW, Passkey, StoreUnderTest, at, authentication, event, new_user, registration,
};

/// Runs both. `seen` gets the name of each operation after it.
pub async fn each(under_test: &mut dyn StoreUnderTest, mut seen: impl FnMut(&'static str)) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    // The policy that ceremonies share is written by the first of them.
    fixture.begin(&authentication(fixture.rp, None, NOW)).await;
    seen("preparation");

    let user = new_user(fixture.rp, "ann", NOW);
    let ceremony = registration(&user, NOW);
    let created = event(domain::model::audit::AuditKind::UserCreated, fixture.rp).user(user.id);
    let begin = BeginRegistration {
        ceremony: &ceremony,
        new_user: Some(&user),
        displaced: &[],
        events: &[created],
    };
    assert_eq!(store.begin_registration(begin).await, Ok(Begin::Begun));
    seen("start of a registration with a new user");
    assert!(fixture.ceremony(ceremony.id).await.is_some());
    seen("read of a registration");
    let mut passkey = Passkey::new(&user);
    let finish = passkey.register(&ceremony, at(1));
    let finished = finish.send(&**store).await;
    assert_eq!(finished, Ok(FinishedRegistration::Registered));
    seen("finish of a registration");

    let found = store.user_with_credentials(fixture.rp, UserRef::Name("ann"));
    let found = found.await.unwrap().unwrap();
    let (user, credentials) = &*found;
    seen("read of a user with credentials");
    let ceremony = authentication(fixture.rp, Some(user), at(2));
    let started = fixture.try_begin(&ceremony, &[]).await;
    assert_eq!(started, Ok(Begin::Begun));
    seen("start of an authentication");
    let loaded = store
        .load_for_authentication(fixture.rp, ceremony.id, &credentials[0].id)
        .await
        .unwrap();
    let signer = loaded.credential.unwrap();
    seen("read of an authentication");
    let sign_in = passkey.sign_in(&ceremony, &signer.0, at(3), &Claims::default());
    let finished = sign_in.send(&**store).await;
    assert_eq!(finished, Ok(FinishedAuthentication::Accepted));
    seen("finish of an authentication");

    let sealed = Arc::new(authentication(fixture.rp, Some(user), at(4)));
    let mut sign_in = passkey.sign_in(&sealed, &signer.0, at(5), &Claims::default());
    sign_in.sealed = Some(sealed);
    let finished = sign_in.send(&**store).await;
    assert_eq!(finished, Ok(FinishedAuthentication::Accepted));
    seen("finish of a sealed authentication");
}
