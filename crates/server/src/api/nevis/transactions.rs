//! Transactions: a ceremony as this wire shows it, and the two tokens that belong to one.

use aws_lc_rs::digest::{SHA256, digest};
use domain::Reason;
use domain::model::ceremony::{Authentication, CeremonyKind, Registration};
use domain::model::clock::Timestamp;
use domain::model::ids::{CeremonyId, CredentialKey, UserId};
use domain::model::refusal::Refusal;
use domain::model::settings::nevis::TransactionTokenAlgorithm;
use domain::service::prepared::Prepared;

use super::claims::{Claims, Kind, Waits, scope};
use super::keys;
use super::signing;
use super::state::{CHANNEL, State};
use super::uuid::Uuid;

/// Sets the ids of transaction tokens apart from any other image of a ceremony's key.
const TOKEN_ID: &[u8] = b"passkeyd transaction token v1";

/// A transaction that has just been begun.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// Which.
    pub ceremony: CeremonyId,
    /// When it was begun.
    pub at: Timestamp,
    /// When it expires, if the store knows nothing of it while it waits.
    pub sealed_until: Option<Timestamp>,
}

impl From<&Registration> for Begun {
    fn from(ceremony: &Registration) -> Self {
        Self {
            ceremony: ceremony.id,
            at: ceremony.created,
            sealed_until: None,
        }
    }
}

impl From<&Authentication> for Begun {
    fn from(ceremony: &Authentication) -> Self {
        Self {
            ceremony: ceremony.id,
            at: ceremony.created,
            sealed_until: ceremony.is_sealed().then_some(ceremony.expires),
        }
    }
}

/// The status token of a transaction that has just been begun.
///
/// # Errors
/// Faults of the store.
pub async fn status_token(
    state: &State,
    rp: &Prepared,
    begun: Begun,
    user: Option<(UserId, &str)>,
) -> Result<String, Refusal> {
    let mut claims = Claims::new(
        state.public_url.as_str(),
        rp.id.into(),
        Uuid(state.passkeys.new_token_id().0),
        scope::STATUS,
        begun.at,
        Some(
            begun
                .at
                .plus_millis(i64::from(rp.settings.nevis.status_token_seconds) * 1000),
        ),
    );
    claims.sub = user.map(|(id, _)| id.into());
    claims.username = user.map(|(_, name)| name.to_owned());
    claims.txn = Some(begun.ceremony.into());
    claims.channel = Some(CHANNEL.to_owned());
    claims.waits = begun.sealed_until.map(|until| Waits {
        from: begun.at.0,
        until: until.0,
    });
    keys::sign(&state.passkeys, rp, Kind::Status, &claims).await
}

/// A transaction that succeeded: all that its token says.
#[derive(Clone, Copy, Debug)]
pub struct Succeeded<'a> {
    /// Which.
    pub ceremony: CeremonyId,
    /// Registration or authentication.
    pub kind: CeremonyKind,
    /// When it succeeded.
    pub at: Timestamp,
    /// Who registered or signed in.
    pub user: UserId,
    /// That user's name.
    pub user_name: &'a str,
    /// The credential that was registered or used.
    pub credential: CredentialKey,
}

/// The transaction token. All that it says follows from the transaction, so another call returns the same claims, and with
/// a MAC the same text. A signature has randomness in it and differs each time.
///
/// # Errors
/// Faults of the store.
pub async fn transaction_token(
    state: &State,
    rp: &Prepared,
    succeeded: Succeeded<'_>,
) -> Result<String, Refusal> {
    let settings = &rp.settings.nevis;
    let made = Timestamp(succeeded.at.seconds() * 1000);
    let mut claims = Claims::new(
        state.public_url.as_str(),
        rp.id.into(),
        token_id(succeeded.ceremony),
        match succeeded.kind {
            CeremonyKind::Registration => scope::REGISTRATION,
            CeremonyKind::Authentication => scope::AUTHENTICATION,
        },
        made,
        Some(made.plus_millis(i64::from(settings.transaction_token_seconds) * 1000)),
    );
    claims.sub = Some(succeeded.user.into());
    claims.txn = Some(succeeded.ceremony.into());
    claims.username = Some(succeeded.user_name.to_owned());
    claims.authenticator_id = Some(succeeded.credential.into());
    claims.status = Some("succeeded".to_owned());
    claims.channel = Some(CHANNEL.to_owned());
    match settings.transaction_token_algorithm {
        TransactionTokenAlgorithm::Hs512 => {
            keys::sign(&state.passkeys, rp, Kind::Transaction, &claims).await
        }
        TransactionTokenAlgorithm::Es256 => {
            let key = state.passkeys.signing_key(rp).await?;
            signing::sign(&key, &claims).ok_or_else(|| Reason::Internal.into())
        }
    }
}

fn token_id(ceremony: CeremonyId) -> Uuid {
    let image = digest(&SHA256, &[TOKEN_ID, ceremony.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&image.as_ref()[..16]);
    Uuid(bytes)
}
