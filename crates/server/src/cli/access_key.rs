//! `passkeyd access-key`: creates, lists and revokes the access keys of a Service on the machine that has the store.

use clap::{Args, Subcommand};
use domain::Reason;
use domain::model::refusal::Refusal;

use super::print::print_json;
use super::which_store::{WhichStore, open_existing};
use crate::api::manage::access_keys::{all, make, revoke};
use crate::api::manage::service_id;
use crate::process::ProcessError;

/// Arguments of the command.
#[derive(Debug, Args)]
pub(super) struct AccessKey {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a key and print it. It is not shown again.
    Create {
        #[command(flatten)]
        at: At,
        /// A name for people.
        #[arg(long, default_value = "command line")]
        name: String,
    },
    /// List the names and ids of the keys.
    List {
        #[command(flatten)]
        at: At,
    },
    /// Revoke a key.
    Revoke {
        #[command(flatten)]
        at: At,
        /// The id of the key.
        id: String,
    },
}

/// What to do with the keys of a Service.
enum Task {
    Create { name: String },
    List,
    Revoke { id: String },
}

/// Which Service, and where its store is.
#[derive(Debug, Args)]
struct At {
    /// The Service: VA and 32 hex digits.
    #[arg(long, value_name = "VA...")]
    service: String,
    #[command(flatten)]
    store: WhichStore,
}

/// Runs the command and prints the result as JSON.
///
/// # Errors
/// [`ProcessError`]: a running server uses the store, or the Service or key does not exist.
pub(super) async fn run(arguments: AccessKey) -> Result<(), ProcessError> {
    let (at, task) = match arguments.action {
        Action::Create { at, name } => (at, Task::Create { name }),
        Action::List { at } => (at, Task::List),
        Action::Revoke { at, id } => (at, Task::Revoke { id }),
    };
    let At { service, store } = at;
    let rp = service_id(&service).ok_or_else(|| {
        ProcessError::Command(format!(
            "{service:?} is no Service: expected VA and 32 hex digits"
        ))
    })?;
    let settings = store.settings()?;
    // The endpoint that does the same while a server has the store open.
    let passkeys = open_existing(&settings, |path, _| {
        format!(
            "{} is in use by a running passkeyd: ask that one instead, with \
             /manage/v1/services/{service}/access-keys",
            path.display()
        )
    })
    .await?;
    let public_url = settings.public_url(settings.listen.port());
    let done = match &task {
        Task::Create { name } => match make(&passkeys, &public_url, rp, name).await {
            Ok(created) => print_json(&created),
            Err(refusal) => Err(explained(refusal)),
        },
        Task::List => match passkeys.relying_party_itself(rp).await {
            Ok(_) => match all(&passkeys, rp).await {
                Ok(keys) => print_json(&keys),
                Err(refusal) => Err(refusal.into()),
            },
            Err(refusal) => Err(explained(refusal)),
        },
        Task::Revoke { id } => match revoke(&passkeys, rp, id).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(ProcessError::Command(
                "the Service has no access key with this id".to_owned(),
            )),
            Err(refusal) => Err(refusal.into()),
        },
    };
    passkeys.close().await?;
    done
}

fn explained(refusal: Refusal) -> ProcessError {
    match refusal.reason {
        Reason::RelyingPartyUnknown => {
            ProcessError::Command("there is no such Service in this store".to_owned())
        }
        _ => refusal.into(),
    }
}
