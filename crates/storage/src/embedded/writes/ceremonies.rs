//! Ceremonies: begun, taken, refused, and the registrations that led to nothing.

use std::sync::Arc;

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::ceremony::{
    Authentication, Ceremony, CeremonyKind, CeremonyState, Registration,
};
use domain::model::clock::Timestamp;
use domain::model::ids::{AttemptId, CeremonyId, CredentialKey, RelyingPartyId, UserId};
use domain::model::user::{User, UserRef};
use domain::store::take::{End, Take, Takeable, admit_registration, take};
use domain::store::{
    Begin, CounterRule, FinishAuthentication, FinishedAuthentication, FinishedRegistration, Refused,
};
use rusqlite::{Connection, params};
use webauthn::authentication::{SignCounter, VerifiedAuthentication};
use webauthn::error::Reason;

use super::parties::relying_party_exists;
use crate::embedded::pending::{Change, Ending, Found, SignedIn};
use crate::embedded::reads;
use crate::embedded::records::Use;
use crate::embedded::rows::{
    self, AUTHENTICATION, CeremonyRow, CredentialRow, Ended, FAILED, PENDING, REGISTRATION,
    SUCCEEDED, alive, columns, enqueue, insert_event, row_hash,
};
use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Failure, Outcome, execute, exists, first};
use crate::images::id_hash;

// ---- begin ------------------------------------------------------------------------------------

/// Removes the pending ones of the ceremonies that make room for another one.
pub(in crate::embedded) fn make_room(
    connection: &Connection,
    rp: RelyingPartyId,
    displaced: &[CeremonyId],
) -> Outcome<()> {
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

/// Writes an authentication that does not wait in memory.
pub(in crate::embedded) fn begin_authentication(
    connection: &Connection,
    ceremony: &CeremonyRow,
    displaced: &[CeremonyId],
) -> Outcome<Begin> {
    begin(connection, ceremony, displaced, &[])
}

/// Writes authentications that are not to lie in memory any longer. Those of owners who were deleted too: their sweep counts them.
pub(in crate::embedded) fn put_aside(
    connection: &Connection,
    ceremonies: &[CeremonyRow],
) -> Outcome<()> {
    for ceremony in ceremonies {
        ceremony.insert_unasked(connection)?;
    }
    Ok(())
}

/// Moves all rows of `sign_ins` to `ceremonies` and `events`. One that the sweep put aside as expired while a job was ending it is
/// there already, as pending.
pub(in crate::embedded) fn move_sign_ins(connection: &Connection) -> Outcome<()> {
    let moved = execute(
        connection,
        "INSERT INTO ceremonies (relying_party_id, id, kind, state, user_id, credential_key, created, expires, \
         updated, claimed_by, asked, policy_id, digest) \
         SELECT relying_party_id, id, ?1, ?2, user_id, credential_key, created, expires, \
         updated, claimed_by, asked, policy_id, digest FROM sign_ins WHERE seq > 0 ORDER BY seq \
         ON CONFLICT (relying_party_id, id) DO UPDATE SET state = excluded.state, user_id = excluded.user_id, \
         credential_key = excluded.credential_key, updated = excluded.updated, claimed_by = excluded.claimed_by, \
         digest = excluded.digest WHERE ceremonies.state = ?3",
        [AUTHENTICATION, SUCCEEDED, PENDING],
    )?;
    if moved == 0 {
        return Ok(());
    }
    execute(
        connection,
        "INSERT INTO events (relying_party_id, at, id, kind, user_id, credential_key, ceremony_id, signals, user_name, \
         actor, access_key_id, wire, user_agent, address) \
         SELECT relying_party_id, updated, event_id, ?1, user_id, credential_key, id, signals, user_name, \
         actor, access_key_id, wire, user_agent, address FROM sign_ins WHERE seq > 0 ORDER BY seq ON CONFLICT DO NOTHING",
        [AuditKind::Authenticated.name()],
    )?;
    execute(connection, "DELETE FROM sign_ins", [])?;
    Ok(())
}

// ---- finish -----------------------------------------------------------------------------------

/// The seal of a ceremony that was pending and succeeds, with the values of [`Claim::succeed`].
macro_rules! sealed_success {
    () => {
        "digest = seal('ceremonies', relying_party_id, id, kind, ?7, ?4, created, expires, ?6, asked, policy_id, ?3, \
         reason, ?5, stored_count)"
    };
}

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

    /// Takes the ceremony as failed. `false`: an owner of one that waited in memory is gone, and nothing was written.
    fn fail(
        &self,
        connection: &Connection,
        waiting: Option<&Authentication>,
        reason: Reason,
        stored_count: Option<u32>,
    ) -> Outcome<bool> {
        if let Some(ceremony) = waiting {
            let row = CeremonyRow::authentication(ceremony)?;
            let end = self.end(FAILED, Some(reason), stored_count);
            return row.ended(None, None, end).insert(connection);
        }
        execute(
            connection,
            "UPDATE ceremonies SET state = ?3, reason = ?4, stored_count = ?5, claimed_by = ?6, updated = ?7, \
             digest = seal('ceremonies', relying_party_id, id, kind, user_id, credential_key, created, expires, ?7, \
             asked, policy_id, ?3, ?4, ?6, ?5) WHERE relying_party_id = ?1 AND id = ?2",
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
        Ok(true)
    }

    fn is_in_table(&self, connection: &Connection) -> Outcome<bool> {
        exists(
            connection,
            "SELECT 1 FROM ceremonies WHERE relying_party_id = ?1 AND id = ?2",
            [self.relying_party.0, self.ceremony.0],
        )
    }

    fn end(&self, state: i64, reason: Option<Reason>, stored_count: Option<u32>) -> Ended {
        Ended {
            state,
            reason,
            stored_count,
            by: self.attempt,
            at: self.now,
        }
    }

    /// Takes the ceremony as failed, where `event` was to tell of its success; how it ended, or `None` if an owner is gone.
    fn refuse(
        &self,
        connection: &Connection,
        waiting: Option<&Authentication>,
        reason: Reason,
        stored_count: Option<u32>,
        event: &AuditEvent,
    ) -> Outcome<Option<End>> {
        if !self.fail(connection, waiting, reason, stored_count)? {
            return Ok(None);
        }
        insert_event(connection, &event.clone().refused(reason))?;
        Ok(Some(End::Failed {
            reason,
            stored_count,
        }))
    }

    /// Takes the ceremony as succeeded, whose row was found sound.
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
            concat!(
                "UPDATE ceremonies SET state = ?3, credential_key = ?4, claimed_by = ?5, updated = ?6, ",
                sealed_success!(),
                " WHERE relying_party_id = ?1 AND id = ?2 AND ?7 = user_id"
            )
        } else {
            concat!(
                "UPDATE ceremonies SET state = ?3, credential_key = ?4, claimed_by = ?5, updated = ?6, user_id = ?7, ",
                sealed_success!(),
                " WHERE relying_party_id = ?1 AND id = ?2"
            )
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

    /// What this attempt meets, if it wants to end an authentication, and the authentication if it waits in memory.
    fn take_authentication(
        &self,
        connection: &Connection,
        ending: &Ending,
        kind: Option<CeremonyKind>,
    ) -> Outcome<(Take, Option<UserId>, Option<Arc<Authentication>>)> {
        let waiting = match ending.begin() {
            Found::Waiting(ceremony) => Some(ceremony),
            Found::SignedIn(ceremony, by) => {
                let found = Takeable {
                    end: Some(End::Succeeded),
                    taken_by: Some(by),
                    ..takeable(&ceremony)
                };
                let mut take = take(Some(&found), kind, self.attempt, self.now);
                if !reads::owners_are_there(connection, self.relying_party, ceremony.user)? {
                    take = Take::Gone;
                }
                return Ok((take, ceremony.user, Some(ceremony)));
            }
            Found::Doubtful(ceremony) => {
                move_sign_ins(connection)?;
                let there = self.is_in_table(connection)?;
                if there {
                    ending.is_in_table();
                }
                (!there).then_some(ceremony)
            }
            Found::InTable if ending.is_sealed() && !self.is_in_table(connection)? => {
                ending.unseal()
            }
            Found::InTable => None,
        };
        let Some(ceremony) = waiting else {
            let (take, user) = self.take(connection, kind)?;
            return Ok((take, user, None));
        };
        let mut take = take(Some(&takeable(&ceremony)), kind, self.attempt, self.now);
        if take != Take::Open {
            ending.give_up();
            // Of an owner who was deleted there is none. Where it is open, the write of its end looks at the owners.
            if !reads::owners_are_there(connection, self.relying_party, ceremony.user)? {
                take = Take::Gone;
            }
        }
        Ok((take, ceremony.user, Some(ceremony)))
    }
}

/// What decides whether an authentication that waits in memory may be taken.
fn takeable(waiting: &Authentication) -> Takeable {
    Takeable {
        kind: CeremonyKind::Authentication,
        expires: waiting.expires,
        end: None,
        taken_by: None,
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

/// Whether the user who is to get a credential is there.
///
/// Jobs of the writer follow each other, so a registration counts the credentials of those before it, and meets no deletion of its user half way.
pub(super) fn user_exists(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
) -> Outcome<bool> {
    let sql = concat!(
        "SELECT 1 FROM users WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    exists(connection, sql, [rp.0, user.0])
}

/// Removes the credential with this id, if it is one of a user who was deleted, before the sweep does.
pub(super) fn remove_remains(
    connection: &Connection,
    rp: RelyingPartyId,
    id_hash: [u8; 32],
) -> Outcome<()> {
    for sql in [
        "DELETE FROM attestations WHERE number = \
         (SELECT number FROM credentials WHERE relying_party_id = ?1 AND id_hash = ?2)",
        "DELETE FROM credentials WHERE relying_party_id = ?1 AND id_hash = ?2",
    ] {
        execute(connection, sql, params![rp.0, row_hash(&id_hash)])?;
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
    if !user_exists(connection, record.relying_party, record.user)? {
        return Ok(FinishedRegistration::Gone);
    }
    let taken = exists(
        connection,
        concat!(
            "SELECT 1 FROM credentials WHERE relying_party_id = ?1 AND id_hash = ?2",
            alive!("user_id")
        ),
        params![record.relying_party.0, row_hash(&credential.id_hash)],
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
        let end = claim.refuse(connection, None, reason, None, event)?;
        let outcome = end.and_then(|end| Take::Repeated(end).registration());
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

/// How much later than its row says a credential may have been used, in milliseconds. The row of its last sign-in, which is
/// written in any case, knows the exact time.
const LAST_USE_MS: i64 = 60_000;

/// What the row of a credential says of its use.
struct StoredUse {
    counter: SignCounter,
    backup_eligible: Option<bool>,
    backup_state: Option<bool>,
    user_verified: bool,
    last_used: Option<Timestamp>,
}

impl StoredUse {
    /// Whether the row is to be written for this sign-in.
    fn is_outdated_by(&self, used: &Use) -> bool {
        let recent = |last: Timestamp| (last..last.plus_millis(LAST_USE_MS)).contains(&used.at);
        self.counter != used.counter
            || self.backup_eligible != Some(used.backup_eligible)
            || self.backup_state != Some(used.backup_state)
            || (used.user_verified && !self.user_verified)
            || !self.last_used.is_some_and(recent)
    }
}

/// What the row of the credential says of its use, if it is that credential and its owner is there.
fn stored_use(
    connection: &Connection,
    sign_in: &SignIn,
    ending: &Ending,
) -> Outcome<Option<StoredUse>> {
    let Some((signer, written)) = ending.signer(sign_in.claim.relying_party, sign_in.id_hash)
    else {
        return read_use(connection, sign_in);
    };
    let (record, user) = &*signer;
    let same = (record.key, user.id) == (sign_in.credential, sign_in.user);
    Ok(same.then_some(StoredUse {
        counter: SignCounter {
            highest: record.sign_count,
            since_fall: record.sign_count_since_fall,
        },
        backup_eligible: record.backup_eligible,
        backup_state: record.backup_state,
        user_verified: record.uv_initialized,
        last_used: written,
    }))
}

/// The same, where it is not in memory.
fn read_use(connection: &Connection, sign_in: &SignIn) -> Outcome<Option<StoredUse>> {
    // By the hash alone: that is the primary key, while a condition on the key would send SQLite through
    // its index.
    let found = first(
        connection,
        concat!(
            "SELECT sign_count, key, user_id, sign_count_since_fall, backup_eligible, backup_state, \
             uv_initialized, last_used, ",
            is_sound!(credentials),
            " AND ",
            is_sound!(uses),
            " FROM credentials \
             WHERE relying_party_id = ?1 AND id_hash = ?2",
            alive!("user_id")
        ),
        params![sign_in.claim.relying_party.0, row_hash(&sign_in.id_hash)],
        |row| {
            seals::check(row, 8, "credentials")?;
            let owner = (CredentialKey(row.get(1)?), UserId(row.get(2)?));
            let same = owner == (sign_in.credential, sign_in.user);
            let stored = StoredUse {
                counter: SignCounter {
                    highest: row.get(0)?,
                    since_fall: row.get(3)?,
                },
                backup_eligible: row.get(4)?,
                backup_state: row.get(5)?,
                user_verified: row.get(6)?,
                last_used: row.get::<_, Option<i64>>(7)?.map(Timestamp),
            };
            Ok(same.then_some(stored))
        },
    )?;
    Ok(found.flatten())
}

/// Writes the row of a credential that signed. The last use is the latest, whichever of two sign-ins is written first.
fn write_use(connection: &Connection, used: &Use) -> Outcome<()> {
    execute(
        connection,
        "UPDATE credentials SET sign_count = ?3, uv_initialized = ?4, \
         backup_eligible = ?5, backup_state = ?6, last_used = max(coalesce(last_used, ?7), ?7), \
         sign_count_since_fall = ?8, use_digest = seal('uses', ?1, ?2, ?3, ?8, ?4, ?5, ?6) WHERE relying_party_id = ?1 AND id_hash = ?2",
        params![
            used.relying_party.0,
            row_hash(&used.id_hash),
            used.counter.highest,
            used.user_verified,
            used.backup_eligible,
            used.backup_state,
            used.at.0,
            used.counter.since_fall,
        ],
    )?;
    Ok(())
}

pub(in crate::embedded) fn finish_authentication(
    connection: &Connection,
    sign_in: SignIn,
    ending: &Ending,
) -> Outcome<FinishedAuthentication> {
    let claim = sign_in.claim;
    let kind = Some(CeremonyKind::Authentication);
    let (take, started_for, waiting) = claim.take_authentication(connection, ending, kind)?;
    if let Some(outcome) = take.authentication() {
        return Ok(outcome);
    }
    let waiting = waiting.as_deref();
    let gone = || {
        ending.give_up();
        Ok(FinishedAuthentication::Gone)
    };
    let Some(stored) = stored_use(connection, &sign_in, ending)? else {
        let reason = Reason::CredentialUnknown;
        let refused = claim.refuse(connection, waiting, reason, None, &sign_in.event)?;
        return if refused.is_some() {
            Ok(FinishedAuthentication::CredentialGone)
        } else {
            gone()
        };
    };
    let verified = &sign_in.verified;
    let Some(counter) = sign_in
        .counter
        .apply(stored.counter, verified.received_sign_count())
    else {
        let reason = Reason::SignCountNotIncreased;
        let stored = stored.counter.highest;
        let refused = claim.refuse(connection, waiting, reason, Some(stored), &sign_in.event)?;
        if refused.is_none() {
            return gone();
        }
        note_failure(connection, claim.relying_party, sign_in.user, claim.now)?;
        ending.changes(Change::User(claim.relying_party, sign_in.user));
        return Ok(FinishedAuthentication::CounterWentBack { stored });
    };
    let mut policy = None;
    let mut signed_in = false;
    match waiting {
        None => claim.succeed(connection, started_for, sign_in.user, sign_in.credential)?,
        Some(ceremony) => {
            let (user, credential) = (Some(sign_in.user), Some(sign_in.credential));
            let end = claim.end(SUCCEEDED, None, None);
            let row = CeremonyRow::authentication(ceremony)?.ended(user, credential, end);
            // The credential was found, so its owner is there.
            let known = started_for.is_none_or(|user| user == sign_in.user);
            let written = if known {
                let kept = row.kept_policy();
                let has_policy = ending.has_policy(&kept);
                policy = (!has_policy).then_some(kept);
                signed_in = ending.has_room()
                    && row.insert_signed_in(connection, &sign_in.event, has_policy)?;
                signed_in || row.insert_judged(connection, has_policy)?
            } else {
                row.insert(connection)?
            };
            if !written {
                return gone();
            }
        }
    }
    let used = Use {
        relying_party: claim.relying_party,
        user: sign_in.user,
        credential: sign_in.credential,
        id_hash: sign_in.id_hash,
        counter,
        // It can be gained, never lost.
        user_verified: stored.user_verified || verified.user_verified(),
        backup_eligible: verified.backup_eligible_after(stored.backup_eligible),
        backup_state: verified.backup_state(),
        at: claim.now,
        written: false,
    };
    let used = Use {
        written: stored.is_outdated_by(&used),
        ..used
    };
    if used.written {
        write_use(connection, &used)?;
    }
    ending.changes(Change::Credential(used, policy));
    if signed_in {
        enqueue(connection, &sign_in.event)?;
        ending.signed_in(SignedIn {
            by: claim.attempt,
            event: sign_in.event,
        });
    } else {
        insert_event(connection, &sign_in.event)?;
    }
    Ok(FinishedAuthentication::Accepted)
}

pub(in crate::embedded) fn refuse_ceremony(
    connection: &Connection,
    claim: Claim,
    reason: Reason,
    failed_user: Option<UserId>,
    event: &AuditEvent,
    ending: &Ending,
) -> Outcome<Refused> {
    let (take, _, waiting) = claim.take_authentication(connection, ending, None)?;
    if let Some(outcome) = take.refusal() {
        return Ok(outcome);
    }
    if !claim.fail(connection, waiting.as_deref(), reason, None)? {
        ending.give_up();
        return Ok(Refused::Gone);
    }
    if let Some(user) = failed_user {
        note_failure(connection, claim.relying_party, user, claim.now)?;
        ending.changes(Change::User(claim.relying_party, user));
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
    let asked = rows::json(&ceremony.asked).map_err(Failure::from)?;
    execute(
        connection,
        "UPDATE ceremonies SET asked = ?3, updated = ?4, digest = seal('ceremonies', relying_party_id, id, kind, user_id, \
         credential_key, created, expires, ?4, ?3, policy_id, state, reason, claimed_by, stored_count) WHERE relying_party_id = ?1 AND id = ?2",
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
