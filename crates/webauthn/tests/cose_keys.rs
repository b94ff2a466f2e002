//! COSE keys (5.8.5, 6.5.1.1): type, curve and algorithm agree, nothing else is in the key, and it is a usable one.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{EVERY_ALGORITHM, Key};
use minicbor::Encoder;
use webauthn::Reason;
use webauthn::cose::{CoseAlgorithm, CoseKeyError, PublicKey};

/// The value of one label.
#[derive(Clone)]
enum Field {
    Number(i64),
    Bytes(Vec<u8>),
    Bool(bool),
}

use Field::{Bool, Bytes, Number};

fn encode(fields: &[(i64, Field)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut cbor = Encoder::new(&mut bytes);
    cbor.map(fields.len() as u64).unwrap();
    for (label, field) in fields {
        cbor.i64(*label).unwrap();
        match field {
            Number(number) => cbor.i64(*number).unwrap(),
            Bytes(bytes) => cbor.bytes(bytes).unwrap(),
            Bool(value) => cbor.bool(*value).unwrap(),
        };
    }
    bytes
}

#[track_caller]
fn refused(fields: &[(i64, Field)], reason: Reason) {
    let outcome = PublicKey::parse(&encode(fields)).map_err(|error| error.reason());
    assert_eq!(outcome, Err(reason));
}

/// A P-256 key's fields.
fn p256() -> Vec<(i64, Field)> {
    let key = Key::es256();
    let point = key.public();
    vec![
        (1, Number(2)),
        (3, Number(-7)),
        (-1, Number(1)),
        (-2, Bytes(point[1..33].to_vec())),
        (-3, Bytes(point[33..].to_vec())),
    ]
}

fn with(mut fields: Vec<(i64, Field)>, label: i64, field: Field) -> Vec<(i64, Field)> {
    fields
        .iter_mut()
        .find(|(known, _)| *known == label)
        .unwrap()
        .1 = field;
    fields
}

fn without(mut fields: Vec<(i64, Field)>, label: i64) -> Vec<(i64, Field)> {
    fields.retain(|(known, _)| *known != label);
    fields
}

fn ed25519(x: Vec<u8>) -> Vec<(i64, Field)> {
    vec![
        (1, Number(1)),
        (3, Number(-8)),
        (-1, Number(6)),
        (-2, Bytes(x)),
    ]
}

fn rsa(modulus: Vec<u8>, exponent: Vec<u8>) -> Vec<(i64, Field)> {
    vec![
        (1, Number(3)),
        (3, Number(-257)),
        (-1, Bytes(modulus)),
        (-2, Bytes(exponent)),
    ]
}

/// Whether a big-endian number has an odd factor below 752.
fn has_small_factor(number: &[u8]) -> bool {
    let remainder = |by: u32| {
        let fold = |sum: u32, byte: &u8| (sum * 256 + u32::from(*byte)) % by;
        number.iter().fold(0, fold)
    };
    (3..752).step_by(2).any(|by| remainder(by) == 0)
}

/// A number of this many bits with the top and the lowest bit set, and without a small factor.
fn odd(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    if !bits.is_multiple_of(8) {
        bytes[0] = u8::try_from((1u32 << (bits % 8)) - 1).unwrap();
    }
    let mut last = u16::MAX;
    while bits > 16 && has_small_factor(&bytes) {
        last -= 2;
        let place = bytes.len() - 2;
        bytes[place..].copy_from_slice(&last.to_be_bytes());
    }
    bytes
}

const E: [u8; 3] = [1, 0, 1];

#[test]
fn keys_of_every_algorithm_are_accepted() {
    for algorithm in EVERY_ALGORITHM {
        assert_eq!(
            PublicKey::parse(&Key::new(*algorithm).cose())
                .unwrap()
                .algorithm(),
            *algorithm
        );
        assert!(algorithm.is_supported() && algorithm.name() != "unknown");
    }
    assert_eq!(
        (
            CoseAlgorithm::RS1.is_supported(),
            CoseAlgorithm::SUPPORTED.contains(&CoseAlgorithm::RS1),
            CoseAlgorithm(-46).is_supported(),
            CoseAlgorithm(-46).name()
        ),
        (false, false, false, "unknown")
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of combinations")]
fn type_curve_and_algorithm_agree_in_every_combination() {
    // What belongs together, written down once more and independently of the code.
    let table: &[(i64, i64, Option<i64>)] = &[
        (-7, 2, Some(1)),
        (-9, 2, Some(1)),
        (-35, 2, Some(2)),
        (-51, 2, Some(2)),
        (-36, 2, Some(3)),
        (-52, 2, Some(3)),
        (-47, 2, Some(8)),
        (-53, 1, Some(7)),
        (-48, 7, None),
        (-49, 7, None),
        (-50, 7, None),
        (-8, 1, Some(6)),
        (-19, 1, Some(6)),
        (-37, 3, None),
        (-38, 3, None),
        (-39, 3, None),
        (-257, 3, None),
        (-258, 3, None),
        (-259, 3, None),
    ];
    assert_eq!(table.len(), CoseAlgorithm::SUPPORTED.len());
    let keys: Vec<Key> = [-7, -35, -36, -47, -8, -53, -257, -48, -49, -50]
        .map(|id| Key::new(CoseAlgorithm(id)))
        .into();
    let mut accepted = 0;
    for key in &keys {
        let cose = key.cose();
        let (own_type, own_curve) = match key.algorithm().0 {
            -7 => (2, Some(1)),
            -35 => (2, Some(2)),
            -36 => (2, Some(3)),
            -47 => (2, Some(8)),
            -8 => (1, Some(6)),
            -53 => (1, Some(7)),
            -257 => (3, None),
            _ => (7, None),
        };
        // The value of -1 and what follows, as they stand in the key.
        let mut position = minicbor::Decoder::new(&cose);
        position.map().unwrap();
        for _ in 0..5 {
            position.i64().unwrap();
        }
        let (curve_or_modulus, rest) = match own_curve {
            Some(_) => {
                position.i64().unwrap();
                (None, cose[position.position()..].to_vec())
            }
            None => (Some(()), cose[position.position()..].to_vec()),
        };
        for kty in 0..=8 {
            for crv in 0..=8 {
                for (alg, ..) in table.iter().chain(&[
                    (-46, 0, None),
                    (-65535, 0, None),
                    (0, 0, None),
                    (i64::MIN, 0, None),
                ]) {
                    let mut bytes = Vec::new();
                    let mut cbor = Encoder::new(&mut bytes);
                    cbor.map(match own_type {
                        2 => 5,
                        7 => 3,
                        _ => 4,
                    })
                    .unwrap();
                    cbor.i64(1)
                        .unwrap()
                        .i64(kty)
                        .unwrap()
                        .i64(3)
                        .unwrap()
                        .i64(*alg)
                        .unwrap()
                        .i64(-1)
                        .unwrap();
                    if curve_or_modulus.is_none() {
                        cbor.i64(crv).unwrap();
                    } else if crv != 0 {
                        continue;
                    }
                    bytes.extend(&rest);
                    let belongs = kty == own_type
                        && table.iter().any(|row| {
                            row.0 == *alg
                                && row.1 == kty
                                // The parameter sets of ML-DSA differ in the length of the key.
                                && (own_type != 7 || key.algorithm().0 == *alg)
                                && (own_curve.is_none()
                                    || (row.2 == own_curve && Some(crv) == own_curve))
                        });
                    let outcome = PublicKey::parse(&bytes);
                    assert_eq!(
                        outcome.is_ok(),
                        belongs,
                        "{own_type} as {kty} {crv} {alg}: {outcome:?}"
                    );
                    accepted += usize::from(belongs);
                }
            }
        }
    }
    // Two ids for each of four curves, one for the others, six for RSA, one for each parameter set of ML-DSA.
    assert_eq!(accepted, 4 * 2 + 2 + 6 + 3);
}

#[test]
fn the_fields_that_a_key_needs_are_there_with_their_types() {
    for label in [1, 3, -1, -2, -3] {
        refused(&without(p256(), label), Reason::CoseKeyMalformed);
        refused(
            &with(p256(), label, Bytes(vec![1])),
            if label > -2 {
                Reason::CoseKeyMalformed
            } else {
                Reason::CoseKeyPointInvalid
            },
        );
    }
    for label in [-2, -3] {
        refused(&with(p256(), label, Number(1)), Reason::CoseKeyMalformed);
    }
    refused(&[], Reason::CoseKeyMalformed);
    assert_eq!(
        PublicKey::parse(&[0x80]).unwrap_err().reason(),
        Reason::CoseKeyMalformed
    );
    assert_eq!(
        PublicKey::parse(&[]).unwrap_err().reason(),
        Reason::CoseKeyMalformed
    );
    assert_eq!(
        PublicKey::parse(&[encode(&p256()), vec![0]].concat())
            .unwrap_err()
            .reason(),
        Reason::CoseKeyMalformed
    );
}

#[test]
fn what_is_wrong_with_a_field_is_named() {
    let error = |fields: &[(i64, Field)]| PublicKey::parse(&encode(fields)).unwrap_err();
    assert_eq!(
        error(&without(p256(), -1)),
        CoseKeyError::Label {
            label: -1,
            expected: "the curve, an integer"
        }
    );
    assert_eq!(
        error(&[(1, Number(7)), (3, Number(-48)), (-1, Bytes(vec![1; 1311]))]),
        CoseKeyError::Label {
            label: -1,
            expected: "a public key of the parameter set's length"
        }
    );
    for label in [-2, -3] {
        for length in [31, 33] {
            assert_eq!(
                error(&with(p256(), label, Bytes(vec![1; length]))),
                CoseKeyError::PointInvalid("a coordinate has not the length of the field")
            );
        }
    }
}

#[test]
fn no_other_label_is_accepted() {
    // key id, key operations, base IV, the private parts, and unknown ones.
    for (label, field) in [
        (2_i64, Bytes(vec![2])),
        (2, Bytes(vec![1])),
        (4, Number(1)),
        (5, Bytes(vec![1])),
        (-4, Bytes(vec![1; 32])),
        (-70000, Number(1)),
    ] {
        let mut fields = p256();
        let at = fields.iter().position(|(known, _)| {
            (known.is_negative(), known.abs()) > (label.is_negative(), label.abs())
        });
        fields.insert(at.unwrap_or(fields.len()), (label, field));
        refused(&fields, Reason::CoseKeyMalformed);
    }
    let mut private = ed25519(Key::new(CoseAlgorithm::EDDSA).public().to_vec());
    private.push((-4, Bytes(vec![1; 32])));
    refused(&private, Reason::CoseKeyMalformed);
    let mut private = rsa(odd(2048), E.to_vec());
    private.push((-3, Bytes(vec![1; 32])));
    refused(&private, Reason::CoseKeyMalformed);
}

#[test]
fn the_encoding_is_canonical() {
    let mut fields = p256();
    fields.swap(0, 1);
    refused(&fields, Reason::CoseKeyMalformed);
    let mut repeated = p256();
    repeated.push((-3, Number(1)));
    refused(&repeated, Reason::CoseKeyMalformed);
}

#[test]
fn points_off_the_curve_of_wrong_length_or_compressed_are_refused() {
    let invalid = Reason::CoseKeyPointInvalid;
    refused(&with(p256(), -2, Bytes(vec![0; 32])), invalid);
    refused(
        &with(with(p256(), -2, Bytes(vec![0; 32])), -3, Bytes(vec![0; 32])),
        invalid,
    );
    refused(&with(p256(), -3, Bytes(vec![1; 31])), invalid);
    refused(&with(p256(), -3, Bytes(vec![1; 33])), invalid);
    refused(&with(p256(), -3, Bytes(vec![])), invalid);
    refused(&with(p256(), -3, Bool(true)), invalid);
    refused(&with(p256(), -3, Bool(false)), invalid);
    // x at and above the prime of P-256.
    let prime =
        hex::decode("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff").unwrap();
    refused(&with(p256(), -2, Bytes(prime)), invalid);
    refused(&with(p256(), -2, Bytes(vec![0xff; 32])), invalid);
    // x = 5 is on P-256; x = 5 + p would need more bytes, so the y of another point is tried.
    let Bytes(y) = p256().pop().unwrap().1 else {
        panic!()
    };
    refused(&with(p256(), -3, Bytes(y)), invalid);
}

#[test]
fn ed25519_keys_of_small_order_or_not_canonical_are_refused() {
    let small_order = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        // The same points in forms with y at or above the prime.
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0100000000000000000000000000000000000000000000000000000000000080",
    ];
    for point in small_order {
        refused(
            &ed25519(hex::decode(point).unwrap()),
            Reason::CoseKeyPointInvalid,
        );
    }
    // Every y between the prime and 2^255, with both signs: small order, off the curve, or not canonical.
    for low in 0xed..=0xff_u8 {
        for high in [0x7f, 0xff] {
            let mut y = vec![0xff; 32];
            (y[0], y[31]) = (low, high);
            refused(&ed25519(y), Reason::CoseKeyPointInvalid);
        }
    }
    // About half of all numbers are the y of a point.
    let (on, off): (Vec<u8>, Vec<u8>) = (2..102).partition(|y| {
        let mut encoded = vec![0; 32];
        encoded[0] = *y;
        PublicKey::parse(&encode(&ed25519(encoded))).is_ok()
    });
    assert!(on.len() > 25 && off.len() > 25, "{on:?}");
    let good = Key::new(CoseAlgorithm::EDDSA).public().to_vec();
    assert!(PublicKey::parse(&encode(&ed25519(good.clone()))).is_ok());
    refused(&ed25519(good[..31].to_vec()), Reason::CoseKeyPointInvalid);
    refused(
        &ed25519([&good[..], &[0]].concat()),
        Reason::CoseKeyPointInvalid,
    );
}

#[test]
fn rsa_keys_have_2048_to_4096_bits_and_odd_numbers() {
    let invalid = Reason::CoseKeyRsaInvalid;
    for bits in [2048, 2049, 3072, 3482, 4095, 4096] {
        assert!(
            PublicKey::parse(&encode(&rsa(odd(bits), E.to_vec()))).is_ok(),
            "{bits}"
        );
    }
    for bits in [8, 512, 1024, 2047, 4097, 8192] {
        refused(&rsa(odd(bits), E.to_vec()), invalid);
    }
    let mut even = odd(2048);
    even[255] = 0xfe;
    refused(&rsa(even, E.to_vec()), invalid);
    refused(&rsa([&[0], &odd(2048)[..]].concat(), E.to_vec()), invalid);
    refused(&rsa(vec![], E.to_vec()), invalid);
    for exponent in [
        &[][..],
        &[0],
        &[1],
        &[3],
        &[17],
        &[0xff, 0xff],
        &[1, 0, 0],
        &[1, 0, 2],
        &[0, 1, 0, 1],
        &[1, 0, 0, 0, 1],
    ] {
        refused(&rsa(odd(2048), exponent.to_vec()), invalid);
    }
    for exponent in [&[1, 0, 1][..], &[1, 0, 3], &[0xff, 0xff, 0xff, 0xff]] {
        assert!(PublicKey::parse(&encode(&rsa(odd(2048), exponent.to_vec()))).is_ok());
    }
}

#[test]
fn an_rsa_modulus_that_is_a_product_of_small_primes_is_refused() {
    let times = |number: &mut Vec<u8>, by: u32| {
        let mut carry = 0;
        for byte in number.iter_mut().rev() {
            carry += u32::from(*byte) * by;
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        while carry > 0 {
            number.insert(0, carry.to_le_bytes()[0]);
            carry >>= 8;
        }
    };
    // A power of 3, a product of odd numbers, and 2^2048 - 1.
    let mut power = vec![1];
    (0..1300).for_each(|_| times(&mut power, 3));
    let mut product = vec![1];
    (3..600).step_by(2).for_each(|by| times(&mut product, by));
    for smooth in [power, product, vec![0xff; 256]] {
        assert!((256..=512).contains(&smooth.len()) && smooth[smooth.len() - 1] % 2 == 1);
        refused(&rsa(smooth, E.to_vec()), Reason::CoseKeyRsaInvalid);
    }
    // 751 is the largest factor that is refused. The next prime is 757.
    for (factor, accepted) in [(751, false), (757, true)] {
        let mut modulus = odd(2048);
        times(&mut modulus, factor);
        let key = encode(&rsa(modulus, E.to_vec()));
        assert_eq!(PublicKey::parse(&key).is_ok(), accepted, "{factor}");
    }
}

#[test]
fn ed448_points_are_canonical_on_the_curve_and_not_of_small_order() {
    let key = |x: Vec<u8>| {
        vec![
            (1, Number(1)),
            (3, Number(-53)),
            (-1, Number(7)),
            (-2, Bytes(x)),
        ]
    };
    // The prime 2^448 - 2^224 - 1, little-endian.
    let mut prime = [0xff; 57];
    (prime[28], prime[56]) = (0xfe, 0);
    let near = |low: u8| [&[low], &prime[1..]].concat();
    let small = |low: u8| [&[low][..], &[0; 56]].concat();
    let with_sign = |mut bytes: Vec<u8>, last: u8| {
        bytes[56] = last;
        bytes
    };
    for wrong in [
        small(0),
        small(1),
        with_sign(small(0), 0x80),
        with_sign(small(1), 0x80),
        near(0xfe),
        with_sign(near(0xfe), 0x80),
        // Zero, one and more once more, above the prime.
        near(0xff),
        [vec![0; 28], vec![0xff; 28], vec![0]].concat(),
        [vec![0xff; 56], vec![0]].concat(),
        // Bits that have no meaning.
        with_sign(Key::new(CoseAlgorithm::ED448).public().to_vec(), 1),
        // Not 57 bytes.
        vec![1; 56],
        vec![1; 58],
        vec![],
    ] {
        refused(&key(wrong), Reason::CoseKeyPointInvalid);
    }
    // About half of all y are not on the curve, and most others have a part of small order.
    let on_curve = (2..=40).filter(|low| PublicKey::parse(&encode(&key(small(*low)))).is_ok());
    assert!(on_curve.count() < 20);
}

#[test]
fn ml_dsa_keys_have_the_length_of_their_parameter_set() {
    for (algorithm, length) in [(-48, 1312), (-49, 1952), (-50, 2592)] {
        for wrong in [0, length - 1, length + 1] {
            let fields = [
                (1, Number(7)),
                (3, Number(algorithm)),
                (-1, Bytes(vec![1; wrong])),
            ];
            refused(&fields, Reason::CoseKeyMalformed);
        }
    }
}

#[test]
fn rare_and_new_algorithms_are_supported() {
    for id in [
        -7, -8, -9, -19, -35, -36, -37, -38, -39, -47, -48, -49, -50, -51, -52, -53, -257, -258,
        -259,
    ] {
        assert!(
            CoseAlgorithm::SUPPORTED.contains(&CoseAlgorithm(id)),
            "{id}"
        );
    }
    assert_eq!(CoseAlgorithm::SUPPORTED.len(), 19);
    for algorithm in CoseAlgorithm::SUPPORTED {
        let expected = matches!(algorithm.0, -50..=-48);
        assert_eq!(algorithm.is_post_quantum(), expected, "{algorithm}");
    }
}
