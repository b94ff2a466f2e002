//! Users of a Relying Party.

use std::sync::Arc;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::credential::CredentialRecord;
use domain::model::ids::{RelyingPartyId, UserId};
use domain::model::page::{Page, PageRequest};
use domain::model::user::{User, UserRef};
use domain::store::{CreateUser, Fault, Users};

use super::Memory;
use super::state::page;

#[async_trait]
impl Users for Memory {
    async fn create_user(&self, user: &User, event: &AuditEvent) -> Result<CreateUser, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&user.relying_party) {
            return Ok(CreateUser::RelyingPartyGone);
        }
        if let Some(taken) = state.user_named(user.relying_party, &user.name) {
            return Ok(if taken.id == user.id {
                // The call was sent again.
                CreateUser::Created
            } else {
                CreateUser::Exists(taken.clone())
            });
        }
        let key = (user.relying_party, user.id);
        state.users.insert(key, user.clone());
        state.record(event);
        Ok(CreateUser::Created)
    }

    async fn user(&self, rp: RelyingPartyId, user: UserRef<'_>) -> Result<Option<User>, Fault> {
        Ok(self.state().user(rp, user).cloned())
    }

    async fn user_with_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserRef<'_>,
    ) -> Result<Option<Arc<(User, Vec<CredentialRecord>)>>, Fault> {
        let state = self.state();
        Ok(state.user(rp, user).map(|user| {
            let mut credentials: Vec<_> = state.credentials_of(rp, user.id).cloned().collect();
            credentials.sort_by_key(|c| (c.created, c.key));
            Arc::new((user.clone(), credentials))
        }))
    }

    async fn list_users(
        &self,
        rp: RelyingPartyId,
        request: PageRequest,
    ) -> Result<Page<User>, Fault> {
        let state = self.state();
        let users = state
            .users
            .values()
            .filter(|u| u.relying_party == rp)
            .cloned();
        Ok(page(users, request, |u| (u.created, u.id.0)))
    }

    async fn users_named(
        &self,
        rp: RelyingPartyId,
        beginning: &str,
        limit: u32,
    ) -> Result<Page<User>, Fault> {
        let state = self.state();
        let users = state.users.values();
        let named = users.filter(|u| u.relying_party == rp && u.name.starts_with(beginning));
        let mut items: Vec<User> = named.cloned().collect();
        items.sort_by(|a, b| a.name.cmp(&b.name));
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Ok(Page { items, more })
    }

    async fn delete_user(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.delete_user(rp, user, event.at) {
            return Ok(false);
        }
        state.record(event);
        Ok(true)
    }
}
