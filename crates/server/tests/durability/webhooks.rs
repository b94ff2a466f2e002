//! `kill -9` between the event and its delivery.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::http::{Connection, FORM, JSON};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::load::{Ledger, Load};
use crate::server::{Server, new_service};

/// How long a delivery may take to arrive before the test gives up, in seconds. A delivery that was claimed by a process that was killed is
/// claimed again after half a minute.
const PATIENCE: u64 = 120;

/// What a delivery says: its id, and its parameters.
type Delivered = (String, BTreeMap<String, String>);

/// A receiver of webhooks.
struct Receiver {
    /// Its URL in a form.
    url: String,
    hangs: Arc<AtomicBool>,
    arrived: Arc<Mutex<Vec<Delivered>>>,
}

impl Receiver {
    /// One that does not respond until it is told to.
    async fn hanging() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!(
                "http%3A%2F%2F127.0.0.1%3A{}%2Fhook",
                listener.local_addr().unwrap().port()
            ),
            hangs: Arc::new(AtomicBool::new(true)),
            arrived: Arc::default(),
        };
        let (hangs, arrived) = (Arc::clone(&receiver.hangs), Arc::clone(&receiver.arrived));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, Arc::clone(&hangs), Arc::clone(&arrived)));
            }
        });
        receiver
    }

    fn arrived(&self) -> Vec<Delivered> {
        self.arrived.lock().unwrap().clone()
    }

    /// Waits until what arrived meets a condition.
    async fn until(&self, mut done: impl FnMut(&[Delivered]) -> bool) -> Vec<Delivered> {
        for _ in 0..PATIENCE * 20 {
            let arrived = self.arrived();
            if done(&arrived) {
                return arrived;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "after {PATIENCE} seconds {} deliveries",
            self.arrived().len()
        );
    }
}

async fn receive(
    mut stream: TcpStream,
    hangs: Arc<AtomicBool>,
    arrived: Arc<Mutex<Vec<Delivered>>>,
) -> Option<()> {
    let mut request = Vec::new();
    let (head, body) = loop {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length: usize = header(head, "content-length")?.parse().ok()?;
        if body.len() >= length {
            break (head.to_owned(), body.to_owned());
        }
    };
    // Types and identifiers need no decoding.
    let parameters = body.split('&').filter_map(|pair| pair.split_once('='));
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let delivered = (
        header(&head, "webhook-id")?.to_owned(),
        parameters.collect(),
    );
    let hang = hangs.load(Ordering::SeqCst);
    arrived.lock().unwrap().push(delivered);
    if hang {
        // Until the process of the sender is gone.
        let _ = stream.read_buf(&mut request).await;
        return None;
    }
    let response = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    stream.write_all(response.as_bytes()).await.ok()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

async fn start(data: &Path) -> Server {
    let started = Server::try_start(data, |mut command| {
        command.env("PASSKEYD_WEBHOOKS__ALLOW_NETWORKS", r#"["127.0.0.1"]"#);
        command
    });
    started.await.unwrap_or_else(|why| panic!("{why}"))
}

/// The types and subjects of what was acknowledged.
fn acknowledged(ledger: &Ledger) -> BTreeSet<(&'static str, String)> {
    let registered = ledger.registered.iter();
    let registered = registered.map(|done| ("factor.verified", done.sid.clone()));
    let approved = ledger.approved.iter();
    let approved = approved.map(|done| ("challenge.approved", done.sid.clone()));
    registered.chain(approved).collect()
}

/// The ids under which each subject arrived.
fn ids(arrived: &[Delivered]) -> BTreeMap<(&str, &str), BTreeSet<&str>> {
    let mut ids: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (id, parameters) in arrived {
        let subject = match &*parameters["type"] {
            "factor.verified" => &parameters["factor_sid"],
            _ => &parameters["challenge_sid"],
        };
        ids.entry((&*parameters["type"], &**subject))
            .or_default()
            .insert(&**id);
    }
    ids
}

/// The kinds and subjects in the trail of a Service.
async fn trail(connection: &mut Connection, service: &str) -> BTreeSet<(&'static str, String)> {
    let kinds = "credential_registered,authenticated";
    let path = format!("/manage/v1/events?service={service}&kind={kinds}&limit=1000");
    let mut subjects = BTreeSet::new();
    let mut next = path.clone();
    loop {
        let call = connection.send(hyper::Method::GET, &next, JSON, String::new());
        let (status, page) = call.await.unwrap();
        assert_eq!(status, 200, "{page}");
        for event in page["events"].as_array().unwrap() {
            let (kind, subject) = match event["kind"].as_str().unwrap() {
                "authenticated" => ("challenge.approved", &event["ceremony"]),
                _ => ("factor.verified", &event["credential"]),
            };
            subjects.insert((kind, subject.as_str().unwrap().to_owned()));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("{path}&cursor={cursor}"),
            None => return subjects,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_each_acknowledged_event_is_there_and_arrives_once_more_under_its_id() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let receiver = Receiver::hanging().await;
    let server = start(&data).await;
    let mut connection = server.connect().await.unwrap();
    let service = new_service(&mut connection).await;
    let webhook = format!(
        "FriendlyName=Events&EventTypes=factor.verified&EventTypes=challenge.approved&WebhookUrl={}",
        receiver.url
    );
    let path = format!("/v2/Services/{service}/Webhooks");
    connection.post(&path, FORM, webhook).await.unwrap();

    let mut load = Load::new(&service);
    let ledger = load.run(server, None, async |mut server| {
        // The receiver has it, and passkeyd does not know that.
        receiver.until(|arrived| !arrived.is_empty()).await;
        server.kill();
    });
    let (ledger, ()) = ledger.await;
    let wanted = acknowledged(&ledger);
    let before: BTreeSet<_> = receiver.arrived().into_iter().map(|(id, _)| id).collect();
    receiver.hangs.store(false, Ordering::SeqCst);
    receiver.arrived.lock().unwrap().clear();

    let server = start(&data).await;
    let arrived = receiver.until(|arrived| {
        let subjects = ids(arrived);
        let all = wanted
            .iter()
            .all(|(kind, subject)| subjects.contains_key(&(*kind, &**subject)));
        let again: BTreeSet<_> = arrived.iter().map(|(id, _)| id.clone()).collect();
        all && before.is_subset(&again)
    });
    let arrived = arrived.await;
    for (subject, ids) in ids(&arrived) {
        assert_eq!(ids.len(), 1, "{subject:?} arrived under {ids:?}");
    }
    let mut connection = server.connect().await.unwrap();
    let trail = trail(&mut connection, &service).await;
    for (kind, sid) in &wanted {
        let subject = (*kind, sid[2..].to_owned());
        assert!(trail.contains(&subject), "{subject:?} is not in the trail");
    }
    server.stop();
}
