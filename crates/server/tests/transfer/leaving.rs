//! Who leaves takes the passkeys along: what is written for another product is what is read of it.

use server::transfer::export::{Wanted, export};
use server::transfer::leaving::{Format, Leaving};
use server::transfer::source::{Source, Told};
use testkit::Authenticator;

use crate::sources::run;
use crate::support::*;

async fn left(service: &Service, format: Format) -> (String, u64, Vec<String>) {
    let wanted = Wanted {
        relying_party: Some(service.id()),
        history: false,
    };
    let mut leaving = Leaving::new(Vec::new(), format);
    let passkeys = &service.app.passkeys;
    export(passkeys, wanted, &mut leaving).await.unwrap();
    let (bytes, written, left_out) = leaving.end().unwrap();
    (String::from_utf8(bytes).unwrap(), written, left_out)
}

#[tokio::test]
async fn a_passkey_that_left_signs_in_where_it_came_to() {
    for (format, source) in [
        (Format::Simplewebauthn, Source::Simplewebauthn),
        (Format::GoWebauthn, Source::GoWebauthn),
        (Format::Keycloak, Source::Keycloak),
    ] {
        let service = Service::new().await;
        let (mut ann, mut bob) = (Authenticator::default(), Authenticator::default());
        service.register("ann-00001", &mut ann).await;
        service.register("bob-00001", &mut bob).await;
        service
            .register("bob-00001", &mut Authenticator::default())
            .await;
        let (text, written, left_out) = left(&service, format).await;
        assert_eq!((written, &*left_out), (3, &[][..]), "{text}");
        let other = Service::new().await;
        let done = run(&other, &text, source, Told::default(), false)
            .await
            .unwrap();
        assert_eq!(done.summary.count("added"), 3, "{:?}", done.reports);
        for (name, passkey) in [("ann-00001", &mut ann), ("bob-00001", &mut bob)] {
            other.sign_in(None, passkey).await;
            assert_eq!(other.sign_in_nevis(Some(name), passkey).await, name);
        }
    }
}

#[tokio::test]
async fn keycloak_gets_no_passkey_whose_handle_cannot_be_the_id_of_a_user() {
    let service = Service::new().await;
    let passkey = registered_elsewhere(&[0xff; 20], -7);
    let line = simplewebauthn_line(&passkey, "ann-00001", &[0xff; 20]);
    let source = Source::Simplewebauthn;
    run(&service, &line, source, Told::default(), false)
        .await
        .unwrap();
    let (text, written, left_out) = left(&service, Format::Keycloak).await;
    assert_eq!(written, 0);
    assert!(left_out[0].contains("of \"ann-00001\""), "{left_out:?}");
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["users"].as_array().unwrap().len(), 0);
}
