//! Log lines for what the verifier noticed in a ceremony that succeeded.

use domain::service::authentication::SignedIn;
use domain::service::registration::RegisteredCredential;
use domain::webauthn::signal::Signal;

/// Logs the signals of a registration.
pub fn of_registration(finished: &RegisteredCredential) {
    let credential = finished.record.key;
    for signal in &finished.signals {
        tracing::info!(%credential, signal = signal.name(), "registered with a signal");
    }
}

/// Logs the signals of a sign-in. A signature counter that did not grow is a warning: the passkey may have been copied.
pub fn of_sign_in(signed_in: &SignedIn) {
    let (ceremony, credential) = (signed_in.ceremony.id, signed_in.credential);
    for signal in &signed_in.signals {
        let name = signal.name();
        if let Signal::SignCountNotIncreased { stored, received } = signal {
            tracing::warn!(
                %ceremony, %credential, signal = name, stored, received,
                "signed in with a signal"
            );
        } else {
            tracing::info!(%ceremony, %credential, signal = name, "signed in with a signal");
        }
    }
}
