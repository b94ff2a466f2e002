//! An export of passkeyd, imported: every record keeps its key.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use domain::Passkeys;
use domain::model::ids::{AccountId, ImportId, RelyingPartyId};
use domain::model::refusal::Refusal;
use domain::model::user::User;
use domain::service::transfer::{Outcome, OwnCredential, OwnFile, OwnJudged, OwnUser};
use tokio::task::JoinSet;

use super::file::LONGEST_LINE;
use super::import::{ImportError, Mode, Report, Summary};
use super::record::{Counts, Credential, FORMAT, Line, VERSION};

/// Users, and events, that are written at once.
const AT_ONCE: usize = 64;

/// The outcome of records of another Relying Party than the wanted one.
pub const LEFT_OUT: &str = "left_out";

const UNKNOWN_WORD: &str = "it has a word that this passkeyd does not know";

/// An export that can be imported.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// The only Relying Party that is wanted, with its account.
    only: Option<(RelyingPartyId, AccountId)>,
}

impl Checked {
    /// Whether a step is about another Relying Party or account than the wanted ones.
    fn leaves_out(&self, step: &Step) -> bool {
        let Some((rp, account)) = self.only else {
            return false;
        };
        match step {
            Step::User(_, own) => own.user.relying_party != rp,
            Step::Alone(_, line) => match &**line {
                Line::Account(line) => line.id != account,
                Line::RelyingParty(line) => line.id != rp,
                Line::Event(line) => line.relying_party != rp,
                Line::Imported(line) => line.relying_party != rp,
                Line::Credential(line) => line.relying_party != rp,
                Line::Header(_) | Line::Manifest(_) | Line::User(_) => false,
            },
        }
    }
}

/// Reads a whole export without writing: that every line is readable, that the manifest matches, and that the only Relying Party that is wanted is
/// in it.
///
/// # Errors
/// [`ImportError::File`].
pub fn check(file: &Path, only: Option<RelyingPartyId>) -> Result<Checked, ImportError> {
    let mut account = None;
    let mut digest = Context::new(&SHA256);
    let mut counts = Counts::default();
    let mut manifest = None;
    each_line(file, |n, text, line| {
        if manifest.is_some() {
            return Err(format!("line {n} comes after the manifest"));
        }
        match &line {
            Line::Header(header) if n == 1 && header.is_known() => {}
            Line::Header(header) if n == 1 => {
                return Err(format!(
                    "the file is of format {} {}, and this passkeyd reads {FORMAT} up to {VERSION}",
                    header.format, header.version
                ));
            }
            Line::Header(_) => return Err(format!("line {n} is a second header")),
            _ if n == 1 => {
                return Err("the file does not begin with the header of an export".to_owned());
            }
            Line::Manifest(found) => {
                manifest = Some(found.clone());
                return Ok(());
            }
            Line::RelyingParty(party) if only == Some(party.id) => account = Some(party.account),
            _ => {}
        }
        counts.count(&line);
        digest.update(text);
        Ok(())
    })?;
    let manifest = manifest.ok_or_else(|| {
        ImportError::File("the file has no manifest at its end: it was cut off".to_owned())
    })?;
    if manifest.counts != counts || manifest.sha256 != hex::encode(digest.finish()) {
        return Err(ImportError::File(
            "the file does not match its manifest: it was changed or damaged".to_owned(),
        ));
    }
    let only = match (only, account) {
        (Some(only), None) => {
            let why = format!("the file has no Relying Party VA{}", only.to_hex());
            return Err(ImportError::File(why));
        }
        (only, account) => only.zip(account),
    };
    Ok(Checked { only })
}

fn each_line(
    file: &Path,
    mut take: impl FnMut(u64, &[u8], Line) -> Result<(), String>,
) -> Result<(), ImportError> {
    let unreadable =
        |error| ImportError::File(format!("cannot read the file {}: {error}", file.display()));
    let mut opened = BufReader::new(File::open(file).map_err(unreadable)?);
    let mut text = Vec::new();
    for n in 1.. {
        text.clear();
        let mut line = opened.by_ref().take(LONGEST_LINE);
        if line.read_until(b'\n', &mut text).map_err(unreadable)? == 0 {
            break;
        }
        if text.len() as u64 == LONGEST_LINE {
            let why = format!("line {n} is longer than {LONGEST_LINE} bytes");
            return Err(ImportError::File(why));
        }
        let line = serde_json::from_slice(&text).map_err(|error| {
            ImportError::File(if n == 1 {
                format!(
                    "the file is no export of passkeyd, whose first line is a header ({error}); --from names the product that wrote it"
                )
            } else {
                format!("line {n}: {error}")
            })
        })?;
        take(n, &text, line).map_err(ImportError::File)?;
    }
    Ok(())
}

/// What is done next: a user waits for the credentials that follow.
enum Step {
    Alone(u64, Box<Line>),
    User(u64, Box<OwnUser>),
}

/// Imports an export that was [checked](check): all of it, or the records of one Relying Party and its account.
///
/// # Errors
/// [`ImportError`]. What was written stays; the import can run again.
pub async fn import(
    passkeys: &Arc<Passkeys>,
    file: &Path,
    checked: Checked,
    mode: Mode,
    mut report: impl FnMut(&Report),
) -> Result<Summary, ImportError> {
    let (send, mut steps) = tokio::sync::mpsc::channel(AT_ONCE);
    let path = file.to_owned();
    let reader = tokio::task::spawn_blocking(move || {
        let mut user: Option<(u64, OwnUser)> = None;
        each_line(&path, |n, _, line| {
            let send = |step| {
                let taken = send.blocking_send(step);
                taken.map_err(|_| "the import ended".to_owned())
            };
            let line = match (line, &mut user) {
                (Line::Credential(line), Some((_, user))) => {
                    let (record, evidence) = line.read();
                    user.credentials.push(OwnCredential { record, evidence });
                    return Ok(());
                }
                (line, _) => line,
            };
            if let Some((at, user)) = user.take() {
                send(Step::User(at, Box::new(user)))?;
            }
            match line {
                Line::User(line) => {
                    user = Some((
                        n,
                        OwnUser {
                            user: User::from(line),
                            credentials: Vec::new(),
                        },
                    ));
                    Ok(())
                }
                other => send(Step::Alone(n, Box::new(other))),
            }
        })
    });
    let mut summary = Summary::default();
    let mut so_far = OwnFile::new(checked.only);
    let mut running = JoinSet::new();
    let (mut events, mut notes) = (false, false);
    while let Some(step) = steps.recv().await {
        if checked.leaves_out(&step) {
            let records = match &step {
                Step::Alone(..) => 1,
                Step::User(_, own) => 1 + own.credentials.len() as u64,
            };
            *summary.outcomes.entry(LEFT_OUT).or_default() += records;
            continue;
        }
        // What a line is in must be there before it.
        let alone = match &step {
            Step::Alone(_, line) => Some(&**line),
            Step::User(..) => None,
        };
        events |= matches!(alone, Some(Line::Event(_)));
        notes |= matches!(alone, Some(Line::Imported(_)));
        let first = alone.is_some_and(|line| !matches!(line, Line::Event(_) | Line::Imported(_)));
        while running.len() > if first { 0 } else { AT_ONCE } {
            finish(running.join_next().await, &mut summary, &mut report)?;
        }
        let step = match step {
            Step::Alone(n, line) => match judge(&so_far, &line) {
                Ok(()) => Judged::Alone(n, line),
                Err(why) => Judged::Refused(n, why),
            },
            Step::User(n, user) => Judged::User(n, so_far.judge(&user), user),
        };
        let Mode::Write(id) = mode else {
            let seen = foreseen(passkeys, &mut so_far, step).await;
            finish(Some(Ok(seen)), &mut summary, &mut report)?;
            continue;
        };
        let passkeys = Arc::clone(passkeys);
        running.spawn(async move { done(&passkeys, step, id).await });
        if first {
            finish(running.join_next().await, &mut summary, &mut report)?;
        }
    }
    while !running.is_empty() {
        finish(running.join_next().await, &mut summary, &mut report)?;
    }
    match reader.await {
        Ok(read) => read?,
        Err(_) => return Err(ImportError::File("the file could not be read".to_owned())),
    }
    for (there, what) in [(events, "events"), (notes, "notes of earlier imports")] {
        if there {
            let said = format!("{what} count as added, also those that the store has already");
            summary.file.push(said);
        }
    }
    Ok(summary)
}

fn finish(
    one: Option<Result<Result<Vec<Report>, Refusal>, tokio::task::JoinError>>,
    summary: &mut Summary,
    report: &mut impl FnMut(&Report),
) -> Result<(), ImportError> {
    let reports = match one {
        Some(Ok(reports)) => reports?,
        Some(Err(_)) => return Err(ImportError::File("the import was stopped".to_owned())),
        None => Vec::new(),
    };
    for one in reports {
        summary.take(&one);
        report(&one);
    }
    Ok(())
}

/// Whether a file may have this line.
fn judge(file: &OwnFile, line: &Line) -> Result<(), String> {
    match line {
        Line::Account(line) => file.judge_account(line.id),
        Line::RelyingParty(line) => file
            .judge_party(line.id)
            .and_then(|()| file.judge_account(line.account)),
        Line::Event(line) => file.judge_party(line.relying_party),
        Line::Imported(line) => file.judge_party(line.relying_party),
        // A credential is judged with its user.
        Line::Header(_) | Line::Manifest(_) | Line::User(_) | Line::Credential(_) => Ok(()),
    }
}

/// A step that was judged in the order of the file.
enum Judged {
    Refused(u64, String),
    Alone(u64, Box<Line>),
    User(u64, OwnJudged, Box<OwnUser>),
}

/// Writes a step.
async fn done(passkeys: &Passkeys, step: Judged, id: ImportId) -> Result<Vec<Report>, Refusal> {
    let (n, line) = match step {
        Judged::User(n, judged, own) => {
            let outcomes = passkeys.import_own_user(&own, &judged, Some(id)).await?;
            return Ok(reports_of(n, &own, outcomes));
        }
        Judged::Refused(n, why) => return Ok(refused(n, why)),
        Judged::Alone(n, line) => (n, *line),
    };
    let outcome = match line {
        Line::Account(line) => {
            let created = line.created.into();
            return Ok(account(n, passkeys.import_account(line.id, created).await?));
        }
        Line::RelyingParty(line) => passkeys.import_relying_party(&(*line).into()).await?,
        Line::Event(line) => match line.read() {
            None => Outcome::Refused(UNKNOWN_WORD.to_owned()),
            Some(event) => passkeys.import_event(&event).await?,
        },
        Line::Imported(line) => passkeys.import_note(line.into(), id).await?,
        Line::Credential(line) => return Ok(lonely(n, &line)),
        Line::Header(_) | Line::Manifest(_) | Line::User(_) => return Ok(Vec::new()),
    };
    Ok(vec![Report::new(format!("line {n}"), outcome)])
}

/// What [`done`] would do now. Nothing is written.
async fn foreseen(
    passkeys: &Passkeys,
    file: &mut OwnFile,
    step: Judged,
) -> Result<Vec<Report>, Refusal> {
    let (n, line) = match step {
        Judged::User(n, judged, own) => {
            let outcomes = passkeys.foresee_own_user(file, &own, &judged).await?;
            return Ok(reports_of(n, &own, outcomes));
        }
        Judged::Refused(n, why) => return Ok(refused(n, why)),
        Judged::Alone(n, line) => (n, *line),
    };
    let outcome = match line {
        Line::Account(line) => {
            return Ok(account(n, passkeys.foresee_account(file, line.id).await?));
        }
        Line::RelyingParty(line) => {
            let rp = (*line).into();
            passkeys.foresee_relying_party(file, &rp).await?
        }
        Line::Event(line) => match line.read() {
            None => Outcome::Refused(UNKNOWN_WORD.to_owned()),
            Some(event) => passkeys.foresee_event(file, &event).await?,
        },
        Line::Imported(line) => {
            let there = passkeys.foresee_note(file, line.relying_party);
            there.await?
        }
        Line::Credential(line) => return Ok(lonely(n, &line)),
        Line::Header(_) | Line::Manifest(_) | Line::User(_) => return Ok(Vec::new()),
    };
    Ok(vec![Report::new(format!("line {n}"), outcome)])
}

/// Reports of a user and of the credentials in the lines below.
fn reports_of(n: u64, own: &OwnUser, (user, credentials): (Outcome, Vec<Outcome>)) -> Vec<Report> {
    let mut reports = vec![Report {
        user: Some(own.user.name.clone()),
        ..Report::new(format!("line {n}"), user)
    }];
    let lines = (n + 1..).zip(&own.credentials).zip(credentials);
    reports.extend(lines.map(|((n, credential), outcome)| Report {
        user: Some(own.user.name.clone()),
        credential: Some(credential.record.id.to_base64url()),
        ..Report::new(format!("line {n}"), outcome)
    }));
    reports
}

fn account(n: u64, outcome: Outcome) -> Vec<Report> {
    let is_new = matches!(outcome, Outcome::Added { .. });
    let note = is_new.then(|| {
        "the account gets an Auth Token that nobody knows: passkeyd account reset-token makes one"
            .to_owned()
    });
    vec![Report {
        notes: note.into_iter().collect(),
        ..Report::new(format!("line {n}"), outcome)
    }]
}

fn refused(n: u64, why: String) -> Vec<Report> {
    vec![Report::new(format!("line {n}"), Outcome::Refused(why))]
}

/// A credential that no user is before.
fn lonely(n: u64, line: &Credential) -> Vec<Report> {
    let outcome =
        Outcome::Refused("it follows no user: the line of its user must be before it".to_owned());
    vec![Report {
        credential: Some(line.id.to_base64url()),
        ..Report::new(format!("line {n}"), outcome)
    }]
}
