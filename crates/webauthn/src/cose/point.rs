//! The numbers of public keys, and whether they can be a key's (WebAuthn 5.8.5).

use super::algorithm::{Curve, Scheme};
use super::error::CoseKeyError;
use aws_lc_rs::signature::{self as aws, UnparsedPublicKey};
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use ed448_goldilocks::VerifyingKey;
use std::sync::LazyLock;

/// The key's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyMaterial {
    /// Uncompressed point: 4, x, y.
    Ec(Vec<u8>),
    /// Encoded point.
    Ed25519(Vec<u8>),
    /// Encoded point.
    Ed448(Vec<u8>),
    /// The bytes of FIPS 204.
    MlDsa(Vec<u8>),
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

/// Checks that the key is a usable point: coordinates below the prime, on the curve, not of small order (5.8.5, RFC 8032
/// section 5.1.3); or an RSA modulus without small factors (NIST SP 800-89 section 5.3.3).
pub(crate) fn check_point(scheme: Scheme, material: &KeyMaterial) -> Result<(), CoseKeyError> {
    match (scheme, material) {
        (Scheme::Ecdsa(curve, _), KeyMaterial::Ec(point)) => {
            let algorithm = match curve {
                Curve::P256 => &aws::ECDSA_P256_SHA256_ASN1,
                Curve::P384 => &aws::ECDSA_P384_SHA384_ASN1,
                Curve::P521 => &aws::ECDSA_P521_SHA512_ASN1,
                Curve::Secp256k1 => &aws::ECDSA_P256K1_SHA256_ASN1,
            };
            let parsed = UnparsedPublicKey::new(algorithm, point).parse();
            parsed
                .map(|_| ())
                .map_err(|_| CoseKeyError::PointInvalid("it is not on the curve"))
        }
        (_, KeyMaterial::Ed25519(point)) => {
            let encoded = check_ed25519(point)?;
            let point = CompressedEdwardsY(encoded).decompress();
            point
                .map(|_| ())
                .ok_or(CoseKeyError::PointInvalid("it is not on the curve"))
        }
        (_, KeyMaterial::Ed448(point)) => check_ed448(point).map(|_| ()),
        // The rest of an RSA key is checked while reading.
        (_, KeyMaterial::Rsa { modulus, .. }) if has_small_factor(modulus) => Err(
            CoseKeyError::RsaInvalid("the modulus has a factor below 752"),
        ),
        (_, KeyMaterial::Rsa { .. } | KeyMaterial::Ec(_) | KeyMaterial::MlDsa(_)) => Ok(()),
    }
}

/// The y coordinates of the eight points of small order, without the sign of x.
static SMALL_ORDER: LazyLock<[[u8; 32]; 8]> =
    LazyLock::new(|| EIGHT_TORSION.map(|point| without_sign(point.compress().to_bytes())));

/// Checks that the encoded point is canonical and not of small order. y alone decides that, without arithmetic, so it is
/// cheap enough to repeat before every signature check.
pub(crate) fn check_ed25519(encoded: &[u8]) -> Result<[u8; 32], CoseKeyError> {
    let encoded: [u8; 32] = encoded
        .try_into()
        .map_err(|_| CoseKeyError::PointInvalid("an Ed25519 key has 32 bytes"))?;
    let y = without_sign(encoded);
    if !is_below_prime(&y) {
        return Err(CoseKeyError::PointInvalid("it is not in canonical form"));
    }
    if SMALL_ORDER.contains(&y) {
        return Err(CoseKeyError::PointInvalid("it is of small order"));
    }
    Ok(encoded)
}

/// The highest bit of an encoded point is the sign of x (RFC 8032 section 5.1.2).
fn without_sign(mut encoded: [u8; 32]) -> [u8; 32] {
    encoded[31] &= 0x7f;
    encoded
}

/// Whether the little-endian number is below 2^255 - 19.
fn is_below_prime(y: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = y;
    !(*high == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *low >= 0xed)
}

/// Checks that the encoded point is canonical, on the curve and not of small order (RFC 8032 section 5.2.3). The points of small order are
/// those with y = 0, 1 or -1.
pub(crate) fn check_ed448(encoded: &[u8]) -> Result<VerifyingKey, CoseKeyError> {
    let encoded: &[u8; 57] = encoded
        .try_into()
        .map_err(|_| CoseKeyError::PointInvalid("an Ed448 key has 57 bytes"))?;
    let [low, middle @ .., sign] = encoded;
    if sign & 0x7f != 0 {
        return Err(CoseKeyError::PointInvalid("it is not in canonical form"));
    }
    // The prime is 2^448 - 2^224 - 1: little-endian 28 bytes ff, then fe, then 27 bytes ff.
    let (tail, head) = middle.split_at(27);
    let high = matches!(head, [0xfe | 0xff, rest @ ..] if rest.iter().all(|byte| *byte == 0xff));
    let lower_ones = tail.iter().all(|byte| *byte == 0xff);
    let at_least_prime = high && (head.first() == Some(&0xff) || (lower_ones && *low == 0xff));
    if at_least_prime {
        return Err(CoseKeyError::PointInvalid("it is not in canonical form"));
    }
    let zero_or_one = *low <= 1 && middle.iter().all(|byte| *byte == 0);
    let minus_one = high && lower_ones && *low == 0xfe;
    if zero_or_one || minus_one {
        return Err(CoseKeyError::PointInvalid("it is of small order"));
    }
    VerifyingKey::from_bytes(encoded)
        .map_err(|_| CoseKeyError::PointInvalid("it is not on the curve"))
}

/// Fewest bits of an RSA modulus.
pub const MIN_RSA_BITS: usize = 2048;
/// Most bits of an RSA modulus: the time of a check grows with their square.
pub const MAX_RSA_BITS: usize = 4096;

/// [`MIN_RSA_BITS`] to [`MAX_RSA_BITS`], both numbers odd and without leading zeros, 65537 <= exponent < 2^32.
pub(crate) fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), CoseKeyError> {
    let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else {
        return Err(CoseKeyError::RsaInvalid("the modulus is empty"));
    };
    if *first == 0 || exponent.first() == Some(&0) {
        return Err(CoseKeyError::RsaInvalid("a number has leading zeros"));
    }
    let bits = modulus.len() * 8 - first.leading_zeros() as usize;
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(CoseKeyError::RsaInvalid(
            "the modulus must have 2048 to 4096 bits",
        ));
    }
    if last % 2 == 0 {
        return Err(CoseKeyError::RsaInvalid("the modulus is even"));
    }
    if exponent.len() > 4 {
        return Err(CoseKeyError::RsaInvalid(
            "the exponent has more than 32 bits",
        ));
    }
    let number = exponent
        .iter()
        .fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    if number < 65_537 || number % 2 == 0 {
        return Err(CoseKeyError::RsaInvalid(
            "the exponent must be odd and at least 65537",
        ));
    }
    Ok(())
}

/// An RSA modulus has no factor below this one (NIST SP 800-89 section 5.3.3).
const SMALL: u64 = 752;

/// The odd primes below [`SMALL`], multiplied in groups that fit in 32 bits: a modulus is divided by few numbers.
static SMALL_PRIMES: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut primes: Vec<u64> = Vec::new();
    let mut products = vec![1];
    for number in (3..SMALL).step_by(2) {
        if primes.iter().any(|prime| number.is_multiple_of(*prime)) {
            continue;
        }
        primes.push(number);
        match products.last_mut() {
            Some(last) if u32::try_from(*last * number).is_ok() => *last *= number,
            _ => products.push(number),
        }
    }
    products
});

/// Whether a big-endian odd number has a prime factor below [`SMALL`].
fn has_small_factor(number: &[u8]) -> bool {
    let (first, words) = number.split_at(number.len() % 4);
    let remainder = |by: u64| {
        let add = |sum: u64, word: &[u8]| {
            let fold = |word: u64, byte: &u8| word << 8 | u64::from(*byte);
            (sum << 32 | word.iter().fold(0, fold)) % by
        };
        words.chunks(4).fold(add(0, first), add)
    };
    let common = |mut a: u64, mut b: u64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let mut products = SMALL_PRIMES.iter();
    products.any(|product| common(*product, remainder(*product)) != 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A big-endian number times a factor.
    fn times(number: &[u8], factor: u64) -> Vec<u8> {
        let mut carry = 0;
        let mut product = Vec::new();
        let high = std::iter::repeat_n(&0, 4);
        for byte in number.iter().rev().chain(high) {
            carry += u64::from(*byte) * factor;
            product.push(carry.to_le_bytes()[0]);
            carry >>= 8;
        }
        product.reverse();
        product
    }

    #[test]
    fn every_prime_factor_below_752_is_found() {
        // 2^2203 - 1 is prime, and so is 2^61 - 1.
        let mut prime = vec![0xff; 276];
        prime[0] = 0x07;
        assert!(!has_small_factor(&prime));
        assert!(!has_small_factor(&((1_u64 << 61) - 1).to_be_bytes()));
        let is_prime = |n: u64| {
            (2..n)
                .take_while(|d| d * d <= n)
                .all(|d| !n.is_multiple_of(d))
        };
        for factor in (3..1000).filter(|n| is_prime(*n)) {
            let product = times(&prime, factor);
            for start in 0..4 {
                let found = has_small_factor(&product[start..]);
                assert_eq!(found, factor < SMALL, "{factor}");
            }
        }
    }

    #[test]
    fn numbers_below_the_prime_of_curve25519_are_told_from_the_others() {
        let number = |low: u8, middle: [u8; 30], high: u8| {
            let mut y = [0; 32];
            y[0] = low;
            y[1..31].copy_from_slice(&middle);
            y[31] = high;
            y
        };
        let (ones, mut almost) = ([0xff; 30], [0xff; 30]);
        almost[17] = 0xfe;
        for (y, below) in [
            (number(0xec, ones, 0x7f), true),
            (number(0xed, ones, 0x7f), false),
            (number(0xee, ones, 0x7f), false),
            (number(0xff, ones, 0x7f), false),
            (number(0xff, almost, 0x7f), true),
            (number(0xff, [0; 30], 0x7f), true),
            (number(0xff, ones, 0x7e), true),
            (number(0, [0; 30], 0), true),
        ] {
            assert_eq!(is_below_prime(&y), below, "{y:02x?}");
        }
    }

    #[test]
    fn ed448_points_are_judged_by_their_canonical_form_then_by_their_order() {
        const CANONICAL: &str = "it is not in canonical form";
        const ORDER: &str = "it is of small order";
        let judge = |y: [u8; 57]| match check_ed448(&y) {
            Err(CoseKeyError::PointInvalid(problem @ (CANONICAL | ORDER))) => Some(problem),
            _ => None,
        };
        // Little-endian: the lowest byte, 27 bytes, the byte in the middle, 27 bytes, the sign.
        let number = |low: u8, tail: u8, middle: u8, head: u8| {
            let mut y = [0; 57];
            y[0] = low;
            y[1..28].fill(tail);
            y[28] = middle;
            y[29..56].fill(head);
            y
        };
        for (y, problem) in [
            // 0, 1, 2 and more.
            (number(0, 0, 0, 0), Some(ORDER)),
            (number(1, 0, 0, 0), Some(ORDER)),
            (number(2, 0, 0, 0), None),
            (number(0xfe, 0, 0, 0), None),
            (number(1, 1, 0, 0), None),
            (number(0, 0xff, 0xfe, 0xff), None),
            // The prime p, and its neighbours.
            (number(0xfd, 0xff, 0xfe, 0xff), None),
            (number(0xfe, 0xff, 0xfe, 0xff), Some(ORDER)),
            (number(0xff, 0xff, 0xfe, 0xff), Some(CANONICAL)),
            (number(0, 0, 0xff, 0xff), Some(CANONICAL)),
            (number(0xff, 0xff, 0xff, 0xff), Some(CANONICAL)),
            // Like p - 1 or like p in some bytes, and below it.
            (number(0xfe, 0, 0xfe, 0xff), None),
            (number(0xff, 0, 0xfe, 0xff), None),
            (number(0xfe, 0xff, 0xfe, 0xfe), None),
            (number(0xff, 0xff, 0xff, 0xfe), None),
            (number(0xff, 0xff, 0xfd, 0xff), None),
        ] {
            assert_eq!(judge(y), problem, "{y:02x?}");
        }
        let mut signed = number(2, 0, 0, 0);
        signed[56] = 0x40;
        assert_eq!(judge(signed), Some(CANONICAL));
    }
}
