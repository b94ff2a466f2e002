//! Distinguished names, compared as RFC 5280 section 7.1 says.

use super::der::{Der, Element, OID, SEQUENCE, SET};
use std::borrow::Cow;

const UTF8_STRING: u8 = 0x0c;
const NUMERIC_STRING: u8 = 0x12;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const VISIBLE_STRING: u8 = 0x1a;
const UNIVERSAL_STRING: u8 = 0x1c;
const BMP_STRING: u8 = 0x1e;

/// Most attributes of one relative name that are compared in any order. Real ones have one, rarely two or three.
const MAX_ATTRIBUTES: usize = 8;

/// A `Name` in its encoding, with the header.
///
/// Two names are equal when their relative names are, one by one. Texts in them are equal whatever their string types, letter
/// case, and white space: an authority may write its own name in one way and its customers' certificates name it in another.
/// What cannot be read as text is compared byte by byte.
#[derive(Debug, Clone)]
pub(crate) struct Name<'a>(Cow<'a, [u8]>);

impl<'a> Name<'a> {
    /// The name that this element holds.
    pub(crate) fn new(element: Element<'a>) -> Self {
        Self(Cow::Borrowed(element.raw))
    }

    /// The same name with an encoding of its own.
    pub(super) fn into_owned(self) -> Name<'static> {
        Name(Cow::Owned(self.0.into_owned()))
    }

    /// Whether the name has no attributes.
    pub(crate) fn is_empty(&self) -> bool {
        *self.0 == [SEQUENCE, 0]
    }

    /// The relative names.
    pub(super) fn relatives(&self) -> Option<Der<'_>> {
        Der::new(&self.0).inside(SEQUENCE)
    }

    /// `None`: one of them cannot be read that far.
    fn is_alike(&self, other: &Self) -> Option<bool> {
        let (mut own, mut others) = (self.relatives()?, other.relatives()?);
        while !own.is_empty() && !others.is_empty() {
            let (own, other) = (own.tagged(SET)?, others.tagged(SET)?);
            if own.content != other.content && !are_alike(own.content, other.content)? {
                return Some(false);
            }
        }
        Some(own.is_empty() && others.is_empty())
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.is_alike(other).unwrap_or(false)
    }
}

/// One attribute of a relative name.
struct Attribute<'a> {
    kind: &'a [u8],
    value: Element<'a>,
}

impl Attribute<'_> {
    fn is_alike(&self, other: &Attribute<'_>) -> bool {
        if self.kind != other.kind {
            return false;
        }
        if self.value.raw == other.value.raw {
            return true;
        }
        let (own, other) = (text(self.value), text(other.value));
        own.zip(other)
            .is_some_and(|(own, other)| folded(&own).eq(folded(&other)))
    }
}

/// Whether two relative names have the same attributes, in any order.
fn are_alike(own: &[u8], other: &[u8]) -> Option<bool> {
    let (own, mut other) = (attributes(own)?, attributes(other)?);
    let same_count = own.len() == other.len();
    let each_is_there = own.iter().all(|attribute| {
        let place = other.iter().position(|found| found.is_alike(attribute));
        place.map(|place| other.swap_remove(place)).is_some()
    });
    Some(same_count && each_is_there)
}

fn attributes(content: &[u8]) -> Option<Vec<Attribute<'_>>> {
    let mut rest = Der::new(content);
    let mut attributes = Vec::new();
    while !rest.is_empty() {
        if attributes.len() == MAX_ATTRIBUTES {
            return None;
        }
        let mut fields = rest.inside(SEQUENCE)?;
        let attribute = Attribute {
            kind: fields.content(OID)?,
            value: fields.element()?,
        };
        if !fields.is_empty() {
            return None;
        }
        attributes.push(attribute);
    }
    Some(attributes)
}

/// The text of a string. Teletex strings are read as far as everybody reads them alike: ASCII.
fn text(value: Element<'_>) -> Option<String> {
    let bytes = value.content;
    match value.tag {
        UTF8_STRING => String::from_utf8(bytes.to_vec()).ok(),
        NUMERIC_STRING | PRINTABLE_STRING | TELETEX_STRING | IA5_STRING | VISIBLE_STRING => bytes
            .is_ascii()
            .then(|| bytes.iter().copied().map(char::from).collect()),
        BMP_STRING => characters(bytes.as_chunks::<2>(), |unit| {
            u32::from(u16::from_be_bytes(unit))
        }),
        UNIVERSAL_STRING => characters(bytes.as_chunks::<4>(), u32::from_be_bytes),
        _ => None,
    }
}

/// A text of units with a fixed number of bytes.
fn characters<const N: usize>(
    (units, rest): (&[[u8; N]], &[u8]),
    number: impl Fn([u8; N]) -> u32,
) -> Option<String> {
    let whole = rest.is_empty();
    let text = units.iter().map(|unit| char::from_u32(number(*unit)));
    text.collect::<Option<String>>().filter(|_| whole)
}

/// In small letters, one blank behind each word and none elsewhere.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.split_whitespace()
        .flat_map(|word| word.chars().chain([' ']))
        .flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::certificate::tests::tlv;

    const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    const ORGANISATION: &[u8] = &[0x55, 4, 10];

    fn attribute(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        tlv(SEQUENCE, &[&tlv(OID, &[kind]), &tlv(tag, &[value])])
    }

    fn common_name(tag: u8, value: &[u8]) -> Vec<u8> {
        relative(&[&attribute(COMMON_NAME, tag, value)])
    }

    fn relative(attributes: &[&[u8]]) -> Vec<u8> {
        tlv(SET, attributes)
    }

    fn equal(one: &[&[u8]], other: &[&[u8]]) -> bool {
        let (one, other) = (tlv(SEQUENCE, one), tlv(SEQUENCE, other));
        let (one, other) = (Name(one.into()), Name(other.into()));
        let both = one == other;
        assert_eq!(both, other == one);
        both
    }

    fn is_acme(tag: u8, value: &[u8]) -> bool {
        let acme = common_name(UTF8_STRING, "Äcme Root".as_bytes());
        equal(&[&acme], &[&common_name(tag, value)])
    }

    #[test]
    fn letter_case_and_white_space_make_no_other_name() {
        for same in ["Äcme Root", "äcme root", "ÄCME ROOT", "  Äcme \t Root "] {
            assert!(is_acme(UTF8_STRING, same.as_bytes()), "{same}");
        }
        for other in ["ÄcmeRoot", "Äcme Root 2", "Acme Root", "Äcme", ""] {
            assert!(!is_acme(UTF8_STRING, other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn string_types_make_no_other_name() {
        let utf16: Vec<_> = "Äcme root"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        let utf32: Vec<_> = "Äcme root"
            .chars()
            .flat_map(|c| u32::from(c).to_be_bytes())
            .collect();
        assert!(is_acme(BMP_STRING, &utf16));
        assert!(is_acme(UNIVERSAL_STRING, &utf32));
        // Cut in the middle of a character, and the bytes of another type.
        assert!(!is_acme(BMP_STRING, &utf16[1..]));
        assert!(!is_acme(UNIVERSAL_STRING, &utf32[1..]));
        assert!(!is_acme(BMP_STRING, &utf32));
        assert!(!is_acme(UTF8_STRING, &utf16));

        let ascii = common_name(UTF8_STRING, b"Acme Root 1");
        for tag in [PRINTABLE_STRING, TELETEX_STRING, IA5_STRING, VISIBLE_STRING] {
            assert!(equal(&[&ascii], &[&common_name(tag, b"ACME root  1")]));
            assert!(!equal(&[&ascii], &[&common_name(tag, b"ACME root 2")]));
        }
        let digits = common_name(PRINTABLE_STRING, b"17");
        assert!(equal(&[&digits], &[&common_name(NUMERIC_STRING, b"17")]));
    }

    #[test]
    fn what_is_no_text_is_the_same_only_byte_by_byte() {
        let octets = common_name(0x04, b"a");
        assert!(equal(&[&octets], &[&octets]));
        assert!(!equal(&[&octets], &[&common_name(0x04, b"A")]));
        assert!(!equal(&[&octets], &[&common_name(UTF8_STRING, b"a")]));
        // Latin-1 in a Teletex string: some would read another letter.
        let latin = common_name(TELETEX_STRING, b"\xc4cme Root");
        assert!(equal(&[&latin], &[&latin]));
        assert!(!is_acme(TELETEX_STRING, b"\xc4cme Root"));
        let broken = common_name(UTF8_STRING, b"\xff");
        assert!(equal(&[&broken], &[&broken]));
        assert!(!equal(&[&broken], &[&common_name(UTF8_STRING, b"\xfe")]));
    }

    #[test]
    fn attributes_are_of_one_kind_and_stand_in_one_order() {
        let name = common_name(UTF8_STRING, b"a");
        let maker = relative(&[&attribute(ORGANISATION, UTF8_STRING, b"a")]);
        assert!(!equal(&[&name], &[&maker]));
        assert!(equal(&[&name, &maker], &[&name, &maker]));
        assert!(!equal(&[&name, &maker], &[&maker, &name]));
        assert!(!equal(&[&name, &maker], &[&name]));
        assert!(!equal(&[&name], &[]));
        assert!(equal(&[], &[]));
    }

    #[test]
    fn a_relative_name_is_a_set() {
        let name = attribute(COMMON_NAME, UTF8_STRING, b"a");
        let louder = attribute(COMMON_NAME, PRINTABLE_STRING, b"A");
        let maker = attribute(ORGANISATION, UTF8_STRING, b"b");
        let relative = |parts: &[&[u8]]| relative(parts);
        assert!(equal(
            &[&relative(&[&name, &maker])],
            &[&relative(&[&maker, &louder])]
        ));
        assert!(!equal(
            &[&relative(&[&name, &maker])],
            &[&relative(&[&name, &louder])]
        ));
        assert!(!equal(
            &[&relative(&[&name, &maker])],
            &[&relative(&[&maker])]
        ));
        // More attributes than anybody has are compared as they stand.
        let many = |last: &[u8]| relative(&[&name.repeat(MAX_ATTRIBUTES), last]);
        assert!(equal(&[&many(&name)], &[&many(&name)]));
        assert!(!equal(&[&many(&name)], &[&many(&louder)]));
    }

    #[test]
    fn a_name_that_cannot_be_read_is_equal_to_itself_alone() {
        let broken = [0x31, 2, 0x30, 5];
        let name = common_name(UTF8_STRING, b"a");
        assert!(equal(&[&broken], &[&broken]));
        assert!(!equal(&[&broken], &[&name]));
        let behind = attribute(COMMON_NAME, UTF8_STRING, b"a");
        let longer = relative(&[&tlv(SEQUENCE, &[&behind[2..], &[5, 0]])]);
        assert!(!equal(&[&longer], &[&name]));
    }
}
