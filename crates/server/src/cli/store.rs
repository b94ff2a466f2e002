//! `passkeyd store verify`: runs the suite that every store must pass on a database of the operator.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use domain::model::clock::{Clock as _, Randomness as _, SystemClock, SystemRandomness};
use domain::store::Fault;
use parking_lot::Mutex;
use storage::conformance::{CASES, StoreUnderTest, model, run_case};
use storage::postgres::PostgresError;
use storage::postgres::scratch::Scratch;
use storage::{Memory, Postgres, PostgresUrl, StoreUrl};

use super::print::cannot_print;
use crate::config::{self, Flags, Settings};
use crate::process::ProcessError;

/// How many random runs are compared with the reference.
const RUNS: u64 = 3;
/// The code of the engine for a right that its user does not have.
const NOT_ALLOWED: &str = "42501";
/// How long the removal of the schema may take.
const REMOVAL: Duration = Duration::from_mins(1);

/// Arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Store {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the suite that every store must pass on a PostgreSQL, or on an engine that speaks its protocol.
    Verify(Verify),
}

/// It makes a schema of its own and removes it at the end. What else is in the database is neither read nor changed. The user of the
/// database must be allowed to create schemas.
#[derive(Debug, Args)]
struct Verify {
    /// The database: `postgres://...`. The password may be in `PASSKEYD_STORE_PASSWORD`.
    #[arg(long, value_name = "URL")]
    url: String,
    /// TOML file with settings.
    #[arg(long, value_name = "FILE", env = config::CONFIG)]
    config: Option<PathBuf>,
    /// Run only cases whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// The database cannot be used, or it does not keep what passkeyd needs.
pub(super) async fn run(arguments: Store) -> Result<(), ProcessError> {
    let Command::Verify(arguments) = arguments.command;
    if let Some(only) = arguments.only.as_deref()
        && !names().any(|name| name.contains(only))
    {
        let mut why = format!("no case has a name that contains {only:?}. The names are:");
        for name in names() {
            why.push_str("\n  ");
            why.push_str(&name);
        }
        return Err(ProcessError::Usage(why));
    }
    let flags = Flags {
        store: Some(arguments.url),
        ..Flags::default()
    };
    let settings = Settings::load(arguments.config.as_deref(), &flags)?;
    let StoreUrl::Postgres(url) = settings.store_location()? else {
        let why = "only a PostgreSQL store can be verified; expected postgres://user@host/database";
        return Err(ProcessError::Command(why.to_owned()));
    };
    let url = url.with_schema(&scratch_name());
    let name = url.schema().to_owned();
    say(&format!(
        "Verifying {url} in the new schema {name}, which is removed at the end."
    ))?;
    let clock = SystemClock::default();
    let made = Scratch::make(&url, || clock.now()).await;
    if let Err(error) = made {
        // A part of it may be there.
        let _ = Scratch::remove(&url).await;
        return Err(match error {
            PostgresError::Database(Fault::Fatal(why)) if why.contains(NOT_ALLOWED) => {
                let why = "the user of the database must be allowed to create schemas";
                ProcessError::Command(why.to_owned())
            }
            error => failed(error),
        });
    }
    let checked = tokio::select! {
        checked = check(&url, arguments.only) => checked,
        _ = tokio::signal::ctrl_c() => Err(ProcessError::Command("interrupted".to_owned())),
    };
    let removed = tokio::time::timeout(REMOVAL, Scratch::remove(&url)).await;
    match removed {
        Ok(Ok(())) => say(&format!("The schema {name} was removed."))?,
        Ok(Err(_)) | Err(_) => say(&format!(
            "The schema {name} could not be removed. Remove it with: DROP SCHEMA {name} CASCADE"
        ))?,
    }
    let failures = checked?;
    if failures == 0 {
        return say("The database keeps what passkeyd needs.");
    }
    Err(ProcessError::Command(format!(
        "{failures} checks failed: the database does not keep what passkeyd needs"
    )))
}

/// How many checks fail.
async fn check(url: &PostgresUrl, only: Option<String>) -> Result<usize, ProcessError> {
    let statements = statements(url).await?;
    let url = url.clone();
    let suite = tokio::task::spawn_blocking(move || suite(&url, only.as_deref()));
    let suite = suite.await;
    let suite = suite.map_err(|error| ProcessError::Command(error.to_string()))?;
    Ok(statements + suite?)
}

fn failed(error: PostgresError) -> ProcessError {
    ProcessError::Store(storage::StoreError::Postgres(error))
}

/// The name of a schema that nobody has.
fn scratch_name() -> String {
    let mut bytes = [0; 8];
    SystemRandomness.fill(&mut bytes);
    format!("passkeyd_verify_{}", hex::encode(bytes))
}

/// Prepares every statement; how many the engine refuses.
async fn statements(url: &PostgresUrl) -> Result<usize, ProcessError> {
    let store = Postgres::unchecked(url).map_err(failed)?;
    let prepared = store.prepare_all().await;
    let refused = prepared.map_err(|fault| failed(PostgresError::Database(fault)))?;
    for why in &refused {
        report("statements", "the engine knows every statement", Some(why))?;
    }
    if refused.is_empty() {
        report("statements", "the engine knows every statement", None)?;
    }
    Ok(refused.len())
}

fn of_seed(seed: u64) -> String {
    format!("random operations have the outcomes of the reference, seed {seed}")
}

/// The names of the cases and of the random runs.
fn names() -> impl Iterator<Item = String> {
    let cases = CASES.iter().map(|case| case.name.replace('_', " "));
    cases.chain((0..RUNS).map(of_seed))
}

/// Runs the cases and the random runs; how many fail. It blocks.
fn suite(url: &PostgresUrl, only: Option<&str>) -> Result<usize, ProcessError> {
    let panics = Panics::catch();
    let (mut passed, mut failures) = (0, 0);
    let mut note = |area: &str, name: &str, run: &dyn Fn()| {
        if only.is_some_and(|only| !name.contains(only)) {
            return Ok(());
        }
        let why = panics.of(run);
        match why {
            None => passed += 1,
            Some(_) => failures += 1,
        }
        report(area, name, why.as_deref())
    };
    for case in CASES {
        let run = || {
            run_case(async {
                let mut store = emptied(url).await;
                (case.run)(&mut store).await;
            });
        };
        note(
            &case.area.replace('_', " "),
            &case.name.replace('_', " "),
            &run,
        )?;
    }
    for seed in 0..RUNS {
        let run = || {
            run_case(async {
                let store = emptied(url).await;
                model::run(seed, Arc::new(Memory::new()), store.store()).await;
            });
        };
        note("model", &of_seed(seed), &run)?;
    }
    drop(panics);
    say(&format!("{passed} passed, {failures} failed."))?;
    Ok(failures)
}

#[expect(clippy::panic, reason = "a case fails by a panic")]
async fn emptied(url: &PostgresUrl) -> Scratch {
    match Scratch::emptied(url).await {
        Ok(store) => store,
        Err(error) => panic!("{error}"),
    }
}

fn report(area: &str, name: &str, why: Option<&str>) -> Result<(), ProcessError> {
    match why {
        None => say(&format!("  passed  {area}: {name}")),
        Some(why) => say(&format!("  FAILED  {area}: {name}\n          {why}")),
    }
}

/// What cases say when they fail, instead of standard error.
struct Panics(Arc<Mutex<Option<String>>>);

impl Panics {
    fn catch() -> Self {
        let first = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&first);
        std::panic::set_hook(Box::new(move |info| {
            kept.lock().get_or_insert_with(|| info.to_string());
        }));
        Self(first)
    }

    /// The first panic of a case, in one line; `None` when it passes.
    fn of(&self, run: &dyn Fn()) -> Option<String> {
        *self.0.lock() = None;
        catch_unwind(AssertUnwindSafe(run)).err()?;
        let why = self.0.lock().take().unwrap_or_default();
        Some(why.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        // The usual one again.
        drop(std::panic::take_hook());
    }
}

fn say(text: &str) -> Result<(), ProcessError> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(cannot_print)
}
