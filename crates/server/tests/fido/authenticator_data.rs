//! The authenticator data of an authentication.

use domain::Reason;
use serde_json::json;
use testkit::{Counter, Lies, Profile};

use crate::support::{Binding, lies};

fn flags(user_present: bool, user_verified: bool) -> Lies {
    lies(|lies| {
        lies.user_present = Some(user_present);
        lies.user_verified = Some(user_verified);
    })
}

async fn passes(verification: &str, lies: Lies) {
    let binding = Binding::new().await;
    let mut authenticator = binding.registered(Profile::default()).await;
    binding
        .sign_in(&mut authenticator, verification, &lies)
        .await
        .ok();
}

async fn fails(reason: Reason, verification: &str, lies: Lies) {
    let binding = Binding::new().await;
    let mut authenticator = binding.registered(Profile::default()).await;
    binding
        .sign_in(&mut authenticator, verification, &lies)
        .await
        .failed(reason);
}

mod accepted {
    use super::*;

    #[tokio::test]
    async fn the_counter_is_always_zero() {
        let binding = Binding::new().await;
        let mut authenticator = binding.registered(Profile::default()).await;
        for _ in 0..3 {
            binding
                .sign_in(&mut authenticator, "preferred", &Lies::default())
                .await
                .ok();
        }
    }

    #[tokio::test]
    async fn uv_is_set_under_required() {
        passes("required", flags(false, true)).await;
    }

    #[tokio::test]
    async fn uv_and_up_are_set_under_required() {
        passes("required", flags(true, true)).await;
    }

    #[tokio::test]
    async fn neither_uv_nor_up_is_set_under_preferred() {
        passes("preferred", flags(false, false)).await;
    }

    #[tokio::test]
    async fn neither_uv_nor_up_is_set_under_discouraged() {
        passes("discouraged", flags(false, false)).await;
    }

    #[tokio::test]
    async fn up_is_set_under_discouraged() {
        passes("discouraged", flags(true, false)).await;
    }

    #[tokio::test]
    async fn uv_is_set_under_discouraged() {
        passes("discouraged", flags(false, true)).await;
    }

    #[tokio::test]
    async fn ed_is_set_with_extension_data() {
        let binding = Binding::new().await;
        let mut authenticator = binding.registered(Profile::default()).await;
        let outputs = &mut authenticator.profile.get_extensions.authenticator;
        outputs.insert("example.extension".to_owned(), json!(true));
        binding
            .sign_in(&mut authenticator, "preferred", &Lies::default())
            .await
            .ok();
    }
}

mod refused {
    use super::*;

    #[tokio::test]
    async fn leftover_bytes() {
        let bad = lies(|lies| lies.trailing_authenticator_data = Some(vec![0; 3]));
        fails(Reason::TrailingBytes, "preferred", bad).await;
    }

    #[tokio::test]
    async fn a_wrong_rp_id_hash() {
        let bad = lies(|lies| lies.rp_id = Some("evil.test".to_owned()));
        fails(Reason::RpIdHashMismatch, "preferred", bad).await;
    }

    #[tokio::test]
    async fn a_wrong_client_data_hash() {
        let binding = Binding::new().await;
        let mut authenticator = binding.registered(Profile::default()).await;
        let mut credential = binding
            .assertion(&mut authenticator, "preferred", &Lies::default())
            .await;
        // The same client data with a space behind them, which the authenticator has not signed.
        let text = credential["response"]["clientDataJSON"].as_str().unwrap();
        let mut bytes = testkit::from_base64url(text).unwrap();
        bytes.push(b' ');
        credential["response"]["clientDataJSON"] = testkit::base64url(&bytes).into();
        let reply = binding
            .stranger()
            .post("/assertion/result", &credential)
            .await;
        reply.failed(Reason::SignatureInvalid);
    }

    #[tokio::test]
    async fn a_counter_that_is_not_increased() {
        let binding = Binding::new().await;
        let mut authenticator = binding
            .registered(Profile {
                counter: Counter::Increasing,
                ..Profile::default()
            })
            .await;
        for _ in 0..2 {
            binding
                .sign_in(&mut authenticator, "preferred", &Lies::default())
                .await
                .ok();
        }
        for counter in [2, 1, 0] {
            let bad = lies(|lies| lies.sign_count = Some(counter));
            let reply = binding.sign_in(&mut authenticator, "preferred", &bad).await;
            reply.failed(Reason::SignCountNotIncreased);
        }
    }

    #[tokio::test]
    async fn only_up_under_required() {
        fails(Reason::UserNotVerified, "required", flags(true, false)).await;
    }
}
