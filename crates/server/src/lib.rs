//! The wires and the process of passkeyd: the only crate that knows HTTP, configuration and the environment.

pub mod api;
pub mod app;
mod assets;
pub mod cli;
pub mod client_events;
pub mod config;
pub mod console;
pub mod control;
pub mod demo;
pub mod doctor;
mod error;
pub mod health;
pub mod http;
pub mod master_key;
pub mod metadata;
pub mod metrics;
mod moment;
mod outbound;
mod page_backend;
mod pem;
pub mod process;
pub mod telemetry;
mod test_page;
pub mod transfer;
pub mod transport;
mod verify;
mod webhooks;
