//! Whether a page should offer a passkey to a user now: what passkeyd knows of that.

use domain::model::ceremony::{CeremonyState, Registration};
use domain::model::credential::CredentialRecord;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::dates::Date;
use crate::http::funnel::{PROVIDERS, provider};
use crate::http::reports::{BROWSERS, SYSTEMS, client};

/// Whether to offer a passkey. It can go to the page as it is: `mayPrompt` of the SDK reads it.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct Prompt {
    /// Whether a passkey is worth offering.
    offer: bool,
    /// Why.
    why: Why,
    /// When the user last signed in with any passkey (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    last_used_at: Option<Date>,
}

/// Why a passkey is worth offering, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Why {
    /// Offer: the user has no passkey.
    NoPasskey,
    /// Offer: the user has passkeys, and none of them works on this kind of device.
    OtherDevice,
    /// Do not: the user has a passkey, and it works here as far as is known.
    HasPasskey,
    /// Do not: a passkey was offered lately, and the user did not finish. passkeyd forgets this after `retention.ceremonies_hours`.
    Unfinished,
}

/// The systems on which passkeys of a provider work; `None` if they work on all, or if it is not known. A passkey of Google works in every Chrome.
fn works_on(provider: &str) -> Option<&'static [&'static str]> {
    match provider {
        "Apple Passwords" => Some(&["macos", "ios"]),
        "Google Password Manager" => Some(&["android", "chromeos"]),
        "Chrome on Mac" => Some(&["macos"]),
        "Windows Hello" => Some(&["windows"]),
        "Samsung Pass" => Some(&["android"]),
        _ => None,
    }
}

/// Whether a passkey works with a browser, as far as is known.
fn works(record: &CredentialRecord, (browser, system): (&str, &str)) -> bool {
    let name = PROVIDERS[provider(record.aaguid)];
    let in_chrome = name == "Google Password Manager" && browser == "chrome";
    let known = works_on(name).filter(|_| system != "other");
    in_chrome || known.is_none_or(|systems| systems.contains(&system))
}

impl Prompt {
    /// Judges the passkeys of a user for the browser with this `User-Agent`, if it is known, after these registrations of the user.
    pub fn of(
        passkeys: &[CredentialRecord],
        registrations: &[Registration],
        user_agent: Option<&str>,
    ) -> Self {
        let (browser, system) = client(user_agent.unwrap_or_default());
        let here = (BROWSERS[browser], SYSTEMS[system]);
        let newest = passkeys.iter().map(|passkey| passkey.created).max();
        // Nobody is asked when a passkey is created without a dialog.
        let unfinished = registrations.iter().any(|one| {
            one.state == CeremonyState::Pending
                && !one.asked.conditional_create
                && newest.is_none_or(|newest| newest < one.created)
        });
        let why = if passkeys.iter().any(|passkey| works(passkey, here)) {
            Why::HasPasskey
        } else if unfinished {
            Why::Unfinished
        } else if passkeys.is_empty() {
            Why::NoPasskey
        } else {
            Why::OtherDevice
        };
        Self {
            offer: matches!(why, Why::NoPasskey | Why::OtherDevice),
            why,
            last_used_at: passkeys
                .iter()
                .filter_map(|one| one.last_used)
                .max()
                .map(Date),
        }
    }
}
