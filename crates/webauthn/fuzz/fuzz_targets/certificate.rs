//! Certificates: alone, and in chains.
//!
//! The first byte chooses a registration with a chain, the second what is done; the rest are elements, each behind its length in
//! two bytes.
#![no_main]
use fuzzing::{Registration, cbor_bytes, choose, of_format};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use webauthn::RegistrationExpectation;
use webauthn::attestation::AttestationPolicy;
use webauthn::cbor::{self, KeyOrder, Value};

static FIXTURES: LazyLock<Vec<&'static Registration>> = LazyLock::new(|| {
    let fixtures = ["packed", "tpm", "apple", "fido-u2f"]
        .into_iter()
        .flat_map(of_format);
    fixtures
        .filter(|fixture| chain(fixture).is_some() && fixture.anchor.is_some())
        .collect()
});

fn chain(fixture: &Registration) -> Option<Vec<Vec<u8>>> {
    let statement = cbor::read(&fixture.statement, KeyOrder::Any).ok()?;
    let chain = statement.get("x5c")?.as_array()?;
    chain
        .iter()
        .map(|one| one.as_bytes().map(<[u8]>::to_vec))
        .collect()
}

/// The statement with other certificates.
fn object(fixture: &Registration, certificates: &[Vec<u8>]) -> Option<Vec<u8>> {
    let statement = cbor::read(&fixture.statement, KeyOrder::Any).ok()?;
    let entries = statement.as_map()?.iter().cloned();
    let entries = entries.map(|(key, value)| {
        if key.as_text() == Some("x5c") {
            let list = certificates.iter().map(|one| Value::Bytes(one)).collect();
            (key, Value::Array(list))
        } else {
            (key, value)
        }
    });
    Some(fixture.object_with(&cbor_bytes(&Value::Map(entries.collect()))))
}

fn elements(mut input: &[u8]) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    while let [high, low, rest @ ..] = input {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (element, behind) = rest.split_at(length);
        elements.push(element.to_vec());
        input = behind;
    }
    elements
}

fuzz_target!(|input: &[u8]| {
    let Some((fixture, input)) = choose(&FIXTURES, input) else {
        return;
    };
    let Some((how, input)) = input.split_first() else {
        return;
    };
    let (Some(truth), Some(anchor)) = (chain(fixture), &fixture.anchor) else {
        return;
    };
    let elements = elements(input);
    let judge = |certificates: &[Vec<u8>], anchors: Vec<Vec<u8>>, known: Vec<Vec<u8>>| {
        let expected = RegistrationExpectation {
            attestation: AttestationPolicy {
                trust_anchors: anchors.into(),
                intermediates: known.into(),
                ..fixture.expected.attestation.clone()
            },
            ..fixture.expected.clone()
        };
        let object = object(fixture, certificates)?;
        let credential = fixture.with(&fixture.client_data_json, &object);
        fixture.judge_by(&expected, &credential)
    };
    match how % 4 {
        // Another leaf, which did not sign the statement: accepted only when its key did.
        0 => {
            let mut chain = truth;
            if let Some(leaf) = elements.into_iter().next() {
                chain[0] = leaf;
            }
            let _ = judge(&chain, Vec::new(), Vec::new());
        }
        // Others behind the true leaf: they make no chain to a root that certified nothing of it.
        1 => {
            let foreign = FIXTURES.iter().filter_map(|other| other.anchor.clone());
            let foreign: Vec<_> = foreign.filter(|other| other != anchor).take(2).collect();
            let mut chain = vec![truth[0].clone()];
            chain.extend(elements);
            assert!(judge(&chain, foreign, chain.clone()).is_none());
        }
        // The same with the true root.
        2 => {
            let mut chain = vec![truth[0].clone()];
            chain.extend(elements.iter().cloned());
            let _ = judge(&chain, vec![anchor.clone()], elements);
        }
        // Certificates that the operator configured: what cannot be read is no anchor, and takes nothing from the others.
        _ => {
            let _ = judge(&truth, elements.clone(), elements.clone());
            let mut anchors = elements;
            anchors.truncate(8);
            anchors.push(anchor.clone());
            let all = judge(&truth, anchors, Vec::new());
            assert!(all.is_some() || judge(&truth, vec![anchor.clone()], Vec::new()).is_none());
        }
    }
});
