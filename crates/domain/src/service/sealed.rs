//! Authentications that are sealed into their challenge: a start writes nothing, and the response brings the ceremony back.
//!
//! A sealed challenge is lower-case hexadecimal text, as every challenge, of these bytes:
//!
//! | bytes | what |
//! |---|---|
//! | 6 | when it was drawn, in milliseconds since 1970 |
//! | 1 | the version: [`SEALED`] or [`SEALED_NAMED`] |
//! | 16 | the Relying Party, in version [`SEALED_NAMED`] only |
//! | 12 | a nonce, drawn at random |
//! | any | the ceremony, encrypted |
//! | 16 | the tag of AES-256-GCM-SIV (RFC 8452), over all of this and the Relying Party |
//!
//! The key belongs to the Relying Party and is the same on every node. AES-GCM-SIV is used because nonces that are drawn at random
//! may repeat in a large installation: a repeat then shows that two ceremonies were the same, and nothing else.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use webauthn::authentication::{BackupEligibilityPolicy, ExpectedUser, Rules, SignCountPolicy};
use webauthn::credential::CredentialId;
use webauthn::options::UserVerification;
use webauthn::origin::Origin;
use webauthn::registration::CrossOrigin;
use webauthn::relying_party::RpId;

use crate::model::ceremony::{
    Authentication, AuthenticationAsked, CeremonyState, ChallengeForm, SEALED, SEALED_NAMED,
};
use crate::model::ceremony_policy::AuthenticationPolicy;
use crate::model::clock::{Randomness, Timestamp};
use crate::model::ids::{CeremonyId, CredentialKey, RelyingPartyId, TIME_LENGTH, UserId};
use crate::model::token::TokenKey;

/// Bytes of a key.
const KEY_LENGTH: usize = 32;

/// Most bytes of a sealed challenge, before it becomes text. Of a larger ceremony a row is written.
///
/// The client sends the challenge back as base64url of this text in its client data, of which passkeyd reads 4,096 bytes. This
/// leaves more than 1,100 of them for the origins and for what clients add.
const MOST: usize = 1100;

/// The key of a Relying Party that seals its ceremonies. It prints as a placeholder.
pub(crate) struct SealingKey(LessSafeKey);

impl SealingKey {
    /// Takes the first bytes of a stored key; `None` when there are not enough.
    pub(crate) fn new(key: &TokenKey) -> Option<Self> {
        let bytes = key.reveal().get(..KEY_LENGTH)?;
        let key = UnboundKey::new(&AES_256_GCM_SIV, bytes).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    /// The challenge of a ceremony, whose own challenge is ignored; `None` when it is too large.
    pub(crate) fn seal(
        &self,
        ceremony: &Authentication,
        form: ChallengeForm,
        randomness: &dyn Randomness,
    ) -> Option<Vec<u8>> {
        let rp = ceremony.relying_party;
        let mut bytes = Vec::with_capacity(256);
        bytes.extend(ceremony.created.to_six_bytes());
        match form {
            ChallengeForm::Timed => bytes.push(SEALED),
            ChallengeForm::NamesRelyingParty => {
                bytes.push(SEALED_NAMED);
                bytes.extend(rp.0);
            }
        }
        let mut nonce = [0; NONCE_LEN];
        randomness.fill(&mut nonce);
        let about = [&bytes[..], &rp.0].concat();
        bytes.extend(nonce);
        let mut content = postcard::to_allocvec(&Content::of(ceremony)?).ok()?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self
            .0
            .seal_in_place_append_tag(nonce, Aad::from(about), &mut content);
        sealed.ok()?;
        bytes.append(&mut content);
        (bytes.len() <= MOST).then(|| hex::encode(bytes).into_bytes())
    }

    /// The ceremony in a challenge, pending; `None` when this key did not seal it for this Relying Party.
    pub(crate) fn open(&self, challenge: &[u8], rp: RelyingPartyId) -> Option<Authentication> {
        if challenge.len() > 2 * MOST {
            return None;
        }
        let bytes = hex::decode(challenge).ok()?;
        let front = match *bytes.get(TIME_LENGTH)? {
            SEALED => TIME_LENGTH + 1,
            SEALED_NAMED => TIME_LENGTH + 1 + rp.0.len(),
            _ => return None,
        };
        let (front, rest) = bytes.split_at_checked(front)?;
        let (nonce, rest) = rest.split_at_checked(NONCE_LEN)?;
        let about = [front, &rp.0].concat();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut content = rest.to_vec();
        let content = self
            .0
            .open_in_place(nonce, Aad::from(about), &mut content)
            .ok()?;
        let content: Content = postcard::from_bytes(content).ok()?;
        let mut time = [0; 8];
        time[8 - TIME_LENGTH..].copy_from_slice(&front[..TIME_LENGTH]);
        let created = Timestamp(i64::from_be_bytes(time));
        content.into_ceremony(challenge, rp, created)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

/// What is sealed. The encoding has no names, so nodes of two releases understand each other only if it stays as it is: a change
/// needs another version of the challenge.
#[derive(Serialize, Deserialize)]
struct Content {
    user: Option<[u8; 16]>,
    credential: Option<[u8; 16]>,
    lifetime_ms: u64,
    user_name: Option<String>,
    handle: Option<Vec<u8>>,
    allowed: Vec<Allowed>,
    appid: Option<String>,
    /// JSON.
    extensions: Option<String>,
    rp_id: String,
    origins: Vec<String>,
    /// `None`: refused.
    top_origins: Option<Vec<String>>,
    user_verification: UserVerification,
    timeout_ms: u32,
    sign_count: SignCountPolicy,
    backup_eligibility: BackupEligibilityPolicy,
    rules: Rules,
}

#[derive(Serialize, Deserialize)]
struct Allowed {
    id: Vec<u8>,
    transports: Vec<String>,
}

impl Content {
    fn of(ceremony: &Authentication) -> Option<Self> {
        let (asked, policy) = (&ceremony.asked, &*ceremony.policy);
        let lifetime = ceremony.expires.0.checked_sub(ceremony.created.0)?;
        let listed = asked.allow_credentials.iter().zip(&asked.transports);
        Some(Self {
            user: ceremony.user.map(|user| user.0),
            credential: ceremony.credential.map(|key| key.0),
            lifetime_ms: lifetime.try_into().ok()?,
            user_name: asked.user_name.clone(),
            handle: match &asked.user {
                ExpectedUser::Known(handle) => Some(handle.as_bytes().to_vec()),
                ExpectedUser::NamedByCredential => None,
            },
            allowed: listed
                .map(|(id, transports)| Allowed {
                    id: id.as_bytes().to_vec(),
                    transports: transports.clone(),
                })
                .collect(),
            appid: asked.appid.clone(),
            extensions: asked.extensions.as_ref().map(ToString::to_string),
            rp_id: policy.rp_id.as_str().to_owned(),
            origins: policy
                .origins
                .iter()
                .map(|origin| origin.as_str().to_owned())
                .collect(),
            top_origins: match &policy.cross_origin {
                CrossOrigin::Refused => None,
                CrossOrigin::Allowed { top_origins } => Some(top_origins.clone()),
            },
            user_verification: policy.user_verification,
            timeout_ms: policy.timeout_ms,
            sign_count: policy.sign_count,
            backup_eligibility: policy.backup_eligibility,
            rules: policy.rules,
        })
    }

    fn into_ceremony(
        self,
        challenge: &[u8],
        rp: RelyingPartyId,
        created: Timestamp,
    ) -> Option<Authentication> {
        let mut allow_credentials = Vec::with_capacity(self.allowed.len());
        let mut transports = Vec::with_capacity(self.allowed.len());
        for allowed in self.allowed {
            allow_credentials.push(CredentialId::new(allowed.id).ok()?);
            transports.push(allowed.transports);
        }
        let policy = AuthenticationPolicy {
            rp_id: RpId::parse(&self.rp_id).ok()?,
            origins: self.origins.into_iter().map(Origin::exact).collect(),
            cross_origin: match self.top_origins {
                None => CrossOrigin::Refused,
                Some(top_origins) => CrossOrigin::Allowed { top_origins },
            },
            user_verification: self.user_verification,
            timeout_ms: self.timeout_ms,
            sign_count: self.sign_count,
            backup_eligibility: self.backup_eligibility,
            rules: self.rules,
        };
        Some(Authentication {
            id: CeremonyId::of_challenge(challenge),
            relying_party: rp,
            user: self.user.map(UserId),
            credential: self.credential.map(CredentialKey),
            created,
            expires: created.plus_millis(self.lifetime_ms.try_into().ok()?),
            updated: created,
            policy: Arc::new(policy),
            asked: Arc::new(AuthenticationAsked {
                challenge: challenge.to_vec(),
                user: match self.handle {
                    Some(handle) => {
                        ExpectedUser::Known(webauthn::credential::UserHandle::new(handle).ok()?)
                    }
                    None => ExpectedUser::NamedByCredential,
                },
                user_name: self.user_name,
                allow_credentials,
                transports,
                appid: self.appid,
                extensions: match self.extensions {
                    Some(text) => Some(serde_json::from_str(&text).ok()?),
                    None => None,
                },
            }),
            state: CeremonyState::Pending,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::SystemRandomness;

    const PARTY: RelyingPartyId = RelyingPartyId([0xa5; 16]);
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn sealing_key(byte: u8) -> SealingKey {
        SealingKey::new(&TokenKey::new(vec![byte; 64])).unwrap()
    }

    fn ceremony() -> Authentication {
        Authentication {
            id: CeremonyId([0; 16]),
            relying_party: PARTY,
            user: Some(UserId([1; 16])),
            credential: Some(CredentialKey([2; 16])),
            created: NOW,
            expires: NOW.plus_millis(300_000),
            updated: NOW,
            policy: Arc::new(AuthenticationPolicy {
                rp_id: RpId::parse("example.test").unwrap(),
                origins: vec![Origin::exact("https://example.test")],
                cross_origin: CrossOrigin::Allowed {
                    top_origins: vec!["https://shop.test".to_owned()],
                },
                user_verification: UserVerification::Required,
                timeout_ms: 60_000,
                sign_count: SignCountPolicy::Refuse,
                backup_eligibility: BackupEligibilityPolicy::Strict,
                rules: Rules::Level3,
            }),
            asked: Arc::new(AuthenticationAsked {
                challenge: Vec::new(),
                user: ExpectedUser::Known(UserId([1; 16]).user_handle()),
                user_name: Some("ann".to_owned()),
                allow_credentials: vec![CredentialId::new(vec![3; 32]).unwrap()],
                transports: vec![vec!["internal".to_owned(), "hybrid".to_owned()]],
                appid: Some("https://example.test/appid".to_owned()),
                extensions: Some(serde_json::json!({"uvm": true})),
            }),
            state: CeremonyState::Pending,
        }
    }

    fn nobodys() -> Authentication {
        let mut ceremony = ceremony();
        ceremony.user = None;
        ceremony.credential = None;
        ceremony.asked = Arc::new(AuthenticationAsked {
            challenge: Vec::new(),
            user: ExpectedUser::NamedByCredential,
            user_name: None,
            allow_credentials: Vec::new(),
            transports: Vec::new(),
            appid: None,
            extensions: None,
        });
        ceremony
    }

    #[test]
    fn a_sealed_ceremony_comes_back_as_it_was() {
        let key = sealing_key(7);
        for ceremony in [ceremony(), nobodys()] {
            for form in [ChallengeForm::Timed, ChallengeForm::NamesRelyingParty] {
                let challenge = key.seal(&ceremony, form, &SystemRandomness).unwrap();
                let named = (form == ChallengeForm::NamesRelyingParty).then_some(PARTY);
                let says = crate::model::ceremony::relying_party_of_challenge(&challenge);
                assert_eq!(says, named);
                let id = CeremonyId::of_challenge(&challenge);
                // The keys of ceremonies of one moment lie together.
                assert_eq!(id.0[..6], NOW.to_six_bytes());
                let mut expected = ceremony.clone();
                expected.id = id;
                Arc::make_mut(&mut expected.asked)
                    .challenge
                    .clone_from(&challenge);
                assert!(expected.is_sealed());
                assert_eq!(key.open(&challenge, PARTY), Some(expected));
                // Each has a nonce of its own.
                let again = key.seal(&ceremony, form, &SystemRandomness).unwrap();
                assert_ne!(again, challenge);
            }
        }
    }

    #[test]
    fn nothing_else_is_opened() {
        let key = sealing_key(7);
        for form in [ChallengeForm::Timed, ChallengeForm::NamesRelyingParty] {
            let challenge = key.seal(&ceremony(), form, &SystemRandomness).unwrap();
            assert_eq!(key.open(&challenge, RelyingPartyId([0xa6; 16])), None);
            assert_eq!(sealing_key(8).open(&challenge, PARTY), None);
            for length in 0..challenge.len() {
                assert_eq!(key.open(&challenge[..length], PARTY), None, "{length}");
            }
            let longer = [&challenge[..], b"00"].concat();
            assert_eq!(key.open(&longer, PARTY), None);
            for place in 0..challenge.len() {
                let mut other = challenge.clone();
                other[place] = if other[place] == b'0' { b'1' } else { b'0' };
                assert_eq!(key.open(&other, PARTY), None, "{place}");
            }
        }
        for other in [&b""[..], b"0", b"zz", &[b'a'; 63], &[b'a'; 10_000]] {
            assert_eq!(key.open(other, PARTY), None);
        }
    }

    #[test]
    fn a_ceremony_that_is_too_large_is_not_sealed() {
        let mut large = ceremony();
        let ids = (0..64).map(|n| CredentialId::new(vec![n; 64]).unwrap());
        let asked = Arc::make_mut(&mut large.asked);
        asked.allow_credentials = ids.collect();
        asked.transports = vec![Vec::new(); 64];
        let sealed = sealing_key(7).seal(&large, ChallengeForm::Timed, &SystemRandomness);
        assert_eq!(sealed, None);
        let asked = Arc::make_mut(&mut large.asked);
        asked.allow_credentials.truncate(10);
        asked.transports.truncate(10);
        let sealed = sealing_key(7).seal(&large, ChallengeForm::Timed, &SystemRandomness);
        // What the client sends back: base64url in client data, of which 4,096 bytes are read.
        let sent = webauthn::base64url::encode(&sealed.unwrap());
        assert!((1_500..3_000).contains(&sent.len()), "{}", sent.len());
    }

    /// Nodes of two releases serve side by side. A change of this text needs another version of the challenge.
    #[test]
    fn a_challenge_of_the_first_release_is_opened() {
        const SEALED_THEN: &str = include_str!("sealed/first-release.txt");
        let opened = sealing_key(7).open(SEALED_THEN.trim().as_bytes(), PARTY);
        let mut opened = opened.expect("the challenge is opened");
        opened.id = CeremonyId([0; 16]);
        Arc::make_mut(&mut opened.asked).challenge.clear();
        assert_eq!(opened, ceremony());
    }

    #[test]
    fn a_key_prints_as_a_placeholder_and_is_long_enough() {
        assert_eq!(format!("{:?}", sealing_key(7)), "SealingKey(..)");
        assert!(SealingKey::new(&TokenKey::new(vec![7; 31])).is_none());
    }
}
