//! The FIDO Metadata Service (3.1.1): which BLOBs are accepted, what of their entries is kept, and what follows from them for a
//! registration (7.1 steps 23-24).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

#[path = "metadata/blob.rs"]
mod blob;
#[path = "metadata/damage.rs"]
mod damage;
#[path = "metadata/entries.rs"]
mod entries;
#[path = "metadata/registration.rs"]
mod registration;

use testkit::Algorithm;
use testkit::metadata::{Blob, BlobLies, Entry, Service, Status};
use webauthn::UnixSeconds;
use webauthn::metadata::{BlobExpectation, Metadata, MetadataError, SIGNER_NAME};

/// 2026-01-01.
const NOW: UnixSeconds = UnixSeconds(1_767_225_600);
const DAY: i64 = 86_400;

fn service() -> Service {
    Service::new(Algorithm::ES256).unwrap()
}

fn expecting(roots: &[Vec<u8>]) -> BlobExpectation<'_> {
    BlobExpectation {
        roots,
        revocation_lists: &[],
        signer_name: Some(SIGNER_NAME),
        previous_no: None,
        at: NOW,
    }
}

/// Verifies a text under the service's root.
fn verify(service: &Service, text: &str) -> Result<Metadata, MetadataError> {
    Metadata::verify(text.as_bytes(), &expecting(&[service.root().to_vec()]))
}

fn verify_lies(blob: &Blob, lies: &BlobLies) -> Result<Metadata, MetadataError> {
    let service = service();
    verify(&service, &service.sign_with_lies(blob, lies).unwrap())
}

/// The verified metadata of a flawless BLOB.
fn accepted(blob: &Blob) -> Metadata {
    verify_lies(blob, &BlobLies::default()).unwrap()
}

/// Metadata with these entries.
fn of(entries: Vec<Entry>) -> Metadata {
    accepted(&Blob::of(entries))
}

/// A report without dates.
fn status(status: &str) -> Status {
    Status {
        status: status.to_owned(),
        effective_date: None,
        sunset_date: None,
        certificate: None,
    }
}
