//! `/fido2-test.html`: registers and signs in with the browser client, over the Authentication Cloud API, and shows the raw
//! result objects. It is a page for tests, also of the demo. An app may open it in a browser with its own token, and
//! gets the result back (`token`, `operation` and `redirectTo` in the query).
//!
//! Anyone who can open the page can register any name, because its small back end authenticates nobody. So it is off outside
//! the demo unless configured.

mod backend;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use domain::model::audit::{Actor, ActorKind};
use domain::model::grant::Grant;
use domain::model::ids::RelyingPartyId;
use domain::model::page::PageRequest;

use crate::api::nevis::access_keys;
use crate::app::App;
use crate::assets::{ICON, PAGE, PICTURE, SCRIPT, STYLE, STYLE_SHEET, VIEW, file};

use crate::config::Limits;
use crate::error::ProcessError;
use backend::Backend;

/// Name of the access key with which the page's back end works.
const KEY_NAME: &str = "FIDO2 test page";
/// Most keys of a Relying Party that are searched for keys of earlier starts.
const MOST_KEYS: u32 = 1000;

const INDEX: &str = include_str!("../../assets/fido2-test/index.html");
const APP: &str = include_str!("../../assets/fido2-test/app.js");
/// Where the demo's tabs are.
const TABS_MARK: &str = "<!-- tabs -->";

/// The page for users of this Relying Party; with the tabs of the demo, if it is the demo.
///
/// # Errors
/// Faults of the store.
pub(crate) async fn open(
    app: &App,
    limits: &Limits,
    rp: RelyingPartyId,
    tabs: &str,
) -> Result<Router, ProcessError> {
    let passkeys = &app.passkeys;
    let by = Actor::new(ActorKind::Admin, "");
    let page = PageRequest::first(MOST_KEYS);
    let keys = passkeys.list_access_keys(rp, page).await?.items;
    for old in keys.iter().filter(|key| key.name == KEY_NAME) {
        passkeys.delete_access_key(rp, old.id, &by).await?;
    }
    let key = passkeys.create_access_key(rp, KEY_NAME, Grant::EVERYTHING, &by);
    let key = key.await?;
    let key = access_keys::text(passkeys, app.public_url.as_str(), &key).await?;
    let api = crate::app::router(app.clone(), limits);
    let passkeys = Arc::clone(passkeys);
    let backend = Backend::new(api, &key, passkeys, rp).map_err(ProcessError::Command)?;
    Ok(router(backend, tabs))
}

/// The page, its files and the back end behind it; with these tabs.
fn router(backend: Backend, tabs: &str) -> Router {
    let index = INDEX.replace(TABS_MARK, tabs);
    let mut router = Router::new();
    for path in ["/fido2-test.html", "/test.html"] {
        let index = index.clone();
        router = router.route(path, get(move || async move { file(PAGE, index) }));
    }
    for (path, content_type, text) in [
        ("/fido2-test/app.js", SCRIPT, APP),
        ("/fido2-test/style.css", STYLE, STYLE_SHEET),
        ("/fido2-test/icon.svg", ICON, PICTURE),
    ] {
        router = router.route(path, get(move || async move { file(content_type, text) }));
    }
    for &(name, text) in VIEW {
        let path = format!("/fido2-test/{name}");
        router = router.route(&path, get(move || async move { file(SCRIPT, text) }));
    }
    router.nest("/fido2-test/api", backend::router(backend))
}
