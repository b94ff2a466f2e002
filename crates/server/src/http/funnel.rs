//! How far people come with their passkeys, counted since this node started: what pages [report](super::reports), and what came of the responses, by
//! provider. Of all Services together, and of each by itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use domain::model::ceremony::CeremonyKind;
use domain::model::ids::RelyingPartyId;
use domain::service::observer::Observed;
use domain::webauthn::credential::Aaguid;
use parking_lot::RwLock;

use super::reports::{ClientEvent, Counts};

/// So many Services are counted by themselves, with 35 kB of memory each: those that people used first.
pub const MOST_SERVICES: usize = 500;

/// Providers of passkeys, and models of authenticators that many people have. The last two stand for all others.
pub const PROVIDERS: [&str; 10] = [
    "Apple Passwords",
    "Google Password Manager",
    "Chrome on Mac",
    "Windows Hello",
    "1Password",
    "Bitwarden",
    "Dashlane",
    "Samsung Pass",
    "no model named",
    "another model",
];

/// AAGUIDs, and the places of their providers.
const MODELS: [(u128, usize); 11] = [
    (0xfbfc_3007_154e_4ecc_8c0b_6e02_0557_d7bd, 0),
    (0xea9b_8d66_4d01_1d21_3ce4_b6b4_8cb5_75d4, 1),
    (0xadce_0002_35bc_c60a_648b_0b25_f1f0_5503, 2),
    (0x0898_7058_cadc_4b81_b6e1_30de_50dc_be96, 3),
    (0x9ddd_1817_af5a_4672_a2b9_3e3d_d950_00a9, 3),
    (0x6028_b017_b1d4_4c02_b4b3_afcd_afc9_6bb2, 3),
    (0xbada_5566_a7aa_401f_bd96_4561_9a55_120d, 4),
    (0xd548_826e_79b4_db40_a3d8_1111_6f7e_8349, 5),
    (0x5311_26d6_e717_415c_9320_3d9a_a698_1239, 6),
    (0x5341_4d53_554e_4700_0000_0000_0000_0000, 7),
    (0, 8),
];

/// The place of the provider of a model in [`PROVIDERS`].
pub fn provider(model: Aaguid) -> usize {
    let model = u128::from_be_bytes(*model.as_bytes());
    let found = MODELS.iter().find(|(one, _)| *one == model);
    found.map_or(PROVIDERS.len() - 1, |(_, place)| *place)
}

/// What came of the responses that had passkeys of one provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Responses {
    /// Passkeys that were registered.
    pub registered: u64,
    /// Sign-ins that were accepted.
    pub signed_in: u64,
    /// Sign-ins that were refused although the passkey is known.
    pub refused: u64,
}

/// The counts of one Service, or of all. Its size is fixed.
#[derive(Debug, Default)]
pub struct Funnel {
    events: OnceLock<Counts>,
    /// By provider: registered, signed in, refused.
    responses: [[AtomicU64; 3]; PROVIDERS.len()],
}

impl Funnel {
    /// Every client event that was reported, and how often.
    pub fn events(&self) -> impl Iterator<Item = (ClientEvent, u64)> {
        self.events.get().into_iter().flat_map(Counts::all)
    }

    /// What came of the responses, for each of [`PROVIDERS`].
    pub fn responses(&self) -> [Responses; PROVIDERS.len()] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.responses
            .each_ref()
            .map(|[registered, signed_in, refused]| Responses {
                registered: read(registered),
                signed_in: read(signed_in),
                refused: read(refused),
            })
    }
}

/// The counts of all Services together, and of each by itself.
#[derive(Debug, Default)]
pub struct Funnels {
    all: Funnel,
    services: RwLock<HashMap<RelyingPartyId, Arc<Funnel>>>,
}

impl Funnels {
    /// All Services together.
    pub fn all(&self) -> &Funnel {
        &self.all
    }

    /// One Service. `None` if nothing was counted for it.
    pub fn of(&self, service: RelyingPartyId) -> Option<Arc<Funnel>> {
        self.services.read().get(&service).map(Arc::clone)
    }

    /// Whether there are so many Services that further ones are counted together only.
    pub fn is_full(&self) -> bool {
        self.services.read().len() >= MOST_SERVICES
    }

    /// The counts of a Service that are there now, or that there is room for.
    fn room(&self, service: RelyingPartyId) -> Option<Arc<Funnel>> {
        let found = self.of(service);
        if found.is_some() || self.is_full() {
            return found;
        }
        let mut services = self.services.write();
        if services.len() >= MOST_SERVICES {
            return services.get(&service).map(Arc::clone);
        }
        Some(Arc::clone(services.entry(service).or_default()))
    }

    /// Counts events that a page reported, for its Service if it named one.
    pub fn report(&self, service: Option<RelyingPartyId>, events: &[ClientEvent]) {
        let service = service.and_then(|service| self.room(service));
        for funnel in [Some(&self.all), service.as_deref()].into_iter().flatten() {
            let counts = funnel.events.get_or_init(Counts::default);
            for event in events {
                counts.add(*event);
            }
        }
    }

    /// Counts a response whose passkey has a known model.
    pub fn responded(&self, of: Observed<'_>, accepted: bool) {
        let Some(model) = of.model else { return };
        let what = match (of.kind, accepted) {
            (CeremonyKind::Registration, true) => 0,
            (CeremonyKind::Authentication, true) => 1,
            (CeremonyKind::Authentication, false) => 2,
            (CeremonyKind::Registration, false) => return,
        };
        let service = self.room(of.relying_party);
        for funnel in [Some(&self.all), service.as_deref()].into_iter().flatten() {
            funnel.responses[provider(model)][what].fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed_in(service: u128, model: Aaguid) -> Observed<'static> {
        Observed {
            kind: CeremonyKind::Authentication,
            relying_party: RelyingPartyId(service.to_be_bytes()),
            wire: "twilio",
            model: Some(model),
        }
    }

    #[test]
    fn a_model_has_one_provider() {
        for (text, wanted) in [
            ("fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "Apple Passwords"),
            ("6028b017-b1d4-4c02-b4b3-afcdafc96bb2", "Windows Hello"),
            ("53414d53-554e-4700-0000-000000000000", "Samsung Pass"),
            ("00000000-0000-0000-0000-000000000000", "no model named"),
            ("00000000-0000-0000-0000-000000000001", "another model"),
        ] {
            assert_eq!(PROVIDERS[provider(text.parse().unwrap())], wanted);
        }
    }

    #[test]
    fn services_beyond_the_limit_are_counted_together_only() {
        let funnels = Funnels::default();
        let more = MOST_SERVICES as u128 + 3;
        for service in 0..more {
            funnels.responded(signed_in(service, Aaguid::ZERO), true);
        }
        // The first ones are still counted.
        funnels.responded(signed_in(0, Aaguid::ZERO), false);
        let of = |service: u128| funnels.of(RelyingPartyId(service.to_be_bytes()));
        let at = provider(Aaguid::ZERO);
        let first = of(0).unwrap().responses()[at];
        assert_eq!((first.signed_in, first.refused), (1, 1));
        assert!(of(MOST_SERVICES as u128 - 1).is_some() && of(more - 1).is_none());
        assert!(funnels.is_full());
        let all = funnels.all().responses()[at];
        assert_eq!((u128::from(all.signed_in), all.refused), (more, 1));
    }
}
