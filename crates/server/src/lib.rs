//! Wire and process of passkeyd: the only room that knows HTTP, configuration and the environment.

pub mod api;
pub mod app;
