//! Every code of the table that a request can bring about is met by a request here. A new code in the table fails this
//! test until a request for it is added.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};
use server::api::twilio::codes::{Code, Raised};
use testkit::json::{set, without};
use testkit::{Algorithm, Authenticator, Lies, Profile, UserHandle};

use crate::common::{Answer, Client, TestApp};
use crate::support::{create, get};

#[derive(Default)]
struct Met(BTreeSet<Code>);

impl Met {
    #[track_caller]
    fn refused(&mut self, code: Code, reply: Answer) {
        let error = reply.refused(code.status(), code.number());
        let message = error["message"].as_str().unwrap();
        let says_more = [
            Code::MissingParameter,
            Code::NotFound,
            Code::InvalidParameter,
            Code::RelyingPartyInvalid,
            Code::CriteriaMissing,
        ];
        assert!(
            message == code.title() || says_more.contains(&code),
            "{error}"
        );
        self.0.insert(code);
    }
}

fn with(credential: &Value, path: &str, value: Value) -> Value {
    let mut credential = credential.clone();
    set(&mut credential, path, value);
    credential
}

#[tokio::test]
async fn every_code_that_a_request_can_bring_about_is_met_by_one() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut met = Met::default();
    platform(&account, &service, &mut met).await;
    resources(&account, &service, &mut met).await;
    start(&account, &service, &mut met).await;
    form_of_credentials(&account, &service, &mut met).await;
    verdicts(&account, &service, &mut met).await;
    let expected: BTreeSet<Code> = Code::ALL
        .iter()
        .copied()
        .filter(|code| code.raised() == Raised::ByRequest)
        .collect();
    assert_eq!(met.0, expected);
}

async fn platform(account: &Client, service: &str, met: &mut Met) {
    met.refused(
        Code::MissingParameter,
        account.post("/v2/Services", "").await,
    );
    met.refused(
        Code::Authenticate,
        account.app.stranger().get(service).await,
    );
    let read = json!({"name": "reader", "scopes": ["read"]});
    let key = account.post("/manage/v1/api-keys", &read).await.expect(201);
    let text = |member: &str| key[member].as_str().unwrap().to_owned();
    let reader = account.with_secret(&text("id"), &text("secret"));
    met.refused(Code::Forbidden, reader.delete(service).await);
    met.refused(
        Code::MethodNotAllowed,
        account.request(Method::PUT, service).empty().await,
    );
    met.refused(
        Code::PageSizeTooLarge,
        account.get("/v2/Services?PageSize=1001").await,
    );
    met.refused(Code::NotFound, account.get("/v2/nothing").await);
    let large = "x".repeat(256 * 1024 + 1);
    met.refused(Code::TooLarge, account.post("/v2/Services", &large).await);
}

async fn resources(account: &Client, service: &str, met: &mut Met) {
    met.refused(
        Code::InvalidParameter,
        account.post(service, "CodeLength=99").await,
    );
    met.refused(
        Code::ServiceSidInvalid,
        account.get("/v2/Services/VA1").await,
    );
    let entities = format!("{service}/Entities");
    account
        .post(&entities, "Identity=user-0001")
        .await
        .expect(201);
    met.refused(
        Code::EntityExists,
        account.post(&entities, "Identity=user-0001").await,
    );
    let keyed = account.with_key("8e03978e-40d5-43e8-bc93-6894a57f9324");
    keyed
        .post(&entities, "Identity=user-0002")
        .await
        .expect(201);
    met.refused(
        Code::IdempotencyConflict,
        keyed.post(&entities, "Identity=user-0003").await,
    );
    met.refused(
        Code::InvalidRequest,
        account.post(&entities, "Identity=short").await,
    );
    met.refused(
        Code::PageSizeInvalid,
        account.get(&format!("{entities}?PageSize=0")).await,
    );
    met.refused(
        Code::PageTokenInvalid,
        account.get(&format!("{entities}?PageToken=x")).await,
    );
    let entity = format!("{entities}/user-0001");
    met.refused(
        Code::FactorTypeInvalid,
        account
            .post(&format!("{entity}/Factors"), "FactorType=push")
            .await,
    );
    met.refused(
        Code::FactorSidInvalid,
        account.get(&format!("{entity}/Factors/YF1")).await,
    );
    met.refused(
        Code::ChallengeSidInvalid,
        account.get(&format!("{entity}/Challenges/YC1")).await,
    );
    met.refused(
        Code::AccessTokenParameters,
        account.post(&format!("{service}/AccessTokens"), "").await,
    );
}

async fn start(account: &Client, service: &str, met: &mut Met) {
    let factors = format!("{service}/Passkeys/Factors");
    let start = async |body: Value| account.post(&factors, &body).await;
    let named =
        |config: Value| json!({"friendly_name": "x", "identity": "user-0001", "config": config});
    met.refused(Code::FriendlyNameMissing, start(json!({})).await);
    met.refused(
        Code::IdentityInvalid,
        start(json!({"friendly_name": "x"})).await,
    );
    met.refused(Code::FactorConfigInvalid, start(named(json!(1))).await);
    met.refused(
        Code::RelyingPartyInvalid,
        start(named(json!({"relying_party": 1}))).await,
    );
    met.refused(
        Code::RelyingPartyIdInvalid,
        start(named(json!({"relying_party": {"id": 1}}))).await,
    );

    let empty = account
        .post(
            "/v2/Services",
            "FriendlyName=x&Passkeys.RelyingParty.Id=a.test&Passkeys.RelyingParty.Origins=a.test",
        )
        .await
        .expect(201);
    let path = format!(
        "/v2/Services/{}/Passkeys/Factors",
        empty["sid"].as_str().unwrap()
    );
    let body = json!({"friendly_name": "x", "identity": "user-0001"});
    met.refused(Code::CriteriaMissing, account.post(&path, &body).await);

    let full = account.service().await;
    account
        .change(&full, |rp| rp.policy.max_credentials_per_user = 0)
        .await;
    met.refused(
        Code::TooManyFactors,
        account
            .post(&format!("{full}/Passkeys/Factors"), &body)
            .await,
    );

    let challenges = format!("{service}/Passkeys/Challenges");
    met.refused(
        Code::EntityNotFound,
        account
            .post(&challenges, &json!({"identity": "user-9999"}))
            .await,
    );
    let unknown = format!("YF{}", "0".repeat(32));
    met.refused(
        Code::FactorNotFound,
        account
            .post(&challenges, &json!({"factor_sid": unknown}))
            .await,
    );
    let factor = account.start(service, "user-0001").await;
    met.refused(
        Code::FactorUnverified,
        account
            .post(&challenges, &json!({"factor_sid": factor["sid"]}))
            .await,
    );
}

async fn form_of_credentials(account: &Client, service: &str, met: &mut Met) {
    let verify = async |body: Value| account.verify(service, &body).await;
    let approve = async |body: Value| account.approve(service, &body).await;
    let id = json!({"id": "AA", "rawId": "AA"});
    met.refused(Code::CredentialIdInvalid, verify(json!({})).await);
    met.refused(Code::RawIdInvalid, verify(json!({"id": "AA"})).await);
    met.refused(
        Code::AttachmentInvalid,
        verify(with(&id, "authenticatorAttachment", json!(1))).await,
    );
    met.refused(Code::ResponseInvalid, verify(id.clone()).await);
    met.refused(Code::ResponseInvalid, approve(id.clone()).await);
    let response = json!({"clientDataJSON": "=", "attestationObject": "="});
    met.refused(
        Code::ClientDataInvalid,
        verify(with(&id, "response", response)).await,
    );

    let client_data = |kind: &str| {
        let text =
            json!({"type": kind, "challenge": "AAAA", "origin": "https://acme.test"}).to_string();
        testkit::base64url(text.as_bytes())
    };
    let response =
        json!({"clientDataJSON": client_data("webauthn.create"), "attestationObject": "="});
    met.refused(
        Code::AttestationObjectInvalid,
        verify(with(&id, "response", response)).await,
    );
    let good = json!({"clientDataJSON": client_data("webauthn.get"), "authenticatorData": "AA", "signature": "AA"});
    let good = with(&id, "response", good);
    met.refused(
        Code::AuthenticatorDataInvalid,
        approve(with(&good, "response.authenticatorData", json!("="))).await,
    );
    met.refused(
        Code::SignatureInvalid,
        approve(with(&good, "response.signature", json!("="))).await,
    );
    // A credential that is not there is unknown, whatever its user handle is. So this one has to be there.
    let mut authenticator = Authenticator::default();
    account
        .register(service, "user-form", &mut authenticator)
        .await;
    let challenge = account
        .challenge(service, &json!({"identity": "user-form"}))
        .await;
    let known = get(&mut authenticator, &challenge, &Lies::default());
    met.refused(
        Code::EntitySidInvalid,
        approve(with(&known, "response.userHandle", json!("AAAA"))).await,
    );
    met.refused(Code::ChallengeNotFound, approve(good).await);
}

#[expect(clippy::too_many_lines, reason = "one block for each verdict")]
async fn verdicts(account: &Client, service: &str, met: &mut Met) {
    let register = async |identity: &str, profile: Profile, lies: Lies| {
        let factor = account.start(service, identity).await;
        let credential = create(&mut Authenticator::new(profile), &factor, &lies);
        account.verify(service, &credential).await
    };
    let usual = Profile::default;
    let evil = Lies {
        origin: Some("https://evil.test".to_owned()),
        ..Lies::default()
    };
    met.refused(
        Code::FactorVerificationFailed,
        register("user-0002", usual(), evil).await,
    );
    let no_cbor = Lies {
        attestation_object: Some(vec![0xff]),
        ..Lies::default()
    };
    met.refused(
        Code::AttestationObjectInvalid,
        register("user-0002", usual(), no_cbor).await,
    );
    let no_key = Lies {
        credential_public_key: Some(vec![0xa0]),
        ..Lies::default()
    };
    met.refused(
        Code::PublicKeyInvalid,
        register("user-0002", usual(), no_key).await,
    );
    let short = Profile {
        credential_id_length: 8,
        ..usual()
    };
    met.refused(
        Code::AttestedCredentialDataInvalid,
        register("user-0002", short, Lies::default()).await,
    );

    let mut factor = account.start(service, "user-0002").await;
    set(
        &mut factor,
        "options.publicKey.pubKeyCredParams",
        json!([{"type": "public-key", "alg": -37}]),
    );
    let profile = usual().with_algorithm(Algorithm::PS256);
    let credential = create(&mut Authenticator::new(profile), &factor, &Lies::default());
    met.refused(
        Code::PublicKeyInvalid,
        account.verify(service, &credential).await,
    );

    let mut authenticator = Authenticator::default();
    let factor = account.start(service, "user-0003").await;
    let credential = create(&mut authenticator, &factor, &Lies::default());
    account.verify(service, &credential).await.expect(200);
    met.refused(
        Code::FactorStatusIllegal,
        account.verify(service, &credential).await,
    );
    let again = account.start(service, "user-0003").await;
    let id = authenticator.credentials()[0].id().to_vec();
    let text = testkit::base64url(&id);
    let twin = Lies {
        attested_credential_id: Some(id),
        id: Some(text.clone()),
        raw_id: Some(text),
        ..Lies::default()
    };
    let credential = create(&mut Authenticator::default(), &again, &twin);
    met.refused(
        Code::FactorExists,
        account.verify(service, &credential).await,
    );

    let named = json!({"identity": "user-0003"});
    let challenge = account.challenge(service, &named).await;
    let forged = Lies {
        tampered_signature: true,
        user_handle: UserHandle::Omitted,
        ..Lies::default()
    };
    let credential = get(&mut authenticator, &challenge, &forged);
    met.refused(
        Code::ChallengeVerificationFailed,
        account.approve(service, &credential).await,
    );
    met.refused(
        Code::ChallengeResponded,
        account.approve(service, &credential).await,
    );
    let challenge = account.challenge(service, &named).await;
    let garbage = Lies {
        authenticator_data: Some(vec![1; 36]),
        ..Lies::default()
    };
    let credential = get(&mut authenticator, &challenge, &garbage);
    met.refused(
        Code::AuthenticatorDataInvalid,
        account.approve(service, &credential).await,
    );

    let challenge = account.challenge(service, &named).await;
    let mut stranger = get(&mut authenticator, &challenge, &Lies::default());
    set(&mut stranger, "id", "AAAA");
    set(&mut stranger, "rawId", "AAAA");
    without(&mut stranger, "response.userHandle");
    met.refused(
        Code::FactorNotFound,
        account.approve(service, &stranger).await,
    );

    let challenge = account.challenge(service, &named).await;
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    account.app.clock.advance_millis(300_000);
    met.refused(
        Code::ChallengeExpired,
        account.approve(service, &credential).await,
    );

    account
        .post(
            service,
            "Passkeys.RelyingParty.Id=other.test&Passkeys.RelyingParty.Origins=other.test",
        )
        .await
        .expect(200);
    let challenge = account.challenge(service, &json!({})).await;
    let moved = Lies {
        use_credential: Some(authenticator.credentials()[0].id().to_vec()),
        ..Lies::default()
    };
    let credential = get(&mut authenticator, &challenge, &moved);
    met.refused(
        Code::RelyingPartyMismatch,
        account.approve(service, &credential).await,
    );
}
