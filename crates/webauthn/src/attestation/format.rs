//! The formats whose statements are verified, and their dispatch (7.1 steps 21-22).

use super::error::AttestationError;
use super::policy::{AttestationPolicy, SafetyNetPolicy};
use super::subject::{Attested, Subject};
use super::{android_key, android_safetynet, apple, compound, fido_u2f, none, packed, tpm};

/// Most characters of a format's name.
const MAX_FORMAT_NAME: usize = 32;

/// The name of a format whose statements are not judged: 8.1 wants 1 to 32 visible ASCII characters but `"` and `\`.
pub(crate) fn recordable_name(name: &str) -> Result<&str, AttestationError> {
    let visible = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if (1..=MAX_FORMAT_NAME).contains(&name.len()) && name.bytes().all(visible) {
        Ok(name)
    } else {
        Err(unsupported(name))
    }
}

fn unsupported(name: &str) -> AttestationError {
    AttestationError::FormatUnsupported {
        format: name.chars().take(MAX_FORMAT_NAME).collect(),
    }
}

macro_rules! formats {
    ($( $variant:ident = $name:expr, $section:literal, $procedure:expr; )+) => {
        /// A format whose statements are verified.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Format { $( $variant, )+ }

        impl Format {
            const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The registered name.
            pub(crate) const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// The section of the specification that has its procedure.
            pub(crate) const fn section(self) -> &'static str {
                match self { $( Self::$variant => $section, )+ }
            }

            fn procedure(self) -> Procedure {
                match self { $( Self::$variant => $procedure, )+ }
            }
        }
    };
}

/// 7.1 step 22: the procedure of a format. All but `compound` return one outcome.
type Procedure = for<'s, 'a> fn(&Subject<'s, 'a>) -> Result<Vec<Attested<'a>>, AttestationError>;

// The name, the section of the specification, and the procedure.
formats! {
    None = none::FORMAT, "8.7", |subject| none::verify(subject).map(one);
    Packed = packed::FORMAT, "8.2", |subject| packed::verify(subject).map(one);
    Tpm = tpm::FORMAT, "8.3", |subject| tpm::verify(subject).map(one);
    AndroidKey = android_key::FORMAT, "8.4", |subject| android_key::verify(subject).map(one);
    AndroidSafetyNet = android_safetynet::FORMAT, "8.5",
        |subject| android_safetynet::verify(subject).map(one);
    FidoU2f = fido_u2f::FORMAT, "8.6", |subject| fido_u2f::verify(subject).map(one);
    Apple = apple::FORMAT, "8.8", |subject| apple::verify(subject).map(one);
    Compound = compound::FORMAT, "8.9", |subject| compound::verify(subject, verify_named);
}

fn one(attested: Attested<'_>) -> Vec<Attested<'_>> {
    vec![attested]
}

fn verify_named<'a>(
    name: &str,
    subject: &Subject<'_, 'a>,
) -> Result<Vec<Attested<'a>>, AttestationError> {
    Format::of(name, subject.policy)?.verify(subject)
}

impl Format {
    /// 7.1 step 21: format names are compared case-sensitively. A format that the policy does not accept is not supported.
    pub(crate) fn of(name: &str, policy: &AttestationPolicy) -> Result<Self, AttestationError> {
        let mut known = Self::ALL.iter().copied();
        let known = known.find(|format| format.name() == name);
        let accepted = known.filter(|format| match format {
            Self::AndroidSafetyNet => policy.android_safetynet != SafetyNetPolicy::Refused,
            _ => true,
        });
        accepted.ok_or_else(|| unsupported(name))
    }

    /// 7.1 step 22: the format's own procedure.
    pub(crate) fn verify<'a>(
        self,
        subject: &Subject<'_, 'a>,
    ) -> Result<Vec<Attested<'a>>, AttestationError> {
        self.procedure()(subject)
    }
}
