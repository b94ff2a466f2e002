//! `/v2/`.

mod codes;
mod entities;
mod malformed;
mod paging;
mod passkeys;
mod paths;
mod reasons;
mod refusals;
mod retries;
mod services;
mod trail;
mod transport;
mod webhooks;
