//! Invented credentials for users who are unknown or have none, so that an approval does not tell who exists (WebAuthn
//! section 14.6.2). They follow from the name, so asking again gives the same ones, after a restart and on every node too.

use domain::Passkeys;
use domain::model::ids::UserId;
use domain::service::prepared::Prepared;
use domain::service::token_keys::MacKey;
use domain::webauthn::credential::CredentialId;
use domain::webauthn::options::CredentialDescriptor;

/// Sets decoys apart from anything else that is made with the key.
const PURPOSE: &[u8] = b"passkeyd decoy v1\0";
/// Lengths of credential ids as authenticators make them, in bytes.
const LENGTHS: [usize; 4] = [16, 20, 32, 32];

/// A user who is not there.
#[derive(Debug)]
pub struct Decoy {
    /// The id that is shown.
    pub user: UserId,
    /// The name that was asked for.
    pub name: String,
    /// The credentials that are listed.
    pub credentials: Vec<CredentialDescriptor>,
}

impl Decoy {
    /// The decoy for a name. Its key is never replaced: a user whose passkeys change with a rotation would be known as a decoy.
    pub fn of(passkeys: &Passkeys, rp: &Prepared, name: &str) -> Self {
        Self::derived(&passkeys.lasting_key(rp), name)
    }

    fn derived(key: &MacKey, name: &str) -> Self {
        let drawn = |purpose: &[u8]| key.sign(&[PURPOSE, purpose, name.as_bytes()].concat());
        let bytes = drawn(b"user\0");
        let mut user = [0; 16];
        user.copy_from_slice(&bytes[..16]);
        // Most users have one passkey, some two.
        let count = if bytes[16] < 64 { 2 } else { 1 };
        let credentials = (0..count)
            .filter_map(|number| {
                let id = drawn(&[b'c', number]);
                let length = LENGTHS[usize::from(bytes[17 + usize::from(number)]) % LENGTHS.len()];
                Some(CredentialDescriptor {
                    id: CredentialId::new(id[..length].to_vec()).ok()?,
                    transports: vec!["internal".to_owned(), "hybrid".to_owned()],
                })
            })
            .collect();
        Self {
            user: UserId(user),
            name: name.to_owned(),
            credentials,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoy_follows_from_the_key_and_the_name() {
        let ids = |key: u8, name: &str| {
            let decoy = Decoy::derived(&MacKey::new(&[key; 64]), name);
            let ids: Vec<Vec<u8>> = decoy
                .credentials
                .iter()
                .map(|c| c.id.as_bytes().to_vec())
                .collect();
            (decoy.user, ids)
        };
        assert_eq!(ids(1, "ada"), ids(1, "ada"));
        assert_ne!(ids(1, "ada").0, ids(1, "bob").0);
        assert_ne!(ids(1, "ada").1, ids(1, "bob").1);
        assert_ne!(ids(1, "ada").1, ids(2, "ada").1);
    }

    #[test]
    fn decoys_differ_in_number_and_length_as_real_credentials_do() {
        let all: Vec<Decoy> = (0..200)
            .map(|n| Decoy::derived(&MacKey::new(&[3; 64]), &format!("user-{n}")))
            .collect();
        for count in [1, 2] {
            assert!(all.iter().any(|decoy| decoy.credentials.len() == count));
        }
        for length in LENGTHS {
            assert!(
                all.iter()
                    .any(|decoy| decoy.credentials[0].id.as_bytes().len() == length)
            );
        }
    }
}
