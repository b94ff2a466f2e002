//! The keys that make the tokens of a Service.

use axum::response::Response;
use domain::model::token::TokenKind;
use domain::service::rotation::{ListedTokenKey, TokenKeyChange};

use super::failure::Failure;
use super::services;
use super::visit::Visit;
use super::words;

/// A key, as the page of keys shows it.
pub(super) struct TokenKeyRow {
    pub(super) kind: &'static str,
    pub(super) what: &'static str,
    pub(super) number: u32,
    pub(super) created: String,
    pub(super) use_: String,
    pub(super) sealed: bool,
    /// Whether the forms of the kind are in this row: it is the newest key of its kind.
    pub(super) newest: bool,
    /// Whether older keys of the kind are still accepted.
    pub(super) has_older: bool,
}

/// What the tokens of a kind are.
fn what(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Access => "Access keys",
        TokenKind::Intent => "Intent tokens",
        TokenKind::Status => "Status tokens",
        TokenKind::Transaction => "Transaction tokens",
        TokenKind::Signing => "Signed transaction tokens",
        TokenKind::Sealing => "Challenges of sealed sign-ins",
    }
}

/// The rows of the keys.
pub(super) fn rows(keys: &[ListedTokenKey]) -> Vec<TokenKeyRow> {
    let newest = |key: &ListedTokenKey| {
        let same = keys.iter().filter(|other| other.kind == key.kind);
        same.map(|other| other.number).max() == Some(key.number)
    };
    let row = |key: &ListedTokenKey| TokenKeyRow {
        kind: key.kind.name(),
        what: what(key.kind),
        number: key.number,
        created: key
            .created
            .map_or_else(|| "not noted".to_owned(), words::moment),
        use_: match (key.signs, key.ends) {
            (true, None) => "makes tokens".to_owned(),
            (true, Some(_)) | (false, None) if newest(key) => {
                format!("makes tokens from {}", words::moment(key.signs_from))
            }
            (_, Some(ends)) => format!("its tokens are accepted until {}", words::moment(ends)),
            (false, None) => "its tokens are accepted".to_owned(),
        },
        sealed: key.sealed,
        newest: newest(key),
        has_older: keys.iter().filter(|other| other.kind == key.kind).count() > 1,
    };
    keys.iter().map(row).collect()
}

async fn change(visit: Visit, change: TokenKeyChange, done: &str) -> Result<Response, Failure> {
    let rp = services::of_path(&visit).await?;
    let kind = TokenKind::from_name(visit.segment("kind"));
    let kind = kind.ok_or(Failure::Absent("There is no such kind of token."))?;
    let by = visit.actor();
    let changed = visit.passkeys().change_token_keys(rp.id, kind, change, &by);
    if changed.await?.is_empty() {
        return Err(Failure::Absent("There is no key of this kind yet."));
    }
    let to = format!("/services/{}/keys", words::service(rp.id));
    Ok(visit.back(&to, done))
}

/// `POST /console/services/{service}/token-keys/{kind}/rotate`.
pub(super) async fn rotate(visit: Visit) -> Result<Response, Failure> {
    change(visit, TokenKeyChange::Rotate, "rotated").await
}

/// `POST /console/services/{service}/token-keys/{kind}/retire`.
pub(super) async fn retire(visit: Visit) -> Result<Response, Failure> {
    change(visit, TokenKeyChange::Retire, "retired").await
}
