//! What a Service chooses for the Authentication Cloud API: one table of fields, each with how it is shown and how it is read.

use askama::Template;
use axum::response::Response;
use domain::Reason;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::model::settings::NevisSettings;
use domain::model::settings::nevis::{AndroidApp, TransactionTokenAlgorithm, UsernameRule};

use super::failure::Failure;
use super::merge;
use super::page::{self, Frame};
use super::services::{self, NOT_OFFERED};
use super::visit::Visit;
use super::words;
use super::wrong::Wrong;

/// The message for a field that did not come.
const ABSENT: &str = "This field did not arrive. Send the form again.";
const NO_NUMBER: &str = "Enter a whole number.";

const YES: &str = "yes";
const NO: &str = "no";

/// A word of a choice, and what it is called.
type Choice = (&'static str, &'static str);

const YES_OR_NO: &[Choice] = &[(YES, "yes"), (NO, "no")];
const ALGORITHMS: &[Choice] = &[
    ("HS512", "HS512: the back end asks the introspection"),
    ("ES256", "ES256: the back end may verify by itself"),
];
const STATUSES: &[Choice] = &[
    ("200", "200, as the body says what happened"),
    ("400", "400, for clients that look at the status alone"),
];
const RULES: &[Choice] = &[
    ("strict", "letters, digits and _ - . @"),
    ("relaxed", "anything without control characters"),
];

/// What a field is.
#[derive(Clone, Copy)]
enum Kind {
    /// One of a list.
    Choice(&'static [Choice]),
    /// A whole number.
    Number,
    /// One line of text.
    Text,
    /// One record in each line.
    Lines,
}

/// A setting of the form.
struct Field {
    /// Its name, which is that of the management API.
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    kind: Kind,
    /// What the form has for these settings.
    show: fn(&NevisSettings) -> String,
    /// Takes in what was sent.
    take: fn(&mut NevisSettings, &str) -> Result<(), &'static str>,
}

macro_rules! fields {
    ($($name:ident $read:ident $kind:expr, $label:literal, $hint:literal;)+) => {
        /// The settings, in the order of the form.
        const FIELDS: &[Field] = &[$(Field {
            name: stringify!($name),
            label: $label,
            hint: $hint,
            kind: $kind,
            show: |settings| $read::show(&settings.$name),
            take: |settings, text| {
                settings.$name = $read::take(text)?;
                Ok(())
            },
        }),+];
    };
}

fields! {
    timeout_seconds number Kind::Number, "Seconds of a ceremony in the browser", "The timeout in the options: 10 to 540.";
    transaction_seconds number Kind::Number, "Seconds of a transaction", "At least 60 more than a ceremony in the browser has, at most 600.";
    status_token_seconds number Kind::Number, "Seconds of a status token", "Not less than a transaction lasts, at most 3600.";
    transaction_token_seconds number Kind::Number, "Seconds of a transaction token", "60 to 3600.";
    transaction_token_algorithm algorithm Kind::Choice(ALGORITHMS), "Signature of transaction tokens", "";
    transaction_token_single_use boolean Kind::Choice(YES_OR_NO), "A transaction token is spent by its first introspection", "";
    status_token_required boolean Kind::Choice(YES_OR_NO), "A result must carry its status token", "Without it, an attacker who can make a browser send a request could finish a transaction of the attacker with it.";
    decoy_credentials boolean Kind::Choice(YES_OR_NO), "Invented credentials for unknown users", "An approval then looks the same for a user who is unknown or has no passkey.";
    tell_unknown_credentials boolean Kind::Choice(YES_OR_NO), "Say that a credential is unknown", "After a refused sign-in without a name, so that the client can have the passkey removed from the device.";
    failed_result_status status Kind::Choice(STATUSES), "Status of a refused result", "";
    username_rule rule Kind::Choice(RULES), "New user names", "Existing users are found whatever their names are.";
    max_authenticators number Kind::Number, "Most passkeys of one user", "1 to 50.";
    android_apps android_apps Kind::Lines, "Android apps", "One app a line: its package, then its SHA-256 fingerprints, with spaces between them.";
    apple_apps apple_apps Kind::Lines, "Apple apps", "One app a line: TeamID.BundleID.";
    passkey_enroll_url text Kind::Text, "Page on which a user adds a passkey", "An https URL, or empty.";
    passkey_manage_url text Kind::Text, "Page on which a user manages passkeys", "An https URL, or empty.";
}

mod boolean {
    use super::{NO, NOT_OFFERED, YES};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as all fields are shown")]
    pub(super) fn show(value: &bool) -> String {
        if *value { YES } else { NO }.to_owned()
    }

    pub(super) fn take(text: &str) -> Result<bool, &'static str> {
        match text {
            YES => Ok(true),
            NO => Ok(false),
            _ => Err(NOT_OFFERED),
        }
    }
}

mod number {
    use super::{NO_NUMBER, words};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as all fields are shown")]
    pub(super) fn show(value: &u32) -> String {
        value.to_string()
    }

    pub(super) fn take(text: &str) -> Result<u32, &'static str> {
        words::whole_number(text).ok_or(NO_NUMBER)
    }
}

mod status {
    use super::{NOT_OFFERED, words};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as all fields are shown")]
    pub(super) fn show(value: &u16) -> String {
        value.to_string()
    }

    pub(super) fn take(text: &str) -> Result<u16, &'static str> {
        words::whole_number(text).ok_or(NOT_OFFERED)
    }
}

mod algorithm {
    use super::{NOT_OFFERED, TransactionTokenAlgorithm};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as all fields are shown")]
    pub(super) fn show(value: &TransactionTokenAlgorithm) -> String {
        match value {
            TransactionTokenAlgorithm::Hs512 => "HS512",
            TransactionTokenAlgorithm::Es256 => "ES256",
        }
        .to_owned()
    }

    pub(super) fn take(text: &str) -> Result<TransactionTokenAlgorithm, &'static str> {
        match text {
            "HS512" => Ok(TransactionTokenAlgorithm::Hs512),
            "ES256" => Ok(TransactionTokenAlgorithm::Es256),
            _ => Err(NOT_OFFERED),
        }
    }
}

mod rule {
    use super::{NOT_OFFERED, UsernameRule};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as all fields are shown")]
    pub(super) fn show(value: &UsernameRule) -> String {
        match value {
            UsernameRule::Strict => "strict",
            UsernameRule::Relaxed => "relaxed",
        }
        .to_owned()
    }

    pub(super) fn take(text: &str) -> Result<UsernameRule, &'static str> {
        match text {
            "strict" => Ok(UsernameRule::Strict),
            "relaxed" => Ok(UsernameRule::Relaxed),
            _ => Err(NOT_OFFERED),
        }
    }
}

mod text {
    pub(super) fn show(value: &str) -> String {
        value.to_owned()
    }

    #[expect(clippy::unnecessary_wraps, reason = "as all fields are read")]
    pub(super) fn take(text: &str) -> Result<String, &'static str> {
        Ok(text.to_owned())
    }
}

mod apple_apps {
    pub(super) fn show(apps: &[String]) -> String {
        apps.join("\n")
    }

    #[expect(clippy::unnecessary_wraps, reason = "as all fields are read")]
    pub(super) fn take(text: &str) -> Result<Vec<String>, &'static str> {
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }
}

mod android_apps {
    use super::AndroidApp;

    pub(super) fn show(apps: &[AndroidApp]) -> String {
        let lines = apps.iter().map(|app| {
            let prints = app.sha256_cert_fingerprints.join(" ");
            format!("{} {prints}", app.package_name)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[expect(clippy::unnecessary_wraps, reason = "as all fields are read")]
    pub(super) fn take(text: &str) -> Result<Vec<AndroidApp>, &'static str> {
        let lines = text.lines().map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            Some(AndroidApp {
                package_name: words.next()?,
                sha256_cert_fingerprints: words.collect(),
            })
        });
        Ok(lines.flatten().collect())
    }
}

/// A field with what is in it.
struct Shown {
    field: &'static Field,
    value: String,
}

#[derive(Template)]
#[template(path = "console/authentication-cloud.html")]
struct SettingsPage {
    frame: Frame,
    /// What the form says of the settings that are stored.
    seen: String,
    rp: RelyingParty,
    fields: Vec<Shown>,
    wrong: Wrong,
}

/// The attributes that tie a control to the texts about it.
fn about(name: &str, has_hint: bool, is_wrong: bool) -> String {
    let texts = [(has_hint, "hint"), (is_wrong, "wrong")];
    let texts = texts.iter().filter(|(there, _)| *there);
    let ids: Vec<_> = texts.map(|(_, text)| format!("{name}-{text}")).collect();
    let invalid = if is_wrong {
        " aria-invalid=\"true\""
    } else {
        ""
    };
    if ids.is_empty() {
        return String::new();
    }
    format!("{invalid} aria-describedby=\"{}\"", ids.join(" "))
}

/// What is in the form for these settings.
fn shown(settings: &NevisSettings) -> Vec<Shown> {
    let fields = FIELDS.iter().map(|field| Shown {
        field,
        value: (field.show)(settings),
    });
    fields.collect()
}

/// What the form says of what it shows.
fn seen(settings: &NevisSettings) -> String {
    let values = shown(settings);
    merge::seen(values.iter().map(|shown| shown.value.as_str()))
}

/// `GET /console/services/{service}/authentication-cloud`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let rp = services::of_path(&visit).await?;
    page::page(&SettingsPage {
        frame: visit.frame()?,
        fields: shown(&rp.settings.nevis),
        seen: seen(&rp.settings.nevis),
        rp,
        wrong: Wrong::default(),
    })
}

/// What a form has for these settings, which somebody else may have changed since it was shown, and what is wrong with it.
fn sent(visit: &Visit, stored: &NevisSettings) -> (Vec<Shown>, NevisSettings, Wrong) {
    let (mut fields, mut wrong) = (shown(stored), Wrong::default());
    for Shown { field, value } in &mut fields {
        if visit.has(field.name) {
            visit.field(field.name).clone_into(value);
        } else {
            wrong.mark(field.name, ABSENT);
        }
    }
    let merged = fields.iter_mut().map(|shown| merge::Field {
        name: shown.field.name,
        stored: (shown.field.show)(stored),
        sent: &mut shown.value,
    });
    merge::merge(visit.field(merge::FIELD), merged.collect(), &mut wrong);
    let mut settings = stored.clone();
    for Shown { field, value } in &fields {
        if let Err(why) = (field.take)(&mut settings, value) {
            wrong.mark(field.name, why);
        }
    }
    if wrong.is_empty()
        && let Err(unfit) = settings.check()
    {
        wrong.mark(unfit.setting, format!("This {}.", unfit.why));
    }
    (fields, settings, wrong)
}

/// `POST /console/services/{service}/authentication-cloud`.
pub(super) async fn change(visit: Visit) -> Result<Response, Failure> {
    let found = services::of_path(&visit).await?;
    let (passkeys, by) = (visit.passkeys(), visit.actor());
    let here = format!(
        "/services/{}/authentication-cloud",
        words::service(found.id)
    );
    for _ in 0..services::TRIES {
        let rp = passkeys
            .stored_relying_party(found.account, found.id)
            .await?;
        let stored = &rp.settings.nevis;
        let (fields, settings, wrong) = sent(&visit, stored);
        if !wrong.is_empty() {
            return page::not_accepted(&SettingsPage {
                frame: visit.frame()?,
                seen: seen(stored),
                rp,
                fields,
                wrong,
            });
        }
        if settings == *stored {
            return Ok(visit.back(&here, "nothing"));
        }
        let change = |record: &mut RelyingParty| -> Result<(), Refusal> {
            if record.settings.nevis != *stored {
                return Err(Reason::ConcurrentChanges.into());
            }
            record.settings.nevis.clone_from(&settings);
            Ok(())
        };
        let changed = passkeys.update_relying_party(rp.account, rp.id, change, &by);
        match changed.await {
            Ok(_) => return Ok(visit.back(&here, "saved")),
            Err(refusal) if refusal.reason == Reason::ConcurrentChanges => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Reason::ConcurrentChanges.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Settings that differ from the defaults in each member.
    fn other() -> NevisSettings {
        NevisSettings {
            status_token_required: false,
            transaction_token_single_use: true,
            transaction_token_algorithm: TransactionTokenAlgorithm::Es256,
            transaction_token_seconds: 61,
            status_token_seconds: 601,
            transaction_seconds: 301,
            timeout_seconds: 61,
            decoy_credentials: true,
            tell_unknown_credentials: false,
            failed_result_status: 400,
            username_rule: UsernameRule::Relaxed,
            max_authenticators: 11,
            android_apps: vec![AndroidApp {
                package_name: "com.example.app".to_owned(),
                sha256_cert_fingerprints: vec![["AB"; 32].join(":"), ["CD"; 32].join(":")],
            }],
            apple_apps: vec!["A1.com.example".to_owned(), "B2.com.example".to_owned()],
            passkey_enroll_url: "https://shop.example/add".to_owned(),
            passkey_manage_url: "https://shop.example/all".to_owned(),
        }
    }

    #[test]
    fn the_form_has_every_setting_and_reads_what_it_shows() {
        let wanted = other();
        assert_eq!(wanted.check(), Ok(()));
        let mut read = NevisSettings::default();
        for field in FIELDS {
            (field.take)(&mut read, &(field.show)(&wanted)).unwrap();
        }
        assert_eq!(read, wanted);
    }

    #[test]
    fn every_word_of_a_choice_is_read_as_itself() {
        for field in FIELDS {
            if let Kind::Choice(choices) = field.kind {
                for (word, _) in choices {
                    let mut settings = NevisSettings::default();
                    (field.take)(&mut settings, word).unwrap();
                    assert_eq!((field.show)(&settings), *word, "{}", field.name);
                }
            }
        }
    }
}
