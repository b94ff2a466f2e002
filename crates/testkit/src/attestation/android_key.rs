//! `android-key` (section 8.4).

use crate::certificate::{COMMON_NAME, Leaf, name};
use crate::der;
use crate::error::Error;
use crate::key::Key;
use crate::profile::{AndroidKey, Authorizations};

use super::{Field, Maker, Subject};

/// The extension that holds the key description.
const KEY_DESCRIPTION: &str = "1.3.6.1.4.1.11129.2.1.17";

/// Signed with the credential key, which the authority certifies together with a description of it.
pub(super) fn statement(
    subject: &Subject<'_>,
    maker: &mut Maker<'_>,
) -> Result<Vec<(&'static str, Field)>, Error> {
    let lies = maker.lies;
    let challenge = match &lies.attestation_challenge {
        Some(other) => other.clone(),
        None => subject.client_data_hash(),
    };
    let content = key_description(&maker.profile.android_key, &challenge);
    let leaf = Leaf {
        subject: name(&[(COMMON_NAME, "Android Keystore Key")]),
        extended_key_usage: Vec::new(),
        extensions: maker.own_extension(KEY_DESCRIPTION, content),
    };
    let other;
    let key = if lies.certificate.other_key {
        other = Key::generate(subject.key.algorithm())?;
        &other
    } else {
        subject.key
    };
    let signature = key.sign(&subject.signed_bytes())?;
    let chain = &maker.profile.chain;
    let certificates = maker
        .authorities
        .of(chain)?
        .certify(key, &leaf, chain, lies)?;
    Ok(vec![
        ("alg", Field::Integer(maker.statement_algorithm(key))),
        ("sig", Field::Bytes(lies.distort_signature(signature))),
        ("x5c", Field::Chain(certificates)),
    ])
}

/// `KeyDescription` of the Android keystore's attestation schema.
fn key_description(truth: &AndroidKey, challenge: &[u8]) -> Vec<u8> {
    der::sequence(&[
        der::integer(truth.version),
        der::enumerated(truth.security_level),
        der::integer(truth.version),
        der::enumerated(truth.security_level),
        der::octets(challenge),
        der::octets(&[]),
        authorization_list(&truth.software),
        authorization_list(&truth.tee),
    ])
}

fn authorization_list(list: &Authorizations) -> Vec<u8> {
    let mut elements = Vec::new();
    if let Some(purposes) = &list.purpose {
        let purposes: Vec<Vec<u8>> = purposes
            .iter()
            .map(|purpose| der::integer(*purpose))
            .collect();
        elements.push(der::explicit(1, &der::set(&purposes)));
    }
    if list.all_applications {
        elements.push(der::explicit(600, &der::null()));
    }
    if let Some(origin) = list.origin {
        elements.push(der::explicit(702, &der::integer(origin)));
    }
    if let Some(truth) = list.root_of_trust {
        let root = der::sequence(&[
            der::octets(&[0x11; 32]),
            der::boolean(truth.device_locked),
            der::enumerated(truth.verified_boot_state),
            der::octets(&[0x22; 32]),
        ]);
        let root = if truth.wrapped {
            der::octets(&root)
        } else {
            root
        };
        elements.push(der::explicit(704, &root));
    }
    if list.unknown_tag {
        elements.push(der::explicit(799, &der::octets(b"later")));
    }
    der::sequence(&elements)
}
