//! Labelled ceremonies for comparing verifiers: cases of `passkeyd verify`, true ones and ones with exactly one thing changed.
//!
//! The first cases are the catalogue (`corpus/changes.ndjson`), each change once for each format and algorithm it names; so
//! every lie, every expectation and every edit that it lists is in every corpus. Cases beyond the catalogue damage a part of an
//! honest ceremony; which part, where and how is drawn from the seed. The same seed gives the same labels in the same order,
//! and the same damage; keys, signatures and certificates are fresh each time.
//!
//! A label is `kind/format/algorithm/change`, for example `registration/packed-x5c/ES256/flip:attStmt.sig`.

mod ceremony;
mod changes;
mod damage;

use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::error::Error;
use crate::random::Random;
use ceremony::Case;

/// The first `count` cases that `seed` stands for, each given to `take` as soon as it is made: its label and its line. Fewer
/// than the catalogue are never made.
///
/// # Errors
/// [`Error`] when the catalogue asks for what the authenticator cannot do; otherwise what `take` returns.
pub fn write(
    seed: u64,
    count: usize,
    take: &mut dyn FnMut(&str, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut random = Random::new(seed);
    let mut honest = Vec::new();
    let mut made = 0;
    let mut give = |case: &Case, made: &mut usize| {
        let label = case.label();
        let name = format!("{made:06} {label}");
        *made += 1;
        take(&label, &case.line(&name))
    };
    for change in changes::catalogue()? {
        for case in change.cases(&mut random)? {
            give(&case, &mut made)?;
            // Nobody may register a key for SHA-1: what is refused anyhow says nothing when it is damaged.
            if case.is_honest() && case.algorithm != Algorithm::RS1 {
                honest.push(case);
            }
        }
    }
    while made < count {
        let Some(case) = random.choose(&honest) else {
            break;
        };
        if let Some(damaged) = damage::damage(case, &mut random) {
            give(&damaged, &mut made)?;
        }
    }
    Ok(())
}

/// Deep union of two JSON values: members of `over` win.
fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}
