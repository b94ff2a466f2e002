//! Every metric: its name, its kind, its labels and their values. The reference in the documentation is made from it.

use std::fmt::Write as _;

use domain::Reason;
use domain::model::ceremony::CeremonyKind;
use domain::service::observer::Phase;
use domain::webauthn::signal::Signal;

use crate::http::front::UNNAMED;
use crate::http::rates::LIMITS;
use crate::http::refusal::TransportRefusal;
use crate::http::reports::{BROWSERS, EVENTS, OPERATIONS, SYSTEMS};

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// A number that grows and falls.
    Gauge,
    /// Counts of values by size.
    Histogram,
}

impl Kind {
    /// As Prometheus writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A label. Its values are a closed set: nothing that a client sends can make another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// The kind of ceremony.
    Ceremony,
    /// The API.
    Wire,
    /// What became of a ceremony.
    Outcome,
    /// Why something was refused.
    Reason,
    /// What was noticed in a response that was accepted.
    Signal,
    /// A part of the work on a response.
    Phase,
    /// The class of an HTTP status.
    Status,
    /// The rate limit.
    Limit,
    /// The version of passkeyd.
    Version,
    /// What a page does with passkeys.
    Operation,
    /// What a page reported.
    Event,
    /// The browser of a page.
    Browser,
    /// The operating system of a browser.
    System,
}

/// The APIs, as the label has them. The last one stands for everything else.
pub const WIRES: [&str; 6] = ["twilio", "nevis", "fido", "manage", "console", "other"];
/// What becomes of a ceremony.
pub const OUTCOMES: [&str; 4] = ["started", "not_started", "succeeded", "refused"];
/// The classes of HTTP statuses.
pub const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Label {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ceremony => "kind",
            Self::Wire => "wire",
            Self::Outcome => "outcome",
            Self::Reason => "reason",
            Self::Signal => "signal",
            Self::Phase => "phase",
            Self::Status => "status",
            Self::Limit => "limit",
            Self::Version => "version",
            Self::Operation => "operation",
            Self::Event => "event",
            Self::Browser => "browser",
            Self::System => "system",
        }
    }

    /// Its values.
    pub fn values(self) -> Vec<&'static str> {
        match self {
            Self::Ceremony => CeremonyKind::ALL.iter().map(|kind| kind.name()).collect(),
            Self::Wire => WIRES.to_vec(),
            Self::Outcome => OUTCOMES.to_vec(),
            Self::Reason => {
                let reasons = Reason::ALL.iter().map(|reason| reason.name());
                let transport = TransportRefusal::ALL.iter().map(|refusal| refusal.name());
                let mut names: Vec<_> = reasons.chain(transport).chain(UNNAMED).collect();
                names.sort_unstable();
                names.dedup();
                names
            }
            Self::Signal => Signal::NAMES.to_vec(),
            Self::Phase => Phase::ALL.iter().map(|phase| phase.name()).collect(),
            Self::Status => STATUSES.to_vec(),
            Self::Limit => LIMITS.to_vec(),
            Self::Version => vec![env!("CARGO_PKG_VERSION")],
            Self::Operation => OPERATIONS.to_vec(),
            Self::Event => EVENTS.to_vec(),
            Self::Browser => BROWSERS.to_vec(),
            Self::System => SYSTEMS.to_vec(),
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// What it counts or measures.
    pub help: &'static str,
    /// Its labels.
    pub labels: &'static [Label],
}

macro_rules! metrics {
    ($( $constant:ident $name:literal $kind:ident [$($label:ident),*] $help:literal )+) => {
        $(
            #[doc = $help]
            pub const $constant: Definition = Definition {
                name: concat!("passkeyd_", $name),
                kind: Kind::$kind,
                help: $help,
                labels: &[$(Label::$label),*],
            };
        )+

        /// Every metric.
        pub const ALL: &[Definition] = &[$($constant),+];
    };
}

metrics! {
    BUILD_INFO "build_info" Gauge [Version] "1, with the version of passkeyd."
    START_TIME "start_time_seconds" Gauge [] "When the process started, in seconds since 1970."
    READY "ready" Gauge [] "1 if `/readyz` responds 200, else 0."
    REQUESTS "http_requests_total" Counter [Wire, Status] "Requests that were answered."
    REQUEST_SECONDS "http_request_duration_seconds" Histogram [Wire] "Time from the head of a request to its response. Requests that wait for a status take up to 30 seconds."
    REFUSALS "refusals_total" Counter [Wire, Reason] "Requests that were refused or failed."
    RATE_LIMITED "rate_limited_total" Counter [Limit] "Requests that were over a rate limit."
    CEREMONIES "ceremonies_total" Counter [Ceremony, Wire, Outcome] "Ceremonies that were started or not, and responses to them that were accepted or refused."
    CEREMONY_REFUSALS "ceremony_refusals_total" Counter [Ceremony, Reason] "Responses to ceremonies that were refused."
    CEREMONY_SIGNALS "ceremony_signals_total" Counter [Ceremony, Signal] "What was noticed in responses that were accepted, such as a signature counter that did not grow."
    PHASE_SECONDS "ceremony_phase_duration_seconds" Histogram [Ceremony, Phase] "Time of each part of the work on a response that was verified: reading, verifying, writing."
    STORE_WRITES "store_batch_writes" Histogram [] "Writes in one transaction of the embedded store."
    STORE_WAIT "store_wait_seconds" Histogram [] "Embedded store: how long the first write of a transaction waited. PostgreSQL: how long a call waited for a connection."
    STORE_CALL "store_call_seconds" Histogram [] "Embedded store: time of a transaction with its commit. PostgreSQL: time of a call to the database."
    STORE_QUEUE "store_queue_writes" Gauge [] "Writes of the embedded store that waited when the last transaction began."
    CONNECTIONS "connections" Gauge [] "Open connections of clients."
    CONNECTIONS_ACCEPTED "connections_accepted_total" Counter [] "Connections that were accepted."
    CONNECTIONS_REFUSED "connections_refused_total" Counter [] "Connections that were closed at once, because a limit was reached."
    WEBHOOK_AGE "webhook_oldest_undelivered_seconds" Gauge [] "Age of the oldest webhook delivery that has not arrived; 0 if all have."
    METADATA_MODELS "metadata_models" Gauge [] "Authenticator models in the metadata; 0 without metadata."
    METADATA_AGE "metadata_age_seconds" Gauge [] "Time since the metadata was imported; 0 without metadata."
    METADATA_STALE "metadata_stale" Gauge [] "1 if newer metadata was due, or the metadata in the store cannot be used."
    CLIENT_EVENTS "client_events_total" Counter [Operation, Event, Browser, System] "What pages reported of their passkeys, with `[client_events] enabled`."
    LOG_DROPPED "log_lines_dropped_total" Counter [] "Log lines that nobody read in time."
}

/// The reference of the metrics as Markdown.
pub fn markdown() -> String {
    let mut out = String::from(HEAD);
    out.push_str("| name | type | labels | |\n|---|---|---|---|\n");
    for metric in ALL {
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{}`", label.name()))
            .collect();
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            metric.name,
            metric.kind.name(),
            labels.join(", "),
            metric.help
        );
    }
    out.push_str("\n## Labels\n\n| label | values |\n|---|---|\n");
    for label in [
        Label::Ceremony,
        Label::Wire,
        Label::Outcome,
        Label::Signal,
        Label::Phase,
        Label::Status,
        Label::Limit,
        Label::Version,
        Label::Operation,
        Label::Event,
        Label::Browser,
        Label::System,
        Label::Reason,
    ] {
        let values = if label == Label::Version {
            "the version of passkeyd".to_owned()
        } else {
            let values: Vec<_> = label.values().iter().map(|v| format!("`{v}`")).collect();
            values.join(", ")
        };
        let _ = writeln!(out, "| `{}` | {values} |", label.name());
    }
    out
}

const HEAD: &str = "\
# Metrics

<!-- Generated by `passkeyd generate`; edit crates/server/src/metrics/table.rs instead. -->

`[metrics] listen` turns on `GET /metrics` ([monitoring.md](monitoring.md)). The labels and their values are all listed here: no request adds one.

";

#[cfg(test)]
mod tests {
    use super::*;

    const DASHBOARD: &str = include_str!("../../../../ops/grafana-dashboard.json");
    const ALERTS: &str = include_str!("../../../../ops/prometheus-alerts.yml");
    const REFERENCE: &str = include_str!("../../../../docs/metrics.md");

    /// The metrics that a text names, each with the text after it.
    fn named(text: &str) -> Vec<(&str, &str)> {
        text.match_indices("passkeyd_")
            .map(|(at, _)| {
                let rest = &text[at..];
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                rest.split_at(end.unwrap_or(rest.len()))
            })
            .collect()
    }

    fn definition(name: &str) -> Option<&'static Definition> {
        ALL.iter().find(|metric| match metric.kind {
            Kind::Histogram => ["_bucket", "_sum", "_count"]
                .iter()
                .any(|end| name.strip_suffix(end) == Some(metric.name)),
            Kind::Counter | Kind::Gauge => metric.name == name,
        })
    }

    /// The matchers after a metric: `{label="value",...}`, with or without the escapes of JSON.
    fn matchers(rest: &str) -> Vec<(String, String)> {
        let Some(inner) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            return Vec::new();
        };
        let inner = inner.0.replace("\\\"", "\"");
        inner
            .split(',')
            .map(|one| {
                let (label, value) = one.split_once('=').unwrap();
                let value = value.trim_start_matches('~').trim_matches('"');
                (label.to_owned(), value.to_owned())
            })
            .collect()
    }

    #[test]
    fn the_dashboard_and_the_alerts_use_only_metrics_and_label_values_that_exist() {
        serde_json::from_str::<serde_json::Value>(DASHBOARD).unwrap();
        for (text, least) in [(DASHBOARD, 15), (ALERTS, 10)] {
            let named = named(text);
            assert!(named.len() >= least, "{}", named.len());
            for (name, rest) in named {
                let metric = definition(name);
                let metric = metric.unwrap_or_else(|| panic!("{name} is not a metric"));
                for (label, values) in matchers(rest) {
                    if label == "job" || label == "instance" {
                        continue;
                    }
                    let known = metric.labels.iter().find(|known| known.name() == label);
                    let known = known.unwrap_or_else(|| panic!("{name} has no {label}"));
                    for value in values.split('|') {
                        assert!(known.values().contains(&value), "{name}: {label}={value}");
                    }
                }
            }
        }
        for metric in ALL {
            let unseen = [
                "passkeyd_start_time_seconds",
                "passkeyd_rate_limited_total",
                "passkeyd_metadata_models",
                "passkeyd_connections_accepted_total",
            ];
            assert!(
                DASHBOARD.contains(metric.name) || unseen.contains(&metric.name),
                "the dashboard does not show {}",
                metric.name
            );
        }
    }

    #[test]
    fn the_reference_is_up_to_date() {
        assert_eq!(REFERENCE, markdown(), "run `passkeyd generate --out docs`");
    }
}
