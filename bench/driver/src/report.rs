//! The table of a results file: medians over the rounds, and ratios.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::bare::Bare;
use crate::load::Outcome;
use crate::scenario::Scenario;

const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// One line of a results file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// Machine, versions and settings, as pairs of a name and a text in the order in which they are shown.
    About(Vec<(String, String)>),
    Bare(Bare),
    Server(Scenario),
}

/// What is known of this machine, and the pairs that the script adds.
pub fn about(pairs: &[String]) -> Result<Line, Failure> {
    let read = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default();
        line.split_once(':')
            .map_or("unknown", |(_, value)| value.trim())
            .to_owned()
    };
    let cores = std::fs::read_to_string("/proc/cpuinfo")?
        .matches("processor\t")
        .count();
    let memory_kb: f64 = read("/proc/meminfo", "MemTotal")
        .trim_end_matches(" kB")
        .parse()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut lines = vec![(
        "machine".to_owned(),
        format!(
            "{}, {cores} cores, {:.0} GB of memory, Linux {}",
            read("/proc/cpuinfo", "model name"),
            memory_kb / 1e6,
            kernel.trim()
        ),
    )];
    for pair in pairs {
        let (name, value) = pair.split_once('=').ok_or("--set takes name=value")?;
        lines.push((name.to_owned(), value.to_owned()));
    }
    Ok(Line::About(lines))
}

/// Replaces the part between the two comments.
pub fn insert(document: &str, text: &str) -> Result<String, Failure> {
    let missing = || format!("the document has no {BEGIN} and {END}");
    let (before, rest) = document.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n\n{text}\n{END}{after}"))
}

/// The Markdown of a results file.
pub fn text(results: &str) -> Result<String, Failure> {
    let mut about = Vec::new();
    let mut bare = Vec::new();
    let mut servers: Vec<(String, Vec<Scenario>)> = Vec::new();
    for line in results.lines().filter(|line| !line.is_empty()) {
        match serde_json::from_str(line)? {
            Line::About(pairs) => about = pairs,
            Line::Bare(measured) => bare.push(measured.cpu_us),
            Line::Server(scenario) => match servers
                .iter_mut()
                .find(|(name, _)| *name == scenario.server)
            {
                Some((_, rounds)) => rounds.push(scenario),
                None => servers.push((scenario.server.clone(), vec![scenario])),
            },
        }
    }
    let bare = median(bare.into_iter());

    let mut text = String::new();
    for (name, value) in about {
        writeln!(text, "- {name}: {value}")?;
    }
    writeln!(
        text,
        "- bare ES256 check: {bare:.1} µs of CPU, measured in each round on the core of the servers\n"
    )?;
    writeln!(
        text,
        "| load | server | ceremonies/s | CPU of the server, µs | / bare check | / passkeyd | p50 ms | p99 ms | p99.9 ms | start p99 | finish p99 | memory MB | errors, unfinished |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for ((position, load), measured) in by_load(&servers) {
        // The first server of the file is passkeyd.
        let mut reference = None;
        for (server, rounds) in measured {
            let value = |of: fn(&Outcome) -> f64| median(rounds.iter().map(|outcome| of(outcome)));
            let cpu = value(|outcome| outcome.server_cpu_us);
            let reference = *reference.get_or_insert(cpu);
            let failed: u64 = rounds
                .iter()
                .map(|outcome| outcome.errors + outcome.unfinished)
                .sum();
            let title = if position == 0 {
                format!("registration, {load}")
            } else {
                load.clone()
            };
            writeln!(
                text,
                "| {title} | {server} | {:.0} | {cpu:.0} | {:.2} | {:.2} | {} | {} | {} | {} | {} | {:.0} | {failed} |",
                value(|outcome| outcome.per_second),
                cpu / bare,
                cpu / reference,
                milliseconds(value(|outcome| outcome.both.p50_ms)),
                milliseconds(value(|outcome| outcome.both.p99_ms)),
                milliseconds(value(|outcome| outcome.both.p999_ms)),
                milliseconds(value(|outcome| outcome.start.p99_ms)),
                milliseconds(value(|outcome| outcome.finish.p99_ms)),
                value(|outcome| outcome.server_resident_kb as f64) / 1000.0,
            )?;
        }
    }
    writeln!(
        text,
        "\n| server | memory before the first registration, MB |\n|---|---|"
    )?;
    for (server, rounds) in &servers {
        writeln!(
            text,
            "| {server} | {:.0} |",
            median(rounds.iter().map(|round| round.idle_kb as f64)) / 1000.0
        )?;
    }
    Ok(text)
}

type ByLoad<'a> = BTreeMap<(usize, String), Vec<(&'a str, Vec<&'a Outcome>)>>;

/// The outcomes of all rounds by load, and in each load by server, both in the order of the file.
fn by_load(servers: &[(String, Vec<Scenario>)]) -> ByLoad<'_> {
    let mut loads = ByLoad::new();
    for (server, rounds) in servers {
        for (position, outcome) in rounds
            .iter()
            .flat_map(|round| round.loads.iter().enumerate())
        {
            let measured = loads.entry((position, outcome.shape.clone())).or_default();
            match measured.last_mut() {
                Some((name, outcomes)) if name == server => outcomes.push(outcome),
                _ => measured.push((server, vec![outcome])),
            }
        }
    }
    loads
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

fn milliseconds(time: f64) -> String {
    if time < 10.0 {
        format!("{time:.1}")
    } else {
        format!("{time:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::{insert, median};

    #[test]
    fn the_middle_of_even_and_odd_lists() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0].into_iter()) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn only_the_part_between_the_comments_is_replaced() {
        let old = "a\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nb\n";
        let new = insert(old, "new\n").unwrap();
        assert_eq!(
            new,
            "a\n<!-- bench: begin -->\n\nnew\n\n<!-- bench: end -->\nb\n"
        );
        assert_eq!(insert(&new, "new\n").unwrap(), new);
        assert!(insert("nothing", "new").is_err());
    }
}
