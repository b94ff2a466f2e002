//! The passkeys of administrators: each can be seen and removed, and one that is removed leads nowhere.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Method;
use domain::model::audit::{Actor, ActorKind};
use domain::model::console::{CONSOLE_PARTY, Role};
use domain::model::ids::UserId;
use hyper::body::Frame;
use testkit::Authenticator;
use tokio::sync::oneshot;

use crate::common::{Answer, TestApp};
use crate::console_browser::{Browser, accept_invite, form_token, signed_in};

async fn id_of(app: &TestApp, name: &str) -> UserId {
    let all = app.passkeys.administrators().await.unwrap();
    all.into_iter().find(|one| one.name == name).unwrap().id
}

/// Paths of the forms that remove a passkey.
fn removals(page: &Answer) -> Vec<String> {
    let actions = page.text().split("action=\"/prefix").skip(1);
    let actions = actions.map(|after| after.split_once('"').unwrap().0.to_owned());
    let removals = actions.filter(|action| action.contains("/passkeys/"));
    removals.collect()
}

/// A second passkey of the one who is signed in.
async fn with_another(app: &TestApp, browser: &Browser) -> Authenticator {
    let made = browser.post("/console/you/passkey", "").await;
    let to = made.header("location").unwrap();
    let path = to.strip_prefix("/prefix").unwrap();
    let (authenticator, accepted) = accept_invite(&app.browser(), path, "").await;
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    authenticator
}

/// A body that comes when the test says so.
struct Late(Option<oneshot::Receiver<Bytes>>);

impl HttpBody for Late {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let Some(waiting) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let sent = std::task::ready!(Pin::new(waiting).poll(context)).unwrap();
        self.0 = None;
        Poll::Ready(Some(Ok(Frame::data(sent))))
    }
}

/// Begins to send a form, and does something before the end of it; the response.
async fn held_back(
    browser: &Browser,
    path: &str,
    fields: &str,
    meanwhile: impl Future<Output = ()>,
) -> Answer {
    let (rest, waiting) = oneshot::channel();
    let call = browser.client.request(Method::POST, path);
    let body = Body::new(Late(Some(waiting)));
    let sent = call.body("application/x-www-form-urlencoded", body);
    let then = async {
        // The request is as far as it gets without its body: the store of the test never waits.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        meanwhile.await;
        let form = format!("form_token={}&{fields}", browser.token);
        rest.send(form.into()).unwrap();
    };
    tokio::join!(sent, then).0
}

/// A thief begins to remove another passkey, so that the session goes on, while an owner removes the stolen one.
#[tokio::test]
async fn a_form_that_is_held_back_keeps_no_session_and_no_role() {
    let app = TestApp::new().await;
    let ada = app.administrator("Ada", Role::Owner).await;
    let bob = app.administrator("Bob", Role::Owner).await;
    let id = id_of(&app, "Bob").await.to_hex();
    let page = format!("/console/administrators/{id}");
    let stolen = removals(&ada.client.get(&page).await).remove(0);
    with_another(&app, &bob).await;
    with_another(&app, &bob).await;
    let mut others = removals(&ada.client.get(&page).await);
    others.retain(|other| *other != stolen);
    let other = others[0].replace(&page, "/console/you");
    let held = held_back(&bob, &other, "", async {
        let removed = ada.post(&stolen, "").await;
        assert_eq!(removed.status, 303, "{}", removed.text());
    });
    let held = Box::pin(held).await;
    assert_eq!(held.status, 303);
    assert!(
        held.header("location")
            .unwrap()
            .contains("/console/sign-in")
    );
    assert_eq!(bob.client.get("/console/you").await.status, 303);
    let left = removals(&ada.client.get(&page).await);
    assert_eq!(left, others, "both others are there");

    // One who was an owner makes himself one again.
    let cem = app.administrator("Cem", Role::Owner).await;
    let id = id_of(&app, "Cem").await.to_hex();
    let role = format!("/console/administrators/{id}/role");
    let held = held_back(&cem, &role, "role=owner", async {
        let lowered = ada.post(&role, "role=support").await;
        assert_eq!(lowered.status, 303, "{}", lowered.text());
    });
    let held = Box::pin(held).await;
    assert_eq!(held.status, 403, "{}", held.text());
    assert!(held.text().contains("It needs the role owner."));
    let cem = app.passkeys.administrator(id_of(&app, "Cem").await).await;
    assert_eq!(cem.unwrap().role, Role::Support);
}

#[tokio::test]
async fn an_owner_removes_a_passkey_that_was_stolen_and_its_sessions_end() {
    let app = TestApp::new().await;
    let ada = app.administrator("Ada", Role::Owner).await;
    let mut bob = app.administrator("Bob", Role::Operator).await;
    let page = format!(
        "/console/administrators/{}",
        id_of(&app, "Bob").await.to_hex()
    );
    let list = ada.client.get("/console/administrators").await;
    assert!(list.text().contains(&format!("href=\"/prefix{page}\"")));
    let shown = ada.client.get(&page).await;
    let removals = removals(&shown);
    assert_eq!(removals.len(), 1, "{}", shown.text());
    assert_eq!(bob.client.get("/console/services").await.status, 200);
    let made = bob.post("/console/you/passkey", "").await;
    let link = made.header("location").unwrap();
    let link = link.strip_prefix("/prefix").unwrap().to_owned();
    assert_eq!(app.browser().get(&link).await.status, 200);
    // Another one's passkey is not found below this one.
    let own = id_of(&app, "Ada").await.to_hex();
    let other = removals[0].replace(&id_of(&app, "Bob").await.to_hex(), &own);
    assert_eq!(ada.post(&other, "").await.status, 404);
    let removed = ada.post(&removals[0], "").await;
    let done = format!("/prefix{page}?done=passkey-removed");
    assert_eq!(removed.header("location"), Some(&*done));
    // The session ended, and nobody signs in with it.
    assert_eq!(bob.client.get("/console/services").await.status, 303);
    let refused = bob.sign_in(&app.browser()).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let shown = ada.client.get(&page).await;
    assert!(shown.text().contains("has no passkey and cannot sign in"));
    assert_eq!(ada.client.get("/console/services").await.status, 200);
    let (_, records) = app
        .passkeys
        .user_with_credentials(CONSOLE_PARTY, id_of(&app, "Bob").await)
        .await
        .unwrap();
    assert!(records.is_empty());
    // Nor does a link lead back in that was made with it.
    let late = app.browser().get(&link).await;
    assert_eq!(late.status, 404, "{}", late.text());
    // Ada is the only owner who can sign in, whatever role Bob gets.
    let bob_id = id_of(&app, "Bob").await.to_hex();
    let role = format!("/console/administrators/{bob_id}/role");
    assert_eq!(ada.post(&role, "role=owner").await.status, 303);
    let own = format!("/console/administrators/{own}");
    for (path, fields) in [
        (format!("{own}/role"), "role=support"),
        (format!("{own}/remove"), ""),
    ] {
        let refused = ada.post(&path, fields).await;
        assert_eq!(refused.status, 409, "{path}: {}", refused.text());
        assert!(refused.text().contains("the last owner who can sign in"));
    }
    // Only owners see the page.
    let eve = app.administrator("Eve", Role::Operator).await;
    assert_eq!(eve.client.get(&page).await.status, 403);
}

/// The holder of a stolen passkey signs in all the time while it is removed.
#[tokio::test]
async fn a_passkey_is_removed_however_often_it_signs_in() {
    let app = TestApp::new().await;
    let ada = app.administrator("Ada", Role::Owner).await;
    let mut bob = app.administrator("Bob", Role::Owner).await;
    let page = format!(
        "/console/administrators/{}",
        id_of(&app, "Bob").await.to_hex()
    );
    let removal = removals(&ada.client.get(&page).await).remove(0);
    let thief = async {
        let mut sessions = 0;
        loop {
            let client = app.browser();
            let answer = bob.sign_in(&client).await;
            if answer.status != 200 {
                return sessions;
            }
            sessions += 1;
            // The store of the test never waits.
            tokio::task::yield_now().await;
            assert!(sessions < 2000, "the passkey is still there");
        }
    };
    let (sessions, removed) = tokio::join!(thief, ada.post(&removal, ""));
    assert_eq!(removed.status, 303, "{}", removed.text());
    let left = app.passkeys.sessions(id_of(&app, "Bob").await).await;
    assert_eq!(left.unwrap(), [], "of {sessions}");
}

#[tokio::test]
async fn the_history_says_who_and_which_role_and_an_old_page_changes_no_role() {
    let app = TestApp::new().await;
    let ada = app.administrator("Ada", Role::Owner).await;
    app.administrator("Bob", Role::Support).await;
    let bob = id_of(&app, "Bob").await.to_hex();
    let old = ada.client.get("/console/administrators").await;
    assert!(old.text().contains("name=\"seen\" value=\"support\""));
    let role = format!("/console/administrators/{bob}/role");
    let changed = ada.post(&role, "role=operator&seen=support").await;
    assert_eq!(changed.status, 303, "{}", changed.text());
    let refused = ada.post(&role, "role=owner&seen=support").await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(
        refused
            .text()
            .contains("Somebody else has changed this role.")
    );
    let unknown = ada.post(&role, "role=owner&seen=king").await;
    assert_eq!(unknown.status, 400, "{}", unknown.text());
    let page = ada
        .client
        .get(&format!("/console/administrators/{bob}"))
        .await;
    ada.post(&removals(&page)[0], "").await;
    let page = ada.client.get("/console/administrators").await;
    for said in [
        "Role of an administrator changed: Bob",
        "role: “support” became “operator”",
        "Passkey revoked: Bob <code>YF",
    ] {
        assert!(page.text().contains(said), "{said}: {}", page.text());
    }
    ada.post(&format!("/console/administrators/{bob}/remove"), "")
        .await;
    let page = ada.client.get("/console/administrators").await;
    assert!(page.text().contains("Passkey revoked: Bob"));
    let (_, history) = page.text().split_once("id=\"history\"").unwrap();
    let words = history.split(|c: char| !c.is_ascii_hexdigit());
    assert!(!words.into_iter().any(|word| word.len() > 40), "{history}");
}

#[tokio::test]
async fn nobody_removes_the_own_only_passkey() {
    let app = TestApp::new().await;
    let ada = app.administrator("Ada", Role::Support).await;
    let only = removals(&ada.client.get("/console/you").await);
    let refused = ada.post(&only[0], "").await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("This is your only passkey."));
    with_another(&app, &ada).await;
    let both = removals(&ada.client.get("/console/you").await);
    assert_eq!(both.len(), 2);
    let removed = ada.post(&only[0], "").await;
    assert_eq!(removed.status, 303, "{}", removed.text());
    // The session had begun with it, and the sign-in page says what was done.
    let to = removed.header("location").unwrap();
    let page = app.browser().get(to.strip_prefix("/prefix").unwrap()).await;
    assert!(
        page.text().contains("The passkey was removed"),
        "{}",
        page.text()
    );
    assert_eq!(ada.client.get("/console/you").await.status, 303);
    let (_, left) = app
        .passkeys
        .user_with_credentials(CONSOLE_PARTY, id_of(&app, "Ada").await)
        .await
        .unwrap();
    assert_eq!(left.len(), 1);
}

/// Sessions, invites and links know the passkey that began them.
#[tokio::test]
async fn a_session_that_another_passkey_began_goes_on() {
    let app = TestApp::new().await;
    let ada = app.administrator("Ada", Role::Support).await;
    let first = removals(&ada.client.get("/console/you").await).remove(0);
    let mut second = Browser {
        client: app.browser(),
        authenticator: with_another(&app, &ada).await,
        token: String::new(),
    };
    let answer = second.sign_in(&app.browser()).await;
    second.client = signed_in(&app.browser(), &answer);
    let page = second.client.get("/console/you").await;
    second.token = form_token(&page);
    assert!(page.text().contains("this session"), "{}", page.text());
    let removed = second.post(&first, "").await;
    let done = "/prefix/console/you?done=passkey-removed";
    assert_eq!(removed.header("location"), Some(done));
    assert_eq!(second.client.get("/console/you").await.status, 200);
    assert_eq!(second.post(&first, "").await.status, 404);
    assert_eq!(ada.client.get("/console/you").await.status, 303);
    let sessions = app.passkeys.sessions(id_of(&app, "Ada").await).await;
    assert_eq!(
        sessions.unwrap().len(),
        2,
        "that of the invite, and of the sign-in"
    );
}

#[tokio::test]
async fn two_removals_at_once_leave_one_passkey() {
    let app = TestApp::new().await;
    for n in 0..5 {
        let ada = app.administrator(&format!("Ada {n}"), Role::Owner).await;
        with_another(&app, &ada).await;
        let both = removals(&ada.client.get("/console/you").await);
        let (first, second) = tokio::join!(ada.post(&both[0], ""), ada.post(&both[1], ""));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        // The second one is refused: the session has ended, or this is the only passkey.
        assert!(
            statuses == [303, 409] || statuses == [303, 303],
            "{statuses:?}"
        );
        let ada = id_of(&app, &format!("Ada {n}")).await;
        let left = app.passkeys.console_passkeys(ada).await.unwrap();
        assert_eq!(left.len(), 1);
    }
}

#[tokio::test]
async fn the_link_of_the_first_start_ends_with_the_first_administrator() {
    let app = TestApp::new().await;
    let by = Actor::new(ActorKind::Admin, "");
    let (_, token) = app.passkeys.invite_first_owner(&by).await.unwrap();
    let path = format!("/console/invite/{}", token.reveal());
    assert_eq!(app.browser().get(&path).await.status, 200);
    app.administrator("Ada", Role::Owner).await;
    let late = app.browser().get(&path).await;
    assert_eq!(late.status, 404, "{}", late.text());
    let (_, accepted) = accept_invite(&app.browser(), &path, "Eve").await;
    assert_eq!(accepted.status, 404, "{}", accepted.text());
    assert!(app.passkeys.invites().await.unwrap().is_empty());
    assert_eq!(app.passkeys.administrators().await.unwrap().len(), 1);
}
