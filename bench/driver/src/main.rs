//! Load on passkey servers of this machine, and what it costs them.

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod bare;
mod http;
mod load;
mod passkey;
mod process;
mod report;
mod scenario;
mod wire;

use report::Line;

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
    /// Check P-256 signatures and do nothing else; prints one JSON object
    Bare {
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
    /// Print the table of a results file
    Report(ReportOptions),
}

#[derive(Args)]
struct ReportOptions {
    /// File with one JSON object per line, as bench/run.sh writes it
    results: PathBuf,
    /// Markdown file whose part between the two `bench` comments is replaced by the table
    #[arg(long)]
    into: Option<PathBuf>,
}

fn main() -> Result<(), Failure> {
    let line = match Arguments::parse().command {
        Command::Load(options) => Line::Server(scenario::run(&options)?),
        Command::Bare { seconds } => Line::Bare(bare::run(seconds)?),
        Command::About { set } => report::about(&set)?,
        Command::Report(options) => {
            let text = report::text(&std::fs::read_to_string(&options.results)?)?;
            if let Some(document) = options.into {
                let old = std::fs::read_to_string(&document)?;
                std::fs::write(&document, report::insert(&old, &text)?)?;
            }
            print!("{text}");
            return Ok(());
        }
    };
    println!("{}", serde_json::to_string(&line)?);
    Ok(())
}
