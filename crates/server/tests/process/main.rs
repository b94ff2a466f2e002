//! The process from outside: the real binary, its settings, its start and end, its limits and its logs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests may stop at the first surprise, and these measure real time"
)]

mod access_key;
mod account;
mod apply;
mod backup;
mod busy;
mod control;
mod doctor;
mod errors;
mod export;
mod fido;
mod generate;
mod import;
mod limits;
mod logs;
mod manage;
mod master_key;
mod metadata;
mod metrics;
mod mutated;
mod nevis;
mod rates;
mod retries;
mod settings;
mod start;
mod stop;
mod support;
mod tls;
mod webhooks;
