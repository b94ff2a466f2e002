//! Whether the product lets somebody sign in with a passkey. Each product says it in its own way, and a passkey that was revoked must not
//! come back: so every member that may say it counts, wherever it is, and one whose value is not known is refused.

use serde_json::Value;

use super::rows::{Row, plain_path};
use super::shapes::truth;

/// What a record says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing speaks against a sign-in.
    Enabled,
    /// This member, by its plain path, says that nobody may sign in.
    Disabled(String),
    /// This member may say so, and its value is not known.
    Unclear(String),
}

/// What a member says whose name has such a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// Nobody may sign in, if the value is anything but no.
    Off,
    /// Somebody may sign in, if the value is yes.
    On,
    /// A word says it.
    Word,
}

/// Words of members and of values for what is over, wherever the member is.
const OFF: &[&str] = &[
    "revoked",
    "revocation",
    "revoke",
    "deleted",
    "deletion",
    "delete",
    "disabled",
    "blocked",
    "banned",
    "suspended",
    "suspension",
    "deactivated",
    "deactivation",
    "removed",
    "removal",
    "inactive",
    "locked",
    "lockedout",
];
/// Further ones, which mean other things within objects of other things.
const OFF_NEAR: &[&str] = &[
    "archived",
    "canceled",
    "cancelled",
    "closed",
    "compromised",
    "deprovisioned",
    "discarded",
    "erased",
    "expired",
    "frozen",
    "invalid",
    "invalidated",
    "lost",
    "obsolete",
    "purged",
    "rejected",
    "retired",
    "stolen",
    "terminated",
    "trashed",
    "unusable",
    "withdrawn",
];
/// Words of members and of values for what can be used.
const ON: &[&str] = &[
    "active",
    "activated",
    "enabled",
    "nonexpired",
    "nonlocked",
    "valid",
];
/// Further values of `status` and `state` for it.
const ON_VALUES: &[&str] = &[
    "approved",
    "completed",
    "confirmed",
    "created",
    "current",
    "enrolled",
    "good",
    "live",
    "normal",
    "ok",
    "ready",
    "registered",
    "verified",
];
/// What may be before such a word in the name of a member, or around the member: each of them is the passkey or its user.
const ABOUT: &[&str] = &[
    "account",
    "authenticator",
    "cred",
    "credential",
    "credentials",
    "customer",
    "data",
    "device",
    "fido",
    "fido2",
    "identity",
    "key",
    "login",
    "member",
    "owner",
    "passkey",
    "person",
    "public",
    "user",
    "webauthn",
];
/// What else may be before it: `is_deleted`, `soft_deleted`, `date_deleted`.
const BEFORE: &[&str] = &["is", "was", "has", "been", "soft", "date", "time", "_"];
/// What may be behind it: `deleted_at`, `revocation_reason`.
const BEHIND: &[&str] = &[
    "at",
    "by",
    "date",
    "datetime",
    "flag",
    "on",
    "reason",
    "since",
    "time",
    "timestamp",
    "until",
];

/// What the members of a record, and of what has it in a list, say. Members at the paths `other` say something else.
pub(super) fn standing(row: &Row, other: &[String]) -> Standing {
    let other: Vec<_> = other.iter().map(|path| plain_path(path)).collect();
    let mut unclear = None;
    for (path, value) in row.all() {
        if other.iter().any(|other| is_at(path, other)) {
            continue;
        }
        match says(path).map(|says| is_enabled(says, value)) {
            Some(Some(false)) => return Standing::Disabled(path.to_owned()),
            Some(None) => unclear = unclear.or(Some(path)),
            Some(Some(true)) | None => {}
        }
    }
    unclear.map_or(Standing::Enabled, |path| Standing::Unclear(path.to_owned()))
}

/// Whether a member is at a path, or below it.
fn is_at(path: &str, one: &str) -> bool {
    let rest = path.strip_prefix(one);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What a member says by its path. An object with such a name says it too: `MongoDB` writes a moment as one.
fn says(path: &str) -> Option<Says> {
    let mut is_near = true;
    for name in path.split('.') {
        if let Some(says) = says_by_name(name, is_near) {
            return Some(says);
        }
        is_near &= ABOUT.contains(&name);
    }
    None
}

fn says_by_name(name: &str, is_near: bool) -> Option<Says> {
    if is_near && ON.contains(&name) {
        return Some(Says::On);
    }
    if is_near && matches!(name, "state" | "status") {
        return Some(Says::Word);
    }
    if is_off(name, is_near) {
        return Some(Says::Off);
    }
    let before = BEFORE.iter().chain(ABOUT);
    let mut rests = before.filter_map(|before| name.strip_prefix(before));
    rests.find_map(|rest| says_by_name(rest, is_near))
}

fn is_off(word: &str, is_near: bool) -> bool {
    let is = |word: &str| OFF.contains(&word) || is_near && OFF_NEAR.contains(&word);
    let without = |behind: &&str| word.strip_suffix(behind).is_some_and(is);
    is(word) || BEHIND.iter().any(without)
}

/// Whether somebody may sign in by such a value; nothing if nobody knows.
fn is_enabled(says: Says, value: &Value) -> Option<bool> {
    match says {
        Says::Off => Some(is_no(value)),
        Says::On => truth(value).or_else(|| word(value)),
        Says::Word => word(value),
    }
}

/// Whether a value says that something has not happened.
fn is_no(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        // A moment that is no moment, as MySQL, Go and .NET write it.
        Value::String(text) if text.starts_with("0000-00-00") || text.starts_with("0001-01-01") => {
            true
        }
        Value::String(text) => {
            let text = text.trim().to_ascii_lowercase();
            matches!(&*text, "" | "none" | "never" | "null") || truth(value) == Some(false)
        }
        other => truth(other) == Some(false),
    }
}

/// What a word says about it.
fn word(value: &Value) -> Option<bool> {
    let word = plain_path(value.as_str()?.trim());
    if is_off(&word, true) {
        Some(false)
    } else if ON.contains(&&*word) || ON_VALUES.contains(&&*word) {
        Some(true)
    } else {
        None
    }
}
