//! `passkeyd doctor`, and `passkeyd health`.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use clap::Args;
use domain::model::clock::{Clock as _, SystemClock};
use storage::postgres::PostgresError;
use storage::{StoreError, StoreUrl};

use super::administer::{administer, print};
use super::print::print_json;
use super::which_store::WhichStore;
use crate::config::{self, Flags, Settings};
use crate::control::AdminCommand;
use crate::doctor::store::FromStore;
use crate::doctor::web::Web;
use crate::doctor::{Finding, Level, Report, machine};
use crate::http::PublicUrl;
use crate::outbound::Own;
use crate::pem::Certificates;
use crate::process::ProcessError;
use crate::transport::tls;

/// Arguments of `passkeyd doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 0: no problems (warnings are possible), 1: there are problems, 2: wrong call or settings."
)]
pub(super) struct Doctor {
    #[command(flatten)]
    store: WhichStore,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Call no addresses: neither the public URL nor the files of the RP IDs.
    #[arg(long)]
    offline: bool,
    /// Print the files below /.well-known/ that the hosts of the RP IDs have to serve, and check nothing.
    #[arg(long, conflicts_with_all = ["json", "offline"])]
    files: bool,
}

/// Examines the installation and prints what it finds.
///
/// # Errors
/// [`ProcessError`]: the settings are wrong, or the result cannot be printed.
pub(super) async fn run(arguments: Doctor) -> Result<ExitCode, ProcessError> {
    let Doctor {
        store,
        json,
        offline,
        files: print_files,
    } = arguments;
    if print_files {
        let found = administer(store, AdminCommand::Doctor {}).await?;
        let found: FromStore = serde_json::from_value(found)
            .map_err(|error| ProcessError::Command(error.to_string()))?;
        show_files(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = store.clone().settings()?;
    let mut findings = machine::examine(&settings, store.config()).await;
    let mut files = Vec::new();
    match administer(store, AdminCommand::Doctor {}).await {
        Ok(found) => {
            let found: FromStore = serde_json::from_value(found)
                .map_err(|error| ProcessError::Command(error.to_string()))?;
            findings.extend(found.findings);
            findings.push(machine::master_key(&settings, found.sealed));
            files = found.files;
        }
        Err(error) => {
            // Without a look at the store, what the settings say about a wrong master key is not all. One that cannot be read is.
            if !matches!(error, ProcessError::MasterKey(_)) {
                findings.push(machine::master_key(&settings, None));
            }
            if crate::master_key::keys(&settings).is_ok() {
                findings.push(of_store(&error, &settings));
            }
        }
    }
    if !offline {
        let web = Arc::new(Web::new().map_err(ProcessError::Command)?);
        let url = settings.public_url.as_deref().map(PublicUrl::new);
        let now = SystemClock::default().now();
        findings.extend(web.examine(url.as_ref(), files, now, None).await);
    }
    let report = Report::of(findings);
    if json {
        print_json(&report)?;
    } else {
        show(&report)?;
    }
    Ok(if report.problems == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show_files(found: &FromStore) -> Result<(), ProcessError> {
    print(|out| {
        if found.files.is_empty() {
            writeln!(out, "No Service needs a file at the host of its RP ID.")?;
        }
        for file in &found.files {
            writeln!(out, "{} ({}: {})", file.url, file.service, file.why)?;
            match &file.content {
                Some(content) => writeln!(out, "{content:#}\n")?,
                None => writeln!(
                    out,
                    "The settings of the Service do not say all that it holds. It needs {}.\n",
                    file.holds.join(", ")
                )?,
            }
        }
        Ok(())
    })
}

fn show(report: &Report) -> Result<(), ProcessError> {
    print(|out| {
        for finding in &report.findings {
            let level = match finding.level {
                Level::Good => "good",
                Level::Warning => "WARNING",
                Level::Problem => "PROBLEM",
            };
            let service = finding.service.as_deref().unwrap_or_default();
            let of = if service.is_empty() { "" } else { " of " };
            writeln!(
                out,
                "{level}  {}{of}{service}: {}",
                finding.check, finding.what
            )?;
            if !finding.why.is_empty() {
                writeln!(out, "    why: {}", finding.why)?;
            }
            if !finding.fix.is_empty() {
                writeln!(out, "    fix: {}", finding.fix)?;
            }
        }
        writeln!(
            out,
            "\nproblems: {}, warnings: {}",
            report.problems, report.warnings
        )
    })
}

/// Arguments of `passkeyd health`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 0: it is ready, 1: it is not, 2: wrong call or settings.")]
pub(super) struct Health {
    /// Address of the server [default: where the settings listen]. Without a path, /readyz is asked for.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// TOML file with settings.
    #[arg(long, value_name = "FILE", env = config::CONFIG)]
    config: Option<PathBuf>,
}

/// Asks a running server whether it is ready.
///
/// # Errors
/// [`ProcessError`]: it is not, or it does not respond.
pub(super) async fn health(arguments: Health) -> Result<(), ProcessError> {
    let (url, response) = if let Some(url) = arguments.url {
        let url = with_path(url);
        let web = Web::new().map_err(ProcessError::Command)?;
        let response = web.get(&url).await;
        (url, response)
    } else {
        let settings = Settings::load(arguments.config.as_deref(), &Flags::default())?;
        let own = own(&settings).await?;
        let scheme = match own.certificates {
            Some(_) => "https",
            None => "http",
        };
        let url = format!("{scheme}://{}{READY}", own.address);
        let response = own.get(READY).await.map_err(|error| error.to_string());
        (url, response)
    };
    let response = response.map_err(|why| ProcessError::Command(format!("{url}: {why}")))?;
    if !response.status().is_success() {
        let status = response.status().as_u16();
        return Err(ProcessError::Command(format!("{url} responds {status}")));
    }
    // What it says may be of interest; nobody has to read it.
    let _ = writeln!(
        std::io::stdout().lock(),
        "{}",
        String::from_utf8_lossy(response.body())
    );
    Ok(())
}

/// The path that says whether a server is ready.
const READY: &str = "/readyz";

/// Within this time a running server has read a new certificate.
const REREAD: Duration = Duration::from_mins(1);

/// A URL with the path that is asked for where it has none.
fn with_path(url: String) -> String {
    match url.parse::<Uri>() {
        Ok(uri) if uri.query().is_none() && matches!(uri.path(), "" | "/") => {
            format!("{}{READY}", url.trim_end_matches('/'))
        }
        _ => url,
    }
}

/// The server with these settings, on this machine.
async fn own(settings: &Settings) -> Result<Own, ProcessError> {
    let addresses = settings.listen.addresses().await;
    let address = addresses.ok().and_then(|found| found.first().copied());
    let Some(mut address) = address.filter(|address| address.port() != 0) else {
        return Err(ProcessError::Command(
            "the settings do not say where the server listens: use --url".to_owned(),
        ));
    };
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let mut fresh = false;
    let certificates = match &settings.tls.certificate_file {
        Some(file) => {
            // A certificate that was written a moment ago is not the one that the server presents yet. One that is of no use is not presented
            // at all: a running server keeps what it had.
            let changed = std::fs::metadata(file).and_then(|found| found.modified());
            let age = changed.ok().and_then(|at| at.elapsed().ok());
            fresh = age.is_none_or(|age| age < REREAD) || tls::load(&settings.tls).is_err();
            let text = std::fs::read_to_string(file).unwrap_or_default();
            Some(Certificates::try_from(text).map_or_else(|_| Vec::new(), |read| read.0))
        }
        None => None,
    };
    let public = settings.public_url.as_deref().map(PublicUrl::new);
    Ok(Own {
        address,
        host: public.map_or_else(|| address.to_string(), |url| url.host().to_owned()),
        proxies: settings.proxy_protocol.then(|| settings.proxies()),
        certificates,
        any_certificate: fresh,
    })
}

/// What is wrong where the store cannot be used.
fn of_store(error: &ProcessError, settings: &Settings) -> Finding {
    let (check, fix) = match (error, settings.store_location()) {
        (ProcessError::MasterKey(_), _) => (
            "master_key",
            "set the master key of this store. Do not make another one: it does not open the store",
        ),
        (ProcessError::Store(StoreError::Postgres(PostgresError::Pooled)), _) => {
            ("store", "leave out prepare=yes in `store`")
        }
        (_, Ok(StoreUrl::Postgres(_))) => (
            "store",
            "see that the database runs and takes writes, and that `store` has its address",
        ),
        _ => (
            "store",
            "name the store of the server with --data-dir, --store or --config",
        ),
    };
    let why = if check == "master_key" {
        "passkeyd does not start"
    } else {
        "Services and metadata were not checked"
    };
    Finding::problem(check, error.to_string())
        .because(why)
        .fix(fix)
}
