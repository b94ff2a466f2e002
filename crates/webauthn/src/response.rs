//! The credential that a browser sends, as JSON (WebAuthn 5.1, 5.2; `RegistrationResponseJSON`, `AuthenticationResponseJSON`).
//!
//! # Order of checks
//! The same for both ceremonies, so that each wire reports the same first fault:
//! 1. the value is an object;
//! 2. `id`: present, a string, base64url, 1 to 1023 bytes;
//! 3. `rawId`: present where demanded, decodes, equals `id`;
//! 4. `authenticatorAttachment`: a string where it is there;
//! 5. `type`, then `response`, then all required members of `response` at once;
//! 6. each member is decoded, in the order of the specification's dictionaries, its size checked first;
//! 7. the client data is parsed.
//!
//! Unknown members are ignored everywhere. The copies that Level 3 added for people without CBOR (`authenticatorData`,
//! `publicKey`, `publicKeyAlgorithm` at registration) are ignored too: only what is in the attestation object counts.

use crate::Reason;
use crate::base64url;
use crate::client_data::{ClientData, ClientDataError};
use crate::credential::{CredentialId, IdentifierError, UserHandle};
use crate::extension::ClientOutputs;
use crate::json::{Object, Value};
use crate::options::is_word;
use std::fmt;
use std::sync::Arc;

/// Most bytes of `clientDataJSON`.
pub const MAX_CLIENT_DATA_JSON: usize = 4 * 1024;
/// Most bytes of `attestationObject`.
pub const MAX_ATTESTATION_OBJECT: usize = 32 * 1024;
/// Most bytes of `authenticatorData`.
pub const MAX_AUTHENTICATOR_DATA: usize = 8 * 1024;
/// Most bytes of `signature`.
pub const MAX_SIGNATURE: usize = 8 * 1024;
/// Most transports that are kept.
pub const MAX_TRANSPORTS: usize = 16;
/// Longest transport that is kept, in bytes.
pub const MAX_TRANSPORT_LENGTH: usize = 32;

/// The transports that Level 3 names (5.8.4).
const TRANSPORTS: [&str; 6] = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];

/// What a wire demands and tolerates about the form of a credential. Nothing here touches what is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseForm {
    /// `rawId` must be there. Where it is there, it must equal `id` in any form.
    pub raw_id_required: bool,
    /// `rawId` may also be the hexadecimal text of the id.
    pub raw_id_may_be_hex: bool,
    /// `type` must be there.
    pub type_required: bool,
    /// Padding at the end of base64url members is dropped where its amount is right and the rest is canonical. Some client
    /// libraries write it. What the decoded bytes hold is read as strictly as ever.
    pub padding_dropped: bool,
    /// `type` is compared as [`is_word`] does. Some back-end libraries send the names of their
    /// constants, such as `PUBLIC_KEY`.
    pub words_in_any_spelling: bool,
    /// An empty `userHandle` counts as absent.
    pub empty_user_handle_is_absent: bool,
    /// A registration that also carries a `signature` is refused.
    pub both_kinds_refused: bool,
}

impl ResponseForm {
    /// The JSON form of Level 3.
    pub const STRICT: Self = Self {
        raw_id_required: true,
        raw_id_may_be_hex: false,
        type_required: true,
        padding_dropped: false,
        words_in_any_spelling: false,
        empty_user_handle_is_absent: false,
        both_kinds_refused: true,
    };

    /// What client libraries make of it: hexadecimal `rawId`, empty `userHandle`, no `type`, padding, names of constants.
    pub const LENIENT: Self = Self {
        raw_id_required: true,
        raw_id_may_be_hex: true,
        type_required: false,
        padding_dropped: true,
        words_in_any_spelling: true,
        empty_user_handle_is_absent: true,
        both_kinds_refused: false,
    };

    /// Recorded ceremonies: as Level 3 has it, but old clients sent no `rawId`.
    pub const RECORDED: Self = Self {
        raw_id_required: false,
        ..Self::STRICT
    };
}

/// What a response without its members looks like, so that a message can say how to fix it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `response` is absent or null.
    Missing,
    /// `response` is not an object.
    NotAnObject,
    /// `response` is a string that holds a JSON object.
    Stringified,
    /// Its members stand at the top level of the credential.
    Flat,
    /// It is the response of the other ceremony.
    OtherCeremony,
    /// `response` is `{}`.
    Empty,
    /// Some members are there, some are not.
    Incomplete,
}

/// What is wrong with the form of a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// The credential is not a JSON object.
    #[error("the credential is {found}, not an object")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// `id` is unusable.
    #[error("`id` is unusable: {problem}")]
    Id {
        /// In which way.
        problem: IdProblem,
    },
    /// `rawId` is unusable or differs from `id`.
    #[error("`rawId` is unusable: {problem}")]
    RawId {
        /// In which way.
        problem: IdProblem,
    },
    /// `authenticatorAttachment` is not a string.
    #[error(
        "`authenticatorAttachment` must be a string such as `platform` or `cross-platform`, not {found}"
    )]
    Attachment {
        /// What it is.
        found: &'static str,
    },
    /// `type` is not `public-key`.
    #[error("`type` must be `public-key`, not {found}")]
    Type {
        /// What it is.
        found: String,
    },
    /// `response` or required members of it are absent, null, empty or not strings.
    #[error("{}", missing_text(members, *shape))]
    MembersMissing {
        /// All of them: `response`, or names like `response.attestationObject`.
        members: Vec<&'static str>,
        /// What the response looks like.
        shape: Shape,
    },
    /// The response carries members of both ceremonies.
    #[error("the response also carries `{member}`, a member of the other ceremony")]
    BothKinds {
        /// The member of the other ceremony.
        member: &'static str,
    },
    /// A member is not base64url.
    #[error("`{member}` is {problem}")]
    MemberMalformed {
        /// The member, like `response.signature`.
        member: &'static str,
        /// In which way.
        problem: String,
    },
    /// A member is longer than any real one.
    #[error("`{member}` has more than {limit} bytes")]
    MemberTooLong {
        /// The member, like `response.signature`.
        member: &'static str,
        /// Most bytes.
        limit: usize,
    },
    /// `response.userHandle` is unusable.
    #[error("`response.userHandle` is unusable: {problem}")]
    UserHandle {
        /// In which way.
        problem: String,
    },
    /// The client data cannot be read.
    #[error(transparent)]
    ClientData(#[from] ClientDataError),
}

/// What is wrong with `id` or `rawId`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdProblem {
    /// Absent or null.
    #[error("it is missing")]
    Missing,
    /// Another type.
    #[error("it is {0}, not a string")]
    NotAString(&'static str),
    /// No bytes.
    #[error("it is empty")]
    Empty,
    /// Not base64url.
    #[error("it is {0}")]
    Base64(String),
    /// More than 1023 bytes.
    #[error("it has more than 1023 bytes")]
    TooLong,
    /// Not the same bytes as `id`.
    #[error("it differs from `id`")]
    Differs,
}

impl IdProblem {
    fn reason(&self) -> Reason {
        match self {
            Self::Missing | Self::NotAString(_) | Self::Empty => Reason::CredentialIdInvalid,
            Self::Base64(_) => Reason::Base64Invalid,
            Self::TooLong => Reason::CredentialIdTooLong,
            Self::Differs => Reason::CredentialIdMismatch,
        }
    }
}

const CLIENT_DATA_JSON: &str = "response.clientDataJSON";
const ATTESTATION_OBJECT: &str = "response.attestationObject";
const AUTHENTICATOR_DATA: &str = "response.authenticatorData";
const SIGNATURE: &str = "response.signature";
const USER_HANDLE: &str = "response.userHandle";

impl ResponseError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotAnObject { .. } => Reason::RequestInvalid,
            Self::Id { problem } | Self::RawId { problem } => problem.reason(),
            Self::Attachment { .. } => Reason::AuthenticatorAttachmentInvalid,
            Self::Type { .. } => Reason::CredentialTypeMismatch,
            Self::MembersMissing { .. } => Reason::ResponseMemberMissing,
            Self::BothKinds { .. } => Reason::ResponseInconsistent,
            Self::MemberMalformed { .. } => Reason::Base64Invalid,
            Self::MemberTooLong { member, .. } => match *member {
                CLIENT_DATA_JSON => Reason::ClientDataMalformed,
                ATTESTATION_OBJECT => Reason::AttestationObjectMalformed,
                AUTHENTICATOR_DATA => Reason::AuthenticatorDataMalformed,
                _ => Reason::SignatureMalformed,
            },
            Self::UserHandle { .. } => Reason::UserHandleInvalid,
            Self::ClientData(error) => error.reason(),
        }
    }

    /// The section of the specification.
    pub fn section(&self) -> &'static str {
        self.reason().section()
    }

    /// The member that the error is about, where it is about one: `id`, `rawId`, `type`, `response.signature` ...
    pub fn member(&self) -> Option<&'static str> {
        match self {
            Self::NotAnObject { .. } | Self::MembersMissing { .. } => None,
            Self::Id { .. } => Some("id"),
            Self::RawId { .. } => Some("rawId"),
            Self::Attachment { .. } => Some("authenticatorAttachment"),
            Self::Type { .. } => Some("type"),
            Self::BothKinds { member }
            | Self::MemberMalformed { member, .. }
            | Self::MemberTooLong { member, .. } => Some(member),
            Self::UserHandle { .. } => Some(USER_HANDLE),
            Self::ClientData(_) => Some(CLIENT_DATA_JSON),
        }
    }
}

/// The response of `navigator.credentials.create()`.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistrationResponse {
    id: CredentialId,
    client_data_json: Arc<[u8]>,
    client_data: ClientData,
    attestation_object: Arc<[u8]>,
    transports: Vec<String>,
    client_outputs: ClientOutputs,
}

impl RegistrationResponse {
    /// Reads the credential's JSON; the order of the checks is that of the [module](self).
    ///
    /// # Errors
    /// [`ResponseError`].
    pub fn from_json(value: &Value<'_>, form: &ResponseForm) -> Result<Self, ResponseError> {
        let envelope = Envelope::read(value, *form)?;
        let response = envelope.response(
            &[CLIENT_DATA_JSON, ATTESTATION_OBJECT],
            &[AUTHENTICATOR_DATA, SIGNATURE],
        )?;
        if form.both_kinds_refused && present(response, SIGNATURE) {
            return Err(ResponseError::BothKinds { member: SIGNATURE });
        }
        let client_data_json = form.decode(response, CLIENT_DATA_JSON, MAX_CLIENT_DATA_JSON)?;
        let attestation_object =
            form.decode(response, ATTESTATION_OBJECT, MAX_ATTESTATION_OBJECT)?;
        Ok(Self {
            client_data: ClientData::parse(&client_data_json)?,
            transports: transports(response),
            client_outputs: ClientOutputs::of(envelope.credential),
            id: envelope.id,
            client_data_json: client_data_json.into(),
            attestation_object: attestation_object.into(),
        })
    }

    /// The credential id that the client names.
    pub fn id(&self) -> &CredentialId {
        &self.id
    }

    /// The parsed client data.
    pub fn client_data(&self) -> &ClientData {
        &self.client_data
    }

    /// The client data as received.
    pub fn client_data_json(&self) -> &[u8] {
        &self.client_data_json
    }

    /// The attestation object as received.
    pub fn attestation_object(&self) -> &[u8] {
        &self.attestation_object
    }

    /// Client data and attestation object, shared.
    pub(crate) fn evidence(&self) -> (Arc<[u8]>, Arc<[u8]>) {
        (
            Arc::clone(&self.client_data_json),
            Arc::clone(&self.attestation_object),
        )
    }

    /// How the authenticator can be reached. Known words stand in the specification's spelling, unknown ones are kept as they
    /// are, duplicates are not kept.
    pub fn transports(&self) -> &[String] {
        &self.transports
    }

    /// Client extension outputs.
    pub fn client_outputs(&self) -> &ClientOutputs {
        &self.client_outputs
    }
}

impl fmt::Debug for RegistrationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationResponse")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The response of `navigator.credentials.get()`.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticationResponse {
    id: CredentialId,
    client_data_json: Vec<u8>,
    client_data: ClientData,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<UserHandle>,
    client_outputs: ClientOutputs,
}

impl AuthenticationResponse {
    /// Reads the credential's JSON; the order of the checks is that of the [module](self). An `attestationObject`, which some
    /// drafts had here, is ignored.
    ///
    /// # Errors
    /// [`ResponseError`].
    pub fn from_json(value: &Value<'_>, form: &ResponseForm) -> Result<Self, ResponseError> {
        let envelope = Envelope::read(value, *form)?;
        let response = envelope.response(
            &[CLIENT_DATA_JSON, AUTHENTICATOR_DATA, SIGNATURE],
            &[ATTESTATION_OBJECT],
        )?;
        let client_data_json = form.decode(response, CLIENT_DATA_JSON, MAX_CLIENT_DATA_JSON)?;
        let authenticator_data =
            form.decode(response, AUTHENTICATOR_DATA, MAX_AUTHENTICATOR_DATA)?;
        let signature = form.decode(response, SIGNATURE, MAX_SIGNATURE)?;
        let user_handle = form.user_handle(response)?;
        Ok(Self {
            client_data: ClientData::parse(&client_data_json)?,
            client_outputs: ClientOutputs::of(envelope.credential),
            id: envelope.id,
            client_data_json,
            authenticator_data,
            signature,
            user_handle,
        })
    }

    /// The credential id that the client names.
    pub fn id(&self) -> &CredentialId {
        &self.id
    }

    /// The parsed client data.
    pub fn client_data(&self) -> &ClientData {
        &self.client_data
    }

    /// The client data as received.
    pub fn client_data_json(&self) -> &[u8] {
        &self.client_data_json
    }

    /// The authenticator data as received.
    pub fn authenticator_data(&self) -> &[u8] {
        &self.authenticator_data
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The user handle, where the authenticator gave one.
    pub fn user_handle(&self) -> Option<&UserHandle> {
        self.user_handle.as_ref()
    }

    /// Client extension outputs.
    pub fn client_outputs(&self) -> &ClientOutputs {
        &self.client_outputs
    }
}

impl fmt::Debug for AuthenticationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationResponse")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What both kinds of credential have around their `response`.
struct Envelope<'v, 'a> {
    credential: &'v Object<'a>,
    id: CredentialId,
}

impl<'v, 'a> Envelope<'v, 'a> {
    fn read(value: &'v Value<'a>, form: ResponseForm) -> Result<Self, ResponseError> {
        let credential = value
            .as_object()
            .ok_or_else(|| ResponseError::NotAnObject {
                found: value.found_instead_of_object(),
            })?;
        let text = form
            .id_text(credential, "id")
            .map_err(|problem| ResponseError::Id { problem })?;
        let id = decode_id(text).map_err(|problem| ResponseError::Id { problem })?;
        match form.id_text(credential, "rawId") {
            // The usual case: the same text, which needs no second decoding.
            Ok(raw) if raw == text => {}
            Ok(raw) if form.raw_id_may_be_hex && is_hex_of(raw, id.as_bytes()) => {}
            Ok(raw) => {
                let problem = decode_id(raw).err().unwrap_or(IdProblem::Differs);
                return Err(ResponseError::RawId { problem });
            }
            Err(IdProblem::Missing) if !form.raw_id_required => {}
            Err(problem) => return Err(ResponseError::RawId { problem }),
        }
        require_attachment(credential)?;
        match credential.get("type") {
            None | Some(Value::Null) if !form.type_required => {}
            None | Some(Value::Null) => {
                return Err(ResponseError::Type {
                    found: "absent".into(),
                });
            }
            Some(Value::String(kind)) if form.is_word(kind, "public-key") => {}
            Some(Value::String(kind)) if kind.is_empty() && !form.type_required => {}
            Some(Value::String(kind)) => return Err(ResponseError::Type { found: shown(kind) }),
            Some(other) => {
                return Err(ResponseError::Type {
                    found: other.type_name().into(),
                });
            }
        }
        Ok(Self { credential, id })
    }

    /// `response`, with all required members present as non-empty strings.
    fn response(
        &self,
        required: &[&'static str],
        other_ceremony: &[&'static str],
    ) -> Result<&'v Object<'a>, ResponseError> {
        let response = match self.credential.get("response") {
            Some(Value::Object(response)) => response,
            found => {
                let shape = match found {
                    _ if required
                        .iter()
                        .chain(other_ceremony)
                        .any(|member| present(self.credential, member)) =>
                    {
                        Shape::Flat
                    }
                    None | Some(Value::Null) => Shape::Missing,
                    Some(text) if text.holds_object() => Shape::Stringified,
                    Some(_) => Shape::NotAnObject,
                };
                return Err(ResponseError::MembersMissing {
                    members: vec!["response"],
                    shape,
                });
            }
        };
        let members: Vec<_> = required
            .iter()
            .copied()
            .filter(|member| !present(response, member))
            .collect();
        if members.is_empty() {
            return Ok(response);
        }
        let shape = if response.is_empty() {
            Shape::Empty
        } else if other_ceremony
            .iter()
            .any(|member| present(response, member))
        {
            Shape::OtherCeremony
        } else {
            Shape::Incomplete
        };
        Err(ResponseError::MembersMissing { members, shape })
    }
}

/// What is missing; a `response` of another type is there and is none.
fn missing_text(members: &[&str], shape: Shape) -> String {
    match shape {
        Shape::NotAnObject => "`response` is not an object".to_owned(),
        Shape::Stringified => {
            "`response` is a string that holds a JSON object: it was stringified on its own"
                .to_owned()
        }
        Shape::Missing | Shape::Flat | Shape::OtherCeremony | Shape::Empty | Shape::Incomplete => {
            format!("required members are missing: {}", members.join(", "))
        }
    }
}

/// The member's name within `response`.
fn local(member: &'static str) -> &'static str {
    member.strip_prefix("response.").unwrap_or(member)
}

/// `authenticatorAttachment` may be absent, null or any text, since unknown values are ignored (5.4.5).
fn require_attachment(credential: &Object<'_>) -> Result<(), ResponseError> {
    match credential.get("authenticatorAttachment") {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(other) => Err(ResponseError::Attachment {
            found: other.type_name(),
        }),
    }
}

/// Whether the member is a non-empty string.
fn present(object: &Object<'_>, member: &'static str) -> bool {
    object
        .get(local(member))
        .and_then(Value::as_str)
        .is_some_and(|text| !text.is_empty())
}

fn decode_id(text: &str) -> Result<CredentialId, IdProblem> {
    if text.len() > base64url::encoded_length(CredentialId::MAX) {
        return Err(IdProblem::TooLong);
    }
    CredentialId::from_base64url(text).map_err(|error| match error {
        IdentifierError::Base64(problem) => IdProblem::Base64(problem.to_string()),
        IdentifierError::Length(_) => IdProblem::TooLong,
    })
}

/// Whether the text is the hexadecimal form of the bytes, in either case.
fn is_hex_of(text: &str, bytes: &[u8]) -> bool {
    let digit = |character: u8| char::from(character).to_digit(16);
    text.len() == bytes.len() * 2
        && text
            .as_bytes()
            .chunks_exact(2)
            .zip(bytes)
            .all(|(pair, byte)| match pair {
                [high, low] => digit(*high)
                    .zip(digit(*low))
                    .is_some_and(|(high, low)| high * 16 + low == u32::from(*byte)),
                _ => false,
            })
}

/// How a member is read in this form.
impl ResponseForm {
    /// The base64url text of a member, without the padding that this form tolerates.
    fn unpadded(self, text: &str) -> &str {
        if self.padding_dropped {
            base64url::without_padding(text)
        } else {
            text
        }
    }

    fn is_word(self, text: &str, word: &str) -> bool {
        text == word || self.words_in_any_spelling && is_word(text, word)
    }

    fn id_text<'v>(self, credential: &'v Object<'_>, member: &str) -> Result<&'v str, IdProblem> {
        match credential.get(member) {
            None | Some(Value::Null) => Err(IdProblem::Missing),
            Some(Value::String(text)) if text.is_empty() => Err(IdProblem::Empty),
            Some(Value::String(text)) => Ok(self.unpadded(text)),
            Some(other) => Err(IdProblem::NotAString(other.type_name())),
        }
    }

    fn decode(
        self,
        response: &Object<'_>,
        member: &'static str,
        limit: usize,
    ) -> Result<Vec<u8>, ResponseError> {
        let text = response
            .get(local(member))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let text = self.unpadded(text);
        if text.len() > base64url::encoded_length(limit) {
            return Err(ResponseError::MemberTooLong { member, limit });
        }
        base64url::decode(text).map_err(|error| ResponseError::MemberMalformed {
            member,
            problem: error.to_string(),
        })
    }

    fn user_handle(self, response: &Object<'_>) -> Result<Option<UserHandle>, ResponseError> {
        let refuse = |problem| Err(ResponseError::UserHandle { problem });
        let text = match response.get(local(USER_HANDLE)) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if text.is_empty() && self.empty_user_handle_is_absent => {
                return Ok(None);
            }
            Some(Value::String(text)) => self.unpadded(text),
            Some(other) => {
                return refuse(format!("it is {}, not a string", other.type_name()));
            }
        };
        if text.len() > base64url::encoded_length(UserHandle::MAX) {
            let hint = if is_encoded_twice(text) {
                "; it was encoded as base64url twice: encode its bytes once"
            } else {
                ""
            };
            return refuse(format!("it has more than 64 bytes{hint}"));
        }
        match UserHandle::from_base64url(text) {
            Ok(handle) => Ok(Some(handle)),
            Err(error) => {
                let hint = if looks_like_plain_text(text) {
                    "; it looks like plain text: encode its bytes as base64url once"
                } else {
                    ""
                };
                refuse(format!("{error}{hint}"))
            }
        }
    }
}

/// Whether the text is base64url of base64url of a user handle that is too long in this form.
fn is_encoded_twice(text: &str) -> bool {
    let longest = base64url::encoded_length(base64url::encoded_length(UserHandle::MAX));
    text.len() <= longest
        && base64url::decode(text)
            .ok()
            .and_then(|inner| String::from_utf8(inner).ok())
            .is_some_and(|inner| UserHandle::from_base64url(&inner).is_ok())
}

/// Whether a text that is not base64url could be the user handle itself. One in the classic alphabet is another mistake.
fn looks_like_plain_text(text: &str) -> bool {
    text.len() <= UserHandle::MAX
        && !text.contains(['+', '/', '='])
        && !text.contains(char::is_control)
}

/// The transports without duplicates, non-strings and absurdly long ones. 5.8.4 keeps unknown values; a known one in another
/// spelling would be unknown to every browser, so it gets the specification's.
fn transports(response: &Object<'_>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for text in response
        .get("transports")
        .and_then(Value::as_array)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
    {
        if kept.len() == MAX_TRANSPORTS {
            break;
        }
        let text = TRANSPORTS
            .into_iter()
            .find(|known| is_word(text, known))
            .unwrap_or(text);
        if text.len() <= MAX_TRANSPORT_LENGTH
            && !text.is_empty()
            && !kept.iter().any(|known| known == text)
        {
            kept.push(text.to_owned());
        }
    }
    kept
}

/// A client's text in a message: quoted, escaped and cut.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(32).collect::<String>())
}
