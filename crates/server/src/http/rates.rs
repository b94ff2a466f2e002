//! Rate limits: how much work each client address, account, Relying Party and user may ask this node for.
//!
//! A limit of `n` per minute lets `n` requests through at once, and then one each `1/n` of a minute. What has been used is kept in memory,
//! for a bounded number of keys, and is forgotten when the process ends. A key is a hash under a random key: no address or name is kept.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::model::account::Principal;
use domain::model::ids::AccountId;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Keys that share a lock. If all of them are in use, the one that has used least is forgotten.
const WAYS: usize = 8;
/// Groups of keys. With [`WAYS`]: 65,536 keys for each limit, in at most 1.3 MB. Memory is taken when it is first needed.
const SETS: usize = 8192;

/// The names of all limits, for metrics.
pub const LIMITS: [&str; 6] = [
    "address",
    "wrong_secrets_of_address",
    "wrong_secrets",
    "account",
    "relying_party",
    "user",
];

/// A request that is over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// The name of the limit, one of [`LIMITS`].
    pub limit: &'static str,
    /// After this time the same request is within the limit.
    pub wait: Duration,
}

impl Limited {
    /// The value of `Retry-After`.
    pub fn seconds(self) -> u64 {
        self.wait
            .as_millis()
            .div_ceil(1000)
            .try_into()
            .unwrap_or(1)
            .max(1)
    }
}

/// Time since a limit was made.
struct Ticks(Instant);

impl Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

/// What a key has used: the time at which it will have nothing used any more. Zero: a free place.
#[derive(Clone, Copy, Default)]
struct Used {
    key: u64,
    until: u64,
}

/// Keys that share a lock.
type Set = Mutex<Option<Box<[Used; WAYS]>>>;

/// What all keys have used; cheap to clone. The number of keys is fixed.
#[derive(Clone)]
struct Table(Arc<OnceLock<Box<[Set]>>>);

impl Table {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn set(&self, key: u64) -> &Set {
        let index = usize::try_from(key % SETS as u64).unwrap_or_default();
        let sets = || (0..SETS).map(|_| Mutex::default()).collect();
        &self.0.get_or_init(sets)[index]
    }

    fn until(&self, key: u64) -> u64 {
        let set = self.set(key).lock();
        let used = set
            .iter()
            .flat_map(|set| set.iter())
            .find(|used| used.key == key);
        used.map_or(0, |used| used.until)
    }
}

impl StateStore for Table {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut set = self.set(*key).lock();
        let set = set.get_or_insert_default();
        let known = set
            .iter()
            .position(|used| used.key == *key && used.until > 0);
        let before = known.map(|at| Nanos::from(set[at].until));
        let (outcome, until) = f(before)?;
        let place = match known {
            Some(at) => set.get_mut(at),
            // The one that has used least loses least.
            None => set.iter_mut().min_by_key(|used| used.until),
        };
        if let Some(place) = place {
            *place = Used {
                key: *key,
                until: until.as_u64().max(1),
            };
        }
        Ok(outcome)
    }
}

/// A limit, or none.
pub(super) struct Limit(Option<On>);

struct On {
    name: &'static str,
    limiter: RateLimiter<u64, Table, Ticks, NoOpMiddleware<Nanos>>,
    table: Table,
    /// How far what a key has used may lie ahead before the next request is over the limit.
    tolerance: Duration,
    hasher: RandomState,
}

impl Limit {
    /// A limit of so many requests a minute; 0: no limit.
    pub(super) fn per_minute(name: &'static str, most: u32) -> Self {
        Self(NonZeroU32::new(most).map(|most| {
            let quota = Quota::per_minute(most);
            let table = Table::new();
            On {
                name,
                limiter: RateLimiter::new(quota, table.clone(), Ticks(Instant::now())),
                table,
                tolerance: quota.replenish_interval() * (most.get() - 1),
                hasher: RandomState::new(),
            }
        }))
    }

    /// Takes one request of this key.
    pub(super) fn take(&self, key: impl Hash) -> Result<(), Limited> {
        let Some(on) = &self.0 else { return Ok(()) };
        let key = on.hasher.hash_one(key);
        on.limiter.check_key(&key).map_err(|until| Limited {
            limit: on.name,
            wait: until.wait_time_from(on.limiter.clock().now()),
        })
    }

    /// Whether this key may still take one. It takes none.
    fn peek(&self, key: impl Hash) -> Result<(), Limited> {
        let Some(on) = &self.0 else { return Ok(()) };
        let until = Duration::from_nanos(on.table.until(on.hasher.hash_one(key)));
        let earliest = until.saturating_sub(on.tolerance);
        let wait = earliest.saturating_sub(on.limiter.clock().now().into());
        if wait.is_zero() {
            return Ok(());
        }
        Err(Limited {
            limit: on.name,
            wait,
        })
    }
}

/// The numbers of all limits: requests a minute, 0 for no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct PerMinute {
    /// Requests without credentials, of one client address.
    pub address: u32,
    /// Wrong secrets and tokens of one client address; and of one client address for one account or API key.
    pub wrong_secrets: u32,
    /// Requests with the secret of an account or of one of its keys.
    pub account: u32,
    /// Ceremonies that one Relying Party starts.
    pub relying_party: u32,
    /// Ceremonies that are started for one user.
    pub user: u32,
}

/// The limits of the HTTP edge; cheap to clone.
#[derive(Clone)]
pub struct Gates(Arc<Edge>);

struct Edge {
    address: Limit,
    wrong_of_address: Limit,
    wrong: Limit,
    account: Limit,
}

impl fmt::Debug for Gates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gates").finish_non_exhaustive()
    }
}

impl Gates {
    /// Gates with these limits.
    pub fn new(most: &PerMinute) -> Self {
        Self(Arc::new(Edge {
            address: Limit::per_minute("address", most.address),
            wrong_of_address: Limit::per_minute("wrong_secrets_of_address", most.wrong_secrets),
            wrong: Limit::per_minute("wrong_secrets", most.wrong_secrets),
            account: Limit::per_minute("account", most.account),
        }))
    }
}

impl Default for Gates {
    /// Without a limit.
    fn default() -> Self {
        Self::new(&PerMinute::default())
    }
}

/// The gates, as one request meets them.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    gates: Gates,
    /// The address or network whose requests are counted. `None` for addresses behind which are many clients.
    counted: Option<IpAddr>,
}

impl Gate {
    /// The gates for a request of this address.
    pub(super) fn new(gates: &Gates, counted: Option<IpAddr>) -> Self {
        Self {
            gates: gates.clone(),
            counted,
        }
    }

    /// A request without credentials.
    pub(super) fn anonymous(&self) -> Result<(), Limited> {
        match self.counted {
            Some(address) => self.gates.0.address.take(address),
            None => Ok(()),
        }
    }

    /// Whether a secret of this account or key is looked at. Wrong secrets of other addresses do not count: nobody can lock out another.
    pub(super) fn may_try(&self, whose: Principal) -> Result<(), Limited> {
        match self.counted {
            Some(address) => self.gates.0.wrong.peek((address, whose)),
            None => Ok(()),
        }
    }

    /// A secret or token was wrong. If the address has sent too many, the request is over the limit.
    pub(super) fn was_wrong(&self, whose: Option<Principal>) -> Result<(), Limited> {
        let Some(address) = self.counted else {
            return Ok(());
        };
        if let Some(whose) = whose {
            self.gates.0.wrong.take((address, whose))?;
        }
        self.gates.0.wrong_of_address.take(address)
    }

    /// A request of this account.
    pub(super) fn account(&self, account: AccountId) -> Result<(), Limited> {
        self.gates.0.account.take(account)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ip(last: u32) -> IpAddr {
        Ipv4Addr::from_bits(last).into()
    }

    const WHO: Principal = Principal::Account(AccountId([1; 16]));
    const OTHER: Principal = Principal::Account(AccountId([2; 16]));

    #[tokio::test(start_paused = true)]
    async fn a_key_gets_its_number_at_once_and_then_evenly() {
        let limit = Limit::per_minute("address", 6);
        for _ in 0..6 {
            limit.take(ip(1)).unwrap();
        }
        let over = limit.take(ip(1)).unwrap_err();
        assert_eq!((over.limit, over.seconds()), ("address", 10));
        limit.take(ip(2)).unwrap();
        // What is refused does not count.
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(limit.take(ip(1)).unwrap_err().seconds(), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        limit.take(ip(1)).unwrap();
        limit.take(ip(1)).unwrap_err();
        tokio::time::advance(Duration::from_mins(1)).await;
        for _ in 0..6 {
            limit.take(ip(1)).unwrap();
        }
        limit.take(ip(1)).unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn parallel_requests_take_no_more_than_the_number() {
        let limit = Limit::per_minute("address", 100);
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..1000).filter(|_| limit.take(ip(1)).is_ok()).count()))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(taken, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_other_addresses_neither_grows_the_table_nor_forgets_a_flooder() {
        let limit = Limit::per_minute("address", 50);
        for _ in 0..50 {
            limit.take(ip(1)).unwrap();
        }
        for other in 2..1_000_000 {
            limit.take(ip(other)).unwrap();
        }
        limit.take(ip(1)).unwrap_err();
        assert_eq!(limit.0.unwrap().table.0.get().unwrap().len(), SETS);
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_secrets_stop_one_address_for_one_account() {
        let gates = Gates::new(&PerMinute {
            wrong_secrets: 3,
            ..PerMinute::default()
        });
        let [a, b] = [1, 2].map(|last| Gate::new(&gates, Some(ip(last))));
        for _ in 0..3 {
            a.may_try(WHO).unwrap();
            a.was_wrong(Some(WHO)).unwrap();
        }
        assert_eq!(a.may_try(WHO).unwrap_err().limit, "wrong_secrets");
        // Nobody else is locked out.
        b.may_try(WHO).unwrap();
        a.may_try(OTHER).unwrap();
        let over = a.was_wrong(Some(OTHER)).unwrap_err();
        assert_eq!(over.limit, "wrong_secrets_of_address");
        tokio::time::advance(Duration::from_secs(20)).await;
        a.may_try(WHO).unwrap();
        a.was_wrong(Some(WHO)).unwrap();
        a.may_try(WHO).unwrap_err();
    }

    #[test]
    fn zero_is_no_limit() {
        let limit = Limit::per_minute("address", 0);
        assert!((0..10_000).all(|_| limit.take(ip(1)).is_ok()));
    }
}
