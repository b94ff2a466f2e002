//! Pages of lists (contract section 5): `PageSize`, `Page`, `PageToken`, and the URLs that lead from page to page.
//!
//! A token is sealed by the domain for one account, path and set of filters, so it opens no other list. Tokens that
//! begin with `PA` lead to the rows after a position, those with `PB` to the rows before it.

use domain::model::ids::AccountId;
use domain::model::page::{Order, Page, PageRequest, Position};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::codes::Code;
use super::error::ApiError;
use super::form::{Form, encode};
use super::sid::Sid;
use crate::app::App;

/// Rows on a page when the client does not say.
const DEFAULT_SIZE: u32 = 50;
/// Most rows on a page.
const MAX_SIZE: u32 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    After,
    Before,
}

impl Direction {
    const fn prefix(self) -> &'static str {
        match self {
            Self::After => "PA",
            Self::Before => "PB",
        }
    }
}

/// A page that was asked for.
#[derive(Debug)]
pub struct Listing {
    /// Name of the array in the answer.
    key: &'static str,
    /// Path of the list, percent-encoded.
    path: String,
    /// Filters as they stand in the query, each with a leading `&`.
    filters: String,
    /// What tokens are sealed for.
    scope: String,
    order: Order,
    size: u32,
    page: u64,
    token: Option<String>,
    from: Option<(Direction, Position)>,
}

/// `meta` of a list.
#[derive(Debug, Serialize)]
struct Meta {
    page: u64,
    page_size: u32,
    first_page_url: String,
    previous_page_url: Option<String>,
    url: String,
    next_page_url: Option<String>,
    key: &'static str,
}

/// The answer to a list call.
#[derive(Debug)]
pub struct List<T> {
    items: Vec<T>,
    meta: Meta,
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(self.meta.key, &self.items)?;
        map.serialize_entry("meta", &self.meta)?;
        map.end()
    }
}

impl Listing {
    /// Reads the paging parameters of a list at `path`. `filters` are kept in every URL, and a token is only good for the
    /// same ones.
    ///
    /// # Errors
    /// 20007, 60373, 60374, 60306.
    pub fn read(
        app: &App,
        account: AccountId,
        key: &'static str,
        path: String,
        query: &Form,
        filters: &[(&'static str, Option<&str>)],
        order: Order,
    ) -> Result<Self, ApiError> {
        let size = size(query.get("PageSize"))?;
        let page = match query.get("Page").filter(|text| !text.is_empty()) {
            None => 0,
            Some(text) => text
                .parse()
                .map_err(|_| ApiError::invalid_request("Page is not a number").member("Page"))?,
        };
        let filters: String = filters
            .iter()
            .filter_map(|(name, value)| value.map(|value| format!("&{name}={}", encode(value))))
            .collect();
        let scope = format!("{}\n{path}\n{filters}", Sid::of(&account));
        let mut listing = Self {
            key,
            path,
            filters,
            scope,
            order,
            size,
            page,
            token: query
                .get("PageToken")
                .filter(|token| !token.is_empty())
                .map(str::to_owned),
            from: None,
        };
        if let Some(token) = &listing.token {
            listing.from = Some(
                listing
                    .open(app, token)
                    .ok_or_else(|| ApiError::new(Code::PageTokenInvalid))?,
            );
        }
        Ok(listing)
    }

    /// What the domain is asked for.
    pub fn request(&self) -> PageRequest {
        let order = match (self.from, self.order) {
            (Some((Direction::Before, _)), Order::Ascending) => Order::Descending,
            (Some((Direction::Before, _)), Order::Descending) => Order::Ascending,
            (_, order) => order,
        };
        PageRequest {
            after: self.from.map(|(_, position)| position),
            limit: self.size,
            order,
        }
    }

    /// The answer: the rows as `show` renders them, and the way on and back.
    pub fn answer<T, U>(
        &self,
        app: &App,
        rows: Page<T>,
        position: impl Fn(&T) -> Position,
        show: impl FnMut(T) -> U,
    ) -> List<U> {
        let Page { mut items, more } = rows;
        let (before, after) = match self.from {
            None => (false, more),
            Some((Direction::After, _)) => (true, more),
            Some((Direction::Before, _)) => {
                items.reverse();
                (more, true)
            }
        };
        let link = |page: u64, token: Option<String>| {
            let token = token
                .map(|token| format!("&PageToken={token}"))
                .unwrap_or_default();
            app.public_url.join(&format!(
                "{}?PageSize={}&Page={page}{}{token}",
                self.path, self.size, self.filters
            ))
        };
        let seal = |direction: Direction, row: Option<&T>| {
            row.map(|row| self.seal(app, direction, position(row)))
        };
        let next = after
            .then(|| seal(Direction::After, items.last()))
            .flatten();
        let previous = before
            .then(|| seal(Direction::Before, items.first()))
            .flatten();
        let meta = Meta {
            page: self.page,
            page_size: self.size,
            first_page_url: link(0, None),
            previous_page_url: previous.map(|token| link(self.page.saturating_sub(1), Some(token))),
            url: link(self.page, self.token.clone()),
            next_page_url: next.map(|token| link(self.page.saturating_add(1), Some(token))),
            key: self.key,
        };
        List {
            items: items.into_iter().map(show).collect(),
            meta,
        }
    }

    fn seal(&self, app: &App, direction: Direction, position: Position) -> String {
        let prefix = direction.prefix();
        let sealed = app
            .passkeys
            .seal_cursor(&format!("{prefix}{}", self.scope), position);
        format!("{prefix}{sealed}")
    }

    fn open(&self, app: &App, token: &str) -> Option<(Direction, Position)> {
        [Direction::After, Direction::Before]
            .into_iter()
            .find_map(|direction| {
                let prefix = direction.prefix();
                let sealed = token.strip_prefix(prefix)?;
                let position = app
                    .passkeys
                    .open_cursor(&format!("{prefix}{}", self.scope), sealed)?;
                Some((direction, position))
            })
    }
}

fn size(text: Option<&str>) -> Result<u32, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(DEFAULT_SIZE);
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(size) if (1..=MAX_SIZE).contains(&size) => Ok(size),
        Ok(size) if size > MAX_SIZE => Err(ApiError::new(Code::PageSizeTooLarge)),
        // More digits than the number type holds is too large as well.
        Err(_) if digits => Err(ApiError::new(Code::PageSizeTooLarge)),
        _ => Err(ApiError::new(Code::PageSizeInvalid)),
    }
}
