//! Ceremonies: begun, found by their challenge, and taken once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use domain::model::ceremony::{Authentication, Ceremony};
use domain::model::credential::CredentialRecord;
use domain::model::ids::{CeremonyId, RelyingPartyId, UserId};
use domain::model::page::{Order, Page, PageRequest};
use domain::model::user::User;
use domain::store::{
    AuthenticationFilter, Begin, BeginRegistration, Ceremonies, Fault, FinishAuthentication,
    FinishRegistration, FinishedAuthentication, FinishedRegistration, LoadedAuthentication,
    RefuseCeremony, Refused, Survival,
};
use rusqlite::Connection;
use webauthn::credential::CredentialId;

use super::pending::Ending;
use super::rows::{CeremonyRow, CredentialRow};
use super::writer::Durability;
use super::writes::{Claim, SignIn};
use super::{Embedded, Rows, reads, sql, writes};
use crate::images::id_hash;

#[async_trait]
impl Ceremonies for Embedded {
    async fn begin_registration(&self, begin: BeginRegistration<'_>) -> Result<Begin, Fault> {
        let row = CeremonyRow::registration(begin.ceremony)?;
        let (user, events) = (begin.new_user.cloned(), begin.events.to_vec());
        let displaced = begin.displaced.to_vec();
        let outcome = self
            .write(move |c| writes::begin_registration(c, &row, user.as_ref(), &displaced, &events))
            .await?;
        if outcome == Begin::Begun {
            let rp = begin.ceremony.relying_party;
            self.pending.displace(rp, begin.displaced);
        }
        Ok(outcome)
    }

    async fn begin_authentication(
        &self,
        ceremony: &Arc<Authentication>,
        displaced: &[CeremonyId],
        survival: Survival,
    ) -> Result<Begin, Fault> {
        let (rp, id, user) = (ceremony.relying_party, ceremony.id, ceremony.user);
        if self.pending.has_begun(rp, id) {
            return Ok(Begin::Begun);
        }
        let deletions = self.deletions.load(Ordering::Acquire);
        if !self.owners_are_there(rp, user)? {
            return Ok(Begin::UserGone);
        }
        let durability = match survival {
            Survival::Stop => Durability::Process,
            Survival::Crash => Durability::Power,
        };
        if survival == Survival::Crash || !self.pending.insert(ceremony) {
            let row = CeremonyRow::authentication(ceremony)?;
            let others = displaced.to_vec();
            let outcome = self
                .writer
                .run(durability, move |c| {
                    writes::begin_authentication(c, &row, &others)
                })
                .await?;
            if outcome == Begin::Begun {
                self.pending.displace(rp, displaced);
            }
            return Ok(outcome);
        }
        // A deletion that was committed since may have looked for what its owner had before this was there.
        if self.deletions.load(Ordering::Acquire) != deletions {
            let owned = self.owners_are_there(rp, user);
            if owned != Ok(true) {
                self.pending.remove(rp, id);
                return owned.map(|_| Begin::UserGone);
            }
        }
        let displaced = self.pending.displace(rp, displaced);
        if !displaced.is_empty() {
            self.writer
                .run(Durability::Process, move |c| {
                    writes::make_room(c, rp, &displaced)
                })
                .await?;
        }
        Ok(Begin::Begun)
    }

    async fn ceremony(
        &self,
        rp: RelyingPartyId,
        id: CeremonyId,
    ) -> Result<Option<Ceremony>, Fault> {
        let Some(waiting) = self.pending.get(rp, id) else {
            return self.points.read(|c| reads::ceremony(c, rp, id));
        };
        let owned = self.owners_are_there(rp, waiting.user)?;
        Ok(owned.then(|| Arc::unwrap_or_clone(waiting).into()))
    }

    async fn load_for_authentication(
        &self,
        rp: RelyingPartyId,
        ceremony: CeremonyId,
        credential: &CredentialId,
    ) -> Result<LoadedAuthentication, Fault> {
        let ceremony = if let Some(waiting) = self.pending.get(rp, ceremony) {
            let owned = self.owners_are_there(rp, waiting.user)?;
            owned.then_some(waiting)
        } else {
            let found = self.points.read(|c| reads::ceremony(c, rp, ceremony))?;
            found.and_then(Ceremony::authentication).map(Arc::new)
        };
        Ok(LoadedAuthentication {
            ceremony,
            credential: self.signer(rp, credential)?,
        })
    }

    async fn finish_registration(
        &self,
        finish: FinishRegistration<'_>,
    ) -> Result<FinishedRegistration, Fault> {
        let row = CredentialRow::new(finish.credential)?;
        let claim = Claim {
            attempt: finish.attempt,
            relying_party: row.record.relying_party,
            ceremony: row.record.key.into(),
            now: finish.now,
        };
        let (max, event) = (finish.max_credentials, finish.event.clone());
        let (rp, user) = (row.record.relying_party, row.record.user);
        let work = move |c: &Connection| writes::finish_registration(c, claim, &row, max, &event);
        self.write_user(rp, user, Rows::AsTheyAre, work).await
    }

    async fn finish_authentication(
        &self,
        finish: FinishAuthentication<'_>,
    ) -> Result<FinishedAuthentication, Fault> {
        let sign_in = SignIn::new(&finish);
        let ending = Ending::new(
            &self.pending,
            &self.records,
            finish.relying_party,
            finish.ceremony,
            finish.sealed,
        );
        let settled = Arc::clone(&ending);
        self.writer
            .run_decided(
                move |c| writes::finish_authentication(c, sign_in, &ending),
                move |what| settled.settle(what),
            )
            .await
    }

    async fn refuse_ceremony(&self, refuse: RefuseCeremony<'_>) -> Result<Refused, Fault> {
        let claim = Claim {
            attempt: refuse.attempt,
            relying_party: refuse.relying_party,
            ceremony: refuse.ceremony,
            now: refuse.now,
        };
        let (reason, failed, event) = (refuse.reason, refuse.failed_user, refuse.event.clone());
        let ending = Ending::new(
            &self.pending,
            &self.records,
            claim.relying_party,
            claim.ceremony,
            refuse.sealed,
        );
        let settled = Arc::clone(&ending);
        self.writer
            .run_decided(
                move |c| writes::refuse_ceremony(c, claim, reason, failed, &event, &ending),
                move |what| settled.settle(what),
            )
            .await
    }

    async fn list_authentications(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        filter: AuthenticationFilter,
        page: PageRequest,
    ) -> Result<Page<Authentication>, Fault> {
        let pending = Arc::clone(&self.pending);
        self.list(move |c| {
            // First those in memory: one that ends meanwhile is found twice and not nowhere.
            let waiting = pending.of_user(rp, user, page, |c| {
                let standing = filter.standing;
                standing.is_none_or(|standing| standing == c.standing(filter.now))
                    && (filter.credential.is_none() || filter.credential == c.credential)
            });
            // Of one moment: one that is not in the list, and in the table, is not to be in the list.
            let mut found = sql::snapshot(c, |c| {
                let mut found = reads::list_authentications(c, rp, user, &filter, page)?;
                if waiting.is_empty() || !reads::owners_are_there(c, rp, Some(user))? {
                    return Ok(found);
                }
                for ceremony in waiting {
                    if !found.items.iter().any(|c| c.id == ceremony.id)
                        && !reads::is_in_table(c, rp, ceremony.id)?
                    {
                        found.items.push(Arc::unwrap_or_clone(ceremony));
                    }
                }
                Ok(found)
            })?;
            found.items.sort_by_key(|c| (c.created, c.id));
            if page.order == Order::Descending {
                found.items.reverse();
            }
            found.more |= found.items.len() > page.limit as usize;
            found.items.truncate(page.limit as usize);
            Ok(found)
        })
        .await
    }
}

impl Embedded {
    /// The credential with this id, and its owner.
    fn signer(
        &self,
        rp: RelyingPartyId,
        credential: &CredentialId,
    ) -> Result<Option<Arc<(CredentialRecord, User)>>, Fault> {
        let hash = id_hash(credential);
        if let Some(signer) = self.records.signer(rp, hash) {
            // Two ids with one hash do not happen.
            return Ok((signer.0.id == *credential).then_some(signer));
        }
        let before = self.records.before();
        let found = self.read_signer(|c| reads::credential_by_id(c, rp, credential))?;
        let found = found.map(Arc::new);
        if let Some(signer) = &found {
            self.records.keep_signer(before, hash, signer);
        }
        Ok(found)
    }
}
