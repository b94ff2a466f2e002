//! What a page may tell the password manager about the passkeys of a user (WebAuthn Level 3, section 5.1.10), and whether it should offer one.

use axum::response::Response;
use domain::model::page::{Order, PageRequest};
use domain::model::user::UserRef;
use domain::service::credentials::CredentialOrRegistration;
use domain::webauthn::credential::{CredentialId, UserHandle};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Problem;
use super::prompt::Prompt;
use super::request::{Request, ok};

/// The signals of a user. They can go to the page as they are.
#[derive(Debug, Serialize, ToSchema)]
pub struct Signals {
    /// The arguments of `PublicKeyCredential.signalAllAcceptedCredentials`: one object for each RP ID and user handle. There are several only
    /// if passkeys were imported or registered for another RP ID.
    accepted: Vec<Accepted>,
    /// Whether to offer a passkey to the user.
    prompt: Prompt,
}

/// Registrations of a user that are looked at.
const LOOKED_AT: u32 = 20;

/// All passkeys of a user handle that passkeyd accepts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The RP ID.
    rp_id: String,
    /// The user handle, base64url.
    #[schema(value_type = String)]
    user_id: UserHandle,
    /// The credential ids, base64url. Empty if the user has no passkey any more.
    #[schema(value_type = Vec<String>)]
    all_accepted_credential_ids: Vec<CredentialId>,
}

/// Shows what a page may tell the password manager about the passkeys of a user. Ask for it after a sign-in and after a passkey was added or deleted.
#[utoipa::path(
    get,
    operation_id = "show_user_signals",
    tag = "Users",
    path = "/manage/v1/services/{service}/users/{user}/signals",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("user" = String, Path, description = "The name of the user"),
        ("user_agent" = Option<String>, Query, description = "`User-Agent` of the page: `prompt` is then about this kind of device"),
    ),
    responses(
        (status = 200, description = "The signals.", body = Signals),
        (status = 400, description = "There is another parameter.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such user.", body = Problem),
    )
)]
pub async fn show(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    let query = request.query(&["user_agent"])?;
    let user = UserRef::Name(request.segment("user"));
    let (user, credentials) = request
        .state
        .passkeys
        .user_with_credentials(rp.id, user)
        .await?;
    let newest = PageRequest {
        after: None,
        limit: LOOKED_AT,
        order: Order::Descending,
    };
    let passkeys = &request.state.passkeys;
    let listed = passkeys.list_credentials_and_registrations(&user, newest);
    let registrations = listed.await?.items.into_iter().filter_map(|one| match one {
        CredentialOrRegistration::Unfinished(registration) => Some(*registration),
        CredentialOrRegistration::Registered(_) => None,
    });
    let registrations: Vec<_> = registrations.collect();
    let prompt = Prompt::of(&credentials, &registrations, query.get("user_agent"));
    // Without a passkey, the list of the user's own handle is empty: so the last passkey that was deleted is told, too.
    let own = rp.selection.rp_id.iter();
    let mut accepted: Vec<Accepted> = own
        .map(|rp_id| Accepted::none(rp_id.to_string(), user.id.user_handle()))
        .collect();
    for credential in credentials {
        let rp_id = credential.selection.rp_id.to_string();
        let handle = credential.user_handle();
        let known = accepted
            .iter()
            .position(|one| one.rp_id == rp_id && one.user_id == handle);
        let at = known.unwrap_or_else(|| {
            accepted.push(Accepted::none(rp_id, handle));
            accepted.len() - 1
        });
        accepted[at].all_accepted_credential_ids.push(credential.id);
    }
    ok(&Signals { accepted, prompt })
}

impl Accepted {
    fn none(rp_id: String, user_id: UserHandle) -> Self {
        Self {
            rp_id,
            user_id,
            all_accepted_credential_ids: Vec::new(),
        }
    }
}
