//! What is known afterwards: last sign-ins, and who did what.

use domain::model::audit::{AuditCategory, AuditEvent, AuditKind};
use domain::model::console::CONSOLE_PARTY;
use domain::model::credential::last_sign_in;
use domain::model::user::User;
use domain::service::console::ConsolePlace;
use domain::store::EventFilter;

use super::*;

impl Fixture {
    async fn user_of(&self, name: &str) -> User {
        self.passkeys.user(self.rp.id, name).await.unwrap()
    }

    async fn last_sign_in(&self, name: &str) -> Option<Timestamp> {
        let found = self.passkeys.user_with_credentials(self.rp.id, name).await;
        let (user, credentials) = found.unwrap();
        last_sign_in(&user, &credentials)
    }

    async fn events(&self) -> Vec<AuditEvent> {
        let all = EventFilter::default();
        let found = self.passkeys.find_events(self.rp.id, &all, 10_000);
        let found = found.await.unwrap();
        assert!(found.complete);
        found.events
    }
}

mod the_last_sign_in {
    use super::*;

    #[tokio::test]
    async fn is_the_latest_of_all_credentials_also_of_those_that_are_gone() {
        let fixture = Fixture::new().await;
        let (mut phone, mut laptop) = (counting(), counting());
        let by_phone = fixture.register("ada-0001", &mut phone).await.unwrap();
        let by_laptop = fixture.register("ada-0001", &mut laptop).await.unwrap();
        assert_eq!(fixture.last_sign_in("ada-0001").await, None);
        let mut expected = None;
        for authenticator in [&mut laptop, &mut phone] {
            fixture.clock.advance_millis(10);
            fixture
                .sign_in(Who::Anyone, authenticator, &Lies::default())
                .await
                .unwrap();
            expected = Some(fixture.passkeys.now());
            assert_eq!(fixture.last_sign_in("ada-0001").await, expected);
        }
        let ada = fixture.user_of("ada-0001").await;
        for key in [by_phone.key, by_laptop.key] {
            fixture.clock.advance_millis(10);
            fixture
                .passkeys
                .delete_credential_or_registration(&ada, key, &browser())
                .await
                .unwrap();
            assert_eq!(fixture.last_sign_in("ada-0001").await, expected);
        }
    }

    #[tokio::test]
    async fn that_failed_is_noted_with_the_user_it_was_for_or_else_the_credentials_owner() {
        let mut fixture = Fixture::new().await;
        fixture
            .change(|rp| rp.policy.sign_count = SignCountPolicy::Refuse)
            .await;
        let (mut ada, mut bob, mut stranger) = (counting(), counting(), counting());
        fixture.register("ada-0001", &mut ada).await.unwrap();
        fixture.register("bob-0001", &mut bob).await.unwrap();
        let high = Lies {
            sign_count: Some(100),
            ..Lies::default()
        };
        fixture.sign_in(Who::Anyone, &mut ada, &high).await.unwrap();
        let signed_in = fixture.passkeys.now();
        // Registered with somebody else, and unknown here.
        let other = Fixture::new().await;
        other.register("eve-0001", &mut stranger).await.unwrap();
        let to_ada = Who::User("ada-0001".into());
        let bad = Lies {
            user_present: Some(false),
            ..Lies::default()
        };
        let stale = Lies {
            sign_count: Some(99),
            ..Lies::default()
        };
        let honest = Lies::default();
        let cases = [
            (to_ada, 1, &honest, "ada-0001"),
            (to_ada, 2, &honest, "ada-0001"),
            (Who::Anyone, 1, &bad, "bob-0001"),
            (Who::Anyone, 0, &stale, "ada-0001"),
            (Who::Anyone, 2, &honest, ""),
        ];
        let mut authenticators = [ada, bob, stranger];
        for (who, answers, lies, failed) in cases {
            fixture.clock.advance_millis(10);
            let (_, mut options) = fixture.challenge(who).await.unwrap();
            options["allowCredentials"] = serde_json::json!([]);
            let answer = authenticators[answers].get(&options, ORIGIN, lies).unwrap();
            let mut before = Vec::new();
            for name in ["ada-0001", "bob-0001"] {
                before.push(fixture.user_of(name).await.last_failure);
            }
            fixture.finish(&answer).await.unwrap_err();
            for (name, before) in ["ada-0001", "bob-0001"].into_iter().zip(before) {
                let expected = if name == failed {
                    Some(fixture.passkeys.now())
                } else {
                    before
                };
                assert_eq!(fixture.user_of(name).await.last_failure, expected);
                let signed_in = (name == "ada-0001").then_some(signed_in);
                assert_eq!(fixture.last_sign_in(name).await, signed_in);
            }
        }
    }

    #[tokio::test]
    async fn is_not_touched_by_a_registration_that_was_refused() {
        let fixture = Fixture::new().await;
        let none = PartialSelection::default();
        let options = fixture.start("ada-0001", &none).await.unwrap();
        let lies = Lies {
            user_present: Some(false),
            ..Lies::default()
        };
        let answer = counting().create(&options, ORIGIN, &lies).unwrap();
        fixture.finish_registration(&answer).await.unwrap_err();
        assert_eq!(fixture.user_of("ada-0001").await.last_failure, None);
    }
}

mod the_audit_trail {
    use super::*;

    #[tokio::test]
    async fn says_who_did_what_to_whom() {
        let fixture = Fixture::new().await;
        let mut ada = counting();
        let record = fixture.register("ada-0001", &mut ada).await.unwrap();
        fixture.clock.advance_millis(1);
        let signed_in = fixture
            .sign_in(Who::Anyone, &mut ada, &Lies::default())
            .await
            .unwrap();
        fixture.clock.advance_millis(1);
        let lies = Lies {
            user_present: Some(false),
            ..Lies::default()
        };
        fixture
            .sign_in(Who::Anyone, &mut ada, &lies)
            .await
            .unwrap_err();
        fixture.clock.advance_millis(1);
        let back_end =
            Actor::new(ActorKind::Api, "test").access_key(domain::model::ids::AccessKeyId([3; 16]));
        let user = fixture.user_of("ada-0001").await;
        let gone = fixture
            .passkeys
            .delete_user(fixture.rp.id, user.id, &back_end)
            .await;
        assert_eq!(gone, Ok(()));

        let events = fixture.events().await;
        let [deleted, refused, authenticated, ..] = events.as_slice() else {
            panic!("{events:?}")
        };
        for (event, kind, actor) in [
            (deleted, AuditKind::UserDeleted, &back_end),
            (refused, AuditKind::AuthenticationRefused, &browser()),
            (authenticated, AuditKind::Authenticated, &browser()),
        ] {
            assert_eq!(event.kind, kind);
            assert_eq!(event.actor, *actor);
            assert_eq!(event.user, Some(user.id));
            assert_eq!(event.user_name.as_deref(), Some("ada-0001"));
        }
        assert_eq!(authenticated.ceremony, Some(signed_in.ceremony.id));
        assert_eq!(authenticated.credential, Some(record.key));
        assert_eq!(refused.reason, Some(Reason::UserNotPresent));
        let registered = events
            .iter()
            .find(|e| e.kind == AuditKind::CredentialRegistered)
            .unwrap();
        assert_eq!(registered.user_name.as_deref(), Some("ada-0001"));
        assert_eq!(registered.actor.user_agent(), Some("Mozilla/5.0 (test)"));
        let made = events
            .iter()
            .find(|e| e.kind == AuditKind::RelyingPartyCreated)
            .unwrap();
        assert_eq!(made.actor.kind, ActorKind::Admin);
    }

    #[tokio::test]
    async fn has_each_start_of_a_sign_in_where_the_operator_wants_it_and_none_elsewhere() {
        for sealed in [false, true] {
            let mut fixture = Fixture::new().await;
            fixture
                .change(move |rp| rp.policy.sealed_authentications = sealed)
                .await;
            let mut ada = counting();
            fixture.register("ada-0001", &mut ada).await.unwrap();
            let starts = |events: Vec<AuditEvent>| {
                let of = |event: &AuditEvent| event.kind == AuditKind::AuthenticationStarted;
                events.into_iter().filter(of).collect::<Vec<_>>()
            };
            fixture.challenge(Who::Anyone).await.unwrap();
            assert_eq!(starts(fixture.events().await), []);

            let noting = fixture.another_node().await.noting_starts(true);
            let user = fixture.user_of("ada-0001").await;
            for (who, named) in [(Who::User("ada-0001".into()), true), (Who::Anyone, false)] {
                fixture.clock.advance_millis(1);
                let start = StartAuthentication::new(who, plain());
                let ceremony = noting.start_authentication(&fixture.rp, start);
                let ceremony = ceremony.await.unwrap();
                assert_eq!(ceremony.is_sealed(), sealed);
                let starts = starts(fixture.events().await);
                let started = &starts[0];
                assert_eq!(started.ceremony, Some(ceremony.id));
                assert_eq!(started.at, ceremony.created);
                assert_eq!(started.actor, browser());
                assert_eq!(started.user, named.then_some(user.id));
                assert_eq!(started.user_name.is_some(), named);
                assert_eq!(started.kind.category(), AuditCategory::Authentication);
            }
            // One that is not begun leaves none.
            let unknown = StartAuthentication::new(Who::User("bob-0001".into()), plain());
            let unknown = noting.start_authentication(&fixture.rp, unknown).await;
            assert_eq!(reason(unknown), Reason::UserUnknown);
            assert_eq!(starts(fixture.events().await).len(), 2);
            // Anybody can start a sign-in to the console.
            let rp_id = RpId::parse("keys.acme.test").unwrap();
            let origin = Origin::parse_configured("https://keys.acme.test").unwrap();
            let place = ConsolePlace::new(rp_id, origin);
            let started = noting.start_console_sign_in(&place, &browser()).await;
            started.unwrap();
            let all = EventFilter::default();
            let found = noting.find_events(CONSOLE_PARTY, &all, 10).await.unwrap();
            assert_eq!(found.events, []);
        }
    }

    #[tokio::test]
    async fn names_what_a_registration_showed_that_was_no_reason_to_refuse_it() {
        let fixture = Fixture::new().await;
        let mut windows = testkit::Authenticator::new(testkit::Profile {
            attestation_algorithm: Some(testkit::Algorithm::RS1),
            tpm: testkit::Tpm {
                manufacturer: "id:414D4400".to_owned(),
                ..testkit::Tpm::default()
            },
            ..testkit::Profile::security_key().with_format(testkit::Format::Tpm)
        });
        fixture.register("ada-0001", &mut windows).await.unwrap();
        let events = fixture.events().await;
        let mut registered = events
            .iter()
            .filter(|event| event.kind == AuditKind::CredentialRegistered);
        assert_eq!(registered.next().unwrap().signals, "sha1_attestation");
    }

    #[tokio::test]
    async fn is_searched_newest_first_within_a_range_that_ends_before_its_end() {
        let fixture = Fixture::new().await;
        let start = fixture.passkeys.now();
        // Far more than one page of the store; two events in each millisecond.
        for n in 0..1_100 {
            if n % 2 == 0 {
                fixture.clock.advance_millis(1);
            }
            let name = format!("user-{n}");
            fixture
                .passkeys
                .create_user(&fixture.rp, &name, &browser())
                .await
                .unwrap();
        }
        let at = |millis| Some(start.plus_millis(millis));
        let find = async |from, until, limit, wanted: fn(&AuditEvent) -> bool| {
            let filter = EventFilter {
                from,
                until,
                wanted: Some(Arc::new(wanted)),
                ..EventFilter::default()
            };
            let found = fixture.passkeys.find_events(fixture.rp.id, &filter, limit);
            let found = found.await.unwrap();
            let times: Vec<_> = found.events.iter().map(|e| e.at.0 - start.0).collect();
            assert!(times.is_sorted_by(|a, b| a >= b));
            (times, found.complete)
        };
        let all = |_: &AuditEvent| true;
        // All: the Relying Party's own creation too.
        let (times, complete) = find(None, None, 10_000, all).await;
        assert_eq!((times.len(), complete), (1_101, true));
        assert_eq!((times[0], times[1_100]), (550, 0));
        // From is in the range, until is not.
        let (times, complete) = find(at(3), at(5), 10_000, all).await;
        assert_eq!((times, complete), (vec![4, 4, 3, 3], true));
        let (times, complete) = find(at(549), None, 10_000, all).await;
        assert_eq!((times, complete), (vec![550, 550, 549, 549], true));
        let (times, complete) = find(None, at(1), 10_000, all).await;
        assert_eq!((times, complete), (vec![0], true));
        let (times, complete) = find(at(9), at(9), 10_000, all).await;
        assert_eq!((times, complete), (vec![], true));
        // The limit counts what is wanted, and says when there is more.
        let (times, complete) = find(None, None, 3, all).await;
        assert_eq!((times, complete), (vec![550, 550, 549], false));
        let (times, complete) = find(at(550), None, 2, all).await;
        assert_eq!((times, complete), (vec![550, 550], true));
        let first = |event: &AuditEvent| event.user_name.as_deref() == Some("user-0");
        let (times, complete) = find(None, None, 1, first).await;
        assert_eq!((times, complete), (vec![1], true));
        let made = |event: &AuditEvent| event.kind == AuditKind::RelyingPartyCreated;
        let (times, complete) = find(None, None, 10_000, made).await;
        assert_eq!((times, complete), (vec![0], true));
    }

    #[test]
    fn tells_apart_what_is_about_registration_authentication_and_management() {
        let of = |category| {
            let all = AuditKind::ALL
                .iter()
                .filter(move |k| k.category() == category);
            all.map(|k| k.name()).collect::<Vec<_>>()
        };
        assert_eq!(
            of(AuditCategory::Registration),
            [
                "registration_started",
                "credential_registered",
                "registration_refused"
            ]
        );
        assert_eq!(
            of(AuditCategory::Authentication),
            [
                "authentication_started",
                "authenticated",
                "authentication_refused"
            ]
        );
        let refusals: Vec<_> = AuditKind::ALL.iter().filter(|k| k.is_refusal()).collect();
        assert_eq!(
            refusals,
            [
                &AuditKind::RegistrationRefused,
                &AuditKind::AuthenticationRefused
            ]
        );
    }

    #[test]
    fn keeps_a_bounded_printable_part_of_a_user_agent() {
        let agent = |text: &str| {
            let actor = browser().agent(text);
            actor.user_agent().map(str::to_owned)
        };
        assert_eq!(agent(""), None);
        assert_eq!(agent("\r\n\0\u{85}"), None);
        assert_eq!(agent("a\nb\u{1b}c"), Some("abc".to_owned()));
        let long = agent(&"x".repeat(10_000)).unwrap();
        assert_eq!(long.len(), domain::model::audit::MAX_USER_AGENT);
        // Cut between characters.
        let long = agent(&format!("x{}", "\u{1f511}".repeat(200))).unwrap();
        assert_eq!(long, format!("x{}", "\u{1f511}".repeat(127)));
    }
}

mod details {
    use domain::model::audit::{Target, trail_of};
    use domain::model::ids::RelyingPartyId;
    use domain::model::webhook::Webhook;

    use super::*;

    async fn trail(fixture: &Fixture, rp: RelyingPartyId) -> Vec<AuditEvent> {
        let all = EventFilter::default();
        let found = fixture.passkeys.find_events(rp, &all, 100);
        found.await.unwrap().events
    }

    fn of(kind: AuditKind, trail: &[AuditEvent]) -> AuditEvent {
        let found: Vec<_> = trail.iter().filter(|event| event.kind == kind).collect();
        assert_eq!(found.len(), 1, "{kind:?}");
        found[0].clone()
    }

    #[tokio::test]
    async fn a_change_of_a_relying_party_tells_old_and_new_and_who_made_it() {
        let mut fixture = Fixture::new().await;
        fixture
            .change(|rp| rp.policy.sign_count = SignCountPolicy::Refuse)
            .await;
        let event = of(AuditKind::RelyingPartyUpdated, &fixture.events().await);
        assert_eq!(event.actor, OPERATOR);
        let changes = event.details.unwrap().changes;
        let [change] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        assert_eq!(change.what, "policy.sign_count");
        assert_ne!(change.old, change.new);
    }

    #[tokio::test]
    async fn a_refusal_tells_the_origin_that_was_seen_and_the_address_of_the_client() {
        let fixture = Fixture::new().await;
        let mut authenticator = counting();
        fixture
            .register("ada-0001", &mut authenticator)
            .await
            .unwrap();
        let lies = Lies {
            origin: Some("https://evil.test".to_owned()),
            ..Lies::default()
        };
        let refused = fixture
            .sign_in(Who::Anyone, &mut authenticator, &lies)
            .await;
        assert_eq!(reason(refused), Reason::OriginNotAllowed);
        let event = of(AuditKind::AuthenticationRefused, &fixture.events().await);
        let found = event.details.unwrap().found;
        assert_eq!(found.as_deref(), Some("https://evil.test"));
        assert_eq!(event.actor.address, browser().address);
        assert!(event.actor.address.is_some());
    }

    #[tokio::test]
    async fn what_happens_to_an_account_lies_in_its_own_trail() {
        let fixture = Fixture::new().await;
        let passkeys = &fixture.passkeys;
        let (account, _) = passkeys.create_account(&OPERATOR).await.unwrap();
        passkeys
            .reset_account_token(account.id, &OPERATOR)
            .await
            .unwrap();
        let made = passkeys.create_api_key(account.id, "ci", Grant::EVERYTHING, &OPERATOR);
        let (key, _) = made.await.unwrap();
        let removed = passkeys.delete_api_key(account.id, key.id, &OPERATOR);
        assert_eq!(removed.await, Ok(true));
        // What does not exist is not revoked.
        let removed = passkeys.delete_api_key(account.id, key.id, &OPERATOR);
        assert_eq!(removed.await, Ok(false));
        let trail = trail(&fixture, trail_of(account.id)).await;
        assert_eq!(trail.len(), 4);
        of(AuditKind::AccountCreated, &trail);
        of(AuditKind::AccountTokenReset, &trail);
        of(AuditKind::ApiKeyDeleted, &trail);
        let target = Target {
            kind: "api_key".to_owned(),
            id: key.id.to_hex(),
            name: Some("ci".to_owned()),
        };
        let created = of(AuditKind::ApiKeyCreated, &trail);
        assert_eq!(created.details.unwrap().target, Some(target));
    }

    #[tokio::test]
    async fn each_change_of_a_webhook_has_its_event() {
        let fixture = Fixture::new().await;
        let (passkeys, rp) = (&fixture.passkeys, fixture.rp.id);
        let new_hook = webhooks::hook(rp, "https://a.test/");
        let made = passkeys.create_webhook(new_hook, &OPERATOR).await.unwrap();
        let change = |hook: &mut Webhook| "https://b.test/".clone_into(&mut hook.url);
        let changed = passkeys.update_webhook(rp, made.id, change, &OPERATOR);
        changed.await.unwrap();
        let removed = passkeys.delete_webhook(rp, made.id, &OPERATOR).await;
        assert_eq!(removed, Ok(true));
        let trail = trail(&fixture, rp).await;
        of(AuditKind::WebhookCreated, &trail);
        of(AuditKind::WebhookDeleted, &trail);
        let updated = of(AuditKind::WebhookUpdated, &trail).details.unwrap();
        let [change] = updated.changes.as_slice() else {
            panic!("{updated:?}");
        };
        let told = (
            change.what.as_str(),
            change.old.as_deref(),
            change.new.as_deref(),
        );
        assert_eq!(
            told,
            ("url", Some("https://a.test/"), Some("https://b.test/"))
        );
        assert_eq!(updated.target.unwrap().id, made.id.to_hex());
    }
}
