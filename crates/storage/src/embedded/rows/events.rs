//! Events of the audit trail.

use domain::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use domain::model::clock::Timestamp;
use domain::model::ids::{AccessKeyId, CeremonyId, CredentialKey, EventId, RelyingPartyId, UserId};
use domain::store::About;
use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, Row, params};
use webauthn::error::Reason;

use super::columns::reason;
use super::fresh::enqueue;
use crate::embedded::sql::{Failure, Outcome, execute, exists};
use crate::octets::Octets;

/// Whether the event is written. Its key is that of one call, so it says whether this call was done before.
pub(in crate::embedded) fn event_is_there(
    connection: &Connection,
    event: &AuditEvent,
) -> Outcome<bool> {
    exists(
        connection,
        "SELECT 1 FROM events WHERE relying_party_id = ?1 AND at = ?2 AND id = ?3",
        params![event.relying_party.0, event.at.0, event.id.0],
    )
}

pub(in crate::embedded) fn insert_event(
    connection: &Connection,
    event: &AuditEvent,
) -> Outcome<usize> {
    let actor = ActorColumns::of(&event.actor);
    let written = execute(
        connection,
        "INSERT INTO events (relying_party_id, at, id, kind, user_id, credential_key, ceremony_id, reason, \
         signals, user_name, actor, access_key_id, wire, user_agent, address, more) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) \
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
            actor.address,
            event.more(),
        ],
    )?;
    if written > 0 {
        enqueue(connection, event)?;
    }
    Ok(written)
}

/// The columns that say who did something.
pub(super) struct ActorColumns<'a> {
    pub(super) kind: Option<&'a str>,
    pub(super) access_key: Option<[u8; 16]>,
    pub(super) wire: Option<&'a str>,
    pub(super) user_agent: Option<&'a str>,
    pub(super) address: Option<Octets>,
}

impl<'a> ActorColumns<'a> {
    pub(super) fn of(actor: &'a Actor) -> Self {
        Self {
            kind: Some(actor.kind.name()).filter(|_| actor.kind != ActorKind::Unknown),
            access_key: actor.access_key.map(|k| k.0),
            wire: Some(&*actor.wire).filter(|wire| !wire.is_empty()),
            user_agent: actor.user_agent(),
            address: actor.address.map(Octets::of),
        }
    }
}

impl ToSql for Octets {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.as_ref().to_sql()
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
    if let Some(octets) = row.get::<_, Option<Vec<u8>>>(14)? {
        let address = crate::octets::address(&octets);
        actor.address = Some(address.ok_or_else(|| Failure::unreadable("address of an event"))?);
    }
    Ok(actor)
}

/// The place of the event in a row, in the order of time.
pub(in crate::embedded) fn event_place(row: &Row<'_>) -> Outcome<(Timestamp, EventId)> {
    Ok((Timestamp(row.get(1)?), EventId(row.get(2)?)))
}

/// What the event in a row tells.
pub(in crate::embedded) fn event_kind(row: &Row<'_>) -> Outcome<AuditKind> {
    let name = row.get_ref(3)?.as_str().ok();
    name.and_then(AuditKind::from_name)
        .ok_or_else(|| Failure::unreadable("kind of an event"))
}

/// Whether the event in a row is about this.
pub(in crate::embedded) fn event_is_about(row: &Row<'_>, about: &About) -> Outcome<bool> {
    let is_key = |column, key: &[u8]| -> Outcome<bool> {
        Ok(row.get_ref(column)?.as_blob_or_null().ok().flatten() == Some(key))
    };
    let is_text = |column, text: &str| -> Outcome<bool> {
        Ok(row.get_ref(column)?.as_str_or_null().ok().flatten() == Some(text))
    };
    match about {
        About::Ceremony(id) => is_key(6, &id.0),
        About::User(id, name) => Ok(is_key(4, &id.0)? || is_text(9, name)?),
        About::Refusal(reason) => is_text(7, reason.name()),
    }
}

pub(in crate::embedded) fn event(row: &Row<'_>) -> Outcome<AuditEvent> {
    let mut event = AuditEvent {
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
        details: None,
        subscribers: None,
    };
    if let Some(more) = row.get::<_, Option<String>>(15)?
        && !event.take_more(&more)
    {
        return Err(Failure::unreadable("details of an event"));
    }
    Ok(event)
}
