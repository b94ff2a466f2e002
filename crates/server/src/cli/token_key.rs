//! `passkeyd token-key`: lists and replaces the keys that make tokens.

use clap::{Args, Subcommand, ValueEnum};

use super::administer::{At, administer, list, print, text};
use super::print::print_json;
use crate::control::AdminCommand;
use crate::process::ProcessError;

/// Arguments of the command.
#[derive(Debug, Args)]
pub(super) struct TokenKey {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the keys of a Service. It prints no key.
    List {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        of: Of,
    },
    /// Draw new keys. Tokens of the old ones are accepted until they have expired; old access keys until `retire`.
    Rotate {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        of: Of,
        /// The kinds [default: all but `access`].
        #[arg(long, value_enum)]
        kind: Vec<Kind>,
    },
    /// Refuse the tokens of replaced keys from now on.
    Retire {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        of: Of,
        /// The kinds.
        #[arg(long, value_enum, required = true)]
        kind: Vec<Kind>,
    },
}

/// Whose keys.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// The Service, `VA...`.
    #[arg(long, value_name = "VA...")]
    service: Option<String>,
    /// All Services.
    #[arg(long)]
    all: bool,
}

/// What the tokens of a key are for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Access keys.
    Access,
    /// Intent tokens.
    Intent,
    /// Status tokens.
    Status,
    /// Transaction tokens.
    Transaction,
    /// Transaction tokens with a signature.
    Signing,
    /// Challenges of sealed sign-ins.
    Sealing,
}

fn names(kinds: &[Kind]) -> Vec<String> {
    let values = kinds.iter().filter_map(ValueEnum::to_possible_value);
    values.map(|value| value.get_name().to_owned()).collect()
}

/// Runs the command and prints the keys as they are afterwards.
///
/// # Errors
/// [`ProcessError`]: there is no store or no such Service, or its server does not respond.
pub(super) async fn run(arguments: TokenKey) -> Result<(), ProcessError> {
    let (at, command) = match arguments.action {
        Action::List { at, of } => (
            at,
            AdminCommand::TokenKeyList {
                service: of.service,
            },
        ),
        Action::Rotate { at, of, kind } => {
            let all_but_access = || names(Kind::value_variants().get(1..).unwrap_or_default());
            let kinds = if kind.is_empty() {
                all_but_access()
            } else {
                names(&kind)
            };
            let service = of.service;
            (at, AdminCommand::TokenKeyRotate { service, kinds })
        }
        Action::Retire { at, of, kind } => {
            let (service, kinds) = (of.service, names(&kind));
            (at, AdminCommand::TokenKeyRetire { service, kinds })
        }
    };
    let At { store, json } = at;
    let result = administer(store, command).await?;
    if json {
        return print_json(&result);
    }
    print(|out| {
        let keys = list(&result, "token_keys");
        if keys.is_empty() {
            return writeln!(out, "No keys. A key is made when its first token is.");
        }
        writeln!(
            out,
            "{:34}  {:11}  {:>6}  {:20}  {:20}  USE",
            "SERVICE", "KIND", "NUMBER", "MADE", "ACCEPTED UNTIL"
        )?;
        for key in keys {
            let or_dash = |member| match text(key, member) {
                "" => "-",
                text => text,
            };
            let sealed = if key["sealed"] == true {
                ""
            } else {
                ", not sealed"
            };
            let makes = if key["makes_tokens"] == true {
                "makes tokens"
            } else {
                "checks tokens"
            };
            writeln!(
                out,
                "{:34}  {:11}  {:>6}  {:20}  {:20}  {makes}{sealed}",
                text(key, "service_sid"),
                text(key, "kind"),
                key["number"],
                or_dash("created_at"),
                or_dash("accepted_until"),
            )?;
        }
        Ok(())
    })
}
