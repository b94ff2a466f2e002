//! Records as rows: which columns, in which order, in which form.

use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use domain::model::account::{Account, ApiKey};
use domain::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use domain::model::ceremony::{
    Authentication, Ceremony, CeremonyKind, CeremonyState, Registration,
};
use domain::model::clock::Timestamp;
use domain::model::credential::CredentialRecord;
use domain::model::grant::Grant;
use domain::model::ids::{
    AccessKeyId, AccountId, ApiKeyId, AttemptId, CeremonyId, CredentialKey, EventId,
    RelyingPartyId, UserId,
};
use domain::model::user::User;
use domain::store::Fault;
use domain::store::take::{End, Takeable};
use serde::Serialize;
use serde::de::DeserializeOwned;
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{Aaguid, CredentialId, UserHandle};
use webauthn::error::Reason;

use super::cells::{Cells, Param, params, unreadable};
use super::statements::Statement;
use crate::images::text_id;
use crate::octets::Octets;

/// `ceremonies.kind` of a registration.
pub(super) const REGISTRATION: i64 = 0;
/// `ceremonies.kind` of an authentication.
pub(super) const AUTHENTICATION: i64 = 1;

/// How long a policy is kept beyond the ceremonies that begin under it, in milliseconds, so that most starts find it kept for long
/// enough and write nothing.
const POLICY_MARGIN_MS: i64 = 3_600_000;

/// A number that counts changes, for its column.
pub(super) fn counter(changes: u64) -> Result<i64, Fault> {
    i64::try_from(changes).map_err(|_| Fault::Fatal("a version is out of range".to_owned()))
}

/// JSON text of something of ours.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|_| Fault::Fatal("a record has no JSON form".to_owned()))
}

/// Something of ours from JSON text.
pub(super) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|_| unreadable(what))
}

fn reason(name: Option<&str>) -> Result<Option<Reason>, Fault> {
    name.map(|name| Reason::from_str(name).map_err(|_| unreadable("reason")))
        .transpose()
}

/// Digest of the columns that say whose credential it is and which key signs for it. The engine may run without checksums, and a
/// row may come from a restored copy.
pub(super) fn credential_digest(record: &CredentialRecord) -> [u8; 16] {
    let mut context = Context::new(&SHA256);
    context.update(&record.relying_party.0);
    context.update(&record.key.0);
    context.update(&record.user.0);
    context.update(&record.algorithm.0.to_be_bytes());
    for bytes in [record.id.as_bytes(), &record.public_key] {
        context.update(&bytes.len().to_be_bytes());
        context.update(bytes);
    }
    // Rows that were written before there were handles keep their digest.
    if let Some(handle) = &record.user_handle {
        context.update(handle.as_bytes());
    }
    let mut kept = [0; 16];
    kept.copy_from_slice(&context.finish().as_ref()[..16]);
    kept
}

// ---- accounts ---------------------------------------------------------------------------------

pub(super) fn account(cells: &mut Cells<'_>) -> Result<Account, Fault> {
    Ok(Account {
        id: AccountId(cells.key()?),
        token: cells.secret_hash()?,
        created: Timestamp(cells.int()?),
    })
}

pub(super) fn api_key(cells: &mut Cells<'_>) -> Result<ApiKey, Fault> {
    Ok(ApiKey {
        id: ApiKeyId(cells.key()?),
        account: AccountId(cells.key()?),
        name: cells.text()?,
        secret: cells.secret_hash()?,
        created: Timestamp(cells.int()?),
        grant: grant(cells)?,
        used: cells.maybe_int()?.map(Timestamp),
    })
}

/// `api_keys.granted`: nothing for everything.
pub(super) fn granted(grant: Grant) -> Result<Option<String>, Fault> {
    if grant == Grant::EVERYTHING {
        return Ok(None);
    }
    Ok(Some(json(&grant)?))
}

/// What was granted to an API key.
pub(super) fn grant(cells: &mut Cells<'_>) -> Result<Grant, Fault> {
    match cells.maybe_plain()? {
        None => Ok(Grant::EVERYTHING),
        Some(text) => from_json(text, "what an API key may do"),
    }
}

// ---- users and credentials --------------------------------------------------------------------

/// How many columns [`user`] reads.
pub(super) const USER_WIDTH: usize = 7;

pub(super) fn user(cells: &mut Cells<'_>) -> Result<User, Fault> {
    Ok(User {
        relying_party: RelyingPartyId(cells.key()?),
        id: UserId(cells.key()?),
        name: cells.text()?,
        created: Timestamp(cells.int()?),
        updated: Timestamp(cells.int()?),
        last_success: cells.maybe_int()?.map(Timestamp),
        last_failure: cells.maybe_int()?.map(Timestamp),
    })
}

pub(super) fn credential(cells: &mut Cells<'_>) -> Result<CredentialRecord, Fault> {
    let record = CredentialRecord {
        relying_party: RelyingPartyId(cells.key()?),
        key: CredentialKey(cells.key()?),
        user: UserId(cells.key()?),
        id: CredentialId::new(cells.bytes()?.to_vec()).map_err(|_| unreadable("credential id"))?,
        public_key: cells.bytes()?.into(),
        algorithm: CoseAlgorithm(cells.int()?),
        sign_count: cells.count()?,
        sign_count_since_fall: cells.maybe_count()?,
        uv_initialized: cells.bool()?,
        backup_eligible: cells.maybe_bool()?,
        backup_state: cells.maybe_bool()?,
        transports: from_json(cells.plain()?, "transports of a credential")?,
        aaguid: Aaguid::new(cells.key()?),
        attestation_format: cells.text()?,
        attestation_type: cells.text()?,
        trust: cells.text()?,
        discoverable: cells.maybe_bool()?,
        name: cells.text()?,
        selection: from_json(cells.plain()?, "settings of a credential")?,
        created: Timestamp(cells.int()?),
        updated: Timestamp(cells.int()?),
        last_used: cells.maybe_int()?.map(Timestamp),
        user_agent: cells.maybe_text()?,
        user_handle: cells
            .maybe_bytes()?
            .map(|bytes| UserHandle::new(bytes.to_vec()))
            .transpose()
            .map_err(|_| unreadable("user handle"))?,
    };
    if cells.key::<16>()? == credential_digest(&record) {
        Ok(record)
    } else {
        Err(unreadable("a credential does not match its digest"))
    }
}

pub(super) fn signer(cells: &mut Cells<'_>) -> Result<(CredentialRecord, User), Fault> {
    let user = user(cells)?;
    Ok((credential(cells)?, user))
}

// ---- ceremonies -------------------------------------------------------------------------------

/// A ceremony, ready to be written.
pub(super) struct CeremonyRow {
    relying_party: RelyingPartyId,
    id: CeremonyId,
    kind: i64,
    user: Option<UserId>,
    credential: Option<CredentialKey>,
    created: Timestamp,
    expires: Timestamp,
    updated: Timestamp,
    asked: String,
    policy: String,
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
            policy: json(&*ceremony.policy)?,
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
            asked: json(&*ceremony.asked)?,
            policy: json(&*ceremony.policy)?,
        })
    }

    /// The parameters of a start.
    pub(super) fn params(&self) -> Vec<Param<'_>> {
        params![
            self.relying_party.0,
            self.id.0,
            self.kind,
            self.user.map(|u| u.0),
            self.credential.map(|c| c.0),
            self.created.0,
            self.expires.0,
            self.updated.0,
            &self.asked,
            text_id(&self.policy),
            self.expires.plus_millis(POLICY_MARGIN_MS).0,
            &self.policy,
            self.expires.0,
        ]
    }
}

/// The statement that removes the ceremonies which one that has begun displaces.
pub(super) fn displace(
    rp: RelyingPartyId,
    by: CeremonyId,
    displaced: &[CeremonyId],
) -> Option<(Statement, Vec<Param<'_>>)> {
    if displaced.is_empty() {
        return None;
    }
    let ids: Vec<&[u8]> = displaced.iter().map(|id| &id.0[..]).collect();
    Some((Statement::Displace, params![rp.0, by.0, ids]))
}

/// How the ceremony in a row ended; `None` while it is pending.
fn end(
    state: i64,
    reason: Option<Reason>,
    stored_count: Option<u32>,
) -> Result<Option<End>, Fault> {
    match (state, reason) {
        (0, None) => Ok(None),
        (1, None) => Ok(Some(End::Succeeded)),
        (2, Some(reason)) => Ok(Some(End::Failed {
            reason,
            stored_count,
        })),
        _ => Err(unreadable("state of a ceremony")),
    }
}

/// The policy of the ceremony in a row. One whose text is not the one that its key was made of cannot be read.
fn policy<T: DeserializeOwned>(id: [u8; 16], body: Option<&str>) -> Result<Arc<T>, Fault> {
    let what = "the policy of a ceremony";
    let body = body.filter(|body| text_id(body) == id);
    from_json(body.ok_or_else(|| unreadable(what))?, what).map(Arc::new)
}

pub(super) fn ceremony(cells: &mut Cells<'_>) -> Result<Ceremony, Fault> {
    let relying_party = RelyingPartyId(cells.key()?);
    let id = CeremonyId(cells.key()?);
    let kind = cells.int()?;
    let state = cells.int()?;
    let reason = reason(cells.maybe_plain()?)?;
    let user = cells.maybe_key()?.map(UserId);
    let credential = cells.maybe_key()?.map(CredentialKey);
    let created = Timestamp(cells.int()?);
    let expires = Timestamp(cells.int()?);
    let updated = Timestamp(cells.int()?);
    let (policy_id, body) = (cells.key()?, cells.maybe_plain()?);
    let asked = cells.plain()?;
    let what = "what a ceremony asked for";
    let state = match (end(state, reason, None)?, user, credential) {
        (None, ..) => CeremonyState::Pending,
        (Some(End::Succeeded), Some(user), Some(credential)) => {
            CeremonyState::Succeeded { user, credential }
        }
        (Some(End::Failed { reason, .. }), ..) => CeremonyState::Failed(reason),
        _ => return Err(unreadable("state of a ceremony")),
    };
    Ok(match (kind, user) {
        (REGISTRATION, Some(user)) => Registration {
            id,
            relying_party,
            user,
            created,
            expires,
            updated,
            policy: policy(policy_id, body)?,
            asked: from_json(asked, what)?,
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
            policy: policy(policy_id, body)?,
            asked: Arc::new(from_json(asked, what)?),
            state,
        }
        .into(),
        _ => return Err(unreadable("kind of a ceremony")),
    })
}

/// What decides whether a ceremony may be taken; `None` when there was none.
pub(super) fn takeable(cells: &mut Cells<'_>) -> Result<Option<Takeable>, Fault> {
    let Some(kind) = cells.maybe_int()? else {
        return Ok(None);
    };
    let state = cells.int()?;
    let reason = reason(cells.maybe_plain()?)?;
    let expires = Timestamp(cells.int()?);
    let taken_by = cells.maybe_key()?.map(AttemptId);
    let end = end(state, reason, cells.maybe_count()?)?;
    let kind = match kind {
        REGISTRATION => CeremonyKind::Registration,
        AUTHENTICATION => CeremonyKind::Authentication,
        _ => return Err(unreadable("kind of a ceremony")),
    };
    Ok(Some(Takeable {
        kind,
        expires,
        end,
        taken_by,
    }))
}

// ---- events -----------------------------------------------------------------------------------

/// The place of the details of an event in [`event_params`].
pub(super) const MORE: usize = 15;

/// A Relying Party and an event, with which the parameters of a statement begin that writes one.
pub(super) fn event_params(rp: RelyingPartyId, event: &AuditEvent) -> Vec<Param<'_>> {
    let actor = &event.actor;
    params![
        rp.0,
        event.at.0,
        event.id.0,
        event.kind.name(),
        event.user.map(|u| u.0),
        event.credential.map(|c| c.0),
        event.ceremony.map(|c| c.0),
        event.reason.map(Reason::name),
        &event.signals,
        event.user_name.as_deref(),
        Some(actor.kind.name()).filter(|_| actor.kind != ActorKind::Unknown),
        actor.access_key.map(|k| k.0),
        Some(&*actor.wire).filter(|wire| !wire.is_empty()),
        actor.user_agent(),
        actor.address.map(Octets::of),
        event.more(),
        event.relying_party.0,
    ]
}

pub(super) fn event(cells: &mut Cells<'_>) -> Result<AuditEvent, Fault> {
    let relying_party = RelyingPartyId(cells.key()?);
    let at = Timestamp(cells.int()?);
    let id = EventId(cells.key()?);
    let kind =
        AuditKind::from_name(cells.plain()?).ok_or_else(|| unreadable("kind of an event"))?;
    let user = cells.maybe_key()?.map(UserId);
    let credential = cells.maybe_key()?.map(CredentialKey);
    let ceremony = cells.maybe_key()?.map(CeremonyId);
    let reason = reason(cells.maybe_plain()?)?;
    let signals = cells.text()?;
    let user_name = cells.maybe_text()?;
    let actor_kind = match cells.maybe_plain()? {
        None => ActorKind::Unknown,
        Some(name) => ActorKind::from_name(name).ok_or_else(|| unreadable("actor of an event"))?,
    };
    let mut actor = Actor::new(actor_kind, "");
    actor.access_key = cells.maybe_key()?.map(AccessKeyId);
    actor.wire = cells.maybe_text()?.unwrap_or_default().into();
    if let Some(agent) = cells.maybe_text()? {
        actor = actor.agent(&agent);
    }
    if let Some(octets) = cells.maybe_bytes()? {
        let address = crate::octets::address(octets);
        actor.address = Some(address.ok_or_else(|| unreadable("address of an event"))?);
    }
    let more = cells.maybe_text()?;
    let mut event = AuditEvent {
        relying_party,
        at,
        id,
        kind,
        user,
        credential,
        ceremony,
        reason,
        signals,
        user_name,
        actor,
        details: None,
        subscribers: None,
    };
    if more.is_some_and(|more| !event.take_more(&more)) {
        return Err(unreadable("details of an event"));
    }
    Ok(event)
}
