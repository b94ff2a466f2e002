//! The native management API, `/manage/v1/`. Its OpenAPI description is made from this code.

pub mod access_keys;
mod api_keys;
mod cases;
mod credentials;
mod enrolment;
mod error;
mod events;
mod metadata;
pub mod nevis;
mod people;
pub mod policy;
mod prompt;
pub mod reasons;
mod relying_party;
mod request;
mod signals;
mod state;
mod webhooks;
mod words;

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{any, get};
use domain::model::grant::Scope::{Enrol, Manage, Read};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::http::routes::{self, Route, by_path, route};
use crate::http::{Needs, reply};
use error::Problem;
use metadata::IMPORT;
pub use metadata::PATH as METADATA;
pub use request::service_id;
pub use state::State;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// What the paths of this API begin with.
pub const PREFIXES: &[&str] = &["/manage"];

/// The routes of this API but those of the metadata, and that of its own description.
fn routes() -> Vec<Route<State>> {
    let service = |rest: &str| format!("/manage/v1/services/{{service}}/{rest}");
    let user = |rest: &str| service(&format!("users/{{user}}/{rest}"));
    let webhook = |rest: &str| service(&format!("webhooks/{{webhook}}/{rest}"));
    vec![
        route(POST, "/manage/v1/api-keys", Manage, api_keys::create),
        route(GET, "/manage/v1/api-keys", Read, api_keys::list),
        route(DELETE, "/manage/v1/api-keys/{id}", Manage, api_keys::remove),
        route(GET, "/manage/v1/ceremonies/{id}/case", Read, cases::show),
        route(GET, "/manage/v1/events", Read, events::list),
        route(
            GET,
            "/manage/v1/metadata/models/{aaguid}",
            Read,
            metadata::model,
        ),
        route(POST, service("access-keys"), Manage, access_keys::create),
        route(GET, service("access-keys"), Read, access_keys::list),
        route(
            DELETE,
            service("access-keys/{id}"),
            Manage,
            access_keys::remove,
        ),
        route(GET, service("credentials/{id}"), Read, credentials::show),
        route(GET, service("nevis"), Read, nevis::fetch),
        route(PATCH, service("nevis"), Manage, nevis::change),
        route(GET, service("policy"), Read, policy::show),
        route(PUT, service("policy"), Manage, policy::replace),
        route(PATCH, service("policy"), Manage, policy::patch),
        route(GET, service("relying-party"), Read, relying_party::show),
        route(GET, user("data"), Read, people::export),
        route(DELETE, user("data"), Manage, people::erase),
        route(GET, user("signals"), Read, signals::show),
        route(POST, user("enrolment-links"), Enrol, enrolment::create),
        route(GET, user("enrolment-links"), Read, enrolment::list),
        route(
            DELETE,
            user("enrolment-links/{id}"),
            Enrol,
            enrolment::revoke,
        ),
        route(GET, webhook("sending"), Read, webhooks::show),
        route(PATCH, webhook("sending"), Manage, webhooks::change),
        route(GET, webhook("secrets"), Manage, webhooks::show_secrets),
        route(POST, webhook("secrets/rotate"), Manage, webhooks::rotate),
        route(GET, webhook("deliveries"), Read, webhooks::list),
        route(
            POST,
            webhook("deliveries/{id}/redeliver"),
            Manage,
            webhooks::redeliver,
        ),
        route(
            POST,
            webhook("redeliver"),
            Manage,
            webhooks::redeliver_range,
        ),
        route(POST, webhook("test"), Manage, webhooks::test),
    ]
}

/// The routes of the metadata, whose bodies are longer.
fn metadata_routes() -> Vec<Route<State>> {
    vec![
        route(GET, METADATA, Read, metadata::show),
        route(PUT, METADATA, Manage, metadata::replace),
        route(DELETE, METADATA, Manage, metadata::remove),
    ]
}

/// What a key needs for each route.
pub fn needs() -> impl Iterator<Item = (Method, String, Needs)> {
    routes::needs(routes()).chain(routes::needs(metadata_routes()))
}

/// All routes of this API.
pub fn router(state: State) -> Router {
    let imports = State {
        bodies: IMPORT,
        ..state.clone()
    };
    let all = |routes| {
        let paths = by_path(routes).into_iter();
        paths.fold(Router::new(), |all, (path, methods)| {
            all.route(&path, methods)
        })
    };
    all(routes())
        .merge(all(metadata_routes()).with_state(imports))
        .route("/manage/v1/openapi.json", get(openapi))
        .route("/manage", any(unknown))
        .route("/manage/{*path}", any(unknown))
        .with_state(state)
}

/// The OpenAPI description as JSON, with a line break at the end.
pub fn openapi_json() -> String {
    // It holds texts and numbers only: writing it cannot fail.
    let mut text = Description::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

async fn openapi() -> Response {
    reply::json(StatusCode::OK, openapi_json().into_bytes())
}

async fn unknown() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not_found").into_response()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "passkeyd management API",
        description = "For operators and their tools. Every call but that of this description is made with HTTP Basic: \
                       the Account SID and its Auth Token, or an API key's SID and its secret.",
    ),
    paths(
        api_keys::create,
        api_keys::list,
        api_keys::remove,
        metadata::show,
        metadata::replace,
        metadata::remove,
        metadata::model,
        access_keys::create,
        access_keys::list,
        access_keys::remove,
        webhooks::show,
        webhooks::change,
        webhooks::show_secrets,
        webhooks::rotate,
        webhooks::list,
        webhooks::redeliver,
        webhooks::redeliver_range,
        webhooks::test,
        credentials::show,
        events::list,
        cases::show,
        people::export,
        people::erase,
        signals::show,
        enrolment::create,
        enrolment::list,
        enrolment::revoke,
        nevis::fetch,
        nevis::change,
        policy::show,
        policy::replace,
        policy::patch,
        relying_party::show,
    ),
    modifiers(&Basic),
    security(("basic" = []))
)]
struct Description;

struct Basic;

impl Modify for Basic {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme(
                "basic",
                SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Basic).build()),
            );
    }
}
