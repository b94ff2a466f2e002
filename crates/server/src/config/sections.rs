//! The settings by section. One table: the structs, their defaults and the printed reference all come
//! from it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::kinds::{Kind, Listen, LogFormat, LogLevel, LogRequests, Network};

macro_rules! sections {
    ($(
        $(#[doc = $section_doc:literal])+
        $name:ident $prefix:literal {
            $( $(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr => $shown:literal, )+
        }
    )+) => {
        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $name {
                $( $(#[doc = $doc])+ pub $key: $type, )+
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { $( $key: $default, )+ }
                }
            }
        )+

        $(
            // A whole section is no value; its keys are looked at one by one.
            impl Kind for $name {
                const EXPECTED: &'static str = "a section";
            }
        )+

        /// Every section with its keys, for the printed reference.
        pub(super) const REFERENCE: &[Section] = &[
            $( Section {
                prefix: $prefix,
                about: &[$($section_doc),+],
                keys: &[ $( Key {
                    name: stringify!($key),
                    default: $shown,
                    about: &[$($doc),+],
                    expected: <$type as Kind>::EXPECTED,
                    from_text: <$type as Kind>::from_text,
                    fits: <$type as Kind>::fits,
                }, )+ ],
            }, )+
        ];
    };
}

/// A section of the reference.
pub(super) struct Section {
    /// Name of the TOML table, empty for the top level.
    pub prefix: &'static str,
    /// Its description, line by line.
    pub about: &'static [&'static str],
    /// Its keys. A key that is itself a section is not described twice.
    pub keys: &'static [Key],
}

/// A key of the reference.
pub(super) struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its default as shown; empty for a sub-section.
    pub default: &'static str,
    /// Its description, line by line.
    pub about: &'static [&'static str],
    /// What its value has to be, after the word "expected".
    pub expected: &'static str,
    /// Makes a value of a variable's text.
    pub from_text: fn(&str) -> toml::Value,
    /// Whether its value may be this one.
    pub fits: fn(&toml::Value) -> bool,
}

sections! {
    /// Where passkeyd listens, its public address, and where it keeps its data.
    Settings "" {
        /// Address and port to listen on. The address may be a host name. `:8080`, or the port alone, listens on 127.0.0.1;
        /// `0.0.0.0:8080` and `[::]:8080` listen on all addresses. With port 0 the system chooses a port.
        listen: Listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)).into() => "127.0.0.1:8080",
        /// The address that clients use: the base of every URL that passkeyd emits. It may have a path prefix.
        public_url: Option<String> = None => "http://localhost:<port>",
        /// Directory of the embedded store. It is created if it does not exist.
        data_dir: PathBuf = PathBuf::from("passkeyd-data") => "./passkeyd-data",
        /// The store: `sqlite:<path>`, or `postgres://user@host[:port][,host2]/database[?...]` after `passkeyd migrate`. Parameters:
        /// `schema` (`public`), `pool` (connections of this process, 8), `sslmode` (`disable`, or `verify-full`, the default for other
        /// machines), `sslrootcert` (a PEM file instead of Mozilla's roots), and those of PostgreSQL.
        store: Option<String> = None => "sqlite:<data-dir>/passkeyd.db",
        /// Room on the disk of the embedded store that passkeyd keeps for the removal of old records, in MiB: 0 for none, else at least 8. The
        /// file `passkeyd.db.reserve` takes it up until the disk is full. See operations.md.
        disk_reserve_mib: u64 = 32 => "32",
        /// A file with the password of a PostgreSQL store. `PASSKEYD_STORE_PASSWORD` may have it instead.
        store_password_file: Option<PathBuf> = None => "none",
        /// Addresses and networks of the proxies in front of passkeyd. The address of a client is that of its connection; if that is a
        /// trusted proxy, it is the last address in `X-Forwarded-For` that is not a trusted proxy. The header of any other peer has no effect.
        trusted_proxies: Vec<Network> = Vec::new() => "[]",
        /// Whether trusted proxies begin each connection to `listen` with a header of the PROXY protocol (version 1 or 2), which names the
        /// client. If so, a connection of a trusted proxy without this header is closed. From any other peer the header is not valid HTTP, and
        /// is refused.
        proxy_protocol: bool = false => "false",
        /// A file with the master key, under which the keys in the store are sealed: 64 hex digits, readable by its owner alone (0600).
        /// `PASSKEYD_MASTER_KEY` or the systemd credential `passkeyd-master-key` may have it instead. All nodes have the same. Without
        /// one, the embedded store makes a file beside the database.
        master_key_file: Option<PathBuf> = None => "<data-dir>/passkeyd.key",
        /// A file with the master key before this one, while `passkeyd master-key reseal` has yet to run. `PASSKEYD_MASTER_KEY_PREVIOUS`
        /// or the systemd credential `passkeyd-master-key-previous` may have it instead.
        master_key_previous_file: Option<PathBuf> = None => "none",
        /// For real users: passkeyd does not start with settings that are for tests only, without an `https` `public_url`, or with a
        /// PostgreSQL store and no master key.
        production: bool = false => "false",
        /// TLS of the listeners.
        tls: Tls = Tls::default() => "",
        /// Logs.
        log: Log = Log::default() => "",
        /// Metrics.
        metrics: Metrics = Metrics::default() => "",
        /// Traces.
        traces: Traces = Traces::default() => "",
        /// The control socket.
        control: Control = Control::default() => "",
        /// How long ceremonies last.
        ceremonies: Ceremonies = Ceremonies::default() => "",
        /// The Authentication Cloud API.
        nevis: Nevis = Nevis::default() => "",
        /// The console.
        console: Console = Console::default() => "",
        /// Client events.
        client_events: ClientEvents = ClientEvents::default() => "",
        /// Limits of the transport.
        limits: Limits = Limits::default() => "",
        /// Rate limits.
        rates: Rates = Rates::default() => "",
        /// Webhooks.
        webhooks: Webhooks = Webhooks::default() => "",
        /// Metadata about authenticator models.
        metadata: Metadata = Metadata::default() => "",
        /// The FIDO Alliance's REST binding.
        fido: Fido = Fido::default() => "",
        /// What is recorded of ceremonies.
        events: Events = Events::default() => "",
        /// How long old records are kept.
        retention: Retention = Retention::default() => "",
        /// The end of the process.
        shutdown: Shutdown = Shutdown::default() => "",
    }

    /// TLS on `listen` and on the console's own listener, versions 1.2 and 1.3, with HTTP/1.1 and HTTP/2: see proxy.md. Without these files a
    /// proxy has to terminate TLS.
    Tls "tls" {
        /// PEM file with the certificate, followed by those of its issuers. passkeyd reads both files again after SIGHUP, and within 15 seconds
        /// after they have changed.
        certificate_file: Option<PathBuf> = None => "none",
        /// PEM file with the private key of the certificate, readable by its owner alone (0600).
        key_file: Option<PathBuf> = None => "none",
        /// How long browsers use TLS only after a response over TLS (`Strict-Transport-Security`), in seconds. 0: the header is not sent.
        hsts_seconds: u32 = 31_536_000 => "31536000",
    }

    /// What is logged, to standard error.
    Log "log" {
        /// `json`: one object per line; `text`: for people.
        format: LogFormat = LogFormat::Json => "json",
        /// `error`, `warn`, `info` (every request), `debug` (checks of health too) or `trace`.
        level: LogLevel = LogLevel::Info => "info",
        /// `all`: one line for each request; `refused`: only for requests that were refused or failed.
        requests: LogRequests = LogRequests::All => "all",
    }

    /// The local socket through which `passkeyd account` and other administration commands reach a running server.
    Control "control" {
        /// Whether the server listens there. Without it, these commands work on an embedded store only while the server is stopped.
        enabled: bool = true => "true",
        /// The socket. Only the user that passkeyd runs as can use it (mode 0600). With a PostgreSQL store there is none unless this is set.
        path: Option<PathBuf> = None => "beside the store's file: <data-dir>/passkeyd.sock",
    }

    /// Metrics for Prometheus: see monitoring.md.
    Metrics "metrics" {
        /// Address and port of `GET /metrics`. It has no authentication: let only your monitoring reach it. Without this setting there are no
        /// metrics.
        listen: Option<Listen> = None => "none",
    }

    /// Traces of requests for OpenTelemetry: see monitoring.md. Only for a passkeyd that was built with the Cargo feature `opentelemetry`. Any
    /// other one does not start with these settings.
    Traces "traces" {
        /// The URL that spans are posted to (OTLP over HTTP, protocol buffers), for example `http://localhost:4318/v1/traces`. Without it there
        /// are no traces.
        endpoint: Option<String> = None => "none",
        /// The part of all requests that is recorded, from 0 to 1.
        sample_ratio: f64 = 1.0 => "1.0",
        /// Addresses and networks of callers whose `traceparent` decides instead of `sample_ratio`, for example back ends with traces of their
        /// own. List no proxy that passes on the header of its clients.
        trusted_parents: Vec<Network> = Vec::new() => "[]",
        /// A file with headers of these posts, one in each line, for example `Authorization: Bearer abc`. With it, `endpoint` has to begin with
        /// `https://`, unless it leads to this machine.
        headers_file: Option<PathBuf> = None => "none",
    }

    /// How long a browser has for its response. New Relying Parties get these values; existing ones keep theirs.
    Ceremonies "ceremonies" {
        /// Time for a registration, in seconds; at most 600.
        registration_seconds: u32 = 600 => "600",
        /// Time for an authentication, in seconds; at most 600.
        authentication_seconds: u32 = 300 => "300",
    }

    /// The Authentication Cloud API (`/api/v1`, `/_app`). The settings of a Service are in the management API.
    Nevis "nevis" {
        /// Whether this API is served.
        enabled: bool = true => "true",
        /// Whether `GET /ping` needs no access key, for health checks of load balancers.
        open_ping: bool = false => "false",
    }

    /// The console, `/console/`: pages for the people who run passkeyd. They sign in with a passkey; see console.md.
    Console "console" {
        /// Whether it is served.
        enabled: bool = true => "true",
        /// Address and port of a listener of its own, as in `listen`. Then it is not on the main listener.
        listen: Option<Listen> = None => "the main listener",
        /// The address at which browsers reach it, if that is another one than `public_url`. Passkeys of administrators belong to its host.
        public_url: Option<String> = None => "public_url; with `listen`, http://localhost:<its port>",
    }

    /// Client events: what pages with the SDK report of their passkeys. See sdk/README.md.
    ClientEvents "client_events" {
        /// Whether pages may report to `/_app/events`. Only pages of the origins of a Service may. Reports are counted on this node, and name no person.
        enabled: bool = false => "false",
    }

    /// Limits for each client. Lower values are always safe. With higher values a
    /// client can hold more memory and more connections.
    Limits "limits" {
        /// Request line and headers together, in bytes; from 1,024 to 65,536. More is refused with 431.
        header_bytes: usize = 16_384 => "16384",
        /// Number of headers; from 16 to 256. More is refused with 431.
        header_count: usize = 64 => "64",
        /// Body of a request that a back end sends (`/v2`, `/manage`; not an import of metadata), in bytes; from 1,024 to 4,194,304. More is refused with 413.
        body_bytes: usize = 262_144 => "262144",
        /// Body of a request that a browser sends (all other paths), in bytes; from 1,024 to 4,194,304.
        browser_body_bytes: usize = 65_536 => "65536",
        /// Time for the headers after their first byte, in seconds; from 1 to 120.
        header_read_seconds: u64 = 10 => "10",
        /// Time for the whole body, in seconds; from 1 to 300. Then the request is refused and the connection closed.
        body_read_seconds: u64 = 15 => "15",
        /// Time that a client may leave a response unread before the connection is closed, in seconds; from 1 to 300.
        write_seconds: u64 = 30 => "30",
        /// Time that a connection may be idle between two requests, in seconds; from 1 to 3,600.
        idle_seconds: u64 = 75 => "75",
        /// Open connections of the process; from 1 to 1,000,000. More connections are closed at once.
        connections: usize = 20_000 => "20000",
        /// Open connections of one client address (IPv6: of one /64 network). Connections of `trusted_proxies` are not counted.
        connections_per_address: usize = 512 => "512",
    }

    /// How many requests a minute one caller may send to this node. So many may come at once; then one is available again after each
    /// part of the minute. More are refused with 429 and `Retry-After`. 0: no limit. Each node counts on its own, in memory, for the
    /// 65,536 most active keys of each limit.
    Rates "rates" {
        /// Whether there are limits.
        enabled: bool = true => "true",
        /// Requests without credentials, of one client address (IPv6: of one /64 network). Addresses in `trusted_proxies` are not counted. While
        /// `trusted_proxies` is empty, neither are addresses of this machine and of private networks, since they may be a proxy's.
        address_per_minute: u32 = 3000 => "3000",
        /// Wrong secrets, keys and tokens of one client address, counted as for `address_per_minute`. After so many for one account or API key, this
        /// address is refused for it. Requests from other addresses are not.
        wrong_secrets_per_minute: u32 = 60 => "60",
        /// Requests of one account with its secret, an API key or an access key.
        account_per_minute: u32 = 600_000 => "600000",
        /// Ceremonies that one Service starts.
        service_per_minute: u32 = 300_000 => "300000",
        /// Ceremonies that are started for one user.
        user_per_minute: u32 = 600 => "600",
    }

    /// Deliveries to webhooks: see webhooks.md.
    Webhooks "webhooks" {
        /// Networks that webhooks may lead to although they are not public, such as `10.1.0.0/16` or `127.0.0.1`. Whoever may create
        /// webhooks can make passkeyd call every address in them.
        allow_networks: Vec<Network> = Vec::new() => "[]",
    }

    /// Metadata about authenticator models, from the FIDO Metadata Service: see metadata.md.
    Metadata "metadata" {
        /// Where to fetch metadata: `https://`, or `http://` on this machine. The FIDO Alliance's metadata is at
        /// `https://mds3.fidoalliance.org/`. Without this setting nothing is fetched.
        url: Option<String> = None => "none",
        /// Time between two fetches, in seconds; at most 30 days. After a failure the first retry is after one minute.
        interval_seconds: u64 = 86_400 => "86400",
        /// PEM file with the certificates that the metadata's signer must lead to.
        roots_file: Option<PathBuf> = None => "GlobalSign Root CA - R3 and GlobalSign Root R46",
        /// Files with certificate revocation lists (DER). Metadata is refused if a list names a certificate of its signer's chain. You
        /// have to keep the files up to date.
        revocation_list_files: Vec<PathBuf> = Vec::new() => "[]",
        /// The host that the signer's certificate must be for; empty: any signer below the roots.
        signer_name: String = webauthn::metadata::SIGNER_NAME.to_owned() => "mds.fidoalliance.org",
        /// JSON file with more names of providers by AAGUID: `{"<aaguid>": "<name>"}`. They take precedence over the metadata.
        extra_names_file: Option<PathBuf> = None => "none",
    }

    /// The FIDO Alliance's REST binding and its dialect. All of it is off unless set here.
    Fido "fido" {
        /// Serve `/attestation/*`, `/assertion/*` and the dialect to conformance tools: anyone may register any name, and credentials are
        /// verified as the tools expect. Never for real users; with `production` passkeyd does not start.
        conformance: bool = false => "false",
        /// Serve `/attestation/*` and `/assertion/*` to real users. The calls that start a ceremony need the account's secret (HTTP
        /// Basic) or an access key of the Service (Bearer), and credentials are verified as on every API. Not together with
        /// `conformance` or `test_page`.
        binding: bool = false => "false",
        /// Serve the dialect, `/nevisfido/fido2/*`. Unless `conformance` is set too, the calls that start a ceremony or ask for its
        /// status need the account's secret (HTTP Basic) or an access key of the Service (Bearer), and credentials are verified as on every API.
        nevisfido: bool = false => "false",
        /// Serve `/fido2-test.html` and `/test.html`, on which anyone can register any name with the browser client. With
        /// `production` passkeyd does not start.
        test_page: bool = false => "false",
        /// The Service (`VA...`) that all of these serve. Without it, `binding`, `conformance` and `test_page` create a Service
        /// with the host of `public_url`.
        relying_party: Option<String> = None => "none",
    }

    /// What the audit trail records beside every success, refusal and change.
    Events "events" {
        /// Whether each start of a sign-in leaves an event, as each start of a registration does. It costs one durable write for each start, which
        /// writes nothing to disk otherwise, and the room of the event. Anybody who can start sign-ins can fill the trail: keep `[rates]` on.
        sign_in_starts: bool = false => "false",
    }

    /// How long records are kept after they are no longer needed.
    Retention "retention" {
        /// Ceremonies, after they have expired, in hours; from 1 to 8,760.
        ceremonies_hours: u64 = 24 => "24",
        /// Audit events, in days; from 1 to 36,500.
        events_days: u64 = 90 => "90",
        /// Whether the event of a refused ceremony keeps the response and what it was verified against, so that `passkeyd verify --explain`
        /// can verify it again. It is kept as long as the event.
        refused_responses: bool = true => "true",
        /// Time between two sweeps, in seconds; from 1 to 86,400.
        sweep_seconds: u64 = 60 => "60",
    }

    /// What happens after SIGTERM or SIGINT.
    Shutdown "shutdown" {
        /// Time in which passkeyd still serves everything, but `/readyz` says 503, in seconds; at most 300. Behind a load balancer, give it
        /// the time to notice.
        delay_seconds: u64 = 0 => "0",
        /// Time for the requests that are being served, in seconds. Then their connections are closed.
        grace_seconds: u64 = 30 => "30",
    }
}
