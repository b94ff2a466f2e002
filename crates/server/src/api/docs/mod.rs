//! `/docs`: the documentation. Its book is rendered from `docs/`. Every error code and every reason has a page of its own, which
//! comes from the same tables as the responses: the `more_info` of an error is the URL of its page. [`markdown_files`] writes the
//! same tables for the repository.

mod book;
mod frame;
mod markdown;
mod pages;
mod reference;
mod render;
mod search;
mod sources;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

pub(crate) use frame::prose;
pub(crate) use pages::home;

/// Name (below `docs/`) and content of each generated file.
pub fn markdown_files() -> Vec<(&'static str, String)> {
    let mut files = markdown::files();
    files.extend(reference::files());
    files
}

/// Files of all pages: path, type, content.
const FILES: &[(&str, &str, &str)] = &[
    (
        "/docs/style.css",
        "text/css; charset=utf-8",
        include_str!("../../../templates/docs/style.css"),
    ),
    (
        "/docs/script.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../assets/docs/script.js"),
    ),
    ("/docs/icon.svg", "image/svg+xml", crate::assets::PICTURE),
];

/// The pages and their files.
pub fn router() -> Router {
    let mut router = Router::new();
    for &(path, content_type, text) in FILES {
        let file = move || async move { frame::respond(StatusCode::OK, content_type, text) };
        router = router.route(path, get(file));
    }
    router
        .route("/docs/", get(book::start))
        .route("/docs/{*path}", get(book::read))
        .route("/docs/search", get(search::search))
        .route("/docs/llms.txt", get(book::list_for_programs))
        .route("/llms.txt", get(book::list_for_programs_at_root))
        .route("/docs/errors", get(pages::codes))
        .route("/docs/errors/{code}", get(pages::code))
        .route("/docs/reasons", get(pages::reasons))
        .route("/docs/reasons/{reason}", get(pages::reason))
        // The links of the pages are relative, so each page has one URL, and other spellings lead to it.
        .route("/docs", get(pages::lead_to("docs/")))
        .route("/docs/errors/", get(pages::lead_to("../errors")))
        .route("/docs/reasons/", get(pages::lead_to("../reasons")))
        .route("/docs/errors/{code}/", get(pages::lead_to_page))
        .route("/docs/reasons/{reason}/", get(pages::lead_to_page))
}
