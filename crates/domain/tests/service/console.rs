//! Who may use the console.

use domain::model::console::{Administrator, CONSOLE_PARTY, Invite, Role, Token};
use domain::service::console::{
    ConsolePlace, ConsoleRefusal, IDLE_MS, INVITE_MS, MOST_INVITES, MOST_SESSIONS, SESSION_MS,
};

use super::*;

const CONSOLE: &str = "https://keys.acme.test";

fn place() -> ConsolePlace {
    ConsolePlace::new(
        RpId::parse("keys.acme.test").unwrap(),
        Origin::parse_configured(CONSOLE).unwrap(),
    )
}

fn registration_response(value: &Value) -> RegistrationResponse {
    let text = value.to_string();
    let json = webauthn::json::parse(text.as_bytes(), &Limits::default()).unwrap();
    RegistrationResponse::from_json(&json, &ResponseForm::STRICT).unwrap()
}

impl Fixture {
    async fn invited(&self, name: &str, role: Role) -> (Invite, Token) {
        let by = browser();
        let invited = self.passkeys.invite_administrator(name, role, &by);
        invited.await.unwrap()
    }

    /// The browser's response to the registration of an invite.
    async fn created(
        &self,
        token: &Token,
        name: &str,
        authenticator: &mut Authenticator,
    ) -> Result<RegistrationResponse, ConsoleRefusal> {
        let started = self
            .passkeys
            .start_invited_registration(token, name, &place(), &browser())
            .await?;
        let options = serde_json::to_value(&started.options).unwrap();
        let created = authenticator.create(&options, CONSOLE, &Lies::default());
        Ok(registration_response(&created.unwrap()))
    }

    async fn accept(
        &self,
        token: &Token,
        name: &str,
        response: &RegistrationResponse,
    ) -> Result<Administrator, ConsoleRefusal> {
        let by = browser();
        let finished = self
            .passkeys
            .finish_invited_registration(token, name, response, &by);
        finished.await.map(|(administrator, _)| administrator)
    }

    /// One who is signed in, as the pages of the console name them.
    async fn signed_in(&self, authenticator: &mut Authenticator) -> Actor {
        let signed_in = self.console_sign_in(authenticator, &Lies::default()).await;
        let (_, token) = signed_in.unwrap();
        let visitor = self.passkeys.visitor(&token).await.unwrap().unwrap();
        browser().standing(visitor.standing(), visitor.session.id)
    }

    async fn administrator(&self, name: &str, role: Role) -> (Administrator, Authenticator) {
        let (_, token) = self.invited(name, role).await;
        let mut authenticator = counting();
        let response = self
            .created(&token, name, &mut authenticator)
            .await
            .unwrap();
        let accepted = self.accept(&token, name, &response).await.unwrap();
        (accepted, authenticator)
    }

    async fn console_sign_in(
        &self,
        authenticator: &mut Authenticator,
        lies: &Lies,
    ) -> Result<(Administrator, Token), ConsoleRefusal> {
        let started = self
            .passkeys
            .start_console_sign_in(&place(), &browser())
            .await?;
        let options = serde_json::to_value(started.options()).unwrap();
        let assertion = authenticator.get(&options, CONSOLE, lies).unwrap();
        let text = assertion.to_string();
        let json = webauthn::json::parse(text.as_bytes(), &Limits::default()).unwrap();
        let response = AuthenticationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
        self.passkeys
            .finish_console_sign_in(&response, &browser())
            .await
    }

    async fn is_signed_in(&self, token: &Token) -> bool {
        self.passkeys.visitor(token).await.unwrap().is_some()
    }
}

fn domain_reason<T: std::fmt::Debug>(result: Result<T, ConsoleRefusal>) -> Reason {
    match result.unwrap_err() {
        ConsoleRefusal::Domain(refusal) => refusal.reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_invite_lets_one_person_in_who_signs_in_with_a_passkey_then() {
    let fixture = Fixture::new().await;
    let passkeys = &fixture.passkeys;
    assert!(!passkeys.has_administrators().await.unwrap());
    let (invite, token) = fixture.invited(" Ada ", Role::Operator).await;
    assert_eq!(invite.name, "Ada");
    assert!(!passkeys.has_administrators().await.unwrap());
    // Two people hold the link: each has a user of their own, and the second one does not come in.
    let (mut ada, mut eve) = (counting(), counting());
    let of_ada = fixture.created(&token, "Ada L", &mut ada).await.unwrap();
    let of_eve = fixture.created(&token, "Eve", &mut eve).await.unwrap();
    let accepted = fixture.accept(&token, "Ada L", &of_ada).await.unwrap();
    assert_eq!(
        (accepted.name.as_str(), accepted.role),
        ("Ada L", Role::Operator)
    );
    assert_eq!(
        fixture.accept(&token, "Eve", &of_eve).await,
        Err(ConsoleRefusal::InviteUnknown)
    );
    let again = fixture.created(&token, "Eve", &mut eve).await;
    assert_eq!(again.unwrap_err(), ConsoleRefusal::InviteUnknown);

    let (who, session) = fixture
        .console_sign_in(&mut ada, &Lies::default())
        .await
        .unwrap();
    assert_eq!(who, accepted);
    let visitor = passkeys.visitor(&session).await.unwrap().unwrap();
    assert_eq!(visitor.administrator, accepted);
    assert_eq!(
        visitor.session.user_agent.as_deref(),
        Some("Mozilla/5.0 (test)")
    );
    // The passkey alone opens nothing, and neither does a wrong user verification.
    let unverified = Lies {
        user_verified: Some(false),
        ..Lies::default()
    };
    let refused = fixture.console_sign_in(&mut ada, &unverified).await;
    assert_eq!(domain_reason(refused), Reason::UserNotVerified);
}

#[tokio::test]
async fn what_an_administrator_made_ends_with_the_right_to_make_it() {
    let fixture = Fixture::new().await;
    let passkeys = &fixture.passkeys;
    let (owner, _) = fixture.administrator("Ada", Role::Owner).await;
    let (other, mut key) = fixture.administrator("Bob", Role::Owner).await;
    let by = fixture.signed_in(&mut key).await;
    let (_, for_anyone) = passkeys
        .invite_administrator("Eve", Role::Owner, &by)
        .await
        .unwrap();
    let (_, for_another) = passkeys.invite_passkey(owner.id, &by).await.unwrap();
    let (_, for_himself) = passkeys.invite_passkey(other.id, &by).await.unwrap();
    let works = async |token: &Token| passkeys.open_invite(token).await.is_ok();
    let listed = async || -> Vec<_> {
        let open = passkeys.invites().await.unwrap();
        open.iter().map(|invite| invite.id).collect()
    };
    assert_eq!(listed().await.len(), 3);
    assert!(works(&for_anyone).await && works(&for_another).await);
    passkeys
        .set_role(other.id, (None, Role::Operator), &browser())
        .await
        .unwrap();
    assert!(!works(&for_anyone).await && !works(&for_another).await);
    assert!(!works(&for_himself).await);
    assert_eq!(listed().await, []);
    let refused = fixture.created(&for_anyone, "Eve", &mut counting()).await;
    assert!(matches!(refused, Err(ConsoleRefusal::InviteUnknown)));
    passkeys
        .set_role(other.id, (None, Role::Owner), &browser())
        .await
        .unwrap();
    // They do not come back with the right. A request that was let in before makes nothing that works either.
    assert_eq!(listed().await, []);
    let (_, late) = passkeys
        .invite_administrator("Eve", Role::Owner, &by)
        .await
        .unwrap();
    assert!(!works(&for_anyone).await && !works(&late).await);
    let by = fixture.signed_in(&mut key).await;
    let (own, for_himself) = passkeys.invite_passkey(other.id, &by).await.unwrap();
    assert_eq!(listed().await, [own.id]);
    // A new link ends the one before.
    let (next, _) = passkeys.invite_passkey(other.id, &by).await.unwrap();
    assert!(!works(&for_himself).await);
    assert_eq!(listed().await, [next.id]);
    let removed = passkeys.remove_administrator(other.id, &by).await;
    assert_eq!(removed, Ok(()));
    assert_eq!(listed().await, []);
}

/// A request that was let in acts in a later turn than the one that took its right away.
#[tokio::test]
async fn who_lost_the_right_meanwhile_changes_no_administrator() {
    let fixture = Fixture::new().await;
    let passkeys = &fixture.passkeys;
    let (ada, _) = fixture.administrator("Ada", Role::Owner).await;
    let (bob, mut key) = fixture.administrator("Bob", Role::Owner).await;
    let stolen = passkeys.console_passkeys(bob.id).await.unwrap()[0].key;
    let (_, another) = passkeys.invite_passkey(bob.id, &browser()).await.unwrap();
    let mut second = counting();
    let response = fixture.created(&another, "Bob", &mut second).await.unwrap();
    fixture.accept(&another, "Bob", &response).await.unwrap();
    let others = passkeys.console_passkeys(ada.id).await.unwrap()[0].key;

    let lowered = fixture.signed_in(&mut second).await;
    let set = |role| passkeys.set_role(bob.id, (None, role), &OPERATOR);
    set(Role::Operator).await.unwrap();
    let lost = ConsoleRefusal::RoleLost(Role::Owner);
    let raised = passkeys
        .set_role(bob.id, (None, Role::Owner), &lowered)
        .await;
    assert_eq!(raised, Err(lost.clone()));
    let removed = passkeys.remove_administrator(ada.id, &lowered).await;
    assert_eq!(removed, Err(lost.clone()));
    let removed = passkeys.remove_console_passkey(ada.id, others, &lowered);
    assert_eq!(removed.await, Err(lost));
    set(Role::Owner).await.unwrap();

    let thief = fixture.signed_in(&mut key).await;
    let (_, link) = passkeys.invite_passkey(bob.id, &thief).await.unwrap();
    assert!(passkeys.open_invite(&link).await.is_ok());
    let removed = passkeys.remove_console_passkey(bob.id, stolen, &OPERATOR);
    assert_eq!(removed.await, Ok(()));
    let lost = passkeys.open_invite(&link).await;
    assert_eq!(lost, Err(ConsoleRefusal::InviteUnknown));
    let gone = ConsoleRefusal::SignedOut;
    let lowered = passkeys
        .set_role(ada.id, (None, Role::Support), &thief)
        .await;
    assert_eq!(lowered, Err(gone.clone()));
    let removed = passkeys.remove_administrator(ada.id, &thief).await;
    assert_eq!(removed, Err(gone.clone()));
    let left = passkeys.console_passkeys(bob.id).await.unwrap()[0].key;
    let removed = passkeys.remove_console_passkey(bob.id, left, &thief);
    assert_eq!(removed.await, Err(gone));
    // Bob's other session goes on, and so does what Bob makes in it.
    let bob_again = fixture.signed_in(&mut second).await;
    let (_, link) = passkeys.invite_passkey(bob.id, &bob_again).await.unwrap();
    assert!(passkeys.open_invite(&link).await.is_ok());
    // What the thief makes now has no right behind it.
    let (_, late) = passkeys
        .invite_administrator("Eve", Role::Owner, &thief)
        .await
        .unwrap();
    let late = passkeys.open_invite(&late).await;
    assert_eq!(late, Err(ConsoleRefusal::InviteUnknown));
}

/// Somebody who signs in or invites all the time hides no session and no invite behind a page of them.
#[tokio::test]
async fn a_list_is_never_longer_than_its_page() {
    let fixture = Fixture::new().await;
    let passkeys = &fixture.passkeys;
    let (ada, mut key) = fixture.administrator("Ada", Role::Owner).await;
    let by = fixture.signed_in(&mut key).await;
    for _ in 0..MOST_SESSIONS + 5 {
        fixture.clock.advance_millis(1);
        fixture.signed_in(&mut key).await;
    }
    let last = fixture.signed_in(&mut key).await.standing.unwrap().1;
    let sessions = passkeys.sessions(ada.id).await.unwrap();
    assert_eq!(sessions.len(), MOST_SESSIONS);
    assert!(sessions.iter().any(|session| session.id == last));
    // The first one ended, and what was made in it did not.
    assert!(
        sessions
            .iter()
            .all(|session| Some(session.id) != by.standing.map(|(_, of)| of))
    );
    let mut made = Vec::new();
    for n in 0..MOST_INVITES + 5 {
        fixture.clock.advance_millis(1);
        let name = format!("Eve {n}");
        let invited = passkeys.invite_administrator(&name, Role::Support, &by);
        made.push(invited.await.unwrap().0.id);
    }
    let listed = passkeys.invites().await.unwrap();
    let listed: Vec<_> = listed.iter().map(|invite| invite.id).collect();
    assert_eq!(listed, made[5..]);
}

#[tokio::test]
async fn a_loser_of_one_invite_has_a_passkey_that_opens_nothing() {
    let fixture = Fixture::new().await;
    let (_, token) = fixture.invited("Ada", Role::Owner).await;
    let (mut ada, mut eve) = (counting(), counting());
    let of_ada = fixture.created(&token, "Ada", &mut ada).await.unwrap();
    let of_eve = fixture.created(&token, "Eve", &mut eve).await.unwrap();
    // Both are judged before one of them is let in.
    fixture
        .passkeys
        .finish_registration(CONSOLE_PARTY, &of_eve, None, &browser())
        .await
        .unwrap();
    fixture.accept(&token, "Ada", &of_ada).await.unwrap();
    let refused = fixture.console_sign_in(&mut eve, &Lies::default()).await;
    assert_eq!(domain_reason(refused), Reason::AccessDenied);
}

#[tokio::test]
async fn a_registration_counts_for_the_invite_that_began_it_only() {
    let fixture = Fixture::new().await;
    let (owner, mut key) = fixture.administrator("Ada", Role::Owner).await;
    let (_, low) = fixture.invited("Bob", Role::Support).await;
    let (high, high_token) = fixture
        .passkeys
        .invite_passkey(owner.id, &browser())
        .await
        .unwrap();
    assert_eq!(high.administrator, Some(owner.id));
    // A passkey that was to be Ada's is not taken for Bob's invite, nor the other way round.
    let mut second = counting();
    let of_ada = fixture
        .created(&high_token, "x", &mut second)
        .await
        .unwrap();
    let of_bob = fixture.created(&low, "Bob", &mut counting()).await.unwrap();
    for (token, response) in [(&low, &of_ada), (&high_token, &of_bob)] {
        let refused = fixture.accept(token, "Bob", response).await;
        assert_eq!(domain_reason(refused), Reason::CeremonyNotFound);
    }
    let same = fixture.accept(&high_token, "x", &of_ada).await.unwrap();
    assert_eq!(same, owner);
    for authenticator in [&mut key, &mut second] {
        let signed_in = fixture
            .console_sign_in(authenticator, &Lies::default())
            .await;
        assert_eq!(signed_in.unwrap().0, owner);
    }
    // It works once.
    let again = fixture.created(&high_token, "x", &mut counting()).await;
    assert_eq!(again.unwrap_err(), ConsoleRefusal::InviteUnknown);
}

#[tokio::test]
async fn invites_and_sessions_end_by_themselves() {
    let fixture = Fixture::new().await;
    let (_, mut key) = fixture.administrator("Ada", Role::Owner).await;
    let (_, token) = fixture.invited("Bob", Role::Support).await;
    fixture.clock.advance_millis(INVITE_MS - 1);
    assert!(fixture.passkeys.open_invite(&token).await.is_ok());
    fixture.clock.advance_millis(1);
    assert_eq!(
        fixture.passkeys.open_invite(&token).await,
        Err(ConsoleRefusal::InviteUnknown)
    );

    let mut sign_in = async || {
        let signed_in = fixture.console_sign_in(&mut key, &Lies::default()).await;
        signed_in.unwrap().1
    };
    let idle = sign_in().await;
    fixture.clock.advance_millis(IDLE_MS - 1);
    assert!(fixture.is_signed_in(&idle).await);
    fixture.clock.advance_millis(IDLE_MS);
    assert!(!fixture.is_signed_in(&idle).await);

    let busy = sign_in().await;
    let mut passed = 0;
    while passed + IDLE_MS / 2 < SESSION_MS {
        fixture.clock.advance_millis(IDLE_MS / 2);
        passed += IDLE_MS / 2;
        assert!(fixture.is_signed_in(&busy).await, "{passed}");
    }
    fixture.clock.advance_millis(IDLE_MS / 2);
    assert!(!fixture.is_signed_in(&busy).await);
    fixture.passkeys.sweep(0, i64::MAX / 4, 100).await.unwrap();
    assert_eq!(fixture.passkeys.invites().await.unwrap(), []);
}

#[tokio::test]
async fn a_removed_administrator_is_out_at_once_and_an_owner_stays() {
    let fixture = Fixture::new().await;
    let passkeys = &fixture.passkeys;
    let by = browser();
    let (ada, mut adas) = fixture.administrator("Ada", Role::Owner).await;
    let (bob, mut bobs) = fixture.administrator("Bob", Role::Support).await;
    let refused = passkeys.set_role(ada.id, (None, Role::Support), &by).await;
    assert_eq!(refused, Err(ConsoleRefusal::LastOwner));
    let refused = passkeys.remove_administrator(ada.id, &by).await;
    assert_eq!(refused, Err(ConsoleRefusal::LastOwner));

    let truth = Lies::default();
    let (_, session) = fixture.console_sign_in(&mut bobs, &truth).await.unwrap();
    let (_, ended) = fixture.console_sign_in(&mut bobs, &truth).await.unwrap();
    // The invite began one, too.
    assert_eq!(passkeys.sessions(bob.id).await.unwrap().len(), 3);
    passkeys.end_session(ended.session(), &by).await.unwrap();
    assert!(!fixture.is_signed_in(&ended).await);
    let changed = passkeys
        .set_role(bob.id, (Some(Role::Support), Role::Owner), &by)
        .await
        .unwrap();
    let late = passkeys
        .set_role(bob.id, (Some(Role::Support), Role::Operator), &by)
        .await;
    assert_eq!(late, Err(ConsoleRefusal::RoleChanged));
    assert_eq!(changed.role, Role::Owner);
    let visitor = passkeys.visitor(&session).await.unwrap().unwrap();
    assert_eq!(visitor.administrator.role, Role::Owner);

    passkeys.remove_administrator(ada.id, &by).await.unwrap();
    let refused = fixture.console_sign_in(&mut adas, &truth).await;
    assert_eq!(domain_reason(refused), Reason::CredentialUnknown);
    assert!(fixture.is_signed_in(&session).await);
    for gone in [
        passkeys.remove_administrator(ada.id, &by).await,
        passkeys.end_session(ended.session(), &by).await,
    ] {
        assert_eq!(gone, Err(ConsoleRefusal::Unknown));
    }
}

#[tokio::test]
async fn names_are_for_people_and_no_wire_finds_the_console() {
    let fixture = Fixture::new().await;
    for bad in ["", "  ", "a\u{7}b", &"x".repeat(65)] {
        let refused = fixture
            .passkeys
            .invite_administrator(bad, Role::Owner, &browser())
            .await;
        assert_eq!(refused.unwrap_err(), ConsoleRefusal::NameInvalid);
    }
    fixture.administrator("Ada", Role::Owner).await;
    let found = fixture.passkeys.relying_party_itself(CONSOLE_PARTY).await;
    assert_eq!(found.unwrap_err().reason, Reason::RelyingPartyUnknown);
    let rp_id = RpId::parse("keys.acme.test").unwrap();
    let found = fixture.passkeys.relying_parties_with_rp_id(&rp_id).await;
    assert!(found.unwrap().is_empty());
    assert!(
        !fixture
            .passkeys
            .is_configured_origin(CONSOLE)
            .await
            .unwrap()
    );
}
