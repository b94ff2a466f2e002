//! Keys of tokens are replaced while ceremonies run on two nodes.

use std::sync::Arc;

use domain::model::audit::{Actor, ActorKind};
use domain::model::ids::RelyingPartyId;
use domain::model::refusal::Refusal;
use domain::model::token::TokenKind;
use domain::service::rotation::TokenKeyChange;
use domain::store::Storage;
use serde_json::json;
use storage::Memory;
use testkit::Authenticator;

use crate::common::{ACCOUNT, TestApp};
use crate::support::Service;

const CALLERS: usize = 4;
const CEREMONIES: usize = 12;

fn party(service: &Service) -> RelyingPartyId {
    RelyingPartyId::from_hex(&service.sid[2..]).unwrap()
}

/// Draws a new key of each kind.
async fn replace_all(node: &Service) {
    let by = Actor::new(ActorKind::Admin, "");
    for kind in TokenKind::ALL.iter().copied() {
        let change = TokenKeyChange::Rotate;
        let passkeys = &node.app.passkeys;
        let changed = passkeys.change_token_keys(party(node), kind, change, &by);
        changed.await.unwrap();
    }
}

/// Whole ceremonies of one user: each begins on one node and ends on the other.
async fn ceremonies(nodes: [Service; 2], name: String) -> usize {
    let mut authenticator = Authenticator::default();
    nodes[0].register(&name, &mut authenticator).await;
    for turn in 0..CEREMONIES {
        let (here, there) = (&nodes[turn % 2], &nodes[(turn + 1) % 2]);
        let approval = here.approve(Some(&name)).await;
        replace_all(&nodes[0]).await;
        for node in &nodes {
            node.app.clock.advance_millis(1_500);
        }
        let token = there.assert(&mut authenticator, &approval).await.token();
        let status = there.status(&approval["statusToken"]).await;
        assert_eq!(status["status"], "succeeded", "{status}");
        for node in [here, there] {
            let found = node.introspect(&token).await;
            assert_eq!(found["active"], true, "{found}");
        }
        let asked = json!({"username": name, "operation": "approve"});
        let intent = here.intent(&asked).await;
        tokio::task::yield_now().await;
        assert_eq!(there.introspect(&intent).await["active"], true);
    }
    CEREMONIES
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_ceremony_fails_while_keys_of_tokens_are_replaced() {
    for sealed in [false, true] {
        let store: Arc<dyn Storage> = Arc::new(Memory::new());
        let one = Service::over(Arc::clone(&store)).await;
        let two = Service {
            app: TestApp::builder().store(store).build().await,
            ..one.clone()
        };
        let rp = party(&one);
        for node in [&one, &two] {
            let by =
                domain::model::audit::Actor::new(domain::model::audit::ActorKind::Admin, "test");
            let changed = node.app.passkeys.update_relying_party::<Refusal>(
                ACCOUNT,
                rp,
                |rp| {
                    rp.policy.sealed_authentications = sealed;
                    Ok(())
                },
                &by,
            );
            changed.await.unwrap();
        }
        let running: tokio::task::JoinSet<_> = (0..CALLERS)
            .map(|n| ceremonies([one.clone(), two.clone()], format!("user-{n}")))
            .collect();
        assert_eq!(running.join_all().await, [CEREMONIES; CALLERS]);
        let listed = one.app.passkeys.list_token_keys(rp).await.unwrap();
        let newest = |kind| {
            listed
                .iter()
                .find(|key| key.kind == kind)
                .map(|key| key.number)
        };
        for kind in [
            TokenKind::Access,
            TokenKind::Intent,
            TokenKind::Status,
            TokenKind::Transaction,
        ] {
            assert!(newest(kind) > Some(10), "{kind:?}: {:?}", newest(kind));
        }
    }
}
