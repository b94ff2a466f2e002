//! Certificates as PEM text (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
    /// Not base64.
    #[error("a certificate in PEM must be base64")]
    Base64,
}

impl TryFrom<String> for Certificates {
    type Error = PemError;

    /// Text around the certificates is allowed (RFC 7468 section 2).
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut certificates = Vec::new();
        let mut rest = text.as_str();
        while let Some((_, after)) = rest.split_once(BEGIN) {
            let (body, next) = after.split_once(END).ok_or(PemError::Endless)?;
            let body: String = body.split_ascii_whitespace().collect();
            let der = STANDARD.decode(body).map_err(|_| PemError::Base64)?;
            certificates.push(der);
            rest = next;
        }
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
    fn a_text_without_a_whole_certificate_is_refused() {
        assert_eq!(read(""), Err(PemError::None));
        assert_eq!(read("AQID"), Err(PemError::None));
        assert_eq!(read(&format!("{BEGIN}AQID")), Err(PemError::Endless));
        assert_eq!(read(&format!("{BEGIN}AQ_D{END}")), Err(PemError::Base64));
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
