//! The products whose files are read, and what an operator says about a file.

use clap::ValueEnum;

use super::names::NAMES;
use super::rows::{is_at, plain_path};
use super::table::Csv;

/// The product that has written a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// An export of passkeyd.
    Passkeyd,
    /// Tables that are shaped as the documentation of `SimpleWebAuthn` says: CSV, NDJSON or a JSON list.
    Simplewebauthn,
    /// `Passkey` of webauthn-rs as JSON, with a user beside it.
    WebauthnRs,
    /// `Credential` of go-webauthn as JSON, with a user beside it.
    GoWebauthn,
    /// The tables of Hanko, joined.
    Hanko,
    /// The table of Passwordless.dev, or its API.
    Passwordless,
    /// The export of a realm of Keycloak.
    Keycloak,
    /// Identities of Ory Kratos.
    Kratos,
    /// The requests and responses of `FusionAuth`.
    Fusionauth,
    /// Rows of ASP.NET Core Identity.
    Aspnet,
}

/// Where the user handle of a passkey is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HandleRule {
    /// The bytes of the column of the handle.
    Given,
    /// The letters of the column of the handle, as UTF-8.
    GivenText,
    /// The letters of the user's id, as UTF-8.
    IdText,
    /// The 16 bytes of the user's id, which is a UUID.
    IdUuid,
}

/// What a caller has said about a file.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Where user handles are from, against the rule of the source.
    pub handle: Option<HandleRule>,
    /// The member that has the name of the user, against those of the source.
    pub user: Option<String>,
    /// By which rule CSV is written, if it may be read.
    pub csv: Option<Csv>,
    /// Whether second factors are imported too.
    pub second_factors: bool,
    /// Whether passkeys and users are imported too that cannot sign in with the other product.
    pub include_disabled: bool,
    /// Members that are ignored, with all below them: none of them says whether somebody may sign in. Set by [`ignoring`](Self::ignoring).
    pub ignored: Vec<String>,
}

impl Told {
    /// The same, with these members ignored.
    #[must_use]
    pub fn ignoring(self, names: &[String]) -> Self {
        let names = names.iter().map(|name| name.trim_end_matches(".*"));
        Self {
            ignored: names.map(plain_path).collect(),
            ..self
        }
    }

    /// The member that has the name of the user, as a plain path.
    pub(super) fn user_path(&self) -> Option<String> {
        self.user.as_deref().map(plain_path)
    }

    /// Which of the ignored members this one is, or is below.
    pub(super) fn ignores(&self, path: &str) -> Option<usize> {
        self.ignored.iter().position(|ignored| is_at(path, ignored))
    }
}

impl Source {
    /// Its name, as `--from` has it.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The members that can name the user, the most wanted first.
    pub(super) fn user_names(self) -> &'static [&'static str] {
        match self {
            Self::Kratos => &["traits.username", "traits.email", "id"],
            Self::Keycloak => &["username"],
            _ => NAMES.user,
        }
    }

    /// Whether a list is one of records, each of which names its user, and not one of a user.
    pub(super) fn lists_records(self) -> bool {
        matches!(self, Self::Fusionauth | Self::Passwordless)
    }
}
