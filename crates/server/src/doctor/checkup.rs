//! The examination of a running server, for the console: in bounded time, one at a time, and its result is kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::Passkeys;
use domain::model::clock::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::finding::{Finding, Report};
use super::store::FromStore;
use super::web::{Web, too_slow};
use super::{machine, store};
use crate::config::Settings;
use crate::http::PublicUrl;

/// What looks at the settings and the files, and what looks at the store, ends after so long.
const EACH: Duration = Duration::from_secs(5);
/// After so long nothing is waited for any more.
pub const LONGEST: Duration = Duration::from_secs(20);
/// Findings that are kept. The worst come first.
const KEPT: usize = 200;

/// What can be examined, and what the last examination found.
#[derive(Debug)]
pub struct Checkup {
    settings: Settings,
    /// The file of the settings.
    file: Option<PathBuf>,
    /// The one who examines holds the permit.
    turn: Arc<Semaphore>,
    last: Mutex<Option<Arc<Checked>>>,
}

/// The result of an examination.
#[derive(Clone, Debug)]
pub struct Checked {
    /// When it ended.
    pub at: Timestamp,
    /// What was found; of many findings, the worst.
    pub report: Report,
    /// Findings that were not kept.
    pub left_out: usize,
}

impl Checkup {
    /// Of a process with these settings, which came from this file.
    pub fn new(settings: Settings, file: Option<PathBuf>) -> Self {
        Self {
            settings,
            file,
            turn: Arc::new(Semaphore::new(1)),
            last: Mutex::default(),
        }
    }

    /// The settings of the process.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The result of the last examination.
    pub fn last(&self) -> Option<Arc<Checked>> {
        self.last.lock().clone()
    }

    /// Examines, keeps the result and says true; false if somebody else is examining. It goes on when the caller does not wait for it.
    /// If it ends in a panic, that is the result.
    pub async fn run(
        self: &Arc<Self>,
        passkeys: &Arc<Passkeys>,
        public_url: &Arc<PublicUrl>,
    ) -> bool {
        let Ok(turn) = Arc::clone(&self.turn).try_acquire_owned() else {
            return false;
        };
        let (own, passkeys) = (Arc::clone(self), Arc::clone(passkeys));
        let public_url = Arc::clone(public_url);
        let (examining, of) = (Arc::clone(self), Arc::clone(&passkeys));
        let examination = tokio::spawn(async move { examining.examine(&of, &public_url).await });
        let work = tokio::spawn(async move {
            let found = examination.await.unwrap_or_else(|_| vec![ended_early()]);
            *own.last.lock() = Some(Arc::new(kept(Report::of(found), passkeys.now())));
            drop(turn);
        });
        work.await.is_ok()
    }

    async fn examine(&self, passkeys: &Passkeys, public_url: &PublicUrl) -> Vec<Finding> {
        let deadline = Instant::now() + LONGEST;
        let settings = &self.settings;
        let machine = machine::examine(settings, self.file.as_deref());
        let mut found = match timeout(EACH, machine).await {
            Ok(findings) => findings,
            Err(_) => vec![too_slow(
                "settings",
                "the settings were not examined in time",
            )],
        };
        let from_store = match timeout(EACH, store::examine(passkeys, public_url)).await {
            Ok(Ok(from_store)) => from_store,
            Ok(Err(refusal)) => of_store(Finding::problem("store", refusal.message)),
            Err(_) => of_store(too_slow("store", "the Services were not examined in time")),
        };
        found.extend(from_store.findings);
        found.push(machine::master_key(settings, from_store.sealed));
        let networks = settings.webhooks.networks();
        match Web::guarded(networks) {
            Ok(web) => {
                let url = settings.public_url.as_deref().map(PublicUrl::new);
                let (web, files) = (Arc::new(web), from_store.files);
                let now = passkeys.now();
                found.extend(web.examine(url.as_ref(), files, now, Some(deadline)).await);
            }
            Err(why) => found.push(
                Finding::problem("proxy", why)
                    .because("what clients reach was not examined")
                    .fix("run `passkeyd doctor` on the machine"),
            ),
        }
        found
    }
}

fn ended_early() -> Finding {
    Finding::problem(
        "doctor",
        "the examination ended early: passkeyd has an error",
    )
    .because("not everything was examined")
    .fix("run `passkeyd doctor` on the machine, and report what the log says about a panic")
}

fn of_store(finding: Finding) -> FromStore {
    let finding = if finding.fix.is_empty() {
        finding
            .because("Services and metadata were not checked")
            .fix("see that the store works and takes writes; the log says more")
    } else {
        finding
    };
    FromStore {
        findings: vec![finding],
        ..FromStore::default()
    }
}

fn kept(mut report: Report, at: Timestamp) -> Checked {
    let left_out = report.findings.len().saturating_sub(KEPT);
    report.findings.truncate(KEPT);
    Checked {
        at,
        report,
        left_out,
    }
}

#[cfg(test)]
mod tests {
    use domain::model::clock::{SystemClock, SystemRandomness};
    use storage::Memory;

    use super::*;

    #[tokio::test]
    async fn one_examination_runs_at_a_time() {
        let clock = Arc::new(SystemClock::default());
        let store = Arc::new(Memory::new());
        let passkeys = Passkeys::open(store, clock, Arc::new(SystemRandomness)).await;
        let passkeys = Arc::new(passkeys.unwrap());
        let url = Arc::new(PublicUrl::new("http://localhost"));
        // Without a public URL and without Services no address is called.
        let checkup = Arc::new(Checkup::new(Settings::default(), None));
        let turn = Arc::clone(&checkup.turn).try_acquire_owned().unwrap();
        assert!(!checkup.run(&passkeys, &url).await);
        assert!(checkup.last().is_none());
        drop(turn);
        assert!(checkup.run(&passkeys, &url).await);
        // The settings allow a key beside the database. The store knows that it has none.
        let report = checkup.last().unwrap().report.clone();
        let mut of_key = report.findings.iter().filter(|f| f.check == "master_key");
        let found = &of_key.next().unwrap().what;
        assert!(
            found.ends_with("the keys in the store are not sealed"),
            "{found}"
        );
        assert_eq!(of_key.next(), None);
    }

    #[test]
    fn of_many_findings_the_worst_are_kept_and_all_are_counted() {
        let mut findings = vec![Finding::good("disk", "there is room"); KEPT];
        findings.push(Finding::warning("clock", "it is behind"));
        findings.push(Finding::problem("store", "it does not work"));
        let Checked {
            report, left_out, ..
        } = kept(Report::of(findings), Timestamp(1));
        assert_eq!((report.problems, report.warnings, left_out), (1, 1, 2));
        assert_eq!(report.findings.len(), KEPT);
        assert_eq!(report.findings[0].check, "store");
        assert_eq!(report.findings[1].check, "clock");
    }
}
