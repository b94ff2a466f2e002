//! Look-ups that anybody may cause: what they cost, and how soon a change is seen.

use webauthn::relying_party::RpId;

use super::*;

#[tokio::test]
async fn an_origin_is_looked_up_once_a_second_whether_it_is_configured_or_not() {
    let fixture = Fixture::new().await;
    for (origin, configured) in [(ORIGIN, true), ("https://foreign.test", false)] {
        let before = fixture.store.operations();
        for _ in 0..100 {
            let found = fixture.passkeys.is_configured_origin(origin).await;
            assert_eq!(found, Ok(configured));
        }
        assert_eq!(fixture.store.operations() - before, 1);
        fixture.clock.advance_millis(1000);
        fixture.passkeys.is_configured_origin(origin).await.unwrap();
        assert_eq!(fixture.store.operations() - before, 2);
    }
}

#[tokio::test]
async fn relying_parties_with_an_rp_id_are_looked_up_once_a_second() {
    let fixture = Fixture::new().await;
    let rp_id = RpId::parse("acme.test").unwrap();
    let before = fixture.store.operations();
    for _ in 0..100 {
        let found = fixture.passkeys.relying_parties_with_rp_id(&rp_id).await;
        assert_eq!(*found.unwrap(), [fixture.rp.id]);
    }
    assert_eq!(fixture.store.operations() - before, 1);
}

#[tokio::test]
async fn a_change_is_seen_on_its_node_at_once_and_on_others_within_a_second() {
    let mut fixture = Fixture::new().await;
    let other = fixture.another_node().await;
    let new = "https://new.acme.test";
    let shop = "https://shop.test";
    for node in [&fixture.passkeys, &other] {
        assert_eq!(node.is_configured_origin(shop).await, Ok(false));
    }
    let selection = PartialSelection {
        origins: Some(vec![Origin::parse_configured(shop).unwrap()]),
        ..PartialSelection::default()
    };
    let made = fixture.passkeys.create_relying_party(
        fixture.rp.account,
        "Shop",
        selection,
        WireSettings::default(),
        &OPERATOR,
    );
    made.await.unwrap();
    assert_eq!(fixture.passkeys.is_configured_origin(shop).await, Ok(true));
    assert_eq!(other.is_configured_origin(shop).await, Ok(false));
    for node in [&fixture.passkeys, &other] {
        assert_eq!(node.is_configured_origin(new).await, Ok(false));
        assert_eq!(node.is_configured_origin(ORIGIN).await, Ok(true));
    }
    fixture
        .change(|rp| rp.selection.origins = Some(vec![Origin::parse_configured(new).unwrap()]))
        .await;
    for (origin, configured) in [(new, true), (ORIGIN, false)] {
        let here = fixture.passkeys.is_configured_origin(origin).await;
        assert_eq!(here, Ok(configured));
        assert_eq!(other.is_configured_origin(origin).await, Ok(!configured));
    }
    fixture.clock.advance_millis(1000);
    for node in [&fixture.passkeys, &other] {
        assert_eq!(node.is_configured_origin(new).await, Ok(true));
        assert_eq!(node.is_configured_origin(ORIGIN).await, Ok(false));
    }
    let (account, rp) = (fixture.rp.account, fixture.rp.id);
    let gone = fixture
        .passkeys
        .delete_relying_party(account, rp, &OPERATOR)
        .await;
    assert_eq!(gone, Ok(()));
    assert_eq!(fixture.passkeys.is_configured_origin(new).await, Ok(false));
}
