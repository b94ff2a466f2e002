//! Webhooks that arrive: what is sent, how it is signed, where it may go, and the task that sends it.

mod address;
mod message;
mod sender;
mod sign;

pub(crate) use address::{judge, rule};
pub(crate) use sender::{Sender, run};
