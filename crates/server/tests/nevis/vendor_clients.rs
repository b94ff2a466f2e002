//! Replies as the vendor's example apps decode them: the members that an app cannot do without, and their types.

use serde::Deserialize;
use serde_json::json;
use testkit::Authenticator;

use crate::support::Service;

/// What the strict client decodes: absent or null members fail unless they are optional here.
mod strict {
    use super::Deserialize;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Enrolment {
        pub user_id: String,
        pub username: String,
        pub status: String,
        pub created_at: String,
        pub updated_at: String,
        pub authenticators: Vec<String>,
        pub enrollment: Enrollment,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Enrollment {
        pub transaction_id: String,
        pub status_token: String,
        pub credential_creation_options: CreationOptions,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct CreationOptions {
        pub rp: Party,
        pub user: Account,
        pub challenge: String,
        pub pub_key_cred_params: Vec<Parameter>,
        pub timeout: i64,
        pub authenticator_selection: Selection,
        pub attestation: String,
        pub exclude_credentials: Vec<Descriptor>,
    }

    #[derive(Deserialize)]
    pub struct Party {
        pub id: String,
        pub name: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Account {
        pub id: String,
        pub name: String,
        pub display_name: String,
    }

    #[derive(Deserialize)]
    pub struct Parameter {
        #[serde(rename = "type")]
        pub kind: String,
        pub alg: i64,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Selection {
        pub authenticator_attachment: Option<String>,
        pub require_resident_key: Option<bool>,
        pub resident_key: Option<String>,
        pub user_verification: Option<String>,
    }

    #[derive(Deserialize)]
    pub struct Descriptor {
        #[serde(rename = "type")]
        pub kind: String,
        pub id: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Approval {
        pub transaction_id: String,
        pub user_id: Option<String>,
        pub status_token: String,
        pub credential_request_options: RequestOptions,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct RequestOptions {
        pub challenge: String,
        pub timeout: i64,
        pub rp_id: String,
        pub allow_credentials: Option<Vec<Descriptor>>,
        pub user_verification: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Outcome {
        pub status: String,
        pub error_message: String,
        pub token: String,
    }

    #[derive(Deserialize)]
    pub struct Introspection {
        pub active: bool,
        pub iat: i64,
        pub nbf: i64,
        pub sub: String,
        pub aud: String,
        pub iss: String,
        pub jti: String,
        pub scope: String,
    }

    #[derive(Deserialize)]
    pub struct Failure {
        pub error: String,
        pub message: Option<String>,
        pub status: i64,
    }
}

#[tokio::test]
async fn the_strict_client_decodes_every_reply() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let decoded: strict::Enrolment = serde_json::from_value(enrolled.clone()).unwrap();
    assert_eq!(
        (decoded.username.as_str(), decoded.status.as_str()),
        ("ada", "new")
    );
    assert!(decoded.authenticators.is_empty());
    assert!(decoded.created_at <= decoded.updated_at && !decoded.user_id.is_empty());
    let enrollment = decoded.enrollment;
    assert!(!enrollment.transaction_id.is_empty() && !enrollment.status_token.is_empty());
    let options = enrollment.credential_creation_options;
    assert_eq!(
        (options.rp.id.as_str(), options.rp.name.as_str()),
        ("acme.test", "Acme")
    );
    assert_eq!(
        (
            options.user.name.as_str(),
            options.user.display_name.as_str()
        ),
        ("ada", "Ada K.")
    );
    assert!(!options.user.id.is_empty() && !options.challenge.is_empty());
    assert!(
        options
            .pub_key_cred_params
            .iter()
            .any(|p| p.alg == -7 && p.kind == "public-key")
    );
    assert_eq!(
        (options.timeout, options.attestation.as_str()),
        (60_000, "none")
    );
    assert!(options.exclude_credentials.is_empty());
    let selection = options.authenticator_selection;
    assert_eq!(selection.authenticator_attachment, None);
    assert_eq!(selection.require_resident_key, Some(false));
    assert_eq!(selection.resident_key.as_deref(), Some("preferred"));
    assert_eq!(selection.user_verification.as_deref(), Some("preferred"));

    let reply = service.attest(&mut authenticator, &enrolled).await;
    let outcome: strict::Outcome = serde_json::from_value(reply.json).unwrap();
    assert_eq!(
        (outcome.status.as_str(), outcome.error_message.as_str()),
        ("ok", "")
    );
    for who in [Some("ada"), None] {
        let approval = service.approve(who).await;
        let decoded: strict::Approval = serde_json::from_value(approval.clone()).unwrap();
        assert_eq!(decoded.user_id.is_some(), who.is_some());
        assert!(!decoded.transaction_id.is_empty() && !decoded.status_token.is_empty());
        let options = decoded.credential_request_options;
        assert_eq!(
            (options.timeout, options.rp_id.as_str()),
            (60_000, "acme.test")
        );
        assert_eq!(options.user_verification, "preferred");
        assert!(!options.challenge.is_empty());
        let listed = options.allow_credentials.unwrap_or_default();
        assert_eq!(listed.len(), usize::from(who.is_some()));
        assert!(
            listed
                .iter()
                .all(|d| d.kind == "public-key" && !d.id.is_empty())
        );
        let reply = service.assert(&mut authenticator, &approval).await;
        let outcome: strict::Outcome = serde_json::from_value(reply.json).unwrap();
        let said = service.introspect(&outcome.token).await;
        let said: strict::Introspection = serde_json::from_value(said).unwrap();
        assert!(said.active && said.iat == said.nbf && said.iss.starts_with("https://"));
        assert_eq!(
            (said.sub.len(), said.aud.len(), said.jti.len()),
            (36, 36, 36)
        );
        assert_eq!(said.scope, "authentication");
    }
    let body = json!({"username": "x", "channel": "fido2"});
    let refused = service.back_end().post("/api/v1/approval", &body).await;
    let failure: strict::Failure = serde_json::from_value(refused.json).unwrap();
    assert_eq!((failure.status, failure.error.as_str()), (404, "Not Found"));
    assert!(failure.message.is_some());
}

#[tokio::test]
async fn the_lenient_client_sends_slashes_no_display_name_and_reads_numbers_as_texts() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    // It ends every path with a slash, and sends no display name.
    let body = json!({"username": "ada", "channel": "fido2", "fido2Options": {
        "authenticatorSelection": {"authenticatorAttachment": "platform", "residentKey": "preferred",
                                   "userVerification": "preferred"}, "attestation": "none"}});
    let enrolled = service
        .back_end()
        .post("/api/v1/users/enroll/", &body)
        .await
        .expect(201);
    for member in ["userId", "username", "status", "createdAt", "updatedAt"] {
        assert!(enrolled[member].is_string(), "{member}");
    }
    let answer =
        crate::support::attestation(&mut authenticator, &enrolled, &testkit::Lies::default());
    service
        .page()
        .post("/_app/attestation/result/", &answer)
        .await
        .token();
    let body = json!({"username": "ada", "channel": "fido2"});
    let approval = service
        .back_end()
        .post("/api/v1/approval/", &body)
        .await
        .expect(201);
    assert!(approval["userId"].is_string());
    let answer =
        crate::support::assertion(&mut authenticator, &approval, &testkit::Lies::default());
    let token = service
        .page()
        .post("/_app/assertion/result/", &answer)
        .await
        .token();
    // It turns the numbers into texts and those into whole numbers.
    let said = service.introspect(&token).await;
    for name in ["iat", "nbf", "exp"] {
        assert!(
            said[name].to_string().parse::<i64>().is_ok(),
            "{name}: {said}"
        );
    }
}
