//! `passkeyd account`: creates and lists the accounts of a store, and replaces a lost Auth Token.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use domain::Passkeys;
use domain::Reason;
use domain::model::account::Account as Record;
use domain::model::account::Secret;
use domain::model::ids::AccountId;
use domain::model::page::{Page, PageRequest};
use serde::Serialize;

use super::print::{cannot_print, print_json};
use super::which_store::WhichStore;
use crate::api::dates::Date;
use crate::process::ProcessError;

/// Most accounts that are shown.
const MOST: u32 = 1000;

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

/// Where the store is, and how the result is printed.
#[derive(Debug, Args)]
struct At {
    #[command(flatten)]
    store: WhichStore,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// An account with its token.
#[derive(Serialize)]
struct Shown<'a> {
    account_sid: String,
    auth_token: &'a str,
}

/// An account in a list.
#[derive(Serialize)]
struct Listed {
    account_sid: String,
    created_at: Date,
}

#[derive(Serialize)]
struct List {
    accounts: Vec<Listed>,
}

/// Runs the command and prints the result.
///
/// # Errors
/// [`ProcessError`]: there is no store, a running server uses it, or the account does not exist or is not named.
pub(super) async fn run(arguments: Account) -> Result<(), ProcessError> {
    let (at, task) = match arguments.action {
        Action::Create(at) => (at, Task::Create),
        Action::List(at) => (at, Task::List),
        Action::ResetToken { at, sid } => (at, Task::ResetToken(sid)),
    };
    let settings = at.store.settings()?;
    let passkeys = super::which_store::open_existing(&settings, |path, _| {
        format!(
            "{} is in use by a running passkeyd: stop it, run this command again, then start it. An account cannot be \
             managed beside a running server",
            path.display()
        )
    })
    .await?;
    let done = match task {
        Task::Create => create(&passkeys, at.json).await,
        Task::List => list(&passkeys, at.json).await,
        Task::ResetToken(sid) => reset(&passkeys, sid.as_deref(), at.json).await,
    };
    passkeys.close().await?;
    done
}

enum Task {
    Create,
    List,
    ResetToken(Option<String>),
}

async fn create(passkeys: &Passkeys, json: bool) -> Result<(), ProcessError> {
    let (account, token) = passkeys.create_account().await?;
    show("A new account was created.", account.id, &token, json)
        .map_err(|unprinted| unseen("the account was created", account.id, &unprinted))
}

async fn list(passkeys: &Passkeys, json: bool) -> Result<(), ProcessError> {
    let page = accounts(passkeys).await?;
    let accounts: Vec<Listed> = page
        .items
        .iter()
        .map(|account| Listed {
            account_sid: sid_of(account.id),
            created_at: Date(account.created),
        })
        .collect();
    if json {
        return print_json(&List { accounts });
    }
    print(|out| {
        for account in &accounts {
            writeln!(
                out,
                "{}  created {}",
                account.account_sid, account.created_at
            )?;
        }
        if page.more {
            writeln!(out, "There are more: these are the oldest {MOST}.")?;
        }
        Ok(())
    })
}

async fn reset(passkeys: &Passkeys, sid: Option<&str>, json: bool) -> Result<(), ProcessError> {
    let account = match sid {
        Some(sid) => sid
            .strip_prefix("AC")
            .and_then(AccountId::from_hex)
            .ok_or_else(|| {
                ProcessError::Command(format!(
                    "{sid:?} is not an Account SID: expected AC and 32 hex digits"
                ))
            })?,
        None => the_only_one(&accounts(passkeys).await?)?,
    };
    match passkeys.reset_account_token(account).await {
        Ok(token) => show(
            "The account has a new token. The old one does not work any more.",
            account,
            &token,
            json,
        )
        .map_err(|unprinted| unseen("the token was replaced", account, &unprinted)),
        Err(refusal) if refusal.reason == Reason::AccountUnknown => {
            let page = accounts(passkeys).await?;
            Err(ProcessError::Command(format!(
                "this store has no account {}; it has {}",
                sid_of(account),
                names(&page.items)
            )))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

fn the_only_one(page: &Page<Record>) -> Result<AccountId, ProcessError> {
    match page.items.as_slice() {
        [only] => Ok(only.id),
        [] => Err(ProcessError::Command(
            "this store has no account yet: the first `passkeyd serve` or `passkeyd account create` makes one"
                .to_owned(),
        )),
        several => Err(ProcessError::Command(format!(
            "this store has several accounts; name one of them: {}",
            names(several)
        ))),
    }
}

async fn accounts(passkeys: &Passkeys) -> Result<Page<Record>, ProcessError> {
    Ok(passkeys.list_accounts(PageRequest::first(MOST)).await?)
}

fn names(accounts: &[Record]) -> String {
    if accounts.is_empty() {
        return "none".to_owned();
    }
    let sids: Vec<String> = accounts.iter().map(|a| sid_of(a.id)).collect();
    sids.join(", ")
}

fn sid_of(account: AccountId) -> String {
    format!("AC{account}")
}

fn show(what: &str, account: AccountId, token: &Secret, json: bool) -> Result<(), ProcessError> {
    if json {
        return print_json(&Shown {
            account_sid: sid_of(account),
            auth_token: token.reveal(),
        });
    }
    print(|out| {
        write!(
            out,
            "{what} The token is shown this once: keep it.\n\n    Account SID   {}\n    Auth Token    {}\n\n",
            sid_of(account),
            token.reveal()
        )
    })
}

/// The change is on disk, and the token could not be printed.
fn unseen(done: &str, account: AccountId, unprinted: &ProcessError) -> ProcessError {
    ProcessError::Command(format!(
        "{done}, but its token was not shown ({unprinted}): `passkeyd account reset-token {}` makes another one",
        sid_of(account)
    ))
}

fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), ProcessError> {
    let mut out = io::stdout().lock();
    write(&mut out)
        .and_then(|()| out.flush())
        .map_err(cannot_print)
}
