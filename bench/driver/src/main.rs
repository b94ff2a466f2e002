//! Load on passkey servers of this machine, and what it costs them.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

mod bare;
mod growth;
mod http;
mod load;
mod passkey;
mod plot;
mod process;
mod ready;
mod receive;
mod report;
mod scenario;
mod wire;

use report::{Line, Results};

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(
    about = "Load on passkey servers of this machine, and what it costs them",
    version
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Register passkeys at one server and sign in with them; prints one JSON object
    Load(Box<scenario::Options>),
    /// Check signatures and do nothing else; prints one JSON object
    Bare {
        /// Of which algorithm
        #[arg(long, default_value = "es256")]
        algorithm: passkey::Algorithm,
        /// How long
        #[arg(long, default_value_t = 2.0)]
        seconds: f64,
    },
    /// Describe this machine; prints one JSON object
    About {
        /// Something to add: a name, `=`, and a text
        #[arg(long)]
        set: Vec<String>,
    },
    /// Wait until a server says at /readyz that it is ready; prints how long its process has run by then, in milliseconds
    Ready {
        /// Where it listens
        #[arg(long)]
        address: SocketAddr,
        /// When it was started, in nanoseconds since 1970
        #[arg(long)]
        since: u128,
    },
    /// Answer every request with 204, as the receiver of a webhook
    Receive {
        /// Where to listen: an address of this machine, and a port
        #[arg(long)]
        address: SocketAddr,
        /// Read requests, and never answer
        #[arg(long)]
        silent: bool,
    },
    /// Print the tables of a results file
    Report(ReportOptions),
}

#[derive(Args)]
struct ReportOptions {
    /// File with one JSON object per line, as bench/run.sh writes it
    results: PathBuf,
    /// Markdown file whose part between the two `bench` comments (`growth` for a file of bench/growth.sh) is replaced by the tables.
    /// Plots are written beside it
    #[arg(long)]
    into: Option<PathBuf>,
}

fn main() -> Result<(), Failure> {
    let line = match Arguments::parse().command {
        Command::Load(options) => Line::Server(scenario::run(&options)?),
        Command::Bare { algorithm, seconds } => Line::Bare(bare::run(algorithm, seconds)?),
        Command::About { set } => report::about(&set)?,
        Command::Ready { address, since } => {
            println!("{:.1}", ready::wait(address, since)?);
            return Ok(());
        }
        Command::Receive { address, silent } => return receive::run(address, silent),
        Command::Report(options) => return report(&options),
    };
    println!("{}", serde_json::to_string(&line)?);
    Ok(())
}

/// Writes the tables and the plots of a results file.
fn report(options: &ReportOptions) -> Result<(), Failure> {
    let results = Results::read(&std::fs::read_to_string(&options.results)?)?;
    let grown = !results.grown.is_empty();
    let (name, text) = if grown {
        ("growth", growth::text(&results)?)
    } else {
        ("bench", report::text(&results)?)
    };
    let mut shown = text.clone();
    if let Some(document) = &options.into {
        let folder = document.parent().unwrap_or(Path::new("."));
        let file = if grown {
            "performance-growth.svg"
        } else {
            "performance-connections.svg"
        };
        let drawn = if grown {
            growth::plots(&results, &folder.join(file))?
        } else {
            report::plots(&results, &folder.join(file))?
        };
        if drawn {
            let what = if grown {
                "cost against the number of passkeys"
            } else {
                "throughput and p99 against connections"
            };
            shown = format!("{text}\n![{what}]({file})\n");
        }
        let old = std::fs::read_to_string(document)?;
        std::fs::write(document, report::insert(&old, name, &shown)?)?;
    }
    print!("{shown}");
    Ok(())
}
