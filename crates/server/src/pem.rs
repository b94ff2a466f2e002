//! Certificates as PEM text (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

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
}
