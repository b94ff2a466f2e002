//! `/docs`: a page for every error code and for every reason. The pages and the error responses are generated from the same
//! tables. The `more_info` of an error is the URL of its page. [`markdown_files`] writes the same tables for the repository.

mod markdown;
mod pages;

use axum::Router;
use axum::routing::get;

pub use markdown::markdown_files;

pub(crate) use pages::home;

/// The pages and their style sheet.
pub fn router() -> Router {
    Router::new()
        .route("/docs/errors", get(pages::codes))
        .route("/docs/errors/{code}", get(pages::code))
        .route("/docs/reasons", get(pages::reasons))
        .route("/docs/reasons/{reason}", get(pages::reason))
        .route("/docs/style.css", get(pages::style))
        // The links of the pages are relative, so each page has one URL, and other spellings lead to it.
        .route("/docs", get(pages::lead_to("docs/errors")))
        .route("/docs/", get(pages::lead_to("errors")))
        .route("/docs/errors/", get(pages::lead_to("../errors")))
        .route("/docs/reasons/", get(pages::lead_to("../reasons")))
        .route("/docs/errors/{code}/", get(pages::lead_to_page))
        .route("/docs/reasons/{reason}/", get(pages::lead_to_page))
}
