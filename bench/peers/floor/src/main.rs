//! The floor: the least that a server can do for a sign-in that is durable. HTTP by hyper, one signature check, one row in SQLite, which
//! shares its commit with the rows that wait at the same time. It has no policy, no audit, no limits and no caller to
//! authenticate, it checks of WebAuthn only challenge, origin, RP ID and signature, and it keeps users in memory: it is no product.
//!
//! `bench-floor PORT DATABASE`

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rusqlite::{Connection, params};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

type Failure = Box<dyn Error + Send + Sync>;

const RP_ID: &str = "localhost";
const ORIGIN: &str = "http://localhost:3000";
/// Most rows of one commit.
const GROUP: usize = 128;
/// Pages in the log with which they are moved to the database file.
const LOG_PAGES: usize = 8192;

/// A row to write, and whom to tell that it is on disk.
struct Write {
    row: Row,
    done: oneshot::Sender<()>,
}

enum Row {
    Registered {
        id: Vec<u8>,
        key: Vec<u8>,
    },
    SignedIn {
        challenge: [u8; 32],
        credential: Vec<u8>,
    },
}

struct App {
    random: SystemRandom,
    rp_id_hash: [u8; 32],
    /// Public keys by credential id.
    credentials: RefCell<HashMap<Vec<u8>, Vec<u8>>>,
    /// Credential ids by user name.
    users: RefCell<HashMap<String, Vec<u8>>>,
    /// User names by challenge.
    pending: RefCell<HashMap<[u8; 32], String>>,
    writer: mpsc::UnboundedSender<Write>,
}

#[derive(Deserialize)]
struct Start<'a> {
    username: Option<&'a str>,
}

#[derive(Deserialize)]
struct Finish<'a> {
    #[serde(borrow)]
    credential: Credential<'a>,
}

#[derive(Deserialize)]
struct Credential<'a> {
    id: &'a str,
    #[serde(borrow)]
    response: Answer<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(rename = "clientDataJSON")]
    client_data: &'a str,
    attestation_object: Option<&'a str>,
    authenticator_data: Option<&'a str>,
    signature: Option<&'a str>,
}

#[derive(Deserialize)]
struct ClientData<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    challenge: &'a str,
    origin: &'a str,
}

impl App {
    fn start(&self, body: &[u8]) -> Result<String, Failure> {
        let name = serde_json::from_slice::<Start<'_>>(body)?
            .username
            .unwrap_or("");
        let mut challenge = [0; 32];
        self.random
            .fill(&mut challenge)
            .map_err(|_| "no randomness")?;
        let users = self.users.borrow();
        let allowed = users
            .get(name)
            .map(|id| BASE64.encode(id))
            .unwrap_or_default();
        self.pending.borrow_mut().insert(challenge, name.to_owned());
        let challenge = BASE64.encode(challenge);
        let handle = BASE64.encode(name);
        Ok(format!(
            r#"{{"ceremony":"{challenge}","options":{{"challenge":"{challenge}","rpId":"{RP_ID}","user":{{"id":"{handle}"}},"allowCredentials":[{{"type":"public-key","id":"{allowed}"}}]}}}}"#
        ))
    }

    /// Takes the ceremony of some client data; its challenge and the name of its user.
    fn take(&self, client_data: &[u8], kind: &str) -> Result<([u8; 32], String), Failure> {
        let data: ClientData<'_> = serde_json::from_slice(client_data)?;
        if data.kind != kind || data.origin != ORIGIN {
            return Err("wrong type or origin".into());
        }
        let challenge: [u8; 32] = BASE64.decode(data.challenge)?.as_slice().try_into()?;
        let user = self.pending.borrow_mut().remove(&challenge);
        Ok((challenge, user.ok_or("no such ceremony")?))
    }

    async fn register(&self, body: &[u8]) -> Result<String, Failure> {
        let finish: Finish<'_> = serde_json::from_slice(body)?;
        let answer = &finish.credential.response;
        let client_data = BASE64.decode(answer.client_data)?;
        let (_, user) = self.take(&client_data, "webauthn.create")?;
        let object = BASE64.decode(answer.attestation_object.ok_or("no attestation")?)?;
        // Of the form that the load driver sends: the COSE key of a P-256 point ends the object.
        let tail = object.len().checked_sub(67).ok_or("too short")?;
        let mut key = vec![4];
        key.extend(&object[tail..tail + 32]);
        key.extend(&object[tail + 35..]);
        let id = BASE64.decode(finish.credential.id)?;
        let row = Row::Registered {
            id: id.clone(),
            key: key.clone(),
        };
        self.write(row).await?;
        self.credentials.borrow_mut().insert(id.clone(), key);
        self.users.borrow_mut().insert(user, id);
        Ok(r#"{"verified":true}"#.to_owned())
    }

    async fn sign_in(&self, body: &[u8]) -> Result<String, Failure> {
        let finish: Finish<'_> = serde_json::from_slice(body)?;
        let answer = &finish.credential.response;
        let client_data = BASE64.decode(answer.client_data)?;
        let (challenge, user) = self.take(&client_data, "webauthn.get")?;
        let id = BASE64.decode(finish.credential.id)?;
        let mut message = BASE64.decode(answer.authenticator_data.ok_or("no data")?)?;
        if message.len() < 37 || message[..32] != self.rp_id_hash || message[32] & 1 == 0 {
            return Err("wrong authenticator data".into());
        }
        message.extend(digest(&SHA256, &client_data).as_ref());
        let signature = BASE64.decode(answer.signature.ok_or("no signature")?)?;
        {
            let credentials = self.credentials.borrow();
            let key = credentials.get(&id).ok_or("no such credential")?;
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key)
                .verify(&message, &signature)
                .map_err(|_| "the signature does not verify")?;
        }
        self.write(Row::SignedIn {
            challenge,
            credential: id,
        })
        .await?;
        Ok(format!(r#"{{"verified":true,"username":"{user}"}}"#))
    }

    async fn write(&self, row: Row) -> Result<(), Failure> {
        let (done, written) = oneshot::channel();
        self.writer
            .send(Write { row, done })
            .map_err(|_| "the writer has ended")?;
        Ok(written.await?)
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await?.to_bytes();
        let answer = match path.as_str() {
            "/register/start" | "/login/start" => self.start(&body),
            "/register/finish" => self.register(&body).await,
            "/login/finish" => self.sign_in(&body).await,
            _ => Err("there is no such call".into()),
        };
        let (status, text) = match answer {
            Ok(text) => (200, text),
            Err(error) => (400, error.to_string()),
        };
        Ok(Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(text)))?)
    }
}

fn write_group(database: &Connection, group: &[Write]) -> Result<(), Failure> {
    database.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for write in group {
        match &write.row {
            Row::Registered { id, key } => database
                .prepare_cached("INSERT INTO credentials (id, key) VALUES (?1, ?2)")?
                .execute(params![id, key])?,
            Row::SignedIn {
                challenge,
                credential,
            } => database
                .prepare_cached("INSERT INTO sign_ins (challenge, credential) VALUES (?1, ?2)")?
                .execute(params![challenge, credential])?,
        };
    }
    database.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

/// Writes what waits, in groups. A failure ends the program: nothing that was not written is acknowledged.
fn serve_writes(
    database: &Connection,
    mut queue: mpsc::UnboundedReceiver<Write>,
) -> Result<(), Failure> {
    let mut group: Vec<Write> = Vec::new();
    let mut shared = false;
    while let Some(first) = queue.blocking_recv() {
        group.push(first);
        if shared {
            std::thread::sleep(Duration::from_micros(300));
        }
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        shared = group.len() > 1;
        write_group(database, &group)?;
        for write in group.drain(..) {
            let _ = write.done.send(());
        }
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("which port?")?.parse()?;
    let database = Connection::open(arguments.next().ok_or("which database?")?)?;
    database.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = {LOG_PAGES};
         CREATE TABLE credentials (id BLOB PRIMARY KEY, key BLOB NOT NULL);
         CREATE TABLE sign_ins (number INTEGER PRIMARY KEY, challenge BLOB NOT NULL, credential BLOB NOT NULL);"
    ))?;
    let (writer, queue) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        if let Err(error) = serve_writes(&database, queue) {
            eprintln!("cannot write: {error}");
            std::process::exit(1);
        }
    });
    let mut rp_id_hash = [0; 32];
    rp_id_hash.copy_from_slice(digest(&SHA256, RP_ID.as_bytes()).as_ref());
    let app = Rc::new(App {
        random: SystemRandom::new(),
        rp_id_hash,
        credentials: RefCell::default(),
        users: RefCell::default(),
        pending: RefCell::default(),
        writer,
    });

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let app = Rc::clone(&app);
            tokio::task::spawn_local(async move {
                let service = service_fn(|request| app.answer(request));
                // A client that goes away is no failure of the server.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}
