//! `/v2/Services/{VA}/Passkeys/*` and what the entity paths show of it.

mod approve_challenge;
mod challenges;
mod factors;
mod new_challenge;
mod new_factors;
mod response_60378;
mod verify_factor;
