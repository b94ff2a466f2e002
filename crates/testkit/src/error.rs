//! What can go wrong while the authenticator answers.

/// Why the authenticator gave no answer. The first three are what a browser would tell its page.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// An identifier of `excludeCredentials` is held here already; a browser raises `InvalidStateError`.
    #[error("a credential of excludeCredentials is already on this authenticator")]
    Excluded,
    /// No credential of the Relying Party answers the request; a browser raises `NotAllowedError`.
    #[error("no credential of `{rp_id}` on this authenticator answers the request")]
    NoCredential {
        /// The Relying Party that asked.
        rp_id: String,
    },
    /// None of the offered algorithms is in the profile; a browser raises `NotSupportedError`.
    #[error("none of the offered algorithms {offered:?} is one of this authenticator's")]
    NoCommonAlgorithm {
        /// COSE numbers of `pubKeyCredParams`, in the order offered.
        offered: Vec<i64>,
    },
    /// The options are not what `WebAuthn` section 5.4 or 5.5 demands of them.
    #[error("options: `{member}` {problem}")]
    Options {
        /// Dotted path of the member.
        member: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The profile asks for a combination that does not exist, such as a TPM with an Ed25519 key.
    #[error("profile: {0}")]
    Unsupported(&'static str),
    /// The cryptography library refused, which on a healthy machine it never does.
    #[error("cryptography: {0}")]
    Crypto(String),
    /// The catalogue of changes, or where its cases go.
    #[error("corpus: {0}")]
    Corpus(String),
}

impl Error {
    /// The name of the `DOMException` that a browser would raise.
    pub fn dom_exception(&self) -> &'static str {
        match self {
            Self::Excluded => "InvalidStateError",
            Self::NoCredential { .. } => "NotAllowedError",
            Self::NoCommonAlgorithm { .. } | Self::Unsupported(_) => "NotSupportedError",
            Self::Options { .. } => "TypeError",
            Self::Crypto(_) | Self::Corpus(_) => "OperationError",
        }
    }

    pub(crate) fn options(member: &str, problem: impl Into<String>) -> Self {
        Self::Options {
            member: member.to_owned(),
            problem: problem.into(),
        }
    }

    pub(crate) fn crypto(problem: impl std::fmt::Display) -> Self {
        Self::Crypto(problem.to_string())
    }

    pub(crate) fn corpus(problem: impl std::fmt::Display) -> Self {
        Self::Corpus(problem.to_string())
    }
}
