//! What a Relying Party has chosen for each wire. What holds on every wire is in its
//! [selection](crate::model::policy::PartialSelection) and its [policy](crate::model::policy::Policy).
//!
//! A member that joins later has a default, so that older records stay readable. A record with a member that is not known
//! here cannot be read, and its Relying Party is refused: a choice that is lost must not relax anything.

pub mod nevis;
pub mod twilio;

use serde::{Deserialize, Serialize};

pub use self::nevis::NevisSettings;
pub use self::twilio::TwilioSettings;

/// The settings of all wires.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WireSettings {
    /// Those of the Authentication Cloud API.
    pub nevis: NevisSettings,
    /// Those of the Twilio wire.
    pub twilio: TwilioSettings,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(settings: Value) -> Option<WireSettings> {
        serde_json::from_value(settings).ok()
    }

    #[test]
    fn what_is_absent_has_its_default() {
        for older in [
            json!({}),
            json!({"nevis": {}}),
            json!({"twilio": {"push": {}, "totp": {}, "whatsapp": {}}}),
        ] {
            assert_eq!(read(older), Some(WireSettings::default()));
        }
        let relaxed = read(json!({"nevis": {"status_token_required": false}})).unwrap();
        assert!(!relaxed.nevis.status_token_required);
    }

    #[test]
    fn settings_that_are_not_known_or_of_another_type_cannot_be_read() {
        for unreadable in [
            json!({"nevis": {"status_token_required": false, "of a newer passkeyd": 1}}),
            json!({"nevis": {"status_token_required": "no"}}),
            json!({"nevis": {"android_apps": [{"package_name": "com.example"}]}}),
            json!({"nevis": "x"}),
            json!({"nevis": null}),
            json!({"twilio": {"of a newer passkeyd": 1}}),
            json!({"twilio": {"totp": {"skew": "1"}}}),
            json!({"of a newer passkeyd": {}}),
            json!("x"),
            Value::Null,
        ] {
            assert_eq!(read(unreadable.clone()), None, "{unreadable}");
        }
    }

    #[test]
    fn settings_come_back_as_they_were_written() {
        let mut settings = WireSettings::default();
        settings.nevis.username_rule = nevis::UsernameRule::Relaxed;
        settings.nevis.transaction_token_algorithm = nevis::TransactionTokenAlgorithm::Es256;
        settings.twilio.push.apn_credential_sid = Some("CR".to_owned());
        assert_eq!(read(json!(settings)), Some(settings));
    }
}
