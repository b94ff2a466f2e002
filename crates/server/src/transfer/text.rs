//! How values are written in an export.

use std::borrow::Cow;

use domain::model::clock::Timestamp;
use jiff::Timestamp as Instant;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment as RFC 3339 text with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// The moment in a text of RFC 3339.
    pub fn read(text: &str) -> Option<Self> {
        let at: Instant = text.parse().ok()?;
        Some(Self(Timestamp(at.as_millisecond())))
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl From<Moment> for Timestamp {
    fn from(at: Moment) -> Self {
        at.0
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Timestamp(millis) = self.0;
        let edge = if millis < 0 {
            Instant::MIN
        } else {
            Instant::MAX
        };
        let at = Instant::from_millisecond(millis).unwrap_or(edge);
        write!(f, "{at:.3}")
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| {
            de::Error::custom(
                "a moment is written as in RFC 3339, for example 2026-01-31T12:00:00.000Z",
            )
        })
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}
