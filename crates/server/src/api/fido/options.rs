//! `POST attestation/options` and `POST assertion/options`: a ceremony starts.

use axum::response::Response;
use domain::model::audit::{Actor, ActorKind};
use domain::model::grant::Scope;
use domain::model::policy::{Attachment, PartialSelection};
use domain::model::user::UserRef;
use domain::service::authentication::{StartAuthentication, Who};
use domain::service::ceremony::Terms;
use domain::service::prepared::Prepared;
use domain::service::registration::StartRegistration;
use domain::webauthn::json::Object;
use domain::webauthn::options::AttestationConveyance;
use domain::webauthn::options::ResidentKey;
use domain::webauthn::options::UserVerification;

use super::reply::Failure;
use super::request::Request;
use super::state::{Dialect, State, WIRE};
use crate::api::selection::{SelectionCriteria, Words, user_verification};
use crate::http::json::{self, choice, member, text};
use crate::http::name::NameRule;
use crate::http::{Needs, current};

/// Name of a credential to which nobody has given one.
const UNNAMED: &str = "Passkey";
/// User names and display names.
const NAME: NameRule = NameRule::bytes(1, 255);
/// Most extensions that a request may name.
const MAX_EXTENSIONS: usize = 32;
/// Most bytes of all extension inputs together, as JSON.
const MAX_EXTENSIONS_LENGTH: usize = 4096;
/// The extensions that the dialect knows. For conformance tools any is repeated.
const KNOWN_EXTENSIONS: [&str; 8] = [
    "appid",
    "appidExclude",
    "uvm",
    "credProps",
    "credentialProtectionPolicy",
    "enforceCredentialProtectionPolicy",
    "hmacCreateSecret",
    "hmacGetSecret",
];

/// The words of a selection, as errors list them.
const WORDS: Words = Words {
    resident_key: [
        ("required", ResidentKey::Required),
        ("preferred", ResidentKey::Preferred),
        ("discouraged", ResidentKey::Discouraged),
    ],
    user_verification: [
        ("required", UserVerification::Required),
        ("preferred", UserVerification::Preferred),
        ("discouraged", UserVerification::Discouraged),
    ],
};

/// `POST attestation/options`. In the dialect also for authentications: the members of the request tell which is meant.
pub async fn attestation(request: Request) -> Result<Response, Failure> {
    let (rp, scopes) = request.relying_party().await?;
    let sent = request.json_text().await?;
    let object = &sent.object()?;
    let registration = ["displayName", "attestation", "authenticatorSelection"]
        .iter()
        .any(|name| member(object, name).is_some());
    if request.state.dialect == Dialect::Nevis && !registration {
        Needs::from(Scope::Approve).check(scopes)?;
        return authenticate(&request.state, &rp, object).await;
    }
    Needs::from(Scope::Enrol).check(scopes)?;
    register(&request.state, &rp, object).await
}

/// `POST assertion/options`.
pub async fn assertion(request: Request) -> Result<Response, Failure> {
    let (rp, _) = request.relying_party().await?;
    let sent = request.json_text().await?;
    authenticate(&request.state, &rp, &sent.object()?).await
}

async fn register(state: &State, rp: &Prepared, object: &Object<'_>) -> Result<Response, Failure> {
    let user = name(object, "username")?.ok_or_else(|| missing("username"))?;
    let display_name = name(object, "displayName")?;
    if display_name.is_none() && state.dialect == Dialect::Fido {
        return Err(missing("displayName"));
    }
    let attestation = choice(
        object,
        "attestation",
        &[
            ("none", AttestationConveyance::None),
            ("indirect", AttestationConveyance::Indirect),
            ("direct", AttestationConveyance::Direct),
            ("enterprise", AttestationConveyance::Enterprise),
        ],
    )?;
    let wishes = SelectionCriteria::read(object, &WORDS)?;
    let own = &rp.selection;
    // What nobody decided is as WebAuthn L3 5.4.4 has it.
    let selection = PartialSelection {
        attachment: Some(
            wishes
                .attachment
                .or(own.attachment)
                .unwrap_or(Attachment::Any),
        ),
        resident_key: Some(
            wishes
                .resident_key
                .or(own.resident_key)
                .unwrap_or(ResidentKey::Discouraged),
        ),
        user_verification: Some(
            wishes
                .user_verification
                .or(own.user_verification)
                .unwrap_or(UserVerification::Preferred),
        ),
        ..PartialSelection::default()
    };
    let start = StartRegistration {
        display_name,
        attestation,
        rules: state.rules(),
        ..StartRegistration::new(user, UNNAMED, &selection, terms(state, object)?)
    };
    let started = state.passkeys.start_registration(rp, start).await?;
    Ok(state.ok(&started.options, started.ceremony.id))
}

async fn authenticate(
    state: &State,
    rp: &Prepared,
    object: &Object<'_>,
) -> Result<Response, Failure> {
    let who = match (name(object, "username")?, state.dialect) {
        (Some(user), _) => Who::User(UserRef::Name(user)),
        (None, Dialect::Nevis) => Who::Anyone,
        (None, Dialect::Fido) => return Err(missing("username")),
    };
    let asked = user_verification(object, &WORDS)?;
    let configured = rp
        .selection
        .user_verification
        .filter(|_| state.dialect == Dialect::Nevis);
    let selection = PartialSelection {
        user_verification: Some(asked.or(configured).unwrap_or(UserVerification::Preferred)),
        ..PartialSelection::default()
    };
    let start = StartAuthentication {
        selection: Some(&selection),
        credential_needed: true,
        rules: state.rules(),
        ..StartAuthentication::new(who, terms(state, object)?)
    };
    let ceremony = state.passkeys.start_authentication(rp, start).await?;
    Ok(state.ok(&ceremony.options(), ceremony.id))
}

fn terms(state: &State, object: &Object<'_>) -> Result<Terms, Failure> {
    Ok(Terms {
        extensions: extensions(state, object)?,
        // A challenge of this wire has at most 64 bytes.
        sealable: false,
        ..Terms::new(current::calling(Actor::new(ActorKind::Api, WIRE)))
    })
}

/// The extension inputs, which the options repeat.
fn extensions(state: &State, object: &Object<'_>) -> Result<Option<serde_json::Value>, Failure> {
    let Some(inputs) = json::object(object, "extensions")? else {
        return Ok(None);
    };
    let kept: serde_json::Map<_, _> = inputs
        .iter()
        .filter(|(name, _)| state.conformance || KNOWN_EXTENSIONS.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned_value()))
        .collect();
    let kept = serde_json::Value::Object(kept);
    if inputs.len() > MAX_EXTENSIONS || kept.to_string().len() > MAX_EXTENSIONS_LENGTH {
        return Err(Failure::form("extensions holds too much."));
    }
    Ok(Some(kept))
}

/// The name of a user or person: not empty, not endless, without control characters.
fn name<'v>(object: &'v Object<'_>, member: &'static str) -> Result<Option<&'v str>, Failure> {
    let name = text(object, member)?;
    if name.is_some_and(|name| !NAME.allows(name)) {
        let most = NAME.most();
        return Err(Failure::form(format!(
            "{member} must have 1 to {most} bytes and no control characters."
        )));
    }
    Ok(name)
}

fn missing(name: &'static str) -> Failure {
    Failure::form(format!("{name} is missing."))
}
