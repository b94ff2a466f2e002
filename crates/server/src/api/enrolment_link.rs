//! The address of a one-time enrolment link, and its QR code.

use std::fmt::Write as _;

use domain::Passkeys;
use domain::model::audit::Actor;
use domain::model::console::EnrolmentLink;
use domain::model::refusal::Refusal;
use domain::model::user::User;
use domain::service::prepared::Prepared;
use domain::webauthn::origin::Origin;
use qrcode::{Color, QrCode};

use crate::http::PublicUrl;

/// A new link.
pub struct Made {
    /// What is known of it.
    pub link: EnrolmentLink,
    /// Its address. It is not stored.
    pub url: String,
}

impl Made {
    /// The QR code of the address, as an SVG; empty if the address is too long for one.
    pub fn qr_code(&self) -> String {
        svg(&self.url).unwrap_or_default()
    }
}

/// The origin of the page.
pub fn origin(public_url: &PublicUrl) -> Origin {
    let origin = public_url.origin();
    Origin::parse_configured(origin).unwrap_or_else(|_| Origin::exact(origin))
}

/// Makes a link for a user of a Service.
///
/// # Errors
/// Those of [`Passkeys::create_enrolment_link`].
pub async fn make(
    passkeys: &Passkeys,
    public_url: &PublicUrl,
    (rp, user): (&Prepared, &User),
    lifetime_ms: i64,
    by: &Actor,
) -> Result<Made, Refusal> {
    let origin = origin(public_url);
    let made = passkeys.create_enrolment_link(rp, user, &origin, lifetime_ms, by);
    let (link, token) = made.await?;
    let url = public_url.join(&format!("/enroll/{}", token.reveal()));
    Ok(Made { link, url })
}

/// Modules of white around the code (ISO/IEC 18004 asks for four).
const QUIET: usize = 4;

/// The QR code of a text as SVG: one path, no style and no script, so that every page may show it. `None` if the text is too long.
fn svg(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (at % width + QUIET, at / width + QUIET);
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    let size = width + 2 * QUIET;
    Some(format!(
        "<svg class=\"qr\" role=\"img\" aria-label=\"QR code of the link\" xmlns=\"http://www.w3.org/2000/svg\" \
         viewBox=\"0 0 {size} {size}\" width=\"240\" height=\"240\" shape-rendering=\"crispEdges\">\
         <rect width=\"{size}\" height=\"{size}\" fill=\"#fff\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_nothing_of_the_text() {
        let svg = svg("https://passkeys.test/enroll/secret").unwrap();
        // The corner of a finder pattern, seven modules wide.
        for x in QUIET..QUIET + 7 {
            assert!(svg.contains(&format!("M{x} {QUIET}h1v1h-1z")));
        }
        assert!(!svg.contains(&format!("M{} {QUIET}h1", QUIET + 7)));
        assert!(!svg.contains("secret") && !svg.contains("style=\""));
        assert_eq!(super::svg(&"x".repeat(8000)), None);
    }
}
