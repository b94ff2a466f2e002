//! Records of an export of passkeyd: they keep their keys and everything else.

use super::judge::{judge_event, judge_party};
use super::own_file::{OwnCredential, OwnFile, OwnJudged, OwnUser, USER_REFUSED};
use super::passkeys::{Outcome, TAKEN};
use crate::model::account::{Account, Principal, Secret};
use crate::model::audit::{AuditEvent, trail_of};
use crate::model::clock::Timestamp;
use crate::model::credential::CredentialRecord;
use crate::model::ids::{AccountId, ImportId, RelyingPartyId};
use crate::model::import::{Imported, name_image, told_by};
use crate::model::refusal::Refusal;
use crate::model::relying_party::RelyingParty;
use crate::model::user::{User, UserRef};
use crate::service::Passkeys;
use crate::store::{ImportCredential, ImportUser, ImportedCredential, ImportedParty, ImportedUser};

const OTHER_KEY: &str = "the store has another user of this name, with another key";
const OTHER_NAME: &str = "the store has this user, with another name; it stays as it is";
const NO_ACCOUNT: &str = "the file does not have its account";
const NO_PARTY: &str = "the store does not have its Relying Party";
const SHARED: &str = "an account and a Relying Party would have one key, and so one audit trail";
const NO_TRAIL: &str = "the store has neither its Relying Party nor its account";
const LATELY: &str = "it was deleted a short time ago; import it again when the sweep has removed the rest: in ten minutes, while a server runs";

impl Passkeys {
    /// Creates an account of an export with a token that nobody knows.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import_account(
        &self,
        id: AccountId,
        created: Timestamp,
    ) -> Result<Outcome, Refusal> {
        if self.storage.relying_party(trail_of(id)).await?.is_some() {
            return Ok(Outcome::Refused(SHARED.to_owned()));
        }
        let token = Secret::random(&*self.randomness);
        let token = self.hash_to_store(Principal::Account(id), &token).await?;
        let account = Account { id, token, created };
        Ok(if self.storage.create_account(&account).await? {
            Outcome::Added { user_since: None }
        } else {
            Outcome::Exists
        })
    }

    /// What [`import_account`](Self::import_account) would do now. Nothing is written.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn foresee_account(
        &self,
        file: &mut OwnFile,
        id: AccountId,
    ) -> Result<Outcome, Refusal> {
        if self.is_there(file, trail_of(id)).await? {
            return Ok(Outcome::Refused(SHARED.to_owned()));
        }
        let stored = self.storage.secret(Principal::Account(id)).await?;
        Ok(if file.accounts.insert(id) && stored.is_none() {
            Outcome::Added { user_since: None }
        } else {
            Outcome::Exists
        })
    }

    /// Whether the store has an account, or gets it from a record before.
    async fn is_account(&self, file: &OwnFile, id: AccountId) -> Result<bool, Refusal> {
        Ok(file.accounts.contains(&id)
            || self.storage.secret(Principal::Account(id)).await?.is_some())
    }

    /// Imports a Relying Party of an export.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import_relying_party(&self, rp: &RelyingParty) -> Result<Outcome, Refusal> {
        if let Err(why) = judge_party(rp) {
            return Ok(Outcome::Refused(why));
        }
        let shared = Principal::Account(AccountId(rp.id.0));
        if self.storage.secret(shared).await?.is_some() {
            return Ok(Outcome::Refused(SHARED.to_owned()));
        }
        let imported = self.storage.import_relying_party(rp).await?;
        self.lookups.clear();
        self.relying_parties.forget(&rp.id);
        Ok(match imported {
            ImportedParty::Created => Outcome::Added { user_since: None },
            ImportedParty::Exists => Outcome::Exists,
            ImportedParty::Deleted => Outcome::Refused(LATELY.to_owned()),
            ImportedParty::AccountGone => Outcome::Refused(NO_ACCOUNT.to_owned()),
        })
    }

    /// What [`import_relying_party`](Self::import_relying_party) would do now. Nothing is written.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn foresee_relying_party(
        &self,
        file: &mut OwnFile,
        rp: &RelyingParty,
    ) -> Result<Outcome, Refusal> {
        if let Err(why) = judge_party(rp) {
            return Ok(Outcome::Refused(why));
        }
        if self.is_account(file, AccountId(rp.id.0)).await? {
            return Ok(Outcome::Refused(SHARED.to_owned()));
        }
        if self.is_there(file, rp.id).await? {
            return Ok(Outcome::Exists);
        }
        if !self.is_account(file, rp.account).await? {
            return Ok(Outcome::Refused(NO_ACCOUNT.to_owned()));
        }
        file.parties.insert(rp.id);
        Ok(Outcome::Added { user_since: None })
    }

    /// Whether the store has a Relying Party, or gets it from a record before.
    async fn is_there(&self, file: &mut OwnFile, rp: RelyingPartyId) -> Result<bool, Refusal> {
        if file.parties.contains(&rp) {
            return Ok(true);
        }
        let stored = self.storage.relying_party(rp).await?.is_some();
        if stored {
            file.parties.insert(rp);
        }
        Ok(stored)
    }

    /// Imports a user of an export with all credentials, which [the file allows](OwnFile::judge): what became of the user, and of each
    /// credential.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import_own_user(
        &self,
        own: &OwnUser,
        judged: &OwnJudged,
        import: Option<ImportId>,
    ) -> Result<(Outcome, Vec<Outcome>), Refusal> {
        let user = &own.user;
        let outcome = match &judged.user {
            Some(why) => Outcome::Refused(why.clone()),
            None => self.import_own_record(user, import).await?,
        };
        let mut outcomes = Vec::new();
        for (credential, why) in own.credentials.iter().zip(&judged.credentials) {
            outcomes.push(match (&outcome, why) {
                (Outcome::Refused(_), _) => Outcome::Refused(USER_REFUSED.to_owned()),
                (_, Some(why)) => Outcome::Refused(why.clone()),
                (outcome, None) => {
                    let adopt = *outcome == Outcome::Exists;
                    self.import_own_credential((user, credential), import, adopt)
                        .await?
                }
            });
        }
        Ok((outcome, outcomes))
    }

    async fn import_own_record(
        &self,
        user: &User,
        import: Option<ImportId>,
    ) -> Result<Outcome, Refusal> {
        let written = self.storage.import_user(ImportUser {
            user,
            import,
            event: None,
        });
        Ok(match written.await? {
            ImportedUser::Created => Outcome::Added { user_since: None },
            ImportedUser::Exists(found) => known(user, &found),
            ImportedUser::Deleted => Outcome::Refused(LATELY.to_owned()),
            ImportedUser::RelyingPartyGone => Outcome::Refused(NO_PARTY.to_owned()),
        })
    }

    async fn import_own_credential(
        &self,
        (owner, own): (&User, &OwnCredential),
        import: Option<ImportId>,
        adopt_owner: bool,
    ) -> Result<Outcome, Refusal> {
        let import = ImportCredential {
            credential: &own.record,
            evidence: own.evidence.as_ref(),
            import,
            owner_name: name_image(owner.relying_party, &owner.name),
            adopt_owner,
            event: None,
        };
        Ok(match self.storage.import_credential(import).await? {
            ImportedCredential::Created => Outcome::Added { user_since: None },
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
        file: &mut OwnFile,
        own: &OwnUser,
        judged: &OwnJudged,
    ) -> Result<(Outcome, Vec<Outcome>), Refusal> {
        let user = &own.user;
        let outcome = match &judged.user {
            Some(why) => Outcome::Refused(why.clone()),
            None => self.foresee_own_record(file, user).await?,
        };
        let mut outcomes = Vec::new();
        for (credential, why) in own.credentials.iter().zip(&judged.credentials) {
            outcomes.push(match (&outcome, why) {
                (Outcome::Refused(_), _) => Outcome::Refused(USER_REFUSED.to_owned()),
                (_, Some(why)) => Outcome::Refused(why.clone()),
                (_, None) => {
                    self.foresee_own_credential(user, &credential.record)
                        .await?
                }
            });
        }
        Ok((outcome, outcomes))
    }

    async fn foresee_own_record(
        &self,
        file: &mut OwnFile,
        user: &User,
    ) -> Result<Outcome, Refusal> {
        let rp = user.relying_party;
        if !self.is_there(file, rp).await? {
            return Ok(Outcome::Refused(NO_PARTY.to_owned()));
        }
        for found in [UserRef::Id(user.id), UserRef::Name(&user.name)] {
            if let Some(found) = self.storage.user(rp, found).await? {
                return Ok(known(user, &found));
            }
        }
        Ok(Outcome::Added { user_since: None })
    }

    async fn foresee_own_credential(
        &self,
        user: &User,
        record: &CredentialRecord,
    ) -> Result<Outcome, Refusal> {
        let rp = user.relying_party;
        let owner = |owner: &User| owner.id == user.id;
        let (key, count) = (&record.public_key, record.sign_count);
        let known = self.foresee_credential(rp, &record.id, owner, key, count);
        if let Some(outcome) = known.await? {
            return Ok(outcome);
        }
        Ok(match self.storage.credential(rp, record.key).await? {
            Some(_) => Outcome::Refused(TAKEN.to_owned()),
            None => Outcome::Added { user_since: None },
        })
    }

    /// Notes what the store that wrote an export has imported from other products: it does not come back here either when it was deleted.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import_note(&self, note: Imported, import: ImportId) -> Result<Outcome, Refusal> {
        let (_, rp, _) = note.place();
        if self.storage.relying_party(rp).await?.is_none() {
            return Ok(Outcome::Refused(NO_PARTY.to_owned()));
        }
        let id = told_by(import);
        self.storage.note_imported(id, &[note]).await?;
        Ok(Outcome::Added { user_since: None })
    }

    /// What [`import_note`](Self::import_note) would do now. Nothing is written.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn foresee_note(
        &self,
        file: &mut OwnFile,
        rp: RelyingPartyId,
    ) -> Result<Outcome, Refusal> {
        Ok(if self.is_there(file, rp).await? {
            Outcome::Added { user_since: None }
        } else {
            Outcome::Refused(NO_PARTY.to_owned())
        })
    }

    /// Imports an event of an export.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import_event(&self, event: &AuditEvent) -> Result<Outcome, Refusal> {
        if let Err(why) = judge_event(event) {
            return Ok(Outcome::Refused(why));
        }
        Ok(if self.storage.import_event(event).await? {
            Outcome::Added { user_since: None }
        } else {
            Outcome::Refused(NO_TRAIL.to_owned())
        })
    }

    /// What [`import_event`](Self::import_event) would do now. Nothing is written.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn foresee_event(
        &self,
        file: &mut OwnFile,
        event: &AuditEvent,
    ) -> Result<Outcome, Refusal> {
        if let Err(why) = judge_event(event) {
            return Ok(Outcome::Refused(why));
        }
        let trail = event.relying_party;
        let known =
            self.is_account(file, AccountId(trail.0)).await? || self.is_there(file, trail).await?;
        Ok(if known {
            Outcome::Added { user_since: None }
        } else {
            Outcome::Refused(NO_TRAIL.to_owned())
        })
    }
}

/// What becomes of a user whose key or name the store has.
fn known(user: &User, found: &User) -> Outcome {
    if found.id != user.id {
        Outcome::Refused(OTHER_KEY.to_owned())
    } else if found.name == user.name {
        Outcome::Exists
    } else {
        Outcome::Refused(OTHER_NAME.to_owned())
    }
}
