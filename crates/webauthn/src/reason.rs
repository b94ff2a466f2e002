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
    /// The store is not available; the same request may succeed later.
    Unavailable,
    /// A fault of passkeyd or of its data.
    Internal,
}

macro_rules! reasons {
    ($( $variant:ident $class:ident $name:literal $section:literal $what:literal $causes:literal $mend:literal )+) => {
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

            /// How to mend it.
            pub const fn mend(self) -> &'static str {
                match self { $( Reason::$variant => $mend, )+ }
            }
        }
    };
}

reasons! {
// --- the JSON that carries a credential -------------------------------------------------------------------------------
JsonMalformed Malformed "json_malformed" "RFC 8259"
    "The text is not valid JSON in UTF-8."
    "The body was cut off, sent as a form or built by joining strings."
    "Send the output of JSON.stringify with content type application/json."
JsonDuplicateMember Malformed "json_duplicate_member" "RFC 8259 section 4"
    "A JSON object names the same member twice."
    "The body was assembled by hand, or someone tries to make two parsers read different values."
    "Send each member once."
JsonTooDeep Malformed "json_too_deep" "-"
    "The JSON is nested deeper than any WebAuthn message needs."
    "A value was wrapped in itself repeatedly, or the request is an attack."
    "Send the credential as the browser gave it, without wrapping it."
JsonTooLarge Malformed "json_too_large" "-"
    "The JSON holds a string, array or object beyond the size limits."
    "Unrelated data travel in the same body, or the request is an attack."
    "Send only the members that the call documents."
RequestInvalid Invalid "request_invalid" "-"
    "The request itself is not in the documented form."
    "A required parameter is missing or has the wrong type or value."
    "Compare the request with the documentation of the call; the details name the parameter."
CredentialTypeMismatch Form "credential_type_mismatch" "5.1, 7.1 step 3"
    "The credential's `type` is not `public-key`."
    "Another kind of credential (password, federated) was sent, or the member was rewritten on the way."
    "Send the PublicKeyCredential from navigator.credentials unchanged, for example with its toJSON() method."
CredentialIdInvalid Form "credential_id_invalid" "5.1"
    "The credential's `id` is missing, empty or not a string."
    "The credential was copied member by member and `id` was lost."
    "Send the whole credential as toJSON() returns it."
CredentialIdMismatch Verdict "credential_id_mismatch" "5.1, 7.1 step 13"
    "`id`, `rawId` and the id inside the authenticator's data are not the same bytes."
    "The client encoded `rawId` in another way, or someone swapped the id."
    "Encode `rawId` as base64url without padding and leave `id` as the browser gave it."
CredentialIdTooLong Verdict "credential_id_too_long" "7.1 step 25"
    "The credential id has more than 1023 bytes."
    "A faulty authenticator, or a made-up credential."
    "Use another authenticator; the limit is fixed by the specification."
CredentialIdTooShort Verdict "credential_id_too_short" "6.1"
    "The credential id is shorter than this Relying Party accepts, so it could be guessed or collide."
    "A test tool or a faulty authenticator made the credential."
    "Use another authenticator, or lower the minimum length in the policy."
AuthenticatorAttachmentInvalid Form "authenticator_attachment_invalid" "5.4.5"
    "`authenticatorAttachment` is not a text."
    "The client library sent a number, a list or an object."
    "Send `platform`, `cross-platform` or null, as the browser reported it."
ResponseMemberMissing Form "response_member_missing" "5.2, 7.1 step 3, 7.2 step 3"
    "The credential carries no usable `response`: it, or one of its required members, is missing, empty or not a string."
    "The credential was filtered or rebuilt by hand, the response of the other ceremony was sent, or its members stand at the top level."
    "Send the browser's credential object whole, as toJSON() returns it."
ResponseInconsistent Form "response_inconsistent" "5.2"
    "The response contradicts itself: it mixes members of both ceremonies, or a copy differs from the original."
    "Two responses were merged, or a copy of the public key was changed."
    "Send exactly the response of the one ceremony that is being finished."
Base64Invalid Form "base64_invalid" "3, RFC 4648 section 5"
    "A binary value is not strict base64url."
    "Standard base64 (`+`, `/`, `=`) was used, or white space or a cut-off character crept in."
    "Encode with the URL-safe alphabet and without padding."
SignatureMalformed Form "signature_malformed" "5.2.2"
    "The `signature` member cannot be a signature because of its size."
    "Another value was put into the member."
    "Send `response.signature` as the browser gave it."
AttestationObjectMalformed Attestation "attestation_object_malformed" "6.5.4"
    "The `attestationObject` member is larger than any real one."
    "Another value was put into the member."
    "Send `response.attestationObject` as the browser gave it."
UserHandleInvalid Form "user_handle_invalid" "5.4.3"
    "The user handle is not between 1 and 64 bytes of base64url text."
    "The client sent it as plain text, encoded it twice, replaced it by a user name, or sent an empty text."
    "Send `response.userHandle` as `credential.toJSON()` gives it, or leave it out."
// --- client data ------------------------------------------------------------------------------------------------------
ClientDataMalformed Form "client_data_malformed" "5.8.1, 7.1 step 5, 7.2 step 8"
    "The client data are not a JSON object with the members that the specification demands."
    "`clientDataJSON` was parsed and written again, encoded twice or cut off."
    "Pass `response.clientDataJSON` on byte for byte as base64url."
ClientDataTypeMismatch Form "client_data_type_mismatch" "7.1 step 7, 7.2 step 10"
    "The browser made this answer in another kind of ceremony."
    "A registration answer was sent to a sign-in or the other way round."
    "Send the answer of navigator.credentials.create to registration and that of get to authentication."
ChallengeMismatch Verdict "challenge_mismatch" "7.1 step 8, 7.2 step 11"
    "The answer was made for another challenge."
    "The page used old options, two tabs were mixed up, or an old answer is replayed."
    "Ask for new options and answer exactly those; decode the challenge from base64url once."
OriginNotAllowed Verdict "origin_not_allowed" "7.1 step 9, 7.2 step 12"
    "The page or app that made the answer is not on the list of allowed origins."
    "Scheme, host or port differ from the configuration, an app's key hash is not listed, or this is phishing."
    "Add the exact origin as the browser writes it, without path or trailing slash, to the Relying Party's origins."
CrossOriginNotAllowed Verdict "cross_origin_not_allowed" "7.1 step 10, 7.2 step 13"
    "The ceremony ran in a frame embedded in a page of another origin."
    "The sign-in page is shown in an iframe, or somebody frames it without leave."
    "Run the ceremony in a top-level page, or allow embedding for this Relying Party."
TopOriginNotAllowed Verdict "top_origin_not_allowed" "7.1 step 11, 7.2 step 14"
    "The page that embeds the ceremony is not on the list of allowed embedders."
    "The embedding site is not configured, or the member was sent although nothing was embedded."
    "Add the exact origin of the embedding page to the allowed top origins."
TokenBindingUnsupported Verdict "token_binding_unsupported" "5.8.1"
    "The client claims that the answer is bound to a TLS token."
    "A very old browser with token binding; nothing can check that claim any more."
    "Update the browser, or switch token binding off in it."
// --- CBOR and authenticator data --------------------------------------------------------------------------------------
CborMalformed Verdict "cbor_malformed" "2.4, CTAP 8"
    "A binary structure of the authenticator is not in the strict CBOR form."
    "The value was cut off or re-encoded, or the authenticator is faulty."
    "Pass the bytes on unchanged; if that is the case, report the authenticator to its vendor."
CborDuplicateKey Verdict "cbor_duplicate_key" "2.4, CTAP 8"
    "A CBOR map names the same key twice."
    "A faulty authenticator, or an attempt to make two readers see different values."
    "Use another authenticator."
TrailingBytes Verdict "trailing_bytes" "6.1, 6.5.4"
    "Bytes follow after the end of a structure."
    "Two values were joined, or the data were tampered with."
    "Pass the browser's values on unchanged."
AttestationObjectMembers Attestation "attestation_object_members" "6.5.4"
    "The attestation object does not hold exactly `fmt`, `attStmt` and `authData` with their proper types."
    "Another value was sent as `attestationObject`, or it was rebuilt by hand."
    "Send `response.attestationObject` as the browser gave it."
AuthenticatorDataMalformed Verdict "authenticator_data_malformed" "6.1"
    "The authenticator data are too short or their lengths and flags do not fit together."
    "The value was cut off, or a known bug of an old browser or key wrote it."
    "Pass the bytes on unchanged; update browser and authenticator firmware."
RpIdHashMismatch Verdict "rp_id_hash_mismatch" "7.1 step 14, 7.2 step 15"
    "The authenticator answered for another Relying Party id."
    "The RP ID was changed after registration, or options of another service were used."
    "Use the same RP ID in the options and in the configuration; a passkey cannot move to another RP ID."
UserNotPresent Verdict "user_not_present" "7.1 step 15, 7.2 step 16"
    "The authenticator did not ask the user for a gesture."
    "A silent test authenticator was used, or the data were made up."
    "Repeat the ceremony with an authenticator that asks for a touch or confirmation."
UserNotVerified Verdict "user_not_verified" "7.1 step 16, 7.2 step 17"
    "The ceremony demands PIN or biometrics, and the authenticator did not check them."
    "A security key without PIN, or options that asked for less than the ceremony demands."
    "Set a PIN or biometrics on the authenticator, or lower the demand to `preferred`."
BackupFlagsInvalid Verdict "backup_flags_invalid" "6.1.3, 7.1 step 17, 7.2 step 18"
    "The authenticator says that the credential is backed up although it cannot be."
    "A faulty authenticator, or made-up data."
    "Use another authenticator or update its software."
BackupPolicyRefused Verdict "backup_policy_refused" "7.1 steps 18-19"
    "The policy of this Relying Party about synced passkeys refuses this credential."
    "A synced passkey was offered where only device-bound ones are accepted, or the other way round."
    "Use an authenticator of the demanded kind, for example a hardware security key."
BackupEligibilityChanged Verdict "backup_eligibility_changed" "6.1.3, 7.2 step 19"
    "The credential's backup eligibility flag (BE) differs from the recorded one, and the policy does not accept this change."
    "A passkey provider changed the flag, two apps share one vault, or another authenticator holds a copy of the key."
    "Register the passkey again, or set `backup.eligibility_change` in the policy to `accept_gain` (false to true) or `accept_change` (both ways)."
AttestedCredentialDataMissing Verdict "attested_credential_data_missing" "6.5.1, 7.1 step 13"
    "The registration answer holds no new credential."
    "The authenticator data of a sign-in were sent."
    "Send the answer of navigator.credentials.create."
AttestedCredentialDataUnexpected Verdict "attested_credential_data_unexpected" "6.1"
    "A sign-in answer holds the data of a new credential, which authenticators do not send there."
    "Registration data were sent as a sign-in, or a very old browser was used."
    "Send the answer of navigator.credentials.get; update the browser."
// --- keys and algorithms ----------------------------------------------------------------------------------------------
CoseKeyMalformed Verdict "cose_key_malformed" "6.5.1.1"
    "The credential's public key is not a well-formed COSE key."
    "A faulty authenticator, or members were added or left out."
    "Use another authenticator or update its firmware."
CoseKeyAlgorithmMismatch Verdict "cose_key_algorithm_mismatch" "5.8.5"
    "Key type, curve and algorithm of the public key do not belong together."
    "A faulty authenticator, or an attempt to have the key used with another algorithm."
    "Use another authenticator."
CoseKeyPointInvalid Verdict "cose_key_point_invalid" "5.8.5"
    "The public key is not a usable point of its curve."
    "A faulty authenticator, or a key made for an attack."
    "Use another authenticator."
CoseKeyRsaInvalid Verdict "cose_key_rsa_invalid" "RFC 8230 section 4"
    "The RSA key is too short, too long, or has an unsafe modulus or exponent."
    "An outdated authenticator, or a key made for an attack."
    "Use an authenticator with RSA of 2048 to 4096 bits or with elliptic curves."
AlgorithmNotAllowed Verdict "algorithm_not_allowed" "7.1 step 20"
    "The credential uses an algorithm that was not offered in this ceremony."
    "The page changed `pubKeyCredParams`, or the authenticator ignored them."
    "Pass the options to the browser unchanged."
AlgorithmUnsupported Verdict "algorithm_unsupported" "5.8.5"
    "passkeyd does not know this signature algorithm."
    "An experimental or outdated authenticator, or a made-up algorithm number."
    "Use an authenticator with ES256, EdDSA or RS256."
SignatureInvalid Verdict "signature_invalid" "7.2 step 21"
    "The signature does not match the signed data and the stored public key."
    "The data were changed on the way, the wrong credential was looked up, or this is forgery."
    "Pass all members of the response on unchanged and repeat the sign-in."
// --- attestation ------------------------------------------------------------------------------------------------------
AttestationFormatUnsupported Attestation "attestation_format_unsupported" "7.1 step 21"
    "The attestation statement has a format that passkeyd does not verify."
    "The authenticator uses a rare or retired format; format names are case-sensitive."
    "Ask for attestation `none`, or use another authenticator."
AttestationStatementMalformed Attestation "attestation_statement_malformed" "7.1 step 22, 8"
    "The attestation statement does not have the form that its format prescribes."
    "A faulty authenticator, a bad certificate, or a statement that was edited."
    "Use another authenticator, or ask for attestation `none`."
AttestationSignatureInvalid Attestation "attestation_signature_invalid" "7.1 step 22, 8"
    "The signature of the attestation statement does not verify."
    "The data were changed after signing, or the statement belongs to another credential."
    "Pass the attestation object on unchanged and repeat the registration."
AttestationAlgorithmMismatch Attestation "attestation_algorithm_mismatch" "8.2"
    "A self attestation names another algorithm than the credential's key."
    "A faulty authenticator, or an edited statement."
    "Use another authenticator."
AttestationKeyMismatch Attestation "attestation_key_mismatch" "8.4, 8.8"
    "The attestation certificate is not about the credential's key."
    "The statement was taken from another registration."
    "Repeat the registration."
AttestationCertificateKey Attestation "attestation_certificate_key" "8.6"
    "The attestation certificate holds a key of a kind that its format does not allow."
    "A faulty authenticator or a made-up certificate."
    "Use another authenticator."
CertificateRequirements Attestation "certificate_requirements" "8.2.1, 8.2.2, 8.3.1"
    "The attestation certificate breaks a rule for such certificates."
    "A certificate of another purpose was used: wrong version, subject, CA mark or extension."
    "Use a certified authenticator; the message names the rule."
AaguidExtensionMismatch Attestation "aaguid_extension_mismatch" "8.2.1"
    "The attestation certificate was issued for another authenticator model."
    "The statement was made by another model, or the AAGUID was changed."
    "Use a certified authenticator."
AaguidNotZero Attestation "aaguid_not_zero" "8.6"
    "A U2F registration names an authenticator model although U2F has none."
    "The strict conformance mode is on, or the data were edited."
    "Switch the conformance mode off if you do not run the conformance tools."
AttestationUntrusted Attestation "attestation_untrusted" "7.1 steps 23-24"
    "The attestation certificate does not lead to a trusted root."
    "The root of this model is not configured, an intermediate is missing, or the statement is not genuine."
    "Add the vendor's root to the trust anchors, or accept unknown authenticators in the policy."
AttestationPolicyRefused Attestation "attestation_policy_refused" "7.1 step 24"
    "The policy of this Relying Party does not accept this kind of attestation."
    "The browser or user withheld attestation where it is demanded."
    "Allow the browser to reveal the model, use another authenticator, or relax the policy."
CertificateExpired Attestation "certificate_expired" "RFC 5280 section 6.1"
    "A certificate of the attestation had expired at the moment of registration."
    "An old authenticator, or a wrong server clock."
    "Check the server's clock; use a newer authenticator."
CertificateNotYetValid Attestation "certificate_not_yet_valid" "RFC 5280 section 6.1"
    "A certificate of the attestation was not yet valid at the moment of registration."
    "A wrong server clock, or a badly issued certificate."
    "Check the server's clock."
TpmStructure Attestation "tpm_structure" "8.3, TPM 2.0 part 2"
    "A TPM structure in the statement cannot be read."
    "The statement was cut off or edited, or the TPM uses an unknown layout."
    "Repeat the registration; update the firmware of the TPM."
TpmPubareaKeyMismatch Attestation "tpm_pubarea_key_mismatch" "8.3"
    "The key that the TPM certified is not the credential's key."
    "The statement belongs to another registration."
    "Repeat the registration."
TpmVendorUnknown Attestation "tpm_vendor_unknown" "8.3.1"
    "The TPM's manufacturer is not in the registry of known vendors."
    "A simulated TPM or a very new vendor."
    "Update passkeyd, or allow test vendors in the policy while testing."
TpmMagic Attestation "tpm_magic" "8.3"
    "The TPM's statement does not carry the mark of a structure made inside the TPM."
    "The statement was made by software outside the TPM."
    "Use a genuine TPM."
TpmType Attestation "tpm_type" "8.3"
    "The TPM's statement is not a certification of a key."
    "Another kind of TPM quote was sent."
    "Repeat the registration."
TpmExtraData Attestation "tpm_extra_data" "8.3"
    "The TPM's statement was not made for this registration."
    "A statement was replayed or the data were changed."
    "Repeat the registration."
TpmNameMismatch Attestation "tpm_name_mismatch" "8.3"
    "The TPM certified a key with another name than the one sent."
    "The key description was exchanged or edited."
    "Repeat the registration."
AndroidKeyExtension Attestation "android_key_extension" "8.4.1"
    "The Android key description in the certificate is missing or unreadable."
    "The certificate does not come from the Android key store."
    "Use a device with a genuine key store."
AndroidKeyChallenge Attestation "android_key_challenge" "8.4"
    "The Android key was attested for another registration."
    "A statement was replayed or the client data were changed."
    "Repeat the registration."
AndroidKeyAllApplications Attestation "android_key_all_applications" "8.4"
    "The Android key may be used by every application, so it is not bound to this Relying Party."
    "The key was made with unsafe settings."
    "Use another authenticator."
AndroidKeyOrigin Attestation "android_key_origin" "8.4"
    "The Android key is not marked as generated inside the key store."
    "The key was imported, or the mark is missing."
    "Use another authenticator."
AndroidKeyPurpose Attestation "android_key_purpose" "8.4"
    "The Android key is not marked as a signing key."
    "The key was made for another purpose, or the mark is missing."
    "Use another authenticator."
SafetynetMalformed Attestation "safetynet_malformed" "8.5"
    "The SafetyNet response cannot be read as a signed statement."
    "The value was cut off or edited."
    "SafetyNet has been withdrawn; use a current Android version."
SafetynetVersion Attestation "safetynet_version" "8.5"
    "The SafetyNet statement names no version."
    "A made-up or edited statement."
    "SafetyNet has been withdrawn; use a current Android version."
SafetynetHost Attestation "safetynet_host" "8.5"
    "The SafetyNet statement was not signed by the attestation service."
    "A certificate of another host was used."
    "SafetyNet has been withdrawn; use a current Android version."
SafetynetNonce Attestation "safetynet_nonce" "8.5"
    "The SafetyNet statement was made for another registration."
    "A statement was replayed or the data were changed."
    "Repeat the registration."
SafetynetCtsProfile Attestation "safetynet_cts_profile" "8.5"
    "SafetyNet reports that the device did not pass the compatibility tests."
    "The device is rooted or runs a modified system."
    "Use an unmodified device."
SafetynetTimestamp Attestation "safetynet_timestamp" "8.5"
    "The SafetyNet statement is too old or from the future."
    "A statement was replayed, or a clock is wrong."
    "Check the clocks and repeat the registration."
AppleNonce Attestation "apple_nonce" "8.8"
    "The Apple certificate was not issued for this registration."
    "A statement was replayed or the data were changed."
    "Repeat the registration."
// --- metadata ---------------------------------------------------------------------------------------------------------
MetadataUnavailable Attestation "metadata_unavailable" "MDS 3.1.1"
    "The metadata of the FIDO Alliance could not be fetched or loaded."
    "No network route, a proxy, or a wrong file name."
    "Check the address and the network, or load the metadata from a file."
MetadataMalformed Attestation "metadata_malformed" "MDS 3.1.1"
    "The metadata file is not in the form that its standard prescribes."
    "An error page was saved as metadata, or the file was cut off."
    "Fetch the file again."
MetadataUntrusted Attestation "metadata_untrusted" "MDS 3.1.1"
    "The signature of the metadata does not lead to the configured root."
    "The file was changed, or its signer moved to another root."
    "Fetch the file again; check the configured metadata root."
MetadataRollback Attestation "metadata_rollback" "MDS 3.1.1"
    "The metadata are older than the ones already loaded."
    "An old copy was served by a cache or on purpose."
    "Load the newest metadata."
MetadataStale Attestation "metadata_stale" "MDS 3.1.1"
    "The metadata should have been renewed already."
    "Updates have been failing for some time."
    "Let passkeyd reach the metadata service, or load a newer file."
MetadataRootsUnreadable Attestation "metadata_roots_unreadable" "7.1 step 23, MDS 3.1.1"
    "The metadata list root certificates for this authenticator model, and passkeyd can read none of them."
    "The publisher of the metadata made a mistake in the model's entry, or the certificates are in a form that passkeyd does not know."
    "Run `passkeyd mds show`, which names the model and its fault; import a corrected edition, or use another authenticator model."
AuthenticatorStatusRefused Attestation "authenticator_status_refused" "7.1 step 23, MDS 3.1.1"
    "The metadata report a security problem or a missing certification of this authenticator model."
    "The model was revoked or compromised, or does not have the demanded certification level."
    "Use another authenticator model."
AuthenticatorUnknown Attestation "authenticator_unknown" "7.1 step 23, MDS 3.1.1"
    "The authenticator model is not in the metadata, and the policy demands known models."
    "A new, uncertified or synced authenticator."
    "Update the metadata, use a certified model, or relax the policy."
AuthenticatorModelRefused Attestation "authenticator_model_refused" "7.1 step 24"
    "The policy of this Relying Party does not accept this authenticator model."
    "The model is on the list of denied models, or not on the list of allowed ones."
    "Use an accepted authenticator, or change the lists of models in the policy."
CredentialProtectionInsufficient Attestation "credential_protection_insufficient" "7.1 step 28, CTAP 12.1"
    "The authenticator did not protect the credential as strongly as the policy demands."
    "The authenticator does not know the credProtect extension, or chose a lower level."
    "Use an authenticator with CTAP 2.1, or do not enforce the protection level in the policy."
// --- authentication ---------------------------------------------------------------------------------------------------
CredentialNotAllowed Verdict "credential_not_allowed" "7.2 step 5, 7.2 step 6"
    "The response comes from a credential that may not be used in this sign-in."
    "The sign-in was started for one user, and the passkey of another user was chosen; or the options did not list this passkey."
    "Choose a passkey of the named user, or start the sign-in without a user name. The passkey itself is not out of date."
CredentialUnknown Absent "credential_unknown" "7.2 step 6"
    "This Relying Party has no such credential."
    "The passkey was deleted on the server and is still on the device, or it was registered at another service."
    "Choose another passkey or register a new one. If the passkey was deleted on the server, remove it from the device."
CredentialRpMismatch Verdict "credential_rp_mismatch" "7.2 step 6"
    "The credential belongs to another Relying Party than the ceremony."
    "Two services share a page, or the RP ID was changed after registration."
    "Finish the ceremony at the service that started it."
UserHandleMissing Verdict "user_handle_missing" "7.2 step 6"
    "A sign-in without a name was answered without a user handle."
    "The passkey is not discoverable, or the client dropped `response.userHandle`."
    "Pass `response.userHandle` on, or start the sign-in with the user's name."
UserHandleMismatch Verdict "user_handle_mismatch" "7.2 step 6"
    "The user handle in the response is not that of the credential's owner."
    "The client sent it as plain text, encoded it twice or filled in another value, or somebody tries to sign in as another user."
    "Send `response.userHandle` as `credential.toJSON()` gives it."
SignCountNotIncreased Verdict "sign_count_not_increased" "6.1.1, 7.2 step 22"
    "The authenticator's signature counter did not grow."
    "A copy of the key may exist, or a synced passkey reports a constant counter."
    "Ask the user whether the sign-in was theirs; if synced passkeys are in use, treat the counter as a signal only."
// --- ceremonies, records and the store --------------------------------------------------------------------------------
CeremonyNotFound Ceremony "ceremony_not_found" "7.1 step 8, 7.2 step 11"
    "No ceremony is waiting for this answer."
    "The challenge was never issued here, or its record has been cleaned up."
    "Start a new ceremony and answer its options."
CeremonyExpired Ceremony "ceremony_expired" "15.1"
    "The answer came after the end of the ceremony."
    "The user took too long, or an old page was left open."
    "Start a new ceremony."
CeremonyUsed Ceremony "ceremony_used" "13.4.3"
    "The ceremony has already been answered; each takes one answer."
    "The request was sent twice, or an old answer is replayed."
    "Start a new ceremony."
CredentialExists Conflict "credential_exists" "7.1 step 26"
    "A credential with this id is already registered."
    "The same registration was sent twice, or the authenticator was registered before."
    "Sign in with the existing passkey; send `excludeCredentials` to the browser. Register a further passkey for a user only in that user's session: whoever completes it can sign in as this user."
TooManyCredentials Conflict "too_many_credentials" "-"
    "The user has as many credentials as the limit allows."
    "Old passkeys were never removed."
    "Delete passkeys that are no longer used."
UserUnknown Absent "user_unknown" "-"
    "There is no such user at this Relying Party."
    "The user was deleted, or the name is spelled differently; names are case-sensitive."
    "Check the name, or create the user first."
UserExists Conflict "user_exists" "-"
    "A user with this name exists already."
    "The same creation was sent twice."
    "Use the existing user."
RelyingPartyUnknown Absent "relying_party_unknown" "-"
    "There is no such Relying Party in this account."
    "A wrong identifier, or it was deleted."
    "Check the identifier."
AuthenticatorCriteriaMissing Invalid "authenticator_criteria_missing" "5.4.4"
    "Neither the request nor the settings say which authenticators are wanted."
    "Authenticator attachment, discoverability or user verification is set in neither place."
    "Send the missing criteria with the request or configure them once for the Relying Party."
CredentialNotRegistered Invalid "credential_not_registered" "-"
    "The registration of this credential was started but has not succeeded."
    "The browser's answer was never sent, or it was refused."
    "Finish the registration, or start a new one."
RelyingPartyIncomplete Invalid "relying_party_incomplete" "5.4.2"
    "The Relying Party has no RP ID or no origins, so no ceremony can start."
    "It was created without passkeys settings."
    "Configure the RP ID and at least one origin."
AccountUnknown Absent "account_unknown" "-"
    "There is no such account."
    "A wrong account identifier."
    "Check the account identifier."
AccessDenied Forbidden "access_denied" "-"
    "The caller's credentials are missing, wrong or do not permit this call."
    "A wrong key, a revoked key, or a key of another account."
    "Check the key and the account in the request."
StoreUnavailable Unavailable "store_unavailable" "-"
    "The database cannot be reached at the moment; nothing was changed."
    "The database restarts, fails over or is overloaded."
    "Repeat the request after a short pause."
StoreUnknownOutcome Unavailable "store_unknown_outcome" "-"
    "The database did not confirm whether the change was made."
    "The connection broke while the change was being saved."
    "Read the state again before repeating the request."
RecordUnreadable Internal "record_unreadable" "-"
    "A stored record cannot be read."
    "It was written by a newer version, edited by hand or damaged."
    "Restore the record from a backup, or upgrade passkeyd; repair the disk if it is damaged."
Internal Internal "internal" "-"
    "passkeyd met a state that should not exist."
    "A programming error in passkeyd."
    "Report it with the request id from the log."
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
            for text in [reason.what(), reason.causes(), reason.mend()] {
                assert!(text.len() > 15 && text.ends_with('.'), "{reason}: {text}");
            }
            assert!(!reason.section().is_empty());
        }
    }
}
