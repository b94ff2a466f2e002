//! Writes the seeds of all targets: `cargo run --bin seeds` in `crates/webauthn/fuzz`.
//!
//! They are the fixtures in the form that each target reads, so a target begins where real responses are and not at random bytes.

use std::fs;
use std::path::Path;

use fuzzing::{Registration, authentications, of_format, registrations};
use webauthn::authenticator_data::AuthenticatorData;
use webauthn::cbor::{self, KeyOrder};

const FORMATS: [&str; 8] = [
    "none",
    "packed",
    "tpm",
    "android-key",
    "android-safetynet",
    "apple",
    "fido-u2f",
    "compound",
];

/// Longest seed: beyond that, mutations hit too little that matters.
const MAX_SEED: usize = 6 * 1024;

fn main() {
    for (index, fixture) in registrations().iter().enumerate() {
        let first = [number(index)];
        seed("client_data", index, &[&fixture.client_data_json]);
        seed("authenticator_data", index, &[&fixture.authenticator_data]);
        let data = AuthenticatorData::parse(&fixture.authenticator_data);
        if let Some(attested) = data.ok().and_then(|data| data.attested) {
            seed("cose_key", index, &[attested.public_key]);
            seed("cbor", index, &[attested.public_key]);
        }
        // One of each format is enough where the whole object or the whole text is the input.
        let first_of_format = registrations()
            .iter()
            .position(|one| one.format == fixture.format);
        if first_of_format == Some(index) {
            seed(
                "attestation_object",
                index,
                &[&first, &fixture.attestation_object],
            );
            seed(
                "registration_json",
                index,
                &[&first, &fixture.credential_json()],
            );
            seed("cbor", 100 + index, &[&fixture.attestation_object]);
        }
    }
    for (index, fixture) in authentications().iter().enumerate() {
        seed("client_data", 100 + index, &[&fixture.client_data_json]);
        seed(
            "authenticator_data",
            100 + index,
            &[&fixture.authenticator_data],
        );
        if index % 4 == 0 {
            let first = [number(index)];
            seed(
                "authentication_json",
                index,
                &[&first, &fixture.credential_json()],
            );
        }
    }
    for format in FORMATS {
        let target = format!("format_{}", format.replace('-', "_"));
        for (index, fixture) in of_format(format).into_iter().enumerate() {
            seed(&target, index, &[&[number(index)], &fixture.statement]);
        }
    }
    certificates();
    metadata();
}

fn number(index: usize) -> u8 {
    u8::try_from(index).expect("fewer than 256 fixtures")
}

fn x5c(fixture: &Registration) -> Vec<Vec<u8>> {
    let statement = cbor::read(&fixture.statement, KeyOrder::Any).expect("a fixture is CBOR");
    let chain = statement
        .get("x5c")
        .and_then(cbor::Value::as_array)
        .unwrap_or_default();
    let chain = chain.iter().filter_map(cbor::Value::as_bytes);
    chain.map(<[u8]>::to_vec).collect()
}

fn certificates() {
    let formats = ["packed", "tpm", "apple", "fido-u2f"];
    let fixtures = formats.into_iter().flat_map(of_format);
    let fixtures = fixtures.filter(|fixture| !x5c(fixture).is_empty() && fixture.anchor.is_some());
    for (index, fixture) in fixtures.enumerate() {
        let mut chain = x5c(fixture);
        chain.extend(fixture.anchor.clone());
        for how in 0..4 {
            let from = usize::from(how == 1 || how == 2);
            let mut input = vec![number(index), how];
            for certificate in &chain[from.min(chain.len())..] {
                let length = u16::try_from(certificate.len()).expect("a certificate is short");
                input.extend_from_slice(&length.to_be_bytes());
                input.extend_from_slice(certificate);
            }
            if (index + usize::from(how)).is_multiple_of(4) {
                seed("certificate", index, &[&input]);
            }
        }
    }
}

fn metadata() {
    let roots = registrations()
        .iter()
        .filter_map(|fixture| fixture.anchor.as_deref());
    let root = roots.map(base64).next().unwrap_or_default();
    let entries = [
        format!(
            r#"{{"aaguid":"01020304-0506-0708-0102-030405060708","metadataStatement":{{"description":"model","aaguid":"01020304-0506-0708-0102-030405060708","protocolFamily":"fido2","attestationTypes":["basic_full"],"attestationRootCertificates":["{root}"],"keyProtection":["hardware"]}},"statusReports":[{{"status":"FIDO_CERTIFIED_L1","effectiveDate":"2020-01-01"}},{{"status":"REVOKED","effectiveDate":"2021-02-28","sunsetDate":"2022-01-01"}}],"timeOfLastStatusChange":"2020-01-01"}}"#
        ),
        r#"{"attestationCertificateKeyIdentifiers":["0102030405060708090a0b0c0d0e0f1011121314"],"metadataStatement":{"description":"u2f","protocolFamily":"u2f","attestationTypes":["basic_surrogate"],"attestationRootCertificates":[]},"statusReports":[{"status":"ATTESTATION_KEY_COMPROMISE","certificate":"AAAA"}],"timeOfLastStatusChange":"2020-01-01"}"#.to_owned(),
        r#"{"aaid":"0001#0001","statusReports":[{"status":"NOT_FIDO_CERTIFIED"}]}"#.to_owned(),
    ];
    for (index, entry) in entries.iter().enumerate() {
        let payload = format!(
            r#"{{"legalHeader":"x","no":{index},"nextUpdate":"2030-01-01","entries":[{entry}]}}"#
        );
        seed("metadata_blob", index, &[&[1], payload.as_bytes()]);
        seed(
            "metadata_blob",
            100 + index,
            &[&[0], fuzzing::metadata::sign(payload.as_bytes()).as_bytes()],
        );
    }
    let all = format!(
        r#"{{"no":7,"nextUpdate":"2030-01-01","entries":[{}]}}"#,
        entries.join(",")
    );
    seed("metadata_blob", 50, &[&[1], all.as_bytes()]);
}

fn base64(bytes: &[u8]) -> String {
    let url = webauthn::base64url::encode(bytes);
    let padding = "=".repeat((4 - url.len() % 4) % 4);
    format!("{}{padding}", url.replace('-', "+").replace('_', "/"))
}

fn seed(target: &str, index: usize, parts: &[&[u8]]) {
    let bytes = parts.concat();
    if bytes.len() > MAX_SEED {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target);
    fs::create_dir_all(&folder).expect("the folder can be made");
    fs::write(folder.join(format!("{index:03}")), bytes).expect("the seed can be written");
}
