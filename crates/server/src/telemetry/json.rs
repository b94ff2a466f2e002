//! An event as a line of JSON, written straight into the buffer of the line: each request leaves one.

use std::fmt::{self, Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes `timestamp`, `level`, `message` and the fields of an event as the members of one object.
#[derive(Clone, Copy, Debug)]
pub struct JsonLine;

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
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        writer.write_str("\",\"level\":\"")?;
        writer.write_str(event.metadata().level().as_str())?;
        writer.write_char('"')?;
        let mut members = Members {
            writer,
            outcome: Ok(()),
        };
        event.record(&mut members);
        members.outcome?;
        members.writer.write_str("}\n")
    }
}

struct Members<'w> {
    writer: Writer<'w>,
    outcome: fmt::Result,
}

impl Members<'_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.outcome.is_ok() {
            self.outcome = self.write(field.name(), value);
        }
    }

    /// The name of a field is an identifier of the source, so it has nothing to escape.
    fn write(
        &mut self,
        name: &str,
        value: impl FnOnce(&mut Writer<'_>) -> fmt::Result,
    ) -> fmt::Result {
        self.writer.write_str(",\"")?;
        self.writer.write_str(name)?;
        self.writer.write_str("\":")?;
        value(&mut self.writer)
    }
}

impl Visit for Members<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field, |to| {
            if value.is_finite() {
                write!(to, "{value}")
            } else {
                to.write_str("null")
            }
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |to| write!(to, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |to| write!(to, "{value}"));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.member(field, |to| write!(to, "{value}"));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.member(field, |to| write!(to, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |to| write!(to, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |to| {
            to.write_char('"')?;
            Escaped(to).write_str(value)?;
            to.write_char('"')
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, |to| {
            to.write_char('"')?;
            write!(Escaped(to), "{value:?}")?;
            to.write_char('"')
        });
    }
}

/// Writes text as the inside of a JSON string (RFC 8259 section 7).
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest
            .bytes()
            .position(|b| b < 0x20 || b == b'"' || b == b'\\')
        {
            // Only single bytes of ASCII are escaped, so these are boundaries of characters.
            let (plain, from) = rest.split_at(at);
            let (special, after) = from.split_at(1);
            self.0.write_str(plain)?;
            match special {
                "\"" => self.0.write_str("\\\"")?,
                "\\" => self.0.write_str("\\\\")?,
                "\n" => self.0.write_str("\\n")?,
                "\r" => self.0.write_str("\\r")?,
                "\t" => self.0.write_str("\\t")?,
                _ => {
                    for byte in special.bytes() {
                        write!(self.0, "\\u{byte:04x}")?;
                    }
                }
            }
            rest = after;
        }
        self.0.write_str(rest)
    }
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
