//! The listener of the metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use server::metrics::table::ALL;

use crate::support::*;

#[test]
fn metrics_are_served_on_their_own_listener_only() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    let mut server = Server::start(command.env("PASSKEYD_METRICS__LISTEN", "127.0.0.1:0"));
    let line = server.wait_for_line("metrics are served");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let metrics: SocketAddr = line["address"].as_str().unwrap().parse().unwrap();
    assert_eq!(status(&server.request("GET", "/metrics", &[], "")), 404);
    let known = basic(SID, TOKEN);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let created = server.request("POST", "/v2/Services", &[&known, form], "FriendlyName=x");
    assert_eq!(status(&created), 201);

    let main = std::mem::replace(&mut server.address, metrics);
    let answer = server.request("GET", "/metrics", &[], "");
    assert_eq!(status(&answer), 200);
    assert_eq!(status(&server.request("GET", "/v2/Services", &[], "")), 404);
    server.address = main;
    assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
    // Name and type of everything, as the table has them.
    let types: BTreeMap<&str, &str> = answer
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    for metric in ALL {
        // Those with a reason appear with the first refusal, and the last one where pages may report.
        let later = ["refusals_total", "client_events_total"];
        if later.iter().any(|name| metric.name.ends_with(name)) {
            continue;
        }
        let found = types.get(metric.name).copied();
        assert_eq!(found, Some(metric.kind.name()), "{}", metric.name);
    }
    let value = |name: &str| -> f64 {
        let line = answer.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}"))
            .trim()
            .parse()
            .unwrap()
    };
    assert!(value("passkeyd_store_batch_writes_count") >= 2.0);
    assert!(value("passkeyd_store_call_seconds_count") >= 2.0);
    assert!(value("passkeyd_connections_accepted_total") >= 2.0);
    assert!(value("passkeyd_http_requests_total{status=\"2xx\",wire=\"twilio\"}") >= 1.0);
    assert!(value("passkeyd_connections ") <= 2.0);
    assert!(value("passkeyd_start_time_seconds") > 1.7e9);
}
