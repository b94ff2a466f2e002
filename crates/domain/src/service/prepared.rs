//! A Relying Party with what follows from its record, so that a request does not work it out again.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use parking_lot::Mutex;
use webauthn::attestation::{AttestationPolicy, StatementPolicy};
use webauthn::authentication::{Rules, SignCountPolicy};
use webauthn::options::{AttestationConveyance, UserVerification};
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;

use crate::model::ceremony_policy::{AuthenticationPolicy, RegistrationPolicy};
use crate::model::policy::{Selection, conformance};
use crate::model::relying_party::RelyingParty;
use crate::model::webhook::{Subscriber, Webhook};
use crate::service::token_keys::TokenKeys;

/// A Relying Party that was loaded. It stays the same while its record does.
pub struct Prepared {
    record: RelyingParty,
    pub(crate) keys: Arc<TokenKeys>,
    /// The webhooks that receive events, if there are any.
    pub(crate) subscribers: Option<Arc<[Subscriber]>>,
    registrations: Last<RegistrationWishes, RegistrationPolicy>,
    authentications: Last<AuthenticationWishes, AuthenticationPolicy>,
}

impl Prepared {
    /// The record in place of the one before, if there was one. Token keys belong to the Relying Party and outlive a change.
    pub(crate) fn after(
        before: Option<Arc<Self>>,
        record: RelyingParty,
        webhooks: &[Webhook],
    ) -> Arc<Self> {
        let subscribers: Vec<_> = webhooks
            .iter()
            .filter_map(|webhook| Subscriber::of(webhook, record.account))
            .collect();
        let subscribers = (!subscribers.is_empty()).then(|| Arc::from(subscribers));
        match before {
            Some(before) if before.record == record && before.subscribers == subscribers => before,
            Some(before) => Arc::new(Self {
                keys: Arc::clone(&before.keys),
                subscribers,
                ..Self::from(record)
            }),
            None => Arc::new(Self {
                subscribers,
                ..Self::from(record)
            }),
        }
    }

    /// What registrations with these wishes are judged by.
    pub(crate) fn registration_policy(
        &self,
        wishes: RegistrationWishes,
    ) -> Arc<RegistrationPolicy> {
        self.registrations.of(wishes, |wishes| {
            let policy = &self.policy;
            let (algorithms, mut attestation) = match wishes.rules {
                Rules::Level3 => (policy.offer(), policy.attestation.freeze()),
                Rules::ConformanceTool => (conformance::offer(), conformance::attestation()),
            };
            // Where a statement must come, one that cannot be judged is no better than none.
            if wishes.conveyance == AttestationConveyance::None
                && attestation.statement == StatementPolicy::Verified
                && attestation.allow_none
            {
                attestation.statement = StatementPolicy::Volunteered;
            }
            RegistrationPolicy {
                selection: wishes.selection.clone(),
                cross_origin: policy.cross_origin.clone(),
                algorithms,
                attestation,
                backup: policy.backup,
                min_credential_id_length: policy.min_credential_id_length,
                credential_protection: policy.extensions.demanded_protection(),
                max_credentials: wishes.max_credentials,
            }
        })
    }

    /// Lends the certificates that were read before to a policy that was loaded with its ceremony, where they are the same.
    pub(crate) fn lend_certificates(&self, policy: &mut AttestationPolicy) {
        let own = &self.policy.attestation;
        policy.trust_anchors.share(&own.trust_anchors);
        policy.intermediates.share(&own.intermediates);
    }

    /// What authentications with these wishes are judged by.
    pub(crate) fn authentication_policy(
        &self,
        wishes: AuthenticationWishes,
    ) -> Arc<AuthenticationPolicy> {
        self.authentications.of(wishes, |wishes| {
            let policy = &self.policy;
            AuthenticationPolicy {
                rp_id: wishes.rp_id.clone(),
                origins: wishes.origins.clone(),
                cross_origin: policy.cross_origin.clone(),
                user_verification: wishes.user_verification,
                timeout_ms: wishes.timeout_ms,
                sign_count: match wishes.rules {
                    Rules::Level3 => policy.sign_count,
                    Rules::ConformanceTool => SignCountPolicy::Refuse,
                },
                backup_eligibility: policy.effective_backup_eligibility(),
                rules: wishes.rules,
            }
        })
    }
}

impl Prepared {
    /// Lets an authentication whose policy is that of the last one share it.
    pub(crate) fn share_policy(&self, policy: &mut Arc<AuthenticationPolicy>) {
        if let Some(same) = self.authentications.same(policy) {
            *policy = same;
        }
    }
}

impl From<RelyingParty> for Prepared {
    fn from(record: RelyingParty) -> Self {
        Self {
            record,
            keys: Arc::default(),
            subscribers: None,
            registrations: Last::default(),
            authentications: Last::default(),
        }
    }
}

impl Deref for Prepared {
    type Target = RelyingParty;

    fn deref(&self) -> &RelyingParty {
        &self.record
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.record, f)
    }
}

/// What a registration adds to the record, as far as it is judged by that.
#[derive(PartialEq)]
pub(crate) struct RegistrationWishes {
    pub(crate) selection: Selection,
    pub(crate) rules: Rules,
    pub(crate) conveyance: AttestationConveyance,
    pub(crate) max_credentials: u32,
}

/// The same for an authentication.
#[derive(PartialEq)]
pub(crate) struct AuthenticationWishes {
    pub(crate) rp_id: RpId,
    pub(crate) origins: Vec<Origin>,
    pub(crate) user_verification: UserVerification,
    pub(crate) timeout_ms: u32,
    pub(crate) rules: Rules,
}

/// The policy of the last ceremony. Those that follow with the same wishes, as most do, share it.
struct Last<W, P>(Mutex<Option<(Arc<W>, Arc<P>)>>);

impl<W, P> Default for Last<W, P> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<W, P: PartialEq> Last<W, P> {
    /// The last policy, if it is the same.
    fn same(&self, policy: &P) -> Option<Arc<P>> {
        let last = self.0.lock().clone();
        last.map(|(_, last)| last).filter(|last| **last == *policy)
    }
}

impl<W: PartialEq, P> Last<W, P> {
    fn of(&self, wishes: W, make: impl FnOnce(&W) -> P) -> Arc<P> {
        let last = self.0.lock().clone();
        match last {
            Some((same, policy)) if *same == wishes => policy,
            _ => {
                let policy = Arc::new(make(&wishes));
                *self.0.lock() = Some((Arc::new(wishes), Arc::clone(&policy)));
                policy
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::Timestamp;
    use crate::model::ids::{AccountId, RelyingPartyId};
    use crate::model::policy::{AttestationSettings, PartialSelection, Policy};
    use crate::model::settings::WireSettings;

    #[test]
    fn certificates_are_lent_where_they_are_the_same() {
        let prepared = Prepared::from(RelyingParty {
            id: RelyingPartyId([1; 16]),
            account: AccountId([2; 16]),
            name: String::new(),
            selection: PartialSelection::default(),
            policy: Policy {
                attestation: AttestationSettings {
                    trust_anchors: vec![vec![1, 2]].into(),
                    intermediates: vec![vec![3]].into(),
                    ..AttestationSettings::default()
                },
                ..Policy::default()
            },
            settings: WireSettings::default(),
            version: 1,
            created: Timestamp(0),
            updated: Timestamp(0),
        });
        let own = &prepared.policy.attestation;
        let mut loaded = AttestationPolicy {
            trust_anchors: vec![vec![1, 2]].into(),
            intermediates: vec![vec![4]].into(),
            ..AttestationPolicy::default()
        };
        let before = loaded.clone();
        prepared.lend_certificates(&mut loaded);
        assert_eq!(loaded, before);
        let same = |one: &[Vec<u8>], other: &[Vec<u8>]| std::ptr::eq(one, other);
        assert!(same(&loaded.trust_anchors, &own.trust_anchors));
        assert!(same(&loaded.intermediates, &before.intermediates));
    }
}
