//! The address of a PostgreSQL store.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// They are not.
    Off,
    /// They are, and the server proves its name.
    Verified,
}

/// The address of a PostgreSQL store: `postgres://user@host[:port][,host2[:port]]/database[?...]`.
///
/// Beside the parameters of PostgreSQL it knows `schema` (the schema of the tables, `public` unless given), `pool` (most
/// connections of this process), `prepare` (`yes`: each connection prepares its statements once), `sslmode` (`disable`, or `verify-full`, which `require` means too), and `sslrootcert` (a file
/// with the certificates that are trusted, instead of Mozilla's).
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    text: String,
    pub(super) config: tokio_postgres::Config,
    pub(super) schema: String,
    pub(super) pool: usize,
    /// Statements are prepared once for each connection, which must lead to one session of the engine then.
    pub(super) prepare: bool,
    pub(super) encryption: Encryption,
    pub(super) roots: Option<PathBuf>,
}

/// Why a text is not the address of a PostgreSQL store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresUrlError {
    /// Its form.
    #[error("expected postgres://user@host[:port]/database[?...]")]
    Form,
    /// A parameter that is not one of passkeyd or of the driver, or that the driver cannot read.
    #[error("the parameter {0} of the address of the store is unknown, or its value is wrong")]
    Unreadable(String),
    /// A parameter has a value that it cannot have.
    #[error(
        "the parameter {name} of the address of the store has a wrong value; expected {expected}"
    )]
    Parameter {
        /// Its name.
        name: &'static str,
        /// What it can be.
        expected: &'static str,
    },
}

/// Connections of a process, unless the address says how many.
const POOL: usize = 8;

/// How long the opening of a connection may take, for each host.
const CONNECT: Duration = Duration::from_secs(2);

impl PostgresUrl {
    /// The same with this password, unless the address has one.
    #[must_use]
    pub fn with_password(mut self, password: Option<&str>) -> Self {
        if let (None, Some(password)) = (self.config.get_password(), password) {
            self.config.password(password);
        }
        self
    }

    /// The same with its tables in this schema.
    #[must_use]
    pub fn with_schema(mut self, schema: &str) -> Self {
        schema.clone_into(&mut self.schema);
        self
    }

    /// The same; each connection prepares its statements once.
    #[must_use]
    pub fn with_prepared_statements(mut self) -> Self {
        self.prepare = true;
        self
    }

    /// The schema of its tables.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The schema as a statement names it.
    pub(super) fn quoted_schema(&self) -> String {
        format!("\"{}\"", self.schema.replace('"', "\"\""))
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

impl FromStr for PostgresUrl {
    type Err = PostgresUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let mut kept: Vec<&str> = Vec::new();
        let (mut schema, mut pool, mut mode, mut roots) = ("public".to_owned(), POOL, None, None);
        let mut prepare = false;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(PostgresUrlError::Form)?;
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| PostgresUrlError::Form)?;
            match name {
                "schema" if !value.is_empty() && !value.contains('\0') => {
                    schema = value.into_owned();
                }
                "schema" => {
                    return Err(PostgresUrlError::Parameter {
                        name: "schema",
                        expected: "a name",
                    });
                }
                "pool" => {
                    let wrong = PostgresUrlError::Parameter {
                        name: "pool",
                        expected: "a number from 1 to 1000",
                    };
                    pool = value.parse().map_err(|_| wrong.clone())?;
                    if !(1..=1000).contains(&pool) {
                        return Err(wrong);
                    }
                }
                "prepare" => {
                    prepare = match &*value {
                        "yes" => true,
                        "no" => false,
                        _ => {
                            return Err(PostgresUrlError::Parameter {
                                name: "prepare",
                                expected: "yes or no",
                            });
                        }
                    }
                }
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => roots = Some(PathBuf::from(value.as_ref())),
                _ => kept.push(pair),
            }
        }
        let mut address = base.to_owned();
        if !kept.is_empty() {
            address = format!("{base}?{}", kept.join("&"));
        }
        let read = |text: &str| text.parse::<tokio_postgres::Config>();
        // One by one, because the error of the driver may have a value, such as a password.
        let unreadable = || {
            let wrong = |pair: &&&str| read(&format!("{base}?{pair}")).is_err();
            let pair = kept.iter().find(wrong).filter(|_| read(base).is_ok());
            let name = pair.and_then(|pair| pair.split('=').next());
            name.map_or(PostgresUrlError::Form, |name| {
                PostgresUrlError::Unreadable(name.to_owned())
            })
        };
        let mut config = read(&address).map_err(|_| unreadable())?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(PostgresUrlError::Form);
        }
        let encryption = match mode.as_deref() {
            None if config.get_hosts().iter().all(is_local) => Encryption::Off,
            None | Some("require" | "verify-full") => Encryption::Verified,
            Some("disable") => Encryption::Off,
            Some(_) => {
                return Err(PostgresUrlError::Parameter {
                    name: "sslmode",
                    expected: "disable, require or verify-full",
                });
            }
        };
        config
            .ssl_mode(match encryption {
                Encryption::Off => SslMode::Disable,
                Encryption::Verified => SslMode::Require,
            })
            .application_name("passkeyd")
            .connect_timeout(CONNECT)
            .tcp_user_timeout(Duration::from_secs(3))
            .keepalives_idle(Duration::from_secs(5))
            .keepalives_interval(Duration::from_secs(1))
            .keepalives_retries(3)
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self {
            text: text.to_owned(),
            config,
            schema,
            pool,
            prepare,
            encryption,
            roots,
        })
    }
}

/// The address without its password.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.text.split_once("//").unwrap_or((&self.text, ""));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split('?').next().unwrap_or_default();
        match authority.rsplit_once('@') {
            Some((user, hosts)) => {
                let user = user.split(':').next().unwrap_or_default();
                write!(f, "{scheme}//{user}@{hosts}{path}")
            }
            None => write!(f, "{scheme}//{authority}{path}"),
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PostgresUrl, PostgresUrlError> {
        text.parse()
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let url = read("postgres://ann:secret@db1:5433,db2/passkeyd?schema=a%22b&pool=3").unwrap();
        assert_eq!(url.to_string(), "postgres://ann@db1:5433,db2/passkeyd");
        assert_eq!(
            format!("{url:?}"),
            "PostgresUrl(postgres://ann@db1:5433,db2/passkeyd)"
        );
        assert_eq!(url.quoted_schema(), "\"a\"\"b\"");
        assert_eq!((url.pool, url.config.get_hosts().len()), (3, 2));
        let other = read("postgresql://db/passkeyd?password=secret").unwrap();
        assert_eq!(other.to_string(), "postgresql://db/passkeyd");
    }

    #[test]
    fn connections_are_encrypted_and_verified_except_on_this_machine() {
        for (text, encryption) in [
            ("postgres://a@localhost/d", Encryption::Off),
            ("postgres://a@127.0.0.1:1,[::1]:2/d", Encryption::Off),
            ("postgres://a@localhost,db/d", Encryption::Verified),
            ("postgres://a@db/d", Encryption::Verified),
            ("postgres://a@db/d?sslmode=require", Encryption::Verified),
            (
                "postgres://a@localhost/d?sslmode=verify-full",
                Encryption::Verified,
            ),
            ("postgres://a@db/d?sslmode=disable", Encryption::Off),
        ] {
            assert_eq!(read(text).unwrap().encryption, encryption, "{text}");
        }
        for mode in ["prefer", "allow", "verify-ca", ""] {
            let text = format!("postgres://a@db/d?sslmode={mode}");
            assert!(matches!(
                read(&text),
                Err(PostgresUrlError::Parameter { .. })
            ));
        }
    }

    #[test]
    fn statements_are_prepared_where_the_address_says_so() {
        for (text, prepare) in [
            ("postgres://a@db/d", false),
            ("postgres://a@db/d?prepare=no", false),
            ("postgres://a@db/d?pool=2&prepare=yes", true),
        ] {
            assert_eq!(read(text).unwrap().prepare, prepare, "{text}");
        }
        for wrong in ["", "true", "YES"] {
            let text = format!("postgres://a@db/d?prepare={wrong}");
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains("yes or no"), "{error}");
        }
    }

    #[test]
    fn an_address_names_its_host_and_its_database() {
        for wrong in [
            "postgres://",
            "postgres:///d",
            "postgres://a@db",
            "postgres://a@db/d?pool",
            "http://db/d",
        ] {
            assert_eq!(
                read(wrong).map(drop),
                Err(PostgresUrlError::Form),
                "{wrong}"
            );
        }
        for (wrong, name) in [
            ("sslmod=disable", "sslmod"),
            ("pool=2&connect_timeout=soon", "connect_timeout"),
        ] {
            let text = format!("postgres://a@db/d?keepalives=1&{wrong}");
            let expected = PostgresUrlError::Unreadable(name.to_owned());
            assert_eq!(read(&text).map(drop), Err(expected), "{wrong}");
        }
        for wrong in ["pool=0", "pool=1001", "pool=x", "schema="] {
            let text = format!("postgres://a@db/d?{wrong}");
            assert!(
                matches!(read(&text), Err(PostgresUrlError::Parameter { .. })),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_password_from_elsewhere_does_not_replace_that_of_the_address() {
        let url = read("postgres://a:b@db/d")
            .unwrap()
            .with_password(Some("c"));
        assert_eq!(url.config.get_password(), Some(&b"b"[..]));
        let url = read("postgres://a@db/d").unwrap().with_password(Some("c"));
        assert_eq!(url.config.get_password(), Some(&b"c"[..]));
    }
}
