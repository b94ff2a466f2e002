//! Certificates as PEM text (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};
use serde::Deserialize;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// Characters of a line.
const LINE: usize = 64;

/// The DER certificates of a PEM text, one or more, in its order.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Certificates(pub(crate) Vec<Vec<u8>>);

/// Why a text holds no certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PemError {
    /// There is none.
    #[error("a PEM text must hold `{BEGIN}`")]
    None,
    /// The end is missing.
    #[error("a certificate in PEM must end with `{END}`")]
    Endless,
    /// The markers of its parts are not in form.
    #[error("a PEM text must mark its parts as in RFC 7468")]
    Form,
    /// Not base64.
    #[error("a certificate in PEM must be base64")]
    Base64,
}

impl TryFrom<String> for Certificates {
    type Error = PemError;

    /// Text around the certificates is allowed (RFC 7468 section 2). Their lines may be joined or indented, as in a text that
    /// came through JSON or a shell: the reader wants the markers on lines of their own.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text
            .replace(BEGIN, &format!("\n{BEGIN}\n"))
            .replace(END, &format!("\n{END}\n"));
        let certificates = CertificateDer::pem_slice_iter(text.as_bytes())
            .map(|certificate| Ok(certificate?.to_vec()))
            .collect::<Result<Vec<_>, pem::Error>>()
            .map_err(|error| match error {
                pem::Error::MissingSectionEnd { .. } => PemError::Endless,
                pem::Error::Base64Decode(_) => PemError::Base64,
                _ => PemError::Form,
            })?;
        if certificates.is_empty() {
            return Err(PemError::None);
        }
        Ok(Self(certificates))
    }
}

/// A DER certificate as PEM text, with a line break at the end.
pub(crate) fn to_pem(der: &[u8]) -> String {
    let mut text = format!("{BEGIN}\n");
    let body = STANDARD.encode(der);
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(END);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Certificates, PemError> {
        Certificates::try_from(text.to_owned())
    }

    #[test]
    fn every_certificate_of_a_text_is_read_whatever_stands_around_it() {
        let text = format!("subject: a\r\n{BEGIN}\r\nAQI\r\nD\r\n{END}\r\nb\n{BEGIN}\nBA==\n{END}");
        assert_eq!(read(&text), Ok(Certificates(vec![vec![1, 2, 3], vec![4]])));
    }

    #[test]
    fn line_breaks_and_spaces_do_not_matter() {
        for text in [
            format!("{BEGIN}AQID{END}"),
            format!("{BEGIN}\rAQID\r{END}\r"),
            format!("  {BEGIN}\n  AQ\tID\n  {END}"),
            format!("a {BEGIN} AQID {END} b"),
            format!("{BEGIN}\n\nAQ\n\nID\n\n{END}\n"),
        ] {
            assert_eq!(read(&text), Ok(Certificates(vec![vec![1, 2, 3]])), "{text}");
        }
    }

    #[test]
    fn parts_with_other_labels_are_passed_over() {
        let key = "-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----\n";
        let other = "-----BEGIN X-----\nAQID\n-----END X-----\n";
        for text in [key, other] {
            assert_eq!(read(text), Err(PemError::None), "{text}");
            let text = format!("{text}{BEGIN}\nBA==\n{END}\n{text}");
            assert_eq!(read(&text), Ok(Certificates(vec![vec![4]])), "{text}");
        }
    }

    #[test]
    fn a_text_without_a_whole_certificate_is_refused() {
        assert_eq!(read(""), Err(PemError::None));
        assert_eq!(read("AQID"), Err(PemError::None));
        assert_eq!(read(&format!("{BEGIN}AQID")), Err(PemError::Endless));
        for body in [
            "AQ_D",
            "AQID=",
            "A",
            "AQ=D",
            "=",
            "AQID-",
            "a: b\n\nAQID",
            "AQID\u{a0}",
        ] {
            let text = format!("{BEGIN}\n{body}\n{END}\n");
            assert_eq!(read(&text), Err(PemError::Base64), "{text}");
        }
        let text = format!("{BEGIN}\nAQID\n{END}\n{BEGIN}\nAQID\n");
        assert_eq!(read(&text), Err(PemError::Endless));
        // A part of another kind that does not end, or does not begin as it should, spoils the text.
        for (text, error) in [
            (
                format!("{BEGIN}\nAQID\n{END}\n-----BEGIN X-----\nAQID\n"),
                PemError::Endless,
            ),
            (
                format!("{BEGIN}\nAQID\n{END}\n-----BEGIN X\n"),
                PemError::Form,
            ),
        ] {
            assert_eq!(read(&text), Err(error), "{text}");
        }
        let text = format!("{BEGIN}\nAQID\n-----END X-----\n");
        assert_eq!(read(&text), Err(PemError::Endless));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 47, 48, 49, 96, 100] {
            let der = vec![0xa5; length];
            let text = to_pem(&der);
            assert!(text.lines().all(|line| line.len() <= LINE), "{text}");
            assert_eq!(read(&text), Ok(Certificates(vec![der])));
        }
    }
}
