//! DER, as far as certificates, key descriptions and public keys need it. What is written here is deliberately able to be
//! wrong (a certificate library would refuse to write most of what a verifier has to refuse to read).

/// A universal tag, or a context tag below 31, with its content.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    push_length(&mut out, content.len());
    out.extend_from_slice(content);
    out
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    let bytes = length.to_be_bytes();
    let leading = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(leading..).unwrap_or_default();
    match significant {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            // At most 8 bytes of length.
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(crate) fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut sorted = parts.to_vec();
    sorted.sort();
    tlv(0x31, &sorted.concat())
}

/// An INTEGER in its shortest form.
pub(crate) fn integer(value: i64) -> Vec<u8> {
    tlv(0x02, shortest(&value.to_be_bytes()))
}

/// An ENUMERATED in its shortest form.
pub(crate) fn enumerated(value: i64) -> Vec<u8> {
    tlv(0x0a, shortest(&value.to_be_bytes()))
}

fn shortest(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes {
        let redundant = match (first, rest.first()) {
            (0, Some(next)) => *next < 0x80,
            (0xff, Some(next)) => *next >= 0x80,
            _ => false,
        };
        if !redundant {
            break;
        }
        bytes = rest;
    }
    bytes
}

pub(crate) fn boolean(value: bool) -> Vec<u8> {
    tlv(0x01, &[if value { 0xff } else { 0 }])
}

pub(crate) fn null() -> Vec<u8> {
    vec![0x05, 0]
}

pub(crate) fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv(0x04, bytes)
}

/// A BIT STRING whose bits fill whole bytes.
pub(crate) fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes].concat())
}

pub(crate) fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0c, text.as_bytes())
}

pub(crate) fn printable(text: &str) -> Vec<u8> {
    tlv(0x13, text.as_bytes())
}

/// An OBJECT IDENTIFIER from its dotted form; what is no number counts as zero.
pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    let mut arcs = dotted.split('.').map(|arc| arc.parse().unwrap_or(0_u64));
    let (first, second) = (arcs.next().unwrap_or(0), arcs.next().unwrap_or(0));
    let mut content = base128(first * 40 + second);
    content.extend(arcs.flat_map(base128));
    tlv(0x06, &content)
}

fn base128(mut value: u64) -> Vec<u8> {
    let mut out = vec![low_bits(value)];
    while value > 0x7f {
        value >>= 7;
        out.insert(0, 0x80 | low_bits(value));
    }
    out
}

fn low_bits(value: u64) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or(0)
}

/// `[tag] EXPLICIT content`; tags from 31 on take the long form.
pub(crate) fn explicit(tag: u64, content: &[u8]) -> Vec<u8> {
    if let Ok(short @ 0..=30) = u8::try_from(tag) {
        return tlv(0xa0 | short, content);
    }
    let mut out = vec![0xbf];
    out.extend(base128(tag));
    push_length(&mut out, content.len());
    out.extend_from_slice(content);
    out
}

/// A moment, in seconds since 1970, as `UTCTime` between 1950 and 2049 and as `GeneralizedTime` otherwise (RFC 5280, 4.1.2.5).
pub(crate) fn time(moment: i64) -> Vec<u8> {
    let (year, rest) = calendar(moment);
    if (1950..2050).contains(&year) {
        tlv(0x17, format!("{:02}{rest}", year % 100).as_bytes())
    } else {
        tlv(0x18, format!("{year:04}{rest}").as_bytes())
    }
}

/// The year of `moment`, and the rest as `MMDDhhmmssZ`.
fn calendar(moment: i64) -> (i64, String) {
    let (mut days, seconds) = (moment.div_euclid(86_400), moment.rem_euclid(86_400));
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let mut year = 1970;
    while days < 0 {
        year -= 1;
        days += if leap(year) { 366 } else { 365 };
    }
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    (
        year,
        format!("{month:02}{:02}{hour:02}{minute:02}{second:02}Z", days + 1),
    )
}

/// Takes the first element off `input`: its tag, its content and the whole of it. Knows what this crate and the
/// cryptography library write, and nothing else: one-byte tags, definite lengths.
pub(crate) fn take<'a>(input: &mut &'a [u8]) -> Option<(u8, &'a [u8], &'a [u8])> {
    let (tag, first) = (*input.first()?, *input.get(1)?);
    let (header, length) = if first < 0x80 {
        (2, usize::from(first))
    } else {
        let bytes = input.get(2..2 + usize::from(first & 0x7f))?;
        let length = bytes.iter().try_fold(0_usize, |sum, byte| {
            sum.checked_mul(256)?.checked_add(usize::from(*byte))
        })?;
        (2 + bytes.len(), length)
    };
    let whole = input.get(..header.checked_add(length)?)?;
    *input = input.get(whole.len()..)?;
    Some((tag, whole.get(header..)?, whole))
}

/// The contents of the elements of the SEQUENCE `input`, in order.
pub(crate) fn elements(input: &[u8]) -> Vec<&[u8]> {
    let mut rest = input;
    let mut content = match take(&mut rest) {
        Some((0x30, content, _)) => content,
        _ => &[],
    };
    let mut found = Vec::new();
    while let Some((_, content, _)) = take(&mut content) {
        found.push(content);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_the_form_of_their_century() {
        for (moment, tag, text) in [
            (0, 0x17, "700101000000Z"),
            (-1, 0x17, "691231235959Z"),
            (951_782_399, 0x17, "000228235959Z"),
            (951_782_400, 0x17, "000229000000Z"),
            (2_524_607_999, 0x17, "491231235959Z"),
            (2_524_608_000, 0x18, "20500101000000Z"),
            (4_107_542_400, 0x18, "21000301000000Z"),
        ] {
            assert_eq!(time(moment), tlv(tag, text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn integers_are_as_short_as_their_sign_allows() {
        for (value, content) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0, 0x80]),
            (-1, &[0xff]),
            (-128, &[0x80]),
            (-129, &[0xff, 0x7f]),
            (65_537, &[1, 0, 1]),
        ] {
            assert_eq!(integer(value), tlv(2, content), "{value}");
        }
    }

    #[test]
    fn identifiers_long_tags_and_lengths_have_the_form_of_x690() {
        assert_eq!(oid("2.5.29.19"), [6, 3, 0x55, 0x1d, 0x13]);
        assert_eq!(
            oid("1.3.6.1.4.1.45724.1.1.4")[..],
            [6, 11, 0x2b, 6, 1, 4, 1, 0x82, 0xe5, 0x1c, 1, 1, 4]
        );
        assert_eq!(explicit(1, &[5, 0]), [0xa1, 2, 5, 0]);
        assert_eq!(explicit(600, &[5, 0]), [0xbf, 0x84, 0x58, 2, 5, 0]);
        assert_eq!(tlv(4, &[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(tlv(4, &[7; 256])[..4], [4, 0x82, 1, 0]);
        let whole = sequence(&[integer(5), octets(&[9; 300])]);
        assert_eq!(elements(&whole), [&[5][..], &[9; 300]]);
    }
}
