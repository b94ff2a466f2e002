//! Ceremonies: begun, taken, refused, and the registrations that led to nothing.

use domain::model::audit::AuditEvent;
use domain::model::ceremony::{Ceremony, CeremonyKind, CeremonyState, Registration};
use domain::model::clock::Timestamp;
use domain::model::ids::{AttemptId, CeremonyId, CredentialKey, RelyingPartyId, UserId};
use domain::model::user::{User, UserRef};
use domain::store::take::{End, Take, admit_registration, take};
use domain::store::{
    Begin, CounterRule, FinishAuthentication, FinishedAuthentication, FinishedRegistration, Refused,
};
use rusqlite::{Connection, params};
use webauthn::authentication::{SignCounter, VerifiedAuthentication};
use webauthn::error::Reason;

use super::parties::relying_party_exists;
use crate::embedded::reads;
use crate::embedded::rows::{
    self, CeremonyRow, CredentialRow, FAILED, PENDING, REGISTRATION, SUCCEEDED, alive, columns,
    id_hash, insert_event,
};
use crate::embedded::sql::{Failure, Outcome, execute, exists, first};

// ---- begin ------------------------------------------------------------------------------------

/// Removes the pending ones of the ceremonies that make room for another one.
fn make_room(connection: &Connection, rp: RelyingPartyId, displaced: &[CeremonyId]) -> Outcome<()> {
    let sql = "DELETE FROM ceremonies WHERE relying_party_id = ?1 AND id = ?2 AND state = ?3";
    for id in displaced {
        execute(connection, sql, params![rp.0, id.0, PENDING])?;
    }
    Ok(())
}

/// Writes a ceremony and what goes with it. A start that is sent again finds its ceremony there and writes nothing.
fn begin(
    connection: &Connection,
    ceremony: &CeremonyRow,
    displaced: &[CeremonyId],
    events: &[AuditEvent],
) -> Outcome<Begin> {
    if ceremony.insert(connection)? {
        make_room(connection, ceremony.relying_party, displaced)?;
        for event in events {
            insert_event(connection, event)?;
        }
        return Ok(Begin::Begun);
    }
    let there = reads::ceremony(connection, ceremony.relying_party, ceremony.id)?.is_some();
    Ok(if there { Begin::Begun } else { Begin::UserGone })
}

pub(in crate::embedded) fn begin_registration(
    connection: &Connection,
    ceremony: &CeremonyRow,
    new_user: Option<&User>,
    displaced: &[CeremonyId],
    events: &[AuditEvent],
) -> Outcome<Begin> {
    let rp = ceremony.relying_party;
    if ceremony.user.is_none() {
        return Ok(Begin::UserGone);
    }
    if let Some(user) = new_user
        && !rows::insert_new_user(connection, user)?
    {
        // Why, only the unlucky have to ask.
        if !relying_party_exists(connection, rp)? {
            return Ok(Begin::UserGone);
        }
        let taken = reads::user(connection, rp, UserRef::Name(&user.name))?;
        if taken.is_none_or(|taken| taken.id != user.id) {
            return Ok(Begin::UserExists);
        }
    }
    begin(connection, ceremony, displaced, events)
}

pub(in crate::embedded) fn begin_authentication(
    connection: &Connection,
    ceremony: &CeremonyRow,
    displaced: &[CeremonyId],
) -> Outcome<Begin> {
    begin(connection, ceremony, displaced, &[])
}

// ---- finish -----------------------------------------------------------------------------------

/// Who wants to take which ceremony.
#[derive(Clone, Copy)]
pub(in crate::embedded) struct Claim {
    pub(in crate::embedded) attempt: AttemptId,
    pub(in crate::embedded) relying_party: RelyingPartyId,
    pub(in crate::embedded) ceremony: CeremonyId,
    pub(in crate::embedded) now: Timestamp,
}

impl Claim {
    /// What this attempt meets, and the user that the ceremony was started for. `kind` is the kind that it must have, if any.
    fn take(
        &self,
        connection: &Connection,
        kind: Option<CeremonyKind>,
    ) -> Outcome<(Take, Option<UserId>)> {
        let found = first(
            connection,
            concat!(
                "SELECT ",
                columns!(takeable),
                " FROM ceremonies WHERE relying_party_id = ?1 AND id = ?2",
                alive!(ceremony)
            ),
            [self.relying_party.0, self.ceremony.0],
            rows::takeable,
        )?;
        let (found, user) = found.unzip();
        let take = take(found.as_ref(), kind, self.attempt, self.now);
        Ok((take, user.flatten()))
    }

    /// Takes the ceremony as failed.
    fn fail(
        &self,
        connection: &Connection,
        reason: Reason,
        stored_count: Option<u32>,
    ) -> Outcome<()> {
        execute(
            connection,
            "UPDATE ceremonies SET state = ?3, reason = ?4, stored_count = ?5, claimed_by = ?6, updated = ?7 \
             WHERE relying_party_id = ?1 AND id = ?2",
            params![
                self.relying_party.0,
                self.ceremony.0,
                FAILED,
                reason.name(),
                stored_count,
                self.attempt.0,
                self.now.0
            ],
        )?;
        Ok(())
    }

    /// Takes the ceremony as failed, where `event` was to tell of its success; how it ended.
    fn refuse(
        &self,
        connection: &Connection,
        reason: Reason,
        stored_count: Option<u32>,
        event: &AuditEvent,
    ) -> Outcome<End> {
        self.fail(connection, reason, stored_count)?;
        insert_event(connection, &event.clone().refused(reason))?;
        Ok(End::Failed {
            reason,
            stored_count,
        })
    }

    /// Takes the ceremony as succeeded.
    fn succeed(
        &self,
        connection: &Connection,
        started_for: Option<UserId>,
        user: UserId,
        credential: CredentialKey,
    ) -> Outcome<()> {
        // SQLite rewrites every index of a column that an UPDATE names, changed or not; so the user
        // is named only when it is news.
        let sql = if started_for == Some(user) {
            "UPDATE ceremonies SET state = ?3, credential_key = ?4, claimed_by = ?5, updated = ?6 \
             WHERE relying_party_id = ?1 AND id = ?2 AND ?7 = user_id"
        } else {
            "UPDATE ceremonies SET state = ?3, credential_key = ?4, claimed_by = ?5, updated = ?6, \
             user_id = ?7 WHERE relying_party_id = ?1 AND id = ?2"
        };
        execute(
            connection,
            sql,
            params![
                self.relying_party.0,
                self.ceremony.0,
                SUCCEEDED,
                credential.0,
                self.attempt.0,
                self.now.0,
                user.0
            ],
        )?;
        Ok(())
    }
}

/// Notes a sign-in of a user that was refused.
fn note_failure(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
    now: Timestamp,
) -> Outcome<()> {
    execute(
        connection,
        "UPDATE users SET last_failure = max(coalesce(last_failure, ?3), ?3) \
         WHERE relying_party_id = ?1 AND id = ?2",
        params![rp.0, user.0, now.0],
    )?;
    Ok(())
}

/// Writes the row of a user who is to get a credential; `false` when the user is not there.
///
/// It orders the registrations of a user, so that each counts the credentials of those before it, and a registration and the
/// deletion of its user, so that one of them finds what the other did.
fn meet_at_user(connection: &Connection, rp: RelyingPartyId, user: UserId) -> Outcome<bool> {
    let sql = concat!(
        "UPDATE users SET version = coalesce(version, 0) + 1 WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    Ok(execute(connection, sql, [rp.0, user.0])? > 0)
}

/// Removes the credential with this id, if it is one of a user who was deleted, before the sweep does.
fn remove_remains(connection: &Connection, rp: RelyingPartyId, id_hash: [u8; 32]) -> Outcome<()> {
    for sql in [
        "DELETE FROM attestations WHERE relying_party_id = ?1 AND key = \
         (SELECT key FROM credentials WHERE relying_party_id = ?1 AND id_hash = ?2)",
        "DELETE FROM credentials WHERE relying_party_id = ?1 AND id_hash = ?2",
    ] {
        execute(connection, sql, params![rp.0, id_hash])?;
    }
    Ok(())
}

pub(in crate::embedded) fn finish_registration(
    connection: &Connection,
    claim: Claim,
    credential: &CredentialRow,
    max_credentials: u32,
    event: &AuditEvent,
) -> Outcome<FinishedRegistration> {
    let record = &credential.record;
    let (take, user) = claim.take(connection, Some(CeremonyKind::Registration))?;
    if let Some(outcome) = take.registration() {
        return Ok(outcome);
    }
    if !meet_at_user(connection, record.relying_party, record.user)? {
        return Ok(FinishedRegistration::Gone);
    }
    let taken = exists(
        connection,
        concat!(
            "SELECT 1 FROM credentials WHERE relying_party_id = ?1 AND id_hash = ?2",
            alive!("user_id")
        ),
        params![record.relying_party.0, credential.id_hash],
    )?;
    let count: i64 = first(
        connection,
        "SELECT count(*) FROM credentials WHERE relying_party_id = ?1 AND user_id = ?2",
        [record.relying_party.0, record.user.0],
        |row| Ok(row.get(0)?),
    )?
    .unwrap_or(0);
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    if let Err(reason) = admit_registration(taken, count, max_credentials) {
        let end = claim.refuse(connection, reason, None, event)?;
        let outcome = Take::Repeated(end).registration();
        return Ok(outcome.unwrap_or(FinishedRegistration::Used));
    }
    remove_remains(connection, record.relying_party, credential.id_hash)?;
    credential.insert(connection)?;
    claim.succeed(connection, user, record.user, record.key)?;
    insert_event(connection, event)?;
    Ok(FinishedRegistration::Registered)
}

/// A verified sign-in, ready to be written.
pub(in crate::embedded) struct SignIn {
    claim: Claim,
    credential: CredentialKey,
    id_hash: [u8; 32],
    user: UserId,
    verified: VerifiedAuthentication,
    counter: CounterRule,
    event: AuditEvent,
}

impl SignIn {
    pub(in crate::embedded) fn new(finish: &FinishAuthentication<'_>) -> Self {
        let verified = finish.verified;
        Self {
            claim: Claim {
                attempt: finish.attempt,
                relying_party: finish.relying_party,
                ceremony: finish.ceremony,
                now: finish.now,
            },
            credential: finish.credential,
            id_hash: id_hash(verified.credential_id()),
            user: finish.user,
            verified: verified.clone(),
            counter: finish.counter,
            event: finish.event.clone(),
        }
    }
}

pub(in crate::embedded) fn finish_authentication(
    connection: &Connection,
    sign_in: &SignIn,
) -> Outcome<FinishedAuthentication> {
    let claim = sign_in.claim;
    let (take, started_for) = claim.take(connection, Some(CeremonyKind::Authentication))?;
    if let Some(outcome) = take.authentication() {
        return Ok(outcome);
    }
    // By the hash alone: that is the primary key, while a condition on the key would send SQLite through
    // its index.
    let stored = first(
        connection,
        concat!(
            "SELECT sign_count, key, user_id, sign_count_since_fall, backup_eligible FROM credentials \
             WHERE relying_party_id = ?1 AND id_hash = ?2",
            alive!("user_id")
        ),
        params![claim.relying_party.0, sign_in.id_hash],
        |row| {
            let owner = (CredentialKey(row.get(1)?), UserId(row.get(2)?));
            let same = owner == (sign_in.credential, sign_in.user);
            let counter = SignCounter {
                highest: row.get(0)?,
                since_fall: row.get(3)?,
            };
            Ok(same.then_some((counter, row.get::<_, Option<bool>>(4)?)))
        },
    )?
    .flatten();
    let Some((stored, backup_eligible)) = stored else {
        claim.refuse(connection, Reason::CredentialUnknown, None, &sign_in.event)?;
        return Ok(FinishedAuthentication::CredentialGone);
    };
    let verified = &sign_in.verified;
    let Some(counter) = sign_in
        .counter
        .apply(stored, verified.received_sign_count())
    else {
        let reason = Reason::SignCountNotIncreased;
        let stored = stored.highest;
        claim.refuse(connection, reason, Some(stored), &sign_in.event)?;
        note_failure(connection, claim.relying_party, sign_in.user, claim.now)?;
        return Ok(FinishedAuthentication::CounterWentBack { stored });
    };
    // User verification can be gained, never lost. The last use is the latest, whichever of two sign-ins is written first.
    execute(
        connection,
        "UPDATE credentials SET sign_count = ?3, uv_initialized = max(uv_initialized, ?4), \
         backup_eligible = ?5, backup_state = ?6, last_used = max(coalesce(last_used, ?7), ?7), \
         sign_count_since_fall = ?8 WHERE relying_party_id = ?1 AND id_hash = ?2",
        params![
            claim.relying_party.0,
            sign_in.id_hash,
            counter.highest,
            verified.user_verified(),
            verified.backup_eligible_after(backup_eligible),
            verified.backup_state(),
            claim.now.0,
            counter.since_fall,
        ],
    )?;
    claim.succeed(connection, started_for, sign_in.user, sign_in.credential)?;
    insert_event(connection, &sign_in.event)?;
    Ok(FinishedAuthentication::Accepted)
}

pub(in crate::embedded) fn refuse_ceremony(
    connection: &Connection,
    claim: Claim,
    reason: Reason,
    failed_user: Option<UserId>,
    event: &AuditEvent,
) -> Outcome<Refused> {
    let (take, _) = claim.take(connection, None)?;
    if let Some(outcome) = take.refusal() {
        return Ok(outcome);
    }
    claim.fail(connection, reason, None)?;
    if let Some(user) = failed_user {
        note_failure(connection, claim.relying_party, user, claim.now)?;
    }
    insert_event(connection, event)?;
    Ok(Refused::Done)
}

// ---- unfinished registrations -----------------------------------------------------------------

pub(in crate::embedded) fn rename_registration(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
    id: CeremonyId,
    name: &str,
    now: Timestamp,
) -> Outcome<Option<Registration>> {
    let found = reads::ceremony(connection, rp, id)?
        .and_then(Ceremony::registration)
        .filter(|c| c.user == user && !matches!(c.state, CeremonyState::Succeeded { .. }));
    let Some(mut ceremony) = found else {
        return Ok(None);
    };
    name.clone_into(&mut ceremony.asked.credential_name);
    ceremony.updated = now;
    let asked = rows::json(&ceremony.asked).map_err(Failure)?;
    execute(
        connection,
        "UPDATE ceremonies SET asked = ?3, updated = ?4 WHERE relying_party_id = ?1 AND id = ?2",
        params![rp.0, id.0, asked, now.0],
    )?;
    Ok(Some(ceremony))
}

pub(in crate::embedded) fn delete_registration(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
    id: CeremonyId,
) -> Outcome<bool> {
    let changed = execute(
        connection,
        concat!(
            "DELETE FROM ceremonies WHERE relying_party_id = ?1 AND id = ?2 AND user_id = ?3 AND kind = ?4 \
             AND state <> ?5",
            alive!("?3")
        ),
        params![rp.0, id.0, user.0, REGISTRATION, SUCCEEDED],
    )?;
    Ok(changed > 0)
}
