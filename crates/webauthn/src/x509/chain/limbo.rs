//! The cases of x509-limbo that apply to certification paths: see `vectors/x509-limbo/README.md`.

use super::*;
use crate::x509::CertificateList;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The moment for cases that name none.
const MOMENT: &str = "2026-01-01T00:00:00Z";

/// Groups of cases that are not run, and why.
const LEFT_OUT: [(&str, &str); 6] = [
    (
        "bettertls::",
        "these cases are another corpus, which has not been compared",
    ),
    (
        "crl::",
        "revocation lists are read for signers of metadata only, by a module with tests of its own",
    ),
    (
        "pathlen::max-chain-depth-",
        "the longest path is a constant and cannot be set",
    ),
    (
        "rfc5280::eku::",
        "the purposes of TLS servers; each attestation format has its own rule",
    ),
    (
        "rfc5280::san::",
        "the host names of TLS servers; paths have no names to match",
    ),
    (
        "webpki::",
        "the profile of certificates for TLS servers, which attestation certificates do not follow",
    ),
];

const AUTHORITY_KEYS: &str = "key identifiers are hints for finding an issuer. Issuers are found by name and proven by \
     their signature, and certificates of authenticators lack the identifiers";
const SERIAL: &str = "serial numbers of any value occur in certificates of authenticators";
const LEAF: &str = "rules for the leaf are those of the attestation format, not of the path";

/// Cases that are accepted although the corpus wants a failure, and why.
const ACCEPTED: &[(&str, &str)] = &[
    (
        "rfc5280::aki::cross-signed-root-missing-aki",
        AUTHORITY_KEYS,
    ),
    ("rfc5280::aki::intermediate-missing-aki", AUTHORITY_KEYS),
    ("rfc5280::aki::leaf-missing-aki", AUTHORITY_KEYS),
    (
        "rfc5280::ca-as-leaf-wrong-san",
        "the host name of a TLS server; paths have no names to match",
    ),
    (
        "rfc5280::ca-empty-subject",
        "an anchor is trusted by its bytes and its key, also without a name",
    ),
    ("rfc5280::leaf-ku-keycertsign", LEAF),
    ("rfc5280::nc::not-allowed-in-ee-noncritical", LEAF),
    (
        "rfc5280::nc::permitted-dns-match-noncritical",
        "name constraints that are not critical are ignored; paths have no names to match",
    ),
    (
        "rfc5280::pc::ica-noncritical-pc",
        "policies are not evaluated, so a constraint of them that is not critical is ignored",
    ),
    (
        "rfc5280::root-non-critical-basic-constraints",
        "Basic Constraints are read and enforced whether they are critical or not",
    ),
    ("rfc5280::serial::too-long", SERIAL),
    ("rfc5280::serial::zero", SERIAL),
    ("rfc5280::ski::intermediate-missing-ski", AUTHORITY_KEYS),
    ("rfc5280::ski::root-missing-ski", AUTHORITY_KEYS),
];

/// Cases that are refused although the corpus wants a success, and why.
const REFUSED: [(&str, &str); 2] = [
    (
        "pathlen::self-issued-certs-pathlen",
        "self-issued certificates count for the path length, which is stricter than RFC 5280 6.1.4 (l)",
    ),
    (
        "rfc5280::nc::",
        "critical name constraints are not understood and so refused (RFC 5280 4.2)",
    ),
];

fn reason<'r>(list: &[(&str, &'r str)], id: &str) -> Option<&'r str> {
    let mut found = list.iter().filter(|(start, _)| id.starts_with(start));
    found.next().map(|(_, why)| *why)
}

fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

fn certificates(case: &Value, member: &str) -> CertificateList {
    let list = case[member].as_array().unwrap().iter();
    let list: Vec<_> = list.map(|pem| der(pem.as_str().unwrap())).collect();
    list.into()
}

fn moment(text: &str) -> UnixSeconds {
    let number = |from: usize, to: usize| text[from..to].parse().unwrap();
    let date = [number(0, 4), number(5, 7), number(8, 10)];
    let time = [number(11, 13), number(14, 16), number(17, 19)];
    UnixSeconds::of_civil(date, time).unwrap()
}

/// Judges the leaf with the trusted certificates as anchors and the others as known intermediates.
fn judged(case: &Value) -> Result<(), ChainError> {
    let leaf = der(case["peer_certificate"].as_str().unwrap());
    let path = parse_all([&leaf[..]].into_iter());
    lead_to_anchor(
        &path.ok_or(ChainError::Untrusted("the leaf cannot be read"))?,
        certificates(case, "trusted_certs").readable(),
        certificates(case, "untrusted_intermediates").readable(),
        moment(case["validation_time"].as_str().unwrap_or(MOMENT)),
        LeafDates::default(),
        &mut Budget::default(),
        &unrecorded,
    )
}

#[test]
#[ignore = "needs the corpus: X509_LIMBO is the path of its limbo.json"]
fn paths_are_judged_as_x509_limbo_wants_it() {
    let file = std::env::var("X509_LIMBO").expect("X509_LIMBO is the path of limbo.json");
    let corpus: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut agreed = 0;
    for case in corpus["testcases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        if reason(&LEFT_OUT, id).is_some() {
            continue;
        }
        let verdict = judged(case);
        let exception = match (case["expected_result"].as_str(), &verdict) {
            (Some("SUCCESS"), Ok(())) | (Some("FAILURE"), Err(_)) => {
                agreed += 1;
                assert_eq!(reason(ACCEPTED, id), None, "{id} is no exception any more");
                continue;
            }
            (_, Ok(())) => reason(ACCEPTED, id),
            (_, Err(_)) => reason(&REFUSED, id),
        };
        assert!(exception.is_some(), "{id}: {verdict:?}");
    }
    assert!(agreed >= 80, "only {agreed} cases agree");
}
