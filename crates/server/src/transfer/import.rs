//! A file of another product, record by record.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use domain::Passkeys;
use domain::model::clock::Timestamp;
use domain::model::ids::ImportId;
use domain::model::refusal::Refusal;
use domain::service::transfer::{Outcome, Passkey, Target};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinSet;

use super::columns::Columns;
use super::file::each_record;
use super::names::NAMES;
use super::shapes::Converted;
use super::source::{Source, Told};

/// Records that are written at once: the store commits them in groups.
const AT_ONCE: usize = 64;
/// Records between the reader of the file and the writer.
const BUFFER: usize = 256;

/// Said of each passkey that a user gets who was there before the import.
const KNOWN_USER: &str = "the Service has a user of this name already, who gets the passkey: compare that it is the same person";

/// Why an import ended.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file.
    #[error("{0}")]
    File(String),
    /// The store.
    #[error("{}", .0.message)]
    Store(Refusal),
}

impl From<Refusal> for ImportError {
    fn from(refusal: Refusal) -> Self {
        Self::Store(refusal)
    }
}

/// What became of a record, or would become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Where it is in the file.
    pub place: String,
    /// Its user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its credential id, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// `added`, `exists`, `counter_raised` or `refused`.
    pub outcome: &'static str,
    /// Why it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the file leaves out or says in its own way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Report {
    pub(super) fn new(place: String, outcome: Outcome) -> Self {
        let (outcome, reason) = match outcome {
            Outcome::Added { .. } => ("added", None),
            Outcome::Exists => ("exists", None),
            Outcome::CounterRaised => ("counter_raised", None),
            Outcome::Refused(why) => ("refused", Some(why)),
        };
        Self {
            place,
            user: None,
            credential: None,
            outcome,
            reason,
            notes: Vec::new(),
        }
    }
}

/// An import in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Records by note.
    pub notes: BTreeMap<String, u64>,
    /// What holds for the whole file.
    pub file: Vec<String>,
    /// Why the import would write nothing.
    pub stopped: Option<String>,
}

impl Summary {
    /// How many records had this outcome.
    pub fn count(&self, outcome: &str) -> u64 {
        self.outcomes.get(outcome).copied().unwrap_or_default()
    }

    pub(super) fn take(&mut self, report: &Report) {
        *self.outcomes.entry(report.outcome).or_default() += 1;
        for note in &report.notes {
            *self.notes.entry(note.clone()).or_default() += 1;
        }
    }
}

/// How records become passkeys of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is written.
    DryRun,
    /// They are written, and noted as those of this import.
    Write(ImportId),
}

/// A file of another product, looked at once.
#[derive(Debug, Clone)]
pub struct Looked {
    source: Source,
    told: Told,
    columns: Columns,
    /// Names that two users have, as images.
    namesakes: HashSet<u64>,
    /// Passkeys of which one record says that they are revoked, as images.
    revoked: HashSet<u64>,
    /// How its columns are read, in words.
    said: Vec<String>,
}

impl Looked {
    /// Why nothing of the file is imported, if that is so.
    pub fn stops(&self) -> Option<String> {
        self.columns.unread()
    }

    /// What is said of the whole file.
    fn opening(&self, mode: Mode) -> Result<Summary, ImportError> {
        let stopped = self.stops();
        if let (Some(why), Mode::Write(_)) = (&stopped, mode) {
            return Err(ImportError::File(why.clone()));
        }
        let mut file = self.said.clone();
        file.extend(self.columns.users(self.source, &self.told));
        file.push(self.columns.judged());
        file.extend(stopped.clone());
        Ok(Summary {
            file,
            stopped,
            ..Summary::default()
        })
    }
}

/// Looks at the records of a file: which encodings and which names its columns have.
///
/// # Errors
/// [`ImportError::File`]: it cannot be read, or has no record.
pub fn look(file: &Path, source: Source, told: &Told) -> Result<Looked, ImportError> {
    let mut columns = Columns::default();
    let mut rows = 0;
    let mut realm: Option<String> = None;
    each_record(file, told.csv, |place, value| {
        if let Some(found) = value.get("realm").and_then(Value::as_str)
            && source == Source::Keycloak
            && *realm.get_or_insert_with(|| found.to_owned()) != found
        {
            return Err("the file has several realms, and two of them may have users of one name: export one realm".to_owned());
        }
        for row in source.rows(place, &value) {
            rows += usize::from(!row.is_person());
            columns.look(&row, source, told);
        }
        Ok(())
    })
    .map_err(ImportError::File)?;
    let said = columns.decide(told);
    if rows == 0 {
        return Err(ImportError::File(
            "no record was found in the file: is --from the product that wrote it?".to_owned(),
        ));
    }
    let said = said.map_err(ImportError::File)?;
    let (namesakes, revoked) =
        namesakes(file, source, told, &columns).map_err(ImportError::File)?;
    Ok(Looked {
        source,
        namesakes,
        revoked,
        told: told.clone(),
        said,
        columns,
    })
}

/// Names that two users of the file have: nobody knows which of them is meant, and one may have chosen the name of the other. And passkeys that
/// may be revoked: another record of one, as a history has it, must not bring it back. All as images.
fn namesakes(
    file: &Path,
    source: Source,
    told: &Told,
    columns: &Columns,
) -> Result<(HashSet<u64>, HashSet<u64>), String> {
    let (mut met, mut namesakes, mut revoked) = (HashMap::new(), HashSet::new(), HashSet::new());
    each_record(file, told.csv, |place, value| {
        for row in source.rows(place, &value) {
            if let Some(name) = source.user_of(&row, columns, told) {
                let name = image(name.as_bytes());
                let own = image(row.identity(NAMES.same_user).as_bytes());
                if *met.entry(name).or_insert(own) != own {
                    namesakes.insert(name);
                }
            }
            if !told.include_disabled
                && let Some(id) = Source::revoked_id(&row, columns, told)
            {
                revoked.insert(image(&id));
            }
        }
        Ok(())
    })?;
    Ok((namesakes, revoked))
}

/// Imports a file of another product that was [looked](look) at. `report` gets the report of each record, in the order in which they are
/// done.
///
/// # Errors
/// [`ImportError`]: the file cannot be read, or the store failed. What was written stays; the import can run again.
pub async fn import(
    passkeys: &Arc<Passkeys>,
    target: Target,
    file: &Path,
    looked: &Looked,
    mode: Mode,
    mut report: impl FnMut(&Report),
) -> Result<Summary, ImportError> {
    let begun = passkeys.now();
    let (source, told, columns) = (looked.source, looked.told.clone(), looked.columns.clone());
    let mut summary = looked.opening(mode)?;
    let (send, mut rows) = channel(BUFFER);
    let path = file.to_owned();
    let reader = tokio::task::spawn_blocking(move || {
        each_record(&path, told.csv, |place, value| {
            let rows = source.rows(place, &value).into_iter();
            for row in rows.filter(|row| !row.is_person()) {
                let place = row.place.clone();
                let judged = row.judge();
                let converted = judged.and_then(|()| source.convert(&row, &columns, &told));
                let user = source.user_of(&row, &columns, &told);
                let taken = send.blocking_send((place, user, converted));
                taken.map_err(|_| "the import ended".to_owned())?;
            }
            Ok(())
        })
    });
    let target = Arc::new(target);
    let mut seen = Met {
        namesakes: looked.namesakes.clone(),
        revoked: looked.revoked.clone(),
        ..Met::default()
    };
    let mut stated = false;
    let mut running = JoinSet::new();
    let mut done = |one: Report, summary: &mut Summary| {
        summary.take(&one);
        report(&one);
    };
    while let Some((place, user, converted)) = next(&mut rows).await {
        let judged = converted.and_then(|converted| {
            stated |= converted.rp_id.is_some();
            seen.judge(without_future(converted, begun), target.rp_id())
        });
        let converted = match judged {
            Ok(converted) => converted,
            Err(why) => {
                let mut report = Report::new(place, Outcome::Refused(why));
                report.user = user;
                done(report, &mut summary);
                continue;
            }
        };
        let (passkeys, target) = (Arc::clone(passkeys), Arc::clone(&target));
        running.spawn(async move {
            let Converted { passkey, notes, .. } = converted;
            let outcome = match mode {
                Mode::DryRun => passkeys.foresee_import(&target, &passkey).await?,
                Mode::Write(id) => passkeys.import_passkey(&target, &passkey, id).await?,
            };
            let mut report = Report::new(place, outcome.clone());
            report.user = Some(passkey.user);
            report.credential = Some(passkey.id.to_base64url());
            report.notes = notes;
            if let Outcome::Added {
                user_since: Some(since),
            } = outcome
                && since < begun
            {
                report.notes.push(KNOWN_USER.to_owned());
            }
            Ok::<_, Refusal>(report)
        });
        // In order where nothing is written.
        let most = if mode == Mode::DryRun { 0 } else { AT_ONCE };
        while running.len() > most {
            if let Some(one) = running.join_next().await {
                done(ended(one)?, &mut summary);
            }
        }
    }
    while let Some(one) = running.join_next().await {
        done(ended(one)?, &mut summary);
    }
    match reader.await {
        Ok(read) => read.map_err(ImportError::File)?,
        Err(_) => return Err(ImportError::File("the file could not be read".to_owned())),
    }
    if !stated {
        summary.file.push(format!(
            "the file does not say for which RP ID the passkeys were registered: {} is assumed",
            target.rp_id()
        ));
    }
    Ok(summary)
}

/// A moment that has not come is not known: otherwise it would count as a first sign-in here.
fn without_future(mut converted: Converted, begun: Timestamp) -> Converted {
    let passkey = &mut converted.passkey;
    for at in [&mut passkey.created, &mut passkey.last_used] {
        if at.is_some_and(|at| at >= begun) {
            *at = None;
            let note = "a moment in the file is in the future: it is taken as unknown";
            converted.notes.push(note.to_owned());
        }
    }
    converted
}

async fn next<T>(rows: &mut Receiver<T>) -> Option<T> {
    rows.recv().await
}

fn ended<T>(one: Result<Result<T, Refusal>, tokio::task::JoinError>) -> Result<T, ImportError> {
    match one {
        Ok(one) => Ok(one?),
        Err(_) => Err(ImportError::File("the import was stopped".to_owned())),
    }
}

/// What the records before have said: images alone, so that a large file needs little memory.
#[derive(Default)]
struct Met {
    credentials: HashMap<u64, u64>,
    handles: HashMap<u64, u64>,
    /// Names that two users have.
    namesakes: HashSet<u64>,
    /// Passkeys that may be revoked.
    revoked: HashSet<u64>,
}

fn image(bytes: &[u8]) -> u64 {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut kept = [0; 8];
    kept.copy_from_slice(&digest.as_ref()[..8]);
    u64::from_be_bytes(kept)
}

impl Met {
    /// Refuses what contradicts the Relying Party or an earlier record.
    fn judge(&mut self, mut found: Converted, rp_id: &str) -> Result<Converted, String> {
        if let Some(stated) = found.rp_id.as_deref().filter(|stated| *stated != rp_id) {
            return Err(format!(
                "it was registered for the RP ID {stated}, and the Relying Party has {rp_id}"
            ));
        }
        let passkey: &Passkey = &found.passkey;
        let user = image(passkey.user.as_bytes());
        if self.namesakes.contains(&user) {
            return Err("two users of the file, with different ids, have this name: nobody knows whose passkey it is".to_owned());
        }
        let id = image(passkey.id.as_bytes());
        if self.revoked.contains(&id) {
            return Err(
                "another record of the file says of this passkey that it is revoked, or may say so"
                    .to_owned(),
            );
        }
        if self.credentials.insert(id, user).is_some() {
            return Err("the file has this credential id twice".to_owned());
        }
        let handle = image(passkey.user_handle.as_bytes());
        if *self.handles.entry(handle).or_insert(user) != user {
            return Err("another user of the file has the same user handle".to_owned());
        }
        if passkey.aaguid.is_zero() {
            found
                .notes
                .push("the model of the authenticator is not known".to_owned());
        }
        Ok(found)
    }
}
