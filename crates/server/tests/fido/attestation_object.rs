//! The attestation object of a registration, and the `packed` statement in it.

use domain::Reason;
use serde_json::{Value, json};
use testkit::{Lies, Profile, base64url};

use crate::support::{Binding, Device, lies};

async fn fails(reason: Reason, bend: impl FnOnce(&mut Lies)) {
    let binding = Binding::new().await;
    let mut device = Device::new("basic_full", Profile::security_key());
    binding
        .register(&mut device, &lies(bend))
        .await
        .failed(reason);
}

fn object(name: &str, value: Value) -> impl FnOnce(&mut Lies) {
    let name = name.to_owned();
    move |lies| drop(lies.object_members.insert(name, value))
}

fn without(name: &str) -> impl FnOnce(&mut Lies) {
    let name = name.to_owned();
    move |lies| lies.without_object_member = Some(name)
}

fn statement(name: &str, value: Value) -> impl FnOnce(&mut Lies) {
    let name = name.to_owned();
    move |lies| drop(lies.statement_members.insert(name, value))
}

fn without_in_statement(name: &str) -> impl FnOnce(&mut Lies) {
    let name = name.to_owned();
    move |lies| lies.without_statement_member = Some(name)
}

macro_rules! defects {
    ($($name:ident => $reason:ident, $bend:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            fails(Reason::$reason, $bend).await;
        }
    )+};
}

mod registration {
    use super::*;

    defects! {
        it_is_not_a_cbor_map => AttestationObjectMembers, |lies| lies.attestation_object = Some(vec![0x83, 1, 2, 3]);
        fmt_is_missing => AttestationObjectMembers, without("fmt");
        fmt_is_not_text => AttestationObjectMembers, object("fmt", json!(7));
        att_stmt_is_missing => AttestationObjectMembers, without("attStmt");
        att_stmt_is_not_a_map => AttestationStatementMalformed, object("attStmt", json!([]));
        auth_data_is_missing => AttestationObjectMembers, without("authData");
        auth_data_is_not_bytes => AttestationObjectMembers, object("authData", json!("text"));
        auth_data_is_empty => AuthenticatorDataMalformed, object("authData", json!({"base64url": ""}));
        the_at_flag_is_not_set_and_the_data_are_there => TrailingBytes, |lies| {
            lies.attested_credential_data = Some(false);
        };
        the_at_flag_is_not_set_and_the_data_are_not_there => AttestedCredentialDataMissing, |lies| {
            lies.attested_credential_data = Some(false);
            lies.without_attested_credential_data = true;
        };
        the_at_flag_is_set_and_the_data_are_not_there => AuthenticatorDataMalformed, |lies| {
            lies.without_attested_credential_data = true;
        };
        auth_data_have_leftover_bytes => TrailingBytes, |lies| {
            lies.trailing_authenticator_data = Some(vec![0; 4]);
        };
        packed_with_an_empty_statement => AttestationStatementMalformed, |lies| lies.empty_statement = true;
        packed_without_alg => AttestationStatementMalformed, without_in_statement("alg");
        packed_with_an_alg_that_is_not_a_number => AttestationStatementMalformed, statement("alg", json!("ES256"));
        packed_with_an_alg_other_than_that_of_the_metadata_statement => CertificateRequirements, statement("alg", json!(-257));
        packed_without_sig => AttestationStatementMalformed, without_in_statement("sig");
        packed_with_a_sig_that_is_not_bytes => AttestationStatementMalformed, statement("sig", json!("text"));
        packed_with_an_empty_sig => AttestationSignatureInvalid, statement("sig", json!({"base64url": ""}));
    }

    #[tokio::test]
    async fn extension_data_with_the_ed_flag_pass() {
        let binding = Binding::new().await;
        let mut profile = Profile::security_key();
        let outputs = &mut profile.create_extensions.authenticator;
        outputs.insert("credProtect".to_owned(), json!(2));
        outputs.insert(
            "example.extension".to_owned(),
            json!({"base64url": base64url(b"any")}),
        );
        let mut device = Device::new("basic_full", profile);
        binding.register(&mut device, &Lies::default()).await.ok();
    }
}
