//! The parameters of a webhook, in the words of this wire (docs/wires/twilio.md).

use domain::model::ids::CredentialKey;
use domain::model::notice::{Delivery, NoticeType};

use super::sid::Sid;

/// What a webhook receives. Parameters that say nothing of an event are not there.
pub fn parameters(delivery: &Delivery) -> Vec<(&'static str, String)> {
    let notice = &delivery.notice;
    let mut all = vec![
        ("uuid", delivery.id.to_hex()),
        ("type", notice.what.name().to_owned()),
        ("account_sid", Sid::of(&delivery.account).to_string()),
        ("service_sid", Sid::of(&delivery.relying_party).to_string()),
    ];
    let mut add = |name, value: Option<String>| all.extend(value.map(|value| (name, value)));
    add("entity_sid", notice.user.map(|id| Sid::of(&id).to_string()));
    add("entity_identity", notice.user_name.clone());
    // The ceremony that makes a factor has the factor's key.
    let started = notice
        .ceremony
        .filter(|_| notice.what == NoticeType::FactorCreated);
    let factor = notice.credential.or(started.map(|id| CredentialKey(id.0)));
    add("factor_sid", factor.map(|id| Sid::of(&id).to_string()));
    add("factor_type", factor.map(|_| "passkeys".to_owned()));
    let status = match notice.what {
        NoticeType::ChallengeApproved => Some("approved"),
        NoticeType::ChallengeDenied => Some("denied"),
        _ => None,
    };
    if let Some(status) = status {
        add(
            "challenge_sid",
            notice.ceremony.map(|id| Sid::of(&id).to_string()),
        );
        add("challenge_status", Some(status.to_owned()));
    }
    add("reason", notice.reason.clone());
    all
}
