//! Writing a store as NDJSON.

use std::io::{self, Write};

use aws_lc_rs::digest::{Context, SHA256};
use domain::Passkeys;
use domain::model::audit::trail_of;
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::page::{Page, PageRequest, Position};
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::service::transfer::History;

use super::record::{Account, Counts, Credential, Header, Imported, Line, Manifest, User};

/// Rows of one read.
const PAGE: u32 = 200;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store.
    #[error("{}", .0.message)]
    Store(Refusal),
    /// The file.
    #[error("cannot write the export: {0}")]
    Write(#[from] io::Error),
    /// There is no such Relying Party.
    #[error("the store has no such Relying Party")]
    RelyingPartyUnknown,
}

impl From<Refusal> for ExportError {
    fn from(refusal: Refusal) -> Self {
        Self::Store(refusal)
    }
}

/// What to export.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Only this Relying Party.
    pub relying_party: Option<RelyingPartyId>,
    /// The audit trails too.
    pub history: bool,
}

/// Takes lines one by one.
pub trait Sink {
    /// Takes a line.
    ///
    /// # Errors
    /// It cannot be written.
    fn line(&mut self, line: &Line) -> io::Result<()>;
}

/// Writes lines and keeps their counts and their digest.
pub struct Lines<W> {
    out: W,
    digest: Context,
    counts: Counts,
}

impl<W: Write> Lines<W> {
    /// Lines to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            digest: Context::new(&SHA256),
            counts: Counts::default(),
        }
    }

    /// How many lines of each kind there are so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What of the lines so far goes into the manifest.
    pub fn manifest(&self, created: domain::model::clock::Timestamp) -> Manifest {
        Manifest {
            created: created.into(),
            counts: self.counts,
            sha256: hex::encode(self.digest.clone().finish()),
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// What was written does not reach its place.
    pub fn into_inner(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Sink for Lines<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.digest.update(&text);
        self.counts.count(line);
        self.out.write_all(&text)
    }
}

/// Writes all lines but the manifest.
///
/// # Errors
/// [`ExportError`].
pub async fn export(
    passkeys: &Passkeys,
    wanted: Wanted,
    to: &mut (dyn Sink + Send),
) -> Result<(), ExportError> {
    to.line(&Line::Header(Header::new()))?;
    let mut found = wanted.relying_party.is_none();
    let mut accounts = Pages::default();
    while let Some(page) = accounts.next() {
        let page = passkeys.list_accounts(page).await?;
        for account in accounts.rows(page, |account| (account.created, account.id.0)) {
            let line = Account {
                id: account.id,
                created: account.created.into(),
            };
            if let Some(rp) = wanted.relying_party {
                if let Some(rp) = own(passkeys, account.id, rp).await? {
                    found = true;
                    to.line(&Line::Account(line))?;
                    relying_party(passkeys, rp, wanted.history, to).await?;
                }
                continue;
            }
            to.line(&Line::Account(line))?;
            if wanted.history {
                trail(passkeys, trail_of(account.id), to).await?;
            }
            let mut parties = Pages::default();
            while let Some(page) = parties.next() {
                let page = passkeys.list_relying_parties(account.id, page).await?;
                for rp in parties.rows(page, |rp| (rp.created, rp.id.0)) {
                    relying_party(passkeys, rp, wanted.history, to).await?;
                }
            }
        }
    }
    if found {
        Ok(())
    } else {
        Err(ExportError::RelyingPartyUnknown)
    }
}

/// The Relying Party, if it is one of this account.
async fn own(
    passkeys: &Passkeys,
    account: AccountId,
    rp: RelyingPartyId,
) -> Result<Option<RelyingParty>, Refusal> {
    match passkeys.stored_relying_party(account, rp).await {
        Ok(rp) => Ok(Some(rp)),
        Err(refusal) if refusal.reason == domain::Reason::RelyingPartyUnknown => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

async fn relying_party(
    passkeys: &Passkeys,
    rp: RelyingParty,
    history: bool,
    to: &mut (dyn Sink + Send),
) -> Result<(), ExportError> {
    let id = rp.id;
    to.line(&Line::RelyingParty(Box::new(rp.into())))?;
    let mut users = Pages::default();
    while let Some(page) = users.next() {
        let page = passkeys.list_users(id, page).await?;
        for user in users.rows(page, |user| (user.created, user.id.0)) {
            let credentials = passkeys.credentials_with_evidence(&user).await?;
            to.line(&Line::User(User::from(user)))?;
            for (record, evidence) in credentials {
                let line = Credential::new(record, evidence);
                to.line(&Line::Credential(Box::new(line)))?;
            }
        }
    }
    for note in passkeys.brought_from_products(id).await? {
        if let Some(line) = Imported::of(note) {
            to.line(&Line::Imported(line))?;
        }
    }
    if history {
        trail(passkeys, id, to).await?;
    }
    Ok(())
}

/// The events of a Relying Party, or those of an account.
async fn trail(
    passkeys: &Passkeys,
    id: RelyingPartyId,
    to: &mut (dyn Sink + Send),
) -> Result<(), ExportError> {
    let mut at = History::default();
    loop {
        let events = passkeys.next_events(id, &mut at).await?;
        if events.is_empty() {
            return Ok(());
        }
        for event in events {
            to.line(&Line::Event(Box::new(event.into())))?;
        }
    }
}

/// A list, page by page.
struct Pages(Option<PageRequest>);

impl Default for Pages {
    fn default() -> Self {
        Self(Some(PageRequest::first(PAGE)))
    }
}

impl Pages {
    fn next(&mut self) -> Option<PageRequest> {
        self.0.take()
    }

    /// The rows of the page that was read, and the place where the next one begins.
    fn rows<T>(
        &mut self,
        page: Page<T>,
        position: impl Fn(&T) -> (domain::model::clock::Timestamp, [u8; 16]),
    ) -> Vec<T> {
        if let Some((created, key)) = page.items.last().map(position).filter(|_| page.more) {
            self.0 = Some(PageRequest {
                after: Some(Position { created, key }),
                ..PageRequest::first(PAGE)
            });
        }
        page.items
    }
}
