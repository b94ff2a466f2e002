//! One-time enrolment links: by such a link one user registers one new passkey, on a page of passkeyd.
//!
//! The link has a token of 256 random bits. The store has a keyed hash of it, which is the key of the record. Of a link that was used, the
//! use is noted before the response of the authenticator is verified, so a link never adds two passkeys. A registration that a link has
//! started knows its link, and no other call of any API ends it.

use std::sync::Arc;

use webauthn::error::Reason;
use webauthn::options::{ResidentKey, UserVerification};
use webauthn::origin::Origin;
use webauthn::response::RegistrationResponse;

use crate::model::audit::{Actor, AuditEvent, AuditKind};
use crate::model::console::{ConsoleKind, ConsoleRecord, EnrolmentLink, Role, Token};
use crate::model::ids::{CeremonyId, EnrolmentId, RelyingPartyId, TokenId, UserId};
use crate::model::page::{Order, PageRequest};
use crate::model::policy::{Attachment, PartialSelection};
use crate::model::refusal::Refusal;
use crate::model::user::User;
use crate::service::Passkeys;
use crate::service::ceremony::Terms;
use crate::service::prepared::Prepared;
use crate::service::registration::{RegisteredCredential, StartRegistration, StartedRegistration};

/// How long a link works if nobody says it, in milliseconds: a day.
pub const LINK_MS: i64 = 86_400_000;
/// The shortest time for which a link works, in milliseconds: a minute.
pub const SHORTEST_LINK_MS: i64 = 60_000;
/// The longest time for which a link works, in milliseconds: a week.
pub const LONGEST_LINK_MS: i64 = 7 * LINK_MS;
/// An administrator who makes links has this role at least.
const LINKS_ARE_FROM: Role = Role::Operator;
/// Of so many of the latest links of a user it is looked whether they still work.
const LATEST: u32 = 100;
/// The name of a passkey that is registered by a link.
const NAME: &str = "Passkey";

/// Why a link does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnrolmentRefusal {
    /// As any other use case refuses.
    Domain(Refusal),
    /// There is no such link: it was never made, it was revoked or replaced, its user or Service was deleted, or the administrator who made it
    /// may no longer make one.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was used.
    Used,
}

impl<R: Into<Refusal>> From<R> for EnrolmentRefusal {
    fn from(refusal: R) -> Self {
        Self::Domain(refusal.into())
    }
}

/// A link that works, and for whom.
#[derive(Clone)]
pub struct OpenLink {
    /// The link.
    pub link: EnrolmentLink,
    /// The Relying Party of the user.
    pub relying_party: Arc<Prepared>,
    /// The user.
    pub user: User,
}

impl Passkeys {
    fn enrolment_of(&self, token: &Token) -> EnrolmentId {
        let hash = self
            .answer_key
            .image(b"enrolment link", &[token.reveal().as_bytes()]);
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        EnrolmentId(key)
    }

    fn of_link(
        &self,
        kind: AuditKind,
        (link, user): (&EnrolmentLink, &User),
        by: &Actor,
    ) -> AuditEvent {
        AuditEvent::new(self.draw(), kind, link.relying_party, self.now(), by)
            .of(user)
            .target("enrolment_link", &link.id.to_hex(), None)
    }

    /// Makes a link for a user. `origin` is that of the page; it must be one of the Relying Party. The token is returned here only.
    ///
    /// The user's links that still work are revoked before: each user has one, and nobody has to remember which of several are about.
    ///
    /// # Errors
    /// `relying_party_incomplete` without an RP ID; `origin_not_allowed` when the page is at no origin of the Relying Party.
    pub async fn create_enrolment_link(
        &self,
        rp: &Prepared,
        user: &User,
        origin: &Origin,
        lifetime_ms: i64,
        by: &Actor,
    ) -> Result<(EnrolmentLink, Token), Refusal> {
        if rp.selection.rp_id.is_none() {
            return Err(Refusal::new(
                Reason::RelyingPartyIncomplete,
                "this Service has no RP ID yet: set its RP ID and its origins",
            )
            .with_members(vec!["rp_id"]));
        }
        if !rp
            .selection
            .origins
            .iter()
            .flatten()
            .any(|own| own == origin)
        {
            return Err(Refusal::new(
                Reason::OriginNotAllowed,
                format!(
                    "the page of these links is at {origin}, which is not an origin of this Service: add it to the origins, or serve \
                     passkeyd at one of them"
                ),
            ));
        }
        self.console_party().await?;
        for earlier in self.enrolment_links(rp.id, user.id).await? {
            self.revoke(&earlier, user, by).await?;
        }
        let token = Token::random(&*self.randomness);
        let now = self.now();
        let standing = by.standing.map(|(standing, _)| standing);
        let link = EnrolmentLink {
            id: self.enrolment_of(&token),
            relying_party: rp.id,
            user: user.id,
            by: standing.map(|standing| standing.administrator),
            generation: standing.map_or(0, |standing| standing.generation),
            passkey: standing.and_then(|standing| standing.passkey),
            created: now,
            expires: now.plus_millis(lifetime_ms.clamp(SHORTEST_LINK_MS, LONGEST_LINK_MS)),
        };
        let event = self.of_link(AuditKind::EnrolmentLinkCreated, (&link, user), by);
        let record = ConsoleRecord::Enrolment(link.clone());
        if self.storage.create_console_record(&record, &event).await? {
            Ok((link, token))
        } else {
            Err(Reason::StoreUnavailable.into())
        }
    }

    /// The links of a user that still work, the earliest first: one, or as many as were made at the same moment.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn enrolment_links(
        &self,
        rp: RelyingPartyId,
        user: UserId,
    ) -> Result<Vec<EnrolmentLink>, Refusal> {
        let now = self.now();
        // Those that still work are the latest: a new one revokes the others.
        let latest = PageRequest {
            after: None,
            limit: LATEST,
            order: Order::Descending,
        };
        let owner = Some(EnrolmentLink::owner(rp, user));
        let kind = ConsoleKind::Enrolment;
        let records = self.storage.list_console_records(kind, owner, latest);
        let records = records.await?.items.into_iter().rev();
        let mut open = Vec::new();
        for link in records.filter_map(ConsoleRecord::enrolment) {
            if now < link.expires
                && !self.is_claimed(rp, TokenId(link.id.0)).await?
                && self.still_may(link.made_by(), LINKS_ARE_FROM).await?
            {
                open.push(link);
            }
        }
        Ok(open)
    }

    /// Revokes a link; `false` when there is none with this key for this user.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn revoke_enrolment_link(
        &self,
        user: &User,
        id: EnrolmentId,
        by: &Actor,
    ) -> Result<bool, Refusal> {
        let found = self.console_record(ConsoleKind::Enrolment, id.0).await?;
        let link = found.and_then(ConsoleRecord::enrolment);
        let theirs =
            |link: &EnrolmentLink| (link.relying_party, link.user) == (user.relying_party, user.id);
        let Some(link) = link.filter(theirs) else {
            return Ok(false);
        };
        self.revoke(&link, user, by).await
    }

    async fn revoke(&self, link: &EnrolmentLink, user: &User, by: &Actor) -> Result<bool, Refusal> {
        let event = self.of_link(AuditKind::EnrolmentLinkRevoked, (link, user), by);
        let (kind, key) = (ConsoleKind::Enrolment, link.id.0);
        let deleted = self.storage.delete_console_record(kind, key, &event);
        Ok(deleted.await?)
    }

    /// The link with this token, if it works.
    ///
    /// # Errors
    /// [`EnrolmentRefusal`].
    pub async fn open_enrolment(&self, token: &Token) -> Result<OpenLink, EnrolmentRefusal> {
        let id = self.enrolment_of(token);
        let found = self.console_record(ConsoleKind::Enrolment, id.0).await?;
        let Some(link) = found.and_then(ConsoleRecord::enrolment) else {
            return Err(EnrolmentRefusal::Unknown);
        };
        if self
            .is_claimed(link.relying_party, TokenId(link.id.0))
            .await?
        {
            return Err(EnrolmentRefusal::Used);
        }
        if self.now() >= link.expires {
            return Err(EnrolmentRefusal::Expired);
        }
        if !self.still_may(link.made_by(), LINKS_ARE_FROM).await? {
            return Err(EnrolmentRefusal::Unknown);
        }
        let gone = |refusal: Refusal| match refusal.reason {
            Reason::RelyingPartyUnknown | Reason::UserUnknown => EnrolmentRefusal::Unknown,
            _ => refusal.into(),
        };
        let relying_party = self.relying_party_itself(link.relying_party).await;
        let relying_party = relying_party.map_err(gone)?;
        let user = self.user(link.relying_party, link.user).await;
        let user = user.map_err(gone)?;
        Ok(OpenLink {
            link,
            relying_party,
            user,
        })
    }

    /// Starts a registration by a link. The response must come from a page of this origin.
    ///
    /// # Errors
    /// [`EnrolmentRefusal`]; those of [`start_registration`](Self::start_registration).
    pub async fn start_enrolment(
        &self,
        token: &Token,
        origin: &Origin,
        by: &Actor,
    ) -> Result<StartedRegistration, EnrolmentRefusal> {
        let OpenLink {
            link,
            relying_party: rp,
            user,
        } = self.open_enrolment(token).await?;
        let own = &rp.selection;
        let asked = PartialSelection {
            origins: Some(vec![origin.clone()]),
            attachment: own.attachment.or(Some(Attachment::Any)),
            resident_key: own.resident_key.or(Some(ResidentKey::Preferred)),
            user_verification: own.user_verification.or(Some(UserVerification::Preferred)),
            ..PartialSelection::default()
        };
        let start = StartRegistration {
            enrolment: Some(link.id),
            ..StartRegistration::new(user.id, NAME, &asked, Terms::new(by.clone()))
        };
        Ok(self.start_registration(&rp, start).await?)
    }

    /// Verifies the response to a registration by a link. The link is used up before, whatever comes of it.
    ///
    /// # Errors
    /// [`EnrolmentRefusal`]; those of [`finish_registration`](Self::finish_registration).
    pub async fn finish_enrolment(
        &self,
        token: &Token,
        response: &RegistrationResponse,
        by: &Actor,
    ) -> Result<RegisteredCredential, EnrolmentRefusal> {
        let OpenLink { link, .. } = self.open_enrolment(token).await?;
        let rp = link.relying_party;
        let ceremony = CeremonyId::of_challenge(&response.client_data().challenge);
        let ceremony = self.ceremony(rp, ceremony).await?;
        // A registration that another link or a back end has started does not use up this link.
        if ceremony.registration().and_then(|c| c.asked.enrolment) != Some(link.id) {
            return Err(Reason::CeremonyNotFound.into());
        }
        // The note must be there as long as the record is.
        let until = link.expires.plus_millis(LONGEST_LINK_MS);
        if !self.claim_once(rp, TokenId(link.id.0), until).await? {
            return Err(EnrolmentRefusal::Used);
        }
        let finished = self.finish_registration_by_link(rp, response, link.id, by);
        Ok(finished.await?)
    }
}
