//! The policy of a Service: what a change would mean for the passkeys that are stored, and the change.

use askama::Template;
use axum::response::Response;
use domain::model::credential::CredentialRecord;
use domain::model::page::{Order, PageRequest};
use domain::model::policy::{AttestationRequirement, MAX_TIMEOUT_MS, Policy, RelyingPartyOverride};
use domain::model::relying_party::RelyingParty;
use domain::webauthn::authentication::SignCountPolicy;
use domain::webauthn::registration::BackupPolicy;

use super::failure::Failure;
use super::merge::{self, Field};
use super::page::{self, Frame};
use super::services::{self, NOT_OFFERED, TRIES};
use super::visit::Visit;
use super::words;
use super::wrong::Wrong;

/// People whose passkeys are looked at, the newest first.
const PEOPLE: u32 = 500;
/// People that are named.
const NAMED: usize = 10;
/// Shortest time for a ceremony, in milliseconds.
const MIN_TIMEOUT_MS: u32 = 1_000;
/// Most passkeys of one person that a policy may allow.
const MOST_PASSKEYS: u32 = 1_000;

const BACKUPS: [(&str, &str, BackupPolicy); 4] = [
    ("any", "Synced and device-bound passkeys", BackupPolicy::Any),
    (
        "eligible",
        "Only passkeys that may be synced",
        BackupPolicy::Eligible,
    ),
    (
        "backed_up",
        "Only passkeys that are synced already",
        BackupPolicy::BackedUp,
    ),
    (
        "device_bound",
        "Only device-bound passkeys",
        BackupPolicy::DeviceBound,
    ),
];
const COUNTERS: [(&str, &str, SignCountPolicy); 2] = [
    ("signal", "Sign in, and note it", SignCountPolicy::Signal),
    ("refuse", "Refuse the sign-in", SignCountPolicy::Refuse),
];
const OVERRIDES: [(&str, &str, RelyingPartyOverride); 2] = [
    (
        "allowed",
        "A request may name another RP ID and other origins",
        RelyingPartyOverride::Allowed,
    ),
    (
        "configured_only",
        "Only the configured RP ID and origins",
        RelyingPartyOverride::ConfiguredOnly,
    ),
];

/// The box of user verification.
const REQUIRED: &str = "user_verification_required";

/// What somebody has chosen, and what is wrong with it.
#[derive(Clone, Debug, Default)]
struct Chosen {
    user_verification_required: bool,
    backup: String,
    sign_count: String,
    relying_party_override: String,
    max_credentials: String,
    registration_seconds: String,
    authentication_seconds: String,
    wrong: Wrong,
}

/// What the change would mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Effect {
    /// People and passkeys that were looked at, and whether that is all.
    people: usize,
    passkeys: usize,
    complete: bool,
    /// People whose every passkey would be refused at a sign-in, where one is accepted now.
    locked_out: Vec<String>,
    locked_out_count: usize,
    /// Passkeys that may be refused, and are accepted now: what they will do is not known.
    unsure: usize,
    /// Passkeys whose counter fell: each is refused until it passes the highest one, and is not now.
    fallen: usize,
    /// Passkeys that could not be registered again, and could be now.
    not_again: usize,
    /// People who have more passkeys than would be allowed, and not more than now.
    too_many: usize,
}

#[derive(Template)]
#[template(path = "console/policy.html")]
struct PolicyPage {
    frame: Frame,
    rp: RelyingParty,
    chosen: Chosen,
    /// What the form says of the policy that is stored.
    seen: String,
    /// What the effect was shown of: nothing else is saved.
    looked: String,
    effect: Option<Effect>,
    /// What is not in the form, in words.
    rest: Vec<(&'static str, String)>,
}

impl Chosen {
    fn of(policy: &Policy) -> Self {
        let word = |found: Option<&str>| found.unwrap_or_default().to_owned();
        Self {
            user_verification_required: policy.user_verification_required,
            backup: word(BACKUPS.iter().find(|b| b.2 == policy.backup).map(|b| b.0)),
            sign_count: word(
                COUNTERS
                    .iter()
                    .find(|c| c.2 == policy.sign_count)
                    .map(|c| c.0),
            ),
            relying_party_override: word(
                OVERRIDES
                    .iter()
                    .find(|o| o.2 == policy.relying_party_override)
                    .map(|o| o.0),
            ),
            max_credentials: policy.max_credentials_per_user.to_string(),
            registration_seconds: (policy.registration_timeout_ms / 1000).to_string(),
            authentication_seconds: (policy.authentication_timeout_ms / 1000).to_string(),
            wrong: Wrong::default(),
        }
    }

    /// The fields, in the order of the form; a box that is not checked is empty.
    fn values(&self) -> [(&'static str, &str); 7] {
        let box_of = |checked| if checked { "on" } else { "" };
        [
            (REQUIRED, box_of(self.user_verification_required)),
            ("backup", &self.backup),
            ("sign_count", &self.sign_count),
            ("relying_party_override", &self.relying_party_override),
            ("max_credentials", &self.max_credentials),
            ("registration_seconds", &self.registration_seconds),
            ("authentication_seconds", &self.authentication_seconds),
        ]
    }

    /// What the form says of what it shows.
    fn seen(&self) -> String {
        merge::seen(self.values().map(|(_, value)| value))
    }

    /// What was sent, for a policy that somebody else may have changed since the form was shown.
    fn sent(visit: &Visit, stored: &Self) -> Self {
        let mut wrong = Wrong::default();
        let stored = stored.values();
        let mut sent = stored.map(|(name, _)| visit.field(name).to_owned());
        let fields = stored.into_iter().zip(&mut sent);
        let fields = fields.map(|((name, stored), sent)| Field {
            name,
            sent,
            stored: stored.to_owned(),
        });
        merge::merge(visit.field(merge::FIELD), fields.collect(), &mut wrong);
        let [
            required,
            backup,
            sign_count,
            relying_party_override,
            max_credentials,
            registration_seconds,
            authentication_seconds,
        ] = sent;
        Self {
            user_verification_required: !required.is_empty(),
            backup,
            sign_count,
            relying_party_override,
            max_credentials,
            registration_seconds,
            authentication_seconds,
            wrong,
        }
    }

    /// What is wrong with a field; empty if nothing is.
    fn wrong(&self, field: &str) -> &str {
        self.wrong.of(field)
    }

    fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        typed: &str,
        choices: &[(&str, &str, T)],
        before: T,
    ) -> T {
        if let Some(choice) = choices.iter().find(|choice| choice.0 == typed) {
            return choice.2;
        }
        self.wrong.mark(field, NOT_OFFERED);
        before
    }

    fn number(
        &mut self,
        field: &'static str,
        typed: &str,
        (least, most): (u32, u32),
        before: u32,
    ) -> u32 {
        match words::whole_number(typed) {
            Some(number) if (least..=most).contains(&number) => number,
            _ => {
                let why = format!("Enter a number from {least} to {most}.");
                self.wrong.mark(field, why);
                before
            }
        }
    }

    /// The policy with what was chosen. What cannot be is marked.
    fn over(&mut self, before: &Policy) -> Policy {
        let typed = self.clone();
        let seconds = (MIN_TIMEOUT_MS / 1000, MAX_TIMEOUT_MS / 1000);
        let mut timeout = |field, text: &str, before: u32| {
            // A time that was set to the millisecond stays so, unless it is changed.
            let same = text == (before / 1000).to_string();
            let chosen = self.number(field, text, seconds, before / 1000);
            if same { before } else { chosen * 1000 }
        };
        let registration = timeout(
            "registration_seconds",
            &typed.registration_seconds,
            before.registration_timeout_ms,
        );
        let authentication = timeout(
            "authentication_seconds",
            &typed.authentication_seconds,
            before.authentication_timeout_ms,
        );
        Policy {
            user_verification_required: typed.user_verification_required,
            registration_timeout_ms: registration,
            authentication_timeout_ms: authentication,
            backup: self.choice("backup", &typed.backup, &BACKUPS, before.backup),
            sign_count: self.choice(
                "sign_count",
                &typed.sign_count,
                &COUNTERS,
                before.sign_count,
            ),
            relying_party_override: self.choice(
                "relying_party_override",
                &typed.relying_party_override,
                &OVERRIDES,
                before.relying_party_override,
            ),
            max_credentials_per_user: self.number(
                "max_credentials",
                &typed.max_credentials,
                (1, MOST_PASSKEYS),
                before.max_credentials_per_user,
            ),
            ..before.clone()
        }
    }
}

/// What a stored passkey can do at a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Works,
    Unsure,
    Refused,
}

/// What becomes of a passkey at the next sign-in.
fn fate(rp: &RelyingParty, policy: &Policy, record: &CredentialRecord) -> Fate {
    if policy.relying_party_override == RelyingPartyOverride::ConfiguredOnly
        && rp.selection.rp_id.as_ref() != Some(&record.selection.rp_id)
    {
        return Fate::Refused;
    }
    if policy.user_verification_required && !record.uv_initialized {
        return Fate::Unsure;
    }
    Fate::Works
}

/// Whether a passkey could be registered under a policy, as far as its record says.
fn fits(policy: &Policy, record: &CredentialRecord) -> bool {
    let backup = match policy.backup {
        BackupPolicy::Any => true,
        BackupPolicy::Eligible => record.backup_eligible != Some(false),
        BackupPolicy::BackedUp => record.backup_state != Some(false),
        BackupPolicy::DeviceBound => record.backup_eligible != Some(true),
    };
    backup && policy.algorithms.contains(&record.algorithm)
}

async fn effect(visit: &Visit, rp: &RelyingParty, after: &Policy) -> Result<Effect, Failure> {
    let passkeys = visit.passkeys();
    let before = &rp.policy;
    let page = PageRequest {
        after: None,
        limit: PEOPLE,
        order: Order::Descending,
    };
    let people = passkeys.list_users(rp.id, page).await?;
    let mut effect = Effect {
        complete: !people.more,
        people: people.items.len(),
        ..Effect::default()
    };
    for person in people.items {
        let Ok((person, records)) = passkeys.user_with_credentials(rp.id, person.id).await else {
            continue;
        };
        effect.passkeys += records.len();
        let fates = |policy| records.iter().map(move |record| fate(rp, policy, record));
        effect.unsure += fates(before)
            .zip(fates(after))
            .filter(|(now, then)| *now == Fate::Works && *then == Fate::Unsure)
            .count();
        let refuses = |policy: &Policy| policy.sign_count == SignCountPolicy::Refuse;
        if refuses(after) && !refuses(before) {
            let fell = |record: &&CredentialRecord| record.sign_count_since_fall.is_some();
            effect.fallen += records.iter().filter(fell).count();
        }
        let fits_no_more =
            |record: &&CredentialRecord| fits(before, record) && !fits(after, record);
        effect.not_again += records.iter().filter(fits_no_more).count();
        let (allowed, now) = (
            after.max_credentials_per_user,
            before.max_credentials_per_user,
        );
        let too_many = allowed < now && records.len() > allowed as usize;
        effect.too_many += usize::from(too_many);
        let is_out = |policy| fates(policy).all(|fate| fate == Fate::Refused);
        if !records.is_empty() && is_out(after) && !is_out(before) {
            effect.locked_out_count += 1;
            if effect.locked_out.len() < NAMED {
                effect.locked_out.push(person.name);
            }
        }
    }
    Ok(effect)
}

/// What the form does not have, for a look.
fn rest(policy: &Policy) -> Vec<(&'static str, String)> {
    let algorithms: Vec<_> = policy.offer().iter().map(ToString::to_string).collect();
    vec![
        ("Algorithms", algorithms.join(", ")),
        (
            "Attestation",
            match policy.attestation.requirement {
                AttestationRequirement::Trusted => "must be trusted".to_owned(),
                _ => "is not demanded, or need not be trusted".to_owned(),
            },
        ),
        (
            "Sealed authentications",
            if policy.sealed_authentications {
                "on".to_owned()
            } else {
                "off".to_owned()
            },
        ),
    ]
}

/// `GET /console/services/{service}/policy`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let rp = services::of_path(&visit).await?;
    let chosen = Chosen::of(&rp.policy);
    page::page(&PolicyPage {
        frame: visit.frame()?,
        seen: chosen.seen(),
        looked: String::new(),
        chosen,
        effect: None,
        rest: rest(&rp.policy),
        rp,
    })
}

/// `POST /console/services/{service}/policy`: shows what the change would mean, and makes it when that was seen.
pub(super) async fn change(visit: Visit) -> Result<Response, Failure> {
    let rp = services::of_path(&visit).await?;
    let passkeys = visit.passkeys();
    let here = format!("/services/{}/policy", words::service(rp.id));
    let mut tries = 0;
    let (before, chosen, after) = loop {
        let before = passkeys.stored_relying_party(rp.account, rp.id).await?;
        let mut chosen = Chosen::sent(&visit, &Chosen::of(&before.policy));
        let after = chosen.over(&before.policy);
        let looked = visit.field("looked") == chosen.seen();
        if !chosen.wrong.is_empty() || visit.field("action") != "save" || !looked {
            break (before, chosen, after);
        }
        if after == before.policy {
            return Ok(visit.back(&here, "nothing"));
        }
        let by = visit.actor();
        let saved = passkeys.replace_policy(&before, after, &by).await?;
        if saved.is_some() {
            return Ok(visit.back(&here, "saved"));
        }
        // Somebody else has changed the Service since it was read.
        tries += 1;
        if tries == TRIES {
            return Err(domain::Reason::ConcurrentChanges.into());
        }
    };
    let accepted = chosen.wrong.is_empty();
    if accepted && after == before.policy {
        return Ok(visit.back(&here, "nothing"));
    }
    let effect = if accepted {
        Some(effect(&visit, &before, &after).await?)
    } else {
        None
    };
    let page = PolicyPage {
        frame: visit.frame()?,
        rest: rest(&before.policy),
        seen: Chosen::of(&before.policy).seen(),
        looked: effect.as_ref().map_or_else(String::new, |_| chosen.seen()),
        rp: before,
        chosen,
        effect,
    };
    if accepted {
        page::page(&page)
    } else {
        page::not_accepted(&page)
    }
}
