//! Relying Parties and their webhooks.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{AccountId, RelyingPartyId, WebhookId};
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::model::webhook::Webhook;
use domain::store::{Fault, RelyingParties, Update, Webhooks};
use webauthn::relying_party::RpId;

use super::cells::{Cells, params};
use super::pool::Does;
use super::records::{counter, event_params, from_json, json};
use super::statements::Statement;
use super::{LAST_KEY, Postgres};

pub(super) fn origins(rp: &RelyingParty) -> Vec<String> {
    let configured = rp.selection.origins.iter().flatten();
    configured.map(ToString::to_string).collect()
}

pub(super) fn rp_id(rp: &RelyingParty) -> Option<String> {
    rp.selection.rp_id.as_ref().map(ToString::to_string)
}

#[async_trait]
impl RelyingParties for Postgres {
    async fn create_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let (body, origins, rp_id) = (json(rp)?, origins(rp), rp_id(rp));
        let mut params = event_params(rp.id, event);
        params.extend(params![
            rp.account.0,
            counter(rp.version)?,
            rp.created.0,
            &body,
            rp_id.as_deref(),
            &origins[..],
        ]);
        self.pool
            .done((Statement::CreateRelyingParty, params))
            .await
    }

    async fn relying_party(&self, id: RelyingPartyId) -> Result<Option<RelyingParty>, Fault> {
        let sent = (Statement::RelyingParty, params![id.0]);
        self.record(sent, |cells| from_json(cells.plain()?, "a Relying Party"))
            .await
    }

    async fn list_relying_parties(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<RelyingParty>, Fault> {
        let lists = (
            Statement::ListRelyingParties,
            Statement::ListRelyingPartiesDown,
        );
        let read = |cells: &mut Cells<'_>| from_json(cells.plain()?, "a Relying Party");
        self.page(lists, params![account.0], page, read).await
    }

    async fn has_origin(&self, origin: &str) -> Result<bool, Fault> {
        self.holds((Statement::HasOrigin, params![origin])).await
    }

    async fn relying_parties_with_rp_id(
        &self,
        rp_id: &RpId,
        limit: u32,
    ) -> Result<Vec<RelyingPartyId>, Fault> {
        let sent = (
            Statement::RelyingPartiesWithRpId,
            params![rp_id.as_str(), limit],
        );
        let rows = self.pool.one(Does::Read, sent).await?;
        let ids = rows
            .iter()
            .map(|row| Cells::new(row).key().map(RelyingPartyId));
        ids.collect()
    }

    async fn update_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<Update, Fault> {
        let (body, origins, rp_id) = (json(rp)?, origins(rp), rp_id(rp));
        let mut params = event_params(rp.id, event);
        params.extend(params![
            counter(rp.version)?,
            &body,
            rp_id.as_deref(),
            &origins[..],
        ]);
        let sent = (Statement::UpdateRelyingParty, params);
        let row = self.only_told(sent, event, &[]).await?;
        let mut cells = Cells::new(&row);
        let (written, repeated, there) = (cells.any()?, cells.bool()?, cells.bool()?);
        Ok(if written || repeated {
            Update::Done
        } else if there {
            Update::Conflict
        } else {
            Update::Gone
        })
    }

    async fn delete_relying_party(&self, id: RelyingPartyId, at: Timestamp) -> Result<bool, Fault> {
        self.pool
            .done((Statement::DeleteRelyingParty, params![id.0, at.0, LAST_KEY]))
            .await
    }
}

#[async_trait]
impl Webhooks for Postgres {
    async fn create_webhook(
        &self,
        webhook: &Webhook,
        event: Option<&AuditEvent>,
    ) -> Result<bool, Fault> {
        let body = json(webhook)?;
        let rp = webhook.relying_party;
        let made = params![
            webhook.id.0,
            webhook.created.0,
            counter(webhook.revision)?,
            &body,
        ];
        let row = if let Some(event) = event {
            let mut params = event_params(rp, event);
            params.extend(made);
            let sent = (Statement::CreateWebhookTold, params);
            self.only_told(sent, event, &[]).await?
        } else {
            let mut params = params![rp.0];
            params.extend(made);
            let sent = (Statement::CreateWebhook, params);
            self.pool.only(Does::Write, sent).await?
        };
        Cells::new(&row).bool()
    }

    async fn webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        let sent = (Statement::Webhook, params![rp.0, id.0]);
        self.record(sent, |cells| from_json(cells.plain()?, "a webhook"))
            .await
    }

    async fn list_webhooks(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, Fault> {
        let lists = (Statement::ListWebhooks, Statement::ListWebhooksDown);
        let read = |cells: &mut Cells<'_>| from_json(cells.plain()?, "a webhook");
        self.page(lists, params![rp.0], page, read).await
    }

    async fn update_webhook(
        &self,
        webhook: &Webhook,
        event: Option<&AuditEvent>,
    ) -> Result<Update, Fault> {
        let body = json(webhook)?;
        let (rp, revision) = (webhook.relying_party, counter(webhook.revision)?);
        let change = params![webhook.id.0, revision, &body];
        let row = if let Some(event) = event {
            let mut params = event_params(rp, event);
            params.extend(change);
            let sent = (Statement::UpdateWebhookTold, params);
            self.only_told(sent, event, &[]).await?
        } else {
            let mut params = params![rp.0];
            params.extend(change);
            let sent = (Statement::UpdateWebhook, params);
            self.pool.only(Does::Write, sent).await?
        };
        let mut cells = Cells::new(&row);
        let written = cells.any()?;
        Ok(match cells.maybe_plain()? {
            _ if written => Update::Done,
            None => Update::Gone,
            // The same call, sent again.
            Some(stored) if stored == body => Update::Done,
            Some(_) => Update::Conflict,
        })
    }

    async fn delete_webhook(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        self.delete(Statement::DeleteWebhook, rp, id.0, event).await
    }
}
