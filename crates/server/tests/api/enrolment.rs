//! One-time enrolment links: made in the console or over the management API, and used once on a page of passkeyd.

use domain::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use domain::model::console::Role;
use domain::model::ids::RelyingPartyId;
use domain::store::EventFilter;
use serde_json::{Value, json};
use server::console::POLICY;
use testkit::{Authenticator, Lies, Profile};

use crate::common::{Answer, PUBLIC_URL, TestApp};
use crate::console_browser::Browser;

/// The origin of the page of the test app.
const PAGE: &str = "https://passkeys.test";

/// A Service whose passkeys work on the page.
const SERVICE: &str = "FriendlyName=Acme&Passkeys.RelyingParty.Id=passkeys.test\
    &Passkeys.RelyingParty.Name=Acme%20shop&Passkeys.RelyingParty.Origins=https%3A%2F%2Fpasskeys.test\
    &Passkeys.AuthenticatorAttachment=any&Passkeys.DiscoverableCredentials=preferred\
    &Passkeys.UserVerification=preferred";

/// An app with a user who has one passkey.
struct Fixture {
    app: TestApp,
    service: String,
    user: String,
}

impl Fixture {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let made = app
            .account()
            .post("/v2/Services", SERVICE)
            .await
            .expect(201);
        let service = made["sid"].as_str().unwrap().to_owned();
        let path = format!("/v2/Services/{service}/Passkeys/Factors");
        let body = json!({"friendly_name": "Phone", "identity": "ada-00001"});
        let factor = app.account().post(&path, &body).await.expect(201);
        let mut authenticator = Authenticator::new(Profile::default());
        let options = &factor["options"];
        let credential = authenticator.create(options, PAGE, &Lies::default());
        let path = format!("/v2/Services/{service}/Passkeys/VerifyFactor");
        let verified = app.account().post(&path, &credential.unwrap()).await;
        verified.expect(200);
        let user = factor["entity_sid"].as_str().unwrap().to_owned();
        Self { app, service, user }
    }

    fn links(&self) -> String {
        let service = &self.service;
        format!("/manage/v1/services/{service}/users/ada-00001/enrolment-links")
    }

    /// A link of the management API: its id, and its path on this app.
    async fn link(&self, lifetime: i64) -> (String, String) {
        let body = json!({"lifetime_seconds": lifetime});
        let made = self.app.operator().post(&self.links(), &body).await;
        path_of(&made.expect(201))
    }

    /// The page of the user in the console.
    fn person(&self) -> String {
        format!("/console/services/{}/people/{}", self.service, self.user)
    }

    async fn passkeys(&self) -> usize {
        let rp = self.relying_party();
        let found = self.app.passkeys.user_with_credentials(rp, "ada-00001");
        found.await.unwrap().1.len()
    }

    fn relying_party(&self) -> RelyingPartyId {
        RelyingPartyId::from_hex(&self.service[2..]).unwrap()
    }

    async fn events(&self, kind: AuditKind) -> Vec<AuditEvent> {
        let (passkeys, all) = (&self.app.passkeys, EventFilter::default());
        let found = passkeys.find_events(self.relying_party(), &all, 1000);
        let mut events = found.await.unwrap().events;
        events.retain(|event| event.kind == kind);
        events
    }

    /// What a browser sends that makes a passkey on the page.
    async fn credential(&self, path: &str) -> Value {
        let stranger = self.app.stranger();
        let options = stranger.post(&format!("{path}/options"), &json!({})).await;
        let options = options.expect(200);
        let mut authenticator = Authenticator::new(Profile::default());
        let made = authenticator.create(&options["publicKey"], PAGE, &Lies::default());
        json!({"credential": made.unwrap()})
    }
}

fn path_of(made: &Value) -> (String, String) {
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let path = text("url")[PUBLIC_URL.len()..].to_owned();
    assert!(path.starts_with("/enroll/"), "{path}");
    (text("id"), path)
}

/// A page that says what is wrong, with the policy of the console, and that is kept by nobody.
fn said(answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(answer.text().contains(text), "{}", answer.text());
    assert_eq!(answer.header("content-security-policy"), Some(POLICY));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
}

#[tokio::test]
async fn a_link_registers_one_passkey_for_its_user_and_then_says_that_it_was_used() {
    let fixture = Fixture::new().await;
    let stranger = fixture.app.stranger();
    let (id, path) = fixture.link(3600).await;
    let shown = stranger.get(&path).await;
    said(&shown, 200, "Add a passkey for Acme shop");
    assert!(shown.text().contains("ada-00001"));
    // To look at it does not use it.
    let (first, second) = (
        fixture.credential(&path).await,
        fixture.credential(&path).await,
    );
    let done = stranger.post(&path, &first).await.expect(200);
    assert_eq!(done["to"], "/prefix/enroll/done");
    said(
        &stranger.get("/enroll/done").await,
        200,
        "The passkey is registered",
    );
    assert_eq!(fixture.passkeys().await, 2);

    said(&stranger.get(&path).await, 410, "This link was used");
    for (body, path) in [
        (&second, path.clone()),
        (&first, path.clone()),
        (&json!({}), format!("{path}/options")),
    ] {
        let refused = stranger.post(&path, body).await.expect(410);
        assert!(
            refused["error"].as_str().unwrap().contains("was used"),
            "{refused}"
        );
    }
    assert_eq!(fixture.passkeys().await, 2);
    let listed = fixture
        .app
        .operator()
        .get(&fixture.links())
        .await
        .expect(200);
    assert_eq!(listed["enrolment_links"], json!([]));

    // The trail says who made it, and that the user used it.
    let made = fixture.events(AuditKind::EnrolmentLinkCreated).await;
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].actor.wire, "manage");
    let details = made[0].details.as_ref().unwrap();
    assert_eq!(details.target.as_ref().unwrap().id, id);
    let registered = fixture.events(AuditKind::CredentialRegistered).await;
    // The other passkey is that of the fixture.
    let by_link = registered
        .iter()
        .filter(|event| event.actor.wire == "enrolment");
    assert_eq!(by_link.count(), 1);
    let token = path.strip_prefix("/enroll/").unwrap();
    assert!(!format!("{made:?}{registered:?}").contains(token));
}

#[tokio::test]
async fn of_many_who_use_a_link_at_once_one_gets_a_passkey() {
    let fixture = Fixture::new().await;
    let (_, path) = fixture.link(3600).await;
    let mut bodies = Vec::new();
    for _ in 0..8 {
        bodies.push(fixture.credential(&path).await);
    }
    let mut tries = Vec::new();
    for body in bodies {
        let (client, path) = (fixture.app.stranger(), path.clone());
        tries.push(tokio::spawn(async move {
            client.post(&path, &body).await.status
        }));
    }
    let mut statuses = Vec::new();
    for one in tries {
        statuses.push(one.await.unwrap());
    }
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| [200, 410].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(fixture.passkeys().await, 2);
}

#[tokio::test]
async fn what_a_link_has_started_only_this_link_ends() {
    let fixture = Fixture::new().await;
    let (_, path) = fixture.link(3600).await;
    let body = fixture.credential(&path).await;
    // The page has the response. It does not get a second passkey with it from another API.
    let verify = format!("/v2/Services/{}/Passkeys/VerifyFactor", fixture.service);
    let account = fixture.app.account();
    let answer = account.post(&verify, &body["credential"]).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert_eq!(fixture.passkeys().await, 1);
    let (_, other) = fixture.link(3600).await;
    let stranger = fixture.app.stranger();
    let refused = stranger.post(&other, &body).await;
    assert_ne!(refused.status, 200, "{}", refused.text());
    assert_eq!(fixture.passkeys().await, 1);
    // The link was not used up by that.
    said(&stranger.get(&other).await, 200, "Add a passkey");

    // A registration that a back end has started is not for a link either.
    let factors = format!("/v2/Services/{}/Passkeys/Factors", fixture.service);
    let start = json!({"friendly_name": "Phone", "identity": "ada-00001"});
    let factor = fixture.app.account().post(&factors, &start).await;
    let mut authenticator = Authenticator::new(Profile::default());
    let factor = factor.expect(201);
    let made = authenticator.create(&factor["options"], PAGE, &Lies::default());
    let body = json!({"credential": made.unwrap()});
    assert_ne!(stranger.post(&other, &body).await.status, 200);
    said(&stranger.get(&other).await, 200, "Add a passkey");
}

#[tokio::test]
async fn a_link_that_expired_was_revoked_or_never_made_says_so_and_does_nothing() {
    let fixture = Fixture::new().await;
    let (stranger, operator) = (fixture.app.stranger(), fixture.app.operator());
    let (_, expired) = fixture.link(60).await;
    let late = fixture.credential(&expired).await;
    fixture.app.clock.advance_millis(60_000);
    said(&stranger.get(&expired).await, 410, "This link has expired");
    stranger.post(&expired, &late).await.expect(410);

    let (id, revoked) = fixture.link(3600).await;
    let listed = operator.get(&fixture.links()).await.expect(200);
    assert_eq!(listed["enrolment_links"][0]["id"], id.as_str());
    assert!(listed["enrolment_links"][0].get("url").is_none());
    let body = fixture.credential(&revoked).await;
    let one = format!("{}/{id}", fixture.links());
    assert_eq!(operator.delete(&one).await.status, 204);
    assert_eq!(operator.delete(&one).await.status, 404);
    said(&stranger.get(&revoked).await, 404, "This link is not valid");
    stranger.post(&revoked, &body).await.expect(404);
    assert_eq!(
        fixture.events(AuditKind::EnrolmentLinkRevoked).await.len(),
        1
    );

    for foreign in [
        format!("/enroll/{}", "0".repeat(64)),
        "/enroll/x".to_owned(),
        // The id of a link is no token.
        format!("/enroll/{id}{id}"),
        format!("{revoked}/more"),
    ] {
        said(&stranger.get(&foreign).await, 404, "This link is not valid");
    }
    // A user who is deleted takes the links along.
    let (_, orphan) = fixture.link(3600).await;
    let data = format!(
        "/manage/v1/services/{}/users/ada-00001/data",
        fixture.service
    );
    operator.delete(&data).await.expect(200);
    said(&stranger.get(&orphan).await, 404, "This link is not valid");
}

#[tokio::test]
async fn a_response_of_another_user_or_another_origin_registers_nothing() {
    let fixture = Fixture::new().await;
    let stranger = fixture.app.stranger();
    let (_, path) = fixture.link(3600).await;
    // A ceremony of somebody else does not use the link.
    let start = format!("/v2/Services/{}/Passkeys/Factors", fixture.service);
    let body = json!({"friendly_name": "Phone", "identity": "bob-00001"});
    let factor = fixture.app.account().post(&start, &body).await.expect(201);
    let mut authenticator = Authenticator::new(Profile::default());
    let made = authenticator.create(&factor["options"], PAGE, &Lies::default());
    let foreign = stranger
        .post(&path, &json!({"credential": made.unwrap()}))
        .await;
    assert_eq!(foreign.status, 422, "{}", foreign.text());
    said(&stranger.get(&path).await, 200, "Add a passkey");
    for body in [
        json!({}),
        json!({"credential": {}}),
        json!([]),
        json!({"credential": 1}),
    ] {
        stranger.post(&path, &body).await.expect(400);
    }
    // Of another origin: refused, and the link is used up.
    let options = stranger
        .post(&format!("{path}/options"), &json!({}))
        .await
        .expect(200);
    let made = authenticator.create(&options["publicKey"], "https://evil.test", &Lies::default());
    let refused = stranger
        .post(&path, &json!({"credential": made.unwrap()}))
        .await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(
        refused.text().contains("origin_not_allowed"),
        "{}",
        refused.text()
    );
    said(&stranger.get(&path).await, 410, "This link was used");
    assert_eq!(fixture.passkeys().await, 1);
}

#[tokio::test]
async fn the_api_makes_no_link_that_cannot_work_and_none_of_another_account() {
    let fixture = Fixture::new().await;
    let operator = fixture.app.operator();
    for (body, status) in [
        (json!({"lifetime_seconds": 59}), 400),
        (json!({"lifetime_seconds": 604_801}), 400),
        (json!({"lifetime_seconds": i64::MAX}), 400),
        (json!({"lifetime_seconds": -1}), 400),
        (json!({"lifetime_seconds": "60"}), 400),
        (json!({"more": 1}), 400),
        (json!({}), 201),
    ] {
        let answer = operator.post(&fixture.links(), &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
    let absent = fixture.links().replace("ada-00001", "nobody");
    operator.post(&absent, &json!({})).await.expect(404);
    fixture
        .app
        .stranger()
        .post(&fixture.links(), &json!({}))
        .await
        .expect(401);
    // A Service whose passkeys do not work at the address of passkeyd.
    let path = operator.service().await;
    let mut authenticator = Authenticator::new(Profile::default());
    operator
        .register(&path, "ada-00001", &mut authenticator)
        .await;
    let other = fixture
        .links()
        .replace(&fixture.service, &path["/v2/Services/".len()..]);
    let refused = operator.post(&other, &json!({})).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text());
    assert!(
        refused.text().contains("is not an origin of this Service"),
        "{}",
        refused.text()
    );
    assert_eq!(
        operator.get(&other).await.expect(200)["enrolment_links"],
        json!([])
    );
}

#[tokio::test]
async fn an_operator_makes_a_link_with_a_qr_code_in_the_console_and_support_revokes_it() {
    let fixture = Fixture::new().await;
    let support = fixture.app.administrator("Sue", Role::Support).await;
    let operator = fixture.app.administrator("Olga", Role::Operator).await;
    let person = fixture.person();
    let made = operator
        .post(&format!("{person}/enrolment"), "hours=24")
        .await;
    assert_eq!(made.status, 200, "{}", made.text());
    let page = made.text();
    assert!(
        page.contains("<svg class=\"qr\"") && page.contains("M4 4h1v1h-1z"),
        "{page}"
    );
    let (_, rest) = page.split_once(&format!("{PUBLIC_URL}/enroll/")).unwrap();
    let path = format!("/enroll/{}", &rest[..64]);
    said(
        &fixture.app.stranger().get(&path).await,
        200,
        "Add a passkey",
    );
    // It is shown only once.
    let again = operator.client.get(&person).await;
    assert!(!again.text().contains(&path));
    let made = fixture.events(AuditKind::EnrolmentLinkCreated).await;
    assert!(made[0].actor.name.as_deref().unwrap().starts_with("Olga"));
    let (_, rest) = again
        .text()
        .split_once(&format!("{person}/enrolment/"))
        .unwrap();
    let revoke = format!("{person}/enrolment/{}/revoke", &rest[..32]);
    assert_eq!(support.post(&revoke, "").await.status, 303);
    said(
        &fixture.app.stranger().get(&path).await,
        404,
        "This link is not valid",
    );
    for bad in ["hours=2", "hours=", "hours=-1"] {
        assert_eq!(
            operator
                .post(&format!("{person}/enrolment"), bad)
                .await
                .status,
            422
        );
    }
}

/// The path of a link that an administrator makes in the console.
async fn link_of(fixture: &Fixture, operator: &Browser) -> String {
    let form = format!("{}/enrolment", fixture.person());
    let made = operator.post(&form, "hours=24").await;
    let page = made.text();
    let (_, rest) = page.split_once(&format!("{PUBLIC_URL}/enroll/")).unwrap();
    format!("/enroll/{}", &rest[..64])
}

/// Whoever made a link with a stolen passkey must not sign in by it later.
#[tokio::test]
async fn a_link_ends_with_the_role_or_a_passkey_of_the_administrator_who_made_it() {
    let fixture = Fixture::new().await;
    let passkeys = &fixture.app.passkeys;
    let stranger = fixture.app.stranger();
    let operator = fixture.app.administrator("Olga", Role::Operator).await;
    let found = passkeys.administrators().await.unwrap();
    let olga = found.iter().find(|one| one.name == "Olga").unwrap().id;
    let owner = Actor::new(ActorKind::Admin, "console");
    let first = link_of(&fixture, &operator).await;
    said(&stranger.get(&first).await, 200, "Add a passkey");
    for role in [Role::Support, Role::Operator] {
        passkeys.set_role(olga, (None, role), &owner).await.unwrap();
        said(&stranger.get(&first).await, 404, "This link is not valid");
    }
    let second = link_of(&fixture, &operator).await;
    said(&stranger.get(&second).await, 200, "Add a passkey");
    let records = passkeys.console_passkeys(olga).await.unwrap();
    let removed = passkeys.remove_console_passkey(olga, records[0].key, &owner);
    removed.await.unwrap();
    said(&stranger.get(&second).await, 404, "This link is not valid");
}

#[tokio::test]
async fn a_link_ends_when_the_administrator_who_made_it_is_removed() {
    let fixture = Fixture::new().await;
    let passkeys = &fixture.app.passkeys;
    let operator = fixture.app.administrator("Olga", Role::Operator).await;
    let path = link_of(&fixture, &operator).await;
    let stranger = fixture.app.stranger();
    said(&stranger.get(&path).await, 200, "Add a passkey");
    let sent = fixture.credential(&path).await;
    let found = passkeys.administrators().await.unwrap();
    let olga = found.iter().find(|one| one.name == "Olga").unwrap();
    let owner = Actor::new(ActorKind::Admin, "console");
    let removed = passkeys.remove_administrator(olga.id, &owner).await;
    assert_eq!(removed, Ok(()));
    said(&stranger.get(&path).await, 404, "This link is not valid");
    let refused = stranger.post(&path, &sent).await;
    assert_eq!(refused.status, 404, "{}", refused.text());
    assert_eq!(fixture.passkeys().await, 1);
}

#[tokio::test]
async fn operators_and_owners_make_links_and_support_does_not() {
    let fixture = Fixture::new().await;
    let person = fixture.person();
    for (name, role, may) in [
        ("Sue", Role::Support, false),
        ("Olga", Role::Operator, true),
        ("Olaf", Role::Owner, true),
    ] {
        let visitor = fixture.app.administrator(name, role).await;
        let page = visitor.client.get(&person).await;
        assert_eq!(page.text().contains("Make a link"), may, "{name}");
        let asks = page
            .text()
            .contains("only an operator or an owner can make one");
        assert_eq!(asks, !may, "{name}");
        let before = fixture.events(AuditKind::EnrolmentLinkCreated).await.len();
        let made = visitor
            .post(&format!("{person}/enrolment"), "hours=24")
            .await;
        let after = fixture.events(AuditKind::EnrolmentLinkCreated).await.len();
        if may {
            assert_eq!((made.status, after), (200, before + 1), "{name}");
        } else {
            assert_eq!((made.status, after), (403, before), "{name}");
            assert!(made.text().contains("It needs the role operator"));
        }
    }
}

#[tokio::test]
async fn a_new_link_replaces_the_one_before_it_and_is_listed_whoever_else_has_links() {
    let fixture = Fixture::new().await;
    let (stranger, operator) = (fixture.app.stranger(), fixture.app.operator());
    let (_, first) = fixture.link(3600).await;
    let body = fixture.credential(&first).await;
    // Another user, with a link of their own.
    let other = fixture.links().replace("ada-00001", "bob-00001");
    let factors = format!("/v2/Services/{}/Passkeys/Factors", fixture.service);
    let start = json!({"friendly_name": "Phone", "identity": "bob-00001"});
    operator.post(&factors, &start).await.expect(201);
    let made = operator.post(&other, &json!({})).await.expect(201);
    let (bobs, _) = path_of(&made);

    let (id, second) = fixture.link(3600).await;
    said(&stranger.get(&first).await, 404, "a newer one was made");
    stranger.post(&first, &body).await.expect(404);
    assert_eq!(fixture.passkeys().await, 1);
    for (links, id) in [(fixture.links(), id), (other, bobs)] {
        let listed = operator.get(&links).await.expect(200);
        let listed = listed["enrolment_links"].as_array().unwrap().clone();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(listed[0]["id"], id.as_str());
    }
    // The trail says that the first one was revoked.
    let revoked = fixture.events(AuditKind::EnrolmentLinkRevoked).await;
    assert_eq!(revoked.len(), 1);
    let body = fixture.credential(&second).await;
    stranger.post(&second, &body).await.expect(200);
    assert_eq!(fixture.passkeys().await, 2);
    // One that was used is not revoked by the next.
    fixture.link(3600).await;
    assert_eq!(
        fixture.events(AuditKind::EnrolmentLinkRevoked).await.len(),
        1
    );
}

#[tokio::test]
async fn who_holds_a_link_displaces_no_registration_that_the_product_has_started() {
    let fixture = Fixture::new().await;
    let factors = format!("/v2/Services/{}/Passkeys/Factors", fixture.service);
    let start = json!({"friendly_name": "Phone", "identity": "ada-00001"});
    let account = fixture.app.account();
    let factor = account.post(&factors, &start).await.expect(201);
    let (_, path) = fixture.link(3600).await;
    let options = format!("{path}/options");
    let mut last = Value::Null;
    for _ in 0..40 {
        let answer = fixture.app.stranger().post(&options, &json!({})).await;
        last = answer.expect(200);
    }
    let mut authenticator = Authenticator::new(Profile::default());
    let made = authenticator.create(&factor["options"], PAGE, &Lies::default());
    let verify = format!("/v2/Services/{}/Passkeys/VerifyFactor", fixture.service);
    account.post(&verify, &made.unwrap()).await.expect(200);
    // Nor does the product displace what the link has started.
    for _ in 0..40 {
        account.post(&factors, &start).await.expect(201);
    }
    let mut authenticator = Authenticator::new(Profile::default());
    let made = authenticator.create(&last["publicKey"], PAGE, &Lies::default());
    let body = json!({"credential": made.unwrap()});
    let stranger = fixture.app.stranger();
    stranger.post(&path, &body).await.expect(200);
    assert_eq!(fixture.passkeys().await, 3);
}
