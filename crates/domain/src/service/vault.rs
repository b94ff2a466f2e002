//! What seals the secrets in a store.
//!
//! A store that is sealed has a **store key**: 32 random bytes, which never change. In the store it lies wrapped: encrypted under the
//! [master key](crate::model::master_key), which is outside. All other keys are derived from the store key: one for each purpose. So another master key
//! only means that one small record is wrapped again.
//!
//! A wrapped store key has these bytes:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the version, 1 |
//! | 4 | the name of the master key |
//! | 12 | a nonce |
//! | 33 | encrypted: the store key, and 2 when all token keys of the store are sealed and all hashes of secrets are keyed |
//! | 16 | the tag of AES-256-GCM-SIV (RFC 8452), over all of this |

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::model::account::{Principal, SecretHash};
use crate::model::clock::Randomness;
use crate::model::master_key::{LENGTH, MasterKey, MasterKeyId, MasterKeys};
use crate::store::Fault;

/// The byte after the store key when nothing in the store is left to seal. It was 1 before hashes of secrets were keyed.
const ALL_SEALED: u8 = 2;

/// The version of a wrapped store key.
const VERSION: u8 = 1;
/// Bytes before the nonce: the version, and the name of the master key.
const HEAD: usize = 5;
/// Bytes of the tag.
const TAG: usize = 16;

/// Why the secrets of a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The store is sealed, and there is no master key.
    #[error(
        "the keys in this store are sealed under the master key {sealed}, and no master key is set"
    )]
    Missing {
        /// The master key of the store.
        sealed: MasterKeyId,
    },
    /// The store is sealed under another master key.
    #[error(
        "the keys in this store are sealed under the master key {sealed}, and the master key that is set is {given}"
    )]
    Other {
        /// The master key of the store.
        sealed: MasterKeyId,
        /// The one that is set.
        given: MasterKeyId,
    },
    /// The wrapped store key is damaged.
    #[error("the sealed store key is damaged; restore a backup of the store")]
    Damaged,
    /// A token key was sealed under another store key, or is damaged.
    #[error("a key in this store is damaged, or is sealed under another store key")]
    Foreign,
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] Fault),
}

/// Encrypts and authenticates short secrets for one purpose.
struct Cipher(LessSafeKey);

impl Cipher {
    fn new(key: &[u8; LENGTH]) -> Result<Self, VaultError> {
        let key = UnboundKey::new(&AES_256_GCM_SIV, key).map_err(|_| VaultError::Damaged)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Nonce, encrypted content and tag.
    fn seal(&self, about: &[u8], content: &[u8], randomness: &dyn Randomness) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        randomness.fill(&mut nonce);
        let mut sealed = content.to_vec();
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::from(&nonce), Aad::from(about), &mut sealed)
            .ok()?;
        Some([&nonce[..], &sealed, tag.as_ref()].concat())
    }

    fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, content) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut content = Zeroizing::new(content.to_vec());
        let length = self
            .0
            .open_in_place(nonce, Aad::from(about), &mut content)
            .ok()?
            .len();
        content.truncate(length);
        Some(content)
    }
}

/// What a secret is sealed for: its purpose, and the row that it belongs to. It opens for nothing else.
#[derive(Clone, Copy, Debug)]
pub struct SealedFor<'a> {
    /// A name of the purpose, which no other kind of secret has.
    pub purpose: &'a str,
    /// The parts of the key of the row.
    pub row: &'a [&'a [u8]],
}

impl SealedFor<'_> {
    fn about(self) -> Vec<u8> {
        let mut about = Vec::new();
        // Each part follows its length, so that no two lists have the same bytes.
        for part in std::iter::once(self.purpose.as_bytes()).chain(self.row.iter().copied()) {
            about.extend((part.len() as u64).to_be_bytes());
            about.extend(part);
        }
        about
    }
}

/// The store key of a sealed store, ready to use. It prints as a placeholder.
pub struct Vault {
    cipher: Cipher,
    /// The key of the hashes of account tokens and API keys.
    secrets: hmac::Key,
    /// The key for page tokens and kept responses.
    pub(crate) shared_secret: Zeroizing<[u8; LENGTH]>,
    pub(super) master_key: MasterKeyId,
    /// Whether a token key that is not sealed is refused.
    pub(super) all_sealed: bool,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// The store key itself.
pub(super) struct StoreKey {
    pub(super) key: MasterKey,
    pub(super) all_sealed: bool,
}

impl StoreKey {
    pub(super) fn wrapped(
        &self,
        under: &MasterKey,
        randomness: &dyn Randomness,
    ) -> Result<Vec<u8>, VaultError> {
        let mut head = vec![VERSION];
        head.extend(under.id().0);
        let mut content = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
        content.extend(self.key.bytes());
        content.push(if self.all_sealed { ALL_SEALED } else { 0 });
        let sealed = cipher_of(under)?.seal(&head, &content, randomness);
        head.extend(sealed.ok_or(VaultError::Damaged)?);
        Ok(head)
    }

    pub(super) fn unwrapped(
        wrapped: &[u8],
        keys: Option<&MasterKeys>,
    ) -> Result<(Self, MasterKeyId), VaultError> {
        let sealed = master_key_of(wrapped).ok_or(VaultError::Damaged)?;
        let keys = keys.ok_or(VaultError::Missing { sealed })?;
        let master = keys.named(sealed).ok_or_else(|| VaultError::Other {
            sealed,
            given: keys.current.id(),
        })?;
        let (head, content) = wrapped.split_at(HEAD);
        let content = cipher_of(master)?.open(head, content);
        let content = content.ok_or(VaultError::Damaged)?;
        let (all_sealed, key) = content.split_last().ok_or(VaultError::Damaged)?;
        let key = MasterKey::from_bytes(key).ok_or(VaultError::Damaged)?;
        let all_sealed = *all_sealed == ALL_SEALED;
        Ok((Self { key, all_sealed }, sealed))
    }
}

fn cipher_of(master: &MasterKey) -> Result<Cipher, VaultError> {
    Cipher::new(&master.derive(b"passkeyd store key wrap v1"))
}

/// The name of the master key under which a store key is wrapped; `None` when it is damaged.
pub fn master_key_of(wrapped: &[u8]) -> Option<MasterKeyId> {
    if wrapped.len() != HEAD + NONCE_LEN + LENGTH + 1 + TAG || wrapped.first() != Some(&VERSION) {
        return None;
    }
    Some(MasterKeyId(wrapped.get(1..HEAD)?.try_into().ok()?))
}

impl Vault {
    pub(super) fn of(store_key: &StoreKey, master_key: MasterKeyId) -> Result<Self, VaultError> {
        let key = &store_key.key;
        Ok(Self {
            cipher: Cipher::new(&key.derive(b"passkeyd sealed secrets v1"))?,
            secrets: hmac::Key::new(
                hmac::HMAC_SHA256,
                &*key.derive(b"passkeyd account secrets v1"),
            ),
            shared_secret: key.derive(b"passkeyd shared secret v1"),
            master_key,
            all_sealed: store_key.all_sealed,
        })
    }

    /// The master key under which the store was sealed when it was opened.
    pub fn master_key(&self) -> MasterKeyId {
        self.master_key
    }

    /// Whether a token key that is not sealed is refused.
    pub(crate) fn is_complete(&self) -> bool {
        self.all_sealed
    }

    /// What is stored of a secret of this owner, by the SHA-256 of the secret.
    pub(crate) fn hash_of(&self, owner: Principal, digest: &[u8; 32]) -> SecretHash {
        let (kind, id) = match owner {
            Principal::Account(id) => (b'A', id.0),
            Principal::ApiKey(id) => (b'K', id.0),
        };
        let mut context = hmac::Context::with_key(&self.secrets);
        context.update(&[kind]);
        context.update(&id);
        context.update(digest);
        let mut code = [0; 32];
        code.copy_from_slice(context.sign().as_ref());
        SecretHash::Keyed(code)
    }

    /// Seals a secret for a purpose and a row. `None` when the library cannot encrypt.
    pub fn seal(
        &self,
        of: SealedFor<'_>,
        secret: &[u8],
        randomness: &dyn Randomness,
    ) -> Option<Vec<u8>> {
        self.cipher.seal(&of.about(), secret, randomness)
    }

    /// Opens what was sealed for this purpose and row; `None` when it was not.
    pub fn unseal(&self, of: SealedFor<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.cipher.open(&of.about(), sealed)
    }
}
