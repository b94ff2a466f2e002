//! The credential in the bodies of `VerifyFactor` and `ApproveChallenge`: its form, and the codes of what can be
//! wrong with it, in the order of docs/wires/twilio.md, section 9.2.

use domain::Reason;
use domain::webauthn::client_data::ClientData;
use domain::webauthn::client_data::ClientDataType;
use domain::webauthn::json::Value;
use domain::webauthn::response::ResponseError;
use domain::webauthn::response::ResponseForm;
use domain::webauthn::response::Shape;

use super::member;
use crate::api::twilio::codes::Code;
use crate::api::twilio::error::ApiError;
use crate::api::twilio::reasons::Call;

/// What this wire demands and tolerates: all that client libraries are known to send.
pub const FORM: ResponseForm = ResponseForm::LENIENT;

/// The refusal of a credential whose form is wrong.
pub fn malformed(call: Call, body: &Value<'_>, error: &ResponseError) -> ApiError {
    let reason = error.reason();
    let code = match error {
        ResponseError::NotAnObject { .. } => Code::InvalidRequest,
        ResponseError::Id { .. } => Code::CredentialIdInvalid,
        ResponseError::RawId { .. } => Code::RawIdInvalid,
        ResponseError::Attachment { .. } => Code::AttachmentInvalid,
        ResponseError::MembersMissing { members, shape } => {
            let mut refusal = ApiError::new(Code::ResponseInvalid)
                .because(reason)
                .explained(error.to_string())
                .help(help(call, refined(call, body, *shape)));
            for member in members {
                refusal = refusal.member(*member);
            }
            return refusal;
        }
        ResponseError::Type { .. } | ResponseError::BothKinds { .. } => Code::ResponseInvalid,
        ResponseError::MemberMalformed { member, .. }
        | ResponseError::MemberTooLong { member, .. } => member_code(member),
        ResponseError::UserHandle { .. } => Code::EntitySidInvalid,
        ResponseError::ClientData(_) => Code::ClientDataInvalid,
    };
    let mut refusal = ApiError::new(code)
        .because(reason)
        .explained(error.to_string());
    if let Some(member) = error.member() {
        refusal = refusal.member(member);
    }
    if code == Code::ResponseInvalid {
        // Whatever else is missing is named along, so that one correction is enough.
        for member in missing(call, body) {
            refusal = refusal.member(member);
        }
    }
    refusal
}

/// What a response lacks that the call needs; `response` when there is none.
fn missing(call: Call, body: &Value<'_>) -> Vec<&'static str> {
    let required: &[&'static str] = match call {
        Call::VerifyFactor => &["response.clientDataJSON", "response.attestationObject"],
        _ => &[
            "response.clientDataJSON",
            "response.authenticatorData",
            "response.signature",
        ],
    };
    let credential = body.as_object();
    let Some(response) = credential
        .and_then(|c| c.get("response"))
        .and_then(Value::as_object)
    else {
        return vec!["response"];
    };
    let there = |member: &&str| {
        let name = member.strip_prefix("response.").unwrap_or(member);
        response
            .get(name)
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    required
        .iter()
        .copied()
        .filter(|member| !there(member))
        .collect()
}

/// Refuses client data of the other ceremony (60380). This comes before any record is looked for, so an answer that went to
/// the wrong call costs its ceremony nothing.
pub fn ensure_kind(client_data: &ClientData, expected: &ClientDataType) -> Result<(), ApiError> {
    if client_data.kind == *expected {
        return Ok(());
    }
    let found: String = client_data.kind.as_str().chars().take(64).collect();
    Err(ApiError::new(Code::ClientDataInvalid)
        .because(Reason::ClientDataTypeMismatch)
        .explained(format!(
            "the client data have the type {found:?}; this call takes {:?}",
            expected.as_str()
        ))
        .member("response.clientDataJSON"))
}

/// The code of a member of `response` that is there and cannot be decoded.
fn member_code(member: &str) -> Code {
    match member {
        "response.clientDataJSON" => Code::ClientDataInvalid,
        "response.authenticatorData" => Code::AuthenticatorDataInvalid,
        "response.signature" => Code::SignatureInvalid,
        "response.attestationObject" => Code::AttestationObjectInvalid,
        _ => Code::ResponseInvalid,
    }
}

/// The shape of the response, after a second check. Browsers also put `authenticatorData` into the response to a registration,
/// so only a signature shows that the response is that of a sign-in.
fn refined(call: Call, body: &Value<'_>, shape: Shape) -> Shape {
    let response = body
        .as_object()
        .and_then(|credential| credential.get("response"));
    let signature = response
        .and_then(Value::as_object)
        .and_then(|r| member(r, "signature", "signature"));
    match (call, shape) {
        (Call::VerifyFactor, Shape::OtherCeremony) if signature.is_none() => Shape::Incomplete,
        _ => shape,
    }
}

/// How to fix a response that lacks members.
fn help(call: Call, shape: Shape) -> &'static str {
    match (shape, call) {
        (Shape::Missing | Shape::NotAnObject, _) => {
            "Send the browser's credential object whole, as JSON: credential.toJSON() gives `response` with all its members."
        }
        (Shape::Stringified, _) => {
            "`response` was stringified on its own: put the object itself into the body, and stringify the whole credential once."
        }
        (Shape::Flat, _) => {
            "The members of `response` stand at the top level of the body: put them into an object named `response`, as credential.toJSON() gives it."
        }
        (Shape::OtherCeremony, Call::ApproveChallenge) => {
            "This is the answer of a registration: send it to VerifyFactor, and the answer of navigator.credentials.get() to ApproveChallenge."
        }
        (Shape::OtherCeremony, _) => {
            "This is the answer of a sign-in: send it to ApproveChallenge, and the answer of navigator.credentials.create() to VerifyFactor."
        }
        (Shape::Empty, _) => {
            "`response` is empty: browsers keep its members out of a plain copy of the object, so send credential.toJSON() instead."
        }
        (Shape::Incomplete, _) => {
            "Members were filtered out, are empty or are not texts: send the browser's credential object whole, as credential.toJSON() gives it."
        }
    }
}
