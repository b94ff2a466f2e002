//! The evidence of a registration in few bytes. Most of it is in the row of its credential too, or the same in all registrations: the
//! id, the public key, the hash of the RP ID, the words of client data. So it is compressed against these.

use aws_lc_rs::digest::{SHA256, digest};
use domain::model::credential::Evidence;
use lz4_flex::block::{compress_with_dict, decompress_with_dict};

use super::sql::{Failure, Outcome};

/// What most registrations contain. A change of it would make stored evidence unreadable.
const WORDS: &[u8] = b"{\"client\":{\"credProps\":{\"rk\":true}},\"authenticator\":{}}\
    {\"type\":\"webauthn.create\",\"challenge\":\"\",\"origin\":\"https://\",\"crossOrigin\":false}\
    \xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58\xa4\xa3\x63fmt\x66packed\x67attStmt\xa3\x63alg\x26\x63sig\x58\x47";

/// Most bytes of one evidence: far more than a request may have.
const LONGEST: usize = 1 << 24;

/// What the row of a credential has in common with its evidence.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) rp_id: &'a str,
    pub(super) id: &'a [u8],
    pub(super) public_key: &'a [u8],
}

impl Known<'_> {
    fn dictionary(&self) -> Vec<u8> {
        let hash = digest(&SHA256, self.rp_id.as_bytes());
        // Authenticator data has them in this order.
        [WORDS, hash.as_ref(), self.id, self.public_key].concat()
    }
}

/// The bytes to store: the lengths of attestation object and client data, and both with the JSON of the extension outputs, compressed.
pub(super) fn pack(known: Known<'_>, evidence: &Parts<'_>) -> Vec<u8> {
    let extensions = evidence.extensions.unwrap_or_default().as_bytes();
    let all = [
        evidence.attestation_object,
        evidence.client_data_json,
        extensions,
    ]
    .concat();
    let mut packed = Vec::new();
    for length in [
        evidence.attestation_object.len(),
        evidence.client_data_json.len(),
        extensions.len(),
    ] {
        number(&mut packed, length);
    }
    packed.extend(compress_with_dict(&all, &known.dictionary()));
    packed
}

/// What is packed. Extension outputs as JSON; none, or an empty text: they were not kept.
pub(super) struct Parts<'a> {
    pub(super) attestation_object: &'a [u8],
    pub(super) client_data_json: &'a [u8],
    pub(super) extensions: Option<&'a str>,
}

/// Seven bits in each byte, the lowest first; the highest bit says that more follow.
fn number(packed: &mut Vec<u8>, mut value: usize) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            packed.push(low & 0x7f);
            return;
        }
        packed.push(low | 0x80);
    }
}

fn read_number(packed: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for place in 0..4 {
        let (first, rest) = packed.split_first()?;
        *packed = rest;
        value |= usize::from(first & 0x7f) << (7 * place);
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The evidence in stored bytes.
pub(super) fn unpack(known: Known<'_>, packed: &[u8]) -> Outcome<Evidence> {
    let unreadable = || Failure::unreadable("the evidence of a registration");
    let (object, client_data, extensions) = split(known, packed).ok_or_else(unreadable)?;
    let extensions = match &extensions[..] {
        [] => None,
        json => Some(serde_json::from_slice(json).map_err(|_| unreadable())?),
    };
    Ok(Evidence {
        attestation_object: object.into(),
        client_data_json: client_data.into(),
        extensions,
    })
}

/// Attestation object, client data, and the JSON of extension outputs.
pub(super) fn split(known: Known<'_>, mut packed: &[u8]) -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let mut lengths = [0; 3];
    for length in &mut lengths {
        *length = read_number(&mut packed)?;
    }
    let whole = lengths.iter().sum::<usize>();
    if whole > LONGEST {
        return None;
    }
    let mut object = decompress_with_dict(packed, whole, &known.dictionary()).ok()?;
    if object.len() != whole {
        return None;
    }
    let extensions = object.split_off(lengths[0] + lengths[1]);
    let client_data = object.split_off(lengths[0]);
    Some((object, client_data, extensions))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known<'_> = Known {
        rp_id: "acme.test",
        id: &[7; 32],
        public_key: &[9; 77],
    };

    #[test]
    fn evidence_of_any_length_is_read_as_it_was() {
        for length in [0, 1, 127, 128, 20_000] {
            let (object, client_data) = (vec![0xa3; length], vec![b'{'; length / 2]);
            for extensions in [None, Some(r#"{"client":{},"authenticator":{}}"#)] {
                let parts = Parts {
                    attestation_object: &object,
                    client_data_json: &client_data,
                    extensions,
                };
                let found = unpack(KNOWN, &pack(KNOWN, &parts)).unwrap();
                assert_eq!(*found.attestation_object, object);
                assert_eq!(*found.client_data_json, client_data);
                assert_eq!(found.extensions.is_some(), extensions.is_some());
            }
        }
    }

    #[test]
    fn cut_or_lengthened_evidence_is_unreadable() {
        let parts = Parts {
            attestation_object: &(0..200).collect::<Vec<u8>>(),
            client_data_json: b"{}",
            extensions: None,
        };
        let packed = pack(KNOWN, &parts);
        for length in 0..packed.len() {
            assert!(unpack(KNOWN, &packed[..length]).is_err());
        }
        for lengths in [[0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f]] {
            assert!(unpack(KNOWN, &[&lengths[..], &packed].concat()).is_err());
        }
    }
}
