//! The lines of an export: one JSON object each. The first line is the header, the last one the manifest.
//!
//! The words are those of the WebAuthn specification. Keys are 32 lower-case hexadecimal digits, bytes are base64url without padding,
//! moments are RFC 3339 with milliseconds. Every member is there; `null` means unknown.

use std::net::IpAddr;

use domain::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use domain::model::credential::{CredentialRecord, Evidence, ExtensionOutputs};
use domain::model::ids::{
    AccessKeyId, AccountId, CeremonyId, CredentialKey, EventId, RelyingPartyId, UserId,
};
use domain::model::import::Imported as Note;
use domain::model::policy::Selection;
use domain::model::relying_party::RelyingParty;
use domain::model::user::User as UserRecord;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use webauthn::base64url;
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{Aaguid, CredentialId, UserHandle};

use super::text::Moment;

/// The value of `format` in the header.
pub const FORMAT: &str = "passkeyd";
/// The version of the format that this program writes and reads.
pub const VERSION: u32 = 2;
/// The earliest version that this program reads: version 1 has no [`Line::Imported`].
const EARLIEST: u32 = 1;
/// What an export never has.
pub const NOT_EXPORTED: &[&str] = &[
    "the Auth Tokens of accounts",
    "API keys",
    "access keys",
    "the keys of tokens",
    "pending ceremonies",
    "webhooks",
];

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "record", rename_all = "snake_case")]
#[schemars(title = "A line of an export of passkeyd")]
pub enum Line {
    /// The first line.
    Header(Header),
    /// An account: who owns Relying Parties. Its Auth Token is not exported.
    Account(Account),
    /// A Relying Party with its settings and its policy.
    RelyingParty(Box<Party>),
    /// A user of a Relying Party.
    User(User),
    /// A credential of the last user before it.
    Credential(Box<Credential>),
    /// Something that was imported from another product, of the last Relying Party before it: an import does not bring it back when it was
    /// deleted since.
    Imported(Imported),
    /// Something that happened, of the last Relying Party before it; only with `--with-history`.
    Event(Box<Event>),
    /// The last line. A file without it is cut off.
    Manifest(Manifest),
}

/// What file it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// `passkeyd`.
    pub format: String,
    /// The version of the format.
    pub version: u32,
    /// What is not in the file.
    pub not_exported: Vec<String>,
}

impl Header {
    /// The header of a file that this program writes.
    pub fn new() -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            not_exported: NOT_EXPORTED.iter().map(|&what| what.to_owned()).collect(),
        }
    }
}

impl Header {
    /// Whether this program reads the file.
    pub fn is_known(&self) -> bool {
        self.format == FORMAT && (EARLIEST..=VERSION).contains(&self.version)
    }
}

impl Default for Header {
    fn default() -> Self {
        Self::new()
    }
}

/// What the file has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// When the file was written.
    pub created: Moment,
    /// How many lines of each kind there are.
    pub counts: Counts,
    /// SHA-256 of all lines before this one, with their line feeds, as hexadecimal digits.
    pub sha256: String,
}

/// How many lines of each kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Accounts.
    pub accounts: u64,
    /// Relying Parties.
    pub relying_parties: u64,
    /// Users.
    pub users: u64,
    /// Credentials.
    pub credentials: u64,
    /// Notes of what was imported from other products.
    #[serde(default)]
    pub imported: u64,
    /// Events.
    pub events: u64,
}

impl Counts {
    /// Counts a line.
    pub fn count(&mut self, line: &Line) {
        match line {
            Line::Header(_) | Line::Manifest(_) => {}
            Line::Account(_) => self.accounts += 1,
            Line::RelyingParty(_) => self.relying_parties += 1,
            Line::User(_) => self.users += 1,
            Line::Credential(_) => self.credentials += 1,
            Line::Imported(_) => self.imported += 1,
            Line::Event(_) => self.events += 1,
        }
    }
}

/// Something that was imported from another product, whether it is still there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    /// Its Relying Party.
    #[schemars(with = "String")]
    pub relying_party: RelyingPartyId,
    /// What it is.
    pub kind: ImportedKind,
    /// The key of the credential, or half of a SHA-256 of the name of the user.
    #[schemars(with = "String")]
    pub key: CredentialKey,
}

/// What was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportedKind {
    /// A credential.
    Credential,
    /// A user who got a credential.
    UserName,
}

impl Imported {
    /// The line of a note; `None` for a kind that no export has.
    pub fn of(note: Note) -> Option<Self> {
        let (relying_party, kind, key) = match note {
            Note::Credential(rp, key, _) => (rp, ImportedKind::Credential, key),
            Note::Name(rp, image) => (rp, ImportedKind::UserName, CredentialKey(image)),
            Note::User(..) => return None,
        };
        Some(Self {
            relying_party,
            kind,
            key,
        })
    }
}

impl From<Imported> for Note {
    fn from(line: Imported) -> Self {
        match line.kind {
            ImportedKind::Credential => {
                Self::Credential(line.relying_party, line.key, UserId([0; 16]))
            }
            ImportedKind::UserName => Self::Name(line.relying_party, line.key.0),
        }
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its key: the Account SID without `AC`.
    #[schemars(with = "String")]
    pub id: AccountId,
    /// When it was created.
    pub created: Moment,
}

/// A Relying Party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its key: the Service SID without `VA`.
    #[schemars(with = "String")]
    pub id: RelyingPartyId,
    /// Its account.
    #[schemars(with = "String")]
    pub account: AccountId,
    /// A name for people.
    pub name: String,
    /// RP ID, origins and the other settings of ceremonies as far as they are configured.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub selection: domain::model::policy::PartialSelection,
    /// Its policy, as it is stored.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub policy: domain::model::policy::Policy,
    /// What it has chosen for each API, as it is stored.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub settings: domain::model::settings::WireSettings,
    /// Counts changes, from 1.
    pub version: u64,
    /// When it was created.
    pub created: Moment,
    /// When it was last changed.
    pub updated: Moment,
}

impl From<RelyingParty> for Party {
    fn from(rp: RelyingParty) -> Self {
        Self {
            id: rp.id,
            account: rp.account,
            name: rp.name,
            selection: rp.selection,
            policy: rp.policy,
            settings: rp.settings,
            version: rp.version,
            created: rp.created.into(),
            updated: rp.updated.into(),
        }
    }
}

impl From<Party> for RelyingParty {
    fn from(line: Party) -> Self {
        Self {
            id: line.id,
            account: line.account,
            name: line.name,
            selection: line.selection,
            policy: line.policy,
            settings: line.settings,
            version: line.version,
            created: line.created.into(),
            updated: line.updated.into(),
        }
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Its key.
    #[schemars(with = "String")]
    pub id: UserId,
    /// Its Relying Party.
    #[schemars(with = "String")]
    pub relying_party: RelyingPartyId,
    /// The name by which a back end knows the user; unique within the Relying Party.
    pub name: String,
    /// When it was created.
    pub created: Moment,
    /// When it was last changed.
    pub updated: Moment,
    /// Last sign-in with a credential that was deleted since.
    pub last_success: Option<Moment>,
    /// Last sign-in that was refused.
    pub last_failure: Option<Moment>,
}

impl From<UserRecord> for User {
    fn from(user: UserRecord) -> Self {
        Self {
            id: user.id,
            relying_party: user.relying_party,
            name: user.name,
            created: user.created.into(),
            updated: user.updated.into(),
            last_success: user.last_success.map(Moment),
            last_failure: user.last_failure.map(Moment),
        }
    }
}

impl From<User> for UserRecord {
    fn from(line: User) -> Self {
        Self {
            id: line.id,
            relying_party: line.relying_party,
            name: line.name,
            created: line.created.into(),
            updated: line.updated.into(),
            last_success: line.last_success.map(Into::into),
            last_failure: line.last_failure.map(Into::into),
        }
    }
}

/// A credential record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The key of the record.
    #[schemars(with = "String")]
    pub key: CredentialKey,
    /// Its Relying Party.
    #[schemars(with = "String")]
    pub relying_party: RelyingPartyId,
    /// Its user.
    #[schemars(with = "String")]
    pub user: UserId,
    /// The user handle that the authenticator has, base64url.
    #[schemars(with = "String")]
    pub user_handle: UserHandle,
    /// The credential id, base64url.
    #[schemars(with = "String")]
    pub id: CredentialId,
    /// The public key, COSE, base64url.
    #[serde(with = "base64url::bytes")]
    #[schemars(with = "String")]
    pub public_key: Vec<u8>,
    /// The COSE algorithm of that key.
    #[schemars(with = "i64")]
    pub algorithm: CoseAlgorithm,
    /// The highest signature counter seen.
    pub sign_count: u32,
    /// The last signature counter seen, if one did not grow since.
    pub sign_count_since_fall: Option<u32>,
    /// Whether the user was ever verified with it.
    pub uv_initialized: bool,
    /// How the authenticator can be reached.
    pub transports: Vec<String>,
    /// Backup eligibility; null if it is not known.
    pub backup_eligible: Option<bool>,
    /// Backup state as of the last ceremony; null if it is not known.
    pub backup_state: Option<bool>,
    /// Model of the authenticator, a UUID.
    #[schemars(with = "String")]
    pub aaguid: Aaguid,
    /// Its attestation.
    pub attestation: Attestation,
    /// Whether the client said that it is discoverable; null if it said nothing.
    pub discoverable: Option<bool>,
    /// A name, to be shown.
    pub name: String,
    /// RP ID, origins and the other settings that it was registered under.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub selection: Selection,
    /// When the registration was started.
    pub created: Moment,
    /// When it was last changed by a person.
    pub updated: Moment,
    /// When it last signed in.
    pub last_used: Option<Moment>,
    /// The user agent of the browser or app that registered it.
    pub user_agent: Option<String>,
}

/// What is known of a credential's origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Attestation statement format.
    pub format: String,
    /// Attestation type.
    #[serde(rename = "type")]
    pub kind: String,
    /// How far it is trusted.
    pub trust: String,
    /// What the registration brought, if it is kept.
    pub evidence: Option<Kept>,
}

/// What a registration brought, as received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The attestation object, base64url.
    #[serde(with = "base64url::bytes")]
    #[schemars(with = "String")]
    pub attestation_object: Vec<u8>,
    /// The client data, base64url.
    #[serde(with = "base64url::bytes")]
    #[schemars(with = "String")]
    pub client_data_json: Vec<u8>,
    /// The outputs of extensions; null if they were not kept.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub extensions: Option<ExtensionOutputs>,
}

impl Credential {
    /// The line of a record.
    pub fn new(record: CredentialRecord, evidence: Option<Evidence>) -> Self {
        Self {
            key: record.key,
            relying_party: record.relying_party,
            user: record.user,
            user_handle: record.user_handle(),
            id: record.id,
            public_key: record.public_key.to_vec(),
            algorithm: record.algorithm,
            sign_count: record.sign_count,
            sign_count_since_fall: record.sign_count_since_fall,
            uv_initialized: record.uv_initialized,
            transports: record.transports,
            backup_eligible: record.backup_eligible,
            backup_state: record.backup_state,
            aaguid: record.aaguid,
            attestation: Attestation {
                format: record.attestation_format,
                kind: record.attestation_type,
                trust: record.trust,
                evidence: evidence.map(|evidence| Kept {
                    attestation_object: evidence.attestation_object.to_vec(),
                    client_data_json: evidence.client_data_json.to_vec(),
                    extensions: evidence.extensions,
                }),
            },
            discoverable: record.discoverable,
            name: record.name,
            selection: record.selection,
            created: record.created.into(),
            updated: record.updated.into(),
            last_used: record.last_used.map(Moment),
            user_agent: record.user_agent,
        }
    }
}

impl Credential {
    /// The record of a line, with its evidence.
    pub fn read(self) -> (CredentialRecord, Option<Evidence>) {
        let evidence = self.attestation.evidence.map(|kept| Evidence {
            attestation_object: kept.attestation_object.into(),
            client_data_json: kept.client_data_json.into(),
            extensions: kept.extensions,
        });
        let handle = Some(self.user_handle);
        let record = CredentialRecord {
            key: self.key,
            relying_party: self.relying_party,
            user: self.user,
            user_handle: handle.filter(|handle| *handle != self.user.user_handle()),
            id: self.id,
            public_key: self.public_key.into(),
            algorithm: self.algorithm,
            sign_count: self.sign_count,
            sign_count_since_fall: self.sign_count_since_fall,
            uv_initialized: self.uv_initialized,
            transports: self.transports,
            backup_eligible: self.backup_eligible,
            backup_state: self.backup_state,
            aaguid: self.aaguid,
            attestation_format: self.attestation.format,
            attestation_type: self.attestation.kind,
            trust: self.attestation.trust,
            discoverable: self.discoverable,
            name: self.name,
            selection: self.selection,
            created: self.created.into(),
            updated: self.updated.into(),
            last_used: self.last_used.map(Into::into),
            user_agent: self.user_agent,
        };
        (record, evidence)
    }
}

/// An event of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its key.
    #[schemars(with = "String")]
    pub id: EventId,
    /// Its Relying Party; the key of the account if it happened to an account.
    #[schemars(with = "String")]
    pub relying_party: RelyingPartyId,
    /// When.
    pub at: Moment,
    /// What happened.
    pub kind: String,
    /// The user concerned.
    #[schemars(with = "Option<String>")]
    pub user: Option<UserId>,
    /// That user's name at the time.
    pub user_name: Option<String>,
    /// The credential concerned.
    #[schemars(with = "Option<String>")]
    pub credential: Option<CredentialKey>,
    /// The ceremony concerned.
    #[schemars(with = "Option<String>")]
    pub ceremony: Option<CeremonyId>,
    /// Why it was refused: a reason of docs/reasons.md.
    pub reason: Option<String>,
    /// Signals of the verifier, with spaces between them.
    pub signals: String,
    /// What kind of party did it.
    pub actor: String,
    /// The access key that it used.
    #[schemars(with = "Option<String>")]
    pub access_key: Option<AccessKeyId>,
    /// The API through which it was done.
    pub api: String,
    /// The user agent of the user's browser or app.
    pub user_agent: Option<String>,
    /// The address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// What few events have, as JSON: the API key, the name of who did it, the value that led to a refusal, the record concerned, and
    /// what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
}

impl From<AuditEvent> for Event {
    fn from(event: AuditEvent) -> Self {
        let more = event.more();
        Self {
            id: event.id,
            relying_party: event.relying_party,
            at: event.at.into(),
            kind: event.kind.name().to_owned(),
            user: event.user,
            user_name: event.user_name,
            credential: event.credential,
            ceremony: event.ceremony,
            reason: event.reason.map(|reason| reason.name().to_owned()),
            signals: event.signals,
            actor: event.actor.kind.name().to_owned(),
            access_key: event.actor.access_key,
            user_agent: event.actor.user_agent().map(str::to_owned),
            address: event.actor.address,
            more,
            api: event.actor.wire.into_owned(),
        }
    }
}

impl Event {
    /// The event of a line; `None` if the line has a word that this program does not know.
    pub fn read(self) -> Option<AuditEvent> {
        let mut actor = Actor::new(ActorKind::from_name(&self.actor)?, "");
        actor.access_key = self.access_key;
        actor.wire = self.api.into();
        if let Some(agent) = &self.user_agent {
            actor = actor.agent(agent);
        }
        actor.address = self.address;
        let reason = self.reason.map(|name| name.parse());
        let mut event = AuditEvent {
            id: self.id,
            kind: AuditKind::from_name(&self.kind)?,
            relying_party: self.relying_party,
            at: self.at.into(),
            user: self.user,
            user_name: self.user_name,
            credential: self.credential,
            ceremony: self.ceremony,
            reason: reason.transpose().ok()?,
            signals: self.signals,
            actor,
            details: None,
            subscribers: None,
        };
        let read = self.more.is_none_or(|more| event.take_more(&more));
        read.then_some(event)
    }
}
