//! `kill -9` under load, again and again, over one store.

use std::time::Duration;

use serde_json::json;

use crate::load::Load;
use crate::rounds;
use crate::server::{Server, approve, factor, new_service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_nothing_acknowledged_and_accept_no_challenge_twice() {
    let kills = rounds("DURABILITY_KILLS", 20);
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut server = Server::start(&data).await;
    let service = new_service(&mut server.connect().await.unwrap()).await;
    let mut load = Load::new(&service);
    let (mut registered, mut approved, mut unanswered, mut had_happened) = (0, 0, 0, 0);
    for kill in 0..kills {
        let round = load.run(server, None, async |mut server| {
            // Different moments, the same in every run.
            tokio::time::sleep(Duration::from_millis(120 + u64::from(kill * 37 % 200))).await;
            server.kill();
        });
        let (round, ()) = round.await;
        server = Server::start(&data).await;
        let mut connection = server.connect().await.unwrap();
        for done in &round.registered {
            let (status, factor) =
                factor(&mut connection, &service, &done.identity, &done.sid).await;
            assert_eq!(
                status, 200,
                "an acknowledged registration is gone after kill {kill}"
            );
            assert_eq!(factor["status"], "verified");
        }
        for done in &round.approved {
            let (status, answer) = approve(&mut connection, &service, &done.assertion).await;
            assert_eq!((status, &answer["code"]), (403, &json!(60322)), "{answer}");
        }
        for assertion in &round.unanswered {
            // It may have happened or not; afterwards it has, and only once.
            let (status, answer) = approve(&mut connection, &service, assertion).await;
            let codes = [json!(60322), json!(60390), json!(60391)];
            assert!(status == 200 || codes.contains(&answer["code"]), "{answer}");
            had_happened += u32::from(answer["code"] == 60322);
            let (status, answer) = approve(&mut connection, &service, assertion).await;
            assert_ne!(status, 200, "accepted twice: {answer}");
        }
        registered += round.registered.len();
        approved += round.approved.len();
        unanswered += round.unanswered.len();
    }
    println!(
        "{kills} kills: {registered} registrations and {approved} approvals acknowledged, none lost; \
         {unanswered} approvals unanswered, of which {had_happened} had happened"
    );
    assert!(
        registered > 0 && approved > 0,
        "the kills came before any work was done"
    );
}
