//! Whether browsers let the configured origins use the configured RP ID (WebAuthn L3 5.1.3 and 5.1.4).
//!
//! It is judged when a Relying Party is configured, so that a mistake does not show up at the first sign-in. What no browser
//! can use is refused; what works for some pages only is a warning.

use std::collections::BTreeSet;
use std::fmt;

use webauthn::error::Reason;
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;

use crate::model::policy::PartialSelection;
use crate::model::refusal::Refusal;

/// Labels of related origins that every browser supports (WebAuthn L3 5.11.1). It may skip the ones after them.
const RELATED_LABELS: usize = 5;

/// What works for some pages of a Relying Party only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReachWarningKind {
    /// Pages outside of the RP ID. Browsers let them use it only as related origins (WebAuthn L3 5.11).
    RelatedOriginsNeeded,
    /// Pages of this machine beside an RP ID of the public DNS, or the other way round. Related origins do not help.
    LocalhostMixed,
    /// More domains need related origins than browsers have to support.
    TooManyRelatedOrigins,
}

impl ReachWarningKind {
    /// Stable `snake_case` name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RelatedOriginsNeeded => "related_origins_needed",
            Self::LocalhostMixed => "localhost_mixed",
            Self::TooManyRelatedOrigins => "too_many_related_origins",
        }
    }
}

/// A warning about the configuration of a Relying Party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachWarning {
    /// What it is about.
    pub kind: ReachWarningKind,
    /// The RP ID.
    pub rp_id: RpId,
    /// The origins concerned.
    pub origins: Vec<Origin>,
}

impl fmt::Display for ReachWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rp_id = &self.rp_id;
        match self.kind {
            ReachWarningKind::RelatedOriginsNeeded => write!(
                f,
                "These origins are outside of the RP ID {rp_id}. Browsers let their pages use it only if \
                 https://{rp_id}/.well-known/webauthn lists them as related origins. Serve this list, or remove the origins."
            ),
            ReachWarningKind::LocalhostMixed => write!(
                f,
                "Pages at these origins cannot use the RP ID {rp_id}: a page of this machine can only use its own host, and \
                 no other page can use that. Configure a Relying Party with the RP ID localhost for development."
            ),
            ReachWarningKind::TooManyRelatedOrigins => write!(
                f,
                "These origins need more than {RELATED_LABELS} related domains. Browsers may skip all after the first \
                 {RELATED_LABELS}."
            ),
        }
    }
}

impl PartialSelection {
    /// Judges RP ID and origins, as far as they are configured.
    ///
    /// Origins of apps and browser extensions are no pages: which RP IDs they may use does not depend on their origin, see
    /// [`Origin::is_within`].
    ///
    /// # Errors
    /// - `rp_id_public_suffix`;
    /// - `origins_outside_rp_id` if there are `https` origins and no page is within the RP ID. A Relying Party whose pages are
    ///   all related origins lists the origin `https://` and the RP ID as well: its host has to exist, because it serves the
    ///   list of related origins.
    pub fn judge_reach(&self) -> Result<Vec<ReachWarning>, Refusal> {
        let Some(rp_id) = &self.rp_id else {
            return Ok(Vec::new());
        };
        if rp_id.is_public_suffix() {
            return Err(Refusal::new(
                Reason::RpIdPublicSuffix,
                format!(
                    "the RP ID {rp_id} is a public suffix: anybody can have a domain below it, so browsers refuse it"
                ),
            )
            .with_members(vec!["rp_id"]));
        }
        let configured = self.origins.as_deref().unwrap_or_default();
        let pages = configured.iter().filter(|o| o.page_host().is_some());
        let (within, outside): (Vec<&Origin>, Vec<&Origin>) =
            pages.partition(|origin| origin.is_within(rp_id));
        let mut public = outside.iter().filter(|o| o.as_str().starts_with("https:"));
        if let (true, Some(first)) = (within.is_empty(), public.next()) {
            return Err(Refusal::new(
                Reason::OriginsOutsideRpId,
                format!(
                    "no page can use the RP ID {rp_id}: browsers let a page use its own host and the registrable domains above \
                     it, and none of the origins ({first}) is at or below {rp_id}; if they are related origins, list \
                     https://{rp_id} as well"
                ),
            )
            .with_members(vec!["origins"]));
        }
        Ok(warnings(rp_id, &outside))
    }
}

fn warnings(rp_id: &RpId, outside: &[&Origin]) -> Vec<ReachWarning> {
    let (mixed, related): (Vec<&Origin>, Vec<&Origin>) = outside.iter().partition(|origin| {
        is_this_machine(rp_id.as_str()) || origin.as_str().starts_with("http:")
    });
    let labels: BTreeSet<_> = related.iter().filter_map(|o| o.related_label()).collect();
    let too_many: &[&Origin] = if labels.len() > RELATED_LABELS {
        &related
    } else {
        &[]
    };
    [
        (ReachWarningKind::RelatedOriginsNeeded, related.as_slice()),
        (ReachWarningKind::LocalhostMixed, mixed.as_slice()),
        (ReachWarningKind::TooManyRelatedOrigins, too_many),
    ]
    .into_iter()
    .filter(|(_, origins)| !origins.is_empty())
    .map(|(kind, origins)| ReachWarning {
        kind,
        rp_id: rp_id.clone(),
        origins: origins.iter().copied().cloned().collect(),
    })
    .collect()
}

/// Whether a host is this machine by name. Plain `http` is allowed for such hosts only, see [`Origin::parse_configured`].
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReachWarningKind::{LocalhostMixed, RelatedOriginsNeeded, TooManyRelatedOrigins};

    fn judge(rp_id: Option<&str>, origins: &[&str]) -> Result<Vec<ReachWarning>, Refusal> {
        PartialSelection {
            rp_id: rp_id.map(|text| RpId::parse(text).unwrap()),
            origins: Some(origins.iter().map(|text| Origin::exact(*text)).collect()),
            ..PartialSelection::default()
        }
        .judge_reach()
    }

    const ANDROID: &str = "android:apk-key-hash:fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw";

    #[test]
    fn what_no_browser_can_use_is_refused() {
        for (rp_id, origins, reason) in [
            ("com", vec![], Reason::RpIdPublicSuffix),
            ("com", vec!["https://example.com"], Reason::RpIdPublicSuffix),
            (
                "co.uk",
                vec!["https://example.co.uk"],
                Reason::RpIdPublicSuffix,
            ),
            (
                "github.io",
                vec!["https://alice.github.io"],
                Reason::RpIdPublicSuffix,
            ),
            (
                "github.io",
                vec!["https://github.io"],
                Reason::RpIdPublicSuffix,
            ),
            (
                "acme.test",
                vec!["https://other.test"],
                Reason::OriginsOutsideRpId,
            ),
            (
                "acme.test",
                vec!["https://evil-acme.test"],
                Reason::OriginsOutsideRpId,
            ),
            (
                "login.acme.test",
                vec!["https://acme.test"],
                Reason::OriginsOutsideRpId,
            ),
            (
                "localhost",
                vec!["https://acme.test"],
                Reason::OriginsOutsideRpId,
            ),
            (
                "acme.test",
                vec!["https://other.test", "http://localhost:3000"],
                Reason::OriginsOutsideRpId,
            ),
            (
                "test",
                vec!["https://acme.test"],
                Reason::OriginsOutsideRpId,
            ),
            (
                "acme.test",
                vec!["https://other.test", ANDROID],
                Reason::OriginsOutsideRpId,
            ),
            (
                "amazonaws.com",
                vec!["https://a.us-east-1.elb.amazonaws.com"],
                Reason::OriginsOutsideRpId,
            ),
        ] {
            let refused = judge(Some(rp_id), &origins).unwrap_err();
            assert_eq!(refused.reason, reason, "{rp_id} {origins:?}");
        }
    }

    #[test]
    fn what_is_configured_in_part_is_judged_when_the_rest_is_known() {
        for (rp_id, origins) in [
            (None, vec!["https://other.test"]),
            (None, vec![]),
            (Some("acme.test"), vec![]),
        ] {
            assert_eq!(judge(rp_id, &origins), Ok(vec![]), "{rp_id:?} {origins:?}");
        }
    }

    #[test]
    fn what_works_everywhere_has_no_warning() {
        for (rp_id, origins) in [
            (
                "acme.test",
                vec!["https://acme.test", "https://login.acme.test:8443"],
            ),
            ("alice.github.io", vec!["https://alice.github.io"]),
            (
                "localhost",
                vec!["http://localhost:3000", "https://localhost"],
            ),
            ("intranet", vec!["https://intranet"]),
            ("acme.test", vec![ANDROID]),
            (
                "acme.test",
                vec![
                    "https://acme.test",
                    ANDROID,
                    "ios:bundle-id:test.acme",
                    "capacitor://localhost",
                    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
                ],
            ),
        ] {
            assert_eq!(
                judge(Some(rp_id), &origins),
                Ok(vec![]),
                "{rp_id} {origins:?}"
            );
        }
    }

    #[test]
    fn what_works_for_some_pages_only_is_a_warning() {
        let many: Vec<String> = (0..6).map(|n| format!("https://shop{n}.com")).collect();
        let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
        many.push("https://acme.test");
        for (rp_id, origins, expected) in [
            (
                "acme.test",
                vec!["https://acme.test", "https://acme.example"],
                vec![(RelatedOriginsNeeded, 1)],
            ),
            (
                "acme.test",
                vec![
                    "https://acme.test",
                    "http://localhost:3000",
                    "http://127.0.0.1",
                ],
                vec![(LocalhostMixed, 2)],
            ),
            // As an earlier passkeyd accepted it: no page of the public DNS is concerned.
            (
                "acme.test",
                vec!["http://localhost:3000"],
                vec![(LocalhostMixed, 1)],
            ),
            (
                "localhost",
                vec!["http://tauri.localhost", "http://127.0.0.1:3000"],
                vec![(LocalhostMixed, 2)],
            ),
            (
                "localhost",
                vec![
                    "http://localhost",
                    "https://acme.test",
                    "http://a.localhost",
                ],
                vec![(LocalhostMixed, 2)],
            ),
            (
                "acme.test",
                many,
                vec![(RelatedOriginsNeeded, 6), (TooManyRelatedOrigins, 6)],
            ),
            // One label, so one related domain.
            (
                "acme.test",
                vec![
                    "https://acme.test",
                    "https://acme.com",
                    "https://acme.de",
                    "https://acme.fr",
                    "https://acme.it",
                    "https://acme.co.uk",
                    "https://acme.nl",
                ],
                vec![(RelatedOriginsNeeded, 6)],
            ),
        ] {
            let warnings = judge(Some(rp_id), &origins).unwrap();
            let found: Vec<_> = warnings.iter().map(|w| (w.kind, w.origins.len())).collect();
            assert_eq!(found, expected, "{rp_id} {origins:?}");
            for warning in warnings {
                assert!(!warning.to_string().is_empty());
            }
        }
    }
}
