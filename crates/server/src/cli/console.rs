//! `passkeyd console`: invites people to the console.

use clap::{Args, Subcommand, ValueEnum};

use super::administer::{At, administer, print, text};
use super::print::print_json;
use crate::control::AdminCommand;
use crate::process::ProcessError;

/// Arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Console {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a link by which somebody becomes an administrator of the console. It works once, for a day.
    Invite {
        #[command(flatten)]
        at: At,
        /// What the administrator may do.
        #[arg(long, value_enum, default_value_t = Role::Owner)]
        role: Role,
        /// The suggested name.
        #[arg(long, default_value = "Administrator")]
        name: String,
    },
}

/// What an administrator may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Everything, and decides who is an administrator.
    Owner,
    /// Changes Services and their keys.
    Operator,
    /// Helps people with their passkeys.
    Support,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Support => "support",
        }
    }
}

/// Runs the command and prints the link.
///
/// # Errors
/// [`ProcessError`]: there is no store, or its server does not respond.
pub(super) async fn run(arguments: Console) -> Result<(), ProcessError> {
    let Action::Invite {
        at: At { store, json },
        role,
        name,
    } = arguments.action;
    let role = role.name().to_owned();
    let result = administer(store, AdminCommand::ConsoleInvite { role, name }).await?;
    if json {
        return print_json(&result);
    }
    print(|out| {
        write!(
            out,
            "This link makes an administrator with the role {}. It works once, until {}:\n\n    {}\n\n",
            text(&result, "role"),
            text(&result, "expires_at"),
            text(&result, "link")
        )
    })
}
