//! The settings of the file, the environment and the flags: each with its place, and all faults
//! together.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::sections::{Key, REFERENCE};

/// Prefix of all environment variables; `__` separates a section from its key.
pub const ENV_PREFIX: &str = "PASSKEYD_";
/// The configuration file, if no flag names it.
pub const CONFIG: &str = "PASSKEYD_CONFIG";
/// Account SID of the first account, instead of a random one.
pub const BOOTSTRAP_ACCOUNT_SID: &str = "PASSKEYD_BOOTSTRAP_ACCOUNT_SID";
/// Auth Token of the first account, instead of a random one.
pub const BOOTSTRAP_AUTH_TOKEN: &str = "PASSKEYD_BOOTSTRAP_AUTH_TOKEN";
/// The password of a PostgreSQL store.
pub const STORE_PASSWORD: &str = "PASSKEYD_STORE_PASSWORD";

/// The master key.
pub const MASTER_KEY: &str = "PASSKEYD_MASTER_KEY";
/// The master key before this one.
pub const MASTER_KEY_PREVIOUS: &str = "PASSKEYD_MASTER_KEY_PREVIOUS";

/// Settings of the command line. They take precedence over all others.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--listen`
    pub listen: Option<String>,
    /// `--public-url`
    pub public_url: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--store`
    pub store: Option<String>,
}

/// Most characters of a value in a message.
const SHOWN: usize = 40;
/// Variables with the prefix that are not settings.
const OTHERS: [&str; 6] = [
    CONFIG,
    BOOTSTRAP_ACCOUNT_SID,
    BOOTSTRAP_AUTH_TOKEN,
    STORE_PASSWORD,
    MASTER_KEY,
    MASTER_KEY_PREVIOUS,
];

/// The place of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the file.
    File(PathBuf),
    /// In this environment variable.
    Variable(String),
    /// On the command line.
    Flag(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "in {}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "{name}"),
        }
    }
}

/// The given settings by their dotted keys, and their faults.
#[derive(Debug, Default)]
pub(super) struct Given {
    values: BTreeMap<String, (Value, Place)>,
    problems: Vec<String>,
}

impl Given {
    /// Reads all three sources. Later ones take precedence.
    pub(super) fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &Flags,
    ) -> Self {
        let mut given = Self::default();
        if let Some(file) = file {
            given.file(file);
        }
        given.environment(environment);
        given.flags(flags);
        given
    }

    fn file(&mut self, path: &Path) {
        if !path.is_file() {
            self.problems.push(format!(
                "the configuration file {} does not exist",
                path.display()
            ));
            return;
        }
        let table = std::fs::read_to_string(path)
            .map_err(|error| error.to_string())
            .and_then(|text| text.parse::<Table>().map_err(|error| error.to_string()));
        match table {
            Ok(table) => self.table("", table, &Place::File(path.to_owned())),
            Err(why) => self.problems.push(format!(
                "cannot read {} as TOML: {}",
                path.display(),
                why.trim_end()
            )),
        }
    }

    fn table(&mut self, prefix: &str, table: Table, place: &Place) {
        for (name, value) in table {
            let key = dotted(prefix, &name);
            match value {
                // A table that is not a section is searched too, so that each key in it is named.
                Value::Table(inner) if !is_value(&key) && !inner.is_empty() => {
                    self.table(&key, inner, place);
                }
                value => self.add(key, value, place.clone()),
            }
        }
    }

    fn environment(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) {
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.sort();
        for (name, text) in variables {
            let name = name.to_string_lossy().into_owned();
            let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            if OTHERS.contains(&name.as_str()) {
                continue;
            }
            let key = rest.to_lowercase().replace("__", ".");
            let Some(text) = text.to_str() else {
                self.problems.push(format!("{name} is not UTF-8"));
                continue;
            };
            let value = find(&key).map_or_else(
                || Value::String(text.to_owned()),
                |found| (found.from_text)(text),
            );
            self.add(key, value, Place::Variable(name));
        }
    }

    fn flags(&mut self, flags: &Flags) {
        let data_dir = flags.data_dir.as_deref().map(|path| match path.to_str() {
            Some(path) => Ok(path.to_owned()),
            None => Err(format!("--data-dir: {} is not UTF-8", path.display())),
        });
        let given = [
            ("listen", "--listen", flags.listen.clone().map(Ok)),
            (
                "public_url",
                "--public-url",
                flags.public_url.clone().map(Ok),
            ),
            ("data_dir", "--data-dir", data_dir),
            ("store", "--store", flags.store.clone().map(Ok)),
        ];
        for (key, flag, value) in given {
            match value {
                Some(Ok(text)) => self.add(key.to_owned(), Value::String(text), Place::Flag(flag)),
                Some(Err(problem)) => self.problems.push(problem),
                None => {}
            }
        }
    }

    fn add(&mut self, key: String, value: Value, place: Place) {
        if find(&key).is_some() {
            self.values.insert(key, (value, place));
            return;
        }
        let section = REFERENCE
            .iter()
            .find(|section| !section.prefix.is_empty() && section.prefix == key);
        self.problems.push(match section {
            // An empty table has no effect and is not a fault.
            Some(_) if matches!(&value, Value::Table(inner) if inner.is_empty()) => return,
            Some(section) => format!(
                "`{key}` ({place}) is a section, not a setting: its settings are {}",
                section
                    .keys
                    .iter()
                    .map(|inner| format!("`{}`", at(&dotted(&key, inner.name), &place)))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            None => {
                // What README has back ends call the address of passkeyd may be in the same environment.
                if matches!(&place, Place::Variable(name) if name == "PASSKEYD_URL") {
                    return;
                }
                let hint = nearest(&key)
                    .map(|right| format!("; did you mean `{}`?", at(&right, &place)))
                    .unwrap_or_default();
                format!("unknown setting `{key}` ({place}){hint}")
            }
        });
    }

    /// The settings as one table, and all faults so far. Unreadable settings are left out.
    pub(super) fn checked(mut self) -> (Table, Places, Vec<String>) {
        let mut table = Table::new();
        let mut places = Places::default();
        for (key, (value, place)) in self.values {
            let Some(found) = find(&key) else { continue };
            if !(found.fits)(&value) {
                self.problems.push(format!(
                    "`{key}` ({place}): expected {}, found {}",
                    found.expected,
                    shown(&value)
                ));
                continue;
            }
            places.0.insert(key.clone(), place);
            match key.split_once('.') {
                Some((section, name)) => {
                    let inner = table
                        .entry(section)
                        .or_insert_with(|| Value::Table(Table::new()));
                    if let Value::Table(inner) = inner {
                        inner.insert(name.to_owned(), value);
                    }
                }
                None => {
                    table.insert(key, value);
                }
            }
        }
        (table, places, self.problems)
    }
}

/// The place of each setting.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<String, Place>);

impl Places {
    /// The key, and its place if it was given.
    pub(super) fn name(&self, key: &str) -> String {
        match self.0.get(key) {
            Some(place) => format!("`{key}` ({place})"),
            None => format!("`{key}`"),
        }
    }
}

/// The spelling of the key at this place.
fn at(key: &str, place: &Place) -> String {
    match place {
        Place::Variable(_) if key.starts_with(ENV_PREFIX) => key.to_owned(),
        Place::Variable(_) => format!("{ENV_PREFIX}{}", key.replace('.', "__").to_uppercase()),
        Place::File(_) | Place::Flag(_) => key.to_owned(),
    }
}

fn dotted(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}

/// Every setting with its dotted key.
fn settings() -> impl Iterator<Item = (String, &'static Key)> {
    REFERENCE.iter().flat_map(|section| {
        section
            .keys
            .iter()
            .filter(|key| !key.default.is_empty())
            .map(|key| (dotted(section.prefix, key.name), key))
    })
}

fn find(key: &str) -> Option<&'static Key> {
    settings().find(|(name, _)| name == key).map(|(_, key)| key)
}

fn is_value(key: &str) -> bool {
    find(key).is_some()
}

/// The setting that was probably meant: one with a similar name, or with this name in another section.
fn nearest(key: &str) -> Option<String> {
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
    let others = OTHERS
        .iter()
        .map(|name| (name[ENV_PREFIX.len()..].to_lowercase(), (*name).to_owned()));
    settings()
        .map(|(name, _)| (name.clone(), name))
        .chain(others)
        .map(|(name, right)| {
            let mut distance = strsim::damerau_levenshtein(key, &name);
            // The same name in another section. `enabled` alone does not say which section was meant.
            if last(key) == last(&name) && last(key) != "enabled" {
                distance = distance.min(1);
            }
            (distance, name, right)
        })
        .min()
        .filter(|(distance, name, _)| *distance <= (name.len() / 3).max(2))
        .map(|(_, _, right)| right)
}

/// A value as TOML writes it, cut to a length that fits a line.
fn shown(value: &Value) -> String {
    if value.is_table() {
        return "a table".to_owned();
    }
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain("...".chars()).collect()
}
