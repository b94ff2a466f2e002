//! What a new key may do, on the command line.

use clap::Args;

/// What a new key may do.
#[derive(Debug, Args)]
pub(super) struct Allowed {
    /// What the key may be used for: read, enrol, approve, manage. Can be given more than once, or as a list with commas. All of them
    /// without it.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    scopes: Option<Vec<String>>,
    /// The moment from which the key is refused, for example 2027-01-31T12:00:00Z. Without it the key is valid until it is revoked.
    #[arg(long, value_name = "MOMENT")]
    expires_at: Option<String>,
}

impl Allowed {
    /// The scopes and the moment.
    pub(super) fn asked(self) -> (Option<Vec<String>>, Option<String>) {
        (self.scopes, self.expires_at)
    }
}
