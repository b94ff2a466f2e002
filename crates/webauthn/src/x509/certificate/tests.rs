use super::*;

fn at(tag: u8, text: &str) -> Option<i64> {
    time(Element {
        tag,
        content: text.as_bytes(),
        raw: &[],
    })
    .map(|seconds| seconds.0)
}

#[test]
fn times_of_both_kinds_are_read() {
    assert_eq!(at(UTC_TIME, "700101000000Z"), Some(0));
    assert_eq!(at(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
    assert_eq!(at(UTC_TIME, "500101000000Z"), Some(-631_152_000));
    assert_eq!(at(GENERALIZED_TIME, "20240229120000Z"), Some(1_709_208_000));
    assert_eq!(
        at(GENERALIZED_TIME, "30240101000000Z"),
        Some(33_260_976_000)
    );
    for wrong in [
        "240229120000+0100",
        "2402291200Z",
        "241329120000Z",
        "24022912000aZ",
        "20240229120000Z",
    ] {
        assert_eq!(at(UTC_TIME, wrong), None, "{wrong}");
    }
}

/// An element with these parts as its content, of fewer than 256 bytes.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u8::try_from(content.len()).unwrap();
    let long: &[u8] = if length < 0x80 { &[] } else { &[0x81] };
    [&[tag], long, &[length], &content].concat()
}

#[test]
fn basic_constraints_are_read_to_the_last_byte() {
    let read = |ca, path_length| Some(BasicConstraints { ca, path_length });
    for (text, expected) in [
        ("3000", read(false, None)),
        ("30030101ff", read(true, None)),
        // TRUE of BER, and a FALSE that DER leaves out.
        ("3003010101", read(true, None)),
        ("3003010100", read(false, None)),
        ("30060101ff020100", read(true, Some(0))),
        ("30060101ff02017f", read(true, Some(0x7f))),
        // A negative length, and one of two bytes.
        ("30060101ff020180", None),
        ("30070101ff02020080", None),
        // A boolean that is none, something behind the fields, something behind the whole.
        ("300401020101", None),
        ("30050101ff0500", None),
        ("30030101ff0500", None),
        ("", None),
    ] {
        let value = hex::decode(text).unwrap();
        assert_eq!(BasicConstraints::parse(&value), expected, "{text}");
    }
}

#[test]
fn the_parameters_of_rsassa_pss_agree_on_one_hash() {
    let hash = |last: u8| tlv(SEQUENCE, &[&tlv(OID, &[oid::SHA2, &[last]])]);
    let parameters = |message: u8, function: &[u8], mask: u8, salt: &[u8]| {
        let mask = tlv(SEQUENCE, &[&tlv(OID, &[function]), &hash(mask)]);
        let parts = [
            tlv(0xa0, &[&hash(message)]),
            tlv(0xa1, &[&mask]),
            tlv(0xa2, &[&tlv(INTEGER, &[salt])]),
        ]
        .concat();
        pss_hash(Der::new(&tlv(SEQUENCE, &[&parts])))
    };
    assert_eq!(parameters(1, oid::MGF1, 1, &[32]), Some(Hash::Sha256));
    assert_eq!(parameters(2, oid::MGF1, 2, &[48]), Some(Hash::Sha384));
    assert_eq!(parameters(3, oid::MGF1, 3, &[64]), Some(Hash::Sha512));
    // Another salt length, hash of the mask, function of the mask, an unknown hash.
    assert_eq!(parameters(1, oid::MGF1, 1, &[20]), None);
    assert_eq!(parameters(1, oid::MGF1, 2, &[32]), None);
    assert_eq!(parameters(1, oid::RSA, 1, &[32]), None);
    assert_eq!(parameters(4, oid::MGF1, 4, &[28]), None);
}

#[test]
fn keys_have_the_form_and_length_of_their_kind() {
    let usable = |kind: &[u8], parameters: &[u8], bits: &[u8]| {
        let parts = [
            tlv(SEQUENCE, &[&tlv(OID, &[kind]), parameters]),
            tlv(BIT_STRING, &[&[0], bits]),
        ]
        .concat();
        let (key, _) = public_key(Der::new(&parts)).unwrap();
        key.is_some()
    };
    let p256 = tlv(OID, &[oid::P256]);
    let point = |form: u8, length: usize| [&[form][..], &vec![7; length]].concat();
    assert!(usable(oid::EC_PUBLIC_KEY, &p256, &point(4, 64)));
    assert!(!usable(oid::EC_PUBLIC_KEY, &p256, &point(6, 64)));
    assert!(!usable(oid::EC_PUBLIC_KEY, &p256, &point(4, 63)));
    assert!(!usable(oid::EC_PUBLIC_KEY, &p256, &point(2, 32)));
    assert!(usable(oid::ED25519, &[], &[7; 32]));
    assert!(!usable(oid::ED25519, &[], &[7; 31]));
    assert!(usable(oid::ED448, &[], &[7; 57]));
    assert!(!usable(oid::ED448, &[], &[7; 58]));
}

#[test]
fn texts_are_cut_and_mended_for_people() {
    assert_eq!(shown(&[b'x'; 65]), "x".repeat(64));
    assert_eq!(shown(b"\xffx"), "\u{fffd}x");
}
