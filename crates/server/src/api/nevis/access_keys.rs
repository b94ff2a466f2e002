//! Access keys: tokens that back ends hold. The management API and the command line make them.

use domain::Passkeys;
use domain::model::access_key::AccessKey;
use domain::model::refusal::Refusal;

use super::claims::{Claims, Kind, scope};
use super::keys;
use super::uuid::Uuid;

/// The text of an access key. It is not stored: if it is lost, create another key.
///
/// # Errors
/// Faults of the store.
pub async fn text(passkeys: &Passkeys, issuer: &str, key: &AccessKey) -> Result<String, Refusal> {
    let id = Uuid(key.id.0);
    let mut claims = Claims::new(
        issuer,
        key.relying_party.into(),
        id,
        scope::API,
        key.created,
        key.expires,
    );
    claims.sub = Some(id);
    let rp = passkeys.relying_party_itself(key.relying_party).await?;
    keys::sign(passkeys, &rp, Kind::Access, &claims).await
}
