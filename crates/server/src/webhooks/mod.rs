//! Webhooks that arrive: what is sent, how it is signed, and the task that sends it.

mod message;
mod sender;
mod sign;

pub(crate) use sender::{Sender, run};
