//! Pages of lists (docs/wires/twilio.md, section 5): `PageSize`, `Page`, `PageToken`, and the URLs that lead from page to page.
//!
//! A token is sealed by the domain for one account, path and set of filters, so it opens no other list. Tokens that
//! begin with `PA` lead to the rows after a position, those with `PB` to the rows before it.

use domain::model::clock::Timestamp;
use domain::model::page::{Order, Page, PageRequest, Position};
use domain::model::refusal::Refusal;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use axum::response::Response;

use super::codes::Code;
use super::error::{ApiError, refused};
use super::form::{Form, encode};
use super::reasons::Call;
use super::request::{Request, ok};
use super::sid::Sid;

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

/// A list that is asked for.
pub struct List<'r> {
    request: &'r Request,
    /// Name of the array in the response.
    key: &'static str,
    /// Path of the list, percent-encoded.
    path: String,
    query: Form<'r>,
    /// Names of the parameters that choose among the rows.
    filters: &'static [&'static str],
    order: Order,
}

/// A row of a list.
pub struct Row {
    position: Position,
    json: Box<RawValue>,
}

impl Row {
    /// A row as it is shown, and where it stands in its list.
    ///
    /// # Errors
    /// 20500: it cannot be shown.
    pub fn new(
        created: Timestamp,
        key: [u8; 16],
        shown: &impl Serialize,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            position: Position { created, key },
            json: to_raw_value(shown).map_err(|_| ApiError::new(Code::InternalError))?,
        })
    }
}

/// The page of a list that is asked for.
struct Asked {
    filters: String,
    /// What tokens are sealed for.
    scope: String,
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

/// The response to a list call.
struct Listed<'a> {
    rows: &'a [Row],
    meta: Meta,
}

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(self.meta.key, &Rows(self.rows))?;
        map.serialize_entry("meta", &self.meta)?;
        map.end()
    }
}

struct Rows<'a>(&'a [Row]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|row| &row.json))
    }
}

impl<'r> List<'r> {
    /// The list at `path`, oldest rows first. `key` is the name of its array in the response.
    ///
    /// # Errors
    /// 60306: the query cannot be read.
    pub fn of(request: &'r Request, key: &'static str, path: String) -> Result<Self, ApiError> {
        Ok(Self {
            request,
            key,
            path,
            query: request.query()?,
            filters: &[],
            order: Order::Ascending,
        })
    }

    /// The same with these filters. They are kept in every URL, and a token is only good for the same ones.
    pub fn filtered_by(self, filters: &'static [&'static str]) -> Self {
        Self { filters, ..self }
    }

    /// The same in this order.
    pub fn ordered(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// A parameter of the query that is there and not empty.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).filter(|value| !value.is_empty())
    }

    /// Answers with the page that is asked for: `load` reads its rows, and `show` renders each.
    ///
    /// # Errors
    /// 20007, 60373, 60374, 60306, and what `load` and `show` refuse.
    pub async fn answer<T, Load>(
        self,
        load: impl FnOnce(PageRequest) -> Load,
        show: impl Fn(&T) -> Result<Row, ApiError>,
    ) -> Result<Response, ApiError>
    where
        Load: Future<Output = Result<Page<T>, Refusal>>,
    {
        let asked = self.asked()?;
        let Page { items, more } = load(self.page_request(&asked))
            .await
            .map_err(refused(Call::Resource))?;
        let mut rows = items.iter().map(show).collect::<Result<Vec<_>, _>>()?;
        let (before, after) = match asked.from {
            None => (false, more),
            Some((Direction::After, _)) => (true, more),
            Some((Direction::Before, _)) => {
                rows.reverse();
                (more, true)
            }
        };
        let meta = self.meta(&asked, &rows, before, after);
        ok(&Listed { rows: &rows, meta })
    }

    /// Reads the paging parameters.
    fn asked(&self) -> Result<Asked, ApiError> {
        let size = size(self.query.get("PageSize"))?;
        let page = match self.parameter("Page") {
            None => 0,
            Some(text) => text
                .parse()
                .map_err(|_| ApiError::invalid_request("Page is not a number").member("Page"))?,
        };
        let filters: String = self
            .filters
            .iter()
            .filter_map(|name| {
                let value = self.parameter(name)?;
                Some(format!("&{name}={}", encode(value)))
            })
            .collect();
        let scope = format!(
            "{}\n{}\n{filters}",
            Sid::of(&self.request.account),
            self.path
        );
        let token = self.parameter("PageToken").map(str::to_owned);
        let from = match &token {
            None => None,
            Some(token) => Some(
                self.open(&scope, token)
                    .ok_or_else(|| ApiError::new(Code::PageTokenInvalid))?,
            ),
        };
        Ok(Asked {
            filters,
            scope,
            size,
            page,
            token,
            from,
        })
    }

    /// What the domain is asked for.
    fn page_request(&self, asked: &Asked) -> PageRequest {
        let order = match (asked.from, self.order) {
            (Some((Direction::Before, _)), Order::Ascending) => Order::Descending,
            (Some((Direction::Before, _)), Order::Descending) => Order::Ascending,
            (_, order) => order,
        };
        PageRequest {
            after: asked.from.map(|(_, position)| position),
            limit: asked.size,
            order,
        }
    }

    /// The URLs of this page and of those around it.
    fn meta(&self, asked: &Asked, rows: &[Row], before: bool, after: bool) -> Meta {
        let link = |page: u64, token: Option<&str>| {
            let token = token
                .map(|token| format!("&PageToken={token}"))
                .unwrap_or_default();
            self.request.state.public_url.join(&format!(
                "{}?PageSize={}&Page={page}{}{token}",
                self.path, asked.size, asked.filters
            ))
        };
        let leading_to = |direction: Direction, page: u64, row: Option<&Row>| {
            let token = self.seal(&asked.scope, direction, row?.position);
            Some(link(page, Some(&token)))
        };
        Meta {
            page: asked.page,
            page_size: asked.size,
            first_page_url: link(0, None),
            previous_page_url: before
                .then(|| {
                    leading_to(
                        Direction::Before,
                        asked.page.saturating_sub(1),
                        rows.first(),
                    )
                })
                .flatten(),
            url: link(asked.page, asked.token.as_deref()),
            next_page_url: after
                .then(|| leading_to(Direction::After, asked.page.saturating_add(1), rows.last()))
                .flatten(),
            key: self.key,
        }
    }

    fn seal(&self, scope: &str, direction: Direction, position: Position) -> String {
        let prefix = direction.prefix();
        let passkeys = &self.request.state.passkeys;
        let sealed = passkeys.seal_cursor(&format!("{prefix}{scope}"), position);
        format!("{prefix}{sealed}")
    }

    fn open(&self, scope: &str, token: &str) -> Option<(Direction, Position)> {
        [Direction::After, Direction::Before]
            .into_iter()
            .find_map(|direction| {
                let prefix = direction.prefix();
                let sealed = token.strip_prefix(prefix)?;
                let passkeys = &self.request.state.passkeys;
                let position = passkeys.open_cursor(&format!("{prefix}{scope}"), sealed)?;
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
