//! What the records of an export say against each other, and each of them alone.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use webauthn::trust::Trust;

use super::judge::{
    Judged, MAX_WORD, judge_agent, judge_flags, judge_key, judge_text, judge_transports,
};
use crate::model::console::{CONSOLE_ACCOUNT, CONSOLE_PARTY};
use crate::model::credential::{CredentialRecord, Evidence, MAX_CREDENTIAL_NAME};
use crate::model::ids::{AccountId, RelyingPartyId};
use crate::model::relying_party::MAX_RELYING_PARTY_NAME;
use crate::model::user::{User, judge_user_name};

/// Why the credentials of a refused user are refused.
pub(super) const USER_REFUSED: &str = "its user was refused";

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

fn judge_own(user: &User, record: &CredentialRecord) -> Judged {
    if (record.relying_party, record.user) != (user.relying_party, user.id) {
        return Err("it follows a user who is not its own".to_owned());
    }
    if judge_key(&record.public_key)? != record.algorithm {
        return Err("its algorithm is not that of its public key".to_owned());
    }
    judge_flags(record.backup_eligible, record.backup_state)?;
    let known = [
        Trust::None,
        Trust::SelfAttested,
        Trust::Unknown,
        Trust::Trusted,
    ];
    if known.iter().all(|trust| trust.as_str() != record.trust) {
        return Err("its attestation has a trust that this passkeyd does not know".to_owned());
    }
    judge_text(
        "the format of its attestation",
        &record.attestation_format,
        MAX_WORD,
    )?;
    judge_text(
        "the type of its attestation",
        &record.attestation_type,
        MAX_WORD,
    )?;
    judge_text("the name of the passkey", &record.name, MAX_CREDENTIAL_NAME)?;
    judge_transports(&record.transports)?;
    judge_text(
        "the name of the Relying Party",
        &record.selection.rp_name,
        MAX_RELYING_PARTY_NAME,
    )?;
    judge_agent(record.user_agent.as_deref())
}

type Image = [u8; 8];

/// An image of a record within its Relying Party, so that a large file needs little memory.
fn image(rp: RelyingPartyId, bytes: &[u8]) -> Image {
    let all = [&rp.0[..], bytes].concat();
    let mut image = [0; 8];
    image.copy_from_slice(&digest(&SHA256, &all).as_ref()[..8]);
    image
}

/// What the records of an export have said so far. Each is asked in the order of the file.
#[derive(Debug, Default)]
pub struct OwnFile {
    /// The only Relying Party whose records are wanted, with its account.
    only: Option<(RelyingPartyId, AccountId)>,
    /// Accounts and Relying Parties that the store has once the records before are imported. Only a dry run fills them.
    pub(super) accounts: HashSet<AccountId>,
    pub(super) parties: HashSet<RelyingPartyId>,
    users: HashSet<Image>,
    names: HashMap<Image, Image>,
    credentials: HashSet<Image>,
    keys: HashSet<Image>,
}

/// What the file alone says against a user, and against each credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnJudged {
    pub(super) user: Option<String>,
    pub(super) credentials: Vec<Option<String>>,
}

impl OwnFile {
    /// A file of which the records of one Relying Party and its account are wanted, or all.
    pub fn new(only: Option<(RelyingPartyId, AccountId)>) -> Self {
        Self {
            only,
            ..Self::default()
        }
    }

    /// Whether the file may have records of a Relying Party. An export never has those of the console: whoever writes a file must not
    /// become its administrator.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn judge_party(&self, rp: RelyingPartyId) -> Result<(), String> {
        if rp == CONSOLE_PARTY {
            return Err("it belongs to the console, which no file changes".to_owned());
        }
        if self.only.is_some_and(|(only, _)| only != rp) {
            return Err(
                "it belongs to another Relying Party than the one that was named".to_owned(),
            );
        }
        Ok(())
    }

    /// Whether the file may have an account.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn judge_account(&self, account: AccountId) -> Result<(), String> {
        if account == CONSOLE_ACCOUNT {
            return Err("it belongs to the console, which no file changes".to_owned());
        }
        if self.only.is_some_and(|(_, only)| only != account) {
            return Err("it is not the account of the Relying Party that was named".to_owned());
        }
        Ok(())
    }

    /// Judges a user with all credentials.
    pub fn judge(&mut self, own: &OwnUser) -> OwnJudged {
        let user = self.judge_user(&own.user).err();
        let credentials = own.credentials.iter().map(|credential| match &user {
            Some(_) => Some(USER_REFUSED.to_owned()),
            None => self.judge_credential(&own.user, credential).err(),
        });
        OwnJudged {
            credentials: credentials.collect(),
            user,
        }
    }

    fn judge_user(&mut self, user: &User) -> Judged {
        self.judge_party(user.relying_party)?;
        judge_user_name(&user.name)?;
        let rp = user.relying_party;
        let (id, name) = (image(rp, &user.id.0), image(rp, user.name.as_bytes()));
        if self.users.contains(&id) {
            return Err("the file has a user with this key already".to_owned());
        }
        if *self.names.entry(name).or_insert(id) != id {
            return Err("the file has a user of this name already, with another key".to_owned());
        }
        self.users.insert(id);
        Ok(())
    }

    fn judge_credential(&mut self, user: &User, own: &OwnCredential) -> Judged {
        let record = &own.record;
        judge_own(user, record)?;
        let (id, key) = (
            image(record.relying_party, record.id.as_bytes()),
            image(record.relying_party, &record.key.0),
        );
        if self.credentials.contains(&id) {
            return Err("the file has this credential id twice".to_owned());
        }
        if !self.keys.insert(key) {
            return Err("the file has this key of a credential twice".to_owned());
        }
        self.credentials.insert(id);
        Ok(())
    }
}
