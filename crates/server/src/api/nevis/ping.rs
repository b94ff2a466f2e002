//! `GET /ping` (contract section 3.1).

use axum::extract::{Request, State};
use axum::response::Response;

use super::auth::access_key;
use super::inbound::{Answer, serve};
use crate::app::App;

/// The call.
pub async fn read(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        if !app.nevis.settings.open_ping {
            access_key(&app, &inbound.headers).await?;
        }
        Ok(Answer::Text("text/plain; charset=utf-8", "PONG".to_owned()))
    })
    .await
}
