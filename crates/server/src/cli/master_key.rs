//! `passkeyd master-key`: makes and changes the key under which the keys in the store are sealed.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use domain::model::clock::SystemRandomness;
use domain::model::master_key::MasterKeys;
use domain::service::vault::Vault;
use domain::store::Storage;

use super::administer::{At, administer, print, text};
use super::print::{print_json, say};
use super::which_store::WhichStore;
use crate::control::AdminCommand;
use crate::master_key;
use crate::process::ProcessError;

/// Arguments of the command.
#[derive(Debug, Args)]
pub(super) struct MasterKey {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write a new master key to a file that only its owner can read.
    Create {
        /// The file, which must not exist.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Say under which master key the store is sealed, and which ones the settings name. It prints names of keys, and no key.
    Show {
        #[command(flatten)]
        at: At,
    },
    /// Seal the store under the present master key instead of the previous one.
    Reseal {
        #[command(flatten)]
        at: At,
    },
    /// Give up what is sealed under a lost master key. Stop all servers first.
    ///
    /// Passkeys, users, accounts and Services stay. Access keys, Auth Tokens, API keys and tokens are refused afterwards and have to be made again.
    Discard {
        #[command(flatten)]
        store: WhichStore,
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// [`ProcessError`]: there is no store, its server does not respond, or a key cannot be read.
pub(super) async fn run(arguments: MasterKey) -> Result<(), ProcessError> {
    match arguments.action {
        Action::Create { file } => {
            let key = master_key::create(&file).map_err(|error| {
                ProcessError::Command(format!("cannot write {}: {error}", file.display()))
            })?;
            say(&format!(
                "Wrote the master key {} to {}. Keep a copy of the file, apart from the backups of the store.",
                key.id(),
                file.display()
            ))
        }
        Action::Show { at } => {
            let result = administer(at.store, AdminCommand::MasterKeyShow {}).await?;
            if at.json {
                return print_json(&result);
            }
            print(|out| {
                match text(&result, "sealed_under") {
                    "" => writeln!(out, "The keys in the store are not sealed.")?,
                    id => writeln!(out, "The store is sealed under the master key {id}.")?,
                }
                for (member, name) in [("current", "present"), ("previous", "previous")] {
                    match text(&result, member) {
                        "" => {}
                        id => writeln!(out, "The {name} master key is {id}.")?,
                    }
                }
                Ok(())
            })
        }
        Action::Reseal { at } => {
            let result = administer(at.store, AdminCommand::MasterKeyReseal {}).await?;
            if at.json {
                return print_json(&result);
            }
            let id = text(&result, "sealed_under");
            if result["changed"] == true {
                say(&format!(
                    "The store is sealed under the master key {id} now. When every node has it, remove the previous one from the settings."
                ))
            } else {
                say(&format!(
                    "The store was sealed under the master key {id} already."
                ))
            }
        }
        Action::Discard { store, yes } => discard(store, yes).await,
    }
}

async fn discard(store: WhichStore, yes: bool) -> Result<(), ProcessError> {
    let settings = store.settings()?;
    let location = settings.store_location()?;
    if let Some(file) = location.file().filter(|file| !file.is_file()) {
        return Err(ProcessError::Command(format!(
            "there is no store at {}",
            file.display()
        )));
    }
    if !yes {
        return Err(ProcessError::Usage(
            "this makes all access keys, Auth Tokens, API keys and tokens of the store useless; say --yes if the master key is lost"
                .to_owned(),
        ));
    }
    if let Some(beside) = master_key::beside(&settings)
        && master_key::source(&settings).is_none()
    {
        master_key::create(&beside).map_err(|error| {
            ProcessError::Command(format!("cannot write {}: {error}", beside.display()))
        })?;
    }
    let Some(keys) = master_key::keys(&settings)? else {
        return Err(ProcessError::Command(
            "set `master_key_file` to the new master key first".to_owned(),
        ));
    };
    let store = storage::open(&location).await?;
    let done = if opens(&store, &keys).await {
        Err(ProcessError::Command(format!(
            "nothing is lost: the master key {} opens this store. Nothing was changed. To replace token keys, run `passkeyd token-key rotate`",
            keys.current.id()
        )))
    } else {
        let done = Vault::discard(&store, &keys, &SystemRandomness).await;
        done.map_err(|why| ProcessError::Command(why.to_string()))
    };
    store
        .close()
        .await
        .map_err(|fault| ProcessError::Command(fault.to_string()))?;
    let replaced = done?;
    say(&format!(
        "The store is sealed under the master key {}. {replaced} token keys were replaced. Give each account a new Auth Token with `passkeyd account reset-token`, and make new API keys and access keys.",
        keys.current.id()
    ))
}

/// Whether a store is sealed, and these keys open everything in it.
async fn opens(store: &Arc<dyn Storage>, keys: &MasterKeys) -> bool {
    matches!(store.store_key().await, Ok(Some(_)))
        && matches!(Vault::check(store, keys).await, Ok(()))
}
