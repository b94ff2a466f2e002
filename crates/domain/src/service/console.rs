//! Who may use the console: invites, administrators, and their sessions.
//!
//! An administrator is a user of [`CONSOLE_PARTY`] and signs in with a passkey, by the same ceremonies and the same verifier as all other
//! users. The RP ID and the origin of these ceremonies come from the caller: they are those of the console's own address.

mod administrators;
mod passkeys;

use std::sync::Arc;

use webauthn::error::Reason;
use webauthn::options::{ResidentKey, UserVerification};
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;
use webauthn::response::{AuthenticationResponse, RegistrationResponse};

use crate::model::audit::{Actor, AuditEvent, AuditKind};
use crate::model::ceremony::Authentication;
use crate::model::console::{
    Administrator, CONSOLE_ACCOUNT, CONSOLE_PARTY, ConsoleKind, ConsoleRecord, Invite, Role,
    Session, Standing, Token,
};
use crate::model::ids::{CeremonyId, CredentialKey, EventId, InviteId, SessionId, UserId};
use crate::model::page::PageRequest;
use crate::model::policy::{Attachment, PartialSelection, Policy};
use crate::model::refusal::Refusal;
use crate::model::relying_party::RelyingParty;
use crate::model::settings::WireSettings;
use crate::model::text::is_control;
use crate::model::user::UserRef;
use crate::service::Passkeys;
use crate::service::authentication::{StartAuthentication, Who};
use crate::service::ceremony::Terms;
use crate::service::prepared::Prepared;
use crate::service::registration::{StartRegistration, StartedRegistration};

/// How long an invite works, in milliseconds: a day.
pub const INVITE_MS: i64 = 86_400_000;
/// How long a session lasts at most, in milliseconds: twelve hours.
pub const SESSION_MS: i64 = 12 * 3_600_000;
/// How long a session lasts that is not used, in milliseconds: half an hour.
pub const IDLE_MS: i64 = 30 * 60_000;
/// The use of a session is written at most this often, in milliseconds.
const SEEN_MS: i64 = 60_000;
/// Most administrators, invites or sessions that one list shows.
pub const MOST: u32 = 1000;
/// Most sessions of one administrator. The next sign-in ends the earliest one, so that no list of them is longer than a page shows.
pub const MOST_SESSIONS: usize = 100;
/// Most invites. The next one revokes the earliest one.
pub const MOST_INVITES: usize = 200;
/// Longest name of an administrator, in bytes. Authenticators may cut off longer ones (WebAuthn L3 5.4.1).
pub const MAX_NAME: usize = 64;
/// The name that authenticators show for the console.
const NAME: &str = "passkeyd console";

/// Why something is not done in the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleRefusal {
    /// As any other use case refuses.
    Domain(Refusal),
    /// The invite does not exist, was used, was revoked, or has expired.
    InviteUnknown,
    /// The name is empty, too long, or has control characters.
    NameInvalid,
    /// There is no such administrator, invite or session.
    Unknown,
    /// It would leave the console without an owner.
    LastOwner,
    /// It would leave an administrator without a passkey.
    LastPasskey,
    /// The session of the caller has ended meanwhile.
    SignedOut,
    /// The caller no longer has this role.
    RoleLost(Role),
    /// The role that is to be changed is not the one that the caller has seen.
    RoleChanged,
}

impl<R: Into<Refusal>> From<R> for ConsoleRefusal {
    fn from(refusal: R) -> Self {
        Self::Domain(refusal.into())
    }
}

/// Where the console is: what its ceremonies are bound to.
#[derive(Clone, Debug)]
pub struct ConsolePlace(PartialSelection);

impl ConsolePlace {
    /// The console at this origin.
    pub fn new(rp_id: RpId, origin: Origin) -> Self {
        Self(PartialSelection {
            rp_id: Some(rp_id),
            rp_name: Some(NAME.to_owned()),
            origins: Some(vec![origin]),
            attachment: Some(Attachment::Any),
            resident_key: Some(ResidentKey::Required),
            user_verification: Some(UserVerification::Required),
        })
    }
}

/// An administrator with the session that a request belongs to.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who.
    pub administrator: Administrator,
    /// In which session.
    pub session: Session,
}

impl Visitor {
    /// By which right this visitor does something.
    pub fn standing(&self) -> Standing {
        Standing {
            administrator: self.administrator.id,
            generation: self.administrator.generation,
            passkey: self.session.passkey,
        }
    }
}

/// A name as it is kept.
fn named(name: &str) -> Result<String, ConsoleRefusal> {
    let name = name.trim();
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(is_control) {
        return Err(ConsoleRefusal::NameInvalid);
    }
    Ok(name.to_owned())
}

/// What is not there any more has ended meanwhile.
fn ended(done: Result<(), ConsoleRefusal>) -> Result<(), ConsoleRefusal> {
    match done {
        Err(ConsoleRefusal::Unknown) => Ok(()),
        done => done,
    }
}

impl Passkeys {
    /// The console's Relying Party. It is made at its first use.
    pub(super) async fn console_party(&self) -> Result<Arc<Prepared>, Refusal> {
        match self.any_relying_party(CONSOLE_PARTY).await {
            Err(refusal) if refusal.reason == Reason::RelyingPartyUnknown => {
                let now = self.now();
                let rp = RelyingParty {
                    id: CONSOLE_PARTY,
                    account: CONSOLE_ACCOUNT,
                    name: NAME.to_owned(),
                    // Without an RP ID and origins no wire finds it by them.
                    selection: PartialSelection::default(),
                    policy: Policy {
                        user_verification_required: true,
                        ..Policy::default()
                    },
                    settings: WireSettings::default(),
                    version: 1,
                    created: now,
                    updated: now,
                };
                self.storage.keep_console_party(&rp).await?;
                self.relying_parties.forget(&CONSOLE_PARTY);
                self.any_relying_party(CONSOLE_PARTY).await
            }
            found => found,
        }
    }

    fn console_event(&self, kind: AuditKind, by: &Actor) -> AuditEvent {
        AuditEvent::new(
            EventId::random(&*self.randomness),
            kind,
            CONSOLE_PARTY,
            self.now(),
            by,
        )
    }

    pub(super) async fn console_record(
        &self,
        kind: ConsoleKind,
        key: [u8; 16],
    ) -> Result<Option<ConsoleRecord>, Refusal> {
        Ok(self.storage.console_record(kind, key).await?)
    }

    pub(super) async fn console_records(
        &self,
        kind: ConsoleKind,
        owner: Option<[u8; 16]>,
    ) -> Result<Vec<ConsoleRecord>, Refusal> {
        let page = PageRequest::first(MOST);
        let page = self.storage.list_console_records(kind, owner, page);
        Ok(page.await?.items)
    }

    /// Whether anybody may use the console.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn has_administrators(&self) -> Result<bool, Refusal> {
        let page = PageRequest::first(1);
        let kind = ConsoleKind::Administrator;
        let page = self.storage.list_console_records(kind, None, page);
        Ok(!page.await?.items.is_empty())
    }

    /// Administrators, the earliest first: at most [`MOST`].
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn administrators(&self) -> Result<Vec<Administrator>, Refusal> {
        let records = self
            .console_records(ConsoleKind::Administrator, None)
            .await?;
        let records = records.into_iter();
        Ok(records.filter_map(ConsoleRecord::administrator).collect())
    }

    /// The administrator with this key.
    ///
    /// # Errors
    /// [`ConsoleRefusal::Unknown`].
    pub async fn administrator(&self, id: UserId) -> Result<Administrator, ConsoleRefusal> {
        let found = self.console_record(ConsoleKind::Administrator, id.0);
        let found = found.await?.and_then(ConsoleRecord::administrator);
        found.ok_or(ConsoleRefusal::Unknown)
    }

    // ---- invites --------------------------------------------------------------------------------

    /// Invites somebody. The token is returned here only.
    ///
    /// # Errors
    /// [`ConsoleRefusal::NameInvalid`]; faults of the store.
    pub async fn invite_administrator(
        &self,
        name: &str,
        role: Role,
        by: &Actor,
    ) -> Result<(Invite, Token), ConsoleRefusal> {
        self.invite(named(name)?, role, None, by).await
    }

    /// Invites the first owner. The invite ends as soon as there is any administrator. The token is returned here only.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn invite_first_owner(&self, by: &Actor) -> Result<(Invite, Token), ConsoleRefusal> {
        let token = Token::random(&*self.randomness);
        let invite = Invite {
            first: true,
            ..self.invite_of("Owner".to_owned(), Role::Owner, None, (&token, by))
        };
        self.keep_invite(invite, token, by).await
    }

    /// Lets an administrator add a passkey, by this invite and no longer by earlier ones. The token is returned here only.
    ///
    /// # Errors
    /// [`ConsoleRefusal::Unknown`]; faults of the store.
    pub async fn invite_passkey(
        &self,
        of: UserId,
        by: &Actor,
    ) -> Result<(Invite, Token), ConsoleRefusal> {
        let of = self.administrator(of).await?;
        let earlier = self.console_records(ConsoleKind::Invite, Some(of.id.0));
        for invite in earlier.await?.into_iter().filter_map(ConsoleRecord::invite) {
            ended(self.revoke_invite(invite.id, by).await)?;
        }
        self.invite(of.name, of.role, Some(of.id), by).await
    }

    async fn invite(
        &self,
        name: String,
        role: Role,
        administrator: Option<UserId>,
        by: &Actor,
    ) -> Result<(Invite, Token), ConsoleRefusal> {
        let token = Token::random(&*self.randomness);
        let invite = self.invite_of(name, role, administrator, (&token, by));
        self.keep_invite(invite, token, by).await
    }

    fn invite_of(
        &self,
        name: String,
        role: Role,
        administrator: Option<UserId>,
        (token, by): (&Token, &Actor),
    ) -> Invite {
        let now = self.now();
        let standing = by.standing.map(|(standing, _)| standing);
        Invite {
            id: token.invite(),
            role,
            name,
            administrator,
            by: standing.map(|standing| standing.administrator),
            generation: standing.map_or(0, |standing| standing.generation),
            passkey: standing.and_then(|standing| standing.passkey),
            first: false,
            created: now,
            expires: now.plus_millis(INVITE_MS),
        }
    }

    async fn keep_invite(
        &self,
        invite: Invite,
        token: Token,
        by: &Actor,
    ) -> Result<(Invite, Token), ConsoleRefusal> {
        self.console_party().await?;
        self.make_room((ConsoleKind::Invite, None), MOST_INVITES, by)
            .await?;
        let mut event = self.console_event(AuditKind::AdministratorInvited, by);
        event.user = invite.administrator;
        let mut event = event.user_name(&invite.name);
        if invite.administrator.is_none() {
            event = event.change("role", None, Some(invite.role.name()));
        }
        let record = ConsoleRecord::Invite(invite.clone());
        let created = self.storage.create_console_record(&record, &event).await;
        if created.map_err(Refusal::from)? {
            Ok((invite, token))
        } else {
            Err(ConsoleRefusal::Unknown)
        }
    }

    /// Invites that still work, the earliest first: at most [`MOST`].
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn invites(&self) -> Result<Vec<Invite>, Refusal> {
        let now = self.now();
        let records = self.console_records(ConsoleKind::Invite, None).await?;
        let mut invites = Vec::new();
        for invite in records.into_iter().filter_map(ConsoleRecord::invite) {
            if now < invite.expires && self.is_backed(&invite).await? {
                invites.push(invite);
            }
        }
        Ok(invites)
    }

    /// Whether the right by which something was made still lasts: the administrator has the role of then, which is this one at least, and
    /// the passkey of then. What was made on the command line or by a back end was made by no administrator, and needs none.
    pub(super) async fn still_may(
        &self,
        standing: Option<Standing>,
        least: Role,
    ) -> Result<bool, Refusal> {
        let Some(standing) = standing else {
            return Ok(true);
        };
        let found = self.console_record(ConsoleKind::Administrator, standing.administrator.0);
        let found = found.await?.and_then(ConsoleRecord::administrator);
        let may = found.is_some_and(|administrator| {
            administrator.role >= least && administrator.generation == standing.generation
        });
        Ok(may
            && self
                .is_passkey_of(standing.administrator, standing.passkey)
                .await?)
    }

    /// Whether the person who made an invite may still make it: everyone for oneself, and owners for others. That of the first start is for the
    /// first administrator alone.
    async fn is_backed(&self, invite: &Invite) -> Result<bool, Refusal> {
        if invite.first && self.has_administrators().await? {
            return Ok(false);
        }
        let own = invite.by == invite.administrator;
        let least = if own { Role::Support } else { Role::Owner };
        self.still_may(invite.made_by(), least).await
    }

    /// The invite with this token, if it still works.
    ///
    /// # Errors
    /// [`ConsoleRefusal::InviteUnknown`].
    pub async fn open_invite(&self, token: &Token) -> Result<Invite, ConsoleRefusal> {
        let found = self.console_record(ConsoleKind::Invite, token.invite().0);
        let found = found.await?.and_then(ConsoleRecord::invite);
        match found {
            Some(invite) if self.now() < invite.expires && self.is_backed(&invite).await? => {
                Ok(invite)
            }
            _ => Err(ConsoleRefusal::InviteUnknown),
        }
    }

    /// Revokes an invite.
    ///
    /// # Errors
    /// [`ConsoleRefusal::Unknown`].
    pub async fn revoke_invite(&self, id: InviteId, by: &Actor) -> Result<(), ConsoleRefusal> {
        let kind = AuditKind::InviteRevoked;
        self.remove_console_record(ConsoleKind::Invite, id.0, kind, by)
            .await
    }

    /// Removes the earliest records of a list, so that it has room for one more.
    async fn make_room(
        &self,
        (kind, owner): (ConsoleKind, Option<[u8; 16]>),
        most: usize,
        by: &Actor,
    ) -> Result<(), ConsoleRefusal> {
        let records = self.console_records(kind, owner).await?;
        let too_many = (records.len() + 1).saturating_sub(most);
        let ends = match kind {
            ConsoleKind::Session => AuditKind::SessionEnded,
            _ => AuditKind::InviteRevoked,
        };
        for record in records.into_iter().take(too_many) {
            let removed = self.remove_console_record(kind, record.key(), ends, by);
            ended(removed.await)?;
        }
        Ok(())
    }

    async fn remove_console_record(
        &self,
        of: ConsoleKind,
        key: [u8; 16],
        kind: AuditKind,
        by: &Actor,
    ) -> Result<(), ConsoleRefusal> {
        let Some(record) = self.console_record(of, key).await? else {
            return Err(ConsoleRefusal::Unknown);
        };
        let mut event = self.console_event(kind, by);
        (event.user, event.user_name) = match record {
            ConsoleRecord::Administrator(record) => (Some(record.id), Some(record.name)),
            ConsoleRecord::Invite(record) => (record.administrator, Some(record.name)),
            ConsoleRecord::Session(record) => (Some(record.administrator), None),
            ConsoleRecord::Enrolment(record) => (Some(record.user), None),
        };
        let removed = self.storage.delete_console_record(of, key, &event).await;
        if removed.map_err(Refusal::from)? {
            Ok(())
        } else {
            Err(ConsoleRefusal::Unknown)
        }
    }

    /// Starts the registration of a passkey by an invite. Each start of a new administrator has a user of its own: two who hold one invite
    /// never share a user.
    ///
    /// # Errors
    /// [`ConsoleRefusal::InviteUnknown`], [`ConsoleRefusal::NameInvalid`]; those of
    /// [`start_registration`](Self::start_registration).
    pub async fn start_invited_registration(
        &self,
        token: &Token,
        name: &str,
        place: &ConsolePlace,
        by: &Actor,
    ) -> Result<StartedRegistration, ConsoleRefusal> {
        let invite = self.open_invite(token).await?;
        let shown = match invite.administrator {
            Some(_) => invite.name.clone(),
            None => named(name)?,
        };
        let new = format!("{}{}", invite.id, EventId::random(&*self.randomness));
        let user = match invite.administrator {
            Some(id) => UserRef::Id(id),
            None => UserRef::Name(&new),
        };
        let rp = self.console_party().await?;
        let mut start = StartRegistration::new(user, &shown, &place.0, Terms::new(by.clone()));
        start.account_name = Some(&shown);
        start.display_name = Some(&shown);
        Ok(self.start_registration(&rp, start).await?)
    }

    /// Judges the response to the registration of an invite, lets the administrator in, and begins a session. Its token is returned here
    /// only.
    ///
    /// An invite by which an administrator adds a passkey is used up before the response is judged, so that it never adds two.
    ///
    /// # Errors
    /// [`ConsoleRefusal::InviteUnknown`], [`ConsoleRefusal::NameInvalid`]; those of
    /// [`finish_registration`](Self::finish_registration).
    pub async fn finish_invited_registration(
        &self,
        token: &Token,
        name: &str,
        response: &RegistrationResponse,
        by: &Actor,
    ) -> Result<(Administrator, Token), ConsoleRefusal> {
        // Nobody loses the right to make this invite while it is used.
        let _turn = self.administrators.lock().await;
        let invite = self.open_invite(token).await?;
        let ceremony = CeremonyId::of_challenge(&response.client_data().challenge);
        let ceremony = self.ceremony(CONSOLE_PARTY, ceremony).await?;
        let Some(user) = ceremony.registration().map(|ceremony| ceremony.user) else {
            return Err(Reason::CeremonyNotFound.into());
        };
        let (administrator, registered);
        if let Some(id) = invite.administrator {
            if user != id {
                return Err(Reason::CeremonyNotFound.into());
            }
            administrator = self.administrator(id).await?;
            self.accept(&invite, &administrator, by).await?;
            registered = self
                .finish_registration(CONSOLE_PARTY, response, None, by)
                .await?;
        } else {
            let own = self.user(CONSOLE_PARTY, user).await?;
            if !own.name.starts_with(&invite.id.to_hex()) {
                // It was started by another invite.
                return Err(Reason::CeremonyNotFound.into());
            }
            administrator = Administrator::new(user, named(name)?, invite.role, self.now());
            registered = self
                .finish_registration(CONSOLE_PARTY, response, None, by)
                .await?;
            self.accept(&invite, &administrator, by).await?;
        }
        let session = self.begin_session(&administrator, registered.record.key, by);
        Ok((administrator.clone(), session.await?))
    }

    async fn accept(
        &self,
        invite: &Invite,
        administrator: &Administrator,
        by: &Actor,
    ) -> Result<(), ConsoleRefusal> {
        let event = self
            .console_event(AuditKind::InviteAccepted, by)
            .user(administrator.id)
            .user_name(&administrator.name);
        let accepted = self.storage.accept_invite(invite.id, administrator, &event);
        if accepted.await.map_err(Refusal::from)? {
            Ok(())
        } else {
            Err(ConsoleRefusal::InviteUnknown)
        }
    }

    // ---- sign-in --------------------------------------------------------------------------------

    /// Starts a sign-in to the console.
    ///
    /// # Errors
    /// Those of [`start_authentication`](Self::start_authentication).
    pub async fn start_console_sign_in(
        &self,
        place: &ConsolePlace,
        by: &Actor,
    ) -> Result<Arc<Authentication>, Refusal> {
        let rp = self.console_party().await?;
        let mut start = StartAuthentication::new(Who::Anyone, Terms::new(by.clone()));
        start.selection = Some(&place.0);
        self.start_authentication(&rp, start).await
    }

    /// Judges the response to a sign-in, and begins a session. Its token is returned here only.
    ///
    /// # Errors
    /// Those of [`finish_authentication`](Self::finish_authentication); `access_denied` for one who is no administrator any more.
    pub async fn finish_console_sign_in(
        &self,
        response: &AuthenticationResponse,
        by: &Actor,
    ) -> Result<(Administrator, Token), ConsoleRefusal> {
        self.console_party().await?;
        let signed_in = self
            .finish_authentication(CONSOLE_PARTY, response, by)
            .await?;
        let Ok(administrator) = self.administrator(signed_in.user.id).await else {
            return Err(Reason::AccessDenied.into());
        };
        let token = self.begin_session(&administrator, signed_in.credential, by);
        let token = token.await?;
        Ok((administrator, token))
    }

    /// Begins a session of an administrator who has just proved with this passkey who they are.
    async fn begin_session(
        &self,
        of: &Administrator,
        passkey: CredentialKey,
        by: &Actor,
    ) -> Result<Token, ConsoleRefusal> {
        let sessions = (ConsoleKind::Session, Some(of.id.0));
        self.make_room(sessions, MOST_SESSIONS, by).await?;
        let token = Token::random(&*self.randomness);
        let now = self.now();
        let session = Session {
            id: token.session(),
            administrator: of.id,
            created: now,
            seen: now,
            expires: now.plus_millis(SESSION_MS),
            user_agent: by.user_agent().map(str::to_owned),
            passkey: Some(passkey),
        };
        let event = self
            .console_event(AuditKind::SessionStarted, by)
            .user(of.id)
            .user_name(&of.name);
        let record = ConsoleRecord::Session(session);
        let created = self.storage.create_console_record(&record, &event).await;
        if created.map_err(Refusal::from)? {
            Ok(token)
        } else {
            Err(Reason::AccessDenied.into())
        }
    }

    /// Whether a session goes on: it has not ended by itself, and the passkey that began it is still one of this administrator.
    async fn lasts(&self, session: &Session) -> Result<bool, Refusal> {
        let now = self.now();
        if now >= session.expires || now >= session.seen.plus_millis(IDLE_MS) {
            return Ok(false);
        }
        self.is_passkey_of(session.administrator, session.passkey)
            .await
    }

    /// The session with this key and its administrator, if it goes on.
    async fn signed_in(&self, session: SessionId) -> Result<Option<Visitor>, Refusal> {
        let found = self.console_record(ConsoleKind::Session, session.0);
        let Some(session) = found.await?.and_then(ConsoleRecord::session) else {
            return Ok(None);
        };
        if !self.lasts(&session).await? {
            return Ok(None);
        }
        let found = self.console_record(ConsoleKind::Administrator, session.administrator.0);
        let administrator = found.await?.and_then(ConsoleRecord::administrator);
        Ok(administrator.map(|administrator| Visitor {
            administrator,
            session,
        }))
    }

    /// The administrator whose session has this token, if it has not ended. The use is noted.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn visitor(&self, token: &Token) -> Result<Option<Visitor>, Refusal> {
        let mut found = self.signed_in(token.session()).await?;
        if let Some(Visitor { session, .. }) = &mut found
            && self.now() >= session.seen.plus_millis(SEEN_MS)
        {
            session.seen = self.now();
            self.storage.see_session(session).await?;
        }
        Ok(found)
    }

    /// Sees whether the one who calls is still signed in, with this role at least. A change of administrators asks it in its turn: the one
    /// who calls may have lost the right in the turn before.
    ///
    /// # Errors
    /// [`ConsoleRefusal::SignedOut`], [`ConsoleRefusal::RoleLost`]; faults of the store.
    async fn must_still_be(&self, by: &Actor, least: Role) -> Result<(), ConsoleRefusal> {
        let Some((_, session)) = by.standing else {
            // The command line.
            return Ok(());
        };
        match self.signed_in(session).await? {
            None => Err(ConsoleRefusal::SignedOut),
            Some(visitor) if visitor.administrator.role < least => {
                Err(ConsoleRefusal::RoleLost(least))
            }
            Some(_) => Ok(()),
        }
    }

    /// Sessions of an administrator that have not ended, the earliest first: at most [`MOST`].
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn sessions(&self, of: UserId) -> Result<Vec<Session>, Refusal> {
        let records = self
            .console_records(ConsoleKind::Session, Some(of.0))
            .await?;
        let mut sessions = Vec::new();
        for session in records.into_iter().filter_map(ConsoleRecord::session) {
            if self.lasts(&session).await? {
                sessions.push(session);
            }
        }
        Ok(sessions)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`ConsoleRefusal::Unknown`].
    pub async fn end_session(&self, id: SessionId, by: &Actor) -> Result<(), ConsoleRefusal> {
        let kind = AuditKind::SessionEnded;
        self.remove_console_record(ConsoleKind::Session, id.0, kind, by)
            .await
    }
}
