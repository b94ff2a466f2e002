//! A ceremony: what was asked for, frozen, and how it stands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use webauthn::authentication::{AuthenticationExpectation, ExpectedUser};
use webauthn::credential::CredentialId;
use webauthn::error::Reason;
use webauthn::options::{CredentialDescriptor, RequestOptions, UserVerification};
use webauthn::registration::RegistrationExpectation;

use crate::model::ceremony_policy::{AuthenticationPolicy, RegistrationPolicy};
use crate::model::clock::{Randomness, Timestamp};
use crate::model::ids::{
    CeremonyId, CredentialKey, EnrolmentId, LONGEST_UNSEALED, RelyingPartyId, TIME_LENGTH, UserId,
    is_lower_case_hex,
};

/// Random bytes in a challenge that begins with the time. As hex they make 48 ASCII characters with it.
const CHALLENGE_ENTROPY: usize = 18;

/// Random bytes in a challenge that names its Relying Party: the least that WebAuthn L3 13.4.3 recommends.
const NAMING_CHALLENGE_ENTROPY: usize = 16;

/// Length of a challenge that names its Relying Party: 64 bytes, the most that the FIDO binding allows.
const NAMING_CHALLENGE_LENGTH: usize = LONGEST_UNSEALED;

/// Marks a challenge that a ceremony is sealed into, behind the time.
pub(crate) const SEALED: u8 = 1;

/// Marks one that names its Relying Party, too: its key follows.
pub(crate) const SEALED_NAMED: u8 = 2;

/// What a challenge says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChallengeForm {
    /// When it was drawn: the time and 18 random bytes as 48 ASCII hex characters.
    #[default]
    Timed,
    /// Which Relying Party drew it: 16 random bytes and its key as 64 ASCII hex characters. For answers that come in
    /// by a way that does not say it; see [`relying_party_of_challenge`]. There is no room for the time.
    NamesRelyingParty,
}

/// Draws a challenge.
///
/// Most begin with the time, so that keys of ceremonies made at one time lie side by side; see [`CeremonyId::of_challenge`].
///
/// Clients exist that decode the base64url form with a decoder of the classic alphabet. The
/// base64url form of ASCII hex never holds `-` or `_`, so they survive.
pub(crate) fn draw_challenge(
    randomness: &dyn Randomness,
    form: ChallengeForm,
    rp: RelyingPartyId,
    now: Timestamp,
) -> Vec<u8> {
    match form {
        ChallengeForm::Timed => {
            let mut bytes = [0; TIME_LENGTH + CHALLENGE_ENTROPY];
            let (time, random) = bytes.split_at_mut(TIME_LENGTH);
            time.copy_from_slice(&now.to_six_bytes());
            randomness.fill(random);
            hex_text(&bytes)
        }
        ChallengeForm::NamesRelyingParty => {
            let mut bytes = [0; NAMING_CHALLENGE_ENTROPY];
            randomness.fill(&mut bytes);
            let mut text = hex_text(&bytes);
            text.extend_from_slice(rp.to_hex().as_bytes());
            text
        }
    }
}

/// Lower-case hex digits.
fn hex_text(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![0; 2 * bytes.len()];
    // Two digits for each byte always fit.
    let _ = hex::encode_to_slice(bytes, &mut text);
    text
}

/// Whether a challenge has the form of one that a ceremony is sealed into: longer than any other.
///
/// Anybody can make up such a challenge. Only the key of the Relying Party can tell.
pub(crate) fn looks_sealed(challenge: &[u8]) -> bool {
    challenge.len() > LONGEST_UNSEALED && challenge.iter().copied().all(is_lower_case_hex)
}

/// The Relying Party that a challenge of the form [`ChallengeForm::NamesRelyingParty`] names; `None` for any other.
///
/// Anybody can make up such a challenge: it says where to look for the ceremony, and no more.
pub fn relying_party_of_challenge(challenge: &[u8]) -> Option<RelyingPartyId> {
    let text = std::str::from_utf8(challenge).ok()?;
    if looks_sealed(challenge) {
        let (front, rest) = text.split_at_checked(2 * (TIME_LENGTH + 1))?;
        let names = front.ends_with(&hex::encode([SEALED_NAMED]));
        return names
            .then(|| rest.get(..32))
            .flatten()
            .and_then(RelyingPartyId::from_hex);
    }
    if text.len() != NAMING_CHALLENGE_LENGTH || !text.bytes().all(is_lower_case_hex) {
        return None;
    }
    RelyingPartyId::from_hex(&text[2 * NAMING_CHALLENGE_ENTROPY..])
}

/// The two kinds of ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CeremonyKind {
    /// WebAuthn L3 7.1.
    Registration,
    /// WebAuthn L3 7.2.
    Authentication,
}

impl CeremonyKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Registration, Self::Authentication];

    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Authentication => "authentication",
        }
    }
}

/// A registration ceremony (WebAuthn L3 7.1) as it was started and as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// Its key, an image of the challenge. The credential that comes out of it has the same key.
    pub id: CeremonyId,
    /// Whose ceremony it is.
    pub relying_party: RelyingPartyId,
    /// The user whose credential is registered.
    pub user: UserId,
    /// When it was started.
    pub created: Timestamp,
    /// From this moment on no response is taken.
    pub expires: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// What its response is judged by; ceremonies that started under the same settings share it.
    pub policy: Arc<RegistrationPolicy>,
    /// What was asked for beyond that.
    pub asked: RegistrationAsked,
    /// How it stands.
    pub state: CeremonyState,
}

/// An authentication ceremony (WebAuthn L3 7.2) as it was started and as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Authentication {
    /// Its key, an image of the challenge.
    pub id: CeremonyId,
    /// Whose ceremony it is.
    pub relying_party: RelyingPartyId,
    /// The user that it was started for, or who signed in with it; `None` while nobody is named.
    pub user: Option<UserId>,
    /// The one credential that it was restricted to at the start, or that signed.
    pub credential: Option<CredentialKey>,
    /// When it was started.
    pub created: Timestamp,
    /// From this moment on no response is taken.
    pub expires: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// What its response is judged by; ceremonies that started under the same settings share it.
    pub policy: Arc<AuthenticationPolicy>,
    /// What was asked for beyond that. It never changes, so copies of a ceremony share it.
    pub asked: Arc<AuthenticationAsked>,
    /// How it stands.
    pub state: CeremonyState,
}

/// A ceremony of either kind, where only its key is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Ceremony {
    /// A registration.
    Registration(Box<Registration>),
    /// An authentication.
    Authentication(Box<Authentication>),
}

/// How a ceremony stands. Expiry is not a state: it is computed from the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CeremonyState {
    /// No response was taken yet.
    Pending,
    /// The response was verified.
    Succeeded {
        /// The user who registered or signed in.
        user: UserId,
        /// The credential that was registered or that signed.
        credential: CredentialKey,
    },
    /// The response was refused.
    Failed(Reason),
}

impl CeremonyState {
    /// How a ceremony in this state, which expires then, stands at `now`.
    fn standing(self, expires: Timestamp, now: Timestamp) -> Standing {
        match self {
            Self::Succeeded { .. } => Standing::Succeeded,
            Self::Failed(_) => Standing::Failed,
            Self::Pending if now >= expires => Standing::Expired,
            Self::Pending => Standing::Pending,
        }
    }
}

/// How a ceremony stands at a moment: the state and the clock together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// An answer is awaited.
    Pending,
    /// The time passed without an answer.
    Expired,
    /// The answer was verified.
    Succeeded,
    /// The answer was refused.
    Failed,
}

/// What one registration asked for, apart from its policy. Stored as it is. A stored record that lacks a member cannot be
/// read, so a lost demand refuses instead of passing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationAsked {
    /// The challenge's bytes.
    #[serde(with = "webauthn::base64url::bytes")]
    pub challenge: Vec<u8>,
    /// Whether the ceremony was started with conditional mediation. Then the user present flag is not demanded.
    pub conditional_create: bool,
    /// The name that the credential will have.
    pub credential_name: String,
    /// The user's name when the ceremony started.
    pub user_name: String,
    /// The one-time link by which it was started. Only this link may end it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<EnrolmentId>,
}

/// What one authentication asked for, apart from its policy. Stored as a registration's is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticationAsked {
    /// The challenge's bytes.
    #[serde(with = "webauthn::base64url::bytes")]
    pub challenge: Vec<u8>,
    /// The user who is expected.
    pub user: ExpectedUser,
    /// The user's name when the ceremony started, if one was named.
    pub user_name: Option<String>,
    /// The credentials that the options list; empty: any.
    pub allow_credentials: Vec<CredentialId>,
    /// Transports of each of them, in the same order.
    pub transports: Vec<Vec<String>>,
    /// The `appid` extension's value, if it was asked for (WebAuthn L3 10.1.1).
    // With the adapter, an absent member is an error instead of `None`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub appid: Option<String>,
    /// Extension inputs in the options; a ceremony of a passkeyd that knew none has none.
    pub extensions: Option<serde_json::Value>,
}

impl Registration {
    /// How it stands at `now`.
    pub fn standing(&self, now: Timestamp) -> Standing {
        self.state.standing(self.expires, now)
    }

    /// What its response is verified against.
    pub fn expectation(&self) -> RegistrationExpectation {
        let policy = &*self.policy;
        let selection = &policy.selection;
        RegistrationExpectation {
            challenge: self.asked.challenge.clone(),
            rp_id: selection.rp_id.clone(),
            origins: selection.origins.clone(),
            cross_origin: policy.cross_origin.clone(),
            algorithms: policy.algorithms.clone(),
            user_verification_required: selection.user_verification == UserVerification::Required,
            conditional_create: self.asked.conditional_create,
            attestation: policy.attestation.clone(),
            backup: policy.backup,
            min_credential_id_length: policy.min_credential_id_length,
            credential_protection: policy.credential_protection,
        }
    }
}

impl Authentication {
    /// What its response is verified against.
    pub fn expectation(&self) -> AuthenticationExpectation {
        let (policy, asked) = (&*self.policy, &self.asked);
        AuthenticationExpectation {
            challenge: asked.challenge.clone(),
            rp_id: policy.rp_id.clone(),
            origins: policy.origins.clone(),
            cross_origin: policy.cross_origin.clone(),
            user_verification_required: policy.user_verification == UserVerification::Required,
            allow_credentials: asked.allow_credentials.clone(),
            user: asked.user.clone(),
            sign_count: policy.sign_count,
            backup_eligibility: policy.backup_eligibility,
            appid: asked.appid.clone(),
            rules: policy.rules,
        }
    }

    /// The options as they were, and can be again, sent to the client.
    pub fn options(&self) -> RequestOptions {
        let (policy, asked) = (&*self.policy, &self.asked);
        RequestOptions {
            challenge: asked.challenge.clone(),
            timeout: policy.timeout_ms,
            rp_id: policy.rp_id.clone(),
            allow_credentials: asked
                .allow_credentials
                .iter()
                .zip(&asked.transports)
                .map(|(id, transports)| CredentialDescriptor {
                    id: id.clone(),
                    transports: transports.clone(),
                })
                .collect(),
            user_verification: policy.user_verification,
            extensions: asked.extensions.clone(),
        }
    }

    /// Whether it is sealed into its challenge: the store knows nothing of it while it waits.
    pub fn is_sealed(&self) -> bool {
        looks_sealed(&self.asked.challenge)
    }

    /// Whether it named no user and listed no credentials, so that the authenticator chooses the credential by itself.
    pub fn any_credential_may_sign(&self) -> bool {
        self.asked.user_name.is_none() && self.asked.allow_credentials.is_empty()
    }

    /// How it stands at `now`.
    pub fn standing(&self, now: Timestamp) -> Standing {
        self.state.standing(self.expires, now)
    }
}

impl From<Registration> for Ceremony {
    fn from(ceremony: Registration) -> Self {
        Self::Registration(Box::new(ceremony))
    }
}

impl From<Authentication> for Ceremony {
    fn from(ceremony: Authentication) -> Self {
        Self::Authentication(Box::new(ceremony))
    }
}

impl Ceremony {
    /// Which kind it is.
    pub fn kind(&self) -> CeremonyKind {
        match self {
            Self::Registration(_) => CeremonyKind::Registration,
            Self::Authentication(_) => CeremonyKind::Authentication,
        }
    }

    /// Its key.
    pub fn id(&self) -> CeremonyId {
        match self {
            Self::Registration(ceremony) => ceremony.id,
            Self::Authentication(ceremony) => ceremony.id,
        }
    }

    /// Whose ceremony it is.
    pub fn relying_party(&self) -> RelyingPartyId {
        match self {
            Self::Registration(ceremony) => ceremony.relying_party,
            Self::Authentication(ceremony) => ceremony.relying_party,
        }
    }

    /// The user that it was started for, or who ended it with success; `None` while nobody is named.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Registration(ceremony) => Some(ceremony.user),
            Self::Authentication(ceremony) => ceremony.user,
        }
    }

    /// The user's name when the ceremony started, if a user was named.
    pub fn user_name(&self) -> Option<&str> {
        match self {
            Self::Registration(ceremony) => Some(&ceremony.asked.user_name),
            Self::Authentication(ceremony) => ceremony.asked.user_name.as_deref(),
        }
    }

    /// When it was started.
    pub fn created(&self) -> Timestamp {
        match self {
            Self::Registration(ceremony) => ceremony.created,
            Self::Authentication(ceremony) => ceremony.created,
        }
    }

    /// From this moment on no response is taken.
    pub fn expires(&self) -> Timestamp {
        match self {
            Self::Registration(ceremony) => ceremony.expires,
            Self::Authentication(ceremony) => ceremony.expires,
        }
    }

    /// When it was last changed.
    pub fn updated(&self) -> Timestamp {
        match self {
            Self::Registration(ceremony) => ceremony.updated,
            Self::Authentication(ceremony) => ceremony.updated,
        }
    }

    /// Its state.
    pub fn state(&self) -> CeremonyState {
        match self {
            Self::Registration(ceremony) => ceremony.state,
            Self::Authentication(ceremony) => ceremony.state,
        }
    }

    /// How it stands at `now`.
    pub fn standing(&self, now: Timestamp) -> Standing {
        self.state().standing(self.expires(), now)
    }

    /// The registration, if it is one.
    pub fn registration(self) -> Option<Registration> {
        match self {
            Self::Registration(ceremony) => Some(*ceremony),
            Self::Authentication(_) => None,
        }
    }

    /// The authentication, if it is one.
    pub fn authentication(self) -> Option<Authentication> {
        match self {
            Self::Authentication(ceremony) => Some(*ceremony),
            Self::Registration(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::SystemRandomness;

    const PARTY: RelyingPartyId = RelyingPartyId([0xa5; 16]);

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn draw(form: ChallengeForm, now: Timestamp) -> Vec<u8> {
        draw_challenge(&SystemRandomness, form, PARTY, now)
    }

    #[test]
    fn a_challenge_names_its_relying_party_where_that_is_asked_for() {
        let named = draw(ChallengeForm::NamesRelyingParty, NOW);
        assert_eq!(named.len(), 64);
        assert_eq!(relying_party_of_challenge(&named), Some(PARTY));
        let timed = draw(ChallengeForm::Timed, NOW);
        assert_eq!(timed.len(), 48);
        assert_eq!(relying_party_of_challenge(&timed), None);
        // Each has its own random part.
        let again = draw(ChallengeForm::NamesRelyingParty, NOW);
        assert_ne!(named[..32], again[..32]);
        assert_ne!(timed[12..], draw(ChallengeForm::Timed, NOW)[12..]);
    }

    #[test]
    fn a_challenge_of_any_other_form_names_nobody() {
        let named = draw(ChallengeForm::NamesRelyingParty, NOW);
        for place in 0..64 {
            for byte in [b'A', b'g', b'-', b' ', 0, 0xff] {
                let mut other = named.clone();
                other[place] = byte;
                assert_eq!(relying_party_of_challenge(&other), None, "{place} {byte}");
            }
        }
        let mut longer = named.clone();
        longer.push(b'0');
        // By chance this byte might say that a ceremony is sealed into it.
        longer[2 * TIME_LENGTH..2 * (TIME_LENGTH + 1)].copy_from_slice(b"ff");
        for other in [&named[..63], &named[1..], &[], &longer] {
            assert_eq!(relying_party_of_challenge(other), None);
        }
    }

    #[test]
    fn keys_of_ceremonies_are_in_the_order_of_their_start() {
        let draw = |now| draw(ChallengeForm::Timed, now);
        let moments = [0, 1, 255, 256, 1_000_000, 1 << 40].map(|ms| NOW.plus_millis(ms));
        let keys = moments.map(|now| CeremonyId::of_challenge(&draw(now)));
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(keys[0].0[..6], NOW.to_six_bytes());
        // Two of one moment differ.
        assert_ne!(keys[0], CeremonyId::of_challenge(&draw(NOW)));
    }

    #[test]
    fn the_key_of_a_challenge_that_no_time_begins_is_a_hash_alone() {
        // Of earlier versions, by chance with a time long past or far to come.
        let long_past = draw(ChallengeForm::Timed, Timestamp(1_700_000_000_000));
        let far_to_come = draw(ChallengeForm::Timed, Timestamp(1 << 43));
        for other in [
            draw(ChallengeForm::NamesRelyingParty, NOW),
            long_past,
            far_to_come,
            draw(ChallengeForm::Timed, NOW)[..47].to_vec(),
            draw(ChallengeForm::Timed, NOW).to_ascii_uppercase(),
        ] {
            let key = CeremonyId::of_challenge(&other);
            assert_ne!(hex::encode(&key.0[..6]).as_bytes(), &other[..12]);
        }
    }
}
