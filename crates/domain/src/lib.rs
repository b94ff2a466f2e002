//! What passkeyd does, independent of HTTP and of any database.
//!
//! Three rooms, and arrows in one direction: [`service`] (use cases) knows [`store`] (what the domain needs of a store) and
//! [`model`] (records); `store` knows `model`; `model` knows neither. No status code, JSON member name or SQL is known here.
//! Time and randomness come in through [`model::clock`].

pub mod model;
pub mod service;
pub mod store;

pub use webauthn;
pub use webauthn::error::Reason;

pub use crate::model::refusal::Refusal;
pub use crate::service::Passkeys;
