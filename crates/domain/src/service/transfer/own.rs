//! Records of an export of passkeyd: they keep their keys and everything else.

use webauthn::cose::PublicKey;

use super::passkeys::{Outcome, TAKEN};
use crate::model::account::{Account, Secret};
use crate::model::audit::AuditEvent;
use crate::model::clock::Timestamp;
use crate::model::credential::{CredentialRecord, Evidence};
use crate::model::ids::{AccountId, ImportId};
use crate::model::refusal::Refusal;
use crate::model::relying_party::RelyingParty;
use crate::model::user::{User, UserRef};
use crate::service::Passkeys;
use crate::store::{ImportCredential, ImportUser, ImportedCredential, ImportedParty, ImportedUser};

/// A credential with its evidence.
#[derive(Clone, Debug)]
pub struct OwnCredential {
    /// The record.
    pub record: CredentialRecord,
    /// What its registration brought.
    pub evidence: Option<Evidence>,
}

/// A user with all credentials.
#[derive(Clone, Debug)]
pub struct OwnUser {
    /// The user.
    pub user: User,
    /// Their credentials.
    pub credentials: Vec<OwnCredential>,
}

const LATELY: &str = "it was deleted a short time ago; import it again when the sweep has removed the rest: in ten minutes, while a server runs";

impl Passkeys {
    /// Creates an account of an export with a token that nobody knows; `false` when it is there.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import_account(&self, id: AccountId, created: Timestamp) -> Result<bool, Refusal> {
        let token = Secret::random(&*self.randomness).hash();
        let account = Account { id, token, created };
        Ok(self.storage.create_account(&account).await?)
    }

    /// Imports a Relying Party of an export.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import_relying_party(&self, rp: &RelyingParty) -> Result<Outcome, Refusal> {
        if let Err(refusal) = rp.selection.judge_reach() {
            return Ok(Outcome::Refused(refusal.message));
        }
        let imported = self.storage.import_relying_party(rp).await?;
        self.lookups.clear();
        self.relying_parties.forget(&rp.id);
        Ok(match imported {
            ImportedParty::Created => Outcome::Added { new_user: false },
            ImportedParty::Exists => Outcome::Exists,
            ImportedParty::Deleted => Outcome::Refused(LATELY.to_owned()),
            ImportedParty::AccountGone => {
                Outcome::Refused("the file does not have its account".to_owned())
            }
        })
    }

    /// Imports a user of an export with all credentials: what became of the user, and of each credential.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import_own_user(
        &self,
        own: &OwnUser,
        import: Option<ImportId>,
    ) -> Result<(Outcome, Vec<Outcome>), Refusal> {
        let user = &own.user;
        let written = self.storage.import_user(ImportUser {
            user,
            import,
            event: None,
        });
        let outcome = match written.await? {
            ImportedUser::Created => Outcome::Added { new_user: true },
            ImportedUser::Exists(found) if found.id == user.id => Outcome::Exists,
            ImportedUser::Exists(_) => Outcome::Refused(
                "the store has another user of this name, with another key".to_owned(),
            ),
            ImportedUser::Deleted => Outcome::Refused(LATELY.to_owned()),
            ImportedUser::RelyingPartyGone => {
                Outcome::Refused("the store does not have its Relying Party".to_owned())
            }
        };
        let mut outcomes = Vec::new();
        for credential in &own.credentials {
            outcomes.push(match &outcome {
                Outcome::Refused(_) => Outcome::Refused("its user was refused".to_owned()),
                _ => self.import_own_credential(user, credential, import).await?,
            });
        }
        Ok((outcome, outcomes))
    }

    async fn import_own_credential(
        &self,
        user: &User,
        own: &OwnCredential,
        import: Option<ImportId>,
    ) -> Result<Outcome, Refusal> {
        if let Err(why) = judge_own(user, &own.record) {
            return Ok(Outcome::Refused(why));
        }
        let import = ImportCredential {
            credential: &own.record,
            evidence: own.evidence.as_ref(),
            import,
            event: None,
        };
        Ok(match self.storage.import_credential(import).await? {
            ImportedCredential::Created => Outcome::Added { new_user: false },
            ImportedCredential::Exists => Outcome::Exists,
            ImportedCredential::CounterRaised => Outcome::CounterRaised,
            ImportedCredential::Taken => Outcome::Refused(TAKEN.to_owned()),
            ImportedCredential::UserGone => Outcome::Refused("its user was deleted".to_owned()),
        })
    }

    /// What [`import_own_user`](Self::import_own_user) would do now. Nothing is written.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn foresee_own_user(
        &self,
        own: &OwnUser,
    ) -> Result<(Outcome, Vec<Outcome>), Refusal> {
        let (user, rp) = (&own.user, own.user.relying_party);
        let same_key = self.storage.user(rp, UserRef::Id(user.id)).await?;
        let same_name = self.storage.user(rp, UserRef::Name(&user.name)).await?;
        let outcome = match (same_key, same_name) {
            (Some(_), _) => Outcome::Exists,
            (None, Some(_)) => Outcome::Refused(
                "the store has another user of this name, with another key".to_owned(),
            ),
            (None, None) => Outcome::Added { new_user: true },
        };
        let mut outcomes = Vec::new();
        for credential in &own.credentials {
            let record = &credential.record;
            if let Err(why) = judge_own(user, record) {
                outcomes.push(Outcome::Refused(why));
                continue;
            }
            let owner = |owner: &User| owner.id == user.id;
            let (key, count) = (&record.public_key, record.sign_count);
            let known = self.foresee_credential(rp, &record.id, owner, key, count);
            let new = Outcome::Added { new_user: false };
            outcomes.push(known.await?.unwrap_or(new));
        }
        Ok((outcome, outcomes))
    }

    /// Imports an event of an export; `false` when its Relying Party is not there.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import_event(&self, event: &AuditEvent) -> Result<bool, Refusal> {
        Ok(self.storage.import_event(event).await?)
    }
}

fn judge_own(user: &User, record: &CredentialRecord) -> Result<(), String> {
    if (record.relying_party, record.user) != (user.relying_party, user.id) {
        return Err("it follows a user who is not its own".to_owned());
    }
    let key = PublicKey::parse(&record.public_key).map_err(|error| error.to_string())?;
    if key.algorithm() == record.algorithm {
        Ok(())
    } else {
        Err("its algorithm is not that of its public key".to_owned())
    }
}
