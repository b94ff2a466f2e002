//! A small strict CBOR reader (WebAuthn 2.4, CTAP 8): definite lengths, shortest form, no tags, no floats, no duplicate keys.
//!
//! It is our own because strictness is about the encoding, which general decoders hide. Everything borrows from the input,
//! and every limit is checked before the allocation or loop that it bounds.

use crate::Reason;

/// Containers inside each other.
pub const MAX_DEPTH: usize = 8;
/// Elements of one array, or entries of one map.
pub const MAX_CONTAINER_ITEMS: usize = 64;
/// Data items altogether.
pub const MAX_TOTAL_ITEMS: usize = 512;

/// One data item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Major types 0 and 1.
    Integer(i128),
    /// Major type 2.
    Bytes(&'a [u8]),
    /// Major type 3.
    Text(&'a str),
    /// Major type 4.
    Array(Vec<Value<'a>>),
    /// Major type 5, entries in the order of the encoding.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// Whether map keys must be sorted as CTAP2 demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrder {
    /// By major type, then length, then bytes.
    Canonical,
    /// Any order.
    Any,
}

/// Why bytes are not acceptable CBOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes end inside an item.
    #[error("the CBOR ends inside an item")]
    Truncated,
    /// An indefinite length or a reserved length code.
    #[error("the CBOR has an indefinite or reserved length")]
    IndefiniteLength,
    /// A number or length is not in its shortest form.
    #[error("a number in the CBOR is not in its shortest form")]
    NotShortest,
    /// A tag, float, undefined or other simple value.
    #[error("the CBOR holds a tag, a float or an unknown simple value")]
    UnsupportedItem,
    /// A text is not UTF-8.
    #[error("a text in the CBOR is not UTF-8")]
    NotUtf8,
    /// Two equal keys in one map.
    #[error("a map in the CBOR names a key twice")]
    DuplicateKey,
    /// Keys not in canonical order where that is demanded.
    #[error("the keys of a map in the CBOR are not in canonical order")]
    KeyOrder,
    /// [`MAX_DEPTH`] exceeded.
    #[error("the CBOR is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// [`MAX_CONTAINER_ITEMS`] exceeded.
    #[error("an array or map in the CBOR has more than {MAX_CONTAINER_ITEMS} elements")]
    ContainerTooLarge,
    /// [`MAX_TOTAL_ITEMS`] exceeded.
    #[error("the CBOR has more than {MAX_TOTAL_ITEMS} items")]
    TooManyItems,
    /// Bytes after the item.
    #[error("{0} bytes follow after the CBOR item")]
    TrailingBytes(usize),
}

impl CborError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Truncated
            | Self::IndefiniteLength
            | Self::NotShortest
            | Self::UnsupportedItem
            | Self::NotUtf8
            | Self::KeyOrder
            | Self::TooDeep
            | Self::ContainerTooLarge
            | Self::TooManyItems => Reason::CborMalformed,
            Self::DuplicateKey => Reason::CborDuplicateKey,
            Self::TrailingBytes(_) => Reason::TrailingBytes,
        }
    }
}

impl<'a> Value<'a> {
    /// The integer, if it is one.
    pub fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The byte string, if it is one.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&[(Value<'a>, Value<'a>)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a text key, if it is a map that has one.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.as_map()?
            .iter()
            .find_map(|(candidate, value)| (candidate.as_text() == Some(key)).then_some(value))
    }
}

/// Reads the item that the bytes consist of.
///
/// # Errors
/// [`CborError`]; also for bytes after the item.
pub fn read(bytes: &[u8], order: KeyOrder) -> Result<Value<'_>, CborError> {
    let (value, used) = read_first(bytes, order)?;
    match bytes.len() - used {
        0 => Ok(value),
        rest => Err(CborError::TrailingBytes(rest)),
    }
}

/// Reads the item at the start of the bytes and says how many bytes it has.
///
/// # Errors
/// [`CborError`].
pub fn read_first(bytes: &[u8], order: KeyOrder) -> Result<(Value<'_>, usize), CborError> {
    let mut reader = Reader {
        bytes,
        at: 0,
        items: 0,
        order,
    };
    let value = reader.item(0)?;
    Ok((value, reader.at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    items: usize,
    order: KeyOrder,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let length = usize::try_from(length).map_err(|_| CborError::Truncated)?;
        let rest = self.bytes.get(self.at..).ok_or(CborError::Truncated)?;
        let taken = rest.get(..length).ok_or(CborError::Truncated)?;
        self.at += length;
        Ok(taken)
    }

    /// The initial byte's major type and its argument in the shortest form.
    fn head(&mut self) -> Result<(u8, u64), CborError> {
        let initial = self.take(1)?.first().copied().ok_or(CborError::Truncated)?;
        let (major, info) = (initial >> 5, initial & 0x1f);
        // In major type 7 the low bits name the simple value, and the longer forms, floats among them, are none that is read.
        if major == 7 {
            return Ok((major, u64::from(info)));
        }
        let (length, least) = match info {
            0..24 => return Ok((major, u64::from(info))),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return Err(CborError::IndefiniteLength),
        };
        let argument = self
            .take(length)?
            .iter()
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        if argument < least {
            Err(CborError::NotShortest)
        } else {
            Ok((major, argument))
        }
    }

    /// The length of a container, bounded.
    fn container(length: u64, depth: usize) -> Result<usize, CborError> {
        if depth >= MAX_DEPTH {
            return Err(CborError::TooDeep);
        }
        match usize::try_from(length) {
            Ok(length) if length <= MAX_CONTAINER_ITEMS => Ok(length),
            _ => Err(CborError::ContainerTooLarge),
        }
    }

    fn item(&mut self, depth: usize) -> Result<Value<'a>, CborError> {
        self.items += 1;
        if self.items > MAX_TOTAL_ITEMS {
            return Err(CborError::TooManyItems);
        }
        let (major, argument) = self.head()?;
        match major {
            0 => Ok(Value::Integer(i128::from(argument))),
            1 => Ok(Value::Integer(-1 - i128::from(argument))),
            2 => self.take(argument).map(Value::Bytes),
            3 => std::str::from_utf8(self.take(argument)?)
                .map(Value::Text)
                .map_err(|_| CborError::NotUtf8),
            4 => {
                let length = Self::container(argument, depth)?;
                (0..length)
                    .map(|_| self.item(depth + 1))
                    .collect::<Result<_, _>>()
                    .map(Value::Array)
            }
            5 => self.map(Self::container(argument, depth)?, depth),
            7 => match argument {
                20 => Ok(Value::Bool(false)),
                21 => Ok(Value::Bool(true)),
                22 => Ok(Value::Null),
                _ => Err(CborError::UnsupportedItem),
            },
            _ => Err(CborError::UnsupportedItem),
        }
    }

    fn map(&mut self, length: usize, depth: usize) -> Result<Value<'a>, CborError> {
        let mut entries = Vec::new();
        // Every encoding is the shortest, so equal keys have equal bytes.
        let mut keys: Vec<&'a [u8]> = Vec::new();
        for _ in 0..length {
            let start = self.at;
            let key = self.item(depth + 1)?;
            let encoded = self.bytes.get(start..self.at).ok_or(CborError::Truncated)?;
            if keys.contains(&encoded) {
                return Err(CborError::DuplicateKey);
            }
            if self.order == KeyOrder::Canonical
                && keys
                    .last()
                    .is_some_and(|last| sort_key(last) > sort_key(encoded))
            {
                return Err(CborError::KeyOrder);
            }
            keys.push(encoded);
            entries.push((key, self.item(depth + 1)?));
        }
        Ok(Value::Map(entries))
    }
}

/// CTAP 8: lower major type first, then the shorter, then the lower in byte order.
fn sort_key(encoded: &[u8]) -> (Option<u8>, usize, &[u8]) {
    (
        encoded.first().map(|initial| initial >> 5),
        encoded.len(),
        encoded,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_hex(text: &str) -> Result<Value<'static>, CborError> {
        read(hex::decode(text).unwrap().leak(), KeyOrder::Any)
    }

    #[test]
    fn items_of_every_supported_type_are_read() {
        for (text, value) in [
            ("00", Value::Integer(0)),
            ("17", Value::Integer(23)),
            ("1818", Value::Integer(24)),
            ("1bffffffffffffffff", Value::Integer(u64::MAX.into())),
            ("20", Value::Integer(-1)),
            ("390100", Value::Integer(-257)),
            (
                "3bffffffffffffffff",
                Value::Integer(-1 - i128::from(u64::MAX)),
            ),
            ("4101", Value::Bytes(&[1])),
            ("6161", Value::Text("a")),
            (
                "8201f5",
                Value::Array(vec![Value::Integer(1), Value::Bool(true)]),
            ),
            (
                "a16161f6",
                Value::Map(vec![(Value::Text("a"), Value::Null)]),
            ),
            ("f4", Value::Bool(false)),
        ] {
            assert_eq!(read_hex(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn everything_outside_the_strict_form_is_refused() {
        use CborError::{
            ContainerTooLarge, DuplicateKey, IndefiniteLength, NotShortest, NotUtf8, TrailingBytes,
            Truncated, UnsupportedItem,
        };
        for (text, error) in [
            ("", Truncated),
            ("18", Truncated),
            ("42ff", Truncated),
            ("5bffffffffffffffff", Truncated),
            ("1817", NotShortest),
            ("1900ff", NotShortest),
            ("1a0000ffff", NotShortest),
            ("1b00000000ffffffff", NotShortest),
            ("580161", NotShortest),
            ("b80100", NotShortest),
            ("5f4101ff", IndefiniteLength),
            ("9fff", IndefiniteLength),
            ("bfff", IndefiniteLength),
            ("1c", IndefiniteLength),
            ("c000", UnsupportedItem),
            ("d81800", UnsupportedItem),
            ("f90000", UnsupportedItem),
            ("fb0000000000000000", UnsupportedItem),
            ("f7", UnsupportedItem),
            ("f0", UnsupportedItem),
            ("f8ff", UnsupportedItem),
            ("ff", UnsupportedItem),
            ("61ff", NotUtf8),
            ("a2010102", Truncated),
            ("a201010102", DuplicateKey),
            ("a2616100616101", DuplicateKey),
            ("9bffffffffffffffff", ContainerTooLarge),
            ("bbffffffffffffffff", ContainerTooLarge),
            ("9841", ContainerTooLarge),
            ("0000", TrailingBytes(1)),
        ] {
            assert_eq!(read_hex(text), Err(error), "{text}");
        }
    }

    #[test]
    fn nesting_and_item_counts_are_bounded_exactly() {
        assert!(read_hex(&format!("{}00", "81".repeat(8))).is_ok());
        assert_eq!(
            read_hex(&format!("{}00", "81".repeat(9))),
            Err(CborError::TooDeep)
        );
        assert_eq!(read_hex(&"81".repeat(100_000)), Err(CborError::TooDeep));
        // Maps as values, and maps as keys.
        assert!(read_hex(&format!("{}00", "a100".repeat(8))).is_ok());
        assert_eq!(
            read_hex(&format!("{}00", "a100".repeat(9))),
            Err(CborError::TooDeep)
        );
        assert!(read_hex(&format!("{}00{}", "a1".repeat(8), "00".repeat(8))).is_ok());
        assert_eq!(
            read_hex(&format!("{}00{}", "a1".repeat(9), "00".repeat(9))),
            Err(CborError::TooDeep)
        );
        assert!(read_hex(&format!("9840{}", "00".repeat(64))).is_ok());
        // 1 + 7 * (1 + 64) + 1 + 55 = 512 items.
        let full = format!("9840{}", "00".repeat(64));
        assert!(read_hex(&format!("88{}9837{}", full.repeat(7), "00".repeat(55))).is_ok());
        assert_eq!(
            read_hex(&format!("88{}9838{}", full.repeat(7), "00".repeat(56))),
            Err(CborError::TooManyItems)
        );
    }

    #[test]
    fn canonical_order_is_by_type_then_length_then_bytes() {
        let good = hex::decode("a501000300200021006161f4").unwrap();
        assert!(read(&good, KeyOrder::Canonical).is_ok());
        for wrong in [
            "a203000100",
            "a220000100",
            "a2616100", /* text before integer */
        ] {
            let bytes = hex::decode(format!(
                "{wrong}{}",
                if wrong.len() == 8 { "0100" } else { "" }
            ))
            .unwrap();
            assert_eq!(
                read(&bytes, KeyOrder::Canonical),
                Err(CborError::KeyOrder),
                "{wrong}"
            );
            assert!(read(&bytes, KeyOrder::Any).is_ok());
        }
        assert_eq!(
            read(
                &hex::decode("a2626161006162 00".replace(' ', "")).unwrap(),
                KeyOrder::Canonical
            ),
            Err(CborError::KeyOrder)
        );
    }

    #[test]
    fn the_first_item_is_cut_exactly() {
        let bytes = hex::decode("a10102ff").unwrap();
        let (value, used) = read_first(&bytes, KeyOrder::Canonical).unwrap();
        assert_eq!((value.as_map().unwrap().len(), used), (1, 3));
    }
}
