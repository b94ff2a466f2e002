//! The command line.

mod access_key;
mod account;
mod administer;
mod allowed;
mod api_key;
mod apply;
mod backup;
mod compact;
mod console;
mod copy;
mod doctor;
mod export;
mod generate;
mod import;
mod master_key;
mod mds;
mod migrate;
mod print;
mod progress;
mod shell;
mod store;
mod token_key;
mod verify;
mod which_store;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::config::{self, Flags, Listen, Settings};
use crate::process::{Inherited, ProcessError, Start};
use crate::telemetry;

/// A passkey (WebAuthn / FIDO2) authentication server that you run yourself.
#[derive(Debug, Parser)]
#[command(name = "passkeyd", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(Serve),
    /// Run a temporary server on this machine, with a page to try passkeys in the browser.
    Demo(Demo),
    /// Create and list accounts, and replace a lost Auth Token.
    Account(account::Account),
    /// Create, list and revoke API keys: further secrets of an account.
    ApiKey(api_key::ApiKey),
    /// Create, list and revoke access keys for the Authentication Cloud API.
    AccessKey(access_key::AccessKey),
    /// List and replace the keys that make tokens.
    TokenKey(token_key::TokenKey),
    /// Make and change the key under which the keys in the store are sealed.
    MasterKey(master_key::MasterKey),
    /// Compare what a file declares with the store, show the difference, and apply it.
    Apply(apply::Apply),
    /// Invite people to the console.
    Console(console::Console),
    /// Verify recorded ceremonies offline: one JSON object per line in, one verdict per line out.
    Verify(verify::Verify),
    /// Import, show and remove the metadata of the FIDO Metadata Service in a store.
    Mds(mds::Mds),
    /// Write a backup of an embedded store, also while passkeyd serves.
    Backup(backup::Backup),
    /// Put a backup in the place of an embedded store.
    Restore(backup::Restore),
    /// Give the space of removed records in an embedded store back to the file system.
    Compact(compact::Compact),
    /// Create or update the tables of a PostgreSQL store.
    Migrate(migrate::Migrate),
    /// Write the Relying Parties, users and credentials of a store to a file (NDJSON).
    Export(export::Export),
    /// Copy a store to another one, with all secrets, and compare both.
    Copy(copy::Copy),
    /// Import Relying Parties, users and passkeys from a file: an export of passkeyd, or the data of another product.
    Import(Box<import::Import>),
    /// Check that a database keeps what passkeyd needs of it.
    Store(store::Store),
    /// Check the settings, the files, the Services and what clients reach.
    Doctor(doctor::Doctor),
    /// Ask a running server whether it is ready, for containers.
    Health(doctor::Health),
    /// Print the completions of a shell.
    Completions(shell::Completions),
    /// Write the manual pages.
    Man(shell::Man),
    /// Write the generated parts of the documentation.
    #[command(hide = true)]
    Generate(Generate),
}

#[derive(Debug, Args)]
#[command(
    after_help = "All settings, for the file (TOML) and for environment variables (PASSKEYD_...): docs/configuration.md."
)]
struct Serve {
    /// TOML file with settings.
    #[arg(long, value_name = "FILE", env = config::CONFIG)]
    config: Option<PathBuf>,
    /// Address or host name, and port, to listen on [default: 127.0.0.1:8080]. `:8081` and `8081` listen on 127.0.0.1;
    /// `0.0.0.0:8081` listens on all addresses.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Base of the URLs that passkeyd emits [default: `http://localhost:<port>`].
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Directory of the embedded store [default: ./passkeyd-data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The store: `sqlite:<path>` or `postgres://...` [default: sqlite:<data-dir>/passkeyd.db].
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

#[derive(Debug, Args)]
struct Demo {
    /// Loopback address and port to listen on [default: 127.0.0.1:8080, or the next free port].
    #[arg(long, value_name = "ADDR")]
    listen: Option<Listen>,
}

#[derive(Debug, Args)]
struct Generate {
    /// The directory to write to, for example `docs`.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs the command that the process was started with.
///
/// Exit codes: 0 done, 1 failed, 2 the command line or the settings are wrong. `verify` has exit codes of its own.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(arguments) => serve(arguments),
        Command::Demo(arguments) => {
            in_runtime(async move { crate::demo::run(arguments.listen).await })
        }
        Command::Account(arguments) => in_runtime(account::run(arguments)),
        Command::ApiKey(arguments) => in_runtime(api_key::run(arguments)),
        Command::AccessKey(arguments) => in_runtime(access_key::run(arguments)),
        Command::TokenKey(arguments) => in_runtime(token_key::run(arguments)),
        Command::MasterKey(arguments) => in_runtime(master_key::run(arguments)),
        Command::Apply(arguments) => in_runtime(apply::run(arguments)),
        Command::Console(arguments) => in_runtime(console::run(arguments)),
        // Its exit codes are its own, since refusing is what it is for.
        Command::Verify(arguments) => return verify::run(&arguments),
        Command::Mds(arguments) => in_runtime(mds::run(arguments)),
        Command::Backup(arguments) => backup::run(arguments),
        Command::Restore(arguments) => backup::run_restore(arguments),
        Command::Compact(arguments) => compact::run(arguments),
        Command::Migrate(arguments) => in_runtime(migrate::run(arguments)),
        Command::Copy(arguments) => in_runtime(copy::run(arguments)),
        Command::Import(arguments) => in_runtime(import::run(*arguments)),
        Command::Store(arguments) => in_runtime(store::run(arguments)),
        Command::Export(arguments) => in_runtime(export::run(arguments)),
        Command::Doctor(arguments) => {
            let mut code = ExitCode::SUCCESS;
            let done = in_runtime(async {
                code = doctor::run(arguments).await?;
                Ok(())
            });
            if done.is_ok() {
                return code;
            }
            done
        }
        Command::Health(arguments) => in_runtime(doctor::health(arguments)),
        Command::Completions(arguments) => shell::completions(Cli::command(), &arguments),
        Command::Man(arguments) => shell::man(Cli::command(), &arguments),
        Command::Generate(arguments) => {
            generate::run(&arguments.out).map_err(|source| ProcessError::System {
                what: "cannot write the documentation",
                source,
            })
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "passkeyd: {error}");
            match error {
                ProcessError::Config(_) | ProcessError::Usage(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn serve(arguments: Serve) -> Result<(), ProcessError> {
    let flags = Flags {
        listen: arguments.listen,
        public_url: arguments.public_url,
        data_dir: arguments.data_dir,
        store: arguments.store,
    };
    let settings = Settings::load(arguments.config.as_deref(), &flags)?;
    let first_account = config::bootstrap_account(|name| std::env::var(name).ok())?;
    // Before there are threads.
    let sockets = Inherited::from_env();
    let logging = telemetry::init(&settings.log)?;
    let file = arguments.config;
    let again = file.clone();
    in_runtime(crate::process::serve(Start {
        again: Box::new(move || Settings::load(again.as_deref(), &flags)),
        settings,
        file,
        first_account,
        logging,
        sockets,
    }))
}

fn in_runtime(work: impl Future<Output = Result<(), ProcessError>>) -> Result<(), ProcessError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| ProcessError::System {
            what: "cannot start the runtime",
            source,
        })?
        .block_on(work)
}
