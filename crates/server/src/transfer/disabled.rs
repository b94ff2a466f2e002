//! Whether the product lets somebody sign in with a passkey. Each product says it in its own way, and a passkey that was revoked must not
//! come back: so every member that may say it counts, wherever it is, and one whose value is not known is refused.

use std::collections::BTreeSet;

use domain::model::clock::{Clock, SystemClock, Timestamp};
use serde_json::Value;

use super::names::NAMES;
use super::rows::{Row, plain};
use super::source::Told;
use super::values::{moment, truth};

/// What a record says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing speaks against a sign-in.
    Enabled,
    /// This member, with its value, says that nobody may sign in.
    Disabled(String),
    /// This member may say so, and its value is not known.
    Unclear(String),
}

/// What a member says whose name has such a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// Nobody may sign in, if the value is anything but no.
    Off,
    /// Somebody may sign in, if the value is yes.
    On,
    /// A word says it.
    Word,
    /// Nobody may sign in until a moment.
    Until,
}

impl Says {
    /// Whether each record has to have such a member where one has.
    pub(super) fn is_stated(self) -> bool {
        matches!(self, Self::On | Self::Word)
    }
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
    "ban",
    "block",
    "canceled",
    "cancelled",
    "closed",
    "compromised",
    "del",
    "deprovisioned",
    "disable",
    "discarded",
    "erased",
    "expired",
    "frozen",
    "invalid",
    "invalidated",
    "lock",
    "lost",
    "obsolete",
    "purged",
    "rejected",
    "retired",
    "stolen",
    "suspend",
    "terminated",
    "trashed",
    "unusable",
    "withdrawn",
];
/// Words of members and of values for what can be used.
const ON: &[&str] = &[
    "active",
    "activated",
    "enable",
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
    "accounts",
    "authenticator",
    "authenticators",
    "client",
    "cred",
    "credential",
    "credentials",
    "customer",
    "customers",
    "data",
    "device",
    "devices",
    "employee",
    "fido",
    "fido2",
    "identity",
    "key",
    "keys",
    "lifecycle",
    "login",
    "member",
    "members",
    "owner",
    "passkey",
    "passkeys",
    "people",
    "person",
    "profile",
    "public",
    "staff",
    "user",
    "users",
    "webauthn",
];
/// What else may be before it: `is_deleted`, `soft_deleted`, `aasm_state`.
const BEFORE: &[&str] = &[
    "aasm", "auth", "been", "current", "date", "has", "is", "record", "row", "soft", "time", "was",
    "workflow", "_",
];
/// What may be behind it: `deleted_at`, `revocation_reason`.
const BEHIND: &[&str] = &[
    "at",
    "by",
    "date",
    "datetime",
    "on",
    "reason",
    "since",
    "time",
    "timestamp",
    "utc",
];
/// What may be behind a word for what is over and for what can be used: `active_flag`, `del_yn`.
const FLAG: &[&str] = &["code", "flag", "flg", "ind", "yn"];
/// Before a moment, if it is one, and no more after it: `LockoutEnd` of ASP.NET.
const UNTIL: &[&str] = &["lockoutend", "lockoutendutc"];

/// Moments by which products say that there is none: those of `MySQL`, and of Go and .NET.
const NO_MOMENT: &[&str] = &["0000-00-00", "0001-01-01", "-62135596800"];
const ZERO_OF_GO: i64 = -62_135_596_800;
/// No lock of a passkey or of its user ends before the year 2000. What reads as such a moment is seconds of the year 9999 taken for
/// milliseconds, a date as one number, or a count.
const EARLIEST_LOCK: Timestamp = Timestamp(946_684_800_000);
/// So much of a value is shown, in characters.
const LONGEST_SHOWN: usize = 40;

/// What is known of a record.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) standing: Standing,
    /// Members that would say otherwise and are ignored, with their values.
    pub(super) ignored: Vec<String>,
}

/// What the members of a record, and of what has it in a list, say. `stated` are the members that say it in other records.
pub(super) fn standing(row: &Row, told: &Told, stated: &BTreeSet<String>) -> Found {
    let near = near(told);
    let (mut disabled, mut unclear, mut ignored) = (None, None, Vec::new());
    let mut there = BTreeSet::new();
    for member in row.all() {
        let Some(says) = says(member.path, &near) else {
            continue;
        };
        let path = member.full();
        let enabled = is_enabled(says, member.value);
        let shown = || {
            let text = member.value.to_string();
            let text: String = text.chars().take(LONGEST_SHOWN).collect();
            format!("{path} ({text})")
        };
        if told.ignores(&path).is_some() {
            ignored.extend((enabled != Some(true)).then(shown));
        } else if enabled == Some(false) {
            disabled.get_or_insert_with(shown);
        } else if enabled.is_none() {
            unclear.get_or_insert_with(shown);
        }
        there.insert(path);
    }
    // A value that is nothing may be `false`: PHP writes it so.
    let missing = stated
        .iter()
        .find(|path| !there.contains(path.as_str()) && told.ignores(path).is_none());
    let missing = missing.map(|path| {
        if row.empty().any(|member| member.full() == **path) {
            format!("{path} (which is empty)")
        } else {
            format!("{path} (which other records have)")
        }
    });
    let standing = match (disabled, unclear.or(missing)) {
        (Some(member), _) => Standing::Disabled(member),
        (None, Some(member)) => Standing::Unclear(member),
        (None, None) => Standing::Enabled,
    };
    Found { standing, ignored }
}

/// The object in which the name of the user is, if an operator has named one.
pub(super) fn near(told: &Told) -> String {
    let user = told.user_path().unwrap_or_default();
    let object = user.rsplit_once('.').map(|(object, _)| object);
    object.unwrap_or_default().to_owned()
}

/// What a member says by its path. An object with such a name says it too: `MongoDB` writes a moment as one. `near` is the object in which the
/// name of the user is.
pub(super) fn says(path: &str, near: &str) -> Option<Says> {
    if NAMES.state.iter().any(|state| is_last(path, state)) {
        return None;
    }
    let mut is_near = true;
    for name in path.split('.') {
        if let Some(says) = says_by_name(name, is_near) {
            return Some(says);
        }
        is_near &= ABOUT.contains(&name) || near.split('.').any(|object| object == name);
    }
    None
}

/// Whether a path ends with another one.
fn is_last(path: &str, last: &str) -> bool {
    let before = path.strip_suffix(last);
    before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn says_by_name(name: &str, is_near: bool) -> Option<Says> {
    if is_near && UNTIL.contains(&name) || is_over(name, is_near, "until") {
        return Some(Says::Until);
    }
    let without_flag = FLAG.iter().find_map(|flag| name.strip_suffix(flag));
    let is = |word: &str| is_near && ON.contains(&word);
    if is(name) || without_flag.is_some_and(is) {
        return Some(Says::On);
    }
    let is = |word: &str| is_near && matches!(word, "state" | "status");
    if is(name) || without_flag.is_some_and(is) {
        return Some(Says::Word);
    }
    if is_off(name, is_near) {
        return Some(Says::Off);
    }
    let before = BEFORE.iter().chain(ABOUT);
    let mut rests = before.filter_map(|before| name.strip_prefix(before));
    rests.find_map(|rest| says_by_name(rest, is_near))
}

/// Whether it is a word for what is over, with something behind it.
fn is_over(name: &str, is_near: bool, behind: &str) -> bool {
    let word = name.strip_suffix(behind);
    word.is_some_and(|word| is_off(word, is_near))
}

fn is_off(word: &str, is_near: bool) -> bool {
    OFF.contains(&word)
        || is_near && OFF_NEAR.contains(&word)
        || BEHIND
            .iter()
            .chain(FLAG)
            .any(|behind| is_over(word, is_near, behind))
}

/// Whether somebody may sign in by such a value; nothing if nobody knows.
fn is_enabled(says: Says, value: &Value) -> Option<bool> {
    match says {
        Says::Off => Some(is_no(value)),
        Says::On => truth(value).or_else(|| word(value)),
        Says::Word => word(value),
        // `infinity` of PostgreSQL is no moment.
        Says::Until if is_no(value) && !is_never(value) => Some(true),
        Says::Until => match moment(value) {
            // Nobody knows whether somebody is locked until never, nor what a small number or one of another unit means.
            Some(until) if until < EARLIEST_LOCK => None,
            Some(until) => Some(until < SystemClock::default().now()),
            None if is_never(value) => None,
            None => Some(false),
        },
    }
}

/// Whether a value is a word for a moment that does not come.
fn is_never(value: &Value) -> bool {
    let word = value.as_str().map(str::trim);
    word.is_some_and(|word| word.eq_ignore_ascii_case("never"))
}

/// Whether a value says that something has not happened.
fn is_no(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        // A moment that is no moment, as MySQL, Go and .NET write it.
        Value::String(text) if NO_MOMENT.iter().any(|no| text.trim().starts_with(no)) => true,
        Value::Number(number) if number.as_i64() == Some(ZERO_OF_GO) => true,
        Value::String(text) => {
            let text = text.trim().to_ascii_lowercase();
            matches!(&*text, "" | "none" | "never" | "null") || truth(value) == Some(false)
        }
        other => truth(other) == Some(false),
    }
}

/// What a word says about it.
fn word(value: &Value) -> Option<bool> {
    let word = plain(value.as_str()?.trim());
    if is_off(&word, true) {
        Some(false)
    } else if ON.contains(&&*word) || ON_VALUES.contains(&&*word) {
        Some(true)
    } else {
        None
    }
}
