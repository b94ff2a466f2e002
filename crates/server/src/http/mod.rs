//! The HTTP edge: what all wires need to read a request and to answer it. Nothing here knows a wire; the wires depend on it.
//!
//! A request comes in through the [`entrance`], whose [`front`] checks what can be checked without a wire and notes the request in the log. A wire
//! implements [`Wire`](handler::Wire) on its state, and its handlers are functions from its request to a
//! `Result<Response, its error>`. Facts that the log or CORS needs travel as extensions of the response:
//! [`RefusalInfo`], [`TransportRefusal`] and [`About`](cors::About).

pub(crate) mod addresses;
pub mod auth;
pub mod body;
pub mod client;
pub mod cors;
pub mod current;
pub mod entrance;
pub mod form;
pub mod front;
pub mod funnel;
pub mod handler;
pub mod inbound;
pub mod json;
pub mod lifecycle;
pub mod lines;
pub mod media;
pub mod name;
pub mod needs;
pub mod noting;
pub mod paths;
pub mod public_url;
pub mod rates;
pub mod refusal;
pub mod reply;
pub mod reports;
pub mod request_id;
pub mod routes;
pub mod starts;
pub mod traces;
pub mod traffic;

pub use body::BodyLimit;
pub use client::{Peer, TrustedProxies};
pub use entrance::{Answers, Entrance};
pub use handler::{Wire, handle};
pub use inbound::Inbound;
pub use lifecycle::Lifecycle;
pub use needs::Needs;
pub use public_url::PublicUrl;
pub use rates::{Gates, PerMinute};
pub use refusal::{RefusalInfo, Refusals, TransportRefusal};
pub use starts::Starts;
pub use traces::Traces;
pub use traffic::{Answered, Traffic};
