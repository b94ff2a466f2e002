//! Passkeys of another product. A passkey from a file goes through the checks that one from a ceremony goes through, as far as they
//! are possible without the response of the authenticator. Nothing in a file adds trust.

use std::sync::Arc;

use webauthn::attestation::ModelPolicy;
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{Aaguid, CredentialId, UserHandle};
use webauthn::options::{ResidentKey, UserVerification};
use webauthn::registration::BackupPolicy;

use super::imports::OPERATOR;
use super::judge::{judge_flags, judge_key, judge_text, judge_transports};
use super::notes::Brought;
use crate::model::audit::{AuditEvent, AuditKind};
use crate::model::clock::Timestamp;
use crate::model::credential::{CredentialRecord, MAX_CREDENTIAL_NAME};
use crate::model::ids::{CeremonyId, CredentialKey, ImportId, RelyingPartyId, UserId};
use crate::model::import::{EARLIER, Imported, image, name_image};
use crate::model::policy::{Attachment, AttestationRequirement, PartialSelection, Selection};
use crate::model::refusal::Refusal;
use crate::model::user::{User, judge_user_name};
use crate::service::Passkeys;
use crate::service::prepared::Prepared;
use crate::store::{ImportCredential, ImportUser, ImportedCredential, ImportedUser};

/// A passkey of another product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// The name of its user.
    pub user: String,
    /// The user handle that the authenticator has.
    pub user_handle: UserHandle,
    /// The credential id.
    pub id: CredentialId,
    /// The public key, COSE.
    pub public_key: Vec<u8>,
    /// The signature counter; 0 if it is not known.
    pub sign_count: u32,
    /// How the authenticator can be reached.
    pub transports: Vec<String>,
    /// Backup eligibility; `None` if it is not known.
    pub backup_eligible: Option<bool>,
    /// Backup state; `None` if it is not known.
    pub backup_state: Option<bool>,
    /// Whether the user was ever verified with it; `false` if it is not known.
    pub uv_initialized: bool,
    /// Model of the authenticator.
    pub aaguid: Aaguid,
    /// Whether it is discoverable, if that is known.
    pub discoverable: Option<bool>,
    /// A name, to be shown.
    pub name: String,
    /// When it was registered, if that is known.
    pub created: Option<Timestamp>,
    /// When it was last used, if that is known.
    pub last_used: Option<Timestamp>,
}

/// Where passkeys are imported to.
#[derive(Debug)]
pub struct Target {
    rp: Arc<Prepared>,
    selection: Selection,
    /// What was imported before.
    before: Brought,
    /// Whether those of them that were deleted since are imported again.
    with_deleted: bool,
}

impl Target {
    /// The RP ID that the passkeys must have been registered for.
    pub fn rp_id(&self) -> &str {
        self.selection.rp_id.as_str()
    }

    /// The same, with or without passkeys that were imported before and were deleted since.
    #[must_use]
    pub fn with_deleted(self, with_deleted: bool) -> Self {
        Self {
            with_deleted,
            ..self
        }
    }
}

/// What becomes of a record, or would become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is added.
    Added {
        /// When the user of a passkey was made, if it was there before the passkey.
        user_since: Option<Timestamp>,
    },
    /// It is there already.
    Exists,
    /// It is there already, with a lower counter, which is raised.
    CounterRaised,
    /// It is not added.
    Refused(String),
}

/// Why a passkey is not imported that somebody has deleted here.
const DELETED: &str = "it was imported before and was deleted here since, or its user was; --with-deleted imports it again";
const USER_DELETED: &str =
    "its user was imported before and was deleted here since; --with-deleted imports it";

pub(super) const TAKEN: &str = "the store has a credential with this id, of another user or with another public key; it stays as it is";

impl Passkeys {
    /// The Relying Party with this key as a place for passkeys of other products.
    ///
    /// # Errors
    /// `relying_party_unknown`; `relying_party_incomplete` if it has no RP ID or no origins.
    pub async fn import_target(&self, rp: RelyingPartyId) -> Result<Target, Refusal> {
        let rp = self.relying_party_itself(rp).await?;
        let (rp_id, origins) = rp.party(&PartialSelection::default())?;
        let own = &rp.selection;
        let selection = Selection {
            rp_id,
            rp_name: own.rp_name.clone().unwrap_or_else(|| rp.name.clone()),
            origins,
            attachment: own.attachment.unwrap_or(Attachment::Any),
            resident_key: own.resident_key.unwrap_or(ResidentKey::Preferred),
            user_verification: rp
                .user_verification(None)
                .unwrap_or(UserVerification::Preferred),
        };
        let before = self.brought(rp.id).await?;
        Ok(Target {
            rp,
            selection,
            before,
            with_deleted: false,
        })
    }

    /// Imports a passkey, and its user if there is none of this name.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import_passkey(
        &self,
        target: &Target,
        passkey: &Passkey,
        import: ImportId,
    ) -> Result<Outcome, Refusal> {
        let algorithm = match judge(&target.rp, passkey) {
            Ok(algorithm) => algorithm,
            Err(why) => return Ok(Outcome::Refused(why)),
        };
        let (rp, now) = (target.rp.id, self.now());
        // A user is not made for a passkey that the store refuses.
        if let Some(refused @ Outcome::Refused(_)) = self.foresee_known(target, passkey).await? {
            return Ok(refused);
        }
        let new = self.new_user(rp, &passkey.user, now);
        let event = AuditEvent::new(self.draw(), AuditKind::UserCreated, rp, now, &OPERATOR);
        let event = event.of(&new);
        let written = self.storage.import_user(ImportUser {
            user: &new,
            import: Some(import),
            event: Some(&event),
        });
        let user = match written.await? {
            ImportedUser::Created => new.clone(),
            ImportedUser::Exists(user) => user,
            ImportedUser::Deleted | ImportedUser::RelyingPartyGone => {
                return Ok(Outcome::Refused("the Relying Party was deleted".to_owned()));
            }
        };
        // A call that was sent again finds the user that it has written.
        let user_since = (user.id != new.id).then_some(user.created);
        let record = record(target, passkey, algorithm, &user, now);
        let kind = AuditKind::CredentialImported;
        let event = AuditEvent::new(self.draw(), kind, rp, now, &OPERATOR)
            .of(&user)
            .credential(record.key);
        let import = ImportCredential {
            credential: &record,
            evidence: None,
            import: Some(import),
            owner_name: name_image(rp, &passkey.user),
            adopt_owner: user_since.is_some(),
            event: Some(&event),
        };
        Ok(match self.storage.import_credential(import).await? {
            ImportedCredential::Created => Outcome::Added { user_since },
            ImportedCredential::Exists => {
                self.note_known(target, passkey).await?;
                Outcome::Exists
            }
            ImportedCredential::CounterRaised => {
                self.note_known(target, passkey).await?;
                Outcome::CounterRaised
            }
            ImportedCredential::Taken => Outcome::Refused(TAKEN.to_owned()),
            ImportedCredential::UserGone => Outcome::Refused("the user was deleted".to_owned()),
        })
    }

    /// Notes a passkey that is there already, and the name of its user, where no import has noted them: when they are deleted
    /// later, the next file must not bring them back.
    async fn note_known(&self, target: &Target, passkey: &Passkey) -> Result<(), Refusal> {
        let rp = target.rp.id;
        let (key, name) = (key_of(rp, &passkey.id), name_image(rp, &passkey.user));
        if target.before.credentials.contains(&key) && target.before.names.contains(&name) {
            return Ok(());
        }
        let notes = [
            Imported::Credential(rp, key, UserId([0; 16])),
            Imported::Name(rp, name),
        ];
        Ok(self.storage.note_imported(EARLIER, &notes).await?)
    }

    /// What [`import_passkey`](Self::import_passkey) would do now. Nothing is written.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn foresee_import(
        &self,
        target: &Target,
        passkey: &Passkey,
    ) -> Result<Outcome, Refusal> {
        if let Err(why) = judge(&target.rp, passkey) {
            return Ok(Outcome::Refused(why));
        }
        if let Some(outcome) = self.foresee_known(target, passkey).await? {
            return Ok(outcome);
        }
        let rp = target.rp.id;
        let user = self.storage.user(rp, passkey.user.as_str().into()).await?;
        Ok(Outcome::Added {
            user_since: user.map(|user| user.created),
        })
    }

    async fn foresee_known(
        &self,
        target: &Target,
        passkey: &Passkey,
    ) -> Result<Option<Outcome>, Refusal> {
        let owner = |owner: &User| owner.name == passkey.user;
        let (key, count) = (&passkey.public_key, passkey.sign_count);
        let known = self.foresee_credential(target.rp.id, &passkey.id, owner, key, count);
        let known = known.await?;
        if known.is_some() || target.with_deleted {
            return Ok(known);
        }
        let (rp, before) = (target.rp.id, &target.before);
        if before.credentials.contains(&key_of(rp, &passkey.id)) {
            return Ok(Some(Outcome::Refused(DELETED.to_owned())));
        }
        if before.names.contains(&name_image(rp, &passkey.user)) {
            let user = self.storage.user(rp, passkey.user.as_str().into()).await?;
            return Ok(user
                .is_none()
                .then(|| Outcome::Refused(USER_DELETED.to_owned())));
        }
        Ok(None)
    }

    /// What becomes of a credential whose id the Relying Party knows already; `None`: it does not.
    pub(super) async fn foresee_credential(
        &self,
        rp: RelyingPartyId,
        id: &CredentialId,
        is_owner: impl Fn(&User) -> bool + Send,
        public_key: &[u8],
        sign_count: u32,
    ) -> Result<Option<Outcome>, Refusal> {
        let nothing = CeremonyId([0; 16]);
        let loaded = self.storage.load_for_authentication(rp, nothing, id);
        let loaded = loaded.await?;
        let Some((stored, owner)) = loaded.credential.as_deref() else {
            return Ok(None);
        };
        Ok(Some(
            if !is_owner(owner) || *stored.public_key != *public_key {
                Outcome::Refused(TAKEN.to_owned())
            } else if stored.sign_count < sign_count {
                Outcome::CounterRaised
            } else {
                Outcome::Exists
            },
        ))
    }
}

/// The checks of a registration that need no response, and those demands of the policy that a file cannot meet.
fn judge(rp: &Prepared, passkey: &Passkey) -> Result<CoseAlgorithm, String> {
    let policy = &rp.policy;
    let algorithm = judge_key(&passkey.public_key)?;
    if !policy.offer().contains(&algorithm) {
        return Err(format!(
            "the policy does not allow the algorithm {algorithm} of the public key"
        ));
    }
    let least = usize::from(policy.min_credential_id_length);
    let length = passkey.id.as_bytes().len();
    if length < least {
        return Err(format!(
            "the credential id has {length} bytes, and the policy demands {least}"
        ));
    }
    let attestation = &policy.attestation;
    if attestation.requirement == AttestationRequirement::Trusted
        || attestation.models != ModelPolicy::default()
    {
        return Err(
            "the policy demands attested authenticators or certain models, and a file proves neither"
                .to_owned(),
        );
    }
    if policy.extensions.demanded_protection().is_some() {
        return Err(
            "the policy demands credential protection, and a file does not prove it".to_owned(),
        );
    }
    let (eligible, state) = (passkey.backup_eligible, passkey.backup_state);
    let admitted = match policy.backup {
        BackupPolicy::Any => true,
        BackupPolicy::DeviceBound => eligible == Some(false),
        BackupPolicy::Eligible => eligible == Some(true),
        BackupPolicy::BackedUp => state == Some(true),
    };
    if !admitted {
        return Err(
            "the policy has a demand on backups, and the backup flags in the file do not meet it"
                .to_owned(),
        );
    }
    judge_flags(eligible, state)?;
    judge_user_name(&passkey.user)?;
    judge_text(
        "the name of the passkey",
        &passkey.name,
        MAX_CREDENTIAL_NAME,
    )?;
    judge_transports(&passkey.transports)?;
    Ok(algorithm)
}

/// The key of an imported credential. It is the same in each run, so that a run finds what an earlier one has imported.
fn key_of(rp: RelyingPartyId, id: &CredentialId) -> CredentialKey {
    CredentialKey(image("imported credential", rp, id.as_bytes()))
}

fn record(
    target: &Target,
    passkey: &Passkey,
    algorithm: CoseAlgorithm,
    user: &User,
    now: Timestamp,
) -> CredentialRecord {
    CredentialRecord {
        key: key_of(user.relying_party, &passkey.id),
        relying_party: user.relying_party,
        user: user.id,
        user_handle: Some(passkey.user_handle.clone())
            .filter(|handle| *handle != user.id.user_handle()),
        id: passkey.id.clone(),
        public_key: passkey.public_key.as_slice().into(),
        algorithm,
        sign_count: passkey.sign_count,
        sign_count_since_fall: None,
        uv_initialized: passkey.uv_initialized,
        transports: passkey.transports.clone(),
        backup_eligible: passkey.backup_eligible,
        backup_state: passkey.backup_state,
        aaguid: passkey.aaguid,
        attestation_format: "none".to_owned(),
        attestation_type: "none".to_owned(),
        trust: "none".to_owned(),
        discoverable: passkey.discoverable,
        name: passkey.name.clone(),
        selection: target.selection.clone(),
        created: passkey.created.unwrap_or(now),
        updated: now,
        last_used: passkey.last_used,
        user_agent: None,
    }
}
