//! What one server is put through: registrations, sign-ins in closed loops, sign-ins at a fixed rate.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::load::{End, Outcome, Plan, Shape, run as load};
use crate::passkey::{Algorithm, Key, User, seeded_users};
use crate::wire::{Ceremony, Dialect, Wanted, Wire};
use crate::{Failure, process};

/// The command line of `load`.
#[derive(Args)]
pub struct Options {
    /// Name of the server in the results
    #[arg(long)]
    name: String,
    /// What it speaks
    #[arg(long)]
    wire: Dialect,
    /// Where it listens: an address of this machine, and a port
    #[arg(long)]
    address: SocketAddr,
    /// Its process
    #[arg(long)]
    pid: u32,
    /// Account SID, for passkeyd
    #[arg(long, default_value = "")]
    account: String,
    /// Auth Token, for passkeyd
    #[arg(long, default_value = "")]
    token: String,
    /// Users to register, each with one passkey
    #[arg(long, default_value_t = 4000)]
    users: usize,
    /// Connections of the registrations
    #[arg(long, default_value_t = 64)]
    registering: usize,
    /// Connections of the closed loops
    #[arg(long, value_delimiter = ',', default_value = "16,64")]
    connections: Vec<usize>,
    /// Sign-ins per second of the open loops
    #[arg(long, value_delimiter = ',', default_value = "400")]
    rates: Vec<f64>,
    /// Measured seconds of each load
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Seconds of each load before those
    #[arg(long, default_value_t = 2.0)]
    warmup: f64,
    /// Milliseconds between the start and the finish of a ceremony
    #[arg(long, default_value_t = 0)]
    think: u64,
    /// Sign in without a name: the passkey says who the user is
    #[arg(long)]
    discoverable: bool,
    /// Let passkeyd seal sign-ins into their challenges
    #[arg(long)]
    sealed: bool,
    /// Where passkeyd sends every event of its Service: a webhook is created there
    #[arg(long)]
    webhook: Option<String>,
    /// How the passkeys sign
    #[arg(long, default_value = "es256")]
    algorithm: Algorithm,
    /// Raise the signature counter with every use. Synced passkeys, which are the most, leave it at 0
    #[arg(long)]
    counter: bool,
    /// File with the keys of the users of a store that `seed` filled: then nobody registers
    #[arg(long, requires_all = ["service", "credentials"])]
    keys: Option<PathBuf>,
    /// SID of the Service that they belong to
    #[arg(long)]
    service: Option<String>,
    /// How many passkeys that store has
    #[arg(long)]
    credentials: Option<u64>,
    /// Milliseconds from the start of the server to its being ready, for the results
    #[arg(long)]
    start_ms: Option<f64>,
    /// Number of the round in the results
    #[arg(long, default_value_t = 1)]
    round: u32,
}

/// All that was measured on one server.
#[derive(Serialize, Deserialize)]
pub struct Scenario {
    pub server: String,
    pub round: u32,
    /// Memory before the first registration.
    pub idle_kb: u64,
    pub loads: Vec<Outcome>,
    /// Passkeys in the store before the first load, if it was filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<u64>,
    /// Milliseconds from the start of the server to its being ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<f64>,
}

/// Runs it.
pub fn run(options: &Options) -> Result<Scenario, Failure> {
    if !options.address.ip().is_loopback() {
        return Err("load goes to this machine only".into());
    }
    let wire = Wire::prepare(
        options.wire,
        options.address,
        &options.account,
        &options.token,
        !options.discoverable,
        &Wanted {
            sealed: options.sealed,
            service: options.service.as_deref(),
            webhook: options.webhook.as_deref(),
        },
    )?;
    let mut users = match (&options.keys, options.credentials) {
        (Some(keys), Some(credentials)) => seeded_users(keys, credentials, options.users as u64)?,
        _ => {
            // A key of RSA takes so long to make that users share some.
            let own = options.algorithm != Algorithm::Rs256;
            let keys = (0..if own { options.users } else { 16 })
                .map(|_| Ok(Arc::new(Key::generate(options.algorithm)?)))
                .collect::<Result<Vec<_>, Failure>>()?;
            let name = |number| format!("bench-user-{number:08}");
            (0..options.users)
                .zip(keys.iter().cycle())
                .map(|(number, key)| User::new(name(number), Arc::clone(key), options.counter))
                .collect::<Result<Vec<_>, _>>()?
        }
    };
    let idle_kb = process::usage(options.pid)?.resident_kb;

    let think = Duration::from_millis(options.think);
    let closed = |connections: &usize| Shape::Closed {
        connections: *connections,
    };
    let after = End::After {
        warmup: Duration::from_secs_f64(options.warmup),
        measured: Duration::from_secs_f64(options.seconds),
    };
    let mut plans = Vec::new();
    if options.keys.is_none() {
        plans.push(Plan {
            ceremony: Ceremony::Registration,
            shape: closed(&options.registering),
            end: End::EveryUserOnce,
            think,
        });
    }
    let open = options.rates.iter().map(|rate| Shape::Open {
        rate: *rate,
        connections: 256,
    });
    for shape in options.connections.iter().map(closed).chain(open) {
        plans.push(Plan {
            ceremony: Ceremony::Authentication,
            shape,
            end: after,
            think,
        });
    }
    let loads = plans
        .into_iter()
        .map(|plan| load(plan, &wire, &mut users, options.address, options.pid))
        .collect::<Result<_, _>>()?;
    Ok(Scenario {
        server: options.name.clone(),
        round: options.round,
        idle_kb,
        loads,
        credentials: options.credentials,
        start_ms: options.start_ms,
    })
}
