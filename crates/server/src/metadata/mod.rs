//! Metadata of the FIDO Metadata Service in a running process: which signers are trusted, taking over imports of other nodes,
//! and fetching on a schedule.

mod fetch;
#[cfg(test)]
mod tests;

use domain::model::text::is_control;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use domain::Passkeys;
use domain::Reason;
use domain::model::clock::Timestamp;
use domain::model::metadata::MetadataSource;
use domain::model::refusal::Refusal;
use domain::service::metadata::{ImportedMetadata, MetadataInUse, MetadataState, MetadataTrust};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use webauthn::credential::Aaguid;
use webauthn::metadata::{Dropped, DroppedPart, Part};
use webauthn::x509::is_certificate;
use webauthn::x509::is_revocation_list;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use crate::config::{ConfigError, Metadata};
use crate::pem;
use fetch::{Fetched, Fetcher};

/// Time after which this node uses another node's import.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Time between two warnings about the same fault.
const WARN_EVERY_MS: i64 = 24 * 3_600_000;
/// The first pause after a failed fetch; it doubles with each further one, up to the interval.
const FIRST_RETRY: Duration = Duration::from_mins(1);
/// Most bytes of a file with certificates or names.
const MAX_FILE: u64 = 1024 * 1024;
/// Most characters of a provider's name.
const MAX_NAME: usize = 128;

/// SHA-256 of the certificates below which the FIDO Alliance's signer is: "`GlobalSign` Root CA - R3", and "`GlobalSign` Root
/// R46" to which the signer moved in August 2026. Chains that are cross-signed end with either.
const FIDO_ROOTS: [[u8; 32]; 2] = [
    [
        0xcb, 0xb5, 0x22, 0xd7, 0xb7, 0xf1, 0x27, 0xad, 0x6a, 0x01, 0x13, 0x86, 0x5b, 0xdf, 0x1c,
        0xd4, 0x10, 0x2e, 0x7d, 0x07, 0x59, 0xaf, 0x63, 0x5a, 0x7c, 0xf4, 0x72, 0x0d, 0xc9, 0x63,
        0xc5, 0x3b,
    ],
    [
        0x4f, 0xa3, 0x12, 0x6d, 0x8d, 0x3a, 0x11, 0xd1, 0xc4, 0x85, 0x5a, 0x4f, 0x80, 0x7c, 0xba,
        0xd6, 0xcf, 0x91, 0x9d, 0x3a, 0x5a, 0x88, 0xb0, 0x3b, 0xea, 0x2c, 0x63, 0x72, 0xd9, 0x3c,
        0x40, 0xc9,
    ],
];

/// The settings for metadata, with the content of their files.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The trusted signers.
    pub trust: MetadataTrust,
    /// The operator's names of providers.
    pub names: BTreeMap<Aaguid, String>,
}

impl Sources {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// A file cannot be read, or has other content.
    pub fn load(settings: &Metadata) -> Result<Self, ConfigError> {
        let signer_name = settings.signer_name.trim();
        Ok(Self {
            trust: MetadataTrust {
                roots: roots(settings.roots_file.as_deref())?,
                revocation_lists: revocation_lists(&settings.revocation_list_files)?,
                signer_name: (!signer_name.is_empty()).then(|| signer_name.to_owned()),
            },
            names: match &settings.extra_names_file {
                Some(file) => names(file)?,
                None => BTreeMap::new(),
            },
        })
    }
}

fn invalid(key: &'static str, why: String) -> ConfigError {
    ConfigError::Invalid { key, why }
}

fn revocation_lists(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, ConfigError> {
    const KEY: &str = "metadata.revocation_list_files";
    files
        .iter()
        .map(|file| {
            let list = read_bytes(KEY, file)?;
            // The core ignores a list that it cannot read, so the operator would not notice.
            if is_revocation_list(&list) {
                Ok(list)
            } else {
                let why = "it is not a certificate revocation list in DER";
                Err(invalid(KEY, format!("{}: {why}", file.display())))
            }
        })
        .collect()
}

fn roots(file: Option<&Path>) -> Result<Vec<Vec<u8>>, ConfigError> {
    const KEY: &str = "metadata.roots_file";
    let Some(file) = file else {
        let roots: Vec<_> = TLS_SERVER_ROOT_CERTS
            .iter()
            .filter(|certificate| {
                let found = digest(&SHA256, certificate);
                FIDO_ROOTS.iter().any(|root| found.as_ref() == root)
            })
            .map(|certificate| certificate.to_vec())
            .collect();
        // Mozilla's list may drop these roots in a later edition.
        if roots.is_empty() {
            return Err(invalid(
                KEY,
                "this build has no root certificate for the FIDO Alliance's metadata; name a PEM file with \
                 \"GlobalSign Root CA - R3\" and \"GlobalSign Root R46\", from https://support.globalsign.com/ca-certificates"
                    .to_owned(),
            ));
        }
        return Ok(roots);
    };
    let wrong = |why: String| invalid(KEY, format!("{}: {why}", file.display()));
    let certificates = pem::Certificates::try_from(read(KEY, file)?)
        .map_err(|error| wrong(error.to_string()))?
        .0;
    // The core ignores an anchor that it cannot read, so the operator would not notice.
    if let Some(index) = certificates.iter().position(|der| !is_certificate(der)) {
        return Err(wrong(format!("certificate {} cannot be read", index + 1)));
    }
    Ok(certificates)
}

fn names(file: &Path) -> Result<BTreeMap<Aaguid, String>, ConfigError> {
    const KEY: &str = "metadata.extra_names_file";
    let wrong = |why: String| invalid(KEY, format!("{}: {why}", file.display()));
    let names: BTreeMap<String, String> = serde_json::from_str(&read(KEY, file)?)
        .map_err(|error| wrong(format!("expected {{\"<aaguid>\": \"<name>\"}}: {error}")))?;
    let mut known = BTreeMap::new();
    for (aaguid, name) in names {
        let key = aaguid.parse::<Aaguid>().map_err(|_| {
            wrong(format!(
                "`{aaguid}` is not an AAGUID such as 00112233-4455-6677-8899-aabbccddeeff"
            ))
        })?;
        if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(is_control)
        {
            return Err(wrong(format!(
                "the name of {aaguid} must have 1 to {MAX_NAME} characters and no control characters"
            )));
        }
        if known.insert(key, name).is_some() {
            return Err(wrong(format!("{aaguid} occurs twice")));
        }
    }
    Ok(known)
}

fn read(key: &'static str, file: &Path) -> Result<String, ConfigError> {
    String::from_utf8(read_bytes(key, file)?)
        .map_err(|error| invalid(key, format!("{}: {}", file.display(), error.utf8_error())))
}

fn read_bytes(key: &'static str, file: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    match read {
        Ok(length) if length as u64 > MAX_FILE => Err(invalid(
            key,
            format!("{} is larger than {MAX_FILE} bytes", file.display()),
        )),
        Ok(_) => Ok(bytes),
        Err(error) => Err(invalid(key, format!("{}: {error}", file.display()))),
    }
}

/// Verifies a BLOB and uses it.
///
/// # Errors
/// Those of [`Passkeys::import_metadata`].
pub(crate) async fn import(
    passkeys: &Arc<Passkeys>,
    blob: impl AsRef<[u8]> + Send + 'static,
    source: MetadataSource,
) -> Result<ImportedMetadata, Refusal> {
    let domain = Arc::clone(passkeys);
    let imported =
        aside(async move { domain.import_metadata(blob.as_ref(), source).await }).await?;
    if imported.is_new() {
        tracing::info!(
            no = imported.now.metadata.no(),
            next_update = imported.now.metadata.next_update(),
            models = imported.now.metadata.entries().len(),
            source = source.name(),
            "metadata imported"
        );
        warn_of_dropped(&imported.now);
    }
    Ok(imported)
}

/// Logs what could not be read, one line for each kind.
fn warn_of_dropped(in_use: &MetadataInUse) {
    for (part, dropped) in in_use.metadata.dropped().iter() {
        let named: Vec<_> = dropped.named.iter().map(named).collect();
        tracing::warn!(
            no = in_use.metadata.no(),
            what = part.name(),
            count = dropped.count,
            not_named = not_named(dropped),
            named = named.join("; "),
            "{}",
            match part {
                Part::SecondEntry =>
                    "the metadata has several entries about a model; all of them count",
                _ => "a part of the metadata could not be read",
            }
        );
    }
}

/// One line about what could not be read in one entry. The texts come from outside.
pub(crate) fn named(dropped: &Dropped) -> String {
    let entry = dropped.entry.map(|index| format!("entry {index}"));
    let model = dropped.model.as_ref().map(|model| format!("({model})"));
    let count = (dropped.count > 1).then(|| format!("({} of them)", dropped.count));
    let place = (!dropped.place.is_empty()).then(|| format!("at {}", dropped.place));
    let words: Vec<_> = [entry, model, count, place].into_iter().flatten().collect();
    format!("{}: {}", words.join(" "), dropped.why)
}

/// The number of faults of a kind in entries that are not named.
pub(crate) fn not_named(dropped: &DroppedPart) -> usize {
    let named: usize = dropped.named.iter().map(|one| one.count).sum();
    dropped.count.saturating_sub(named)
}

/// Loads the metadata of the store. A fault is logged: only Relying Parties whose policy demands metadata get refusals.
pub(crate) async fn look(passkeys: &Arc<Passkeys>) {
    let domain = Arc::clone(passkeys);
    match aside(async move { domain.refresh_metadata().await }).await {
        Ok(false) => {}
        Ok(true) => {
            if let Some(in_use) = passkeys.metadata() {
                tracing::info!(
                    no = in_use.metadata.no(),
                    next_update = in_use.metadata.next_update(),
                    models = in_use.metadata.entries().len(),
                    "metadata loaded"
                );
                warn_of_dropped(&in_use);
            } else {
                tracing::warn!("the metadata was removed from the store and is not used any more");
            }
        }
        Err(refusal) => {
            tracing::error!(
                reason = refusal.reason.name(),
                error = refusal.message,
                "the metadata in the store is not used"
            );
        }
    }
}

/// Trusts other signers from now on, and verifies the metadata of the store again.
///
/// # Errors
/// Those of [`Passkeys::replace_metadata_trust`].
pub(crate) async fn replace_trust(
    passkeys: &Arc<Passkeys>,
    Sources { trust, names }: Sources,
) -> Result<(), Refusal> {
    let domain = Arc::clone(passkeys);
    aside(async move { domain.replace_metadata_trust(trust, names).await }).await
}

/// Runs slow work on a thread that blocks no other task.
async fn aside<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work))
        .await
        .unwrap_or_else(|_| Err(Reason::Internal.into()))
}

/// Maintains the metadata until `stop` becomes true: loads other nodes' imports, reports stale metadata, and fetches newer
/// metadata if an address is configured.
pub(crate) async fn keep(
    passkeys: Arc<Passkeys>,
    settings: Metadata,
    mut stop: watch::Receiver<bool>,
) {
    let work = async {
        tokio::join!(watch(&passkeys), fetch_on_schedule(&passkeys, &settings));
    };
    tokio::select! {
        () = work => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn watch(passkeys: &Arc<Passkeys>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut warned: Option<Timestamp> = None;
    loop {
        ticks.tick().await;
        look(passkeys).await;
        let now = passkeys.now();
        if trouble(&passkeys.metadata_state(), now).is_none() {
            warned = None;
        } else if warned.is_none_or(|at| now.0 - at.0 >= WARN_EVERY_MS) {
            warn(passkeys, now);
            warned = Some(now);
        }
    }
}

fn warn(passkeys: &Passkeys, now: Timestamp) {
    let state = passkeys.metadata_state();
    if let Some(in_use) = state.in_use.filter(|in_use| in_use.is_stale(now)) {
        tracing::warn!(
            no = in_use.metadata.no(),
            next_update = in_use.metadata.next_update(),
            reason = Reason::MetadataStale.name(),
            "the metadata is stale and stays in use"
        );
    }
}

/// The fault of the current metadata, if there is one.
pub(crate) fn trouble(state: &MetadataState, now: Timestamp) -> Option<Reason> {
    match (&state.in_use, &state.problem) {
        (_, Some(problem)) => Some(problem.reason),
        (Some(in_use), None) if in_use.is_stale(now) => Some(Reason::MetadataStale),
        _ => None,
    }
}

async fn fetch_on_schedule(passkeys: &Arc<Passkeys>, settings: &Metadata) {
    let Some(url) = &settings.url else {
        return;
    };
    let mut fetcher = match Fetcher::new(url) {
        Ok(fetcher) => fetcher,
        // The address was checked with the settings.
        Err(error) => {
            tracing::error!(%error, "the metadata cannot be fetched");
            return;
        }
    };
    let interval = Duration::from_secs(settings.interval_seconds);
    let mut pause = FIRST_RETRY;
    let mut last_sent = None;
    loop {
        let wait = if fetch(passkeys, &mut fetcher, &mut last_sent).await {
            pause = FIRST_RETRY;
            interval
        } else {
            let wait = pause.min(interval);
            pause = pause.saturating_mul(2);
            wait
        };
        tokio::time::sleep_until(Instant::now() + wait).await;
    }
}

/// Fetches once. Returns whether it succeeded. `last_sent` is the number of the edition that the service sent last.
async fn fetch(
    passkeys: &Arc<Passkeys>,
    fetcher: &mut Fetcher,
    last_sent: &mut Option<u64>,
) -> bool {
    let in_use = passkeys.metadata().map(|in_use| in_use.metadata.no());
    if in_use < *last_sent {
        // It was removed from the store since. "Not modified" would be no reason to go on without it.
        fetcher.remember(None);
    }
    let (blob, etag) = match fetcher.fetch().await {
        Ok(Fetched::New { blob, etag }) => (blob, etag),
        Ok(Fetched::NotModified) => {
            tracing::debug!("the metadata service has nothing new");
            return true;
        }
        Err(error) => {
            tracing::warn!(
                reason = Reason::MetadataUnavailable.name(),
                %error,
                "the metadata could not be fetched; the current metadata stays in use"
            );
            return false;
        }
    };
    match import(passkeys, blob, MetadataSource::Fetch).await {
        Ok(imported) => {
            fetcher.remember(etag);
            *last_sent = Some(imported.now.metadata.no());
            true
        }
        Err(refusal) => {
            tracing::warn!(
                reason = refusal.reason.name(),
                error = refusal.message,
                "the fetched metadata is refused; the current metadata stays in use"
            );
            false
        }
    }
}
