//! Elliptic curves that a certificate describes instead of naming them (SEC 1, appendix C.2).
//!
//! A description counts only when each of its numbers is that of a known curve. The author of another
//! generator could sign for any public key.

use super::der::{BIT_STRING, Der, INTEGER, OCTET_STRING, OID, SEQUENCE};
use crate::cose::Curve;

/// 1.2.840.10045.1.1
const PRIME_FIELD: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 1, 1];

/// The parameters of a curve whose cofactor is 1, without leading zeros.
struct Domain {
    curve: Curve,
    prime: &'static [u8],
    a: &'static [u8],
    b: &'static [u8],
    /// Both coordinates, of full length.
    generator: &'static [u8],
    order: &'static [u8],
}

/// NIST SP 800-186, section 3.2.1.
const DOMAINS: [Domain; 3] = [
    Domain {
        curve: Curve::P256,
        prime: &P256_PRIME,
        a: &P256_A,
        b: &P256_B,
        generator: &P256_GENERATOR,
        order: &P256_ORDER,
    },
    Domain {
        curve: Curve::P384,
        prime: &P384_PRIME,
        a: &P384_A,
        b: &P384_B,
        generator: &P384_GENERATOR,
        order: &P384_ORDER,
    },
    Domain {
        curve: Curve::P521,
        prime: &P521_PRIME,
        a: &P521_A,
        b: &P521_B,
        generator: &P521_GENERATOR,
        order: &P521_ORDER,
    },
];

/// The curve that the content of a `SpecifiedECDomain` describes, if it is exactly a known one.
pub(super) fn described(mut fields: Der<'_>) -> Option<Curve> {
    if !matches!(fields.content(INTEGER)?, [1..=3]) {
        return None;
    }
    let mut field = fields.inside(SEQUENCE)?;
    if field.content(OID)? != PRIME_FIELD {
        return None;
    }
    let prime = number(field.content(INTEGER)?)?;
    let mut equation = fields.inside(SEQUENCE)?;
    let a = without_zeros(equation.content(OCTET_STRING)?);
    let b = without_zeros(equation.content(OCTET_STRING)?);
    // Where `b` came from. It is compared itself.
    equation.optional(BIT_STRING);
    let generator = fields.content(OCTET_STRING)?;
    let order = number(fields.content(INTEGER)?)?;
    let cofactor = match fields.optional(INTEGER) {
        Some(cofactor) => number(cofactor.content)?,
        None => &[1],
    };
    // Version 3 may name the hash that made the seed.
    fields.optional(SEQUENCE);
    if !field.is_empty() || !equation.is_empty() || !fields.is_empty() || cofactor != [1] {
        return None;
    }
    let domain = DOMAINS.iter().find(|domain| {
        domain.prime == prime
            && domain.a == a
            && domain.b == b
            && domain.order == order
            && is_point(generator, domain.generator)
    });
    domain.map(|domain| domain.curve)
}

/// Whether this is the point, in its uncompressed or its compressed form.
fn is_point(found: &[u8], point: &[u8]) -> bool {
    let (x, y) = point.split_at(point.len() / 2);
    match found {
        [4, coordinates @ ..] => coordinates == point,
        [form @ (2 | 3), found @ ..] => {
            found == x && y.last().is_some_and(|last| last & 1 == form & 1)
        }
        _ => false,
    }
}

/// The content of an INTEGER that is not negative, without leading zeros.
fn number(content: &[u8]) -> Option<&[u8]> {
    let negative = content.first().is_none_or(|first| *first >= 0x80);
    (!negative).then(|| without_zeros(content))
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Bytes from hexadecimal digits in small letters, when this is compiled.
const fn hex<const N: usize>(digits: &str) -> [u8; N] {
    const fn value(digit: u8) -> u8 {
        if digit > b'9' {
            digit - b'a' + 10
        } else {
            digit - b'0'
        }
    }
    let (mut rest, mut out, mut at) = (digits.as_bytes(), [0; N], 0);
    while let [high, low, others @ ..] = rest {
        out[at] = value(*high) << 4 | value(*low);
        rest = others;
        at += 1;
    }
    out
}

const P256_PRIME: [u8; 32] =
    hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
const P256_A: [u8; 32] = hex("ffffffff00000001000000000000000000000000fffffffffffffffffffffffc");
const P256_B: [u8; 32] = hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");
const P256_GENERATOR: [u8; 64] = hex(
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e16\
     2bce33576b315ececbb6406837bf51f5",
);
const P256_ORDER: [u8; 32] =
    hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
const P384_PRIME: [u8; 48] = hex(
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
);
const P384_A: [u8; 48] = hex(
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc",
);
const P384_B: [u8; 48] = hex(
    "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
);
const P384_GENERATOR: [u8; 96] = hex(
    "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7\
     3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
);
const P384_ORDER: [u8; 48] = hex(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
);
const P521_PRIME: [u8; 66] = hex(
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
     ffffffffffffffffffffffffffffffffffff",
);
const P521_A: [u8; 66] = hex(
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
     fffffffffffffffffffffffffffffffffffc",
);
const P521_B: [u8; 65] = hex(
    "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf\
     073573df883d2c34f1ef451fd46b503f00",
);
const P521_GENERATOR: [u8; 132] = hex(
    "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ff\
     a8de3348b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17\
     273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
);
const P521_ORDER: [u8; 66] = hex(
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709\
     a5d03bb5c9b8899c47aebb6fb71e91386409",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::certificate::tests::tlv;
    use ::hex;

    /// As `openssl ecparam -param_enc explicit -outform DER` writes them.
    const OPENSSL: [(Curve, &str); 3] = [
        (
            Curve::P256,
            "3081f7020101302c06072a8648ce3d0101022100ffffffff00000001000000000000000000000000ffffffffffffffff\
             ffffffff305b0420ffffffff00000001000000000000000000000000fffffffffffffffffffffffc04205ac635d8aa3a\
             93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d360886e704936a6678e1139d26b7819f7e\
             900441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a\
             7c0f9e162bce33576b315ececbb6406837bf51f5022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3\
             b9cac2fc632551020101",
        ),
        (
            Curve::P384,
            "30820157020101303c06072a8648ce3d0101023100ffffffffffffffffffffffffffffffffffffffffffffffffffffff\
             fffffffffeffffffff0000000000000000ffffffff307b0430ffffffffffffffffffffffffffffffffffffffffffffff\
             fffffffffffffffffeffffffff0000000000000000fffffffc0430b3312fa7e23ee7e4988e056be3f82d19181d9c6efe\
             8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef031500a335926aa319a27a1d00896a6773a4827acd\
             ac73046104aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e\
             3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d\
             7c90ea0e5f023100ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77a\
             ecec196accc52973020101",
        ),
        (
            Curve::P521,
            "308201c3020101304d06072a8648ce3d0101024201ffffffffffffffffffffffffffffffffffffffffffffffffffffff\
             ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff30819f044201ffffffff\
             ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
             fffffffffffffffffffffffffc04420051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109\
             e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00031500d09e8800291cb85396cc6717\
             393284aaa0da64ba0481850400c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b\
             5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5fb42c7d1bd9\
             98f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650\
             024201fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148\
             f709a5d03bb5c9b8899c47aebb6fb71e91386409020101",
        ),
    ];

    fn curve(der: &[u8]) -> Option<Curve> {
        described(Der::new(der).inside(SEQUENCE)?)
    }

    #[test]
    fn a_described_curve_is_the_one_whose_numbers_it_has() {
        for (expected, text) in OPENSSL {
            assert_eq!(curve(&hex::decode(text).unwrap()), Some(expected));
        }
    }

    #[test]
    fn no_number_of_a_described_curve_may_differ() {
        for (expected, text) in OPENSSL {
            let whole = hex::decode(text).unwrap();
            let seed = whole.windows(3).position(|at| at == [BIT_STRING, 21, 0]);
            let seed = seed.unwrap() + 2..seed.unwrap() + 23;
            for at in (0..whole.len()).filter(|at| !seed.contains(at)) {
                for bit in [0x01, 0x80] {
                    let mut other = whole.clone();
                    other[at] ^= bit;
                    assert_eq!(curve(&other), None, "{expected:?}, byte {at}");
                }
            }
        }
    }

    /// A description of P-256 in parts, each of which a test may change.
    struct Parts {
        seed: Vec<u8>,
        generator: Vec<u8>,
        a: Vec<u8>,
        cofactor: Vec<u8>,
        tail: Vec<u8>,
    }

    fn curve_with(change: impl FnOnce(&mut Parts)) -> Option<Curve> {
        let mut parts = Parts {
            seed: Vec::new(),
            generator: [&[4], &P256_GENERATOR[..]].concat(),
            a: P256_A.to_vec(),
            cofactor: Vec::new(),
            tail: Vec::new(),
        };
        change(&mut parts);
        let prime = tlv(INTEGER, &[&[0], &P256_PRIME]);
        let (a, b) = (
            tlv(OCTET_STRING, &[&parts.a]),
            tlv(OCTET_STRING, &[&P256_B]),
        );
        curve(&tlv(
            SEQUENCE,
            &[
                &tlv(INTEGER, &[&[1]]),
                &tlv(SEQUENCE, &[&tlv(OID, &[PRIME_FIELD]), &prime]),
                &tlv(SEQUENCE, &[&a, &b, &parts.seed]),
                &tlv(OCTET_STRING, &[&parts.generator]),
                &tlv(INTEGER, &[&[0], &P256_ORDER]),
                &parts.cofactor,
                &parts.tail,
            ],
        ))
    }

    #[test]
    fn seed_and_cofactor_may_be_absent_and_the_generator_compressed() {
        assert_eq!(curve_with(|_| {}), Some(Curve::P256));
        let compressed = |form: u8| {
            curve_with(|parts| parts.generator = [&[form], &P256_GENERATOR[..32]].concat())
        };
        // The generator's y is odd.
        assert_eq!(compressed(3), Some(Curve::P256));
        assert_eq!(compressed(2), None);
        let cofactor =
            |cofactor: &[u8]| curve_with(|parts| parts.cofactor = tlv(INTEGER, &[cofactor]));
        assert_eq!(cofactor(&[1]), Some(Curve::P256));
        assert_eq!(cofactor(&[2]), None);
        assert_eq!(cofactor(&[]), None);
        let padded = curve_with(|parts| parts.a.insert(0, 0));
        assert_eq!(padded, Some(Curve::P256));
    }

    #[test]
    fn another_generator_and_anything_behind_the_numbers_are_refused() {
        // The negative of the generator generates the same group.
        let (x, y) = P256_GENERATOR.split_at(32);
        let mut borrow = 0;
        let mut negative: Vec<u8> = P256_PRIME
            .iter()
            .zip(y)
            .rev()
            .map(|(p, y)| {
                let difference = i16::from(*p) - i16::from(*y) - borrow;
                borrow = i16::from(difference < 0);
                u8::try_from(difference.rem_euclid(256)).unwrap()
            })
            .collect();
        negative.reverse();
        let negative = [&[4], x, &negative].concat();
        assert_eq!(curve_with(|parts| parts.generator = negative), None);
        assert_eq!(curve_with(|parts| parts.generator = vec![0]), None);
        assert_eq!(curve_with(|parts| parts.tail = vec![5, 0]), None);
        assert_eq!(curve_with(|parts| parts.seed = vec![5, 0]), None);
    }
}
