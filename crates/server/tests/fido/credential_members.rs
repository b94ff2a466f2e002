//! The members of the credential that a registration and an authentication send.

use domain::Reason;
use serde_json::{Value, json};
use testkit::json::{pad, set, without};
use testkit::{Lies, Profile};

use crate::support::{Binding, Device, lies};

/// Sends a flawless registration with this defect; then the flawless one, which shows that nothing was used up.
async fn attestation_fails(reason: Reason, bend: impl FnOnce(&mut Value)) {
    let binding = Binding::new().await;
    let mut device = Device::new("basic_full", Profile::security_key());
    let credential = binding.create(&mut device, &Lies::default()).await;
    let mut faulty = credential.clone();
    bend(&mut faulty);
    binding
        .stranger()
        .post("/attestation/result", &faulty)
        .await
        .failed(reason);
    binding
        .stranger()
        .post("/attestation/result", &credential)
        .await
        .ok();
}

/// The same with an authentication.
async fn assertion_fails(reason: Reason, bend: impl FnOnce(&mut Value)) {
    let binding = Binding::new().await;
    let mut authenticator = binding.registered(Profile::default()).await;
    let credential = binding
        .assertion(&mut authenticator, "preferred", &Lies::default())
        .await;
    let mut faulty = credential.clone();
    bend(&mut faulty);
    binding
        .stranger()
        .post("/assertion/result", &faulty)
        .await
        .failed(reason);
    binding
        .stranger()
        .post("/assertion/result", &credential)
        .await
        .ok();
}

macro_rules! defects {
    ($fails:ident: $($name:ident => $reason:ident, $bend:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            $fails(Reason::$reason, $bend).await;
        }
    )+};
}

mod registration {
    use super::*;

    defects! { attestation_fails:
        id_is_missing => CredentialIdInvalid, |c| drop(without(c, "id"));
        id_is_not_a_string => CredentialIdInvalid, |c| set(c, "id", 7);
        id_is_not_base64url => Base64Invalid, |c| set(c, "id", "+/==");
        id_is_padded => Base64Invalid, |c| pad(c, "id");
        raw_id_is_padded => Base64Invalid, |c| pad(c, "rawId");
        type_is_missing => CredentialTypeMismatch, |c| drop(without(c, "type"));
        type_is_not_a_string => CredentialTypeMismatch, |c| set(c, "type", json!({}));
        type_is_not_public_key => CredentialTypeMismatch, |c| set(c, "type", "public-keys");
        response_is_missing => ResponseMemberMissing, |c| drop(without(c, "response"));
        response_is_not_an_object => ResponseMemberMissing, |c| set(c, "response", "text");
        client_data_json_is_missing => ResponseMemberMissing, |c| drop(without(c, "response.clientDataJSON"));
        client_data_json_is_not_a_string => ResponseMemberMissing, |c| set(c, "response.clientDataJSON", json!([]));
        client_data_json_is_empty => ResponseMemberMissing, |c| set(c, "response.clientDataJSON", "");
        attestation_object_is_missing => ResponseMemberMissing, |c| drop(without(c, "response.attestationObject"));
        attestation_object_is_not_a_string => ResponseMemberMissing, |c| set(c, "response.attestationObject", 1);
        attestation_object_is_empty => ResponseMemberMissing, |c| set(c, "response.attestationObject", "");
    }

    #[tokio::test]
    async fn client_extension_results_are_an_object_where_they_are_there() {
        attestation_fails(Reason::RequestInvalid, |c| {
            set(c, "getClientExtensionResults", "none");
        })
        .await;
    }

    #[tokio::test]
    async fn a_registered_credential_is_excluded_from_the_next_registration_of_its_user() {
        let binding = Binding::new().await;
        let authenticator = binding.registered(Profile::default()).await;
        let id = testkit::base64url(authenticator.credentials()[0].id());
        let excluded = |options: Value| options["excludeCredentials"].clone();
        let own = excluded(binding.creation_options("mira", &json!({})).await);
        assert_eq!(own.as_array().unwrap().len(), 1);
        assert_eq!(own[0]["type"], "public-key");
        assert_eq!(own[0]["id"], id);
        let other = excluded(binding.creation_options("nils", &json!({})).await);
        assert_eq!(other, json!([]));
    }

    #[tokio::test]
    async fn a_result_is_taken_once() {
        let binding = Binding::new().await;
        let mut device = Device::new("basic_full", Profile::security_key());
        let credential = binding.create(&mut device, &Lies::default()).await;
        binding
            .stranger()
            .post("/attestation/result", &credential)
            .await
            .ok();
        let again = binding
            .stranger()
            .post("/attestation/result", &credential)
            .await;
        again.failed(Reason::CeremonyUsed);
    }
}

mod authentication {
    use super::*;

    defects! { assertion_fails:
        id_is_missing => CredentialIdInvalid, |c| drop(without(c, "id"));
        id_is_not_a_string => CredentialIdInvalid, |c| set(c, "id", json!(["x"]));
        id_is_not_base64url => Base64Invalid, |c| set(c, "id", "+/==");
        id_is_padded => Base64Invalid, |c| pad(c, "id");
        raw_id_is_padded => Base64Invalid, |c| pad(c, "rawId");
        type_is_missing => CredentialTypeMismatch, |c| drop(without(c, "type"));
        type_is_not_a_string => CredentialTypeMismatch, |c| set(c, "type", 1);
        type_is_not_public_key => CredentialTypeMismatch, |c| set(c, "type", "Public-Key");
        response_is_missing => ResponseMemberMissing, |c| drop(without(c, "response"));
        response_is_not_an_object => ResponseMemberMissing, |c| set(c, "response", json!([]));
        client_data_json_is_missing => ResponseMemberMissing, |c| drop(without(c, "response.clientDataJSON"));
        client_data_json_is_not_a_string => ResponseMemberMissing, |c| set(c, "response.clientDataJSON", 1);
        client_data_json_is_empty => ResponseMemberMissing, |c| set(c, "response.clientDataJSON", "");
        authenticator_data_is_missing => ResponseMemberMissing, |c| drop(without(c, "response.authenticatorData"));
        authenticator_data_is_not_a_string => ResponseMemberMissing, |c| set(c, "response.authenticatorData", json!({}));
        authenticator_data_is_not_base64url => Base64Invalid, |c| set(c, "response.authenticatorData", "+/==");
        signature_is_padded => Base64Invalid, |c| set(c, "response.signature", "AA==");
        authenticator_data_is_empty => ResponseMemberMissing, |c| set(c, "response.authenticatorData", "");
        signature_is_missing => ResponseMemberMissing, |c| drop(without(c, "response.signature"));
        signature_is_not_a_string => ResponseMemberMissing, |c| set(c, "response.signature", true);
        signature_is_not_base64url => Base64Invalid, |c| set(c, "response.signature", "+/==");
        signature_is_empty => ResponseMemberMissing, |c| set(c, "response.signature", "");
        user_handle_is_not_a_string => UserHandleInvalid, |c| set(c, "response.userHandle", 7);
    }

    #[tokio::test]
    async fn signature_does_not_verify() {
        let binding = Binding::new().await;
        let mut authenticator = binding.registered(Profile::default()).await;
        let bad = lies(|lies| lies.tampered_signature = true);
        let reply = binding.sign_in(&mut authenticator, "preferred", &bad).await;
        reply.failed(Reason::SignatureInvalid);
    }

    #[tokio::test]
    async fn user_handle_may_be_empty_null_or_absent() {
        let binding = Binding::new().await;
        let mut authenticator = binding.registered(Profile::default()).await;
        for value in [Some(json!("")), Some(Value::Null), None] {
            let mut credential = binding
                .assertion(&mut authenticator, "preferred", &Lies::default())
                .await;
            match value {
                Some(value) => set(&mut credential, "response.userHandle", value),
                None => drop(without(&mut credential, "response.userHandle")),
            }
            binding
                .stranger()
                .post("/assertion/result", &credential)
                .await
                .ok();
        }
    }
}
