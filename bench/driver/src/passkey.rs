//! Passkeys in software: attestation `none`, synced (as most passkeys are), the user verified.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, ML_DSA_44_SIGNING,
    PqdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::ValueEnum;

use crate::Failure;

/// RP ID of every server.
pub const RP_ID: &str = "localhost";
/// Origin of the page that the passkeys believe to be on.
pub const ORIGIN: &str = "http://localhost:3000";

// User present, user verified, backup eligible, backed up.
const FLAGS: u8 = 0x1d;
const ATTESTED: u8 = 0x40;

/// How a passkey signs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Algorithm {
    #[default]
    Es256,
    Eddsa,
    Rs256,
    MlDsa44,
}

/// A key pair. Making one takes longer than signing, so they are made before the load.
pub enum Key {
    Es256(EcdsaKeyPair, SystemRandom),
    Eddsa(Ed25519KeyPair),
    Rs256(RsaKeyPair, SystemRandom),
    MlDsa44(PqdsaKeyPair),
}

impl Key {
    pub fn generate(algorithm: Algorithm) -> Result<Self, Failure> {
        let random = SystemRandom::new();
        let missing = |_| "cannot make a key";
        Ok(match algorithm {
            Algorithm::Es256 => Self::Es256(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(missing)?,
                random,
            ),
            Algorithm::Eddsa => Self::Eddsa(Ed25519KeyPair::generate().map_err(missing)?),
            Algorithm::Rs256 => Self::Rs256(
                RsaKeyPair::generate(KeySize::Rsa2048).map_err(missing)?,
                random,
            ),
            Algorithm::MlDsa44 => {
                Self::MlDsa44(PqdsaKeyPair::generate(&ML_DSA_44_SIGNING).map_err(missing)?)
            }
        })
    }

    /// A key of P-256 in the form of RFC 5915.
    fn of_private_key(der: &[u8]) -> Result<Self, Failure> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .map_err(|_| "not a private key of P-256")?;
        Ok(Self::Es256(pair, SystemRandom::new()))
    }

    /// The public key as the library has it: a point, the DER of modulus and exponent, or bytes.
    pub fn public(&self) -> &[u8] {
        match self {
            Self::Es256(pair, _) => pair.public_key().as_ref(),
            Self::Eddsa(pair) => pair.public_key().as_ref(),
            Self::Rs256(pair, _) => pair.public_key().as_ref(),
            Self::MlDsa44(pair) => pair.public_key().as_ref(),
        }
    }

    /// The public key in COSE.
    fn cose(&self) -> Vec<u8> {
        let public = self.public();
        match self {
            // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
            Self::Es256(..) => [
                &[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..],
                &public[1..33],
                &[0x22, 0x58, 32],
                &public[33..],
            ]
            .concat(),
            // {1: 1, 3: -8, -1: 6, -2: x}
            Self::Eddsa(_) => {
                [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], public].concat()
            }
            // {1: 3, 3: -257, -1: n, -2: e}. The DER of a key of 2048 bits has n at 9 and the three bytes of 65537 at the end.
            Self::Rs256(..) => [
                &[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0][..],
                &public[9..265],
                &[0x21, 0x43],
                &public[267..],
            ]
            .concat(),
            // {1: 7, 3: -48, -1: pub}
            Self::MlDsa44(_) => {
                [&[0xa3, 1, 7, 3, 0x38, 47, 0x20, 0x59, 5, 0x20][..], public].concat()
            }
        }
    }

    /// The signature; of P-256 in ASN.1.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let failed = |_| "cannot sign";
        Ok(match self {
            Self::Es256(pair, random) => pair
                .sign(random, message)
                .map_err(failed)?
                .as_ref()
                .to_vec(),
            Self::Eddsa(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair, random) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, random, message, &mut signature)
                    .map_err(failed)?;
                signature
            }
            Self::MlDsa44(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature).map_err(failed)?;
                signature.truncate(length);
                signature
            }
        })
    }
}

/// A user with one passkey.
pub struct User {
    pub name: String,
    key: Arc<Key>,
    credential: [u8; 32],
    /// User handle that the server gave at registration, in base64url.
    pub handle: String,
    counter: u32,
    counts: bool,
}

impl User {
    /// Makes a user with this key. With `counts` the signature counter rises by one with every use, without it stays 0.
    pub fn new(name: String, key: Arc<Key>, counts: bool) -> Result<Self, Failure> {
        let mut credential = [0; 32];
        fill(&mut credential).map_err(|_| "no randomness")?;
        Ok(Self {
            name,
            key,
            credential,
            handle: String::new(),
            counter: 0,
            counts,
        })
    }

    /// The user with this number in a store that `seed` filled.
    fn seeded(number: u64, keys: &[Arc<Key>]) -> Result<Self, Failure> {
        let image = image("user", number);
        let key = usize::try_from(number)? % keys.len();
        Ok(Self {
            name: hex(&image[16..26]),
            key: Arc::clone(&keys[key]),
            credential: self::image("credential", number),
            handle: URL_SAFE_NO_PAD.encode(format!("YE{}", hex(&image[..16]))),
            counter: 0,
            counts: false,
        })
    }

    fn count(&mut self) -> u32 {
        self.counter += u32::from(self.counts);
        self.counter
    }

    /// The JSON members of a registration response, without the braces around them.
    pub fn create(&mut self, challenge: &str) -> String {
        let mut data = authenticator_data(self.count()).to_vec();
        data[32] |= ATTESTED;
        data.extend([0; 16]); // AAGUID
        data.extend([0, 32]);
        data.extend(self.credential);
        data.extend(self.key.cose());

        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData".to_vec();
        match u8::try_from(data.len()) {
            Ok(length) => attestation.extend([0x58, length]),
            Err(_) => {
                attestation.push(0x59);
                attestation.extend((data.len() as u16).to_be_bytes());
            }
        }
        attestation.extend(data);
        let id = URL_SAFE_NO_PAD.encode(self.credential);
        let client_data = URL_SAFE_NO_PAD.encode(client_data("webauthn.create", challenge));
        let attestation = URL_SAFE_NO_PAD.encode(attestation);
        format!(
            r#""id":"{id}","rawId":"{id}","type":"public-key","authenticatorAttachment":"platform","clientExtensionResults":{{}},"response":{{"clientDataJSON":"{client_data}","attestationObject":"{attestation}","transports":["internal","hybrid"]}}"#
        )
    }

    /// The JSON members of an authentication response, without the braces around them.
    pub fn get(&mut self, challenge: &str) -> Result<String, Failure> {
        let data = authenticator_data(self.count());
        let client_data = client_data("webauthn.get", challenge);
        let mut message = [0; 69];
        message[..37].copy_from_slice(&data);
        message[37..].copy_from_slice(digest(&SHA256, client_data.as_bytes()).as_ref());
        let id = URL_SAFE_NO_PAD.encode(self.credential);
        let client_data = URL_SAFE_NO_PAD.encode(client_data);
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(&message)?);
        let data = URL_SAFE_NO_PAD.encode(data);
        let handle = &self.handle;
        Ok(format!(
            r#""id":"{id}","rawId":"{id}","type":"public-key","authenticatorAttachment":"platform","clientExtensionResults":{{}},"response":{{"clientDataJSON":"{client_data}","authenticatorData":"{data}","signature":"{signature}","userHandle":"{handle}"}}"#
        ))
    }
}

/// So many users, spread evenly over a store that `seed` filled with `credentials` passkeys, whose keys are in a file.
pub fn seeded_users(keys: &Path, credentials: u64, count: u64) -> Result<Vec<User>, Failure> {
    let keys = std::fs::read_to_string(keys)?
        .lines()
        .map(|line| Ok(Arc::new(Key::of_private_key(&bytes(line)?)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    if keys.is_empty() {
        return Err("the file has no keys".into());
    }
    let count = count.min(credentials);
    // Where their rows lie follows from hashes and from their numbers; the order in which they sign in follows from neither.
    let mut numbers: Vec<u64> = (0..count).map(|n| n * credentials / count).collect();
    numbers.sort_by_key(|number| image("order", *number));
    numbers
        .into_iter()
        .map(|number| User::seeded(number, &keys))
        .collect()
}

/// 32 bytes that follow from a number, as `seed` makes them.
fn image(of: &str, number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, format!("{of} {number}").as_bytes()).as_ref());
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Result<Vec<u8>, Failure> {
    let byte = |at: usize| {
        let digits = hex.get(at..at + 2).ok_or("not hexadecimal")?;
        Ok(u8::from_str_radix(digits, 16)?)
    };
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Authenticator data without attested credential data.
pub fn authenticator_data(counter: u32) -> [u8; 37] {
    let mut data = [0; 37];
    data[..32].copy_from_slice(digest(&SHA256, RP_ID.as_bytes()).as_ref());
    data[32] = FLAGS;
    data[33..].copy_from_slice(&counter.to_be_bytes());
    data
}

fn client_data(kind: &str, challenge: &str) -> String {
    format!(
        r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{ORIGIN}","crossOrigin":false}}"#
    )
}
