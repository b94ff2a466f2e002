//! Authenticator models as the metadata describes them.

use askama::Template;
use axum::response::Response;
use domain::model::account::Account;
use domain::model::ids::AccountId;
use domain::model::refusal::Refusal;
use domain::service::models::ModelsInUse;
use domain::webauthn::UnixSeconds;
use domain::webauthn::credential::Aaguid;
use domain::webauthn::metadata::Entry;

use super::failure::Failure;
use super::page::{self, Frame};
use super::services;
use super::visit::Visit;
use super::words;

/// Models of a page.
const ROWS: usize = 50;

struct Model {
    aaguid: String,
    description: String,
    status: String,
    levels: String,
}

impl Model {
    fn of(entry: &Entry, aaguid: Aaguid, at: UnixSeconds) -> Self {
        let status = entry.current_status(at);
        let levels: Vec<_> = entry.certification_levels(at).collect();
        Self {
            aaguid: aaguid.to_string(),
            description: entry.description().unwrap_or_default().to_owned(),
            status: status
                .map(|report| report.status.clone())
                .unwrap_or_default(),
            levels: levels.join(", "),
        }
    }

    /// A model that the metadata does not have.
    fn unlisted(aaguid: Aaguid) -> Self {
        let description = if aaguid == Aaguid::default() {
            "no model: the authenticator does not say"
        } else {
            "unknown model"
        };
        Self {
            aaguid: aaguid.to_string(),
            description: description.to_owned(),
            status: String::new(),
            levels: String::new(),
        }
    }
}

struct InUse {
    no: u64,
    next_update: String,
    stale: bool,
    imported: String,
    source: &'static str,
    entries: usize,
}

#[derive(Template)]
#[template(path = "console/metadata.html")]
struct MetadataPage {
    frame: Frame,
    in_use: Option<InUse>,
    problem: Option<Refusal>,
    query: String,
    models: Vec<Model>,
    found: usize,
    from: usize,
    next: Option<usize>,
}

/// A model that passkeys have.
struct Used {
    model: Model,
    passkeys: u64,
}

#[derive(Template)]
#[template(path = "console/models-in-use.html")]
struct InUsePage {
    frame: Frame,
    accounts: Vec<Account>,
    account: Option<AccountId>,
    counted: ModelsInUse,
    models: Vec<Used>,
}

/// `GET /console/metadata/in-use`: the models of the newest passkeys of an account.
pub(super) async fn in_use(visit: Visit) -> Result<Response, Failure> {
    let (accounts, account) = services::chosen_account(&visit).await?;
    let passkeys = visit.passkeys();
    let counted = match account {
        Some(account) => passkeys.models_in_use(account).await?,
        None => ModelsInUse::default(),
    };
    let metadata = passkeys.metadata_state().in_use;
    let at = UnixSeconds(passkeys.now().seconds());
    let models = counted.models.iter().map(|(aaguid, passkeys_of_it)| {
        let metadata = metadata.as_ref().map(|in_use| &in_use.metadata);
        let entry = metadata.and_then(|metadata| metadata.by_aaguid(*aaguid).next());
        let model = entry.map(|entry| Model::of(entry, *aaguid, at));
        let mut model = model.unwrap_or_else(|| Model::unlisted(*aaguid));
        if let Some(name) = passkeys.provider_name(*aaguid) {
            model.description = name;
        }
        Used {
            model,
            passkeys: *passkeys_of_it,
        }
    });
    page::page(&InUsePage {
        frame: visit.frame()?,
        accounts,
        account,
        models: models.collect(),
        counted,
    })
}

/// `GET /console/metadata`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let passkeys = visit.passkeys();
    let state = passkeys.metadata_state();
    let now = passkeys.now();
    let at = UnixSeconds(now.seconds());
    let query = visit.query("q").unwrap_or_default().trim().to_owned();
    let wanted = query.to_lowercase();
    let from = visit.query("from").and_then(|from| from.parse().ok());
    let from: usize = from.unwrap_or_default();
    let (mut models, mut found) = (Vec::new(), 0);
    if let Some(in_use) = &state.in_use {
        // Only a model with an AAGUID makes passkeys; a U2F model is known by its keys.
        for model in in_use.metadata.entries() {
            let Some(aaguid) = model.aaguid() else {
                continue;
            };
            let description = model.description().unwrap_or_default();
            let fits = description.to_lowercase().contains(&wanted)
                || aaguid.to_string().contains(&wanted);
            if !fits {
                continue;
            }
            found += 1;
            if found <= from || models.len() >= ROWS {
                continue;
            }
            models.push(Model::of(model, aaguid, at));
        }
    }
    let next = Some(from.saturating_add(ROWS)).filter(|next| *next < found);
    page::page(&MetadataPage {
        frame: visit.frame()?,
        in_use: state.in_use.map(|in_use| InUse {
            no: in_use.metadata.no(),
            next_update: in_use.metadata.next_update().to_owned(),
            stale: in_use.is_stale(now),
            imported: words::moment(in_use.imported),
            source: in_use.source.name(),
            entries: in_use.metadata.entries().len(),
        }),
        problem: state.problem,
        query,
        models,
        found,
        from,
        next,
    })
}
