//! What kind of authenticator this is.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;

mod attestation;

pub use attestation::{
    AndroidKey, Authorizations, Chain, Curves, Encoding, IssuerNames, RootOfTrust, SafetyNet, Tpm,
    Validity,
};

/// The properties of an authenticator. The default is a platform passkey provider of today: ES256, format `none`, user
/// present and verified, backed up, counter at zero for ever, discoverable.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// The model identifier written into attested credential data, 16 bytes; in JSON a list of numbers.
    pub aaguid: [u8; 16],
    /// What `getTransports()` says, in this order.
    pub transports: Vec<String>,
    /// What `authenticatorAttachment` says; `None` leaves a null in the answer.
    pub attachment: Option<Attachment>,
    /// The UP flag.
    pub user_present: bool,
    /// The UV flag.
    pub user_verified: bool,
    /// The BE flag.
    pub backup_eligible: bool,
    /// The BS flag.
    pub backup_state: bool,
    /// How the signature counter moves.
    pub counter: Counter,
    /// Whether new credentials are discoverable (resident), so that an empty `allowCredentials` finds them.
    pub resident: bool,
    /// The algorithms it can do; the first one that the options offer, in the order of this list, is taken.
    pub algorithms: Vec<Algorithm>,
    /// The attestation statement format of new credentials.
    pub format: Format,
    /// Length of new credential identifiers in bytes.
    pub credential_id_length: usize,
    /// Elliptic-curve keys with a coordinate that begins with a zero byte, which one key in 128 has by chance.
    pub leading_zero_coordinate: bool,
    /// The algorithm of attestation keys where the format leaves a choice; by default `RS256` for `tpm` and
    /// `android-safetynet`, `ES256` otherwise.
    pub attestation_algorithm: Option<Algorithm>,
    /// The certificates above attestation keys.
    pub chain: Chain,
    /// What `tpm` says.
    pub tpm: Tpm,
    /// What `android-key` says.
    pub android_key: AndroidKey,
    /// What `android-safetynet` says.
    pub safetynet: SafetyNet,
    /// The statements of `compound`, in order.
    pub compound: Vec<Format>,
    /// Extension outputs of registrations, whether asked for or not.
    pub create_extensions: Extensions,
    /// Extension outputs of authentications, whether asked for or not.
    pub get_extensions: Extensions,
    /// Answer requests with the `appid` extension (section 10.1.1) as a U2F credential of that application would.
    pub uses_appid: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            aaguid: [
                0x70, 0x61, 0x73, 0x73, 0x6b, 0x65, 0x79, 0x64, 0x2d, 0x74, 0x65, 0x73, 0x74, 0x6b,
                0x69, 0x74,
            ],
            transports: vec!["internal".to_owned(), "hybrid".to_owned()],
            attachment: Some(Attachment::Platform),
            user_present: true,
            user_verified: true,
            backup_eligible: true,
            backup_state: true,
            counter: Counter::Zero,
            resident: true,
            algorithms: Algorithm::ALL.to_vec(),
            format: Format::None,
            credential_id_length: 32,
            leading_zero_coordinate: false,
            attestation_algorithm: None,
            chain: Chain::default(),
            tpm: Tpm::default(),
            android_key: AndroidKey::default(),
            safetynet: SafetyNet::default(),
            compound: vec![Format::PackedX5c, Format::PackedSelf],
            create_extensions: Extensions::default(),
            get_extensions: Extensions::default(),
            uses_appid: false,
        }
    }
}

impl Profile {
    /// A roaming security key: one device, not backed up, a counter that grows, packed attestation with a certificate.
    pub fn security_key() -> Self {
        Self {
            transports: vec!["nfc".to_owned(), "usb".to_owned()],
            attachment: Some(Attachment::CrossPlatform),
            backup_eligible: false,
            backup_state: false,
            counter: Counter::Increasing,
            format: Format::PackedX5c,
            ..Self::default()
        }
    }

    /// A U2F key behind the CTAP1 mapping: no model identifier, no user verification, not discoverable.
    pub fn u2f() -> Self {
        Self {
            aaguid: [0; 16],
            user_verified: false,
            resident: false,
            format: Format::FidoU2f,
            algorithms: vec![Algorithm::ES256],
            ..Self::security_key()
        }
    }

    /// The same authenticator, able to do `algorithm` only.
    #[must_use]
    pub fn with_algorithm(self, algorithm: Algorithm) -> Self {
        Self {
            algorithms: vec![algorithm],
            ..self
        }
    }

    /// The same authenticator with another attestation statement format.
    #[must_use]
    pub fn with_format(self, format: Format) -> Self {
        Self { format, ..self }
    }
}

/// `authenticatorAttachment` of section 5.4.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// Part of the client device.
    Platform,
    /// Roaming.
    CrossPlatform,
}

impl Attachment {
    /// The string of the specification.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::CrossPlatform => "cross-platform",
        }
    }
}

/// How the signature counter of a credential moves (section 6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// It has none: always zero.
    Zero,
    /// One more with each assertion, beginning with 1 at the first one after registration.
    Increasing,
}

/// Attestation statement formats of section 8. Further formats get a variant here and an arm in `attestation.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `none` (8.7).
    None,
    /// `packed` without `x5c`: signed with the credential's own key (8.2).
    PackedSelf,
    /// `packed` with a leaf certificate of the authenticator's own authority (8.2).
    PackedX5c,
    /// `tpm` (8.3), for RSA keys and those on P-256, P-384, P-521.
    Tpm,
    /// `android-key` (8.4).
    AndroidKey,
    /// `android-safetynet` (8.5).
    AndroidSafetynet,
    /// `fido-u2f` (8.6), for elliptic-curve keys.
    FidoU2f,
    /// `apple` (8.8).
    Apple,
    /// `compound` (8.9) of the formats that the profile lists.
    Compound,
}

/// Extension outputs. Authenticator outputs are JSON values, of which an object with the only member `base64url` is a byte
/// string: `{"credProtect": 2, "hmac-secret": true, "credBlob": {"base64url": "AAEC"}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extensions {
    /// Outputs in authenticator data; an empty map leaves the ED flag clear.
    pub authenticator: Map<String, Value>,
    /// Outputs in `clientExtensionResults`, beside the ones that the client makes itself (`credProps`, `appid`,
    /// `appidExclude`), and before them when the names are the same.
    pub client: Map<String, Value>,
}
