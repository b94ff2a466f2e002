//! Ceremonies, the sign-ins of the last moments, and the policies that ceremonies share.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::ceremony::{
    Authentication, Ceremony, CeremonyKind, CeremonyState, Registration,
};
use domain::model::clock::Timestamp;
use domain::model::ids::{AttemptId, CeremonyId, CredentialKey, RelyingPartyId, UserId};
use domain::store::Fault;
use domain::store::take::{End, Takeable};
use parking_lot::Mutex;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::from_str;
use webauthn::error::Reason;

use super::asked;
use super::columns::{
    AUTHENTICATION, FAILED, PENDING, REGISTRATION, SUCCEEDED, alive, from_json, json, reason,
};
use super::events::ActorColumns;
use crate::embedded::seals;
use crate::embedded::sql::{Failure, Outcome, execute};
use crate::images::text_id;

/// How long a policy is kept beyond the ceremonies that begin under it, in milliseconds, so that most starts find it kept for long
/// enough and write nothing.
const POLICY_MARGIN_MS: i64 = 3_600_000;

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
        id: text_id(&body),
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
    if row.get::<_, Option<[u8; 16]>>(11)? != Some(text_id(body)) {
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
pub(in crate::embedded) struct KeptPolicy {
    pub(in crate::embedded) key: (RelyingPartyId, [u8; 16]),
    /// When the ceremony that wrote it no longer needs it.
    pub(in crate::embedded) needed_until: Timestamp,
    /// It is there until then at least, once it is written.
    pub(in crate::embedded) kept_until: Timestamp,
}

/// How a ceremony has ended, for its row.
#[derive(Clone, Copy)]
pub(in crate::embedded) struct Ended {
    /// `ceremonies.state`.
    pub(in crate::embedded) state: i64,
    pub(in crate::embedded) reason: Option<Reason>,
    pub(in crate::embedded) stored_count: Option<u32>,
    /// The attempt that ended it.
    pub(in crate::embedded) by: AttemptId,
    pub(in crate::embedded) at: Timestamp,
}

/// A ceremony, ready to be written.
pub(in crate::embedded) struct CeremonyRow {
    pub(in crate::embedded) relying_party: RelyingPartyId,
    pub(in crate::embedded) id: CeremonyId,
    kind: i64,
    pub(in crate::embedded) user: Option<UserId>,
    credential: Option<CredentialKey>,
    created: Timestamp,
    expires: Timestamp,
    updated: Timestamp,
    asked: Value,
    policy: PolicyRow,
    end: Option<Ended>,
}

impl CeremonyRow {
    pub(in crate::embedded) fn registration(ceremony: &Registration) -> Result<Self, Fault> {
        Ok(Self {
            relying_party: ceremony.relying_party,
            id: ceremony.id,
            kind: REGISTRATION,
            user: Some(ceremony.user),
            credential: None,
            created: ceremony.created,
            expires: ceremony.expires,
            updated: ceremony.updated,
            asked: Value::Text(json(&ceremony.asked)?),
            policy: PolicyRow::new(&ceremony.policy, ceremony.expires)?,
            end: None,
        })
    }

    pub(in crate::embedded) fn authentication(ceremony: &Authentication) -> Result<Self, Fault> {
        Ok(Self {
            relying_party: ceremony.relying_party,
            id: ceremony.id,
            kind: AUTHENTICATION,
            user: ceremony.user,
            credential: ceremony.credential,
            created: ceremony.created,
            expires: ceremony.expires,
            updated: ceremony.updated,
            asked: Value::Blob(asked::to_bytes(&ceremony.asked)?),
            policy: PolicyRow::new(&ceremony.policy, ceremony.expires)?,
            end: None,
        })
    }

    /// The same, ended for this user with this credential, where they are known by now.
    pub(in crate::embedded) fn ended(
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
    pub(in crate::embedded) fn insert(&self, connection: &Connection) -> Outcome<bool> {
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
    pub(in crate::embedded) fn insert_unasked(&self, connection: &Connection) -> Outcome<bool> {
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
    pub(in crate::embedded) fn insert_judged(
        &self,
        connection: &Connection,
        has_policy: bool,
    ) -> Outcome<bool> {
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
    pub(in crate::embedded) fn insert_signed_in(
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
             claimed_by, asked, policy_id, event_id, signals, user_name, actor, access_key_id, wire, user_agent, address, digest) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
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
                actor.address,
            ],
        )?;
        self.judge(connection, has_policy)?;
        Ok(true)
    }

    /// The policy that it refers to.
    pub(in crate::embedded) fn kept_policy(&self) -> KeptPolicy {
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
pub(in crate::embedded) fn ceremony(row: &Row<'_>) -> Outcome<Ceremony> {
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
    Ok(match (row.get(2)?, user) {
        (REGISTRATION, Some(user)) => Registration {
            id,
            relying_party,
            user,
            created,
            expires,
            updated,
            policy: policy(row)?,
            asked: from_json(row, 10, asked::WHAT)?,
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
            asked: Arc::new(asked::read(row, 10)?),
            state,
        }
        .into(),
        _ => return Err(Failure::unreadable("kind of a ceremony")),
    })
}

/// What decides whether the ceremony in a row may be taken, and the user that it was started for.
pub(in crate::embedded) fn takeable(row: &Row<'_>) -> Outcome<(Takeable, Option<UserId>)> {
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
