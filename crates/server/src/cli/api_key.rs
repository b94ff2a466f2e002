//! `passkeyd api-key`: creates, lists and revokes the API keys of an account.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::administer::{At, administer, list, print, print_more, text};
use super::allowed::Allowed;
use super::print::print_json;
use crate::control::AdminCommand;
use crate::process::ProcessError;

/// Arguments of the command.
#[derive(Debug, Args)]
pub(super) struct ApiKey {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a key and print its SID and secret. The secret is not shown again.
    Create {
        #[command(flatten)]
        of: Of,
        /// A name for people.
        #[arg(long, default_value = "command line")]
        name: String,
        #[command(flatten)]
        allowed: Allowed,
    },
    /// List the names and SIDs of the keys.
    List(Of),
    /// Revoke a key.
    Revoke {
        #[command(flatten)]
        of: Of,
        /// The SID of the key: SK and 32 hex digits.
        #[arg(value_name = "SK...")]
        id: String,
    },
}

/// Whose keys.
#[derive(Debug, Args)]
struct Of {
    #[command(flatten)]
    at: At,
    /// The account: AC and 32 hex digits. Optional if the store has one account.
    #[arg(long, value_name = "AC...")]
    account: Option<String>,
}

/// Runs the command and prints the result.
///
/// # Errors
/// [`ProcessError`]: there is no store, its server does not respond, or the account or key does not exist.
pub(super) async fn run(arguments: ApiKey) -> Result<(), ProcessError> {
    match arguments.action {
        Action::Create { of, name, allowed } => {
            let Of {
                at: At { store, json },
                account,
            } = of;
            let (scopes, expires_at) = allowed.asked();
            let command = AdminCommand::ApiKeyCreate {
                account,
                name,
                scopes,
                expires_at,
            };
            let result = administer(store, command).await?;
            if json {
                return print_json(&result);
            }
            print(|out| {
                write!(
                    out,
                    "A new API key was created. The secret is shown only once: keep it.\n\n    \
                     API Key SID   {}\n    Secret        {}\n\n",
                    text(&result, "id"),
                    text(&result, "secret")
                )
            })
        }
        Action::List(Of {
            at: At { store, json },
            account,
        }) => {
            let result = administer(store, AdminCommand::ApiKeyList { account }).await?;
            if json {
                return print_json(&result);
            }
            let keys = list(&result, "api_keys");
            print(|out| {
                for key in keys {
                    let (id, created, name) =
                        (text(key, "id"), text(key, "created_at"), text(key, "name"));
                    let scopes = list(key, "scopes").iter().filter_map(Value::as_str);
                    let scopes = scopes.collect::<Vec<_>>().join(",");
                    let expires = key["expires_at"].as_str().unwrap_or("never");
                    let used = key["last_used_at"].as_str().unwrap_or("never");
                    writeln!(
                        out,
                        "{id}  created {created}  expires {expires}  last used {used}  {scopes}  {name}"
                    )?;
                }
                print_more(out, &result, keys.len())
            })
        }
        Action::Revoke { of, id } => {
            let Of {
                at: At { store, json },
                account,
            } = of;
            let result = administer(store, AdminCommand::ApiKeyRevoke { account, id }).await?;
            if json {
                return print_json(&result);
            }
            print(|out| writeln!(out, "The API key {} is revoked.", text(&result, "id")))
        }
    }
}
