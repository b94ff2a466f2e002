//! The client data of a registration and of an authentication.

use domain::Reason;
use serde_json::{Value, json};
use testkit::{Lies, Profile};

use crate::support::{Binding, Device, lies};

async fn attestation_fails(reason: Reason, bend: impl FnOnce(&mut Lies)) {
    let binding = Binding::new().await;
    let mut device = Device::new("basic_full", Profile::security_key());
    binding
        .register(&mut device, &lies(bend))
        .await
        .failed(reason);
}

async fn assertion_fails(reason: Reason, bend: impl FnOnce(&mut Lies)) {
    let binding = Binding::new().await;
    let mut authenticator = binding.registered(Profile::default()).await;
    binding
        .sign_in(&mut authenticator, "preferred", &lies(bend))
        .await
        .failed(reason);
}

/// Another value for a member.
fn put(name: &str, value: Value) -> impl FnOnce(&mut Lies) {
    let name = name.to_owned();
    move |lies| drop(lies.extra_client_data.insert(name, value))
}

/// No such member.
fn drop_member(name: &str) -> impl FnOnce(&mut Lies) {
    let name = name.to_owned();
    move |lies| lies.without_client_data.push(name)
}

macro_rules! defects {
    ($group:ident, $fails:ident, $other:literal) => {
        mod $group {
            use super::*;

            defects! { $fails:
                type_is_missing => ClientDataMalformed, drop_member("type");
                type_is_not_a_string => ClientDataMalformed, put("type", json!(1));
                type_is_empty => ClientDataTypeMismatch, put("type", json!(""));
                type_is_wrong => ClientDataTypeMismatch, put("type", json!("webauthn.make"));
                type_is_that_of_the_other_ceremony => ClientDataTypeMismatch, put("type", json!($other));
                challenge_is_missing => ClientDataMalformed, drop_member("challenge");
                challenge_is_not_a_string => ClientDataMalformed, put("challenge", json!(["x"]));
                challenge_is_empty => CeremonyNotFound, put("challenge", json!(""));
                challenge_is_not_base64url => ClientDataMalformed, put("challenge", json!("+/=="));
                challenge_is_not_the_issued_one => CeremonyNotFound, put("challenge", json!("AAAAAAAAAAAAAAAAAAAAAA"));
                origin_is_missing => ClientDataMalformed, drop_member("origin");
                origin_is_not_a_string => ClientDataMalformed, put("origin", json!({}));
                origin_is_empty => OriginNotAllowed, put("origin", json!(""));
                origin_is_wrong => OriginNotAllowed, put("origin", json!("https://passkeys.test.evil.test"));
                token_binding_is_not_an_object => ClientDataMalformed, put("tokenBinding", json!("present"));
                token_binding_has_no_status => ClientDataMalformed, put("tokenBinding", json!({"id": "x"}));
                token_binding_has_an_unknown_status => ClientDataMalformed, put("tokenBinding", json!({"status": "bound"}));
            }
        }
    };
    ($fails:ident: $($name:ident => $reason:ident, $bend:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            $fails(Reason::$reason, $bend).await;
        }
    )+};
}

defects!(registration, attestation_fails, "webauthn.get");
defects!(authentication, assertion_fails, "webauthn.create");

#[tokio::test]
async fn a_token_binding_that_is_not_used_passes() {
    let binding = Binding::new().await;
    for status in ["supported", "not-supported"] {
        let unused = lies(put("tokenBinding", json!({"status": status})));
        let mut device = Device::new("basic_full", Profile::security_key());
        binding.register(&mut device, &unused).await.ok();
    }
}
