//! The native management API, `/manage/v1/`. Its OpenAPI description is made from this code.

pub mod access_keys;
mod api_keys;
mod body;
mod credentials;
mod error;
mod metadata;
mod nevis;
mod policy;
pub mod reasons;
pub mod services;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, delete, get, post};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::app::App;
use error::Problem;

pub(crate) use metadata::{PATH as METADATA, reads_its_body};

/// All routes of this API.
pub fn router() -> Router<App> {
    Router::new()
        .route(
            "/manage/v1/api-keys",
            post(api_keys::create).get(api_keys::list),
        )
        .route("/manage/v1/api-keys/{id}", delete(api_keys::remove))
        .route(
            METADATA,
            get(metadata::show)
                .put(metadata::replace)
                .delete(metadata::remove),
        )
        .route("/manage/v1/metadata/models/{aaguid}", get(metadata::model))
        .route(
            "/manage/v1/services/{service}/access-keys",
            post(access_keys::create).get(access_keys::list),
        )
        .route(
            "/manage/v1/services/{service}/access-keys/{id}",
            delete(access_keys::remove),
        )
        .route(
            "/manage/v1/services/{service}/credentials/{id}",
            get(credentials::show),
        )
        .route(
            "/manage/v1/services/{service}/nevis",
            get(nevis::fetch).patch(nevis::change),
        )
        .route(
            "/manage/v1/services/{service}/policy",
            get(policy::show).put(policy::replace).patch(policy::patch),
        )
        .route("/manage/v1/openapi.json", get(openapi))
        .route("/manage", any(unknown))
        .route("/manage/{*path}", any(unknown))
}

/// The OpenAPI description as JSON, with a line break at the end.
pub fn openapi_json() -> String {
    // It holds texts and numbers only: writing it cannot fail.
    let mut text = Description::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], openapi_json()).into_response()
}

async fn unknown(_: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found")
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
        credentials::show,
        nevis::fetch,
        nevis::change,
        policy::show,
        policy::replace,
        policy::patch,
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
