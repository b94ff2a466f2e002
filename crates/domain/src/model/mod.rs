//! The records: plain data and pure rules. Nothing here does I/O.

pub mod access_key;
pub mod account;
pub mod audit;
pub mod ceremony;
pub mod ceremony_policy;
pub mod clock;
pub mod console;
pub mod credential;
pub mod grant;
pub mod ids;
pub mod import;
pub mod master_key;
pub mod metadata;
pub mod notice;
pub mod page;
pub mod policy;
pub mod reach;
pub mod refusal;
pub mod relying_party;
pub mod settings;
pub mod text;
pub mod token;
pub mod user;
pub mod webhook;
