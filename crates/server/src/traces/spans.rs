//! What was recorded of requests, as the messages of OTLP. Names are those of OpenTelemetry's semantic conventions where they have one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::MatchedPath;
use axum::http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use uuid::Builder;

use crate::http::traces::{Ended, Part, Recorded, Work};

/// The methods that the conventions know. Any other text is the caller's.
const METHODS: [Method; 9] = [
    Method::CONNECT,
    Method::DELETE,
    Method::GET,
    Method::HEAD,
    Method::OPTIONS,
    Method::PATCH,
    Method::POST,
    Method::PUT,
    Method::TRACE,
];
/// Flags of a span: it is recorded, and whether its parent is of another process is known.
const RECORDED: u32 = 0x101;
/// Its parent is of another process.
const REMOTE_PARENT: u32 = 0x200;
/// An odd number: its multiples differ, so the parts of a request have ids that differ.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// How many spans these requests have.
pub(super) fn number_of_spans(recorded: &[Recorded]) -> u64 {
    let spans = recorded.iter().map(|one| 1 + one.parts.len() as u64);
    spans.sum()
}

/// This process, as the collector knows it.
pub(super) struct Process {
    resource: Resource,
    scope: InstrumentationScope,
}

impl Process {
    /// With random bytes for the id of the instance.
    pub(super) fn new(instance: [u8; 16]) -> Self {
        let instance = Builder::from_random_bytes(instance).into_uuid();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let attributes = vec![
            text("service.name", "passkeyd"),
            text("service.version", version.clone()),
            text("service.instance.id", instance.to_string()),
        ];
        Self {
            resource: Resource {
                attributes,
                ..Resource::default()
            },
            scope: InstrumentationScope {
                name: "passkeyd".to_owned(),
                version,
                ..InstrumentationScope::default()
            },
        }
    }

    /// The message with these requests.
    pub(super) fn request(&self, recorded: Vec<Recorded>) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(self.scope.clone()),
                    spans: recorded.into_iter().flat_map(spans).collect(),
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        }
    }
}

/// The span of a request, and those of its parts.
fn spans(recorded: Recorded) -> impl Iterator<Item = Span> {
    let whole = of_request(&recorded);
    let Recorded {
        trace,
        span,
        began,
        parts,
        ..
    } = recorded;
    let parts = parts.into_iter().zip(1..).map(move |(part, number)| {
        let id = span.wrapping_add(STEP.wrapping_mul(number)).max(1);
        of_part(&part, trace, id, span, began)
    });
    std::iter::once(whole).chain(parts)
}

fn of_request(recorded: &Recorded) -> Span {
    let ended = &recorded.ended;
    let known = METHODS.contains(&ended.method);
    let method = if known {
        ended.method.as_str()
    } else {
        "_OTHER"
    };
    let route = ended.route.as_ref().map(MatchedPath::as_str);
    let shown = if known { method } else { "HTTP" };
    let name = match route {
        Some(route) => format!("{shown} {route}"),
        None => shown.to_owned(),
    };
    let failed = ended.status.is_server_error();
    let code = if failed {
        StatusCode::Error
    } else {
        StatusCode::Unset
    };
    let remote = recorded.parent.map_or(0, |_| REMOTE_PARENT);
    Span {
        trace_id: recorded.trace.to_be_bytes().to_vec(),
        span_id: recorded.span.to_be_bytes().to_vec(),
        parent_span_id: recorded
            .parent
            .map(|parent| parent.to_be_bytes().to_vec())
            .unwrap_or_default(),
        flags: RECORDED | remote,
        name,
        kind: SpanKind::Server.into(),
        start_time_unix_nano: nanos(recorded.began),
        end_time_unix_nano: nanos(recorded.began + ended.took),
        attributes: attributes(ended, method, route, failed),
        status: Some(Status {
            code: code.into(),
            ..Status::default()
        }),
        ..Span::default()
    }
}

fn attributes(ended: &Ended, method: &str, route: Option<&str>, failed: bool) -> Vec<KeyValue> {
    let status = Value::IntValue(ended.status.as_u16().into());
    let mut attributes = vec![
        text("http.request.method", method),
        key_value("http.response.status_code", status),
        text(
            "passkeyd.request_id",
            ended.request_id.to_str().unwrap_or_default(),
        ),
    ];
    let more = [
        ("http.route", route.map(str::to_owned)),
        (
            "error.type",
            ended.reason.filter(|_| failed).map(str::to_owned),
        ),
        (
            "passkeyd.wire",
            Some(ended.wire)
                .filter(|wire| !wire.is_empty())
                .map(str::to_owned),
        ),
        ("passkeyd.reason", ended.reason.map(str::to_owned)),
        (
            "passkeyd.account",
            ended.account.map(|id| format!("AC{id}")),
        ),
        (
            "passkeyd.service",
            ended.service.map(|id| format!("VA{id}")),
        ),
        ("passkeyd.ceremony", ended.ceremony.map(|id| id.to_string())),
    ];
    attributes.extend(
        more.into_iter()
            .filter_map(|(key, value)| Some(text(key, value?))),
    );
    attributes
}

fn of_part(part: &Part, trace: u128, id: u64, request: u64, began: SystemTime) -> Span {
    let room = match part.work {
        Work::Ceremony => "ceremony",
        Work::Store => "store",
    };
    let began = began + part.after;
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: request.to_be_bytes().to_vec(),
        flags: RECORDED,
        name: format!("{room}.{}", part.name),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: nanos(began),
        end_time_unix_nano: nanos(began + part.took),
        ..Span::default()
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    let nanos = since.as_ref().map_or(0, Duration::as_nanos);
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    key_value(key, Value::StringValue(value.into()))
}

fn key_value(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
