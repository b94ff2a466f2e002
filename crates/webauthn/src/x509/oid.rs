//! Object identifiers in their encoded form.

pub(crate) const COMMON_NAME: &[u8] = &[0x55, 4, 3];
pub(crate) const COUNTRY: &[u8] = &[0x55, 4, 6];
pub(crate) const ORGANISATION: &[u8] = &[0x55, 4, 10];
pub(crate) const ORGANISATIONAL_UNIT: &[u8] = &[0x55, 4, 11];
pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
pub(crate) const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 17];
pub(crate) const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 32];
pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
/// 1.3.6.1.4.1.45724.1.1.2, .4 and .5: serial number, AAGUID and firmware version of a FIDO authenticator.
pub(crate) const FIDO_SERIAL_NUMBER: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0xe5, 0x1c, 1, 1, 2];
pub(crate) const FIDO_AAGUID: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0xe5, 0x1c, 1, 1, 4];
pub(crate) const FIDO_FIRMWARE_VERSION: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0xe5, 0x1c, 1, 1, 5];
/// 1.2.840.113635.100.8.2
pub(crate) const APPLE_NONCE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 8, 2];
/// 1.3.6.1.4.1.11129.2.1.17
pub(crate) const ANDROID_KEY_DESCRIPTION: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 1, 17];
/// 2.23.133.2.1, .2 and .3
pub(crate) const TPM_MANUFACTURER: &[u8] = &[0x67, 0x81, 5, 2, 1];
pub(crate) const TPM_MODEL: &[u8] = &[0x67, 0x81, 5, 2, 2];
pub(crate) const TPM_VERSION: &[u8] = &[0x67, 0x81, 5, 2, 3];
/// 2.23.133.8.3, tcg-kp-AIKCertificate
pub(crate) const AIK_CERTIFICATE: &[u8] = &[0x67, 0x81, 5, 8, 3];

pub(crate) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
pub(crate) const P384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
pub(crate) const P521: &[u8] = &[0x2b, 0x81, 4, 0, 35];
pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
pub(crate) const SECP256K1: &[u8] = &[0x2b, 0x81, 4, 0, 10];
pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
pub(crate) const ED448: &[u8] = &[0x2b, 0x65, 0x71];
/// id-ml-dsa-44, -65 and -87 without their last byte.
pub(crate) const ML_DSA: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3];
pub(crate) const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
/// id-sha256, id-sha384 and id-sha512 without their last byte.
pub(crate) const SHA2: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2];
/// ecdsa-with-SHA... and sha...WithRSAEncryption without their last byte, which names the hash.
pub(crate) const ECDSA_WITH: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3];
pub(crate) const RSA_WITH: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];
