//! The two traits through which time and randomness are passed in.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

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
}

/// The wall clock of this machine, monotonic within the process.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest: AtomicI64,
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where wall-clock time enters"
        )]
        let wall = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
        Timestamp(self.latest.fetch_max(wall, Ordering::Relaxed).max(wall))
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
        clock.latest.store(first.0 + 3_600_000, Ordering::Relaxed);
        assert_eq!(clock.now(), first.plus_millis(3_600_000));
        assert_eq!(clock.now(), first.plus_millis(3_600_000));
    }

    #[test]
    fn seconds_round_down_before_the_epoch_too() {
        assert_eq!(Timestamp(1999).seconds(), 1);
        assert_eq!(Timestamp(-1).seconds(), -1);
    }
}
