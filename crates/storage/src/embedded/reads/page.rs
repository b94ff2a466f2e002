//! Pages of lists.

use domain::model::page::{Order, Page, PageRequest};
use rusqlite::{Connection, Row, ToSql};

use crate::embedded::sql::{Outcome, all};

/// A key after every 16-byte key.
pub(in crate::embedded) const LAST_KEY: &[u8] = &[0xff; 17];

/// A page of a list. `select` ends in a condition, `order` are its two sort columns, `bound` the values of
/// `?1` and so on in `select`.
pub(super) fn page<T>(
    connection: &Connection,
    select: &str,
    order: (&str, &str),
    bound: &[&dyn ToSql],
    request: PageRequest,
    read: impl FnMut(&Row<'_>) -> Outcome<T>,
) -> Outcome<Page<T>> {
    let (compare, direction) = match request.order {
        Order::Ascending => (">", "ASC"),
        Order::Descending => ("<", "DESC"),
    };
    let (created, key): (i64, &[u8]) = match (&request.after, request.order) {
        (Some(position), _) => (position.created.0, &position.key),
        (None, Order::Ascending) => (i64::MIN, &[]),
        (None, Order::Descending) => (i64::MAX, LAST_KEY),
    };
    let (a, b, n) = (order.0, order.1, bound.len());
    let sql = format!(
        "{select} AND ({a}, {b}) {compare} (?{}, ?{}) ORDER BY {a} {direction}, {b} {direction} LIMIT ?{}",
        n + 1,
        n + 2,
        n + 3
    );
    // One more than asked for tells whether there are more.
    let limit = i64::from(request.limit) + 1;
    let mut values = bound.to_vec();
    values.extend([&created as &dyn ToSql, &key, &limit]);
    let mut items = all(connection, &sql, values.as_slice(), read)?;
    let more = items.len() > request.limit as usize;
    items.truncate(request.limit as usize);
    Ok(Page { items, more })
}
