//! DER elements (X.690), read in place: definite and shortest lengths, nothing allocated.
//!
//! Two deviations from DER are read, because certificates in the field have them: TRUE as any octet but zero, and a signature
//! whose bit string claims unused bits. Neither changes a byte of what is signed.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const ENUMERATED: u8 = 0x0a;
/// Explicit context-specific tags without their number.
const CONTEXT: u8 = 0xa0;
/// Implicit context-specific tags of primitive types without their number.
const IMPLICIT: u8 = 0x80;
/// In place of a tag number: the number follows.
const LONG_TAG: u8 = 0x1f;

/// The explicit context-specific tag with this number, which must be below 31.
pub(crate) const fn explicit(number: u8) -> u8 {
    CONTEXT | number
}

/// The implicit context-specific tag of a primitive type with this number, which must be below 31.
pub(crate) const fn implicit(number: u8) -> u8 {
    IMPLICIT | number
}

/// A cursor over DER elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Der<'a>(&'a [u8]);

/// One element: its tag, its content, and both with the header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) raw: &'a [u8],
}

impl<'a> Der<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element; its tag number must be below 31.
    pub(crate) fn element(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & LONG_TAG == LONG_TAG {
            return None;
        }
        self.body(tag, rest)
    }

    /// The next element, which must be one with an explicit context-specific tag: its number, and a cursor into it.
    pub(crate) fn context(&mut self) -> Option<(u32, Self)> {
        let (&tag, mut rest) = self.0.split_first()?;
        if tag & !LONG_TAG != CONTEXT {
            return None;
        }
        let mut number = u32::from(tag & LONG_TAG);
        if tag & LONG_TAG == LONG_TAG {
            number = 0;
            // Four digits to the base 128 are more than any known tag has.
            for position in 0..4 {
                let (&digit, after) = rest.split_first()?;
                rest = after;
                if position == 0 && digit == 0x80 {
                    return None;
                }
                number = number << 7 | u32::from(digit & 0x7f);
                if digit < 0x80 {
                    break;
                }
                if position == 3 {
                    return None;
                }
            }
            if number < u32::from(LONG_TAG) {
                return None;
            }
        }
        let element = self.body(tag, rest)?;
        Some((number, Self(element.content)))
    }

    /// Length and content after the tag.
    fn body(&mut self, tag: u8, rest: &'a [u8]) -> Option<Element<'a>> {
        let (&first, mut rest) = rest.split_first()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x83 => {
                let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                let length = bytes
                    .iter()
                    .fold(0usize, |length, byte| length << 8 | usize::from(*byte));
                let shortest = length >= 0x80 && bytes.first() != Some(&0);
                shortest.then_some(length)?
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        let raw = self.0.get(..self.0.len() - after.len())?;
        self.0 = after;
        Some(Element { tag, content, raw })
    }

    /// The next element, which must have this tag.
    pub(crate) fn tagged(&mut self, tag: u8) -> Option<Element<'a>> {
        self.element().filter(|element| element.tag == tag)
    }

    /// The content of the next element, which must have this tag.
    pub(crate) fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.tagged(tag).map(|element| element.content)
    }

    /// A cursor into the next element, which must have this tag.
    pub(crate) fn inside(&mut self, tag: u8) -> Option<Self> {
        self.content(tag).map(Self)
    }

    /// The next element if it has this tag; otherwise nothing is consumed.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.tagged(tag)?;
        *self = ahead;
        Some(element)
    }

    /// The bits of a bit string without unused ones.
    pub(crate) fn whole_bits(&mut self) -> Option<&'a [u8]> {
        match self.content(BIT_STRING)? {
            [0, bits @ ..] => Some(bits),
            _ => None,
        }
    }

    /// The bytes of a bit string that holds a signature. A signature is a number of bytes, so a count of unused bits means
    /// nothing. Certificates of early U2F keys have one, and their signatures verify only over the bytes as they stand.
    pub(crate) fn signature_bits(&mut self) -> Option<&'a [u8]> {
        match self.content(BIT_STRING)? {
            [0..=7, bits @ ..] => Some(bits),
            _ => None,
        }
    }
}

/// The content of a BOOLEAN. DER writes TRUE as 0xff; BER as any octet but zero, and so do some certificates.
pub(crate) fn boolean(content: &[u8]) -> Option<bool> {
    match content {
        [octet] => Some(*octet != 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_lengths_must_be_definite_shortest_and_inside_the_input() {
        let content = |bytes: &'static [u8]| Der::new(bytes).content(OCTET_STRING);
        assert_eq!(content(&[4, 1, 9]), Some(&[9][..]));
        for wrong in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 9],
            &[4, 0x84, 0, 0, 0, 1, 9],
            &[4, 0x82, 0, 0x80],
            &[0x1f, 1, 9],
        ] {
            assert_eq!(content(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn elements_have_tag_numbers_below_31() {
        let tag = |bytes: &'static [u8]| Der::new(bytes).element().map(|element| element.tag);
        for (bytes, expected) in [
            (&[0, 0][..], Some(0)),
            (&[0x1e, 0], Some(0x1e)),
            (&[0x30, 0], Some(SEQUENCE)),
            (&[0x1f, 0], None),
            (&[0x1f, 1, 9], None),
            (&[0xbf, 0x1f, 0], None),
        ] {
            assert_eq!(tag(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn true_is_any_octet_but_zero() {
        assert_eq!(boolean(&[0]), Some(false));
        for octet in [0x01, 0x7f, 0x80, 0xff] {
            assert_eq!(boolean(&[octet]), Some(true), "{octet}");
        }
        assert_eq!(boolean(&[]), None);
        assert_eq!(boolean(&[0, 1]), None);
    }

    #[test]
    fn only_a_signature_may_claim_unused_bits() {
        for unused in 0..=9 {
            let bits = [BIT_STRING, 3, unused, 0xab, 0xcd];
            let expected = Some(&[0xab, 0xcd][..]);
            let whole = expected.filter(|_| unused == 0);
            assert_eq!(Der::new(&bits).whole_bits(), whole, "{unused}");
            let signature = expected.filter(|_| unused <= 7);
            assert_eq!(Der::new(&bits).signature_bits(), signature, "{unused}");
        }
        assert_eq!(Der::new(&[BIT_STRING, 0]).signature_bits(), None);
    }

    #[test]
    fn explicit_tags_have_one_encoding_each() {
        let number = |bytes: &'static [u8]| Der::new(bytes).context().map(|(number, _)| number);
        assert_eq!(number(&[0xa1, 0]), Some(1));
        assert_eq!(number(&[0xbe, 0]), Some(30));
        assert_eq!(number(&[0xbf, 31, 0]), Some(31));
        assert_eq!(number(&[0xbf, 0x84, 0x58, 0]), Some(600));
        assert_eq!(number(&[0xbf, 0x81, 0x80, 0x80, 0, 0]), Some(1 << 21));
        for wrong in [
            &[][..],
            &[0xa1],
            &[0x81, 0],
            &[0x61, 0],
            &[0xbf],
            &[0xbf, 30, 0],
            &[0xbf, 0x80, 31, 0],
            &[0xbf, 0x84],
            &[0xbf, 0x81, 0x80, 0x80, 0x80, 0, 0],
        ] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }
}
