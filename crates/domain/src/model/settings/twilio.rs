//! What a Relying Party has chosen for channels that passkeyd does not have. It is kept and shown; no ceremony reads it.

use serde::{Deserialize, Serialize};

/// The settings of the Twilio wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TwilioSettings {
    /// Digits of a code.
    pub code_length: u32,
    /// Whether phone numbers are looked up.
    pub lookup_enabled: bool,
    /// Whether messages name payee and amount.
    pub psd2_enabled: bool,
    /// Whether landlines get no text messages.
    pub skip_sms_to_landlines: bool,
    /// Whether a call needs a key press.
    pub dtmf_input_required: bool,
    /// The name that a voice says.
    pub tts_name: Option<String>,
    /// Whether messages warn against sharing the code.
    pub do_not_share_warning_enabled: bool,
    /// Whether a caller may choose the code.
    pub custom_code_enabled: bool,
    /// Push notifications.
    pub push: Push,
    /// One-time passwords of an app.
    pub totp: Totp,
    /// The template of messages.
    pub default_template_sid: Option<String>,
    /// Messages of `WhatsApp`.
    pub whatsapp: Whatsapp,
    /// Whether events are sent to subscribers.
    pub verify_event_subscription_enabled: bool,
}

/// Push notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// Whether a notification has a date.
    pub include_date: bool,
    /// The credential for Apple's service.
    pub apn_credential_sid: Option<String>,
    /// The credential for Google's service.
    pub fcm_credential_sid: Option<String>,
}

/// One-time passwords of an app (RFC 6238).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Totp {
    /// The issuer that the app shows.
    pub issuer: Option<String>,
    /// Seconds of a time step.
    pub time_step: u32,
    /// Digits of a password.
    pub code_length: u32,
    /// Time steps of tolerance.
    pub skew: u32,
}

/// Messages of `WhatsApp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Whatsapp {
    /// The service that sends them.
    pub msg_service_sid: Option<String>,
    /// The number that they come from.
    pub from: Option<String>,
}

impl Default for Totp {
    fn default() -> Self {
        Self {
            issuer: None,
            time_step: 30,
            code_length: 6,
            skew: 1,
        }
    }
}

impl Default for TwilioSettings {
    fn default() -> Self {
        Self {
            code_length: 6,
            lookup_enabled: false,
            psd2_enabled: false,
            skip_sms_to_landlines: false,
            dtmf_input_required: true,
            tts_name: None,
            do_not_share_warning_enabled: false,
            custom_code_enabled: false,
            push: Push::default(),
            totp: Totp::default(),
            default_template_sid: None,
            whatsapp: Whatsapp::default(),
            verify_event_subscription_enabled: false,
        }
    }
}
