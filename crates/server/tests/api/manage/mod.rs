//! `/manage/v1/`.

mod cases;
mod credentials;
mod events;
mod metadata;
mod policy;
mod reasons;
mod relying_party;
mod signals;
