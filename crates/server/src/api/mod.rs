//! The wire APIs. Each speaks its own words and touches neither storage nor another wire.

pub mod twilio;
