//! Records as rows: which columns, in which order, in which form.

use std::any::Any;
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest::{Context, SHA256, digest};
use domain::model::account::{Account, ApiKey, SecretHash};
use domain::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use domain::model::ceremony::{
    Authentication, Ceremony, CeremonyKind, CeremonyState, Registration,
};
use domain::model::clock::Timestamp;
use domain::model::credential::{CredentialRecord, Evidence, NewCredential};
use domain::model::ids::{
    AccessKeyId, AccountId, ApiKeyId, AttemptId, CeremonyId, CredentialKey, EventId,
    RelyingPartyId, UserId,
};
use domain::model::policy::Selection;
use domain::model::user::User;
use domain::store::Fault;
use domain::store::take::{End, Takeable};
use parking_lot::Mutex;
use rusqlite::types::{FromSqlError, ValueRef};
use rusqlite::{Connection, Row, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{from_str, to_string};
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{Aaguid, CredentialId};
use webauthn::error::Reason;

use super::evidence::{Known, Parts, pack, unpack};
use super::seals::{self, seal};
use super::sql::{Failure, Outcome, execute, exists, first};

/// The columns that the function of the same name reads, in its order. A macro, so that statements are
/// constants.
///
/// The row of a credential may be a minute behind its last use. The sign-ins of that minute, none of which began more than an
/// hour before, know it.
macro_rules! columns {
    (account) => {
        concat!("id, token, created, ", is_sound!(accounts))
    };
    (api_key) => {
        concat!(
            "id, account_id, name, secret, created, ",
            is_sound!(api_keys)
        )
    };
    (user) => {
        concat!(
            "u.relying_party_id, u.id, u.name, u.created, u.updated, u.last_success, u.last_failure, ",
            is_sound!(users, "u.")
        )
    };
    (credential_kind) => {
        concat!(
            "(SELECT CASE WHEN ",
            is_sound!(credential_kinds, "k."),
            " THEN k.body END FROM credential_kinds k WHERE k.id = c.kind)"
        )
    };
    (last_used) => {
        "max(c.last_used, coalesce((SELECT max(h.updated) FROM ceremonies h \
     WHERE h.relying_party_id = c.relying_party_id AND h.user_id = c.user_id AND h.kind = 1 \
     AND h.created BETWEEN c.last_used - 3600000 AND c.last_used + 60000 \
     AND h.state = 1 AND h.credential_key = c.key), c.last_used))"
    };
    (credential) => {
        concat!(
            "c.relying_party_id, c.key, c.user_id, c.id, c.public_key, c.algorithm, \
     c.sign_count, c.uv_initialized, c.backup_eligible, c.backup_state, c.transports, c.aaguid, ",
            $crate::embedded::rows::columns!(credential_kind),
            ", c.discoverable, c.name, c.created, c.updated, ",
            $crate::embedded::rows::columns!(last_used),
            ", ",
            is_sound!(credentials, "c."),
            " AND ",
            is_sound!(uses, "c."),
            ", c.user_agent, c.sign_count_since_fall"
        )
    };
    (ceremony) => {
        concat!(
            "relying_party_id, id, kind, state, reason, user_id, credential_key, \
     created, expires, updated, asked, policy_id, (SELECT p.body FROM policies p \
     WHERE p.relying_party_id = ceremonies.relying_party_id AND p.id = ceremonies.policy_id), ",
            is_sound!(ceremonies)
        )
    };
    (takeable) => {
        concat!(
            "kind, state, reason, user_id, expires, claimed_by, stored_count, ",
            is_sound!(ceremonies)
        )
    };
    (event) => {
        "relying_party_id, at, id, kind, user_id, credential_key, ceremony_id, reason, signals, \
     user_name, actor, access_key_id, wire, user_agent"
    };
}
pub(super) use columns;

/// Conditions on rows of the Relying Party `?1`: their owners are there. What belongs to a Relying Party or to a user that was
/// deleted may still lie in its table until the sweep has removed it, and must not be seen.
macro_rules! alive {
    // The Relying Party is there.
    (party) => {
        " AND EXISTS (SELECT 1 FROM relying_parties p WHERE p.id = ?1)"
    };
    // The Relying Party is there, and the user whose key the expression gives.
    ($user:literal) => {
        concat!(
            " AND EXISTS (SELECT 1 FROM users o JOIN relying_parties p ON p.id = o.relying_party_id \
             WHERE o.relying_party_id = ?1 AND o.id = ",
            $user,
            ")"
        )
    };
    // The Relying Party is there, and the user whom a ceremony names, if it names one.
    (ceremony) => {
        concat!(
            $crate::embedded::rows::alive!(party),
            " AND (user_id IS NULL OR EXISTS (SELECT 1 FROM users o \
             WHERE o.relying_party_id = ?1 AND o.id = user_id))"
        )
    };
}
pub(super) use alive;

/// `ceremonies.kind` of a registration.
pub(super) const REGISTRATION: i64 = 0;
/// `ceremonies.kind` of an authentication.
pub(super) const AUTHENTICATION: i64 = 1;
/// `ceremonies.state` while no answer was taken.
pub(super) const PENDING: i64 = 0;
/// `ceremonies.state` after an answer was verified.
pub(super) const SUCCEEDED: i64 = 1;
/// `ceremonies.state` after an answer was refused.
pub(super) const FAILED: i64 = 2;

/// A number that counts changes, for its column.
pub(super) fn counter(changes: u64) -> Result<i64, Fault> {
    i64::try_from(changes).map_err(|_| Fault::Fatal("a version is out of range".to_owned()))
}

/// JSON text of something of ours.
pub(super) fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    to_string(value).map_err(|_| Fault::Fatal("a record has no JSON form".to_owned()))
}

/// Something of ours from JSON text.
pub(super) fn from_json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
    what: &str,
) -> Outcome<T> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(|_| Failure::unreadable(what))?;
    from_str(text).map_err(|_| Failure::unreadable(what))
}

fn reason(row: &Row<'_>, column: usize) -> Outcome<Option<Reason>> {
    let text = row
        .get_ref(column)?
        .as_str_or_null()
        .map_err(|_| Failure::unreadable("reason"))?;
    text.map(|name| Reason::from_str(name).map_err(|_| Failure::unreadable("reason")))
        .transpose()
}

/// Image of the id that the authenticator chose.
pub(super) fn id_hash(id: &CredentialId) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, id.as_bytes()).as_ref());
    hash
}

/// What of that is in the row of a credential, where it must be the only one of the Relying Party.
pub(super) fn row_hash(id_hash: &[u8; 32]) -> &[u8] {
    &id_hash[..16]
}

/// The digest that credentials had until format 13, of the Relying Party, key, owner, algorithm, id and public key.
pub(super) fn credential_digest_13(columns: [ValueRef<'_>; 6]) -> Result<[u8; 16], FromSqlError> {
    let [rp, key, user, algorithm, id, public_key] = columns;
    let mut context = Context::new(&SHA256);
    for column in [rp, key, user] {
        context.update(column.as_blob()?);
    }
    context.update(&algorithm.as_i64()?.to_be_bytes());
    for column in [id, public_key] {
        let bytes = column.as_blob()?;
        context.update(&bytes.len().to_be_bytes());
        context.update(bytes);
    }
    let mut kept = [0; 16];
    kept.copy_from_slice(&context.finish().as_ref()[..16]);
    Ok(kept)
}

// ---- accounts ---------------------------------------------------------------------------------

pub(super) fn insert_account(connection: &Connection, account: &Account) -> Outcome<usize> {
    execute(
        connection,
        "INSERT INTO accounts (id, token, created, digest) VALUES (?1, ?2, ?3, seal('accounts', ?1, ?2, ?3))",
        params![account.id.0, account.token.0, account.created.0],
    )
}

pub(super) fn account(row: &Row<'_>) -> Outcome<Account> {
    seals::check(row, 3, "accounts")?;
    Ok(Account {
        id: AccountId(row.get(0)?),
        token: SecretHash(row.get(1)?),
        created: Timestamp(row.get(2)?),
    })
}

pub(super) fn insert_api_key(connection: &Connection, key: &ApiKey) -> Outcome<usize> {
    execute(
        connection,
        "INSERT INTO api_keys (id, account_id, name, secret, created, digest) \
         VALUES (?1, ?2, ?3, ?4, ?5, seal('api_keys', ?1, ?2, ?3, ?4, ?5)) \
         ON CONFLICT (id) DO NOTHING",
        params![
            key.id.0,
            key.account.0,
            key.name,
            key.secret.0,
            key.created.0
        ],
    )
}

pub(super) fn api_key(row: &Row<'_>) -> Outcome<ApiKey> {
    seals::check(row, 5, "api_keys")?;
    Ok(ApiKey {
        id: ApiKeyId(row.get(0)?),
        account: AccountId(row.get(1)?),
        name: row.get(2)?,
        secret: SecretHash(row.get(3)?),
        created: Timestamp(row.get(4)?),
    })
}

// ---- users ------------------------------------------------------------------------------------

/// Writes a user; `false` when the name is taken, the user is there already, or the Relying Party is not there.
pub(super) fn insert_new_user(connection: &Connection, user: &User) -> Outcome<bool> {
    let written = execute(
        connection,
        concat!(
            "INSERT INTO users (relying_party_id, id, name, created, updated, last_success, last_failure, digest) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, seal('users', ?1, ?2, ?3, ?4) WHERE TRUE",
            alive!(party),
            " ON CONFLICT DO NOTHING"
        ),
        params![
            user.relying_party.0,
            user.id.0,
            user.name,
            user.created.0,
            user.updated.0,
            user.last_success.map(|t| t.0),
            user.last_failure.map(|t| t.0),
        ],
    )?;
    Ok(written > 0)
}

/// How many columns [`user`] reads.
pub(super) const USER_WIDTH: usize = 8;

/// The user whose columns begin at `at`.
pub(super) fn user(row: &Row<'_>, at: usize) -> Outcome<User> {
    seals::check(row, at + 7, "users")?;
    Ok(User {
        relying_party: RelyingPartyId(row.get(at)?),
        id: UserId(row.get(at + 1)?),
        name: row.get(at + 2)?,
        created: Timestamp(row.get(at + 3)?),
        updated: Timestamp(row.get(at + 4)?),
        last_success: row.get::<_, Option<i64>>(at + 5)?.map(Timestamp),
        last_failure: row.get::<_, Option<i64>>(at + 6)?.map(Timestamp),
    })
}

// ---- credentials ------------------------------------------------------------------------------

/// A credential with what belongs to it, ready to be written.
pub(super) struct CredentialRow {
    pub(super) record: CredentialRecord,
    pub(super) id_hash: [u8; 32],
    transports: String,
    kind: String,
    evidence: Vec<u8>,
}

/// What many credentials of a Relying Party have in common, as JSON in `credential_kinds`.
#[derive(Serialize)]
struct KindBody<'a> {
    attestation_format: &'a str,
    attestation_type: &'a str,
    trust: &'a str,
    selection: &'a Selection,
}

/// The same, as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    attestation_format: String,
    attestation_type: String,
    trust: String,
    selection: Selection,
}

impl CredentialRow {
    pub(super) fn new(credential: &NewCredential) -> Result<Self, Fault> {
        let record = credential.record().clone();
        let Evidence {
            attestation_object,
            client_data_json,
            extensions,
        } = credential.evidence();
        let extensions = extensions.as_ref().map(json).transpose()?;
        let known = Known {
            rp_id: record.selection.rp_id.as_str(),
            id: record.id.as_bytes(),
            public_key: &record.public_key,
        };
        let parts = Parts {
            attestation_object: &attestation_object,
            client_data_json: &client_data_json,
            extensions: extensions.as_deref(),
        };
        let kind = KindBody {
            attestation_format: &record.attestation_format,
            attestation_type: &record.attestation_type,
            trust: &record.trust,
            selection: &record.selection,
        };
        Ok(Self {
            id_hash: id_hash(&record.id),
            transports: json(&record.transports)?,
            kind: json(&kind)?,
            evidence: pack(known, &parts),
            record,
        })
    }

    /// The number of what it has in common with others, which is written if it is the first.
    fn kind(&self, connection: &Connection) -> Outcome<i64> {
        let (rp, image) = (self.record.relying_party.0, policy_id(&self.kind));
        let sql = "SELECT id FROM credential_kinds WHERE relying_party_id = ?1 AND image = ?2";
        if let Some(id) = first(connection, sql, [rp, image], |row| Ok(row.get(0)?))? {
            return Ok(id);
        }
        execute(
            connection,
            "INSERT INTO credential_kinds (relying_party_id, image, body) VALUES (?1, ?2, ?3)",
            params![rp, image, self.kind],
        )?;
        let id = connection.last_insert_rowid();
        execute(
            connection,
            concat!(
                "UPDATE credential_kinds SET digest = ",
                seal!(credential_kinds, ""),
                " WHERE id = ?1"
            ),
            [id],
        )?;
        Ok(id)
    }

    pub(super) fn insert(&self, connection: &Connection) -> Outcome<()> {
        let record = &self.record;
        execute(
            connection,
            "INSERT INTO credentials (relying_party_id, id_hash, key, user_id, id, public_key, algorithm, \
             sign_count, uv_initialized, backup_eligible, backup_state, transports, aaguid, kind, \
             discoverable, name, created, updated, last_used, user_agent, sign_count_since_fall, digest, use_digest) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
             seal('credentials', ?1, ?3, ?4, ?5, ?6, ?7, ?12, ?13, ?14, ?15, ?16, ?17, ?20), \
             seal('uses', ?1, ?2, ?8, ?21, ?9, ?10, ?11))",
            params![
                record.relying_party.0,
                row_hash(&self.id_hash),
                record.key.0,
                record.user.0,
                record.id.as_bytes(),
                record.public_key,
                record.algorithm.0,
                record.sign_count,
                record.uv_initialized,
                record.backup_eligible,
                record.backup_state,
                self.transports,
                record.aaguid.as_bytes(),
                self.kind(connection)?,
                record.discoverable,
                record.name,
                record.created.0,
                record.updated.0,
                record.last_used.map(|t| t.0),
                record.user_agent,
                record.sign_count_since_fall,
            ],
        )?;
        execute(
            connection,
            "INSERT INTO attestations (number, evidence, digest) VALUES (?1, ?2, seal('attestations', ?3, ?4, ?2))",
            params![
                connection.last_insert_rowid(),
                self.evidence,
                record.relying_party.0,
                record.key.0,
            ],
        )?;
        Ok(())
    }
}

/// What the credential, whose kind is in this column, has in common with others.
fn kind(row: &Row<'_>, column: usize) -> Outcome<Kind> {
    from_json(row, column, "the kind of a credential")
}

/// The evidence in a row: packed, then id, public key and kind of its credential.
pub(super) fn evidence(row: &Row<'_>) -> Outcome<Evidence> {
    let bytes = |column| -> Outcome<&[u8]> {
        let found = row.get_ref(column)?.as_blob();
        found.map_err(|_| Failure::unreadable("the evidence of a registration"))
    };
    seals::check(row, 4, "attestations")?;
    let kind = kind(row, 3)?;
    let known = Known {
        rp_id: kind.selection.rp_id.as_str(),
        id: bytes(1)?,
        public_key: bytes(2)?,
    };
    unpack(known, bytes(0)?)
}

/// The credential whose columns begin at `at`.
pub(super) fn credential(row: &Row<'_>, at: usize) -> Outcome<CredentialRecord> {
    seals::check(row, at + 18, "credentials")?;
    let kind = kind(row, at + 12)?;
    Ok(CredentialRecord {
        relying_party: RelyingPartyId(row.get(at)?),
        key: CredentialKey(row.get(at + 1)?),
        user: UserId(row.get(at + 2)?),
        id: CredentialId::new(row.get(at + 3)?)
            .map_err(|_| Failure::unreadable("credential id"))?,
        public_key: row.get(at + 4)?,
        algorithm: CoseAlgorithm(row.get(at + 5)?),
        sign_count: row.get(at + 6)?,
        sign_count_since_fall: row.get(at + 20)?,
        uv_initialized: row.get(at + 7)?,
        backup_eligible: row.get(at + 8)?,
        backup_state: row.get(at + 9)?,
        transports: from_json(row, at + 10, "transports of a credential")?,
        aaguid: Aaguid::new(row.get(at + 11)?),
        attestation_format: kind.attestation_format,
        attestation_type: kind.attestation_type,
        trust: kind.trust,
        discoverable: row.get(at + 13)?,
        name: row.get(at + 14)?,
        selection: kind.selection,
        created: Timestamp(row.get(at + 15)?),
        updated: Timestamp(row.get(at + 16)?),
        last_used: row.get::<_, Option<i64>>(at + 17)?.map(Timestamp),
        user_agent: row.get(at + 19)?,
    })
}

// ---- ceremonies -------------------------------------------------------------------------------

/// How long a policy is kept beyond the ceremonies that begin under it, in milliseconds, so that most starts find it kept for long
/// enough and write nothing.
const POLICY_MARGIN_MS: i64 = 3_600_000;

/// The key of a policy: an image of its text.
pub(super) fn policy_id(body: &str) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&digest(&SHA256, body.as_bytes()).as_ref()[..16]);
    id
}

/// The text of a policy, and its key.
struct PolicyText {
    id: [u8; 16],
    body: String,
}

/// Most texts that are remembered.
const TEXTS: usize = 256;

/// A policy that ceremonies share, and its text.
type Remembered = (Arc<dyn Any + Send + Sync>, Arc<PolicyText>);

/// Texts of policies by the address of the policy, which the entry keeps alive: ceremonies that share a policy share its text.
static REMEMBERED: LazyLock<Mutex<HashMap<usize, Remembered>>> = LazyLock::new(Mutex::default);

/// The text of a policy.
fn text<T: Serialize + Send + Sync + 'static>(policy: &Arc<T>) -> Result<Arc<PolicyText>, Fault> {
    let address = Arc::as_ptr(policy).addr();
    if let Some((_, text)) = REMEMBERED.lock().get(&address) {
        return Ok(Arc::clone(text));
    }
    let body = json(&**policy)?;
    let text = Arc::new(PolicyText {
        id: policy_id(&body),
        body,
    });
    let mut remembered = REMEMBERED.lock();
    if remembered.len() >= TEXTS {
        remembered.clear();
    }
    let owner: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(policy);
    remembered.insert(address, (owner, Arc::clone(&text)));
    Ok(text)
}

/// A policy of ceremonies, ready to be written.
struct PolicyRow {
    text: Arc<PolicyText>,
    needed_until: Timestamp,
}

impl PolicyRow {
    fn new<T>(policy: &Arc<T>, needed_until: Timestamp) -> Result<Self, Fault>
    where
        T: Serialize + Send + Sync + 'static,
    {
        Ok(Self {
            text: text(policy)?,
            needed_until,
        })
    }

    /// How long it is kept for at least, once it was written for this ceremony.
    fn kept_until(&self) -> Timestamp {
        self.needed_until.plus_millis(POLICY_MARGIN_MS)
    }

    /// Sees to it that the policy is there, and for as long as it is needed.
    fn keep(&self, connection: &Connection, rp: RelyingPartyId) -> Outcome<()> {
        self.keep_unless_until(connection, rp, self.needed_until)
    }

    /// Sees to it that the policy is there. It is to be kept with the margin, unless it is kept until `enough`.
    fn keep_unless_until(
        &self,
        connection: &Connection,
        rp: RelyingPartyId,
        enough: Timestamp,
    ) -> Outcome<()> {
        execute(
            connection,
            "INSERT INTO policies (relying_party_id, id, expires, body) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (relying_party_id, id) DO UPDATE SET expires = excluded.expires \
             WHERE policies.expires < ?5",
            params![
                rp.0,
                self.text.id,
                self.kept_until().0,
                self.text.body,
                enough.0,
            ],
        )?;
        Ok(())
    }
}

/// The policy of the ceremony in a row. One whose text is not the one that its key was made of cannot be read.
fn policy<T: DeserializeOwned>(row: &Row<'_>) -> Outcome<Arc<T>> {
    let unreadable = || Failure::unreadable("the policy of a ceremony");
    let body = row.get_ref(12)?.as_str().map_err(|_| unreadable())?;
    if row.get::<_, Option<[u8; 16]>>(11)? != Some(policy_id(body)) {
        return Err(unreadable());
    }
    from_str(body).map(Arc::new).map_err(|_| unreadable())
}

/// The beginning of the statement that writes a ceremony.
macro_rules! insert_ceremony {
    () => {
        "INSERT INTO ceremonies (relying_party_id, id, kind, user_id, credential_key, created, expires, \
         updated, asked, policy_id, state, reason, claimed_by, stored_count, digest) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
         seal('ceremonies', ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) WHERE TRUE"
    };
}

/// A policy in the table.
#[derive(Clone, Copy)]
pub(super) struct KeptPolicy {
    pub(super) key: (RelyingPartyId, [u8; 16]),
    /// When the ceremony that wrote it no longer needs it.
    pub(super) needed_until: Timestamp,
    /// It is there until then at least, once it is written.
    pub(super) kept_until: Timestamp,
}

/// How a ceremony has ended, for its row.
#[derive(Clone, Copy)]
pub(super) struct Ended {
    /// `ceremonies.state`.
    pub(super) state: i64,
    pub(super) reason: Option<Reason>,
    pub(super) stored_count: Option<u32>,
    /// The attempt that ended it.
    pub(super) by: AttemptId,
    pub(super) at: Timestamp,
}

/// A ceremony, ready to be written.
pub(super) struct CeremonyRow {
    pub(super) relying_party: RelyingPartyId,
    pub(super) id: CeremonyId,
    kind: i64,
    pub(super) user: Option<UserId>,
    credential: Option<CredentialKey>,
    created: Timestamp,
    expires: Timestamp,
    updated: Timestamp,
    asked: String,
    policy: PolicyRow,
    end: Option<Ended>,
}

impl CeremonyRow {
    pub(super) fn registration(ceremony: &Registration) -> Result<Self, Fault> {
        Ok(Self {
            relying_party: ceremony.relying_party,
            id: ceremony.id,
            kind: REGISTRATION,
            user: Some(ceremony.user),
            credential: None,
            created: ceremony.created,
            expires: ceremony.expires,
            updated: ceremony.updated,
            asked: json(&ceremony.asked)?,
            policy: PolicyRow::new(&ceremony.policy, ceremony.expires)?,
            end: None,
        })
    }

    pub(super) fn authentication(ceremony: &Authentication) -> Result<Self, Fault> {
        Ok(Self {
            relying_party: ceremony.relying_party,
            id: ceremony.id,
            kind: AUTHENTICATION,
            user: ceremony.user,
            credential: ceremony.credential,
            created: ceremony.created,
            expires: ceremony.expires,
            updated: ceremony.updated,
            asked: json(&ceremony.asked)?,
            policy: PolicyRow::new(&ceremony.policy, ceremony.expires)?,
            end: None,
        })
    }

    /// The same, ended for this user with this credential, where they are known by now.
    pub(super) fn ended(
        mut self,
        user: Option<UserId>,
        credential: Option<CredentialKey>,
        end: Ended,
    ) -> Self {
        self.user = user.or(self.user);
        self.credential = credential.or(self.credential);
        self.updated = end.at;
        self.end = Some(end);
        self
    }

    /// Writes it; `false` when it is there already, or its Relying Party or user is not.
    pub(super) fn insert(&self, connection: &Connection) -> Outcome<bool> {
        let sql = if self.user.is_some() {
            concat!(insert_ceremony!(), alive!("?4"), " ON CONFLICT DO NOTHING")
        } else {
            concat!(insert_ceremony!(), alive!(party), " ON CONFLICT DO NOTHING")
        };
        let written = self.insert_by(connection, sql)?;
        if written {
            self.policy.keep(connection, self.relying_party)?;
        }
        Ok(written)
    }

    /// Writes it without a look at its owners; `false` when it is there already.
    pub(super) fn insert_unasked(&self, connection: &Connection) -> Outcome<bool> {
        let written = self.insert_unjudged(connection)?;
        if written {
            self.policy.keep(connection, self.relying_party)?;
        }
        Ok(written)
    }

    /// Writes it without a look at its owners, and without its policy; `false` when it is there already.
    fn insert_unjudged(&self, connection: &Connection) -> Outcome<bool> {
        let sql = concat!(insert_ceremony!(), " ON CONFLICT DO NOTHING");
        self.insert_by(connection, sql)
    }

    /// The same as [`Self::insert_unasked`], where `has_policy` says whether the policy is known to be in the table. Afterwards it
    /// is there for as long as [`Self::kept_policy`] says.
    pub(super) fn insert_judged(&self, connection: &Connection, has_policy: bool) -> Outcome<bool> {
        let written = self.insert_unjudged(connection)?;
        if written {
            self.judge(connection, has_policy)?;
        }
        Ok(written)
    }

    fn judge(&self, connection: &Connection, has_policy: bool) -> Outcome<()> {
        if has_policy {
            return Ok(());
        }
        let (rp, until) = (self.relying_party, self.policy.kept_until());
        self.policy.keep_unless_until(connection, rp, until)
    }

    /// Writes a sign-in and the event that tells of it to `sign_ins`, without a look at its owners; `has_policy` as in
    /// [`Self::insert_judged`]. `false`, and nothing is written, when the event does not say the same as the ceremony.
    pub(super) fn insert_signed_in(
        &self,
        connection: &Connection,
        event: &AuditEvent,
        has_policy: bool,
    ) -> Outcome<bool> {
        let (Some(user), Some(credential), Some(end)) = (self.user, self.credential, self.end)
        else {
            return Ok(false);
        };
        let who = (event.relying_party, event.user, event.credential);
        let what = (event.kind, event.at, event.ceremony, event.reason);
        if end.state != SUCCEEDED
            || who != (self.relying_party, Some(user), Some(credential))
            || what != (AuditKind::Authenticated, end.at, Some(self.id), None)
        {
            return Ok(false);
        }
        let actor = ActorColumns::of(&event.actor);
        execute(
            connection,
            "INSERT INTO sign_ins (relying_party_id, id, user_id, credential_key, created, expires, updated, \
             claimed_by, asked, policy_id, event_id, signals, user_name, actor, access_key_id, wire, user_agent, digest) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
             seal('ceremonies', ?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?9, ?10, 1, NULL, ?8, NULL))",
            params![
                self.relying_party.0,
                self.id.0,
                user.0,
                credential.0,
                self.created.0,
                self.expires.0,
                self.updated.0,
                end.by.0,
                self.asked,
                self.policy.text.id,
                event.id.0,
                event.signals,
                event.user_name,
                actor.kind,
                actor.access_key,
                actor.wire,
                actor.user_agent,
            ],
        )?;
        self.judge(connection, has_policy)?;
        Ok(true)
    }

    /// The policy that it refers to.
    pub(super) fn kept_policy(&self) -> KeptPolicy {
        KeptPolicy {
            key: (self.relying_party, self.policy.text.id),
            needed_until: self.policy.needed_until,
            kept_until: self.policy.kept_until(),
        }
    }

    fn insert_by(&self, connection: &Connection, sql: &str) -> Outcome<bool> {
        let written = execute(
            connection,
            sql,
            params![
                self.relying_party.0,
                self.id.0,
                self.kind,
                self.user.map(|u| u.0),
                self.credential.map(|c| c.0),
                self.created.0,
                self.expires.0,
                self.updated.0,
                self.asked,
                self.policy.text.id,
                self.end.map_or(PENDING, |end| end.state),
                self.end.and_then(|end| end.reason).map(Reason::name),
                self.end.map(|end| end.by.0),
                self.end.and_then(|end| end.stored_count),
            ],
        )?;
        Ok(written > 0)
    }
}

/// The ceremony in a row.
pub(super) fn ceremony(row: &Row<'_>) -> Outcome<Ceremony> {
    seals::check(row, 13, "ceremonies")?;
    let user = row.get::<_, Option<[u8; 16]>>(5)?.map(UserId);
    let credential = row.get::<_, Option<[u8; 16]>>(6)?.map(CredentialKey);
    let state = match (row.get(3)?, reason(row, 4)?, user, credential) {
        (PENDING, None, ..) => CeremonyState::Pending,
        (SUCCEEDED, None, Some(user), Some(credential)) => {
            CeremonyState::Succeeded { user, credential }
        }
        (FAILED, Some(reason), ..) => CeremonyState::Failed(reason),
        _ => return Err(Failure::unreadable("state of a ceremony")),
    };
    let relying_party = RelyingPartyId(row.get(0)?);
    let id = CeremonyId(row.get(1)?);
    let created = Timestamp(row.get(7)?);
    let expires = Timestamp(row.get(8)?);
    let updated = Timestamp(row.get(9)?);
    let asked = "what a ceremony asked for";
    Ok(match (row.get(2)?, user) {
        (REGISTRATION, Some(user)) => Registration {
            id,
            relying_party,
            user,
            created,
            expires,
            updated,
            policy: policy(row)?,
            asked: from_json(row, 10, asked)?,
            state,
        }
        .into(),
        (AUTHENTICATION, _) => Authentication {
            id,
            relying_party,
            user,
            credential,
            created,
            expires,
            updated,
            policy: policy(row)?,
            asked: from_json(row, 10, asked)?,
            state,
        }
        .into(),
        _ => return Err(Failure::unreadable("kind of a ceremony")),
    })
}

/// What decides whether the ceremony in a row may be taken, and the user that it was started for.
pub(super) fn takeable(row: &Row<'_>) -> Outcome<(Takeable, Option<UserId>)> {
    seals::check(row, 7, "ceremonies")?;
    let end = match (row.get(1)?, reason(row, 2)?) {
        (PENDING, None) => None,
        (SUCCEEDED, None) => Some(End::Succeeded),
        (FAILED, Some(reason)) => Some(End::Failed {
            reason,
            stored_count: row.get(6)?,
        }),
        _ => return Err(Failure::unreadable("state of a ceremony")),
    };
    let takeable = Takeable {
        kind: match row.get(0)? {
            REGISTRATION => CeremonyKind::Registration,
            AUTHENTICATION => CeremonyKind::Authentication,
            _ => return Err(Failure::unreadable("kind of a ceremony")),
        },
        expires: Timestamp(row.get(4)?),
        end,
        taken_by: row.get::<_, Option<[u8; 16]>>(5)?.map(AttemptId),
    };
    Ok((takeable, row.get::<_, Option<[u8; 16]>>(3)?.map(UserId)))
}

// ---- events -----------------------------------------------------------------------------------

/// Whether the event is written. Its key is that of one call, so it says whether this call was done before.
pub(super) fn event_is_there(connection: &Connection, event: &AuditEvent) -> Outcome<bool> {
    exists(
        connection,
        "SELECT 1 FROM events WHERE relying_party_id = ?1 AND at = ?2 AND id = ?3",
        params![event.relying_party.0, event.at.0, event.id.0],
    )
}

pub(super) fn insert_event(connection: &Connection, event: &AuditEvent) -> Outcome<usize> {
    let actor = ActorColumns::of(&event.actor);
    execute(
        connection,
        "INSERT INTO events (relying_party_id, at, id, kind, user_id, credential_key, ceremony_id, reason, \
         signals, user_name, actor, access_key_id, wire, user_agent) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
         ON CONFLICT (relying_party_id, at, id) DO NOTHING",
        params![
            event.relying_party.0,
            event.at.0,
            event.id.0,
            event.kind.name(),
            event.user.map(|u| u.0),
            event.credential.map(|c| c.0),
            event.ceremony.map(|c| c.0),
            event.reason.map(Reason::name),
            event.signals,
            event.user_name,
            actor.kind,
            actor.access_key,
            actor.wire,
            actor.user_agent,
        ],
    )
}

/// The columns that say who did something.
struct ActorColumns<'a> {
    kind: Option<&'a str>,
    access_key: Option<[u8; 16]>,
    wire: Option<&'a str>,
    user_agent: Option<&'a str>,
}

impl<'a> ActorColumns<'a> {
    fn of(actor: &'a Actor) -> Self {
        Self {
            kind: Some(actor.kind.name()).filter(|_| actor.kind != ActorKind::Unknown),
            access_key: actor.access_key.map(|k| k.0),
            wire: Some(&*actor.wire).filter(|wire| !wire.is_empty()),
            user_agent: actor.user_agent(),
        }
    }
}

/// Who did what the event in a row tells.
fn actor(row: &Row<'_>) -> Outcome<Actor> {
    let kind = match row.get::<_, Option<String>>(10)? {
        None => ActorKind::Unknown,
        Some(name) => {
            ActorKind::from_name(&name).ok_or_else(|| Failure::unreadable("actor of an event"))?
        }
    };
    let mut actor = Actor::new(kind, "");
    actor.access_key = row.get::<_, Option<[u8; 16]>>(11)?.map(AccessKeyId);
    actor.wire = row.get::<_, Option<String>>(12)?.unwrap_or_default().into();
    if let Some(agent) = row.get::<_, Option<String>>(13)? {
        actor = actor.agent(&agent);
    }
    Ok(actor)
}

/// The place of the event in a row, in the order of time.
pub(super) fn event_place(row: &Row<'_>) -> Outcome<(Timestamp, EventId)> {
    Ok((Timestamp(row.get(1)?), EventId(row.get(2)?)))
}

/// What the event in a row tells.
pub(super) fn event_kind(row: &Row<'_>) -> Outcome<AuditKind> {
    let name = row.get_ref(3)?.as_str().ok();
    name.and_then(AuditKind::from_name)
        .ok_or_else(|| Failure::unreadable("kind of an event"))
}

pub(super) fn event(row: &Row<'_>) -> Outcome<AuditEvent> {
    Ok(AuditEvent {
        relying_party: RelyingPartyId(row.get(0)?),
        at: Timestamp(row.get(1)?),
        id: EventId(row.get(2)?),
        kind: event_kind(row)?,
        user: row.get::<_, Option<[u8; 16]>>(4)?.map(UserId),
        credential: row.get::<_, Option<[u8; 16]>>(5)?.map(CredentialKey),
        ceremony: row.get::<_, Option<[u8; 16]>>(6)?.map(CeremonyId),
        reason: reason(row, 7)?,
        signals: row.get(8)?,
        user_name: row.get(9)?,
        actor: actor(row)?,
    })
}
