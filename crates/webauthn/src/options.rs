//! The options of a ceremony in the JSON forms of WebAuthn Level 3, 5.1.8 and 5.1.9: camelCase, base64url, no null members.

use crate::base64url;
use crate::cose::CoseAlgorithm;
use crate::credential::{CredentialId, UserHandle};
use crate::relying_party::RpId;
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};

/// The wish for user verification (WebAuthn 5.8.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum UserVerification {
    /// The ceremony fails without it.
    Required,
    /// Wanted, not demanded.
    #[default]
    Preferred,
    /// Not wanted.
    Discouraged,
}

/// The wish for a discoverable credential (WebAuthn 5.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum ResidentKey {
    /// The ceremony fails without it.
    Required,
    /// Wanted, not demanded.
    #[default]
    Preferred,
    /// Not wanted.
    Discouraged,
}

/// Where the authenticator sits (WebAuthn 5.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthenticatorAttachment {
    /// Built into the device.
    Platform,
    /// Removable, or another device.
    CrossPlatform,
}

impl AuthenticatorAttachment {
    /// All values.
    pub const ALL: [Self; 2] = [Self::Platform, Self::CrossPlatform];

    /// The specification's string.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::CrossPlatform => "cross-platform",
        }
    }

    /// Reads the specification's string; an unknown one is `None` (5.4.5: unknown values are ignored).
    pub fn from_known(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// Whether the text is this word of the specification, in any case and with `_` for `-`: some client libraries send the name of
/// their constant (`CROSS_PLATFORM`) for the word that it stands for (`cross-platform`).
pub fn is_word(text: &str, word: &str) -> bool {
    let folded = |byte: u8| match byte {
        b'_' => b'-',
        other => other.to_ascii_lowercase(),
    };
    text.len() == word.len() && text.bytes().map(folded).eq(word.bytes().map(folded))
}

/// The wish for an attestation statement (WebAuthn 5.4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum AttestationConveyance {
    /// Not wanted.
    #[default]
    None,
    /// The client may anonymise it.
    Indirect,
    /// As the authenticator makes it.
    Direct,
    /// With identification of the single device.
    Enterprise,
}

/// A reference to a credential (WebAuthn 5.8.3). Serialises with `type` and an always present `transports` array.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CredentialDescriptor {
    /// The credential id.
    pub id: CredentialId,
    /// How the client may reach the authenticator; unknown words are kept.
    pub transports: Vec<String>,
}

impl Serialize for CredentialDescriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("CredentialDescriptor", 3)?;
        object.serialize_field("type", "public-key")?;
        object.serialize_field("id", &self.id)?;
        object.serialize_field("transports", &self.transports)?;
        object.end()
    }
}

/// The Relying Party in creation options (WebAuthn 5.4.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelyingPartyEntity {
    /// The RP ID.
    pub id: RpId,
    /// A name to show; deprecated in Level 3 and still required.
    pub name: String,
}

/// The user in creation options (WebAuthn 5.4.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserEntity {
    /// The user handle.
    pub id: UserHandle,
    /// The account's name.
    pub name: String,
    /// The name to show.
    pub display_name: String,
}

/// Wishes about the authenticator (WebAuthn 5.4.4). Serialises with `requireResidentKey`, which is true exactly when
/// `residentKey` is `required`: Level 1 clients read only the former.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorSelection {
    /// No wish when absent.
    pub authenticator_attachment: Option<AuthenticatorAttachment>,
    /// Discoverable credential?
    pub resident_key: ResidentKey,
    /// User verification?
    pub user_verification: UserVerification,
}

impl Serialize for AuthenticatorSelection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        if let Some(attachment) = self.authenticator_attachment {
            object.serialize_entry("authenticatorAttachment", &attachment)?;
        }
        object.serialize_entry("residentKey", &self.resident_key)?;
        object.serialize_entry(
            "requireResidentKey",
            &(self.resident_key == ResidentKey::Required),
        )?;
        object.serialize_entry("userVerification", &self.user_verification)?;
        object.end()
    }
}

/// `PublicKeyCredentialCreationOptionsJSON` (WebAuthn 5.1.8, 5.4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    /// The Relying Party.
    pub rp: RelyingPartyEntity,
    /// The user.
    pub user: UserEntity,
    /// The challenge's bytes; base64url in JSON.
    #[serde(with = "base64url::bytes")]
    pub challenge: Vec<u8>,
    /// Algorithms, most wanted first.
    #[serde(with = "parameters")]
    pub pub_key_cred_params: Vec<CoseAlgorithm>,
    /// How long the client may take, in milliseconds.
    pub timeout: u32,
    /// Credentials that the user has already; always an array.
    pub exclude_credentials: Vec<CredentialDescriptor>,
    /// Wishes about the authenticator.
    pub authenticator_selection: AuthenticatorSelection,
    /// Wish for a statement.
    pub attestation: AttestationConveyance,
    /// Extension inputs, an object; left out when `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<serde_json::Value>,
}

/// `PublicKeyCredentialRequestOptionsJSON` (WebAuthn 5.1.9, 5.5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// The challenge's bytes; base64url in JSON.
    #[serde(with = "base64url::bytes")]
    pub challenge: Vec<u8>,
    /// How long the client may take, in milliseconds.
    pub timeout: u32,
    /// The RP ID.
    pub rp_id: RpId,
    /// The allowed credentials; always an array, empty for any discoverable one.
    pub allow_credentials: Vec<CredentialDescriptor>,
    /// Wish for user verification.
    pub user_verification: UserVerification,
    /// Extension inputs, an object; left out when `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<serde_json::Value>,
}

/// `pubKeyCredParams`: `[{"type":"public-key","alg":-7}]` (WebAuthn 5.3).
mod parameters {
    use super::CoseAlgorithm;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Parameter {
        #[serde(rename = "type")]
        kind: std::borrow::Cow<'static, str>,
        alg: CoseAlgorithm,
    }

    pub(super) fn serialize<S: Serializer>(
        algorithms: &[CoseAlgorithm],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(algorithms.iter().map(|alg| Parameter {
            kind: "public-key".into(),
            alg: *alg,
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<CoseAlgorithm>, D::Error> {
        let parameters = Vec::<Parameter>::deserialize(deserializer)?;
        Ok(parameters
            .into_iter()
            .filter(|parameter| parameter.kind == "public-key")
            .map(|parameter| parameter.alg)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn creation() -> CreationOptions {
        CreationOptions {
            rp: RelyingPartyEntity {
                id: RpId::parse("example.org").unwrap(),
                name: "Example".into(),
            },
            user: UserEntity {
                id: UserHandle::new(vec![0xfb, 0xff]).unwrap(),
                name: "ada".into(),
                display_name: "Ada".into(),
            },
            challenge: vec![0; 3],
            pub_key_cred_params: vec![CoseAlgorithm::ES256],
            timeout: 300_000,
            exclude_credentials: vec![],
            authenticator_selection: AuthenticatorSelection::default(),
            attestation: AttestationConveyance::None,
            extensions: None,
        }
    }

    #[test]
    fn creation_options_have_the_json_form_of_level_3() {
        let mut options = creation();
        let expected = json!({
            "rp": {"id": "example.org", "name": "Example"},
            "user": {"id": "-_8", "name": "ada", "displayName": "Ada"},
            "challenge": "AAAA",
            "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
            "timeout": 300_000,
            "excludeCredentials": [],
            "authenticatorSelection": {"residentKey": "preferred", "requireResidentKey": false, "userVerification": "preferred"},
            "attestation": "none"
        });
        assert_eq!(serde_json::to_value(&options).unwrap(), expected);
        assert_eq!(
            serde_json::from_value::<CreationOptions>(expected).unwrap(),
            options
        );

        options.authenticator_selection = AuthenticatorSelection {
            authenticator_attachment: Some(AuthenticatorAttachment::CrossPlatform),
            resident_key: ResidentKey::Required,
            user_verification: UserVerification::Required,
        };
        options.exclude_credentials = vec![CredentialDescriptor {
            id: CredentialId::new(vec![1]).unwrap(),
            transports: vec![],
        }];
        options.extensions = Some(json!({"credProps": true}));
        let value = serde_json::to_value(&options).unwrap();
        assert_eq!(
            value["authenticatorSelection"],
            json!({"authenticatorAttachment": "cross-platform", "residentKey": "required", "requireResidentKey": true, "userVerification": "required"})
        );
        assert_eq!(
            value["excludeCredentials"],
            json!([{"type": "public-key", "id": "AQ", "transports": []}])
        );
        assert_eq!(value["extensions"], json!({"credProps": true}));
    }

    #[test]
    fn attachments_are_read_as_they_are_written() {
        use AuthenticatorAttachment::{CrossPlatform, Platform};
        for (attachment, text) in [(Platform, "platform"), (CrossPlatform, "cross-platform")] {
            assert_eq!(attachment.as_str(), text);
            assert_eq!(AuthenticatorAttachment::from_known(text), Some(attachment));
            assert_eq!(serde_json::to_value(attachment).unwrap(), text);
        }
        assert_eq!(AuthenticatorAttachment::from_known("Platform"), None);
    }

    #[test]
    fn the_name_of_a_constant_is_the_word_that_it_stands_for() {
        for text in ["cross-platform", "CROSS_PLATFORM", "Cross-Platform"] {
            assert!(is_word(text, "cross-platform"), "{text}");
        }
        for text in ["", "crossplatform", "cross platform", "cross-platform "] {
            assert!(!is_word(text, "cross-platform"), "{text}");
        }
    }

    #[test]
    fn request_options_have_the_json_form_of_level_3() {
        let options = RequestOptions {
            challenge: vec![0; 3],
            timeout: 1,
            rp_id: RpId::parse("localhost").unwrap(),
            allow_credentials: vec![],
            user_verification: UserVerification::Discouraged,
            extensions: None,
        };
        assert_eq!(
            serde_json::to_value(&options).unwrap(),
            json!({"challenge": "AAAA", "timeout": 1, "rpId": "localhost", "allowCredentials": [], "userVerification": "discouraged"})
        );
    }
}
