//! The two traits through which time and randomness are passed in.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment plus `millis`. It saturates instead of wrapping.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds since the epoch in six bytes, the highest byte first: their order is that of time until the year 10889.
    pub(crate) fn to_six_bytes(self) -> [u8; 6] {
        let [_, _, rest @ ..] = self.0.max(0).to_be_bytes();
        rest
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// The source of the time.
pub trait Clock: Send + Sync + 'static {
    /// The current time. Never earlier than a time that was returned before, so that a clock
    /// that steps back cannot make an expired ceremony valid again.
    fn now(&self) -> Timestamp;
    /// From now on the time is not earlier than this.
    fn not_before(&self, time: Timestamp);
}

/// The wall clock of this machine, monotonic within the process.
///
/// When the wall clock has stepped back, this one goes on at seven eighths of the speed of time, until the wall clock has caught up.
/// So what was begun meanwhile expires too, and a step that was an error does not last.
#[derive(Debug)]
pub struct SystemClock {
    begun: Instant,
    shown: Mutex<Shown>,
}

/// What a [`SystemClock`] has shown last.
#[derive(Debug, Default)]
struct Shown {
    /// Microseconds since the epoch.
    time: i64,
    /// When that was, in microseconds since the clock was made.
    at: i64,
}

impl Shown {
    /// The time to show, in microseconds since the epoch, when the wall clock shows `wall`, `at` microseconds after the clock was made.
    fn show(&mut self, wall: i64, at: i64) -> i64 {
        // Two threads may have read their clocks in the other order.
        let passed = (at - self.at).max(0);
        self.time = wall.max(self.time.saturating_add(passed - passed / 8));
        self.at = self.at.max(at);
        self.time
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place where the time that has passed enters"
            )]
            begun: Instant::now(),
            shown: Mutex::default(),
        }
    }
}

/// Microseconds, as far as they go.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where wall-clock time enters"
        )]
        let wall = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, micros);
        let at = micros(self.begun.elapsed());
        Timestamp(self.shown.lock().show(wall, at) / 1000)
    }

    fn not_before(&self, time: Timestamp) {
        let mut shown = self.shown.lock();
        shown.time = shown.time.max(time.0.saturating_mul(1000));
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct SteppedClock(AtomicI64);

impl SteppedClock {
    /// A clock that shows `start`.
    pub fn starting_at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock forward.
    pub fn advance_millis(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    fn not_before(&self, time: Timestamp) {
        self.0.fetch_max(time.0, Ordering::Relaxed);
    }
}

/// The source of random bytes.
pub trait Randomness: Send + Sync + 'static {
    /// Fills the buffer with unpredictable bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandomness;

/// Bytes that one call of the operating system gives. Most draws take 16 or 30 of them.
const POOL: usize = 512;

/// Random bytes that this thread has got and not handed out.
struct Pool {
    bytes: Zeroizing<[u8; POOL]>,
    /// Where those begin that were not handed out; what lies before is wiped.
    next: usize,
}

thread_local! {
    static OWN_POOL: RefCell<Pool> = RefCell::new(Pool {
        bytes: Zeroizing::new([0; POOL]),
        next: POOL,
    });
}

fn from_system(buffer: &mut [u8]) {
    #[expect(
        clippy::disallowed_methods,
        clippy::expect_used,
        reason = "the one place where randomness enters; without it no key or challenge may be made, so the process must stop"
    )]
    getrandom::fill(buffer).expect("the operating system gives random bytes");
}

impl Randomness for SystemRandomness {
    fn fill(&self, buffer: &mut [u8]) {
        if buffer.len() > POOL {
            return from_system(buffer);
        }
        OWN_POOL.with_borrow_mut(|pool| {
            if POOL - pool.next < buffer.len() {
                from_system(&mut pool.bytes[..]);
                pool.next = 0;
            }
            let end = pool.next + buffer.len();
            let drawn = &mut pool.bytes[pool.next..end];
            buffer.copy_from_slice(drawn);
            drawn.zeroize();
            pool.next = end;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_random_bytes_are_handed_out_twice() {
        let mut seen = HashSet::new();
        for length in (0..400)
            .map(|n| 16 + n % 50)
            .chain([POOL - 1, POOL, POOL + 1])
        {
            let mut buffer = vec![0; length];
            SystemRandomness.fill(&mut buffer);
            for part in buffer.chunks_exact(16) {
                assert!(seen.insert(part.to_vec()), "{part:?}");
            }
        }
        assert!(!seen.contains(&vec![0; 16]));
    }

    #[test]
    fn the_system_clock_never_steps_back() {
        let clock = SystemClock::default();
        let first = clock.now();
        let ahead = first.plus_millis(3_600_000);
        clock.not_before(ahead);
        let second = clock.now();
        assert!(second >= ahead, "{second}");
        clock.not_before(first);
        assert!(clock.now() >= second);
    }

    #[test]
    fn time_goes_on_more_slowly_until_the_wall_clock_has_caught_up() {
        const SECOND: i64 = 1_000_000;
        const DAY: i64 = 86_400 * SECOND;
        let mut shown = Shown::default();
        assert_eq!(shown.show(10 * DAY, 0), 10 * DAY);
        // The wall clock steps a day forth, and a second later back.
        assert_eq!(shown.show(11 * DAY, SECOND), 11 * DAY);
        let before = shown.show(10 * DAY + 2 * SECOND, 2 * SECOND);
        assert_eq!(before, 11 * DAY + SECOND * 7 / 8);
        // What lives for five minutes has expired after six.
        let later = shown.show(10 * DAY + 362 * SECOND, 362 * SECOND);
        assert!(later > before + 300 * SECOND);
        // Calls in quick succession make it no faster and no slower.
        for n in 1..=8 {
            shown.show(10 * DAY + 362 * SECOND, 362 * SECOND + n);
        }
        assert!(shown.time - later <= 8, "{}", shown.time - later);
        // After eight days both show the same again.
        let at = 9 * DAY;
        assert_eq!(shown.show(10 * DAY + at, at), 10 * DAY + at);
        // A reading that comes late does not set it back.
        assert!(shown.show(10 * DAY, at - SECOND) >= 10 * DAY + at);
    }

    #[test]
    fn seconds_round_down_before_the_epoch_too() {
        assert_eq!(Timestamp(1999).seconds(), 1);
        assert_eq!(Timestamp(-1).seconds(), -1);
    }
}
