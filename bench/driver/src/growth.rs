//! What a store costs by its number of credentials: the table and the plots of bench/growth.sh.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::plot::{self, Plot};
use crate::report::{Results, median, milliseconds};
use crate::scenario::Scenario;

/// What the file of a store has.
#[derive(Serialize, Deserialize)]
pub struct Sizes {
    pub credentials: u64,
    /// `seeded`: before the first sign-in. `used`: after the last.
    pub moment: String,
    pub file_bytes: u64,
    pub parts: Vec<Part>,
}

/// A table or an index.
#[derive(Serialize, Deserialize)]
pub struct Part {
    /// The table that it belongs to.
    pub table: String,
    pub name: String,
    /// Bytes of its pages.
    pub bytes: u64,
    /// Bytes of them that are content.
    pub payload: u64,
    pub cells: u64,
}

/// Tables that hold what a user and a credential are.
const OF_CREDENTIALS: [&str; 4] = ["users", "credentials", "credential_kinds", "attestations"];
/// Tables that hold what has happened.
const OF_SIGN_INS: [&str; 3] = ["ceremonies", "events", "sign_ins"];

impl Sizes {
    fn of(&self, tables: &[&str]) -> u64 {
        let parts = self.parts.iter();
        parts
            .filter(|part| tables.contains(&&*part.table))
            .map(|part| part.bytes)
            .sum()
    }

    /// How many sign-ins are kept. Each has an event.
    fn sign_ins(&self) -> u64 {
        let of = |name: &str| self.parts.iter().find(|part| part.name == name);
        let rows = |name: &str| of(name).map_or(0, |part| part.cells);
        rows("events") + rows("sign_ins")
    }
}

/// The Markdown, if the file has measurements of growth.
pub fn text(results: &Results) -> Result<String, Failure> {
    let mut text = String::new();
    for (name, value) in &results.about {
        writeln!(text, "- {name}: {value}")?;
    }
    let shapes: Vec<&str> = results
        .grown
        .values()
        .flatten()
        .next()
        .map(|first| first.loads.iter().map(|load| load.shape.as_str()).collect())
        .unwrap_or_default();
    writeln!(
        text,
        "\n| passkeys | load | sign-ins/s | of the first | CPU of the server, µs | p50 ms | p99 ms | start to ready, ms | memory at rest, MB | memory after the load, MB |\n\
         |---|---|---|---|---|---|---|---|---|---|"
    )?;
    for (position, shape) in shapes.iter().enumerate() {
        let mut first = None;
        for (credentials, rounds) in &results.grown {
            let value = |of: fn(&crate::load::Outcome) -> f64| {
                median(
                    rounds
                        .iter()
                        .filter_map(|round| round.loads.get(position))
                        .map(of),
                )
            };
            let rate = value(|load| load.per_second);
            let first = *first.get_or_insert(rate);
            writeln!(
                text,
                "| {} | {shape} | {rate:.0} | {:.0} % | {:.0} | {} | {} | {:.0} | {:.0} | {:.0} |",
                thousands(*credentials),
                rate / first * 100.0,
                value(|load| load.server_cpu_us),
                milliseconds(value(|load| load.both.p50_ms)),
                milliseconds(value(|load| load.both.p99_ms)),
                median(rounds.iter().filter_map(|round| round.start_ms)),
                median(rounds.iter().map(|round| round.idle_kb as f64)) / 1000.0,
                value(|load| load.server_resident_kb as f64) / 1000.0,
            )?;
        }
    }
    sizes(results, &mut text)?;
    for (server, rounds) in &results.servers {
        for load in rounds.iter().flat_map(|round| &round.loads) {
            writeln!(
                text,
                "- {server}, empty at first, {} over {}: {} in all, {:.0} MB resident at the end, {:.0}/s, p99 {} ms, {} errors",
                load.ceremony,
                load.shape,
                load.ceremonies,
                load.server_resident_kb as f64 / 1000.0,
                load.per_second,
                milliseconds(load.both.p99_ms),
                load.errors + load.unfinished,
            )?;
        }
    }
    Ok(text)
}

fn sizes(results: &Results, text: &mut String) -> Result<(), Failure> {
    let mut by_size: BTreeMap<u64, (Option<&Sizes>, Option<&Sizes>)> = BTreeMap::new();
    for sizes in &results.sizes {
        let pair = by_size.entry(sizes.credentials).or_default();
        if sizes.moment == "seeded" {
            pair.0 = Some(sizes);
        } else {
            pair.1 = Some(sizes);
        }
    }
    writeln!(
        text,
        "\n| passkeys | file, MB | bytes of a passkey with its user | sign-ins kept | bytes of a sign-in |\n|---|---|---|---|---|"
    )?;
    for (credentials, (seeded, used)) in &by_size {
        let Some(seeded) = seeded else { continue };
        let (kept, each) = used.map_or((0, f64::NAN), |used| {
            let kept = used.sign_ins().saturating_sub(seeded.sign_ins());
            let bytes = used
                .of(&OF_SIGN_INS)
                .saturating_sub(seeded.of(&OF_SIGN_INS));
            (kept, bytes as f64 / kept as f64)
        });
        writeln!(
            text,
            "| {} | {:.1} | {:.0} | {} | {each:.0} |",
            thousands(*credentials),
            seeded.file_bytes as f64 / 1e6,
            seeded.of(&OF_CREDENTIALS) as f64 / *credentials as f64,
            thousands(kept),
        )?;
    }
    let Some((credentials, (Some(seeded), used))) = by_size.iter().next_back() else {
        return Ok(());
    };
    writeln!(
        text,
        "\nBytes by table and index, with {} passkeys:\n",
        thousands(*credentials)
    )?;
    writeln!(
        text,
        "| part | bytes of a row | rows | pages filled |\n|---|---|---|---|"
    )?;
    let of_sign_ins = used.iter().flat_map(|used| &used.parts);
    let of_sign_ins = of_sign_ins.filter(|part| OF_SIGN_INS.contains(&&*part.table));
    let of_credentials = seeded.parts.iter();
    let of_credentials = of_credentials.filter(|part| OF_CREDENTIALS.contains(&&*part.table));
    for part in of_credentials
        .chain(of_sign_ins)
        .filter(|part| part.cells > 100)
    {
        writeln!(
            text,
            "| `{}` | {:.0} | {} | {:.0} % |",
            part.name,
            part.bytes as f64 / part.cells as f64,
            thousands(part.cells),
            part.payload as f64 / part.bytes as f64 * 100.0,
        )?;
    }
    writeln!(text)?;
    Ok(())
}

/// The plots.
pub fn plots(results: &Results, path: &Path) -> Result<bool, Failure> {
    let mut names: Vec<String> = Vec::new();
    for load in results
        .grown
        .values()
        .flatten()
        .flat_map(|round| &round.loads)
    {
        if !names.contains(&load.shape) {
            names.push(load.shape.clone());
        }
    }
    let lines = |of: fn(&crate::load::Outcome) -> f64| {
        let points = |shape: &String| {
            let of_round =
                |round: &Scenario| round.loads.iter().find(|load| load.shape == *shape).map(of);
            let point = |(credentials, rounds): (&u64, &Vec<Scenario>)| {
                let value = median(rounds.iter().filter_map(of_round));
                value.is_finite().then_some((*credentials as f64, value))
            };
            results.grown.iter().filter_map(point).collect()
        };
        names
            .iter()
            .map(|shape| plot::Line {
                name: shape.clone(),
                points: points(shape),
            })
            .collect()
    };
    let plot = |title: &str, of, logarithmic| Plot {
        title: title.to_owned(),
        x: "passkeys in the store".to_owned(),
        lines: lines(of),
        logarithmic,
    };
    if results.grown.len() < 2 {
        return Ok(false);
    }
    let plots = [
        plot(
            "CPU of the server for one sign-in, µs",
            |load| load.server_cpu_us,
            false,
        ),
        plot("p99 of a sign-in, ms", |load| load.both.p99_ms, true),
    ];
    plot::draw(path, &plots)?;
    Ok(true)
}

/// A count with commas.
fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn counts_have_commas() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(10_000_000), "10,000,000");
    }
}
