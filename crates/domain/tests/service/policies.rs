//! What the policy of a Relying Party does to a ceremony, where no wire can show it.

use domain::model::policy::ProtectionDemand;
use domain::service::ceremony::Terms;
use serde_json::json;
use webauthn::attestation::{AttestationPolicy, StatementPolicy};
use webauthn::extension::CredentialProtection;
use webauthn::options::AttestationConveyance;

use super::*;

#[tokio::test]
async fn a_conditional_create_may_come_without_user_presence_and_no_other_registration() {
    let fixture = Fixture::new().await;
    let none = PartialSelection::default();
    let silent = Lies {
        user_present: Some(false),
        user_verified: Some(false),
        ..Lies::default()
    };
    for (conditional_create, expected) in [(true, None), (false, Some(Reason::UserNotPresent))] {
        let start = StartRegistration {
            conditional_create,
            ..StartRegistration::new("ada-0001", "Key", &none, plain())
        };
        let started = fixture.passkeys.start_registration(&fixture.rp, start);
        let started = started.await.unwrap();
        let asked = &started.ceremony.asked;
        assert_eq!(asked.conditional_create, conditional_create);
        let options = serde_json::to_value(&started.options).unwrap();
        let answer = counting().create(&options, ORIGIN, &silent).unwrap();
        let outcome = fixture.finish_registration(&answer).await;
        assert_eq!(outcome.err().map(|refusal| refusal.reason), expected);
    }
}

#[tokio::test]
async fn a_conditional_create_still_verifies_the_user_where_that_is_demanded() {
    let mut fixture = Fixture::new().await;
    fixture
        .change(|rp| rp.policy.user_verification_required = true)
        .await;
    let none = PartialSelection::default();
    let start = StartRegistration {
        conditional_create: true,
        ..StartRegistration::new("ada-0001", "Key", &none, plain())
    };
    let started = fixture.passkeys.start_registration(&fixture.rp, start);
    let options = serde_json::to_value(started.await.unwrap().options).unwrap();
    let unverified = Lies {
        user_verified: Some(false),
        ..Lies::default()
    };
    let answer = counting().create(&options, ORIGIN, &unverified).unwrap();
    assert_eq!(
        reason(fixture.finish_registration(&answer).await),
        Reason::UserNotVerified
    );
}

#[tokio::test]
async fn a_request_adds_to_the_extensions_of_the_policy_and_weakens_none() {
    let mut fixture = Fixture::new().await;
    fixture
        .change(|rp| {
            rp.policy.extensions.credential_protection = Some(ProtectionDemand {
                level: CredentialProtection::UserVerificationRequired,
                enforce: true,
            });
            rp.policy.extensions.uvm = true;
            rp.policy.attestation.conveyance = AttestationConveyance::Indirect;
        })
        .await;
    let wished = |wishes: Value| Terms {
        extensions: Some(wishes),
        ..plain()
    };
    let none = PartialSelection::default();
    let start = StartRegistration {
        attestation: Some(AttestationConveyance::Direct),
        terms: wished(json!({
            "credProps": true,
            "credentialProtectionPolicy": "userVerificationOptional",
            "enforceCredentialProtectionPolicy": false,
        })),
        ..StartRegistration::new("ada-0001", "Key", &none, plain())
    };
    let started = fixture.passkeys.start_registration(&fixture.rp, start);
    let options = started.await.unwrap().options;
    assert_eq!(options.attestation, AttestationConveyance::Direct);
    assert_eq!(
        options.extensions,
        Some(json!({
            "credProps": true,
            "credentialProtectionPolicy": "userVerificationRequired",
            "enforceCredentialProtectionPolicy": true,
            "uvm": true,
        }))
    );
    let start = StartAuthentication {
        terms: wished(json!({"uvm": false, "example": 1})),
        ..StartAuthentication::new(Who::Anyone, plain())
    };
    let ceremony = fixture
        .passkeys
        .start_authentication(&fixture.rp, start)
        .await;
    let asked = &ceremony.unwrap().asked;
    assert_eq!(asked.extensions, Some(json!({"uvm": true, "example": 1})));
}

#[tokio::test]
async fn a_policy_is_replaced_only_if_nobody_was_faster() {
    let fixture = Fixture::new().await;
    let mut stricter = fixture.rp.policy.clone();
    stricter.sign_count = SignCountPolicy::Refuse;
    let replace = |before| {
        fixture
            .passkeys
            .replace_policy(before, stricter.clone(), &OPERATOR)
    };
    let after = replace(&fixture.rp).await.unwrap().unwrap();
    assert_eq!(after.version, fixture.rp.version + 1);
    assert_eq!(after.policy, stricter);
    assert_eq!(after.selection, fixture.rp.selection);
    assert_eq!(replace(&fixture.rp).await.unwrap(), None);
    let stored = fixture
        .passkeys
        .stored_relying_party(fixture.rp.account, fixture.rp.id);
    assert_eq!(stored.await.unwrap(), after);
    let stranger = domain::model::ids::AccountId([9; 16]);
    let foreign = fixture
        .passkeys
        .stored_relying_party(stranger, fixture.rp.id);
    assert_eq!(reason(foreign.await), Reason::RelyingPartyUnknown);
    fixture
        .passkeys
        .delete_relying_party(fixture.rp.account, fixture.rp.id, &OPERATOR)
        .await
        .unwrap();
    assert_eq!(reason(replace(&after).await), Reason::RelyingPartyUnknown);
}

#[tokio::test]
async fn the_default_policy_demands_of_attestation_what_the_verifiers_default_does() {
    let fixture = Fixture::new().await;
    let none = PartialSelection::default();
    let start = StartRegistration::new("ada-0001", "Key", &none, plain());
    let started = fixture.passkeys.start_registration(&fixture.rp, start);
    let policy = started.await.unwrap().ceremony.policy;
    // It asks for none, so a statement that comes all the same is a volunteered one.
    let expected = AttestationPolicy {
        statement: StatementPolicy::Volunteered,
        ..AttestationPolicy::default()
    };
    assert_eq!(policy.attestation, expected);
    assert_eq!(policy.credential_protection, None);
}
