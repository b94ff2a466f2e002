//! [`Reason`]: the one flat list of everything passkeyd can refuse, with its help texts.
//!
//! The table below is the only place where a reason is defined. Logs, audit records, wire error tables and the error catalogue
//! all read from it, so a name that has been released is never changed.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The text is not the name of any [`Reason`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a reason")]
pub struct UnknownReason(pub String);

/// What kind of refusal a [`Reason`] is.
///
/// Each wire maps every class to its own statuses and codes, and lists only the reasons that it places elsewhere. So a new
/// reason needs a class and no more, unless a wire has a special word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The body cannot be read.
    Malformed,
    /// The body can be read, and the credential in it does not have the form that WebAuthn prescribes.
    Form,
    /// The request can be read, and something in it or in the settings that it uses is missing or not allowed.
    Invalid,
    /// Something that the request names does not exist.
    Absent,
    /// The caller is not known or not allowed to do this.
    Forbidden,
    /// The request conflicts with what is stored: the object exists already, or a limit is reached.
    Conflict,
    /// The ceremony does not exist, has expired or has already ended.
    Ceremony,
    /// The credential was read, and it does not prove what the ceremony demands.
    Verdict,
    /// Only at registration: the attestation, the authenticator model or the metadata about the model is not accepted.
    Attestation,
    /// Too many requests; the same request may succeed later.
    Limited,
    /// The store is not available; the same request may succeed later.
    Unavailable,
    /// A fault of passkeyd or of its data.
    Internal,
}

macro_rules! reasons {
    ($( $variant:ident $class:ident $name:literal $section:literal $what:literal $causes:literal $fix:literal )+) => {
        /// Why something was refused or could not be done; stable, flat and exhaustive over the whole of passkeyd.
        ///
        /// `Display` and serde use the `snake_case` name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reason {
            $( #[doc = $what] #[serde(rename = $name)] $variant, )+
        }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Reason] = &[ $( Reason::$variant, )+ ];

            /// The stable `snake_case` name.
            pub const fn name(self) -> &'static str {
                match self { $( Reason::$variant => $name, )+ }
            }

            /// What kind of refusal it is.
            pub const fn class(self) -> Class {
                match self { $( Reason::$variant => Class::$class, )+ }
            }

            /// The section of the specification (WebAuthn Level 3 unless another document is named), or `-` for reasons
            /// that come from passkeyd itself.
            pub const fn section(self) -> &'static str {
                match self { $( Reason::$variant => $section, )+ }
            }

            /// What went wrong, for a person who does not know the specification.
            pub const fn what(self) -> &'static str {
                match self { $( Reason::$variant => $what, )+ }
            }

            /// The likely causes.
            pub const fn causes(self) -> &'static str {
                match self { $( Reason::$variant => $causes, )+ }
            }

            /// How to fix it.
            pub const fn fix(self) -> &'static str {
                match self { $( Reason::$variant => $fix, )+ }
            }
        }
    };
}

reasons! {
// --- the JSON that carries a credential -------------------------------------------------------------------------------
JsonMalformed Malformed "json_malformed" "RFC 8259"
    "The body is not valid JSON in UTF-8."
    "The body was cut off, sent as a form, or built by joining strings."
    "Send the output of JSON.stringify with the content type application/json."
JsonDuplicateMember Malformed "json_duplicate_member" "RFC 8259 section 4"
    "A JSON object has the same member twice."
    "The body was assembled by hand, or an attacker wants two parsers to read different values."
    "Send each member once."
JsonTooDeep Malformed "json_too_deep" "-"
    "The JSON is nested deeper than any WebAuthn message needs."
    "A value was wrapped in itself repeatedly, or the request is an attack."
    "Send the credential as the browser returned it, without wrapping it."
JsonTooLarge Malformed "json_too_large" "-"
    "The JSON contains a string, array or object that exceeds the size limits."
    "The body contains unrelated data, or the request is an attack."
    "Send only the members that the documentation of the call lists."
RequestInvalid Invalid "request_invalid" "-"
    "The request does not have the documented form."
    "A required parameter is missing, or a parameter has the wrong type or value."
    "Compare the request with the documentation of the call. The details name the parameter."
CredentialTypeMismatch Form "credential_type_mismatch" "5.1, 7.1 step 3"
    "The credential's `type` is not `public-key`."
    "Another kind of credential (password, federated) was sent, or the member was rewritten on the way."
    "Send the PublicKeyCredential from navigator.credentials unchanged, for example with its toJSON() method."
CredentialIdInvalid Form "credential_id_invalid" "5.1"
    "The credential's `id` is missing, empty or not a string."
    "The credential was copied member by member and `id` was lost."
    "Send the whole credential as toJSON() returns it."
CredentialIdMismatch Verdict "credential_id_mismatch" "5.1, 7.1 step 13"
    "`id`, `rawId` and the credential ID in the authenticator data are not the same bytes."
    "The client encoded `rawId` differently, or someone replaced the ID."
    "Encode `rawId` as base64url without padding, and send `id` as the browser returned it."
CredentialIdTooLong Verdict "credential_id_too_long" "7.1 step 25"
    "The credential ID is longer than 1023 bytes."
    "The authenticator is faulty, or the credential is forged."
    "Use another authenticator. The specification fixes the limit."
CredentialIdTooShort Verdict "credential_id_too_short" "6.1"
    "The credential ID is shorter than this Relying Party accepts, so it could be guessed or collide with another one."
    "A test tool or a faulty authenticator created the credential."
    "Use another authenticator, or lower the minimum length in the policy."
AuthenticatorAttachmentInvalid Form "authenticator_attachment_invalid" "5.4.5"
    "`authenticatorAttachment` is not a string."
    "The client library sent a number, a list or an object."
    "Send `platform`, `cross-platform` or null, as the browser reported it."
ResponseMemberMissing Form "response_member_missing" "5.2, 7.1 step 3, 7.2 step 3"
    "The credential has no usable `response`: it, or one of its required members, is missing, empty or not a string."
    "The credential was filtered or rebuilt by hand, the response of the other ceremony was sent, or the members of `response` are at the top level."
    "Send the browser's whole credential object as toJSON() returns it."
ResponseInconsistent Form "response_inconsistent" "5.2"
    "The response contradicts itself: it mixes members of both ceremonies, or a copy differs from the original."
    "Two responses were merged, or a copy of the public key was changed."
    "Send exactly the response of the ceremony that the call finishes."
Base64Invalid Form "base64_invalid" "3, RFC 4648 section 5"
    "A binary value is not strict base64url."
    "Standard base64 (`+`, `/`, `=`) was used, the value contains white space, or it was cut off."
    "Encode binary values with the URL-safe alphabet and without padding."
SignatureMalformed Form "signature_malformed" "5.2.2"
    "The `signature` member cannot be a signature because of its size."
    "Another value was put into the member."
    "Send `response.signature` as the browser returned it."
AttestationObjectMalformed Attestation "attestation_object_malformed" "6.5.4"
    "The `attestationObject` member is larger than any real attestation object."
    "Another value was put into the member."
    "Send `response.attestationObject` as the browser returned it."
UserHandleInvalid Form "user_handle_invalid" "5.4.3"
    "The user handle is not 1 to 64 bytes encoded as base64url."
    "The client sent it as plain text, encoded it twice, replaced it with a user name, or sent an empty string."
    "Send `response.userHandle` as `credential.toJSON()` returns it, or leave it out."
// --- client data ------------------------------------------------------------------------------------------------------
ClientDataMalformed Form "client_data_malformed" "5.8.1, 7.1 step 5, 7.2 step 8"
    "The client data is not a JSON object with the members that the specification requires."
    "`clientDataJSON` was parsed and serialized again, encoded twice or cut off."
    "Forward `response.clientDataJSON` byte for byte as base64url."
ClientDataTypeMismatch Form "client_data_type_mismatch" "7.1 step 7, 7.2 step 10"
    "The browser created this response in another kind of ceremony."
    "A registration response was sent to a sign-in, or a sign-in response to a registration."
    "Send the response of navigator.credentials.create to the registration and the response of navigator.credentials.get to the authentication."
ChallengeMismatch Verdict "challenge_mismatch" "7.1 step 8, 7.2 step 11"
    "The response was created for another challenge."
    "The page used old options, two tabs were mixed up, or an old response is replayed."
    "Request new options and send the response to exactly these. Decode the challenge from base64url once."
OriginNotAllowed Verdict "origin_not_allowed" "7.1 step 9, 7.2 step 12"
    "The response comes from a page or an app whose origin is not on the list of allowed origins."
    "The scheme, host or port differs from the configuration, the key hash of an app is not listed, or this is phishing."
    "Only if the page is yours, add its origin to the Relying Party's origins exactly as the browser writes it, without a path or a trailing slash."
CrossOriginNotAllowed Verdict "cross_origin_not_allowed" "7.1 step 10, 7.2 step 13"
    "The ceremony ran in a frame inside a page of another origin."
    "The sign-in page is shown in an iframe, or another site embeds it without permission."
    "Run the ceremony in a top-level page, or allow embedding for this Relying Party."
TopOriginNotAllowed Verdict "top_origin_not_allowed" "7.1 step 11, 7.2 step 14"
    "The page that embeds the ceremony is not on the list of allowed top origins."
    "The embedding site is not configured, or `topOrigin` was sent although nothing was embedded."
    "Add the exact origin of the embedding page to the allowed top origins."
TokenBindingUnsupported Verdict "token_binding_unsupported" "5.8.1"
    "The client claims that the response is bound to a TLS token."
    "The browser is very old and uses token binding. No server can check this claim any more."
    "Update the browser, or turn token binding off in it."
// --- CBOR and authenticator data --------------------------------------------------------------------------------------
CborMalformed Verdict "cbor_malformed" "2.4, CTAP 8"
    "A binary structure of the authenticator is not strict CBOR."
    "The value was cut off or encoded again, or the authenticator is faulty."
    "Forward the bytes unchanged. If they already are unchanged, report the authenticator to its vendor."
CborDuplicateKey Verdict "cbor_duplicate_key" "2.4, CTAP 8"
    "A CBOR map has the same key twice."
    "The authenticator is faulty, or an attacker wants two parsers to read different values."
    "Use another authenticator."
TrailingBytes Verdict "trailing_bytes" "6.1, 6.5.4"
    "A structure is followed by bytes that do not belong to it."
    "Two values were joined, or someone changed the data."
    "Forward the browser's values unchanged."
AttestationObjectMembers Attestation "attestation_object_members" "6.5.4"
    "The attestation object does not contain exactly `fmt`, `attStmt` and `authData` with the right types."
    "Another value was sent as `attestationObject`, or the object was rebuilt by hand."
    "Send `response.attestationObject` as the browser returned it."
AuthenticatorDataMalformed Verdict "authenticator_data_malformed" "6.1"
    "The authenticator data is too short, or its lengths and flags contradict each other."
    "The value was cut off, or an old browser or security key with a known bug wrote it."
    "Forward the bytes unchanged. Update the browser and the firmware of the authenticator."
RpIdHashMismatch Verdict "rp_id_hash_mismatch" "7.1 step 14, 7.2 step 15"
    "The authenticator created the response for another RP ID."
    "The RP ID was changed after the registration, or the options came from another service."
    "Use the same RP ID in the options and in the configuration. A passkey cannot move to another RP ID."
UserNotPresent Verdict "user_not_present" "7.1 step 15, 7.2 step 16"
    "The authenticator did not ask the user for a gesture."
    "A silent test authenticator was used, or the data is forged."
    "Repeat the ceremony with an authenticator that asks for a touch or a confirmation."
UserNotVerified Verdict "user_not_verified" "7.1 step 16, 7.2 step 17"
    "The ceremony requires user verification (PIN or biometrics), and the authenticator did not perform it."
    "The security key has no PIN, or the options required less than the ceremony does."
    "Set up a PIN or biometrics on the authenticator, or change the user verification requirement to `preferred`."
BackupFlagsInvalid Verdict "backup_flags_invalid" "6.1.3, 7.1 step 17, 7.2 step 18"
    "The authenticator reports that the credential is backed up although it is not eligible for backup."
    "The authenticator is faulty, or the data is forged."
    "Use another authenticator, or update its software."
BackupPolicyRefused Verdict "backup_policy_refused" "7.1 steps 18-19"
    "The policy of this Relying Party on synced passkeys does not accept this credential."
    "The user chose a synced passkey where the policy accepts only device-bound ones, or the other way round."
    "Use an authenticator of the required kind, for example a hardware security key."
BackupEligibilityChanged Verdict "backup_eligibility_changed" "6.1.3, 7.2 step 19"
    "The credential's backup eligibility flag (BE) differs from the stored one, and the policy does not accept this change."
    "A passkey provider changed the flag, two apps share one vault, or another authenticator has a copy of the key."
    "Register the passkey again, or set `backup.eligibility_change` in the policy to `accept_gain` (false to true) or `accept_change` (both ways)."
AttestedCredentialDataMissing Verdict "attested_credential_data_missing" "6.5.1, 7.1 step 13"
    "The registration response contains no new credential."
    "The authenticator data of a sign-in was sent."
    "Send the response of navigator.credentials.create."
AttestedCredentialDataUnexpected Verdict "attested_credential_data_unexpected" "6.1"
    "A sign-in response contains the data of a new credential, which authenticators do not send in a sign-in."
    "Registration data was sent as a sign-in, or the browser is very old."
    "Send the response of navigator.credentials.get, and update the browser."
// --- keys and algorithms ----------------------------------------------------------------------------------------------
CoseKeyMalformed Verdict "cose_key_malformed" "6.5.1.1"
    "The credential's public key is not a well-formed COSE key."
    "The authenticator is faulty, or members of the key were added or left out."
    "Use another authenticator, or update its firmware."
CoseKeyAlgorithmMismatch Verdict "cose_key_algorithm_mismatch" "5.8.5"
    "The key type, curve and algorithm of the public key do not fit together."
    "The authenticator is faulty, or an attacker wants the key to be used with another algorithm."
    "Use another authenticator."
CoseKeyPointInvalid Verdict "cose_key_point_invalid" "5.8.5"
    "The public key is not a usable point of its curve."
    "The authenticator is faulty, or the key was made for an attack."
    "Use another authenticator."
CoseKeyRsaInvalid Verdict "cose_key_rsa_invalid" "RFC 8230 section 4"
    "The RSA key is too short or too long, or its modulus or exponent is unsafe."
    "The authenticator is outdated, or the key was made for an attack."
    "Use an authenticator with RSA keys of 2048 to 4096 bits or with elliptic curves."
AlgorithmNotAllowed Verdict "algorithm_not_allowed" "7.1 step 20"
    "The credential uses an algorithm that was not offered in this ceremony."
    "The page changed `pubKeyCredParams`, or the authenticator ignored it."
    "Pass the options to the browser unchanged."
AlgorithmUnsupported Verdict "algorithm_unsupported" "5.8.5"
    "passkeyd does not support this signature algorithm."
    "The authenticator is experimental or outdated, or the algorithm number is invented."
    "Use an authenticator with ES256, EdDSA or RS256."
SignatureInvalid Verdict "signature_invalid" "7.2 step 21"
    "The signature does not match the signed data and the stored public key."
    "The data was changed on the way, the wrong credential was looked up, or the signature is forged."
    "Forward all members of the response unchanged, and repeat the sign-in."
// --- attestation ------------------------------------------------------------------------------------------------------
AttestationFormatUnsupported Attestation "attestation_format_unsupported" "7.1 step 21"
    "passkeyd does not verify attestation statements of this format."
    "The authenticator uses a rare or retired format. Format names are case-sensitive."
    "Request attestation `none`, or use another authenticator."
AttestationStatementMalformed Attestation "attestation_statement_malformed" "7.1 step 22, 8"
    "The attestation statement does not have the structure that its format requires."
    "The authenticator is faulty, a certificate is malformed, or the statement was edited."
    "Use another authenticator, or request attestation `none`."
AttestationSignatureInvalid Attestation "attestation_signature_invalid" "7.1 step 22, 8"
    "The signature of the attestation statement does not verify."
    "The data was changed after it was signed, or the statement belongs to another credential."
    "Forward the attestation object unchanged, and repeat the registration."
AttestationAlgorithmMismatch Attestation "attestation_algorithm_mismatch" "8.2"
    "A self attestation names another algorithm than the credential's key."
    "The authenticator is faulty, or the statement was edited."
    "Use another authenticator."
AttestationKeyMismatch Attestation "attestation_key_mismatch" "8.4, 8.8"
    "The attestation certificate is not for the credential's key."
    "The statement was taken from another registration."
    "Repeat the registration."
AttestationCertificateKey Attestation "attestation_certificate_key" "8.6"
    "The key in the attestation certificate is of a kind that the format does not allow."
    "The authenticator is faulty, or the certificate is forged."
    "Use another authenticator."
CertificateRequirements Attestation "certificate_requirements" "8.2.1, 8.2.2, 8.3.1"
    "The attestation certificate violates a rule for attestation certificates."
    "A certificate for another purpose was used: its version, subject, CA flag or extensions are wrong."
    "Use a certified authenticator. The message names the rule."
AaguidExtensionMismatch Attestation "aaguid_extension_mismatch" "8.2.1"
    "The attestation certificate was issued for another authenticator model."
    "Another model made the statement, or the AAGUID was changed."
    "Use a certified authenticator."
AaguidNotZero Attestation "aaguid_not_zero" "8.6"
    "A U2F registration names an authenticator model, although U2F authenticators have none."
    "The strict conformance mode is on, or the data was edited."
    "Turn the conformance mode off unless you run the conformance tools."
AttestationUntrusted Attestation "attestation_untrusted" "7.1 steps 23-24"
    "The attestation certificate does not chain to a trusted root."
    "The root of this model is not configured, an intermediate certificate is missing, or the statement is not genuine."
    "Add the vendor's root to the trust anchors, or accept unknown authenticators in the policy."
AttestationPolicyRefused Attestation "attestation_policy_refused" "7.1 step 24"
    "The policy of this Relying Party does not accept this kind of attestation."
    "The policy requires an attestation, and the browser or the user withheld it."
    "Allow the browser to reveal the model, use another authenticator, or relax the policy."
CertificateExpired Attestation "certificate_expired" "RFC 5280 section 6.1"
    "An attestation certificate had expired at the time of registration."
    "The authenticator is old, or the server's clock is wrong."
    "Check the server's clock, or use a newer authenticator."
CertificateNotYetValid Attestation "certificate_not_yet_valid" "RFC 5280 section 6.1"
    "An attestation certificate was not yet valid at the time of registration."
    "The server's clock is wrong, or the certificate was issued with a wrong date."
    "Check the server's clock."
TpmStructure Attestation "tpm_structure" "8.3, TPM 2.0 part 2"
    "passkeyd cannot read a TPM structure in the statement."
    "The statement was cut off or edited, or the TPM uses an unknown layout."
    "Repeat the registration, and update the firmware of the TPM."
TpmPubareaKeyMismatch Attestation "tpm_pubarea_key_mismatch" "8.3"
    "The key that the TPM certified is not the credential's key."
    "The statement belongs to another registration."
    "Repeat the registration."
TpmVendorUnknown Attestation "tpm_vendor_unknown" "8.3.1"
    "The TPM's manufacturer is not in the registry of known vendors."
    "The TPM is simulated, or its vendor is very new."
    "Update passkeyd, or allow test vendors in the policy while you test."
TpmMagic Attestation "tpm_magic" "8.3"
    "The TPM statement lacks the magic number of structures that are made inside a TPM."
    "Software outside the TPM made the statement."
    "Use a genuine TPM."
TpmType Attestation "tpm_type" "8.3"
    "The TPM statement does not certify a key."
    "Another kind of TPM quote was sent."
    "Repeat the registration."
TpmExtraData Attestation "tpm_extra_data" "8.3"
    "The TPM statement was not made for this registration."
    "A statement was replayed, or the data was changed."
    "Repeat the registration."
TpmNameMismatch Attestation "tpm_name_mismatch" "8.3"
    "The TPM certified a key with another name than the one that was sent."
    "The key description was replaced or edited."
    "Repeat the registration."
AndroidKeyExtension Attestation "android_key_extension" "8.4.1"
    "The Android key description in the certificate is missing or unreadable."
    "The certificate does not come from the Android key store."
    "Use a device with a genuine key store."
AndroidKeyChallenge Attestation "android_key_challenge" "8.4"
    "The Android key was attested for another registration."
    "A statement was replayed, or the client data was changed."
    "Repeat the registration."
AndroidKeyAllApplications Attestation "android_key_all_applications" "8.4"
    "Every application may use the Android key, so it is not bound to this Relying Party."
    "The key was created with unsafe settings."
    "Use another authenticator."
AndroidKeyOrigin Attestation "android_key_origin" "8.4"
    "The Android key is not marked as generated inside the key store."
    "The key was imported, or the mark is missing."
    "Use another authenticator."
AndroidKeyPurpose Attestation "android_key_purpose" "8.4"
    "The Android key is not marked as a signing key."
    "The key was created for another purpose, or the mark is missing."
    "Use another authenticator."
SafetynetMalformed Attestation "safetynet_malformed" "8.5"
    "The SafetyNet response cannot be read as a signed statement."
    "The value was cut off or edited."
    "Use a current Android version. Google has withdrawn SafetyNet."
SafetynetVersion Attestation "safetynet_version" "8.5"
    "The SafetyNet statement names no version."
    "The statement is forged or edited."
    "Use a current Android version. Google has withdrawn SafetyNet."
SafetynetHost Attestation "safetynet_host" "8.5"
    "The SafetyNet statement was not signed by the attestation service."
    "The certificate belongs to another host."
    "Use a current Android version. Google has withdrawn SafetyNet."
SafetynetNonce Attestation "safetynet_nonce" "8.5"
    "The SafetyNet statement was made for another registration."
    "A statement was replayed, or the data was changed."
    "Repeat the registration."
SafetynetCtsProfile Attestation "safetynet_cts_profile" "8.5"
    "SafetyNet reports that the device did not pass the compatibility tests."
    "The device is rooted or runs a modified system."
    "Use an unmodified device."
SafetynetTimestamp Attestation "safetynet_timestamp" "8.5"
    "The SafetyNet statement is too old or dated in the future."
    "A statement was replayed, or a clock is wrong."
    "Check the clocks, and repeat the registration."
AppleNonce Attestation "apple_nonce" "8.8"
    "The Apple certificate was not issued for this registration."
    "A statement was replayed, or the data was changed."
    "Repeat the registration."
// --- metadata ---------------------------------------------------------------------------------------------------------
MetadataUnavailable Attestation "metadata_unavailable" "MDS 3.1.1"
    "The metadata of the FIDO Alliance could not be fetched or loaded."
    "There is no network route, a proxy blocks the request, or a file name is wrong."
    "Check the address and the network, or load the metadata from a file."
MetadataMalformed Attestation "metadata_malformed" "MDS 3.1.1"
    "The metadata file does not have the form that its standard prescribes."
    "An error page was saved as metadata, or the file was cut off."
    "Fetch the file again."
MetadataUntrusted Attestation "metadata_untrusted" "MDS 3.1.1"
    "The signature of the metadata does not chain to the configured root."
    "The file was changed, or its signer moved to another root."
    "Fetch the file again, and check the configured metadata root."
MetadataRollback Attestation "metadata_rollback" "MDS 3.1.1"
    "The metadata is older than the metadata already loaded."
    "A cache served an old copy, or an attacker did."
    "Load the newest metadata."
MetadataStale Attestation "metadata_stale" "MDS 3.1.1"
    "The metadata is past its update date."
    "Updates have been failing for some time."
    "Let passkeyd reach the metadata service, or load a newer file."
MetadataRootsUnreadable Attestation "metadata_roots_unreadable" "7.1 step 23, MDS 3.1.1"
    "The metadata lists root certificates for this authenticator model, and passkeyd cannot read any of them."
    "The publisher of the metadata made a mistake in the model's entry, or the certificates have a form that passkeyd does not support."
    "Run `passkeyd mds show`, which names the model and the problem. Import a corrected edition, or use another authenticator model."
AuthenticatorStatusRefused Attestation "authenticator_status_refused" "7.1 step 23, MDS 3.1.1"
    "The metadata reports a security problem or a missing certification of this authenticator model."
    "The model was revoked or compromised, or it lacks the required certification level."
    "Use another authenticator model."
AuthenticatorUnknown Attestation "authenticator_unknown" "7.1 step 23, MDS 3.1.1"
    "The authenticator model is not in the metadata, and the policy requires known models."
    "The authenticator is new, uncertified or synced."
    "Update the metadata, use a certified model, or relax the policy."
AuthenticatorModelRefused Attestation "authenticator_model_refused" "7.1 step 24"
    "The policy of this Relying Party does not accept this authenticator model."
    "The model is on the list of denied models, or it is not on the list of allowed models."
    "Use an accepted authenticator, or change the lists of models in the policy."
CredentialProtectionInsufficient Attestation "credential_protection_insufficient" "7.1 step 28, CTAP 12.1"
    "The authenticator did not protect the credential as strongly as the policy requires."
    "The authenticator does not support the credProtect extension, or chose a lower level."
    "Use an authenticator with CTAP 2.1, or do not enforce the protection level in the policy."
// --- authentication ---------------------------------------------------------------------------------------------------
CredentialNotAllowed Verdict "credential_not_allowed" "7.2 step 5, 7.2 step 6"
    "The response comes from a credential that may not be used in this sign-in."
    "The sign-in was started for one user, and the passkey of another user was chosen, or the options did not list this passkey."
    "Choose a passkey of the named user, or start the sign-in without a user name. The passkey itself is not out of date."
CredentialUnknown Absent "credential_unknown" "7.2 step 6"
    "This Relying Party has no such credential."
    "The passkey was deleted on the server and is still on the device, or it was registered at another service."
    "Choose another passkey or register a new one. If the passkey was deleted on the server, remove it from the device."
CredentialRpMismatch Verdict "credential_rp_mismatch" "7.2 step 6"
    "The credential and the ceremony belong to different Relying Parties."
    "Two services share a page, or the RP ID was changed after the registration."
    "Finish the ceremony at the service that started it."
UserHandleMissing Verdict "user_handle_missing" "7.2 step 6"
    "The response to a sign-in without a user name contains no user handle."
    "The passkey is not discoverable, or the client dropped `response.userHandle`."
    "Forward `response.userHandle`, or start the sign-in with the user's name."
UserHandleMismatch Verdict "user_handle_mismatch" "7.2 step 6"
    "The user handle in the response is not the one of the credential's owner."
    "The client sent it as plain text, encoded it twice or replaced it with another value, or someone is trying to sign in as another user."
    "Send `response.userHandle` as `credential.toJSON()` returns it."
SignCountNotIncreased Verdict "sign_count_not_increased" "6.1.1, 7.2 step 22"
    "The authenticator's signature counter did not increase."
    "Someone may have a copy of the key, or a synced passkey reports a constant counter."
    "Ask the user whether the sign-in was theirs. If you accept synced passkeys, treat the counter only as a signal."
// --- ceremonies, records and the store --------------------------------------------------------------------------------
CeremonyNotFound Ceremony "ceremony_not_found" "7.1 step 8, 7.2 step 11"
    "No ceremony is waiting for this response."
    "passkeyd never issued the challenge, or the record of the ceremony was already removed."
    "Start a new ceremony, and send the response to its options."
CeremonyExpired Ceremony "ceremony_expired" "15.1"
    "The response arrived after the ceremony expired."
    "The user took too long, or an old page was left open."
    "Start a new ceremony."
CeremonyUsed Ceremony "ceremony_used" "13.4.3"
    "The ceremony has already received a response. Each ceremony accepts one."
    "The request was sent twice, or an old response is replayed."
    "Start a new ceremony."
CredentialExists Conflict "credential_exists" "7.1 step 26"
    "A credential with this ID is already registered."
    "The same registration was sent twice, or the authenticator was registered before."
    "Sign in with the existing passkey, and pass `excludeCredentials` to the browser. Register a further passkey only in that user's session: the person who completes the registration can sign in as this user."
TooManyCredentials Conflict "too_many_credentials" "-"
    "The user has reached the maximum number of credentials."
    "Old passkeys were never removed."
    "Delete passkeys that are no longer used."
UserUnknown Absent "user_unknown" "-"
    "This Relying Party has no such user."
    "The user was deleted, or the name is spelled differently. Names are case-sensitive."
    "Check the name, or create the user first."
UserExists Conflict "user_exists" "-"
    "A user with this name already exists."
    "The request to create the user was sent twice."
    "Use the existing user."
RelyingPartyUnknown Absent "relying_party_unknown" "-"
    "This account has no such Relying Party."
    "The identifier is wrong, or the Relying Party was deleted."
    "Check the identifier."
AuthenticatorCriteriaMissing Invalid "authenticator_criteria_missing" "5.4.4"
    "Neither the request nor the settings state which authenticators are accepted."
    "The authenticator attachment, discoverability or user verification is set in neither place."
    "Send the missing criteria in the request, or configure them once for the Relying Party."
CredentialNotRegistered Invalid "credential_not_registered" "-"
    "The registration of this credential was started and has not succeeded."
    "The browser's response was never sent, or it was refused."
    "Finish the registration, or start a new one."
RelyingPartyIncomplete Invalid "relying_party_incomplete" "5.4.2"
    "The Relying Party has no RP ID or no origins, so no ceremony can start."
    "The Relying Party was created without passkeys settings."
    "Configure the RP ID and at least one origin."
RpIdPublicSuffix Invalid "rp_id_public_suffix" "5.1.3"
    "The RP ID is a public suffix, such as `com`, `co.uk` or `github.io`. Browsers refuse it, because anybody can have a domain below it."
    "The RP ID was shortened by one label too many."
    "Configure your own domain, for example `example.co.uk`."
OriginsOutsideRpId Invalid "origins_outside_rp_id" "5.1.3"
    "The origins name web pages, and none of them is at the RP ID or below it. Browsers refuse the RP ID on all of these pages."
    "The RP ID was misspelled, it is a subdomain of the pages' host, or only one of RP ID and origins was changed."
    "Use the host of the pages, or a registrable domain above it, as the RP ID. Change RP ID and origins in one request. If all pages are related origins, list the origin `https://` and the RP ID as well."
AccountUnknown Absent "account_unknown" "-"
    "This account does not exist."
    "The account identifier is wrong."
    "Check the account identifier."
AccessDenied Forbidden "access_denied" "-"
    "The caller's credentials are missing or wrong, or do not permit this call."
    "The key is wrong, was revoked, or belongs to another account."
    "Check the key and the account in the request."
ScopeMissing Forbidden "scope_missing" "-"
    "The caller's key is valid, and it was not made for this call."
    "The key has some of the scopes `read`, `enrol`, `approve` and `manage`, and the call needs another one."
    "Use a key with the scope that the message names, or create one: an account's Auth Token may do everything."
RateLimited Limited "rate_limited" "-"
    "More requests arrive than the limits of this passkeyd allow. Nothing was changed."
    "One client address, account or Relying Party sends too many requests. Behind a proxy that is not in `trusted_proxies`, all clients count as one."
    "Repeat the request after the time in the `Retry-After` header. The limits are in the section `[rates]` of the configuration."
TooManyCeremonies Limited "too_many_ceremonies" "-"
    "Too many ceremonies were started for this user in the last minute. Nothing was changed."
    "A page starts ceremonies in a loop, or an attacker types this user's name again and again."
    "Repeat the request after the time in the `Retry-After` header. Limit the sign-in form of your own pages too."
StoreUnavailable Unavailable "store_unavailable" "-"
    "The database is unavailable at the moment. Nothing was changed."
    "The database is restarting, failing over or overloaded."
    "Repeat the request after a short pause."
ConcurrentChanges Unavailable "concurrent_changes" "-"
    "Other requests changed the same object each time that passkeyd tried, so nothing was changed by this request."
    "Many requests change the same object at once."
    "Repeat the request after a short pause. Change an object from one place at a time."
StoreUnknownOutcome Unavailable "store_unknown_outcome" "-"
    "The database did not confirm whether the change was made."
    "The connection broke while the change was being saved."
    "Read the current state before you repeat the request."
RecordUnreadable Internal "record_unreadable" "-"
    "passkeyd cannot read a stored record."
    "A newer version wrote it, it was edited by hand, or it is damaged."
    "Restore the record from a backup, or upgrade passkeyd. Repair the disk if it is damaged."
Internal Internal "internal" "-"
    "passkeyd reached a state that should not exist."
    "passkeyd has a bug."
    "Report it with the request ID from the log."
}

impl Reason {
    /// The part of [`Reason::section`] that lies in one procedure, for example `7.1`; the whole where none does.
    pub fn section_within(self, procedure: &str) -> &'static str {
        let whole = self.section();
        whole
            .split(", ")
            .find(|part| part.starts_with(procedure))
            .unwrap_or(whole)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.name() == name)
            .ok_or_else(|| UnknownReason(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_is_found_by_its_name_and_names_are_unique() {
        let mut names = HashSet::new();
        for reason in Reason::ALL {
            assert_eq!(reason.name().parse::<Reason>(), Ok(*reason));
            assert_eq!(reason.to_string(), reason.name());
            assert!(names.insert(reason.name()), "{reason} occurs twice");
            assert!(
                reason
                    .name()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            );
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
        assert!("Challenge_mismatch".parse::<Reason>().is_err());
    }

    #[test]
    fn a_section_is_narrowed_to_the_procedure_that_refused() {
        assert_eq!(
            Reason::ChallengeMismatch.section_within("7.1"),
            "7.1 step 8"
        );
        assert_eq!(
            Reason::ChallengeMismatch.section_within("7.2"),
            "7.2 step 11"
        );
        assert_eq!(
            Reason::CredentialTypeMismatch.section_within("7.2"),
            "5.1, 7.1 step 3"
        );
    }

    #[test]
    fn every_help_text_is_a_sentence() {
        for reason in Reason::ALL {
            for text in [reason.what(), reason.causes(), reason.fix()] {
                assert!(text.len() > 15 && text.ends_with('.'), "{reason}: {text}");
            }
            assert!(!reason.section().is_empty());
        }
    }
}
