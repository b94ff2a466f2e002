//! `passkeyd apply`: compares what a file declares with the store, shows the difference, and applies it. Nothing is ever removed.

mod declared;
mod lockout;

use domain::Passkeys;
use domain::model::audit::{Change, differences};
use domain::model::clock::Timestamp;
use domain::model::grant::{Grant, Scopes};
use domain::model::ids::{AccountId, RelyingPartyId, WebhookId};
use domain::model::page::{Page, PageRequest, Position};
use domain::model::policy::PartialSelection;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::model::settings::WireSettings;
use domain::model::webhook::Webhook;
use serde::Serialize;
use serde_json::{Value, json};

use self::declared::{Declared, DeclaredKey, DeclaredService, DeclaredWebhook};
use super::model::{Administered, NotDone};
use super::named::{existing, operator, service_of, sid_of};
use crate::api::dates::Date;
use crate::api::manage::access_keys;
use crate::api::manage::nevis::Settings as NevisDocument;
use crate::api::manage::policy::PolicyDocument;
use crate::api::nevis::uuid::Uuid;

/// Records in one read.
const PAGE: u32 = 100;

/// One difference between the file and the store.
#[derive(Debug, Serialize)]
struct Difference {
    /// `create` or `change`.
    action: &'static str,
    /// `service`, `webhook`, `access_key` or `api_key`.
    kind: &'static str,
    name: String,
    /// The name of the Service that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    /// The members that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<Change>,
    /// The file that gets the secret of a new key.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_file: Option<String>,
}

/// A declared key that the store has. Its secret was shown once, when the key was made, and cannot be shown again.
#[derive(Clone, Debug, Serialize)]
struct KnownKey {
    /// `access_key` or `api_key`.
    kind: &'static str,
    name: String,
    /// The name of the Service that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    /// The file that should have the secret.
    secret_file: String,
    /// The command that revokes it.
    revoke: String,
}

/// A declared key that the store does not have, and what it may do.
type NewKey<'d> = (&'d DeclaredKey, Grant);

/// A Service as it is declared, and as it is.
struct ServicePlan<'d> {
    declared: &'d DeclaredService,
    /// The stored record; `None` if there is none.
    before: Option<RelyingParty>,
    /// The stored record, or one with no settings.
    base: RelyingParty,
    after: RelyingParty,
    webhooks: Vec<(&'d DeclaredWebhook, Option<Webhook>)>,
    new_keys: Vec<NewKey<'d>>,
    known_keys: Vec<KnownKey>,
}

/// What is to be done.
struct Plan<'d> {
    account: AccountId,
    services: Vec<ServicePlan<'d>>,
    new_api_keys: Vec<NewKey<'d>>,
    known_api_keys: Vec<KnownKey>,
}

/// What was applied, as far as a caller has to know it.
#[derive(Default)]
struct Made {
    /// Secrets of new keys, with the names of their files.
    secrets: Vec<Value>,
    /// The declared Services, with their identifiers.
    services: Vec<Value>,
}

fn named_service(rp: &RelyingParty) -> Value {
    json!({"name": rp.name, "sid": format!("VA{}", rp.id)})
}

/// Compares a document with the store. With `expected`, the differences that a person has seen, applies it.
///
/// # Errors
/// The document is wrong, or the differences are others by now. Then nothing was changed.
pub(super) async fn apply(
    on: &Administered,
    document: Value,
    expected: Option<&Value>,
) -> Result<Value, NotDone> {
    let declared = Declared::read(document, &on.webhook_networks)?;
    let plan = Plan::of(&on.passkeys, &declared).await?;
    let differences = serde_json::to_value(plan.differences())
        .map_err(|error| NotDone::because(error.to_string()))?;
    let Some(expected) = expected else {
        return Ok(json!({
            "differences": differences,
            "known_keys": plan.known_keys(),
            "warnings": plan.warnings(&on.passkeys).await?,
            "services": plan.known_services(),
        }));
    };
    if *expected != differences {
        return Err(NotDone::because(
            "the store has changed meanwhile, and nothing was applied: run the command again",
        ));
    }
    // A failure halfway must not lose the secrets of the keys that were made before it.
    let mut made = Made::default();
    let done = plan.run(on, &mut made).await;
    let failed = done.err().map(|why| why.message);
    let Made { secrets, services } = made;
    Ok(
        json!({"differences": differences, "secrets": secrets, "services": services, "failed": failed}),
    )
}

/// All records of a list.
async fn all<T, F: Future<Output = Result<Page<T>, Refusal>>>(
    page: impl Fn(PageRequest) -> F,
    place: impl Fn(&T) -> Position,
) -> Result<Vec<T>, Refusal> {
    let mut request = PageRequest::first(PAGE);
    let mut found = Vec::new();
    loop {
        let Page { items, more } = page(request).await?;
        request.after = items.last().map(&place);
        found.extend(items);
        if !more {
            return Ok(found);
        }
    }
}

fn at(created: Timestamp, key: [u8; 16]) -> Position {
    Position { created, key }
}

/// The one record of this name.
fn only<T>(
    kind: &str,
    name: &str,
    mut found: impl Iterator<Item = T>,
) -> Result<Option<T>, NotDone> {
    let first = found.next();
    if found.next().is_some() {
        return Err(NotDone::because(format!(
            "the store has several of the kind {kind} with the name {name:?}: rename the others first{}",
            if kind == "Service" {
                ", or name its `sid`"
            } else {
                ""
            }
        )));
    }
    Ok(first)
}

impl<'d> Plan<'d> {
    async fn of(passkeys: &Passkeys, declared: &'d Declared) -> Result<Self, NotDone> {
        let account = existing(passkeys, declared.account.as_deref()).await?;
        let list = |page| passkeys.list_relying_parties(account, page);
        let stored = all(list, |rp| at(rp.created, rp.id.0)).await?;
        let mut services: Vec<ServicePlan<'_>> = Vec::new();
        for service in &declared.services {
            let plan = ServicePlan::of(passkeys, account, service, &stored).await?;
            let known = |other: &ServicePlan<'_>| match (&other.before, &plan.before) {
                (Some(other), Some(one)) => other.id == one.id,
                _ => false,
            };
            if let Some(other) = services.iter().find(|other| known(other)) {
                return Err(NotDone::because(format!(
                    "the file declares one Service twice: as {:?} and as {:?}",
                    other.declared.name, service.name
                )));
            }
            services.push(plan);
        }
        let list = |page| passkeys.list_api_keys(account, page);
        let keys = all(list, |key| at(key.created, key.id.0)).await?;
        let stored = keys.iter().map(|key| StoredKey {
            name: &key.name,
            grant: key.grant,
            revoke: format!(
                "passkeyd api-key revoke --account {} SK{}",
                sid_of(account),
                key.id
            ),
        });
        let stored: Vec<_> = stored.collect();
        let (new_api_keys, known_api_keys) =
            compared(passkeys, "api_key", None, &declared.api_keys, &stored)?;
        Ok(Self {
            account,
            services,
            new_api_keys,
            known_api_keys,
        })
    }

    fn known_keys(&self) -> Vec<&KnownKey> {
        let of_services = self.services.iter().flat_map(|service| &service.known_keys);
        of_services.chain(&self.known_api_keys).collect()
    }

    /// What the changes mean for people, where it is more than the differences say.
    async fn warnings(&self, passkeys: &Passkeys) -> Result<Vec<String>, Refusal> {
        let mut found = Vec::new();
        for service in &self.services {
            if let Some(before) = &service.before {
                found.extend(lockout::warning(passkeys, before, &service.after).await?);
            }
        }
        Ok(found)
    }

    fn differences(&self) -> Vec<Difference> {
        let mut found = Vec::new();
        for service in &self.services {
            service.differences(&mut found);
        }
        let keys = self.new_api_keys.iter();
        found.extend(keys.map(|(key, grant)| new_key("api_key", key, *grant, None)));
        found
    }

    /// The declared Services that the store has, with their identifiers.
    fn known_services(&self) -> Vec<Value> {
        let known = self.services.iter().filter_map(|plan| plan.before.as_ref());
        known.map(named_service).collect()
    }

    async fn run(&self, on: &Administered, done: &mut Made) -> Result<(), NotDone> {
        for service in &self.services {
            service.run(on, self.account, done).await?;
        }
        for (declared, grant) in &self.new_api_keys {
            let by = operator();
            let key = on
                .passkeys
                .create_api_key(self.account, &declared.name, *grant, &by);
            let (key, secret) = key.await?;
            let text = format!("SK{}:{}", key.id, secret.reveal());
            done.secrets
                .push(json!({"file": declared.secret_file, "secret": text}));
        }
        Ok(())
    }
}

/// A key of the store, as far as it is compared.
struct StoredKey<'a> {
    name: &'a str,
    grant: Grant,
    /// The command that revokes it.
    revoke: String,
}

/// The declared keys that the store does not have, with what they may do, and those that it has.
fn compared<'d>(
    passkeys: &Passkeys,
    kind: &'static str,
    service: Option<&str>,
    declared: &'d [DeclaredKey],
    stored: &[StoredKey<'_>],
) -> Result<(Vec<NewKey<'d>>, Vec<KnownKey>), NotDone> {
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for key in declared {
        let named = stored.iter().filter(|stored| stored.name == key.name);
        let mut named = named.peekable();
        if named.peek().is_none() {
            new.push((key, key.grant(passkeys)?));
        } else if let Some(same) = named.find(|stored| key.describes(&stored.grant)) {
            known.push(KnownKey {
                kind,
                name: key.name.clone(),
                service: service.map(str::to_owned),
                secret_file: key.secret_file.clone(),
                revoke: same.revoke.clone(),
            });
        } else {
            return Err(NotDone::because(format!(
                "there is a key {:?}, and it may not do what the file says: delete it, or declare a key of another name",
                key.name
            )));
        }
    }
    Ok((new, known))
}

fn new_key(
    kind: &'static str,
    key: &DeclaredKey,
    grant: Grant,
    service: Option<&str>,
) -> Difference {
    let scopes: Vec<_> = grant.scopes.names().collect();
    let granted = json!({"scopes": scopes, "expires_at": grant.expires.map(Date)});
    let all: Vec<_> = Scopes::ALL.names().collect();
    let everything = json!({"scopes": all, "expires_at": null});
    Difference {
        action: "create",
        kind,
        name: key.name.clone(),
        service: service.map(str::to_owned),
        members: differences(&everything, &granted, &[]),
        secret_file: Some(key.secret_file.clone()),
    }
}

/// What is compared of a Service.
fn shown(rp: &RelyingParty) -> Value {
    let mut shown = json!({
        "name": rp.name,
        "policy": PolicyDocument::from(&rp.policy),
        "nevis": NevisDocument::from(rp.settings.nevis.clone()),
    });
    let selection = serde_json::to_value(&rp.selection).unwrap_or_default();
    if let (Some(shown), Value::Object(selection)) = (shown.as_object_mut(), selection) {
        shown.extend(selection);
    }
    shown
}

/// What is compared of a webhook, by the names that a file has for it.
fn shown_webhook(webhook: &Webhook) -> Value {
    json!({
        "name": webhook.name,
        "url": webhook.url,
        "event_types": webhook.event_types,
        "enabled": webhook.enabled,
        "format": webhook.format,
        "signature_hash": webhook.hash,
    })
}

/// A Service with no settings.
fn blank(passkeys: &Passkeys, account: AccountId) -> RelyingParty {
    RelyingParty {
        id: RelyingPartyId([0; 16]),
        account,
        name: String::new(),
        selection: PartialSelection::default(),
        // What a declared policy does not name has its default, which is that of a new Service.
        policy: passkeys.default_policy().clone(),
        settings: WireSettings::default(),
        version: 1,
        created: Timestamp(0),
        updated: Timestamp(0),
    }
}

impl<'d> ServicePlan<'d> {
    async fn of(
        passkeys: &Passkeys,
        account: AccountId,
        declared: &'d DeclaredService,
        stored: &[RelyingParty],
    ) -> Result<Self, NotDone> {
        let before =
            match &declared.sid {
                Some(sid) => {
                    let id = service_of(sid)?;
                    let found = stored.iter().find(|rp| rp.id == id);
                    Some(found.ok_or_else(|| {
                        NotDone::because(format!("the account has no Service {sid}"))
                    })?)
                }
                None => only(
                    "Service",
                    &declared.name,
                    stored.iter().filter(|rp| rp.name == declared.name),
                )?,
            };
        let before = before.cloned();
        let base = before.clone().unwrap_or_else(|| blank(passkeys, account));
        let mut after = base.clone();
        declared.apply_to(&mut after, passkeys.default_policy())?;
        let reaches =
            |rp: &RelyingParty| (rp.selection.rp_id.clone(), rp.selection.origins.clone());
        if before.as_ref().map(reaches) != Some(reaches(&after)) {
            after.selection.judge_reach().map_err(|refusal| {
                NotDone::because(format!("Service {:?}: {}", declared.name, refusal.message))
            })?;
        }
        let (mut hooks, mut keys) = (Vec::new(), Vec::new());
        if let Some(rp) = &before {
            let list = |page| passkeys.list_webhooks(rp.id, page);
            hooks = all(list, |hook| at(hook.created, hook.id.0)).await?;
            let list = |page| passkeys.list_access_keys(rp.id, page);
            keys = all(list, |key| at(key.created, key.id.0)).await?;
        }
        let mut webhooks = Vec::new();
        for webhook in &declared.webhooks {
            let named = hooks.iter().filter(|hook| hook.name == webhook.name);
            webhooks.push((webhook, only("webhook", &webhook.name, named)?.cloned()));
        }
        let stored = keys.iter().map(|key| StoredKey {
            name: &key.name,
            grant: key.grant(),
            revoke: format!(
                "passkeyd access-key revoke --service VA{} {}",
                key.relying_party,
                Uuid(key.id.0)
            ),
        });
        let stored: Vec<_> = stored.collect();
        let (new_keys, known_keys) = compared(
            passkeys,
            "access_key",
            Some(&declared.name),
            &declared.access_keys,
            &stored,
        )?;
        Ok(Self {
            declared,
            before,
            base,
            after,
            webhooks,
            new_keys,
            known_keys,
        })
    }

    fn differences(&self, found: &mut Vec<Difference>) {
        let service = &self.declared.name;
        let members = differences(&shown(&self.base), &shown(&self.after), &[]);
        if self.before.is_none() || !members.is_empty() {
            found.push(Difference {
                action: if self.before.is_none() {
                    "create"
                } else {
                    "change"
                },
                kind: "service",
                name: service.clone(),
                service: None,
                members,
                secret_file: None,
            });
        }
        for (declared, before) in &self.webhooks {
            let new = || Webhook::new(WebhookId([0; 16]), self.after.id, Timestamp(0));
            let base = before.clone().unwrap_or_else(new);
            let mut after = base.clone();
            declared.apply_to(&mut after);
            let members = differences(&shown_webhook(&base), &shown_webhook(&after), &[]);
            if before.is_none() || !members.is_empty() {
                found.push(Difference {
                    action: if before.is_none() { "create" } else { "change" },
                    kind: "webhook",
                    name: declared.name.clone(),
                    service: Some(service.clone()),
                    members,
                    secret_file: None,
                });
            }
        }
        let keys = self.new_keys.iter();
        found.extend(keys.map(|(key, grant)| new_key("access_key", key, *grant, Some(service))));
    }

    async fn run(
        &self,
        on: &Administered,
        account: AccountId,
        done: &mut Made,
    ) -> Result<(), NotDone> {
        let (passkeys, by) = (&*on.passkeys, operator());
        let rp = if let Some(before) = &self.before {
            before.clone()
        } else {
            let created = passkeys.create_relying_party(
                account,
                &self.after.name,
                self.after.selection.clone(),
                self.after.settings.clone(),
                &by,
            );
            created.await?
        };
        done.services.push(named_service(&rp));
        let mut wanted = rp.clone();
        self.declared
            .apply_to(&mut wanted, passkeys.default_policy())?;
        if wanted != rp {
            let change =
                |rp: &mut RelyingParty| self.declared.apply_to(rp, passkeys.default_policy());
            passkeys
                .update_relying_party(account, rp.id, change, &by)
                .await?;
        }
        for (declared, before) in &self.webhooks {
            let Some(before) = before else {
                let make = |id, now| {
                    let mut webhook = Webhook::new(id, rp.id, now);
                    declared.apply_to(&mut webhook);
                    webhook
                };
                passkeys.create_webhook(make, &by).await?;
                continue;
            };
            let mut after = before.clone();
            declared.apply_to(&mut after);
            if after != *before {
                let change = |webhook: &mut Webhook| declared.apply_to(webhook);
                passkeys
                    .update_webhook(rp.id, before.id, change, &by)
                    .await?;
            }
        }
        for (declared, grant) in &self.new_keys {
            let (url, name) = (&on.public_url, &declared.name);
            let key = access_keys::make(passkeys, url, rp.id, name, *grant, &by);
            let key = serde_json::to_value(key.await?).unwrap_or_default();
            let secret = json!({"file": declared.secret_file, "secret": key["key"]});
            done.secrets.push(secret);
        }
        Ok(())
    }
}
