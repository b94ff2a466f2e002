//! Which metadata is believed, and which models it rules out.

use domain::Reason;
use domain::service::metadata::MetadataTrust;
use testkit::metadata::{Blob, BlobLies, Entry, Service, Status};
use testkit::{Algorithm, Authenticator, Chain, Lies, Profile};

use crate::common::Answer;
use crate::support::{Binding, Device, ORIGIN};

/// A registration by a model with these reports.
async fn registers(statuses: Vec<Status>) -> Answer {
    let binding = Binding::new().await;
    let mut authenticator = Authenticator::new(Profile::security_key());
    let root = authenticator.attestation_root().unwrap();
    let entry = Entry::fido2(authenticator.profile.aaguid, root).with_statuses(statuses);
    binding.describe(vec![entry]).await;
    let options = binding
        .creation_options("mira", &serde_json::json!({}))
        .await;
    let credential = authenticator.create(&options, ORIGIN, &Lies::default());
    binding
        .stranger()
        .post("/attestation/result", &credential.unwrap())
        .await
}

async fn certified_and_then(status: &str) -> Answer {
    registers(vec![
        Status::new("FIDO_CERTIFIED_L1", "2020-01-01"),
        Status::new(status, "2025-01-01"),
    ])
    .await
}

/// Metadata that are offered with this fault, to a server that has none.
async fn refused(lies: BlobLies) -> Reason {
    let binding = Binding::new().await;
    let refusal = binding.publish(&Blob::default(), &lies).await.unwrap_err();
    assert!(binding.app.passkeys.metadata().is_none());
    refusal.reason
}

mod accepted {
    use super::*;

    #[tokio::test]
    async fn a_valid_entry() {
        registers(vec![Status::new("FIDO_CERTIFIED_L1", "2020-01-01")])
            .await
            .ok();
    }

    #[tokio::test]
    async fn a_model_that_nobody_described_is_refused() {
        let binding = Binding::new().await;
        let mut known = Device::new("basic_full", Profile::security_key());
        binding.register(&mut known, &Lies::default()).await.ok();
        let mut stranger = Authenticator::new(Profile {
            aaguid: [9; 16],
            ..Profile::security_key()
        });
        let options = binding
            .creation_options("mira", &serde_json::json!({}))
            .await;
        let credential = stranger.create(&options, ORIGIN, &Lies::default()).unwrap();
        let reply = binding
            .stranger()
            .post("/attestation/result", &credential)
            .await;
        reply.failed(Reason::AuthenticatorUnknown);
    }
}

mod refused {
    use super::*;

    /// An entry that was changed under the signature: in this version of the metadata the BLOB's signature is what the hash of
    /// single entries was in earlier ones.
    #[tokio::test]
    async fn a_blob_whose_entries_are_not_those_that_were_signed() {
        let binding = Binding::new().await;
        let signed = binding.metadata.sign(&Blob::default()).unwrap();
        let other = binding
            .metadata
            .sign(&Blob::of(vec![Entry::fido2([1; 16], Vec::new())]))
            .unwrap();
        let parts: Vec<&str> = signed.split('.').collect();
        let payload = other.split('.').nth(1).unwrap();
        let swapped = format!("{}.{payload}.{}", parts[0], parts[2]);
        let refusal = binding
            .app
            .passkeys
            .import_metadata(
                swapped.as_bytes(),
                domain::model::metadata::MetadataSource::Fetch,
            )
            .await
            .unwrap_err();
        assert_eq!(refusal.reason, Reason::MetadataUntrusted);
    }

    #[tokio::test]
    async fn a_blob_whose_signature_fails() {
        let bad = BlobLies {
            tampered_signature: true,
            ..BlobLies::default()
        };
        assert_eq!(refused(bad).await, Reason::MetadataUntrusted);
    }

    #[tokio::test]
    async fn a_blob_whose_chain_fails() {
        let mut bad = BlobLies::default();
        bad.certificates.issuer.tampered_signature = true;
        assert_eq!(refused(bad).await, Reason::MetadataUntrusted);
        let mut bad = BlobLies::default();
        bad.certificates.certificate.expired = true;
        assert_eq!(refused(bad).await, Reason::MetadataUntrusted);
    }

    /// The service's root revokes the certificate at this place of the chain.
    async fn with_a_revoked_signer(intermediates: usize, place: usize) -> Reason {
        let chain = Chain {
            intermediates,
            ..Chain::default()
        };
        let service = Service::with_chain(Algorithm::ES256, chain).unwrap();
        let text = service.sign(&Blob::default()).unwrap();
        let signers = testkit::metadata::signer_certificates(&text).unwrap();
        let list = service.revocation_list(&signers[place..=place]).unwrap();
        let trust = MetadataTrust {
            roots: vec![service.root().to_vec()],
            revocation_lists: vec![list],
            ..MetadataTrust::default()
        };
        let binding = Binding::with(service, trust, |settings| settings.conformance = true).await;
        // Signers are certified anew with each BLOB, and only those of the first one are revoked.
        binding
            .publish(&Blob::default(), &BlobLies::default())
            .await
            .unwrap();
        let source = domain::model::metadata::MetadataSource::Fetch;
        let refused = binding
            .app
            .passkeys
            .import_metadata(text.as_bytes(), source)
            .await;
        refused.unwrap_err().reason
    }

    #[tokio::test]
    async fn a_blob_with_a_revoked_intermediate() {
        assert_eq!(with_a_revoked_signer(1, 1).await, Reason::MetadataUntrusted);
    }

    #[tokio::test]
    async fn a_blob_with_a_revoked_leaf() {
        assert_eq!(with_a_revoked_signer(0, 0).await, Reason::MetadataUntrusted);
    }

    #[tokio::test]
    async fn a_model_with_user_verification_bypass() {
        certified_and_then("USER_VERIFICATION_BYPASS")
            .await
            .failed(Reason::AuthenticatorStatusRefused);
    }

    #[tokio::test]
    async fn a_model_with_attestation_key_compromise() {
        certified_and_then("ATTESTATION_KEY_COMPROMISE")
            .await
            .failed(Reason::AuthenticatorStatusRefused);
    }

    #[tokio::test]
    async fn a_model_with_user_key_remote_compromise() {
        certified_and_then("USER_KEY_REMOTE_COMPROMISE")
            .await
            .failed(Reason::AuthenticatorStatusRefused);
    }

    #[tokio::test]
    async fn a_model_with_user_key_physical_compromise() {
        certified_and_then("USER_KEY_PHYSICAL_COMPROMISE")
            .await
            .failed(Reason::AuthenticatorStatusRefused);
    }
}
