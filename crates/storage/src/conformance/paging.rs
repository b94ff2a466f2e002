//! Lists in pages.

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::clock::Timestamp;
use domain::model::ids::AccountId;
use domain::model::page::{Order, Page, PageRequest, Position};
use domain::store::{AuthenticationFilter, CreateUser, EventFilter};

use super::accounts::api_key;
use super::fixture::{
    Fixture, NOW, Passkey, StoreUnderTest, at, authentication, event, key, new_account,
    new_relying_party, new_user, registration,
};
use super::relying_parties::webhook;
use super::tokens::access_key;

/// Moments of creation, in the order of writing: with ties, and out of order.
const CREATED: [i64; 8] = [3, 1, 2, 1, 2, 2, -4, 3];

/// Where a row of a list stands.
type Place = (Timestamp, [u8; 16]);

/// Reads a list in both directions at every page size.
async fn check<T>(
    what: &str,
    mut expected: Vec<Place>,
    read: impl AsyncFn(PageRequest) -> Page<T>,
    place: impl Fn(&T) -> Place,
) {
    assert_eq!(expected.len(), CREATED.len());
    for order in [Order::Ascending, Order::Descending] {
        expected.sort_unstable();
        if order == Order::Descending {
            expected.reverse();
        }
        for limit in 1..=9 {
            let mut after = None;
            let mut found = Vec::new();
            loop {
                let page = read(PageRequest {
                    after,
                    limit,
                    order,
                })
                .await;
                assert!(page.items.len() <= limit as usize, "{what}");
                found.extend(page.items.iter().map(&place));
                assert_eq!(page.more, found.len() < expected.len(), "{what} by {limit}");
                if !page.more {
                    break;
                }
                let (created, key) = *found.last().unwrap();
                after = Some(Position { created, key });
            }
            assert_eq!(found, expected, "{what} by {limit}, {order:?}");
        }
        let none = read(PageRequest {
            after: None,
            limit: 0,
            order,
        })
        .await;
        assert!(none.items.is_empty() && none.more, "{what}");
    }
}

#[expect(clippy::too_many_lines, reason = "one block for each list")]
pub async fn every_list_is_complete_and_in_order_at_every_page_size(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    // A neighbour on either side of the list, which must not show up in it.
    let neighbours = [fixture.another_rp().await, fixture.another_rp().await];
    let account = fixture.account;
    let ann = fixture.user("ann").await;
    let bob = fixture.user("bob").await;
    fixture.passkey(&bob).await;
    fixture
        .begin(&authentication(fixture.rp, Some(&bob), NOW))
        .await;
    let mut passkey = Passkey::new(&ann);

    let mut accounts = Vec::new();
    let mut keys = Vec::new();
    let mut users = Vec::new();
    let mut webhooks = Vec::new();
    let mut access_keys = Vec::new();
    let mut events = Vec::new();
    let mut credentials = Vec::new();
    let mut sign_ins = Vec::new();
    let mut unfinished = Vec::new();
    // Its own creation stands in somebody else's events, to keep its list to what is written here.
    let crowd = new_relying_party(account, NOW);
    let elsewhere = event(AuditKind::RelyingPartyCreated, neighbours[0]);
    store
        .create_relying_party(&crowd, &elsewhere)
        .await
        .unwrap();
    let crowd = crowd.id;
    for (n, created) in CREATED.iter().map(|c| at(*c)).enumerate() {
        // The fixture's own account is the first of them.
        if n == 0 {
            accounts.push((NOW, account.0));
        } else {
            let further = new_account(created);
            assert_eq!(store.create_account(&further).await, Ok(true));
            accounts.push((created, further.id.0));
        }

        let api_key = domain::model::account::ApiKey {
            created,
            ..api_key(account)
        };
        store.create_api_key(&api_key).await.unwrap();
        keys.push((created, api_key.id.0));

        let user = new_user(crowd, &format!("user {n}"), created);
        let happened = AuditEvent {
            at: created,
            ..event(AuditKind::UserCreated, crowd)
        };
        assert_eq!(
            store.create_user(&user, &happened).await,
            Ok(CreateUser::Created)
        );
        users.push((created, user.id.0));
        events.push((created, happened.id.0));

        let hook = webhook(crowd, created);
        store.create_webhook(&hook, None).await.unwrap();
        webhooks.push((created, hook.id.0));

        let access_key = access_key(crowd, created);
        let made = event(AuditKind::AccessKeyCreated, neighbours[0]);
        store.create_access_key(&access_key, &made).await.unwrap();
        access_keys.push((created, access_key.id.0));

        let ceremony = registration(&ann, created);
        fixture.begin(&ceremony).await;
        let finish = passkey.register(&ceremony, at(10));
        finish.send(&**store).await.unwrap();
        credentials.push((created, finish.key().0));

        let ceremony = registration(&ann, created);
        fixture.begin(&ceremony).await;
        unfinished.push((created, ceremony.id.0));

        let ceremony = authentication(fixture.rp, Some(&ann), created);
        fixture.begin(&ceremony).await;
        sign_ins.push((created, ceremony.id.0));
    }
    for rp in neighbours {
        store.create_webhook(&webhook(rp, NOW), None).await.unwrap();
        fixture.user_of(rp, "ann").await;
    }
    check(
        "accounts",
        accounts,
        async |p| store.list_accounts(p).await.unwrap(),
        |a| (a.created, a.id.0),
    )
    .await;
    check(
        "api keys",
        keys,
        async |p| store.list_api_keys(account, p).await.unwrap(),
        |k| (k.created, k.id.0),
    )
    .await;
    check(
        "users",
        users,
        async |p| store.list_users(crowd, p).await.unwrap(),
        |u| (u.created, u.id.0),
    )
    .await;
    check(
        "webhooks",
        webhooks,
        async |p| store.list_webhooks(crowd, p).await.unwrap(),
        |h| (h.created, h.id.0),
    )
    .await;
    check(
        "access keys",
        access_keys,
        async |p| store.list_access_keys(crowd, p).await.unwrap(),
        |k| (k.created, k.id.0),
    )
    .await;
    check(
        "credentials",
        credentials.clone(),
        async |p| store.list_credentials(fixture.rp, ann.id, p).await.unwrap(),
        |c| (c.created, c.key.0),
    )
    .await;
    let filter = AuthenticationFilter {
        standing: None,
        credential: None,
        now: NOW,
    };
    let read = async |p| {
        let listed = store.list_authentications(fixture.rp, ann.id, filter, p);
        listed.await.unwrap()
    };
    check("authentications", sign_ins, read, |c| (c.created, c.id.0)).await;
    let read = async |p| {
        let listed = store.list_unfinished_registrations(fixture.rp, ann.id, p);
        listed.await.unwrap()
    };
    check("registrations", unfinished, read, |c| (c.created, c.id.0)).await;
    // Events are searched, and not listed in pages: the newest of them first.
    events.sort_unstable();
    events.reverse();
    let all = EventFilter::default();
    for limit in 0..=9_usize {
        let most = u32::try_from(limit).unwrap();
        let found = store.find_events(crowd, &all, most).await.unwrap();
        let places: Vec<_> = found.events.iter().map(|e| (e.at, e.id.0)).collect();
        assert_eq!(places, events[..limit.min(events.len())]);
        assert_eq!(found.complete, limit >= events.len());
    }

    let mut parties = Vec::new();
    for created in CREATED {
        let rp = new_relying_party(account, at(100 + created));
        let happened = event(AuditKind::RelyingPartyCreated, rp.id);
        store.create_relying_party(&rp, &happened).await.unwrap();
        parties.push((rp.created, rp.id.0));
    }
    for old in neighbours.into_iter().chain([fixture.rp, crowd]) {
        store.delete_relying_party(old, NOW).await.unwrap();
    }
    let read = async |p| store.list_relying_parties(account, p).await.unwrap();
    check("Relying Parties", parties, read, |rp| (rp.created, rp.id.0)).await;
    let stranger = AccountId(key());
    let page = store
        .list_relying_parties(stranger, PageRequest::first(9))
        .await
        .unwrap();
    assert!(page.items.is_empty() && !page.more);
}

pub async fn a_page_begins_after_a_row_that_is_gone(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let mut users = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        users.push(fixture.user(name).await);
    }
    users.sort_by_key(|u| u.id);
    for (order, rest) in [(Order::Ascending, [3, 4]), (Order::Descending, [1, 0])] {
        let gone = &users[2];
        let deleted = event(AuditKind::UserDeleted, fixture.rp);
        fixture
            .store
            .delete_user(fixture.rp, gone.id, &deleted)
            .await
            .unwrap();
        let after = Some(Position {
            created: gone.created,
            key: gone.id.0,
        });
        let page = fixture
            .store
            .list_users(
                fixture.rp,
                PageRequest {
                    after,
                    limit: 10,
                    order,
                },
            )
            .await
            .unwrap();
        let expected: Vec<_> = rest.iter().map(|n| users[*n].clone()).collect();
        assert_eq!(page.items, expected);
    }
}
