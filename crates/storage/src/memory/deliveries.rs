//! Deliveries of notices to webhooks.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::model::clock::Timestamp;
use domain::model::ids::{DeliveryId, RelyingPartyId, UserId, WebhookId};
use domain::model::notice::{Delivery, DeliveryState, NoticeType};
use domain::model::page::{Page, PageRequest};
use domain::store::{ClaimDeliveries, Deliveries, Fault};

use super::Memory;
use super::state::page;

#[async_trait]
impl Deliveries for Memory {
    async fn create_delivery(&self, delivery: &Delivery) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&delivery.relying_party) {
            return Ok(false);
        }
        state.enqueue(delivery.clone());
        Ok(true)
    }

    async fn delivery(
        &self,
        rp: RelyingPartyId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, Fault> {
        Ok(self.state().deliveries.get(&(rp, id)).cloned())
    }

    async fn list_deliveries(
        &self,
        rp: RelyingPartyId,
        webhook: WebhookId,
        request: PageRequest,
    ) -> Result<Page<Delivery>, Fault> {
        let state = self.state();
        let rows = state
            .deliveries
            .values()
            .filter(|d| d.relying_party == rp && d.webhook == webhook)
            .cloned();
        Ok(page(rows, request, |d| (d.created, d.id.0)))
    }

    async fn claim_deliveries(&self, claim: ClaimDeliveries<'_>) -> Result<Vec<Delivery>, Fault> {
        let mut state = self.state();
        let mut waiting: Vec<_> = state
            .deliveries
            .values_mut()
            .filter(|d| d.state == DeliveryState::Waiting && d.due <= claim.now)
            .filter(|d| !claim.webhooks.contains(&d.webhook))
            .filter(|d| !claim.parties.contains(&d.relying_party))
            .collect();
        waiting.sort_by_key(|d| d.due);
        let mut of_webhook: BTreeMap<WebhookId, u32> = BTreeMap::new();
        let mut of_party: BTreeMap<RelyingPartyId, u32> = BTreeMap::new();
        let mut claimed = Vec::new();
        for delivery in waiting {
            let webhook = of_webhook.entry(delivery.webhook).or_default();
            let party = of_party.entry(delivery.relying_party).or_default();
            if *webhook == claim.of_webhook
                || *party == claim.of_party
                || claimed.len() == claim.most as usize
            {
                continue;
            }
            *webhook += 1;
            *party += 1;
            delivery.due = claim.until;
            claimed.push(delivery.clone());
        }
        Ok(claimed)
    }

    async fn replace_delivery(&self, delivery: &Delivery, due: Timestamp) -> Result<bool, Fault> {
        let mut state = self.state();
        let key = (delivery.relying_party, delivery.id);
        let Some(stored) = state.deliveries.get_mut(&key) else {
            return Ok(false);
        };
        // The same call, sent again, finds its own change.
        if stored.due != due && stored != delivery {
            return Ok(false);
        }
        stored.clone_from(delivery);
        Ok(true)
    }

    async fn erase_deliveries(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        limit: u32,
    ) -> Result<u64, Fault> {
        let mut state = self.state();
        let named = |d: &&mut Delivery| {
            let notice = &d.notice;
            let kept = notice.what == NoticeType::FactorDeleted && notice.user_name.is_none();
            d.relying_party == rp && notice.user == Some(user) && !kept
        };
        let found = state.deliveries.values_mut().filter(named);
        let mut erased = 0;
        for delivery in found.take(limit as usize) {
            delivery.erase();
            erased += 1;
        }
        Ok(erased)
    }

    async fn oldest_delivery(&self) -> Result<Option<Timestamp>, Fault> {
        let state = self.state();
        let waiting = state.deliveries.values();
        Ok(waiting
            .filter(|d| d.state == DeliveryState::Waiting)
            .map(|d| d.created)
            .min())
    }

    async fn sweep_deliveries(&self, before: Timestamp, budget: u32) -> Result<u64, Fault> {
        let mut state = self.state();
        let old: Vec<_> = state
            .deliveries
            .iter()
            .filter(|(_, d)| d.state != DeliveryState::Waiting && d.created < before)
            .map(|(key, _)| *key)
            .take(budget as usize)
            .collect();
        for key in &old {
            state.deliveries.remove(key);
        }
        Ok(old.len() as u64)
    }
}
