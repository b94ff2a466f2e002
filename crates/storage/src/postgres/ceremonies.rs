//! Ceremonies: begun, found by their challenge, and taken once.

use std::sync::Arc;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ceremony::{
    Authentication, Ceremony, CeremonyKind, CeremonyState, Registration, Standing,
};
use domain::model::clock::Timestamp;
use domain::model::ids::{CeremonyId, RelyingPartyId, UserId};
use domain::model::page::{Page, PageRequest};
use domain::store::take::{End, Take, take};
use domain::store::{
    AuthenticationFilter, Begin, BeginRegistration, Ceremonies, CounterRule, Fault,
    FinishAuthentication, FinishRegistration, FinishedAuthentication, FinishedRegistration,
    LoadedAuthentication, RefuseCeremony, Refused, Survival,
};
use tokio_postgres::Row;
use webauthn::credential::CredentialId;
use webauthn::error::Reason;

use super::cells::{Cells, Param, params, unreadable};
use super::deliveries::Outbox;
use super::pool::{Does, Sent};
use super::records::{self, CeremonyRow, displace, event_params, from_json, json};
use super::statements::Statement;
use super::{Postgres, settled};
use crate::images::id_hash;

/// The row of the statement that starts a ceremony, which is the first one.
fn first_row(rows: &[Vec<Row>]) -> Result<&Row, Fault> {
    let row = rows.first().and_then(|rows| rows.first());
    row.ok_or_else(|| Fault::Fatal("a start has no row".to_owned()))
}

/// What a start has met: the outcome, or `None` when it met another write and is to be sent again.
fn begun(row: &Row, with_user: bool) -> Result<Option<Begin>, Fault> {
    let mut cells = Cells::new(row);
    let written = cells.any()?;
    let there = cells.bool()?;
    let owned = cells.bool()?;
    if written || there {
        return Ok(Some(Begin::Begun));
    }
    if with_user {
        let created = cells.bool()?;
        let (party, name_taken) = (cells.bool()?, cells.bool()?);
        if !party {
            return Ok(Some(Begin::UserGone));
        }
        if !created && !owned && name_taken {
            return Ok(Some(Begin::UserExists));
        }
        return Ok(None);
    }
    Ok((!owned).then_some(Begin::UserGone))
}

#[async_trait]
impl Ceremonies for Postgres {
    async fn begin_registration(&self, begin: BeginRegistration<'_>) -> Result<Begin, Fault> {
        let row = CeremonyRow::registration(begin.ceremony)?;
        let id = begin.ceremony.id;
        let mut outboxes = Vec::new();
        for event in begin.events {
            outboxes.push(Outbox::of(event, &[])?);
        }
        settled!({
            let mut params = row.params();
            let mut statement = Statement::Begin;
            if let Some(user) = begin.new_user {
                statement = Statement::BeginWithUser;
                params.extend(params![
                    &user.name,
                    user.created.0,
                    user.updated.0,
                    user.last_success.map(|t| t.0),
                    user.last_failure.map(|t| t.0),
                ]);
            }
            let mut sent = vec![(statement, params)];
            sent.extend(displace(begin.ceremony.relying_party, id, begin.displaced));
            for event in begin.events {
                let mut params = event_params(begin.ceremony.relying_party, event);
                params.extend(params![id.0]);
                sent.push((Statement::BeginEvent, params));
            }
            for outbox in &outboxes {
                sent.extend(outbox.statements());
            }
            let rows = self.pool.all(Does::Write, &sent).await?;
            begun(first_row(&rows)?, begin.new_user.is_some())
        })
    }

    async fn begin_authentication(
        &self,
        ceremony: &Arc<Authentication>,
        displaced: &[CeremonyId],
        _: Survival,
    ) -> Result<Begin, Fault> {
        let row = CeremonyRow::authentication(ceremony)?;
        settled!({
            let mut sent = vec![(Statement::Begin, row.params())];
            sent.extend(displace(ceremony.relying_party, ceremony.id, displaced));
            let rows = self.pool.all(Does::Write, &sent).await?;
            begun(first_row(&rows)?, false)
        })
    }

    async fn ceremony(
        &self,
        rp: RelyingPartyId,
        id: CeremonyId,
    ) -> Result<Option<Ceremony>, Fault> {
        let sent = (Statement::Ceremony, params![rp.0, id.0]);
        self.record(sent, records::ceremony).await
    }

    async fn load_for_authentication(
        &self,
        rp: RelyingPartyId,
        ceremony: CeremonyId,
        credential: &CredentialId,
    ) -> Result<LoadedAuthentication, Fault> {
        let sent = [
            (Statement::Ceremony, params![rp.0, ceremony.0]),
            (Statement::Signer, params![rp.0, id_hash(credential)]),
        ];
        let rows = self.pool.all(Does::Read, &sent).await?;
        let [ceremonies, signers] = &rows[..] else {
            return Err(Fault::Fatal("a read has no rows".to_owned()));
        };
        let ceremony = ceremonies
            .first()
            .map(|row| records::ceremony(&mut Cells::new(row)));
        let signer = signers
            .first()
            .map(|row| records::signer(&mut Cells::new(row)));
        Ok(LoadedAuthentication {
            ceremony: ceremony
                .transpose()?
                .and_then(Ceremony::authentication)
                .map(Arc::new),
            // Two ids with one hash do not happen; a damaged row does.
            credential: signer
                .transpose()?
                .filter(|(record, _)| record.id == *credential)
                .map(Arc::new),
        })
    }

    async fn finish_registration(
        &self,
        finish: FinishRegistration<'_>,
    ) -> Result<FinishedRegistration, Fault> {
        let record = finish.credential.record();
        let (rp, hash) = (record.relying_party.0, id_hash(&record.id));
        let evidence = finish.credential.evidence();
        let transports = json(&record.transports)?;
        let selection = json(&record.selection)?;
        let extensions = evidence.extensions.as_ref().map(json).transpose()?;
        let refused = refused_kind(finish.event);
        let digest = records::credential_digest(record);
        let reasons = [Reason::CredentialExists, Reason::TooManyCredentials];
        let outbox = Outbox::of(finish.event, &reasons)?;
        let mut duplicate = false;
        settled!({
            let mut params = event_params(record.relying_party, finish.event);
            params.extend(params![
                record.key.0,
                finish.attempt.0,
                finish.now.0,
                hash,
                record.user.0,
                finish.max_credentials,
                refused,
                Reason::CredentialExists.name(),
                Reason::TooManyCredentials.name(),
                record.id.as_bytes(),
                &record.public_key[..],
                record.algorithm.0,
                record.sign_count,
                record.sign_count_since_fall.map(i64::from),
                record.uv_initialized,
                record.backup_eligible,
                record.backup_state,
                &transports,
                *record.aaguid.as_bytes(),
                &record.attestation_format,
                &record.attestation_type,
                &record.trust,
                record.discoverable,
                &record.name,
                &selection,
                record.created.0,
                record.updated.0,
                record.last_used.map(|t| t.0),
                record.user_agent.as_deref(),
                digest,
                &evidence.attestation_object[..],
                &evidence.client_data_json[..],
                extensions.as_deref(),
            ]);
            let mut sent = vec![(Statement::MeetAtUser, params![rp, record.user.0])];
            // A row with this id was in the way: one of another user who was just registering, or of one who was deleted.
            if duplicate {
                sent.push((Statement::RemoveOldAttestation, params![rp, hash]));
                sent.push((Statement::RemoveOldCredential, params![rp, hash]));
            }
            let place = sent.len();
            sent.push((Statement::FinishRegistration, params));
            sent.extend(outbox.statements());
            let Some(rows) = self.pool.unless_duplicate(Does::Write, &sent).await? else {
                duplicate = true;
                return Ok(None);
            };
            let row = rows.get(place).and_then(|rows| rows.first());
            let row = row.ok_or_else(|| Fault::Fatal("a finish has no row".to_owned()))?;
            let mut cells = Cells::new(row);
            let taken = cells.any()?;
            let reason = cells.maybe_plain()?;
            let met = if taken {
                Take::Repeated(ended(reason, None)?)
            } else {
                let found = records::takeable(&mut cells)?;
                let kind = Some(CeremonyKind::Registration);
                take(found.as_ref(), kind, finish.attempt, finish.now)
            };
            Ok(met.registration())
        })
    }

    async fn finish_authentication(
        &self,
        finish: FinishAuthentication<'_>,
    ) -> Result<FinishedAuthentication, Fault> {
        let verified = finish.verified;
        let refused = refused_kind(finish.event);
        let hash = id_hash(verified.credential_id());
        let sealed = sealed_row(finish.sealed)?;
        let reasons = [Reason::SignCountNotIncreased, Reason::CredentialUnknown];
        let outbox = Outbox::of(finish.event, &reasons)?;
        settled!({
            let mut params = event_params(finish.relying_party, finish.event);
            // The event of a success has no details. The statement writes these if it refuses.
            params[records::MORE] = Param::from(more_of_refusal(finish.event));
            params.extend(params![
                finish.ceremony.0,
                finish.attempt.0,
                finish.now.0,
                hash,
                finish.credential.0,
                finish.user.0,
                verified.received_sign_count(),
                finish.counter == CounterRule::MustIncrease,
                verified.user_verified(),
                verified.backup_eligible_after(Some(true)),
                verified.backup_eligible_after(None),
                verified.backup_state(),
                refused,
                Reason::SignCountNotIncreased.name(),
                Reason::CredentialUnknown.name(),
            ]);
            let row = self
                .end(
                    sealed.as_ref(),
                    (Statement::FinishAuthentication, params),
                    &outbox,
                )
                .await?;
            let mut cells = Cells::new(&row);
            let taken = cells.any()?;
            let reason = cells.maybe_plain()?;
            let stored = cells.maybe_count()?;
            let met = if taken {
                Take::Repeated(ended(reason, stored)?)
            } else {
                let found = records::takeable(&mut cells)?;
                let kind = Some(CeremonyKind::Authentication);
                take(found.as_ref(), kind, finish.attempt, finish.now)
            };
            Ok(met.authentication())
        })
    }

    async fn refuse_ceremony(&self, refuse: RefuseCeremony<'_>) -> Result<Refused, Fault> {
        let sealed = sealed_row(refuse.sealed)?;
        let outbox = Outbox::of(refuse.event, &[])?;
        settled!({
            let mut params = event_params(refuse.relying_party, refuse.event);
            params.extend(params![
                refuse.ceremony.0,
                refuse.attempt.0,
                refuse.now.0,
                refuse.reason.name(),
                refuse.failed_user.map(|u| u.0),
            ]);
            let row = self
                .end(
                    sealed.as_ref(),
                    (Statement::RefuseCeremony, params),
                    &outbox,
                )
                .await?;
            let mut cells = Cells::new(&row);
            if cells.any()? {
                return Ok(Some(Refused::Done));
            }
            let found = records::takeable(&mut cells)?;
            Ok(take(found.as_ref(), None, refuse.attempt, refuse.now).refusal())
        })
    }

    async fn list_authentications(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        filter: AuthenticationFilter,
        page: PageRequest,
    ) -> Result<Page<Authentication>, Fault> {
        let standing: i64 = match filter.standing {
            None => 0,
            Some(Standing::Pending) => 1,
            Some(Standing::Expired) => 2,
            Some(Standing::Succeeded) => 3,
            Some(Standing::Failed) => 4,
        };
        let credential = filter.credential.map(|key| key.0);
        let bound = params![rp.0, user.0, credential, filter.now.0, standing];
        let lists = (
            Statement::ListAuthentications,
            Statement::ListAuthenticationsDown,
        );
        self.page(lists, bound, page, |cells| {
            let found = records::ceremony(cells)?.authentication();
            found.ok_or_else(|| unreadable("kind of a ceremony"))
        })
        .await
    }
}

/// The details that an event of a success has when the ceremony fails.
fn more_of_refusal(event: &AuditEvent) -> Option<String> {
    event.clone().refused(Reason::CredentialUnknown).more()
}

/// What an event of a success becomes when the ceremony fails.
fn refused_kind(event: &AuditEvent) -> &'static str {
    event.clone().refused(Reason::CredentialUnknown).kind.name()
}

/// How an attempt ended a ceremony just now.
fn ended(reason: Option<&str>, stored_count: Option<u32>) -> Result<End, Fault> {
    let Some(name) = reason else {
        return Ok(End::Succeeded);
    };
    let reason = name.parse().map_err(|_| unreadable("reason"))?;
    Ok(End::Failed {
        reason,
        stored_count: stored_count.filter(|_| reason == Reason::SignCountNotIncreased),
    })
}

/// The row of an authentication that its challenge brought.
fn sealed_row(sealed: Option<&Arc<Authentication>>) -> Result<Option<CeremonyRow>, Fault> {
    sealed
        .map(|ceremony| CeremonyRow::authentication(ceremony))
        .transpose()
}

impl Postgres {
    /// Ends a ceremony. One that its challenge brought is begun in the same transaction, unless it is there already.
    async fn end(
        &self,
        sealed: Option<&CeremonyRow>,
        sent: Sent<'_>,
        outbox: &Outbox,
    ) -> Result<Row, Fault> {
        let begun = sealed.map(|row| (Statement::Begin, row.params()));
        let place = usize::from(begun.is_some());
        let mut all: Vec<Sent<'_>> = begun.into_iter().collect();
        all.push(sent);
        all.extend(outbox.statements());
        let rows = self.pool.all(Does::Write, &all).await?;
        let row = rows.into_iter().nth(place).and_then(|mut rows| rows.pop());
        row.ok_or_else(|| Fault::Fatal("the end of a ceremony has no row".to_owned()))
    }

    /// Gives the credential of an unfinished registration another name.
    pub(super) async fn rename(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Registration>, Fault> {
        settled!({
            let sent = (Statement::Ceremony, params![rp.0, id.0]);
            let Some(row) = self.pool.first(Does::Read, sent).await? else {
                return Ok(Some(None));
            };
            let mut cells = Cells::new(&row);
            let ceremony = records::ceremony(&mut cells)?.registration();
            let unfinished = ceremony.filter(|c| {
                let succeeded = matches!(c.state, CeremonyState::Succeeded { .. });
                c.user == user && !succeeded
            });
            let Some(mut ceremony) = unfinished else {
                return Ok(Some(None));
            };
            // The text as it is stored: a later version may write the same record in another way.
            let mut cells = Cells::new(&row);
            cells.skip(12);
            let before = cells.plain()?;
            ceremony.asked = from_json(before, "what a ceremony asked for")?;
            name.clone_into(&mut ceremony.asked.credential_name);
            ceremony.updated = now;
            let asked = json(&ceremony.asked)?;
            let sent = (
                Statement::RenameRegistration,
                params![rp.0, id.0, before, &asked, now.0],
            );
            Ok(self.pool.done(sent).await?.then_some(Some(ceremony)))
        })
    }
}
