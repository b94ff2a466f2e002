//! The words of client events, and how often each was reported.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a page does with passkeys, as the SDK names it.
pub const OPERATIONS: [&str; 5] = [
    "register",
    "signIn",
    "autofill",
    "upgrade",
    "reauthenticate",
];
/// What happened: a step, or why there was no success, as the SDK names it.
pub const EVENTS: [&str; 18] = [
    "offered",
    "started",
    "returned",
    "done",
    "fallback",
    "unsupported",
    "cancelled",
    "no_passkey",
    "timeout",
    "exists",
    "rp_id",
    "authenticator",
    "aborted",
    "replaced",
    "options",
    "refused",
    "server",
    "unknown",
];
/// Browsers. The last one stands for everything else.
pub const BROWSERS: [&str; 6] = ["chrome", "edge", "firefox", "safari", "samsung", "other"];
/// Operating systems. The last one stands for everything else.
pub const SYSTEMS: [&str; 7] = [
    "windows", "macos", "ios", "android", "chromeos", "linux", "other",
];

/// What a browser calls itself in `User-Agent`. Later browsers name the earlier ones too, so the order decides.
const BROWSER_MARKS: [(&str, usize); 9] = [
    ("Edg", 1),
    ("SamsungBrowser/", 4),
    ("OPR/", 5),
    ("Firefox/", 2),
    ("FxiOS/", 2),
    ("CriOS/", 0),
    ("Chrome/", 0),
    ("Version/", 3),
    ("Safari/", 3),
];
const SYSTEM_MARKS: [(&str, usize); 8] = [
    ("iPhone", 2),
    ("iPad", 2),
    ("Android", 3),
    ("Windows", 0),
    ("CrOS", 4),
    ("Macintosh", 1),
    ("Mac OS X", 1),
    ("Linux", 5),
];

/// A client event. Each member is a place in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientEvent {
    /// In [`OPERATIONS`].
    pub operation: usize,
    /// In [`EVENTS`].
    pub event: usize,
    /// In [`BROWSERS`].
    pub browser: usize,
    /// In [`SYSTEMS`].
    pub system: usize,
}

const SIZE: usize = OPERATIONS.len() * EVENTS.len() * BROWSERS.len() * SYSTEMS.len();

impl ClientEvent {
    fn place(self) -> usize {
        let of_operation = self.operation * EVENTS.len() + self.event;
        (of_operation * BROWSERS.len() + self.browser) * SYSTEMS.len() + self.system
    }

    fn at(place: usize) -> Self {
        let (rest, system) = (place / SYSTEMS.len(), place % SYSTEMS.len());
        let (rest, browser) = (rest / BROWSERS.len(), rest % BROWSERS.len());
        Self {
            operation: rest / EVENTS.len(),
            event: rest % EVENTS.len(),
            browser,
            system,
        }
    }
}

/// The browser and the operating system that a `User-Agent` names.
pub fn client(user_agent: &str) -> (usize, usize) {
    let first = |marks: &[(&str, usize)], other: usize| {
        let found = marks.iter().find(|(mark, _)| user_agent.contains(mark));
        found.map_or(other, |(_, place)| *place)
    };
    (
        first(&BROWSER_MARKS, BROWSERS.len() - 1),
        first(&SYSTEM_MARKS, SYSTEMS.len() - 1),
    )
}

/// How often each client event was reported to this node. Its size is fixed.
pub struct Counts(Box<[AtomicU64]>);

impl Default for Counts {
    fn default() -> Self {
        Self((0..SIZE).map(|_| AtomicU64::new(0)).collect())
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

impl Counts {
    /// Counts an event.
    pub fn add(&self, event: ClientEvent) {
        if let Some(count) = self.0.get(event.place()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every event that was reported, and how often.
    pub fn all(&self) -> impl Iterator<Item = (ClientEvent, u64)> {
        let counts = self.0.iter().enumerate();
        counts
            .map(|(place, count)| (ClientEvent::at(place), count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_a_place_of_its_own() {
        let counts = Counts::default();
        for place in 0..SIZE {
            let event = ClientEvent::at(place);
            assert_eq!(event.place(), place);
            assert!(event.operation < OPERATIONS.len() && event.event < EVENTS.len());
            counts.add(event);
        }
        assert_eq!(counts.all().count(), SIZE);
        assert!(counts.all().all(|(_, count)| count == 1));
    }

    #[test]
    fn a_user_agent_names_one_browser_and_one_system() {
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
        for (agent, browser, system) in [
            (windows, "chrome", "windows"),
            (&*format!("{windows} Edg/131.0.0.0"), "edge", "windows"),
            (&*format!("{windows} OPR/116.0.0.0"), "other", "windows"),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
                "safari",
                "macos",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0 Mobile/15E148 Safari/604.1",
                "chrome",
                "ios",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
                "samsung",
                "android",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
                "firefox",
                "linux",
            ),
            ("curl/8.10.1", "other", "other"),
            ("", "other", "other"),
        ] {
            let (found, on) = client(agent);
            assert_eq!((BROWSERS[found], SYSTEMS[on]), (browser, system), "{agent}");
        }
    }
}
