//! Nothing is trusted more because it could not be read: damage to one element of the metadata, or of a list of anchors, never
//! makes a ceremony accepted that was refused before.

use super::registration::{Answer, answer, answer_of, base64_of, other_root};
use super::{NOW, service};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;
use testkit::metadata::{Blob, Service};
use testkit::{Algorithm, Format, Profile, certificate_key_identifier};
use webauthn::TrustFacts;
use webauthn::attestation::AttestationPolicy;
use webauthn::attestation::UnknownModels;
use webauthn::metadata::Metadata;
use webauthn::trace::NoTrace;
use webauthn::verify_registration;

const AAGUID: &str = "aaguid";
const KEY_IDENTIFIERS: &str = "attestationCertificateKeyIdentifiers";
const STATEMENT: &str = "metadataStatement";

/// Everything that takes time to make, made once.
struct Fixture {
    service: Service,
    /// Authenticators that claim to be of the same model, and a U2F key.
    devices: Vec<Answer>,
    model: String,
    u2f_key: String,
    /// Certificates for lists of roots: that of each chain, that of another chain, and none.
    roots: Vec<String>,
    /// Certificates that a report of a compromised key may name.
    named: Vec<String>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let right = answer(Format::PackedX5c);
    let wrong = answer(Format::PackedX5c);
    let rsa = answer_of(Profile {
        attestation_algorithm: Some(Algorithm::RS256),
        ..Profile::security_key()
    });
    let u2f = answer_of(Profile::u2f());
    let model = webauthn::credential::Aaguid::new(right.aaguid).to_string();
    let roots = [&right.root, &rsa.root, &u2f.root, &other_root()];
    Fixture {
        service: service(),
        model,
        u2f_key: certificate_key_identifier(&u2f.chain()[0]).unwrap(),
        roots: roots.map(|root| base64_of(root)).to_vec(),
        named: [&right.chain()[0], &right.root, &other_root()]
            .map(|der| base64_of(der))
            .to_vec(),
        devices: vec![
            right,
            wrong,
            rsa,
            u2f,
            answer(Format::PackedSelf),
            answer(Format::None),
        ],
    }
});

/// Policies that differ in what they make of metadata.
static POLICIES: LazyLock<Vec<AttestationPolicy>> = LazyLock::new(|| {
    let base = AttestationPolicy::default;
    let roots = || {
        let devices = FIXTURE.devices.iter().take(4);
        devices.map(|device| device.root.clone()).collect()
    };
    let level = |level: &[&str]| {
        let mut policy = base();
        policy.metadata.required_levels = level.iter().map(|&level| level.to_owned()).collect();
        policy
    };
    let known = |mut policy: AttestationPolicy| {
        policy.metadata.unknown_models = UnknownModels::Refuse;
        policy
    };
    let mut refuses_nothing = level(&["FIDO_CERTIFIED_L1", "FIPS140_CERTIFIED_L2"]);
    refuses_nothing.metadata.refused_statuses.clear();
    let mut refuses_retired = base();
    refuses_retired.metadata.refused_statuses = vec!["RETIRED".to_owned()];
    vec![
        base(),
        AttestationPolicy::recorded(roots()),
        trusted_only(vec![]),
        trusted_only(roots()),
        AttestationPolicy::conformance(roots()),
        known(base()),
        known(AttestationPolicy::conformance(vec![])),
        level(&["FIDO_CERTIFIED_L1"]),
        level(&["FIDO_CERTIFIED_L1", "FIDO_CERTIFIED_L2"]),
        refuses_nothing,
        refuses_retired,
    ]
});

/// Accepts only attestation that leads to one of these anchors.
fn trusted_only(trust_anchors: Vec<Vec<u8>>) -> AttestationPolicy {
    AttestationPolicy {
        allow_none: false,
        allow_self: false,
        allow_unknown_trust: false,
        ..AttestationPolicy::recorded(trust_anchors)
    }
}

/// Is the registration accepted?
fn accepted(device: &Answer, policy: &AttestationPolicy, metadata: &Metadata) -> bool {
    let mut expected = device.expected.clone();
    expected.attestation = policy.clone();
    let facts = TrustFacts {
        metadata: Some(metadata),
    };
    verify_registration(&expected, &device.response, &facts, NOW, &mut NoTrace).is_ok()
}

/// The metadata with these entries, in JSON; `None` when they are refused as a whole, and what was in use stays.
fn metadata(entries: &str) -> Option<Metadata> {
    let payload = Blob {
        raw_entries: vec![json!("ENTRIES")],
        ..Blob::default()
    };
    let payload = payload.payload().to_string();
    let payload = payload.replace("[\"ENTRIES\"]", entries);
    super::verify(
        &FIXTURE.service,
        &FIXTURE.service.sign_text(&payload).unwrap(),
    )
    .ok()
}

/// A few of these, in any order.
fn some_of(all: Vec<String>) -> impl Strategy<Value = Vec<String>> {
    let most = all.len();
    prop::sample::subsequence(all, 0..=most).prop_shuffle()
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|&text| text.to_owned()).collect()
}

fn date() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(vec!["2020-01-01", "2030-01-01"]))
}

fn report() -> impl Strategy<Value = Value> {
    let status = prop::sample::select(vec![
        "REVOKED",
        "ATTESTATION_KEY_COMPROMISE",
        "FIDO_CERTIFIED_L1",
        "FIDO_CERTIFIED_L2",
        "NOT_FIDO_CERTIFIED",
        "FIPS140_CERTIFIED_L2",
        "UPDATE_AVAILABLE",
        "RETIRED",
        "LATER_STATUS",
    ]);
    let certificate = || prop::option::of(prop::sample::select(FIXTURE.named.clone()));
    let batch = certificate();
    let all = (status, date(), date(), certificate(), batch);
    all.prop_map(|(status, from, end, certificate, batch)| {
        let mut report = json!({"status": status});
        let members = [
            ("effectiveDate", from.map(Value::from)),
            ("sunsetDate", end.map(Value::from)),
            ("certificate", certificate.map(Value::from)),
            ("batchCertificate", batch.map(Value::from)),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                report[name] = value;
            }
        }
        report
    })
}

/// An entry about the model, or about the U2F key.
fn entry() -> impl Strategy<Value = Value> {
    let mut roots = FIXTURE.roots.clone();
    roots.push("AAAA".to_owned());
    let types = texts(&["basic_full", "basic_surrogate", "attca", "telepathy"]);
    let algorithms = texts(&["secp256r1_ecdsa_sha256_raw", "rsassa_pkcsv15_sha256_raw"]);
    (
        any::<bool>(),
        prop::bool::weighted(0.9),
        // Most of what is drawn at random is refused for several faults, and one damage shows only where there was one.
        prop_oneof![Just(FIXTURE.roots.clone()), some_of(roots)],
        prop_oneof![
            Just(texts(&["basic_full", "basic_surrogate"])),
            some_of(types)
        ],
        prop_oneof![Just(algorithms.clone()), some_of(algorithms)],
        prop::collection::vec(report(), 0..4),
    )
        .prop_map(|(u2f, stated, roots, types, algorithms, reports)| {
            let (name, identity) = if u2f {
                (KEY_IDENTIFIERS, json!(["00".repeat(20), FIXTURE.u2f_key]))
            } else {
                (AAGUID, json!(FIXTURE.model))
            };
            let mut entry = json!({"statusReports": reports});
            entry[name] = identity.clone();
            if stated {
                entry[STATEMENT] = json!({
                    "description": "Model",
                    "attestationRootCertificates": roots,
                    "attestationTypes": types,
                    "authenticationAlgorithms": algorithms,
                    "keyProtection": ["hardware"],
                    "isKeyRestricted": true,
                });
                entry[STATEMENT][name] = identity;
            }
            entry
        })
}

/// One way from a value to a value in it.
#[derive(Debug, Clone)]
enum Step {
    Member(String),
    Element(usize),
}

/// The ways to everything in a value, the value itself included.
fn paths(value: &Value) -> Vec<Vec<Step>> {
    let below: Vec<(Step, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (Step::Member(name.clone()), member))
            .collect(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(index, element)| (Step::Element(index), element))
            .collect(),
        _ => vec![],
    };
    let mut all = vec![vec![]];
    for (step, value) in below {
        for mut path in paths(value) {
            path.insert(0, step.clone());
            all.push(path);
        }
    }
    all
}

fn at<'v>(value: &'v mut Value, path: &[Step]) -> &'v mut Value {
    path.iter().fold(value, |value, step| match step {
        Step::Member(name) => &mut value[name.as_str()],
        Step::Element(index) => &mut value[*index],
    })
}

/// What is done to one element.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// This JSON stands in its place.
    Replaced(&'static str),
    /// An array that is nested more deeply than readers of JSON go.
    Buried,
    /// The member is there twice.
    Twice,
    /// It is gone.
    Dropped,
}

const DAMAGES: [Damage; 11] = [
    Damage::Replaced("7"),
    Damage::Replaced("true"),
    Damage::Replaced("null"),
    Damage::Replaced("\"\""),
    Damage::Replaced("\"*\""),
    Damage::Replaced("\"\\ud800\""),
    Damage::Replaced("{}"),
    Damage::Replaced("[]"),
    Damage::Buried,
    Damage::Twice,
    Damage::Dropped,
];

const OPTIONAL: [&str; 6] = [
    AAGUID,
    KEY_IDENTIFIERS,
    "effectiveDate",
    "sunsetDate",
    "certificate",
    "batchCertificate",
];
const ROOTS: &str = "attestationRootCertificates";
const LISTS: [&str; 3] = [ROOTS, "attestationTypes", "authenticationAlgorithms"];
const REQUIRED: [&str; 6] = [
    STATEMENT,
    "status",
    "statusReports",
    ROOTS,
    "attestationTypes",
    "authenticationAlgorithms",
];

/// Is what the damage leaves something that cannot be read, or a list that is shorter and not empty? The rest are other
/// statements of the signer, which can be read and count as they stand: another status, no certificate, an empty list.
fn is_damage(damage: Damage, path: &[Step], value: &Value, siblings: usize) -> bool {
    let name = match path {
        [.., Step::Member(name)] => Some(name.as_str()),
        _ => None,
    };
    match damage {
        Damage::Replaced("null") => name.is_none_or(|name| !OPTIONAL.contains(&name)),
        Damage::Replaced("\"*\"") => name != Some("status"),
        // No certificates, so that a report is limited by those of the other member alone.
        Damage::Replaced("[]") if name.is_some_and(|name| name.ends_with("ertificate")) => false,
        Damage::Replaced("[]") => !value.is_array(),
        Damage::Replaced(_) | Damage::Buried => true,
        Damage::Twice => name.is_some(),
        Damage::Dropped => match path {
            [.., Step::Member(list_name), Step::Element(_)] => {
                LISTS.contains(&list_name.as_str()) && siblings > 1
            }
            _ => name.is_some_and(|name| REQUIRED.contains(&name)),
        },
    }
}

/// Does this element alone say which model the entry is about?
fn identifies(entry: &Value, path: &[Step]) -> bool {
    match path {
        [] => true,
        [Step::Member(name), ..] => {
            (name == AAGUID || name == KEY_IDENTIFIERS) && entry.get(STATEMENT).is_none()
        }
        [Step::Element(_), ..] => false,
    }
}

/// The entries in JSON, with one element damaged; `None` when that would be no damage.
fn damaged(entries: &[Value], which: usize, path: &[Step], damage: Damage) -> Option<String> {
    const MARK: &str = "DAMAGED";
    let mut entries = entries.to_vec();
    let entry = &mut entries[which];
    let value = at(entry, path).clone();
    let siblings = match path.split_last() {
        Some((Step::Element(_), above)) => at(entry, above).as_array().map_or(0, Vec::len),
        _ => 0,
    };
    if !is_damage(damage, path, &value, siblings) {
        return None;
    }
    let text = match damage {
        Damage::Dropped => {
            let (last, above) = path.split_last()?;
            match (at(entry, above), last) {
                (Value::Object(members), Step::Member(name)) => drop(members.remove(name)),
                (Value::Array(elements), Step::Element(index)) => drop(elements.remove(*index)),
                _ => return None,
            }
            return Some(json!(entries).to_string());
        }
        Damage::Replaced(text) => text.to_owned(),
        Damage::Buried => format!("{}{}", "[".repeat(200), "]".repeat(200)),
        Damage::Twice => {
            let Some(Step::Member(name)) = path.last() else {
                return None;
            };
            format!("{value},\"{name}\":{value}")
        }
    };
    *at(entry, path) = json!(MARK);
    let marked = json!(entries).to_string();
    Some(marked.replace(&format!("\"{MARK}\""), &text))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512, max_global_rejects: 100_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// For all metadata, every element of an entry, every way to make it unreadable (another JSON type, no base64, no
    /// certificate, no date, nested too deeply, there twice, missing though every entry has it, or one element of a list that
    /// keeps others), every authenticator and every policy: what was refused is refused.
    ///
    /// Elements that can be read after the change are other statements, which the signature of the metadata vouches for; they
    /// are no damage. Nor is the loss of the only element that says which model an entry is about: that is the next property.
    #[test]
    fn no_damage_to_one_element_of_the_metadata_lets_a_refused_registration_pass(
        entries in prop_oneof![
            prop::collection::vec(entry(), 1),
            prop::collection::vec(entry(), 2..4),
        ],
        which in any::<prop::sample::Index>(),
        element in any::<prop::sample::Index>(),
        damage in prop::sample::select(DAMAGES.to_vec()),
    ) {
        let which = which.index(entries.len());
        let paths = paths(&entries[which]);
        let path = element.get(&paths);
        prop_assume!(!identifies(&entries[which], path));
        let after = damaged(&entries, which, path, damage);
        prop_assume!(after.is_some());
        let after = after.unwrap_or_default();
        let before = metadata(&json!(entries).to_string()).unwrap();
        // An edition that is refused changes nothing.
        let Some(metadata) = metadata(&after) else { return Ok(()) };
        prop_assert!(!metadata.dropped().is_empty() || harmless(path, damage), "it is reported");
        for policy in POLICIES.iter() {
            for device in &FIXTURE.devices {
                prop_assert!(
                    accepted(device, policy, &before) || !accepted(device, policy, &metadata),
                    "{path:?} {damage:?} {policy:?}"
                );
            }
        }
    }

    /// An entry of which nothing says any more which model it is about makes the model unknown. Where the policy wants known
    /// models, or nothing but the metadata's own roots, an attestation that was refused is refused still.
    #[test]
    fn an_entry_that_is_lost_lets_no_refused_attestation_pass_where_models_must_be_known(
        entry in entry(),
        damage in prop::sample::select(DAMAGES.to_vec()),
    ) {
        let entries = [entry];
        let after = damaged(&entries, 0, &[], damage);
        prop_assume!(after.is_some());
        let before = metadata(&json!(entries).to_string()).unwrap();
        let Some(after) = metadata(&after.unwrap_or_default()) else { return Ok(()) };
        let known = |policy: &AttestationPolicy| {
            policy.metadata.unknown_models == UnknownModels::Refuse
                || (!policy.allow_unknown_trust && policy.trust_anchors.is_empty())
        };
        for policy in POLICIES.iter().filter(|policy| known(policy)) {
            for device in FIXTURE.devices.iter().take(5) {
                prop_assert!(
                    accepted(device, policy, &before) || !accepted(device, policy, &after)
                );
            }
        }
    }

    /// For every list of anchors and every element of it that cannot be read, or is missing from a list that keeps others.
    #[test]
    fn no_damage_to_one_anchor_of_the_policy_lets_a_refused_registration_pass(
        anchors in prop::sample::subsequence(vec![0_usize, 1, 2, 3], 1..=4),
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        dropped in any::<bool>(),
        only_trusted in any::<bool>(),
    ) {
        let anchors: Vec<_> = anchors.iter().map(|of| FIXTURE.devices[*of].root.clone()).collect();
        let policy = |anchors| if only_trusted {
            trusted_only(anchors)
        } else {
            AttestationPolicy::recorded(anchors)
        };
        let mut after = anchors.clone();
        let which = which.index(anchors.len());
        if dropped {
            prop_assume!(anchors.len() > 1);
            after.remove(which);
        } else {
            let length = cut.index(after[which].len());
            after[which].truncate(length);
        }
        let none = metadata("[]").unwrap();
        let (before, after) = (policy(anchors), policy(after));
        for device in &FIXTURE.devices {
            prop_assert!(accepted(device, &before, &none) || !accepted(device, &after, &none));
        }
    }
}

/// Does nothing become unreadable? A shorter list is a list, an unknown word a word, and what only repeats the entry, or stands
/// in an entry without it, is not looked at while the entry speaks.
fn harmless(path: &[Step], damage: Damage) -> bool {
    let name = path.iter().rev().find_map(|step| match step {
        Step::Member(name) => Some(name.as_str()),
        Step::Element(_) => None,
    });
    let in_statement = matches!(path, [Step::Member(name), _, ..] if name == STATEMENT);
    match name {
        Some(AAGUID | KEY_IDENTIFIERS) => in_statement,
        Some("isKeyRestricted") => matches!(damage, Damage::Replaced("true" | "null")),
        Some("description" | "keyProtection" | "attestationTypes" | "authenticationAlgorithms") => {
            matches!(
                damage,
                Damage::Replaced("\"*\"" | "\"\"" | "null") | Damage::Dropped
            )
        }
        Some("attestationRootCertificates") => matches!(damage, Damage::Dropped),
        Some("certificate" | "batchCertificate") => matches!(damage, Damage::Replaced("[]")),
        _ => false,
    }
}
