//! The catalogue: what is changed, and in which ceremonies.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ceremony::{Case, Kind};
use super::merge;
use crate::algorithm::Algorithm;
use crate::encoding::from_base64url;
use crate::error::Error;
use crate::json as edit;
use crate::lies::Lies;
use crate::random::Random;

const CATALOGUE: &str = include_str!("changes.ndjson");

/// All changes, in order.
pub(super) fn catalogue() -> Result<Vec<Change>, Error> {
    let lines = CATALOGUE
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("//"));
    lines
        .map(|line| {
            serde_json::from_str(line).map_err(|error| Error::corpus(format!("{error}: {line}")))
        })
        .collect()
}

/// One line of the catalogue. It makes a case for each combination of its ceremonies, formats and algorithms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// `r` for registrations, `a` for authentications, or both.
    of: String,
    /// The formats of registrations.
    #[serde(default)]
    formats: Vec<String>,
    /// The algorithms of credentials; by default what the format is known for.
    #[serde(default)]
    algorithms: Vec<Algorithm>,
    /// What stands in the label; by default it is made of the members below.
    label: Option<String>,
    /// Members of [`crate::Profile`].
    #[serde(default)]
    profile: Map<String, Value>,
    /// Members of [`Lies`]. `@challenge@` stands for the challenge.
    #[serde(default)]
    lies: Map<String, Value>,
    /// The client data as a text, with `@type@` and `@challenge@`; a byte that is not UTF-8 is written `@xff@`.
    client_data: Option<String>,
    /// Members of the case that differ from what the ceremony was made for; null removes one.
    #[serde(default)]
    expect: Map<String, Value>,
    /// What is done to the finished credential.
    #[serde(default)]
    edits: Vec<Edit>,
}

/// A change of the finished credential, at a dotted path.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Edit {
    /// Writes a value.
    Set(String, Value),
    /// Removes a member.
    Without(String),
    /// Moves a member.
    Move(String, String),
    /// Adds padding to base64url.
    Pad(String),
    /// Writes in the alphabet of base64.
    Classic(String),
    /// Appends a line feed.
    LineFeed(String),
    /// Puts a blank into the middle.
    Blank(String),
    /// Sets bits behind the last byte.
    LeftOver(String),
    /// Cuts the last characters off, so that the last one that is left stands for no byte.
    Cut(String),
    /// A member in front of the others, verbatim.
    First(String),
    /// A member in front of the others of `response`, verbatim.
    FirstOfResponse(String),
}

impl Change {
    /// Its cases.
    pub(super) fn cases(&self, random: &mut Random) -> Result<Vec<Case>, Error> {
        let plan = self.plan()?;
        plan.iter()
            .map(|(kind, format, algorithm)| self.case(*kind, format, *algorithm, random))
            .collect()
    }

    /// Ceremony, format and algorithm of each case.
    fn plan(&self) -> Result<Vec<(Kind, String, Algorithm)>, Error> {
        let mut plan = Vec::new();
        for kind in self.of.chars() {
            let (kind, formats) = match kind {
                'r' => (Kind::Registration, self.formats.clone()),
                'a' => (Kind::Authentication, vec!["-".to_owned()]),
                _ => return Err(Error::corpus(format!("no such ceremony: {}", self.of))),
            };
            for format in formats {
                let usual = [if format == "tpm" {
                    Algorithm::RS256
                } else {
                    Algorithm::ES256
                }];
                let algorithms = if self.algorithms.is_empty() {
                    &usual[..]
                } else {
                    &self.algorithms
                };
                let cases = algorithms
                    .iter()
                    .map(|algorithm| (kind, format.clone(), *algorithm));
                plan.extend(cases);
            }
        }
        if plan.is_empty() {
            return Err(Error::corpus(format!("no case of {}", self.name())));
        }
        Ok(plan)
    }

    fn case(
        &self,
        kind: Kind,
        format: &str,
        algorithm: Algorithm,
        random: &mut Random,
    ) -> Result<Case, Error> {
        let lies = |challenge: &str| self.lies(kind, format, challenge);
        let profile = Value::Object(self.profile.clone());
        let mut case = Case::make(kind, format, algorithm, &profile, lies, random)?;
        case.change = self.name();
        for (member, value) in &self.expect {
            if value.is_null() {
                case.expected.remove(member);
            } else {
                case.expected.insert(member.clone(), value.clone());
            }
        }
        for edit in &self.edits {
            edit.apply(&mut case)?;
        }
        Ok(case)
    }

    fn lies(&self, kind: Kind, format: &str, challenge: &str) -> Result<Lies, Error> {
        let mut lies = json!({});
        if format == "android-key" {
            // As the devices of the first years did, and as the verifiers that are compared want it.
            lies = json!({"chain": {"root_included": true}});
        }
        merge(&mut lies, &Value::Object(self.lies.clone()));
        let text = lies.to_string();
        let text = text.replace("@challenge@", challenge);
        let mut lies: Lies = serde_json::from_str(&text).map_err(Error::corpus)?;
        if let Some(template) = &self.client_data {
            let name = match kind {
                Kind::Registration => "webauthn.create",
                Kind::Authentication => "webauthn.get",
            };
            let text = template.replace("@challenge@", challenge);
            let text = text.replace("@type@", name);
            let pieces: Vec<_> = text.split("@xff@").map(str::as_bytes).collect();
            lies.client_data_json = Some(pieces.join(&0xff));
        }
        Ok(lies)
    }

    /// What changes, for the label.
    fn name(&self) -> String {
        if let Some(label) = &self.label {
            return label.clone();
        }
        let mut parts = Vec::new();
        for (kind, members) in [
            ("profile", &self.profile),
            ("lie", &self.lies),
            ("expect", &self.expect),
        ] {
            for (name, value) in members {
                flatten(&format!("{kind}:{name}"), value, &mut parts);
            }
        }
        parts.extend(self.edits.iter().map(Edit::name));
        parts.join("+")
    }
}

/// `{"b": 1, "c": true}` below `a` as `a.b=1` and `a.c`.
fn flatten(name: &str, value: &Value, parts: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (member, value) in members {
                flatten(&format!("{name}.{member}"), value, parts);
            }
        }
        Value::Bool(true) => parts.push(name.to_owned()),
        Value::String(text) => parts.push(format!("{name}={text}")),
        other => parts.push(format!("{name}={other}")),
    }
}

impl Edit {
    fn apply(&self, case: &mut Case) -> Result<(), Error> {
        let credential = &mut case.credential;
        match self {
            Self::Set(path, value) => edit::set(credential, path, value.clone()),
            Self::Without(path) => {
                edit::without(credential, path);
            }
            Self::Move(from, to) => {
                if let Some(value) = edit::without(credential, from) {
                    edit::set(credential, to, value);
                }
            }
            Self::First(member) => case.first_member = Some(member.clone()),
            Self::FirstOfResponse(member) => case.first_response_member = Some(member.clone()),
            Self::Pad(path) => rewrite(credential, path, |text| Some(padded(text)))?,
            Self::Classic(path) => rewrite(credential, path, classic)?,
            Self::LineFeed(path) => rewrite(credential, path, |text| Some(format!("{text}\n")))?,
            Self::Blank(path) => rewrite(credential, path, |text| {
                let (begin, end) = text.split_at(text.len() / 2);
                Some(format!("{begin} {end}"))
            })?,
            Self::Cut(path) => rewrite(credential, path, cut)?,
            Self::LeftOver(path) => rewrite(credential, path, left_over)?,
        }
        Ok(())
    }

    fn name(&self) -> String {
        match self {
            Self::Set(path, value) => format!("json:{path}={value}"),
            Self::Without(path) => format!("json:{path}.absent"),
            Self::Move(from, to) => format!("json:{from}.as.{to}"),
            Self::Pad(path) => format!("json:{path}.padded"),
            Self::Classic(path) => format!("json:{path}.classic-alphabet"),
            Self::LineFeed(path) => format!("json:{path}.line-feed"),
            Self::Blank(path) => format!("json:{path}.blank"),
            Self::LeftOver(path) => format!("json:{path}.left-over-bits"),
            Self::Cut(path) => format!("json:{path}.cut"),
            Self::First(member) => format!("json:first:{member}"),
            Self::FirstOfResponse(member) => format!("json:response.first:{member}"),
        }
    }
}

/// Puts what `how` makes of the text at `path` in its place.
fn rewrite(
    credential: &mut Value,
    path: &str,
    how: impl FnOnce(&str) -> Option<String>,
) -> Result<(), Error> {
    let pointer = format!("/{}", path.replace('.', "/"));
    let text = credential.pointer(&pointer).and_then(Value::as_str);
    let text = text.and_then(how);
    let text = text.ok_or_else(|| Error::corpus(format!("this edit is not possible at {path}")))?;
    edit::set(credential, path, text);
    Ok(())
}

/// With padding: at least one character, so that the text differs even where none is due.
fn padded(text: &str) -> String {
    let missing = 4 - text.len() % 4;
    format!("{text}{}", "=".repeat(missing))
}

/// In the alphabet of base64, where that makes a difference.
fn classic(text: &str) -> Option<String> {
    let other = text.replace('-', "+").replace('_', "/");
    (other != text).then_some(other)
}

/// As long as no base64url is: one character more than groups of four.
fn cut(text: &str) -> Option<String> {
    let length = (1..text.len()).rfind(|length| length % 4 == 1)?;
    text.get(..length).map(str::to_owned)
}

/// The same bytes, with bits in the last character that stand for nothing.
fn left_over(text: &str) -> Option<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if from_base64url(text)?.len().is_multiple_of(3) {
        return None;
    }
    let (begin, last) = text.split_at(text.len() - 1);
    let raised = ALPHABET.chars().nth(ALPHABET.find(last)? + 1)?;
    Some(format!("{begin}{raised}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_catalogue_can_be_read_and_names_no_case_twice() {
        let mut seen = HashSet::new();
        for change in catalogue().unwrap() {
            for planned in change.plan().unwrap() {
                let name = format!("{planned:?} {}", change.name());
                assert!(seen.insert(name.clone()), "{name}");
            }
        }
        assert!(seen.len() > 1000);
    }

    #[test]
    fn base64url_is_rewritten_so_that_no_strict_decoder_takes_it() {
        assert_eq!(padded("AAAA"), "AAAA====");
        assert_eq!(padded("AA"), "AA==");
        assert_eq!(classic("a-_").unwrap(), "a+/");
        assert_eq!(classic("abc"), None);
        assert_eq!(cut("AAAAAAA").unwrap(), "AAAAA");
        assert_eq!(cut("AAAAA").unwrap(), "A");
        assert_eq!(left_over("AA").unwrap(), "AB");
        assert_eq!(left_over("AAAA"), None);
    }
}
