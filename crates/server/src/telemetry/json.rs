//! An event as a line of JSON, written straight into the buffer of the line: each request leaves one.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Debug, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{self, FormatTime as _};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes `timestamp`, `level`, `message` and the fields of an event as the members of one object.
#[derive(Clone, Copy, Debug)]
pub struct JsonLine;

thread_local! {
    /// The buffer of the line, kept from line to line.
    static LINE: Cell<String> = const { Cell::new(String::new()) };
    /// The last second whose text was needed, and the text.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = LINE.take();
        line.clear();
        line.push_str("{\"timestamp\":\"");
        push_now(&mut line)?;
        line.push_str("\",\"level\":\"");
        line.push_str(event.metadata().level().as_str());
        line.push('"');
        let mut members = Members {
            line,
            outcome: Ok(()),
        };
        event.record(&mut members);
        let Members { mut line, outcome } = members;
        line.push_str("}\n");
        let written = outcome.and_then(|()| writer.write_str(&line));
        LINE.set(line);
        written
    }
}

/// Adds the date and the time in UTC, to the microsecond. The text of a second is kept: most lines are of the same one as the line before.
#[expect(
    clippy::disallowed_methods,
    reason = "a line of the log has the time of the machine"
)]
fn push_now(line: &mut String) -> fmt::Result {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != now.as_secs() || text.is_empty() {
            let mut whole = String::new();
            time::SystemTime.format_time(&mut Writer::new(&mut whole))?;
            *second = now.as_secs();
            text.clear();
            text.push_str(whole.split('.').next().unwrap_or_default());
        }
        line.push_str(text);
        write!(line, ".{:06}Z", now.subsec_micros())
    })
}

struct Members {
    line: String,
    outcome: fmt::Result,
}

impl Members {
    /// Begins a member. The name of a field is an identifier of the source, so it has nothing to escape.
    fn name(&mut self, field: &Field) -> &mut String {
        self.line.push_str(",\"");
        self.line.push_str(field.name());
        self.line.push_str("\":");
        &mut self.line
    }

    fn value(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let written = self.name(field).write_fmt(value);
        self.outcome = self.outcome.and(written);
    }
}

impl Visit for Members {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.value(field, format_args!("{value}"));
        } else {
            self.name(field).push_str("null");
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field, format_args!("{value}"));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.value(field, format_args!("{value}"));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.value(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field)
            .push_str(if value { "true" } else { "false" });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let line = self.name(field);
        line.push('"');
        push_escaped(line, value);
        line.push('"');
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let line = self.name(field);
        line.push('"');
        let written = write!(Escaped(line), "{value:?}");
        line.push('"');
        self.outcome = self.outcome.and(written);
    }
}

/// Writes text as the inside of a JSON string.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_escaped(self.0, text);
        Ok(())
    }
}

/// Adds text as the inside of a JSON string (RFC 8259 section 7).
fn push_escaped(line: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest
        .bytes()
        .position(|b| b < 0x20 || b == b'"' || b == b'\\')
    {
        // Only single bytes of ASCII are escaped, so these are boundaries of characters.
        let (plain, from) = rest.split_at(at);
        let (special, after) = from.split_at(1);
        line.push_str(plain);
        match special {
            "\"" => line.push_str("\\\""),
            "\\" => line.push_str("\\\\"),
            "\n" => line.push_str("\\n"),
            "\r" => line.push_str("\\r"),
            "\t" => line.push_str("\\t"),
            _ => {
                for byte in special.bytes() {
                    // A string takes whatever is written.
                    let _ = write!(line, "\\u{byte:04x}");
                }
            }
        }
        rest = after;
    }
    line.push_str(rest);
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::JsonLine;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let to = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(JsonLine)
            .with_writer(move || to.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_event_is_one_line_with_its_fields_in_order() {
        let line = line(|| {
            tracing::warn!(
                status = 404_u16,
                took = 1.25,
                low = -3,
                yes = true,
                absent = None::<&str>,
                shown = %"a",
                "said {}",
                7
            );
        });
        let (stamp, rest) = line.split_at(r#"{"timestamp":"2026-11-29T00:00:00.000000Z""#.len());
        assert!(stamp.ends_with("Z\""), "{line}");
        assert_eq!(
            rest,
            ",\"level\":\"WARN\",\"message\":\"said 7\",\"status\":404,\"took\":1.25,\"low\":-3,\"yes\":true,\"shown\":\"a\"}\n"
        );
    }

    #[test]
    fn any_text_comes_back() {
        let every: String = (0..0x300).filter_map(char::from_u32).collect();
        let text = format!("{every}\u{2028}\u{1F511}\"\\");
        let line = line(|| tracing::info!(text = text.as_str(), shown = %text, number = f64::NAN));
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["text"], text.as_str());
        assert_eq!(read["shown"], text.as_str());
        assert!(read["number"].is_null());
        assert_eq!(line.matches('\n').count(), 1);
    }
}
