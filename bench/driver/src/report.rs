//! The table of a results file: medians over the rounds, and ratios.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::bare::Bare;
use crate::growth::Sizes;
use crate::load::Outcome;
use crate::plot::{self, Plot};
use crate::scenario::Scenario;

/// One line of a results file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// Machine, versions and settings, as pairs of a name and a text in the order in which they are shown.
    About(Vec<(String, String)>),
    Bare(Bare),
    Server(Scenario),
    Sizes(Sizes),
}

/// What a results file has.
#[derive(Default)]
pub struct Results {
    pub about: Vec<(String, String)>,
    /// CPU time of the bare check in each round.
    pub bare: Vec<f64>,
    /// The rounds of each server that began with an empty store, in the order of the file.
    pub servers: Vec<(String, Vec<Scenario>)>,
    /// The rounds of passkeyd with a store that was filled before, by the number of passkeys.
    pub grown: BTreeMap<u64, Vec<Scenario>>,
    pub sizes: Vec<Sizes>,
}

impl Results {
    /// Reads a file.
    pub fn read(file: &str) -> Result<Self, Failure> {
        let mut results = Self::default();
        for line in file.lines().filter(|line| !line.is_empty()) {
            match serde_json::from_str(line)? {
                Line::About(pairs) => results.about = pairs,
                Line::Bare(measured) => results.bare.push(measured.cpu_us),
                Line::Sizes(sizes) => results.sizes.push(sizes),
                Line::Server(scenario) => {
                    if let Some(credentials) = scenario.credentials {
                        results.grown.entry(credentials).or_default().push(scenario);
                        continue;
                    }
                    let mut servers = results.servers.iter_mut();
                    match servers.find(|(name, _)| *name == scenario.server) {
                        Some((_, rounds)) => rounds.push(scenario),
                        None => results
                            .servers
                            .push((scenario.server.clone(), vec![scenario])),
                    }
                }
            }
        }
        Ok(results)
    }
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

/// Replaces the part between the two comments with this name.
pub fn insert(document: &str, name: &str, text: &str) -> Result<String, Failure> {
    let (begin, end) = (
        format!("<!-- {name}: begin -->"),
        format!("<!-- {name}: end -->"),
    );
    let missing = || format!("the document has no {begin} and {end}");
    let (before, rest) = document.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n\n{text}\n{end}{after}"))
}

/// The Markdown of a comparison of servers.
pub fn text(results: &Results) -> Result<String, Failure> {
    let bare = median(results.bare.iter().copied());
    let servers = &results.servers;
    let mut text = String::new();
    for (name, value) in &results.about {
        writeln!(text, "- {name}: {value}")?;
    }
    writeln!(
        text,
        "- bare ES256 check: {bare:.1} µs of CPU, measured in each round on the core of the servers\n"
    )?;
    writeln!(
        text,
        "| load | server | ceremonies/s | CPU of the server, µs | in user mode, µs | / bare check | / passkeyd | p50 ms | p99 ms | p99.9 ms | start p99 | finish p99 | memory MB | errors, unfinished |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for ((position, load), measured) in by_load(servers) {
        // The first server of the file is passkeyd.
        let mut reference = None;
        for (server, rounds) in measured {
            let value = |of: fn(&Outcome) -> f64| median(rounds.iter().map(|outcome| of(outcome)));
            let cpu = value(|outcome| outcome.server_cpu_us);
            let user = match median(rounds.iter().filter_map(|outcome| outcome.server_user_us)) {
                user if user.is_nan() => "–".to_owned(),
                user => format!("{user:.0}"),
            };
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
                "| {title} | {server} | {:.0} | {cpu:.0} | {user} | {:.2} | {:.2} | {} | {} | {} | {} | {} | {:.0} | {failed} |",
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
    for (server, rounds) in servers {
        writeln!(
            text,
            "| {server} | {:.0} |",
            median(rounds.iter().map(|round| round.idle_kb as f64)) / 1000.0
        )?;
    }
    Ok(text)
}

/// Throughput and p99 against connections, if more than one number of connections was measured.
pub fn plots(results: &Results, path: &Path) -> Result<bool, Failure> {
    let lines = |of: fn(&Outcome) -> f64| -> Vec<plot::Line> {
        let servers = results.servers.iter();
        let line = |(server, rounds): &(String, Vec<Scenario>)| {
            let mut points: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
            let loads = rounds.iter().flat_map(|round| &round.loads);
            let closed = |load: &&Outcome| {
                load.ceremony == "authentication" && load.shape.ends_with("connections")
            };
            for load in loads.filter(closed) {
                points.entry(load.connections).or_default().push(of(load));
            }
            let points = points.into_iter();
            plot::Line {
                name: server.clone(),
                points: points
                    .map(|(connections, values)| (connections as f64, median(values.into_iter())))
                    .collect(),
            }
        };
        servers.map(line).collect()
    };
    let plot = |title: &str, of, logarithmic| Plot {
        title: title.to_owned(),
        x: "connections".to_owned(),
        lines: lines(of),
        logarithmic,
    };
    let plots = [
        plot("sign-ins per second", |load| load.per_second, false),
        plot("p99 of a sign-in, ms", |load| load.both.p99_ms, true),
    ];
    if plots
        .iter()
        .flat_map(|plot| &plot.lines)
        .any(|line| line.points.len() < 2)
    {
        return Ok(false);
    }
    plot::draw(path, &plots)?;
    Ok(true)
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

/// The middle value.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

/// A time as the tables show it.
pub fn milliseconds(time: f64) -> String {
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
        let new = insert(old, "bench", "new\n").unwrap();
        assert_eq!(
            new,
            "a\n<!-- bench: begin -->\n\nnew\n\n<!-- bench: end -->\nb\n"
        );
        assert_eq!(insert(&new, "bench", "new\n").unwrap(), new);
        assert!(insert("nothing", "bench", "new").is_err());
    }
}
