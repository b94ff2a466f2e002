//! `passkeyd access-key`: creates, lists and revokes the access keys of a Service.

use clap::{Args, Subcommand};

use super::administer::{At, administer};
use super::allowed::Allowed;
use super::print::print_json;
use crate::control::AdminCommand;
use crate::process::ProcessError;

/// Arguments of the command.
#[derive(Debug, Args)]
#[command(after_help = "The result is JSON, with and without --json.")]
pub(super) struct AccessKey {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a key and print it. It is not shown again.
    Create {
        #[command(flatten)]
        of: Of,
        /// A name for people.
        #[arg(long, default_value = "command line")]
        name: String,
        #[command(flatten)]
        allowed: Allowed,
    },
    /// List the names and ids of the keys.
    List(Of),
    /// Revoke a key.
    Revoke {
        #[command(flatten)]
        of: Of,
        /// The id of the key.
        id: String,
    },
}

/// Which Service, and where its store is.
#[derive(Debug, Args)]
struct Of {
    /// The Service: VA and 32 hex digits.
    #[arg(long, value_name = "VA...")]
    service: String,
    #[command(flatten)]
    at: At,
}

/// Runs the command and prints the result as JSON.
///
/// # Errors
/// [`ProcessError`]: there is no store, its server does not respond, or the Service or key does not exist.
pub(super) async fn run(arguments: AccessKey) -> Result<(), ProcessError> {
    match arguments.action {
        Action::Create {
            of: Of { service, at },
            name,
            allowed,
        } => {
            let (scopes, expires_at) = allowed.asked();
            let command = AdminCommand::AccessKeyCreate {
                service,
                name,
                scopes,
                expires_at,
            };
            print_json(&administer(at.store, command).await?)
        }
        Action::List(Of { service, at }) => {
            let command = AdminCommand::AccessKeyList { service };
            print_json(&administer(at.store, command).await?)
        }
        Action::Revoke {
            of: Of { service, at },
            id,
        } => {
            let command = AdminCommand::AccessKeyRevoke { service, id };
            let result = administer(at.store, command).await?;
            if at.json {
                return print_json(&result);
            }
            Ok(())
        }
    }
}
