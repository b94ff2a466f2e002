//! `passkeyd account`: creates and lists the accounts of a store, and replaces a lost Auth Token.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::administer::{At, administer, list, print, print_more, text};
use super::print::print_json;
use crate::control::AdminCommand;
use crate::process::ProcessError;

/// Arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Account {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create an account and print its Account SID and Auth Token. The token is not shown again.
    Create(At),
    /// List the accounts, oldest first.
    List(At),
    /// Give an account a new Auth Token and print it. It is not shown again.
    ///
    /// The old token stops working at once. The API keys of the account and the access keys of its Services still
    /// work.
    ResetToken {
        #[command(flatten)]
        at: At,
        /// The account: AC and 32 hex digits. Optional if the store has one account.
        #[arg(value_name = "AC...")]
        sid: Option<String>,
    },
}

/// Runs the command and prints the result.
///
/// # Errors
/// [`ProcessError`]: there is no store, its server does not respond, or the account does not exist or is not named.
pub(super) async fn run(arguments: Account) -> Result<(), ProcessError> {
    match arguments.action {
        Action::Create(At { store, json }) => {
            let result = administer(store, AdminCommand::AccountCreate {}).await?;
            show("A new account was created.", &result, json)
                .map_err(|unprinted| unseen("the account was created", &result, &unprinted))
        }
        Action::List(At { store, json }) => {
            let result = administer(store, AdminCommand::AccountList {}).await?;
            if json {
                return print_json(&result);
            }
            let accounts = list(&result, "accounts");
            print(|out| {
                for account in accounts {
                    let (sid, created) =
                        (text(account, "account_sid"), text(account, "created_at"));
                    writeln!(out, "{sid}  created {created}")?;
                }
                print_more(out, &result, accounts.len())
            })
        }
        Action::ResetToken {
            at: At { store, json },
            sid: account,
        } => {
            let command = AdminCommand::AccountResetToken { account };
            let result = administer(store, command).await?;
            let what = "The account has a new token. The old one does not work any more.";
            show(what, &result, json)
                .map_err(|unprinted| unseen("the token was replaced", &result, &unprinted))
        }
    }
}

fn show(what: &str, result: &Value, json: bool) -> Result<(), ProcessError> {
    if json {
        return print_json(result);
    }
    print(|out| {
        write!(
            out,
            "{what} The token is shown only once: keep it.\n\n    Account SID   {}\n    Auth Token    {}\n\n",
            text(result, "account_sid"),
            text(result, "auth_token")
        )
    })
}

/// The change is on disk, and the token could not be printed.
fn unseen(done: &str, result: &Value, unprinted: &ProcessError) -> ProcessError {
    ProcessError::Command(format!(
        "{done}, but its token was not shown ({unprinted}): `passkeyd account reset-token {}` makes another one",
        text(result, "account_sid")
    ))
}
