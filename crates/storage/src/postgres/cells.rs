//! Values on their way into parameters and out of rows.

use std::borrow::Cow;
use std::error::Error;

use domain::model::account::SecretHash;
use domain::store::Fault;
use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::beginning::behind;
use crate::octets::Octets;

/// A record is there and cannot be read; `what` names the kind of record or column.
pub(super) fn unreadable(what: &str) -> Fault {
    Fault::Unreadable(what.to_owned())
}

/// The value of a parameter.
#[derive(Debug)]
pub(super) enum Param<'a> {
    Bytes(Option<Cow<'a, [u8]>>),
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bool(Option<bool>),
    ManyBytes(Vec<&'a [u8]>),
    ManyTexts(Vec<Cow<'a, str>>),
}

impl Param<'_> {
    /// The type that a statement must give its parameter.
    pub(super) const fn of(&self) -> Type {
        match self {
            Self::Bytes(_) => Type::BYTEA,
            Self::Int(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Bool(_) => Type::BOOL,
            Self::ManyBytes(_) => Type::BYTEA_ARRAY,
            Self::ManyTexts(_) => Type::TEXT_ARRAY,
        }
    }
}

impl Param<'static> {
    /// The first of the texts that begin with this one, and one behind the last of them, both as columns have them.
    pub(super) fn beginning(text: &str) -> [Self; 2] {
        let first = escaped(text);
        let behind = behind(&first);
        [first.into_owned(), behind].map(|text| Self::Text(Some(Cow::Owned(text))))
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Bytes(value) => value.as_deref().to_sql(of, out),
            Self::Int(value) => value.to_sql(of, out),
            Self::Text(value) => value.as_deref().to_sql(of, out),
            Self::Bool(value) => value.to_sql(of, out),
            Self::ManyBytes(values) => values.to_sql(of, out),
            Self::ManyTexts(values) => values.to_sql(of, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// PostgreSQL has no NUL in a text, while names may hold one. SUB begins an escape; a text without either stays as it is.
const ESCAPE: char = '\u{1a}';

/// A text as its column has it. Different texts stay different.
fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', ESCAPE]) {
        Cow::Owned(text.replace(ESCAPE, "\u{1a}s").replace('\0', "\u{1a}0"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A text from its column.
fn unescaped(text: &str) -> Option<String> {
    if !text.contains(ESCAPE) {
        return Some(text.to_owned());
    }
    let mut read = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        read.push(match letter {
            ESCAPE => match letters.next()? {
                's' => ESCAPE,
                '0' => '\0',
                _ => return None,
            },
            letter => letter,
        });
    }
    Some(read)
}

impl<const N: usize> From<[u8; N]> for Param<'_> {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(Some(Cow::Owned(value.to_vec())))
    }
}

impl<const N: usize> From<Option<[u8; N]>> for Param<'_> {
    fn from(value: Option<[u8; N]>) -> Self {
        Self::Bytes(value.map(|value| Cow::Owned(value.to_vec())))
    }
}

impl From<SecretHash> for Param<'_> {
    fn from(value: SecretHash) -> Self {
        Self::Bytes(Some(Cow::Owned(value.to_bytes())))
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(Cow::Borrowed(value)))
    }
}

impl<'a> From<Option<&'a [u8]>> for Param<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Bytes(value.map(Cow::Borrowed))
    }
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Param<'_> {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<Option<i64>> for Param<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(escaped(value)))
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(value: &'a String) -> Self {
        Self::from(value.as_str())
    }
}

impl<'a> From<Option<&'a str>> for Param<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value.map(escaped))
    }
}

impl From<Option<String>> for Param<'_> {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(|value| Cow::Owned(escaped(&value).into_owned())))
    }
}

impl From<Option<Octets>> for Param<'_> {
    fn from(value: Option<Octets>) -> Self {
        Self::Bytes(value.map(|value| Cow::Owned(value.as_ref().to_vec())))
    }
}

impl From<bool> for Param<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(Some(value))
    }
}

impl From<Option<bool>> for Param<'_> {
    fn from(value: Option<bool>) -> Self {
        Self::Bool(value)
    }
}

impl<'a> From<Vec<&'a [u8]>> for Param<'a> {
    fn from(values: Vec<&'a [u8]>) -> Self {
        Self::ManyBytes(values)
    }
}

impl<'a> From<&'a [String]> for Param<'a> {
    fn from(values: &'a [String]) -> Self {
        Self::ManyTexts(values.iter().map(|value| escaped(value)).collect())
    }
}

/// The parameters of a statement, in order.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::postgres::cells::Param::from($value)),*] };
}
pub(super) use params;

/// Reads the columns of a row from left to right.
pub(super) struct Cells<'a> {
    row: &'a Row,
    at: usize,
}

impl<'a> Cells<'a> {
    pub(super) const fn new(row: &'a Row) -> Self {
        Self { row, at: 0 }
    }

    fn next<T: FromSql<'a>>(&mut self) -> Result<T, Fault> {
        let at = self.at;
        self.at += 1;
        self.row
            .try_get(at)
            .map_err(|_| Fault::Unreadable(format!("column {at} does not hold what it should")))
    }

    /// Skips columns.
    pub(super) const fn skip(&mut self, columns: usize) {
        self.at += columns;
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        self.next()
    }

    pub(super) fn maybe_bytes(&mut self) -> Result<Option<&'a [u8]>, Fault> {
        self.next()
    }

    pub(super) fn key<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.maybe_key()?.ok_or_else(|| unreadable("a key"))
    }

    pub(super) fn maybe_key<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Fault> {
        let found: Option<&[u8]> = self.next()?;
        let read = found.map(|bytes| bytes.try_into().map_err(|_| unreadable("a key")));
        read.transpose()
    }

    pub(super) fn secret_hash(&mut self) -> Result<SecretHash, Fault> {
        let hash = SecretHash::from_bytes(self.bytes()?);
        hash.ok_or_else(|| unreadable("the hash of a secret"))
    }

    pub(super) fn int(&mut self) -> Result<i64, Fault> {
        self.next()
    }

    pub(super) fn maybe_int(&mut self) -> Result<Option<i64>, Fault> {
        self.next()
    }

    pub(super) fn count(&mut self) -> Result<u32, Fault> {
        self.maybe_count()?.ok_or_else(|| unreadable("a counter"))
    }

    pub(super) fn maybe_count(&mut self) -> Result<Option<u32>, Fault> {
        let found = self.maybe_int()?;
        let read = found.map(|count| u32::try_from(count).map_err(|_| unreadable("a counter")));
        read.transpose()
    }

    /// The count of rows that a statement changed is above zero.
    pub(super) fn any(&mut self) -> Result<bool, Fault> {
        Ok(self.int()? > 0)
    }

    pub(super) fn bool(&mut self) -> Result<bool, Fault> {
        self.next()
    }

    pub(super) fn maybe_bool(&mut self) -> Result<Option<bool>, Fault> {
        self.next()
    }

    /// A text of ours, such as JSON, as its column has it.
    pub(super) fn plain(&mut self) -> Result<&'a str, Fault> {
        self.next()
    }

    pub(super) fn maybe_plain(&mut self) -> Result<Option<&'a str>, Fault> {
        self.next()
    }

    pub(super) fn text(&mut self) -> Result<String, Fault> {
        self.maybe_text()?.ok_or_else(|| unreadable("a text"))
    }

    pub(super) fn maybe_text(&mut self) -> Result<Option<String>, Fault> {
        let found = self.maybe_plain()?;
        let read = found.map(|text| unescaped(text).ok_or_else(|| unreadable("a text")));
        read.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_nul_reads_back_and_stays_different() {
        for text in [
            "",
            "ann",
            "ann\0",
            "ann\u{1a}0",
            "\u{1a}",
            "\u{1a}s",
            "\0\0\u{1a}",
        ] {
            let stored = escaped(text);
            assert!(!stored.contains('\0'));
            assert_eq!(unescaped(&stored).as_deref(), Some(text));
        }
        assert_eq!(unescaped("\u{1a}"), None);
        assert_eq!(unescaped("\u{1a}x"), None);
    }
}
