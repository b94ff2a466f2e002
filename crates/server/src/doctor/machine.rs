//! The checks of the settings, the files and the disk.

use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use domain::model::clock::{Clock as _, SystemClock};
use domain::webauthn::UnixSeconds;
use ipnet::IpNet;

use super::finding::Finding;
use crate::config::{Listen, Settings};
use crate::http::PublicUrl;
use crate::transport::tls;

/// Less free space than this is a warning, in bytes.
const LITTLE: u64 = 1 << 30;
/// A certificate that ends in so many seconds is a warning.
const SOON: i64 = 14 * 86_400;
/// Less than this is a problem.
const TOO_LITTLE: u64 = 100 << 20;

/// Looks at the settings, at the files of the store, and at `config`, the file of the settings.
pub async fn examine(settings: &Settings, config: Option<&Path>) -> Vec<Finding> {
    let mut found = Vec::new();
    exposure(settings, &mut found).await;
    for_tests(settings, &mut found);
    let secrets = config.is_some_and(|_| {
        settings
            .store
            .as_ref()
            .is_some_and(|store| store.contains("://") && store.contains('@'))
    });
    if let Some(config) = config.filter(|_| secrets) {
        permissions(config, "its `store` may hold a password", &mut found);
    }
    if let Some(file) = &settings.store_password_file {
        permissions(file, "it holds the password of the database", &mut found);
    }
    if let Some(file) = &settings.traces.headers_file {
        permissions(file, "it holds the key of the collector", &mut found);
    }
    if let Some(file) = &settings.tls.key_file {
        permissions(
            file,
            "it holds the private key of the certificate",
            &mut found,
        );
    }
    found.extend(certificate(
        settings,
        SystemClock::default().now().seconds(),
    ));
    let location = settings.store_location().ok();
    if let Some(file) = location.as_ref().and_then(|location| location.file()) {
        permissions(file, "it holds passkeys and hashes of secrets", &mut found);
        if let Some(directory) = file.parent() {
            permissions(directory, "it has the files of the store", &mut found);
            disk(directory, &mut found);
        }
    }
    found
}

async fn exposure(settings: &Settings, found: &mut Vec<Finding>) {
    let open = others_reach(&settings.listen).await;
    let url = settings.public_url.as_deref();
    match url {
        Some(url) if url.starts_with("https://") => {
            found.push(Finding::good("public_url", format!("public_url is {url}")));
        }
        Some(url) if is_this_machine(url) => found.push(Finding::good(
            "public_url",
            format!("public_url is {url}: for development"),
        )),
        Some(url) => found.push(
            Finding::problem("public_url", format!("public_url is {url}, without TLS"))
                .because("browsers use passkeys over https only, and secrets are sent unencrypted")
                .fix("put a proxy with TLS before passkeyd, and set its https:// address"),
        ),
        None if open => found.push(
            Finding::problem(
                "public_url",
                "public_url is not set, and other machines reach this address",
            )
            .because("links in responses lead to localhost")
            .fix("set public_url to the https:// address at which clients reach passkeyd"),
        ),
        None => found.push(Finding::good(
            "public_url",
            "public_url is not set, and only this machine reaches passkeyd: for development",
        )),
    }
    if open && !settings.tls.is_on() {
        found.push(
            Finding::warning(
                "open_without_tls",
                format!("passkeyd listens on {}, which other machines may reach, and speaks no TLS", settings.listen),
            )
            .because("clients that reach the port directly bypass the proxy, and secrets are sent unencrypted")
            .fix("listen on 127.0.0.1 if the proxy runs on this machine; else let a firewall admit only the proxy, or set tls.certificate_file"),
        );
    }
    let served = url.is_some_and(|url| url.starts_with("https://"));
    if served && !settings.tls.is_on() && settings.trusted_proxies.is_empty() {
        found.push(
            Finding::warning(
                "trusted_proxies",
                "clients reach passkeyd through a proxy, and trusted_proxies is empty",
            )
            .because("events and rate limits have the address of the proxy instead of that of the client")
            .fix("set trusted_proxies to the addresses from which the proxy connects"),
        );
    }
    let is_wide = |network: &IpNet| network.prefix_len() < WIDEST_PRIVATE;
    let mut networks = settings.trusted_proxies.iter().map(|network| network.0);
    if let Some(network) = networks.find(is_wide) {
        found.push(
            Finding::problem("trusted_proxies", format!("trusted_proxies has {network}, which no proxy needs"))
                .because("every client in it can claim any address in X-Forwarded-For, so limits by address do not hold and events have wrong addresses")
                .fix("set trusted_proxies to the addresses from which the proxy connects"),
        );
    }
    if let Some(metrics) = &settings.metrics.listen
        && others_reach(metrics).await
    {
        found.push(
            Finding::warning(
                "metrics_open",
                format!("the metrics are served on {metrics}, which other machines may reach"),
            )
            .because("they have no authentication")
            .fix("let a firewall admit only your monitoring"),
        );
    }
    if served && !settings.production {
        found.push(
            Finding::warning(
                "production",
                "`production` is not set, and public_url begins with https://",
            )
            .because("passkeyd would start with settings that are for tests only")
            .fix("set production = true if real users sign in here"),
        );
    }
}

fn for_tests(settings: &Settings, found: &mut Vec<Finding>) {
    for (key, on) in [
        ("fido.conformance", settings.fido.conformance),
        ("fido.test_page", settings.fido.test_page),
    ] {
        if on {
            found.push(
                Finding::problem(key, format!("`{key}` is on"))
                    .because("anyone may register any name")
                    .fix("remove it, unless this system is for tests only"),
            );
        }
    }
}

async fn others_reach(listen: &Listen) -> bool {
    let addresses = listen.addresses().await.unwrap_or_default();
    addresses.iter().any(|address| !address.ip().is_loopback())
}

fn is_this_machine(url: &str) -> bool {
    let url = PublicUrl::new(url);
    let host = url.host().trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether there is a master key that can be used. `sealed`: whether the keys in the store are sealed, if the store has said it.
pub fn master_key(settings: &Settings, sealed: Option<bool>) -> Finding {
    let source = crate::master_key::source(settings);
    match (crate::master_key::keys(settings), source) {
        (Err(error), _) => Finding::problem("master_key", error.to_string())
            .because("passkeyd does not start")
            .fix("correct the file, or set the master key in another way: docs/operations.md, \"The master key\""),
        (Ok(Some(keys)), Some(source)) => {
            let more = if keys.previous.is_some() {
                "; the one before is set too: run `passkeyd master-key reseal`, then remove it"
            } else {
                ""
            };
            let found = format!("the master key comes from {source}{more}");
            match &crate::master_key::unused(settings, keys.current.id())[..] {
                [] => Finding::good("master_key", found),
                [(other, id), ..] => Finding::warning("master_key", found)
                    .because(format!("{other} has another one, {id}, which is not used"))
                    .fix("remove the one that is not wanted"),
            }
        }
        _ if sealed.is_none() && crate::master_key::beside(settings).is_some() => {
            Finding::good("master_key", "the first start makes a master key beside the database")
        }
        _ => {
            let found = "no master key is set: the keys in the store are not sealed";
            let finding = if settings.production {
                Finding::problem("master_key", found)
            } else {
                Finding::warning("master_key", found)
            };
            finding
                .because("a copy of the database can make access keys and tokens")
                .fix("passkeyd master-key create FILE, and set master_key_file = FILE on each node")
        }
    }
}

/// The certificate of the listeners, at a time in Unix seconds.
fn certificate(settings: &Settings, now: i64) -> Option<Finding> {
    let loaded = match tls::load(&settings.tls) {
        Ok(loaded) => loaded?,
        Err(error) => {
            return Some(
                Finding::problem("tls", error.to_string())
                    .because("passkeyd does not start, and a running server keeps the certificate that it has")
                    .fix("write the certificate, its issuers and its key to the files as PEM"),
            );
        }
    };
    let renew = "renew it; a running server reads the files again when they change";
    if let Some(ends) = loaded.ends.filter(|ends| *ends < now) {
        let end = UnixSeconds(ends);
        return Some(
            Finding::problem("tls", format!("the certificate ended at {end}"))
                .because("browsers do not connect")
                .fix(renew),
        );
    }
    let public = settings.public_url.as_deref().map(PublicUrl::new);
    if let Some(url) = public.filter(|url| !loaded.is_for(url.host())) {
        let host = url.host();
        return Some(
            Finding::warning("tls", format!("the certificate is not one of {host}, the host of public_url"))
                .because("clients that connect to passkeyd by this name refuse it, unless a proxy with a certificate of its own is in front of it")
                .fix(format!("get a certificate that has {host} among its names")),
        );
    }
    let Some(ends) = loaded.ends else {
        return Some(Finding::good(
            "tls",
            "the certificate and its key belong together",
        ));
    };
    let end = UnixSeconds(ends);
    Some(if ends - now < SOON {
        Finding::warning("tls", format!("the certificate ends at {end}"))
            .because("browsers do not connect after that")
            .fix(renew)
    } else {
        Finding::good("tls", format!("the certificate is valid until {end}"))
    })
}

/// Private networks have prefixes of this length or longer (`10.0.0.0/8`, `fd00::/8`).
const WIDEST_PRIVATE: u8 = 8;

/// The bits of a mode below those of the owner: all of them are 0 if nobody else has a right.
const OWNERS_BITS: u32 = 6;

/// Whether others may read a file or enter a directory.
fn permissions(path: &Path, holds: &str, found: &mut Vec<Finding>) {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.mode().trailing_zeros() >= OWNERS_BITS => {
            found.push(Finding::good("permissions", format!("only its owner can use {shown}")));
        }
        Ok(metadata) => {
            let (mode, right) = if metadata.is_dir() {
                (metadata.mode() & 0o777, "700")
            } else {
                (metadata.mode() & 0o777, "600")
            };
            found.push(
                Finding::warning("permissions", format!("{shown} has the mode {mode:o}"))
                    .because(format!("other users of this machine may read it, and {holds}"))
                    .fix(format!("chmod {right} {shown}")),
            );
        }
        Err(error) => found.push(
            Finding::warning("permissions", format!("cannot look at {shown}: {error}"))
                .because("its mode is not known")
                .fix("run the command as the user that passkeyd runs as, with the settings of the server"),
        ),
    }
}

fn disk(directory: &Path, found: &mut Vec<Finding>) {
    let Ok(space) = rustix::fs::statvfs(directory) else {
        return;
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let megabytes = free >> 20;
    let what = format!("{megabytes} MiB are free on the disk of the store");
    found.push(if free >= LITTLE {
        Finding::good("disk", what)
    } else {
        let finding = if free < TOO_LITTLE {
            Finding::problem("disk", what)
        } else {
            Finding::warning("disk", what)
        };
        finding
            .because("on a full disk no one can register or sign in")
            .fix("free space, or run `passkeyd compact` while passkeyd is stopped")
    });
}
