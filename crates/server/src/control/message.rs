//! What goes over the socket: a line of JSON each way.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::commands::AdminCommand;
use super::model::NotDone;

/// A command, as it goes over the socket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// The file of the store that the person named. A server with another store refuses.
    pub(super) store: PathBuf,
    /// What to do.
    pub(super) execute: AdminCommand,
}

/// The response to a command, as it goes over the socket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Response {
    /// It was done; this is its result.
    Done(Value),
    /// It was not done.
    NotDone(NotDone),
}
