//! Services (Relying Parties): all of them, and the settings of one.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use domain::Reason;
use domain::model::account::Account;
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::page::{Order, PageRequest};
use domain::model::policy::{Attachment, PartialSelection};
use domain::model::reach::ReachWarning;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::model::settings::WireSettings;
use domain::webauthn::options::{ResidentKey, UserVerification};
use domain::webauthn::origin::Origin;
use domain::webauthn::relying_party::RpId;

use super::failure::Failure;
use super::merge::{self, Field};
use super::page::{self, Frame};
use super::visit::Visit;
use super::words;
use super::wrong::Wrong;
use crate::http::name::NameRule;

/// Most rows of a list.
pub(super) const ROWS: u32 = 50;
/// Most accounts that are offered.
const ACCOUNTS: u32 = 200;
/// Names for people.
pub(super) const NAME: NameRule = NameRule::characters(1, 128);
/// The message for another one.
pub(super) const NAME_WRONG: &str =
    "Enter a name of 1 to 128 characters without control characters.";
/// The message for a choice that was not offered.
pub(super) const NOT_OFFERED: &str = "Choose one of the list.";
/// Most characters of a wrong origin that its message repeats.
const MOST_SHOWN: usize = 100;
/// Most origins of a Service.
const MOST_ORIGINS: usize = 100;
/// How often a form is saved while others change the same Service.
pub(super) const TRIES: u32 = 20;

#[derive(Template)]
#[template(path = "console/services.html")]
struct ServicesPage {
    frame: Frame,
    accounts: Vec<Account>,
    account: Option<AccountId>,
    services: Vec<RelyingParty>,
    next: Option<String>,
}

/// What somebody has typed, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) rp_id: String,
    pub(super) rp_name: String,
    pub(super) origins: String,
    pub(super) attachment: String,
    pub(super) resident_key: String,
    pub(super) user_verification: String,
    wrong: Wrong,
}

impl Typed {
    /// What is wrong with a field; empty if nothing is.
    pub(super) fn wrong(&self, field: &str) -> &str {
        self.wrong.of(field)
    }

    /// The fields, in the order of the form.
    fn values(&self) -> [(&'static str, &String); 7] {
        [
            ("name", &self.name),
            ("rp_id", &self.rp_id),
            ("rp_name", &self.rp_name),
            ("origins", &self.origins),
            ("attachment", &self.attachment),
            ("resident_key", &self.resident_key),
            ("user_verification", &self.user_verification),
        ]
    }

    fn values_mut(&mut self) -> [&mut String; 7] {
        [
            &mut self.name,
            &mut self.rp_id,
            &mut self.rp_name,
            &mut self.origins,
            &mut self.attachment,
            &mut self.resident_key,
            &mut self.user_verification,
        ]
    }

    /// What the form says of what it shows.
    fn seen(&self) -> String {
        merge::seen(self.values().map(|(_, value)| value.as_str()))
    }

    fn is_wrong(&self) -> bool {
        !self.wrong.is_empty()
    }

    fn mark(&mut self, field: &'static str, why: impl Into<String>) {
        self.wrong.mark(field, why);
    }

    /// Places what the domain refuses beside its field.
    fn refused(&mut self, refusal: &Refusal) -> bool {
        let fields = ["rp_id", "origins"];
        let field = fields.into_iter().find(|field| {
            let members = &refusal.members;
            members.iter().any(|member| member == field)
        });
        match field {
            Some(field) => self.mark(field, refusal.message.clone()),
            None => return false,
        }
        true
    }

    fn of(rp: &RelyingParty) -> Self {
        let own = &rp.selection;
        let origins = own.origins.iter().flatten();
        let origins: Vec<_> = origins.map(ToString::to_string).collect();
        Self {
            name: rp.name.clone(),
            rp_id: own
                .rp_id
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            rp_name: own.rp_name.clone().unwrap_or_default(),
            origins: origins.join("\n"),
            attachment: word(&ATTACHMENTS, own.attachment),
            resident_key: word(&RESIDENT_KEYS, own.resident_key),
            user_verification: word(&VERIFICATIONS, own.user_verification),
            wrong: Wrong::default(),
        }
    }

    /// What a form has for these settings. A field that did not come keeps its setting and is marked: no setting is emptied by it.
    fn sent(visit: &Visit, stored: &Self) -> Self {
        let (mut typed, mut wrong) = (stored.clone(), Wrong::default());
        for ((name, _), setting) in stored.values().into_iter().zip(typed.values_mut()) {
            if visit.has(name) {
                visit.field(name).clone_into(setting);
            } else {
                let why = "This field did not arrive. Send the form again.";
                wrong.mark(name, why);
            }
        }
        typed.wrong = wrong;
        typed
    }

    /// What a form has for settings that somebody else may have changed since it was shown.
    fn merged(visit: &Visit, stored: &Self) -> Self {
        let mut typed = Self::sent(visit, stored);
        let mut wrong = std::mem::take(&mut typed.wrong);
        let fields = stored.values().into_iter().zip(typed.values_mut());
        let fields = fields.map(|((name, stored), sent)| Field {
            name,
            sent,
            stored: stored.clone(),
        });
        merge::merge(visit.field(merge::FIELD), fields.collect(), &mut wrong);
        typed.wrong = wrong;
        typed
    }

    /// What a new Service is offered.
    fn offered() -> Self {
        Self {
            attachment: "any".to_owned(),
            resident_key: "preferred".to_owned(),
            user_verification: "preferred".to_owned(),
            ..Self::default()
        }
    }

    /// The settings that were typed. What cannot be one is marked.
    fn selection(&mut self) -> PartialSelection {
        if !NAME.allows(&self.name) {
            self.mark("name", NAME_WRONG);
        }
        let rp_id = match self.rp_id.as_str() {
            "" => None,
            text => match RpId::parse(text) {
                Ok(rp_id) => Some(rp_id),
                Err(error) => {
                    let why =
                        format!("This is no RP ID: {error}. Enter a domain such as example.com.");
                    self.mark("rp_id", why);
                    None
                }
            },
        };
        if !self.rp_name.is_empty() && !NAME.allows(&self.rp_name) {
            self.mark(
                "rp_name",
                "Enter at most 128 characters without control characters, or leave it empty.",
            );
        }
        let lines: Vec<String> = self.origins.split_whitespace().map(str::to_owned).collect();
        let mut origins = Vec::new();
        for line in lines {
            match Origin::parse_configured(&line) {
                Ok(origin) => origins.push(origin),
                Err(error) => {
                    let line: String = line.chars().take(MOST_SHOWN).collect();
                    self.mark("origins", format!("{line} is no origin: {error}."));
                }
            }
        }
        if origins.len() > MOST_ORIGINS {
            self.mark("origins", format!("Enter at most {MOST_ORIGINS} origins."));
        }
        PartialSelection {
            rp_id,
            rp_name: Some(self.rp_name.clone()).filter(|name| !name.is_empty()),
            origins: Some(origins).filter(|origins| !origins.is_empty()),
            attachment: self.meaning("attachment", &ATTACHMENTS, |typed| &typed.attachment),
            resident_key: self.meaning("resident_key", &RESIDENT_KEYS, |typed| &typed.resident_key),
            user_verification: self.meaning("user_verification", &VERIFICATIONS, |typed| {
                &typed.user_verification
            }),
        }
    }

    fn meaning<T: Copy>(
        &mut self,
        field: &'static str,
        words: &[(&'static str, T)],
        typed: impl Fn(&Self) -> &String,
    ) -> Option<T> {
        let typed = typed(self).clone();
        if typed.is_empty() {
            return None;
        }
        let found = words.iter().find(|(word, _)| *word == typed);
        if found.is_none() {
            self.mark(field, NOT_OFFERED);
        }
        found.map(|(_, meaning)| *meaning)
    }
}

const ATTACHMENTS: [(&str, Attachment); 3] = [
    ("platform", Attachment::Platform),
    ("cross-platform", Attachment::CrossPlatform),
    ("any", Attachment::Any),
];
const RESIDENT_KEYS: [(&str, ResidentKey); 3] = [
    ("required", ResidentKey::Required),
    ("preferred", ResidentKey::Preferred),
    ("discouraged", ResidentKey::Discouraged),
];
const VERIFICATIONS: [(&str, UserVerification); 3] = [
    ("required", UserVerification::Required),
    ("preferred", UserVerification::Preferred),
    ("discouraged", UserVerification::Discouraged),
];

fn word<T: PartialEq + Copy>(words: &[(&'static str, T)], meaning: Option<T>) -> String {
    let found = words.iter().find(|(_, one)| Some(*one) == meaning);
    found
        .map(|(word, _)| (*word).to_owned())
        .unwrap_or_default()
}

#[derive(Template)]
#[template(path = "console/service-new.html")]
struct NewPage {
    frame: Frame,
    accounts: Vec<Account>,
    account: Option<AccountId>,
    typed: Typed,
}

#[derive(Template)]
#[template(path = "console/service.html")]
struct ServicePage {
    frame: Frame,
    /// What the form says of the settings that are stored.
    seen: String,
    rp: RelyingParty,
    typed: Typed,
    warnings: Vec<ReachWarning>,
    problem: Option<String>,
    /// Whether there is an RP ID, and an origin to judge.
    reachable: bool,
}

/// The Service that the path names.
pub(super) async fn of_path(visit: &Visit) -> Result<RelyingParty, Failure> {
    named(visit, visit.segment("service")).await
}

/// The Service with this identifier.
pub(super) async fn named(visit: &Visit, id: &str) -> Result<RelyingParty, Failure> {
    let absent = || Failure::Absent("There is no such Service.");
    let id = RelyingPartyId::from_hex(&words::digits(id)).ok_or_else(absent)?;
    match visit.passkeys().relying_party_itself(id).await {
        Ok(found) => {
            let found = Arc::clone(&found);
            Ok(RelyingParty::clone(&found))
        }
        Err(refusal) if refusal.reason == Reason::RelyingPartyUnknown => Err(absent()),
        Err(refusal) => Err(refusal.into()),
    }
}

pub(super) async fn accounts(visit: &Visit) -> Result<Vec<Account>, Failure> {
    let page = PageRequest::first(ACCOUNTS);
    Ok(visit.passkeys().list_accounts(page).await?.items)
}

/// The accounts, and the one that the query names, or the first.
pub(super) async fn chosen_account(
    visit: &Visit,
) -> Result<(Vec<Account>, Option<AccountId>), Failure> {
    let accounts = accounts(visit).await?;
    let wanted = visit.query("account").unwrap_or_default();
    let wanted = AccountId::from_hex(&words::digits(wanted));
    let account = accounts.iter().find(|account| Some(account.id) == wanted);
    let account = account.or(accounts.first()).map(|account| account.id);
    Ok((accounts, account))
}

/// `GET /console/services`.
pub(super) async fn list(visit: Visit) -> Result<Response, Failure> {
    let (accounts, account) = chosen_account(&visit).await?;
    let mut page = PageRequest {
        after: visit.query("after").and_then(words::position),
        limit: ROWS,
        order: Order::Ascending,
    };
    page.limit = ROWS;
    let (mut services, mut next) = (Vec::new(), None);
    if let Some(account) = account {
        let found = visit.passkeys().list_relying_parties(account, page).await?;
        services = found.items;
        if found.more
            && let Some(last) = services.last()
        {
            next = Some(words::cursor(last.created, last.id.0));
        }
    }
    page::page(&ServicesPage {
        frame: visit.frame()?,
        accounts,
        account,
        services,
        next,
    })
}

/// `GET /console/services/new`.
pub(super) async fn blank(visit: Visit) -> Result<Response, Failure> {
    let accounts = accounts(&visit).await?;
    page::page(&NewPage {
        frame: visit.frame()?,
        account: accounts.first().map(|account| account.id),
        accounts,
        typed: Typed::offered(),
    })
}

/// `POST /console/services/new`.
pub(super) async fn create(visit: Visit) -> Result<Response, Failure> {
    let accounts = accounts(&visit).await?;
    let account = AccountId::from_hex(&words::digits(visit.field("account")));
    let account = account.filter(|id| accounts.iter().any(|account| account.id == *id));
    let mut typed = Typed::sent(&visit, &Typed::offered());
    let selection = typed.selection();
    if account.is_none() {
        typed.mark("account", "Choose an account of the list.");
    }
    if let (Some(account), false) = (account, typed.is_wrong()) {
        let by = visit.actor();
        let created = visit.passkeys().create_relying_party(
            account,
            &typed.name,
            selection,
            WireSettings::default(),
            &by,
        );
        match created.await {
            Ok(rp) => {
                let to = format!("/services/{}", words::service(rp.id));
                return Ok(visit.back(&to, "created"));
            }
            Err(refusal) if typed.refused(&refusal) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    page::not_accepted(&NewPage {
        frame: visit.frame()?,
        accounts,
        account,
        typed,
    })
}

fn service_page(visit: &Visit, rp: RelyingParty, typed: Typed) -> Result<ServicePage, Failure> {
    let (warnings, problem) = match rp.selection.judge_reach() {
        Ok(warnings) => (warnings, None),
        Err(refusal) => (Vec::new(), Some(refusal.message)),
    };
    Ok(ServicePage {
        frame: visit.frame()?,
        reachable: rp.selection.rp_id.is_some() && rp.selection.origins.is_some(),
        seen: Typed::of(&rp).seen(),
        rp,
        typed,
        warnings,
        problem,
    })
}

/// `GET /console/services/{service}`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let rp = of_path(&visit).await?;
    let typed = Typed::of(&rp);
    page::page(&service_page(&visit, rp, typed)?)
}

/// `POST /console/services/{service}`.
pub(super) async fn change(visit: Visit) -> Result<Response, Failure> {
    let found = of_path(&visit).await?;
    let (passkeys, by) = (visit.passkeys(), visit.actor());
    for _ in 0..TRIES {
        let rp = passkeys
            .stored_relying_party(found.account, found.id)
            .await?;
        let mut typed = Typed::merged(&visit, &Typed::of(&rp));
        let selection = typed.selection();
        if typed.is_wrong() {
            return page::not_accepted(&service_page(&visit, rp, typed)?);
        }
        if selection == rp.selection && typed.name == rp.name {
            return Ok(visit.back(&here(&rp), "nothing"));
        }
        let change = |record: &mut RelyingParty| -> Result<(), Refusal> {
            if (&record.name, &record.selection) != (&rp.name, &rp.selection) {
                return Err(Reason::ConcurrentChanges.into());
            }
            record.name.clone_from(&typed.name);
            record.selection.clone_from(&selection);
            Ok(())
        };
        let changed = passkeys.update_relying_party(rp.account, rp.id, change, &by);
        match changed.await {
            Ok(_) => return Ok(visit.back(&here(&rp), "saved")),
            Err(refusal) if refusal.reason == Reason::ConcurrentChanges => {}
            Err(refusal) if typed.refused(&refusal) => {
                return page::not_accepted(&service_page(&visit, rp, typed)?);
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Reason::ConcurrentChanges.into())
}

fn here(rp: &RelyingParty) -> String {
    format!("/services/{}", words::service(rp.id))
}

/// `POST /console/services/{service}/delete`.
pub(super) async fn delete(visit: Visit) -> Result<Response, Failure> {
    let rp = of_path(&visit).await?;
    if visit.field("confirm") != rp.name.trim() {
        let mut typed = Typed::of(&rp);
        typed.mark("confirm", "Type the name of the Service to delete it.");
        return page::not_accepted(&service_page(&visit, rp, typed)?);
    }
    let passkeys = visit.passkeys();
    let by = visit.actor();
    passkeys
        .delete_relying_party(rp.account, rp.id, &by)
        .await?;
    Ok(visit.back("/services", "deleted"))
}
