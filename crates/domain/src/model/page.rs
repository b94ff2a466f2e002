//! Lists in pages.

use crate::model::clock::Timestamp;

/// The start of a page: the sort key of the last row of the previous page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Creation time of that row.
    pub created: Timestamp,
    /// Key of that row; breaks ties of the time.
    pub key: [u8; 16],
}

/// Direction of a list by `(created, key)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

/// The requested part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows after this one, in the direction of `order`; `None` from the start.
    pub after: Option<Position>,
    /// The most rows.
    pub limit: u32,
    /// Direction.
    pub order: Order,
}

impl PageRequest {
    /// The first `limit` rows, oldest first.
    pub fn first(limit: u32) -> Self {
        Self {
            after: None,
            limit,
            order: Order::Ascending,
        }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether there are rows after the last one.
    pub more: bool,
}

impl<T> Page<T> {
    /// Converts each row.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            more: self.more,
        }
    }
}
