//! The load itself: many ceremonies at once on one thread.
//!
//! In a closed loop each of N connections begins its next ceremony when the one before has ended. In an open loop ceremonies begin at a
//! fixed rate whatever the server does, and times count from the moment at which a call was due, so that a server that stalls is
//! not spared.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::http::{Connection, Incoming, Response};
use crate::passkey::User;
use crate::process::{self, Usage};
use crate::wire::{Ceremony, Wire};

/// How long ceremonies that have begun may take to end after the load.
const DRAIN: Duration = Duration::from_secs(10);
/// After so many errors the rest would say nothing new.
const MANY_ERRORS: u64 = 1000;

/// How ceremonies follow each other.
#[derive(Clone, Copy)]
pub enum Shape {
    Closed {
        connections: usize,
    },
    /// Ceremonies per second, on at most so many connections.
    Open {
        rate: f64,
        connections: usize,
    },
}

/// When a load ends.
#[derive(Clone, Copy)]
pub enum End {
    /// When every user has done it once.
    EveryUserOnce,
    /// After a time that is not measured and one that is.
    After {
        warmup: Duration,
        measured: Duration,
    },
}

/// One load.
#[derive(Clone, Copy)]
pub struct Plan {
    pub ceremony: Ceremony,
    pub shape: Shape,
    pub end: End,
    /// Time between the response to the start and the call that finishes.
    pub think: Duration,
}

/// Times of one kind of call, in milliseconds.
#[derive(Serialize, Deserialize, Default, Clone)]
pub struct Times {
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

/// What a load measured.
#[derive(Serialize, Deserialize, Clone)]
pub struct Outcome {
    pub ceremony: String,
    pub shape: String,
    /// Connections of a closed loop; the most that an open loop has used.
    pub connections: usize,
    pub seconds: f64,
    /// Ceremonies that ended in that time.
    pub ceremonies: u64,
    pub per_second: f64,
    pub errors: u64,
    pub first_error: Option<String>,
    /// Ceremonies that had begun, or were due, and had not ended when the load was given up.
    pub unfinished: u64,
    pub start: Times,
    pub finish: Times,
    /// Start and finish together, without the time in between.
    pub both: Times,
    /// CPU time of the server for one ceremony, in microseconds.
    pub server_cpu_us: f64,
    /// The part of it in user mode. Results of earlier versions do not have it.
    #[serde(default)]
    pub server_user_us: Option<f64>,
    /// Share of the time in which the server used a CPU.
    pub server_busy: f64,
    pub server_resident_kb: u64,
    /// Share of the time in which this driver used a CPU.
    pub driver_busy: f64,
}

struct Job {
    user: usize,
    /// None: this call starts the ceremony. Otherwise what that took.
    started: Option<Duration>,
    due: Instant,
    request: Vec<u8>,
}

struct Waiting {
    connection: Connection,
    job: Option<Job>,
}

struct Sample {
    at: Instant,
    server: Usage,
    driver: Usage,
}

impl Sample {
    fn take(pid: u32) -> Result<Self, Failure> {
        Ok(Self {
            server: process::usage(pid)?,
            driver: process::usage(std::process::id())?,
            at: Instant::now(),
        })
    }
}

#[derive(Default)]
struct Measured {
    start: Vec<Duration>,
    finish: Vec<Duration>,
    both: Vec<Duration>,
    errors: u64,
    first_error: Option<String>,
}

struct Engine<'a> {
    plan: Plan,
    wire: &'a Wire,
    users: &'a mut [User],
    free_users: VecDeque<usize>,
    address: SocketAddr,
    poll: Poll,
    connections: HashMap<usize, Waiting>,
    idle: Vec<usize>,
    next_connection: usize,
    most_connections: usize,
    /// Calls that wait for a connection.
    ready: VecDeque<Job>,
    /// Calls whose time has not come, by that time and the order in which they were made.
    later: BinaryHeap<Reverse<(Instant, u64)>>,
    later_jobs: HashMap<u64, Job>,
    next_later: u64,
    in_flight: usize,
    measuring: bool,
    measured: Measured,
}

/// Runs one load against a server.
pub fn run(
    plan: Plan,
    wire: &Wire,
    users: &mut [User],
    address: SocketAddr,
    pid: u32,
) -> Result<Outcome, Failure> {
    let free_users = (0..users.len()).collect();
    let mut engine = Engine {
        plan,
        wire,
        users,
        free_users,
        address,
        poll: Poll::new()?,
        connections: HashMap::new(),
        idle: Vec::new(),
        next_connection: 0,
        most_connections: 0,
        ready: VecDeque::new(),
        later: BinaryHeap::new(),
        later_jobs: HashMap::new(),
        next_later: 0,
        in_flight: 0,
        measuring: false,
        measured: Measured::default(),
    };
    engine.run(pid)
}

impl Engine<'_> {
    fn run(&mut self, pid: u32) -> Result<Outcome, Failure> {
        let limit = match self.plan.shape {
            Shape::Closed { connections } | Shape::Open { connections, .. } => connections,
        };
        if let Shape::Closed { connections } = self.plan.shape {
            for _ in 0..connections {
                let connection = self.connect()?;
                self.idle.push(connection);
            }
        }
        let begin = Instant::now();
        let (measure_from, end) = match self.plan.end {
            End::EveryUserOnce => (begin, None),
            End::After { warmup, measured } => (begin + warmup, Some(begin + warmup + measured)),
        };
        let mut next_arrival = begin;
        let mut arrivals = VecDeque::new();
        let mut first = None;
        let mut last = None;
        let mut events = Events::with_capacity(1024);
        loop {
            let now = Instant::now();
            let over = end.is_some_and(|end| now >= end);
            if first.is_none() && now >= measure_from {
                first = Some(Sample::take(pid)?);
                self.measuring = true;
            }
            if over && last.is_none() {
                last = Some(Sample::take(pid)?);
                self.measuring = false;
            }
            match self.plan.shape {
                Shape::Closed { connections } => {
                    while !over && self.in_flight < connections && self.begin(now)? {}
                }
                Shape::Open { rate, .. } => {
                    while !over && next_arrival <= now {
                        arrivals.push_back(next_arrival);
                        next_arrival += Duration::from_secs_f64(1.0 / rate);
                    }
                    while let Some(due) = arrivals.front().copied() {
                        if !self.begin(due)? {
                            break;
                        }
                        arrivals.pop_front();
                    }
                }
            }
            while let Some(Reverse((due, number))) = self.later.peek().copied() {
                if due > now {
                    break;
                }
                self.later.pop();
                self.ready.extend(self.later_jobs.remove(&number));
            }
            self.send_ready(limit)?;

            let left = self.in_flight + arrivals.len();
            let all_done = left == 0 && (over || end.is_none());
            let given_up =
                end.is_some_and(|end| now >= end + DRAIN) || self.measured.errors >= MANY_ERRORS;
            if all_done || given_up {
                let first = first.ok_or("the load ended before it was measured")?;
                let last = match last {
                    Some(last) => last,
                    None => Sample::take(pid)?,
                };
                return Ok(self.outcome(&first, &last, left as u64));
            }

            let open = matches!(self.plan.shape, Shape::Open { .. });
            let wake = [
                (!over && open).then_some(next_arrival),
                self.later.peek().map(|Reverse((due, _))| *due),
                first.is_none().then_some(measure_from),
                end.filter(|_| last.is_none()),
                end.map(|end| end + DRAIN),
            ];
            let wait = wake
                .into_iter()
                .flatten()
                .min()
                .map(|wake| precise(wake, Instant::now()));
            self.poll.poll(&mut events, wait)?;
            for event in &events {
                self.receive(event.token().0, event.is_read_closed())?;
            }
        }
    }

    /// Begins a ceremony if a user is free.
    fn begin(&mut self, due: Instant) -> Result<bool, Failure> {
        let Some(user) = self.free_users.pop_front() else {
            return Ok(false);
        };
        let request = self.wire.start(self.plan.ceremony, &self.users[user]);
        self.in_flight += 1;
        self.ready.push_back(Job {
            user,
            started: None,
            due,
            request,
        });
        Ok(true)
    }

    fn connect(&mut self) -> Result<usize, Failure> {
        let number = self.next_connection;
        self.next_connection += 1;
        let mut connection = Connection::open(self.address)?;
        self.poll
            .registry()
            .register(&mut connection.stream, Token(number), Interest::READABLE)?;
        self.connections.insert(
            number,
            Waiting {
                connection,
                job: None,
            },
        );
        self.most_connections = self.most_connections.max(self.connections.len());
        Ok(number)
    }

    fn send_ready(&mut self, limit: usize) -> Result<(), Failure> {
        while !self.ready.is_empty() {
            let number = match self.idle.pop() {
                Some(number) => number,
                None if self.connections.len() < limit => self.connect()?,
                None => break,
            };
            let Some(waiting) = self.connections.get_mut(&number) else {
                continue;
            };
            let Some(job) = self.ready.pop_front() else {
                break;
            };
            let sent = waiting.connection.send(&job.request);
            waiting.job = Some(job);
            if let Err(error) = sent {
                self.close(number, &error.to_string());
            }
        }
        Ok(())
    }

    fn receive(&mut self, number: usize, closing: bool) -> Result<(), Failure> {
        let Some(waiting) = self.connections.get_mut(&number) else {
            return Ok(());
        };
        match waiting.connection.receive(closing) {
            Ok(Incoming::Nothing) => {}
            Ok(Incoming::Closed) => self.close(number, "the server has closed the connection"),
            Err(error) => self.close(number, &error.to_string()),
            Ok(Incoming::Response(response)) => {
                let job = waiting.job.take().ok_or("a response without a request")?;
                self.answered(job, &response);
                if closing {
                    self.close(number, "");
                } else {
                    self.idle.push(number);
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, number: usize, why: &str) {
        self.idle.retain(|idle| *idle != number);
        if let Some(Waiting { job: Some(job), .. }) = self.connections.remove(&number) {
            self.failed(job.user, why.to_owned());
        }
    }

    fn answered(&mut self, job: Job, response: &Response) {
        let now = Instant::now();
        let took = now.saturating_duration_since(job.due);
        let user = &mut self.users[job.user];
        let Some(started) = job.started else {
            match self.wire.finish(self.plan.ceremony, user, response) {
                Ok(request) => {
                    // Signing is over: it does not count.
                    let due = Instant::now() + self.plan.think;
                    let job = Job {
                        user: job.user,
                        started: Some(took),
                        due,
                        request,
                    };
                    if self.plan.think.is_zero() {
                        self.ready.push_back(job);
                    } else {
                        self.later.push(Reverse((due, self.next_later)));
                        self.later_jobs.insert(self.next_later, job);
                        self.next_later += 1;
                    }
                }
                Err(error) => self.failed(job.user, error.to_string()),
            }
            return;
        };
        if let Err(error) = self.wire.accepted(self.plan.ceremony, response) {
            self.failed(job.user, error.to_string());
            return;
        }
        if self.measuring {
            self.measured.start.push(started);
            self.measured.finish.push(took);
            self.measured.both.push(started + took);
        }
        self.ended(job.user);
    }

    fn failed(&mut self, user: usize, why: String) {
        self.measured.errors += 1;
        self.measured.first_error.get_or_insert(why);
        self.ended(user);
    }

    fn ended(&mut self, user: usize) {
        self.in_flight -= 1;
        if matches!(self.plan.end, End::After { .. }) {
            self.free_users.push_back(user);
        }
    }

    fn outcome(&mut self, first: &Sample, last: &Sample, unfinished: u64) -> Outcome {
        let seconds = (last.at - first.at).as_secs_f64();
        let ceremonies = self.measured.both.len() as u64;
        let server = last
            .server
            .cpu
            .saturating_sub(first.server.cpu)
            .as_secs_f64();
        let user = last.server.user.saturating_sub(first.server.user);
        let driver = last
            .driver
            .cpu
            .saturating_sub(first.driver.cpu)
            .as_secs_f64();
        Outcome {
            ceremony: match self.plan.ceremony {
                Ceremony::Registration => "registration",
                Ceremony::Authentication => "authentication",
            }
            .to_owned(),
            shape: match self.plan.shape {
                Shape::Closed { connections } => format!("{connections} connections"),
                Shape::Open { rate, .. } => format!("{rate} per second"),
            },
            connections: self.most_connections,
            seconds,
            ceremonies,
            per_second: ceremonies as f64 / seconds,
            errors: self.measured.errors,
            first_error: self.measured.first_error.take(),
            unfinished,
            start: times(&mut self.measured.start),
            finish: times(&mut self.measured.finish),
            both: times(&mut self.measured.both),
            server_cpu_us: server * 1e6 / ceremonies.max(1) as f64,
            server_user_us: Some(user.as_secs_f64() * 1e6 / ceremonies.max(1) as f64),
            server_busy: server / seconds,
            server_resident_kb: last.server.resident_kb,
            driver_busy: driver / seconds,
        }
    }
}

/// How long to wait for events. The system waits in whole milliseconds and rounds up, so the last two are spent asking again.
fn precise(wake: Instant, now: Instant) -> Duration {
    let left = wake.saturating_duration_since(now).as_millis();
    Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX).saturating_sub(1))
}

fn times(measured: &mut [Duration]) -> Times {
    measured.sort_unstable();
    let at = |share: f64| {
        let index = (measured.len() as f64 * share) as usize;
        let time = measured.get(index.min(measured.len().saturating_sub(1)));
        time.map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    Times {
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        p999_ms: at(0.999),
        max_ms: at(1.0),
    }
}
