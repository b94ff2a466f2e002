//! A minimal passkey server: webauthn-rs on axum, with SQLite.
//!
//! `bench-webauthn-rs PORT DATABASE`

use std::error::Error;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webauthn_rs::prelude::*;

type Failure = Box<dyn Error + Send + Sync>;
type Answer = Result<Json<Value>, (StatusCode, String)>;

struct App {
    webauthn: Webauthn,
    database: Mutex<Connection>,
}

/// What the server keeps between the two calls of a ceremony.
#[derive(Serialize, Deserialize)]
enum Pending {
    Registration(Uuid, PasskeyRegistration),
    Authentication(PasskeyAuthentication),
    Discoverable(DiscoverableAuthentication),
}

#[derive(Deserialize)]
struct RegisterStart {
    username: String,
}

#[derive(Deserialize)]
struct LoginStart {
    username: Option<String>,
}

#[derive(Deserialize)]
struct Finish<T> {
    ceremony: String,
    credential: T,
}

impl App {
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        let database = self.database.lock().map_err(|_| "a request has failed")?;
        work(&database)
    }

    fn transaction<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut database = self.database.lock().map_err(|_| "a request has failed")?;
        let transaction = database.transaction()?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Keeps a ceremony until its response comes. With `user` the user is new.
    fn keep(
        &self,
        pending: &Pending,
        options: Value,
        user: Option<(Uuid, &str)>,
    ) -> Result<Value, Failure> {
        let id = Uuid::new_v4().to_string();
        let state = serde_json::to_string(pending)?;
        self.transaction(|store| {
            if let Some((user, name)) = user {
                store
                    .prepare_cached("INSERT INTO users (id, name) VALUES (?1, ?2)")?
                    .execute(params![user.to_string(), name])?;
            }
            store
                .prepare_cached("INSERT INTO ceremonies (id, state) VALUES (?1, ?2)")?
                .execute(params![id, state])?;
            Ok(())
        })?;
        Ok(json!({ "ceremony": id, "options": options }))
    }

    fn pending(&self, id: &str) -> Result<Pending, Failure> {
        let state: Option<String> = self.read(|store| {
            Ok(store
                .prepare_cached("SELECT state FROM ceremonies WHERE id = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()?)
        })?;
        Ok(serde_json::from_str(&state.ok_or("no such ceremony")?)?)
    }

    fn passkeys_of(&self, user: &str) -> Result<Vec<Passkey>, Failure> {
        self.read(|store| {
            let mut statement =
                store.prepare_cached("SELECT passkey FROM credentials WHERE user_id = ?1")?;
            let rows = statement.query_map([user], |row| row.get::<_, String>(0))?;
            rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect()
        })
    }

    fn user(&self, name: &str) -> Result<Option<Uuid>, Failure> {
        let id: Option<String> = self.read(|store| {
            Ok(store
                .prepare_cached("SELECT id FROM users WHERE name = ?1")?
                .query_row([name], |row| row.get(0))
                .optional()?)
        })?;
        Ok(id.map(|id| Uuid::parse_str(&id)).transpose()?)
    }

    fn register_start(&self, request: RegisterStart) -> Result<Value, Failure> {
        let name = &request.username;
        let known = self.user(name)?;
        let user = known.unwrap_or_else(Uuid::new_v4);
        let passkeys = if known.is_some() {
            self.passkeys_of(&user.to_string())?
        } else {
            Vec::new()
        };
        let exclude = passkeys
            .iter()
            .map(|passkey| passkey.cred_id().clone())
            .collect();
        let (options, state) =
            self.webauthn
                .start_passkey_registration(user, name, name, Some(exclude))?;
        self.keep(
            &Pending::Registration(user, state),
            serde_json::to_value(options)?,
            known.is_none().then_some((user, name)),
        )
    }

    fn register_finish(
        &self,
        request: Finish<RegisterPublicKeyCredential>,
    ) -> Result<Value, Failure> {
        let Pending::Registration(user, state) = self.pending(&request.ceremony)? else {
            return Err("not a registration".into());
        };
        let passkey = self
            .webauthn
            .finish_passkey_registration(&request.credential, &state)?;
        self.transaction(|store| {
            end(store, &request.ceremony)?;
            store
                .prepare_cached(
                    "INSERT INTO credentials (id, user_id, passkey) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![
                    passkey.cred_id().as_ref() as &[u8],
                    user.to_string(),
                    serde_json::to_string(&passkey)?
                ])?;
            Ok(())
        })?;
        Ok(json!({ "verified": true }))
    }

    fn login_start(&self, request: LoginStart) -> Result<Value, Failure> {
        let Some(name) = request.username else {
            let (options, state) = self.webauthn.start_discoverable_authentication()?;
            return self.keep(
                &Pending::Discoverable(state),
                serde_json::to_value(options)?,
                None,
            );
        };
        let user = self.user(&name)?.ok_or("no such user")?;
        let passkeys = self.passkeys_of(&user.to_string())?;
        let (options, state) = self.webauthn.start_passkey_authentication(&passkeys)?;
        self.keep(
            &Pending::Authentication(state),
            serde_json::to_value(options)?,
            None,
        )
    }

    fn login_finish(&self, request: Finish<PublicKeyCredential>) -> Result<Value, Failure> {
        let credential = &request.credential;
        let result = match self.pending(&request.ceremony)? {
            Pending::Authentication(state) => self
                .webauthn
                .finish_passkey_authentication(credential, &state)?,
            Pending::Discoverable(state) => {
                let (_, id) = self
                    .webauthn
                    .identify_discoverable_authentication(credential)?;
                let text: String = self.read(|store| {
                    Ok(store
                        .prepare_cached("SELECT passkey FROM credentials WHERE id = ?1")?
                        .query_row([id], |row| row.get(0))?)
                })?;
                let passkey: Passkey = serde_json::from_str(&text)?;
                self.webauthn
                    .finish_discoverable_authentication_v2(credential, state, &passkey)?
            }
            Pending::Registration(..) => return Err("not a sign-in".into()),
        };
        let id: &[u8] = result.cred_id().as_ref();
        let name: String = self.transaction(|store| {
            end(store, &request.ceremony)?;
            if result.needs_update() {
                let text: String = store
                    .prepare_cached("SELECT passkey FROM credentials WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))?;
                let mut passkey: Passkey = serde_json::from_str(&text)?;
                passkey.update_credential(&result);
                store
                    .prepare_cached("UPDATE credentials SET passkey = ?2 WHERE id = ?1")?
                    .execute(params![id, serde_json::to_string(&passkey)?])?;
            }
            Ok(store
                .prepare_cached(
                    "SELECT name FROM users JOIN credentials ON users.id = user_id WHERE credentials.id = ?1",
                )?
                .query_row([id], |row| row.get(0))?)
        })?;
        Ok(json!({ "verified": true, "username": name }))
    }
}

/// A ceremony accepts one response.
fn end(store: &Transaction<'_>, ceremony: &str) -> Result<(), Failure> {
    let deleted = store
        .prepare_cached("DELETE FROM ceremonies WHERE id = ?1")?
        .execute([ceremony])?;
    if deleted == 1 {
        Ok(())
    } else {
        Err("no such ceremony".into())
    }
}

/// The store blocks, so a request runs on a thread that may block.
async fn answer(
    app: Arc<App>,
    work: impl FnOnce(&App) -> Result<Value, Failure> + Send + 'static,
) -> Answer {
    match tokio::task::spawn_blocking(move || work(&app)).await {
        Ok(Ok(value)) => Ok(Json(value)),
        Ok(Err(error)) => Err((StatusCode::BAD_REQUEST, error.to_string())),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("which port?")?.parse()?;
    let database = Connection::open(arguments.next().ok_or("which database?")?)?;
    database.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;
         CREATE TABLE credentials (id BLOB PRIMARY KEY, user_id TEXT NOT NULL, passkey TEXT NOT NULL);
         CREATE INDEX credentials_by_user ON credentials (user_id);
         CREATE TABLE ceremonies (id TEXT PRIMARY KEY, state TEXT NOT NULL);",
    )?;
    let origin = Url::parse("http://localhost:3000")?;
    let webauthn = WebauthnBuilder::new("localhost", &origin)?
        .rp_name("Bench")
        .build()?;
    let app = Arc::new(App {
        webauthn,
        database: Mutex::new(database),
    });

    let router = Router::new()
        .route(
            "/register/start",
            post(|State(app), Json(request)| answer(app, |app| app.register_start(request))),
        )
        .route(
            "/register/finish",
            post(|State(app), Json(request)| answer(app, |app| app.register_finish(request))),
        )
        .route(
            "/login/start",
            post(|State(app), Json(request)| answer(app, |app| app.login_start(request))),
        )
        .route(
            "/login/finish",
            post(|State(app), Json(request)| answer(app, |app| app.login_finish(request))),
        )
        .with_state(app);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, router).await?;
    Ok(())
}
