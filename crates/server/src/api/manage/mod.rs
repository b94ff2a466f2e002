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
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{any, delete, get, post};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::http::{handle, reply};
use error::Problem;
use metadata::IMPORT;
pub use metadata::PATH as METADATA;
pub use request::service_id;
pub use state::State;

/// What the paths of this API begin with.
pub const PREFIXES: &[&str] = &["/manage"];

/// All routes of this API.
pub fn router(state: State) -> Router {
    let imports = State {
        bodies: IMPORT,
        ..state.clone()
    };
    let metadata = get(handle(metadata::show))
        .put(handle(metadata::replace))
        .delete(handle(metadata::remove));
    Router::new()
        .route(
            "/manage/v1/api-keys",
            post(handle(api_keys::create)).get(handle(api_keys::list)),
        )
        .route("/manage/v1/api-keys/{id}", delete(handle(api_keys::remove)))
        .route("/manage/v1/ceremonies/{id}/case", get(handle(cases::show)))
        .route("/manage/v1/events", get(handle(events::list)))
        .route(METADATA, metadata.with_state(imports))
        .route(
            "/manage/v1/metadata/models/{aaguid}",
            get(handle(metadata::model)),
        )
        .route(
            "/manage/v1/services/{service}/access-keys",
            post(handle(access_keys::create)).get(handle(access_keys::list)),
        )
        .route(
            "/manage/v1/services/{service}/access-keys/{id}",
            delete(handle(access_keys::remove)),
        )
        .route(
            "/manage/v1/services/{service}/credentials/{id}",
            get(handle(credentials::show)),
        )
        .route(
            "/manage/v1/services/{service}/nevis",
            get(handle(nevis::fetch)).patch(handle(nevis::change)),
        )
        .route(
            "/manage/v1/services/{service}/policy",
            get(handle(policy::show))
                .put(handle(policy::replace))
                .patch(handle(policy::patch)),
        )
        .route(
            "/manage/v1/services/{service}/users/{user}/data",
            get(handle(people::export)).delete(handle(people::erase)),
        )
        .route(
            "/manage/v1/services/{service}/users/{user}/signals",
            get(handle(signals::show)),
        )
        .route(
            "/manage/v1/services/{service}/users/{user}/enrolment-links",
            post(handle(enrolment::create)).get(handle(enrolment::list)),
        )
        .route(
            "/manage/v1/services/{service}/users/{user}/enrolment-links/{id}",
            delete(handle(enrolment::revoke)),
        )
        .route(
            "/manage/v1/services/{service}/relying-party",
            get(handle(relying_party::show)),
        )
        .merge(webhooks())
        .route("/manage/v1/openapi.json", get(openapi))
        .route("/manage", any(unknown))
        .route("/manage/{*path}", any(unknown))
        .with_state(state)
}

/// The routes of a webhook.
fn webhooks() -> Router<State> {
    let of = |path: &str| format!("/manage/v1/services/{{service}}/webhooks/{{webhook}}/{path}");
    Router::new()
        .route(
            &of("sending"),
            get(handle(webhooks::show)).patch(handle(webhooks::change)),
        )
        .route(&of("secrets"), get(handle(webhooks::show_secrets)))
        .route(&of("secrets/rotate"), post(handle(webhooks::rotate)))
        .route(&of("deliveries"), get(handle(webhooks::list)))
        .route(
            &of("deliveries/{id}/redeliver"),
            post(handle(webhooks::redeliver)),
        )
        .route(&of("redeliver"), post(handle(webhooks::redeliver_range)))
        .route(&of("test"), post(handle(webhooks::test)))
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
