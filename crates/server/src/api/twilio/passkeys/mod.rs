//! `/v2/Services/{VA}/Passkeys/*` (docs/wires/twilio.md, section 7 and section 8): the four calls of the two ceremonies. They take and
//! give JSON.

pub mod approve_challenge;
mod credential;
pub mod new_challenge;
pub mod new_factors;
pub mod verify_factor;

use domain::webauthn::json::Object;
use domain::webauthn::json::Value;

use crate::http::json;

/// The member under its `snake_case` name or, where that is absent, its `camelCase` name. Null counts as absent.
///
/// Python's SDK sends the former; Node's sends whatever its caller wrote, or a mixture. A name in other letter case counts, too,
/// such as those that the forms of this wire have: passed over, an `Identity` would turn a sign-in for one into one for anybody.
fn member<'v, 'a>(object: &'v Object<'a>, snake: &str, camel: &str) -> Option<&'v Value<'a>> {
    let there = |name| json::member(object, name);
    there(snake).or_else(|| there(camel)).or_else(|| {
        object
            .iter()
            .find(|(name, value)| name.eq_ignore_ascii_case(camel) && !value.is_null())
            .map(|(_, value)| value)
    })
}
