//! The certificate of an attestation identity key (WebAuthn 8.3.1) and the vendors that there are.

use crate::attestation::certificate::require_no_authority;
use crate::attestation::{AttestationError, AttestationPolicy, TpmError};
use crate::x509::der::{Der, OID, SEQUENCE, SET, explicit};
use crate::x509::{Certificate, oid};

/// `directoryName` of `GeneralName` (RFC 5280 4.2.1.6).
const DIRECTORY_NAME: u8 = explicit(4);

/// TPM vendor ids of the TCG's registry, version 1.08: up to four ASCII characters, filled up with zeros.
const VENDORS: [&[u8; 4]; 30] = [
    b"AMD\0", // AMD
    b"ANT\0", // Ant Group
    b"ARM\0", // Arm
    b"ATML",  // Atmel
    b"BRCM",  // Broadcom
    b"CSCO",  // Cisco
    b"FLYS",  // FlySlice
    b"ROCC",  // Rockchip
    b"GOOG",  // Google
    b"HPI\0", // HP Inc.
    b"HPE\0", // HP Enterprise
    b"HISI",  // Huawei
    b"IBM\0", // IBM
    b"IFX\0", // Infineon
    b"INTC",  // Intel
    b"LEN\0", // Lenovo
    b"MSFT",  // Microsoft
    b"NSM ",  // National Semiconductor
    b"NTZ\0", // Nationz
    b"NSG\0", // NSING
    b"NTC\0", // Nuvoton
    b"QCOM",  // Qualcomm
    b"SMSN",  // Samsung
    b"SECE",  // SecEdge
    b"SNS\0", // Sinosun
    b"SMSC",  // SMSC
    b"STM ",  // ST Microelectronics
    b"TXN\0", // Texas Instruments
    b"WEC\0", // Winbond
    b"SEAL",  // SEALSQ
];

/// Ids of the conformance tools and of the official test vectors.
const TEST_VENDORS: [u32; 2] = [0xffff_f1d0, 0];

pub(super) fn require_identity_certificate(
    leaf: &Certificate<'_>,
    policy: &AttestationPolicy,
) -> Result<(), AttestationError> {
    let refuse = |rule| Err(AttestationError::CertificateRequirements(rule));
    if leaf.version != 2 {
        return refuse("it must be of version 3");
    }
    if !leaf.subject.is_empty() {
        return refuse("its subject must be empty");
    }
    let Some(names) = leaf.extension(oid::SUBJECT_ALTERNATIVE_NAME) else {
        return refuse("it must have a Subject Alternative Name");
    };
    let Some(tpm) = read_names(&names.value) else {
        return refuse("its Subject Alternative Name cannot be read");
    };
    // X.520: a directory string has at least one character, so an empty text names nothing.
    let Attributes {
        manufacturer: Some(manufacturer),
        model: Some([_, ..]),
        version: Some([_, ..]),
    } = tpm
    else {
        return refuse("its Subject Alternative Name must have manufacturer, model and version");
    };
    match leaf
        .extension(oid::EXTENDED_KEY_USAGE)
        .map(|usage| includes(&usage.value, oid::AIK_CERTIFICATE))
    {
        Some(Some(true)) => {}
        Some(Some(false)) | None => {
            return refuse("its Extended Key Usage must include tcg-kp-AIKCertificate");
        }
        Some(None) => return refuse("its Extended Key Usage cannot be read"),
    }
    require_no_authority(leaf)?;
    require_vendor(manufacturer, policy)
}

/// TCG EK profile 3.1.2: the attributes that say which TPM this is.
#[derive(Default)]
struct Attributes<'a> {
    manufacturer: Option<&'a [u8]>,
    model: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
}

/// `GeneralNames` with a `directoryName`, whose attributes stand in one relative name or in several.
fn read_names(value: &[u8]) -> Option<Attributes<'_>> {
    let mut attributes = Attributes::default();
    let mut outer = Der::new(value);
    let mut names = outer.inside(SEQUENCE)?;
    if !outer.is_empty() {
        return None;
    }
    while !names.is_empty() {
        let name = names.element()?;
        // There may be names of other kinds.
        if name.tag != DIRECTORY_NAME {
            continue;
        }
        let mut relatives = Der::new(name.content).inside(SEQUENCE)?;
        while !relatives.is_empty() {
            let mut relative = relatives.inside(SET)?;
            while !relative.is_empty() {
                let mut attribute = relative.inside(SEQUENCE)?;
                let slot = match attribute.content(OID)? {
                    oid::TPM_MANUFACTURER => Some(&mut attributes.manufacturer),
                    oid::TPM_MODEL => Some(&mut attributes.model),
                    oid::TPM_VERSION => Some(&mut attributes.version),
                    _ => None,
                };
                let text = attribute.element()?.content;
                if let Some(slot) = slot
                    && slot.replace(text).is_some()
                {
                    // Two readers could take different ones.
                    return None;
                }
            }
        }
    }
    Some(attributes)
}

/// Whether the list of object identifiers holds this one.
fn includes(value: &[u8], wanted: &[u8]) -> Option<bool> {
    let mut outer = Der::new(value);
    let mut list = outer.inside(SEQUENCE)?;
    let mut found = false;
    while !list.is_empty() {
        found |= list.content(OID)? == wanted;
    }
    outer.is_empty().then_some(found)
}

/// `id:` and eight hexadecimal digits, which are the vendor's id.
fn require_vendor(manufacturer: &[u8], policy: &AttestationPolicy) -> Result<(), AttestationError> {
    let id = vendor_id(manufacturer);
    let known = id.is_some_and(|id| {
        VENDORS
            .iter()
            .any(|vendor| u32::from_be_bytes(**vendor) == id)
            || policy.accept_test_tpm_vendor && TEST_VENDORS.contains(&id)
            || policy
                .tpm_vendors
                .iter()
                .any(|vendor| vendor_id(vendor.as_bytes()) == Some(id))
    });
    if known {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(manufacturer)
        .chars()
        .take(32)
        .collect();
    Err(TpmError::Vendor(shown).into())
}

fn vendor_id(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"id:")?;
    let digits = std::str::from_utf8(digits).ok()?;
    // The standard library's reader would also take a sign.
    if digits.len() != 8 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}
