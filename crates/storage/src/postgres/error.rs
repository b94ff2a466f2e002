//! Why a PostgreSQL store cannot be opened or migrated.

use std::path::PathBuf;

use domain::store::Fault;

/// Why a store cannot be opened or migrated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresError {
    /// The database does not do its work.
    #[error("the database cannot be used: {0}")]
    Database(#[from] Fault),
    /// It holds no schema.
    #[error(
        "the database has no tables of passkeyd in schema {schema}, or its user may not use them; create them with: passkeyd migrate --store URL"
    )]
    Missing {
        /// The schema that was looked for.
        schema: String,
    },
    /// Its schema is older.
    #[error(
        "the schema of the database has version {found}, and this passkeyd needs version {current}; run: passkeyd migrate --store URL"
    )]
    Older {
        /// Its version.
        found: i64,
        /// The version that is needed.
        current: i64,
    },
    /// Its schema is too new.
    #[error(
        "the schema of the database has version {found}, which a newer passkeyd made; this passkeyd knows version {current} and leaves it alone. Use the newer passkeyd"
    )]
    Newer {
        /// Its version.
        found: i64,
        /// The version that this program knows.
        current: i64,
    },
    /// Another process migrates.
    #[error(
        "another process has been migrating the database for a minute; try again when it is done"
    )]
    Busy,
    /// The certificates that the address names cannot be read.
    #[error("cannot read certificates (PEM) from {}", file.display())]
    Certificates {
        /// The file.
        file: PathBuf,
    },
    /// A pooler is in between, and the address asks for statements that are prepared once.
    #[error(
        "a pooler that lends sessions to others leads to the database (PgBouncer in transaction or statement mode), so statements cannot be prepared once: leave out prepare=yes, or connect to PostgreSQL itself"
    )]
    Pooled,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls,
}
