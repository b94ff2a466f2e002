//! Every error code of this wire in one table: number, HTTP status, title and help texts. The error pages
//! (`/docs/errors/<code>`) and `docs/errors.md` are generated from it.
//!
//! Numbers and titles are those of Twilio's error dictionary, and so are the statuses that it names. Three numbers
//! are not in it and follow the pattern "20 + HTTP status": 20409, 20415 and 20431.

use super::examples::{
    APPROVE_CHALLENGE, BASIC, BOTH_RESPONSES, Block, CREATE_CHALLENGE, CREATE_ENTITY,
    CREATE_FACTOR, CREATE_SERVICE, LIST, VERIFY_FACTOR,
};

/// What can cause a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// A request of a client.
    ByRequest,
    /// The load on, or the state of, the server.
    ByServer,
    /// The connection, before a request reaches this wire.
    ByTransport,
}

macro_rules! codes {
    ($(
        $(#[$doc:meta])*
        $variant:ident = $number:literal, $status:literal, $raised:ident, $title:literal {
            what: $what:literal,
            causes: [$($cause:literal),+ $(,)?],
            fix: $fix:literal,
            $(example: $example:expr,)?
        }
    )+) => {
        /// An error code of the Twilio wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(
                #[doc = concat!(stringify!($number), ": ", $title, ".")]
                $variant,
            )+
        }

        impl Code {
            /// Every code, in ascending order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The number in the member `code`.
            pub const fn number(self) -> u32 {
                match self { $(Self::$variant => $number),+ }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// The title; it is the `message` unless a more specific one is set.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// What can cause it.
            pub const fn raised(self) -> Raised {
                match self { $(Self::$variant => Raised::$raised),+ }
            }

            /// What happened.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what),+ }
            }

            /// The likely causes, most likely first.
            pub const fn causes(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($cause),+]),+ }
            }

            /// How to fix it.
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$variant => $fix),+ }
            }

            /// A correct request of the kind that meets this error, where one helps: a block for each language.
            pub const fn example(self) -> &'static [Block] {
                match self { $(Self::$variant => codes!(@example $($example)?)),+ }
            }
        }
    };
    (@example) => { &[] };
    (@example $example:expr) => { $example };
}

/// What a person was doing who meets a code: the order of the page that lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Registration of a passkey.
    Registration,
    /// Sign-in.
    SignIn,
    /// The credential, in a registration or a sign-in.
    Credential,
    /// The settings of a Service.
    Service,
    /// Any request: credentials of the caller, form, paths, lists.
    Request,
    /// The server.
    Server,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 6] = [
        Self::Registration,
        Self::SignIn,
        Self::Credential,
        Self::Service,
        Self::Request,
        Self::Server,
    ];

    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Registration => "Registration",
            Self::SignIn => "Sign-in",
            Self::Credential => "The credential from the browser",
            Self::Service => "Settings of a Service",
            Self::Request => "Every request",
            Self::Server => "The server",
        }
    }
}

impl Code {
    /// Where the list of codes has it.
    pub const fn group(self) -> Group {
        match self.number() {
            60301 | 60305 | 60311 | 60315 | 60317 | 60318 | 60367 | 60369 | 60370 | 60383
            | 60388 | 60390 | 60393 => Group::Registration,
            60312 | 60322..=60324 | 60362 | 60364 | 60382 | 60391 | 60392 => Group::SignIn,
            60365 | 60375..=60381 | 60385..=60387 => Group::Credential,
            60363 | 60371 | 60372 => Group::Service,
            20429 | 20500 | 20503 => Group::Server,
            _ => Group::Request,
        }
    }

    /// Whether a back end that starts registrations meets it: its page says whose registrations it may start.
    pub const fn of_enrolment(self) -> bool {
        matches!(
            self,
            Self::EntityExists
                | Self::FactorVerificationFailed
                | Self::TooManyFactors
                | Self::FactorExists
                | Self::IdentityInvalid
                | Self::FactorConfigInvalid
                | Self::FactorStatusIllegal
                | Self::FriendlyNameMissing
                | Self::CriteriaMissing
        )
    }

    /// The code with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.number() == number)
    }
}

codes! {
    MissingParameter = 20001, 400, ByRequest, "Missing required parameter" {
        what: "The form lacks a required parameter. The message names it.",
        causes: [
            "The parameter was left out, or its name is misspelled.",
            "The body was sent as JSON to a call that takes a form, or the Content-Type header was lost.",
        ],
        fix: "Send the named parameter, form-encoded.",
        example: CREATE_SERVICE,
    }
    Authenticate = 20003, 401, ByRequest, "Authenticate" {
        what: "The request does not authenticate an account.",
        causes: [
            "The Account SID and the Auth Token do not belong together, or one of them contains a stray space.",
            "An API key was revoked, or its SID was sent with the account's token.",
            "The Authorization header is missing, was sent twice, or was removed by a proxy.",
        ],
        fix: "Send HTTP Basic with the Account SID (AC...) and its Auth Token, or with an API key's SID (SK...) and its secret.",
        example: BASIC,
    }
    MethodNotAllowed = 20004, 405, ByRequest, "Method not allowed" {
        what: "The path exists, but it does not support this HTTP method.",
        causes: ["PUT or PATCH was used for an update. This API updates with POST."],
        fix: "Use the method that the documentation of the call names. The Allow header of the response lists the methods of the path.",
    }
    PageSizeTooLarge = 20007, 400, ByRequest, "Page size too large" {
        what: "The request asks for more than 1000 records on one page.",
        causes: ["PageSize is greater than 1000."],
        fix: "Request at most 1000 records, and follow meta.next_page_url for the rest.",
        example: LIST,
    }
    Forbidden = 20403, 403, ByRequest, "Forbidden" {
        what: "The API key is valid, and it was not made for this call. The details name the scope that the call needs.",
        causes: ["The key has some of the scopes read, enrol, approve and manage, and the call needs another one."],
        fix: "Use an API key with that scope, or the account's Auth Token, which may do everything.",
    }
    NotFound = 20404, 404, ByRequest, "The requested resource was not found" {
        what: "The authenticated account has no resource at this path.",
        causes: [
            "A SID is unknown, was deleted, or belongs to another account or service.",
            "The path is misspelled. Paths are case-sensitive.",
            "The call belongs to a product that passkeyd does not offer, such as SMS verifications.",
        ],
        fix: "Check the SID, the path and the account.",
    }
    IdempotencyConflict = 20409, 409, ByRequest, "Idempotency key conflict" {
        what: "The request has an Idempotency-Key that this account used on this path in the last ten minutes, and passkeyd cannot return the first response again.",
        causes: [
            "The key was used with another body or query.",
            "The first request with this key is still being processed. In this case the response has a Retry-After header.",
        ],
        fix: "Use a new key for each new request. For a retry, send the same key and the same body.",
    }
    TooLarge = 20413, 413, ByRequest, "Request entity too large" {
        what: "The body is larger than any call of this API needs.",
        causes: ["The body contains unrelated data."],
        fix: "Send only the documented members.",
    }
    UnsupportedEncoding = 20415, 415, ByTransport, "Unsupported content encoding" {
        what: "The body is compressed. This API does not accept compressed bodies.",
        causes: ["A client or a proxy adds Content-Encoding to requests."],
        fix: "Send the body uncompressed and without a Content-Encoding header.",
    }
    TooManyRequests = 20429, 429, ByServer, "Too many requests" {
        what: "The account, the Service or the client address has sent more requests than the limits of this passkeyd allow. Nothing was changed.",
        causes: ["A back end or a page sends requests in a loop, or an attacker floods the service.", "Wrong secrets were sent too often from this address."],
        fix: "Try again after the time in the Retry-After header. The limits are in the section [rates] of the configuration.",
    }
    HeadersTooLarge = 20431, 431, ByTransport, "Request header fields too large" {
        what: "The request line and the headers exceed 16 KiB or 64 headers.",
        causes: ["Cookies of a site were sent along, or a proxy keeps adding headers."],
        fix: "Send fewer and shorter headers.",
    }
    InternalError = 20500, 500, ByServer, "Internal server error" {
        what: "passkeyd failed. The caller did not cause this.",
        causes: ["A stored record cannot be read, or passkeyd has a bug."],
        fix: "Find this request in the server's log, and report the entry with the request ID.",
    }
    Unavailable = 20503, 503, ByServer, "Service unavailable" {
        what: "The database of passkeyd is unavailable at the moment.",
        causes: ["The database is restarting, failing over or overloaded.", "passkeyd is shutting down."],
        fix: "Try again after a short pause. If details.reason is store_unknown_outcome, read the current state first.",
    }
    InvalidParameter = 60200, 400, ByRequest, "Invalid parameter" {
        what: "A parameter of a Service has a value that is not allowed. The message names the parameter.",
        causes: [
            "An option is misspelled, for example `crossplatform` instead of `cross-platform`.",
            "A number is out of range, or a string is too long.",
        ],
        fix: "Send one of the documented values, or an empty value to clear the setting.",
        example: CREATE_SERVICE,
    }
    EntityExists = 60301, 409, ByRequest, "Entity already exists" {
        what: "The Service already has an Entity with this identity.",
        causes: ["The request to create it was sent twice.", "A passkey was registered for the identity before, which creates the Entity."],
        fix: "Use the existing Entity. Identities are case-sensitive.",
        example: CREATE_ENTITY,
    }
    AccessTokenParameters = 60305, 400, ByRequest, "Access Token parameters invalid" {
        what: "Access tokens exist only for push factors, which passkeyd does not support.",
        causes: ["The client was written for Twilio Verify Push."],
        fix: "Register passkeys with Passkeys/Factors. Passkeys need no access token.",
        example: CREATE_FACTOR,
    }
    InvalidRequest = 60306, 400, ByRequest, "Invalid Request" {
        what: "The request does not have the form that the call expects. The details describe the problem.",
        causes: [
            "The body is not a JSON object in UTF-8, contains a member twice, or has the wrong Content-Type.",
            "A parameter has the wrong type or is too long.",
            "The call exists only for push and TOTP factors, for example an update of a challenge.",
        ],
        fix: "Send JSON with Content-Type application/json to the Passkeys calls, and form-encoded parameters to all other calls.",
        example: VERIFY_FACTOR,
    }
    FactorVerificationFailed = 60311, 403, ByRequest, "Factor verification failed" {
        what: "passkeyd read the browser's registration response, and it does not prove what the registration requires. The Factor stays unverified permanently.",
        causes: [
            "The page's origin is not one of the configured origins. Scheme, host and port must match exactly.",
            "The RP ID in the options differs from the one of the page.",
            "User verification is required, and the authenticator did not perform it.",
            "The response was changed on the way.",
        ],
        fix: "Read details.reason and details.help, fix the cause, and start a new registration. Each registration accepts one response.",
        example: VERIFY_FACTOR,
    }
    TooManyCeremonies = 60312, 429, ByServer, "Challenge creation limit reached" {
        what: "Too many Factors or Challenges were started for this Entity in the last minute. Nothing was changed.",
        causes: ["A page starts ceremonies in a loop.", "An attacker types the name of this user into a sign-in form again and again."],
        fix: "Try again after the time in the Retry-After header, and limit your own sign-in form.",
    }
    TooManyFactors = 60315, 400, ByRequest, "Max factors per entity reached" {
        what: "The Entity has the maximum number of passkeys that the Service allows.",
        causes: ["Passkeys that are no longer used were never deleted."],
        fix: "Delete a Factor of this Entity first.",
    }
    FactorExists = 60317, 409, ByRequest, "Factor already exists" {
        what: "A passkey with this credential ID is already registered.",
        causes: ["The same registration was sent twice.", "The page ignored `excludeCredentials` in the options."],
        fix: "Sign in with the existing passkey, and pass the options to the browser unchanged.",
    }
    FactorUnverified = 60318, 403, ByRequest, "Factor is unverified" {
        what: "The registration of the passkey was started and has not succeeded, so the passkey cannot be challenged.",
        causes: ["VerifyFactor was not called, or it refused the response."],
        fix: "Finish the registration with VerifyFactor, or start a new one.",
        example: VERIFY_FACTOR,
    }
    ChallengeResponded = 60322, 403, ByRequest, "Challenge already responded" {
        what: "This Challenge has already received a response, which was approved or refused. Each Challenge accepts one.",
        causes: ["The request was sent twice.", "An old response is replayed.", "A first response was refused, which ends the Challenge."],
        fix: "Create a new Challenge, and send the response to that one.",
        example: CREATE_CHALLENGE,
    }
    ChallengeExpired = 60323, 403, ByRequest, "Challenge expired" {
        what: "The response arrived after the Challenge's expiration_date.",
        causes: ["The user took too long, or an old page was left open."],
        fix: "Create a new Challenge when the user is about to sign in.",
        example: CREATE_CHALLENGE,
    }
    ChallengeVerificationFailed = 60324, 403, ByRequest, "Challenge verification failed" {
        what: "passkeyd read the browser's response to the Challenge, and it does not prove possession of the passkey. The Challenge is denied.",
        causes: [
            "The page's origin is not one of the configured origins. Scheme, host and port must match exactly.",
            "The response comes from a passkey of another user.",
            "User verification is required, and the authenticator did not perform it.",
            "The signature does not match, because the response was changed on the way.",
        ],
        fix: "Read details.reason and details.help, fix the cause, and create a new Challenge. Each Challenge accepts one response.",
        example: APPROVE_CHALLENGE,
    }
    FactorSidInvalid = 60362, 400, ByRequest, "Factor SID invalid or not provided" {
        what: "The value that was sent as a Factor SID is not one.",
        causes: ["It is not YF followed by 32 hex digits.", "The credential's ID was sent instead."],
        fix: "Send the `sid` of a Factor.",
        example: CREATE_CHALLENGE,
    }
    ServiceSidInvalid = 60363, 400, ByRequest, "Service SID invalid or not provided" {
        what: "The value after /Services/ in the path is not a Service SID.",
        causes: ["It is not VA followed by 32 hex digits.", "A template variable was not replaced."],
        fix: "Use the `sid` of a Service.",
    }
    ChallengeSidInvalid = 60364, 400, ByRequest, "Challenge SID invalid or not provided" {
        what: "The value after /Challenges/ in the path is not a Challenge SID.",
        causes: ["It is not YC followed by 32 hex digits."],
        fix: "Use the `sid` of a Challenge.",
    }
    EntitySidInvalid = 60365, 400, ByRequest, "Entity SID invalid or not provided" {
        what: "`response.userHandle` is not the user handle of an Entity.",
        causes: [
            "The client replaced it with a user name or an ID of its own.",
            "It was encoded twice, or with standard base64.",
        ],
        fix: "Send `response.userHandle` as the browser returned it, or leave it out.",
        example: APPROVE_CHALLENGE,
    }
    IdentityInvalid = 60367, 400, ByRequest, "Invalid entity identity" {
        what: "The identity is missing or not allowed. It consists of 8 to 64 characters: ASCII letters and digits, separated by single hyphens.",
        causes: ["An e-mail address or a name was sent.", "It is shorter than 8 characters."],
        fix: "Send an opaque identity, for example a UUID, and keep its link to the person in your own system.",
        example: CREATE_FACTOR,
    }
    FactorTypeInvalid = 60369, 400, ByRequest, "Factor type invalid or not provided" {
        what: "passkeyd supports only Factors and Challenges of the type passkeys, and passkeys are not created on this path.",
        causes: ["The client was written for push or TOTP.", "The client tried to create a passkey on Entities/{identity}/Factors."],
        fix: "Create passkeys with Passkeys/Factors and their Challenges with Passkeys/Challenges.",
        example: CREATE_FACTOR,
    }
    FactorConfigInvalid = 60370, 400, ByRequest, "Factor config invalid or not provided" {
        what: "`config` is not an object, or one of its options is unknown.",
        causes: ["An option is misspelled, for example `crossplatform` instead of `cross-platform`.", "`config` was sent as a string."],
        fix: "Correct the member that the details name, or leave `config` out to use the settings of the Service.",
        example: CREATE_FACTOR,
    }
    RelyingPartyInvalid = 60371, 400, ByRequest, "Relying party invalid or not provided" {
        what: "There is no usable relying party: its id or its origins are set neither in the request nor in the Service, an origin is malformed, or no web origin is at the id or below it.",
        causes: [
            "The Service was created without Passkeys.RelyingParty.Id and Passkeys.RelyingParty.Origins.",
            "An origin has a path or a trailing slash, or uses http for a host other than localhost.",
            "Only the id or only the origins changed, and they do not fit together any more.",
        ],
        fix: "Set the id and the origins on the Service once. Write each origin exactly as clients do: https://host for a page, with the port if it is not 443, or the scheme and ID of an app or a browser extension.",
        example: CREATE_SERVICE,
    }
    RelyingPartyIdInvalid = 60372, 400, ByRequest, "Relying party id invalid or not provided" {
        what: "The relying party's id is not a domain name, or it is a public suffix.",
        causes: ["It has a scheme, a port or a path.", "It is an IP address, or contains upper-case letters.", "It is a public suffix such as co.uk or github.io, which browsers refuse."],
        fix: "Send the bare domain, for example acme.example, or localhost during development.",
        example: CREATE_SERVICE,
    }
    PageSizeInvalid = 60373, 400, ByRequest, "Invalid page size" {
        what: "PageSize is not a number from 1 to 1000.",
        causes: ["It is zero, negative or not a number."],
        fix: "Send a number from 1 to 1000, or leave it out for the default of 50.",
        example: LIST,
    }
    PageTokenInvalid = 60374, 400, ByRequest, "Invalid page token" {
        what: "PageToken was not issued for this list.",
        causes: ["It was changed or cut off.", "It comes from another list, account or set of filters."],
        fix: "Follow meta.next_page_url without changing it.",
        example: LIST,
    }
    CredentialIdInvalid = 60375, 400, ByRequest, "Invalid id" {
        what: "The credential's `id` is missing or is not base64url.",
        causes: ["The credential was rebuilt by hand.", "The body is not a credential."],
        fix: "Send the browser's credential object as JSON, for example with toJSON().",
        example: VERIFY_FACTOR,
    }
    RawIdInvalid = 60376, 400, ByRequest, "Invalid rawId" {
        what: "The credential's `rawId` is missing, cannot be decoded, or is not the same bytes as `id`.",
        causes: ["It was encoded as standard base64.", "An ArrayBuffer was serialized to JSON, which gives {}."],
        fix: "Encode rawId as base64url without padding, or use toJSON(). Hexadecimal is accepted too.",
        example: VERIFY_FACTOR,
    }
    AttachmentInvalid = 60377, 400, ByRequest, "Authenticator attachment invalid or not provided" {
        what: "`authenticatorAttachment` is not a string. An unknown or empty string, null and an absent member are accepted.",
        causes: ["A number, a list or an object was sent."],
        fix: "Send the value that the browser reported, or leave it out.",
        example: VERIFY_FACTOR,
    }
    ResponseInvalid = 60378, 400, ByRequest, "Authenticator response invalid or not provided" {
        what: "The request contains no valid response object of an authenticator: `response` is missing, or lacks a member that the call needs. `details.members` lists everything that is missing.",
        causes: [
            "The credential was filtered or copied member by member before it was sent on.",
            "The response of navigator.credentials.get was sent to VerifyFactor, or the response of navigator.credentials.create to ApproveChallenge.",
            "The members of `response` are at the top level, as some client libraries return them.",
            "`type` is present and is not `public-key`.",
            "The credential was serialized by a browser or library that leaves binary members out.",
        ],
        fix: "Send the browser's whole credential object, as JSON.stringify(credential) or credential.toJSON() returns it.",
        example: BOTH_RESPONSES,
    }
    AuthenticatorDataInvalid = 60379, 400, ByRequest, "Authenticator data invalid or not provided" {
        what: "`response.authenticatorData` is present but cannot be read.",
        causes: ["It is not base64url, or it was cut off.", "Another value was put into the member."],
        fix: "Send it as the browser returned it.",
        example: APPROVE_CHALLENGE,
    }
    ClientDataInvalid = 60380, 400, ByRequest, "Client data invalid or not provided" {
        what: "`response.clientDataJSON` is present but cannot be read, or it was created in another kind of ceremony.",
        causes: [
            "It was parsed and sent as JSON, or encoded twice.",
            "Its type is webauthn.get on VerifyFactor, or webauthn.create on ApproveChallenge.",
        ],
        fix: "Send it as the browser returned it, and send each response to the call that it belongs to.",
        example: VERIFY_FACTOR,
    }
    SignatureInvalid = 60381, 400, ByRequest, "Signature invalid or not provided" {
        what: "`response.signature` is present but cannot be a signature. (A signature that does not match is 60324.)",
        causes: ["It is not base64url.", "Another value was put into the member."],
        fix: "Send it as the browser returned it.",
        example: APPROVE_CHALLENGE,
    }
    RelyingPartyMismatch = 60382, 403, ByRequest, "Factor does not match the relying party of the challenge" {
        what: "The passkey was registered under another relying party id than the one of the Challenge. The Challenge is denied.",
        causes: ["The Service's relying party id was changed after the registration.", "The registration request named its own relying party."],
        fix: "Create the Challenge with the passkey's `factor_sid`, which uses the relying party of the registration. A passkey cannot move to another relying party id.",
        example: CREATE_CHALLENGE,
    }
    FactorStatusIllegal = 60383, 403, ByRequest, "Illegal factor status" {
        what: "The Factor can no longer be verified.",
        causes: [
            "It is already verified.",
            "An earlier response to it was refused. Each registration accepts one response.",
            "The ten minutes of the registration are over.",
        ],
        fix: "Start a new registration with Passkeys/Factors.",
        example: CREATE_FACTOR,
    }
    PublicKeyInvalid = 60385, 400, ByRequest, "Public key invalid or not provided" {
        what: "The new passkey's public key cannot be used.",
        causes: ["Its algorithm was not offered in `pubKeyCredParams`.", "The key is malformed or unsafe."],
        fix: "Pass the options to the browser unchanged. If they already are unchanged, use another authenticator.",
        example: VERIFY_FACTOR,
    }
    AttestationObjectInvalid = 60386, 400, ByRequest, "Attestation object invalid or not provided" {
        what: "`response.attestationObject` is present but cannot be read.",
        causes: ["It is not base64url, or it was cut off.", "It is not CBOR as WebAuthn section 6.5.4 defines it.", "passkeyd does not support the format of its attestation statement."],
        fix: "Send it as the browser returned it.",
        example: VERIFY_FACTOR,
    }
    AttestedCredentialDataInvalid = 60387, 400, ByRequest, "Attested credential data invalid or not provided" {
        what: "The attestation object contains no usable new credential.",
        causes: ["It contains the authenticator data of a sign-in.", "The credential ID is too long or too short."],
        fix: "Send the response of navigator.credentials.create as the browser returned it.",
        example: VERIFY_FACTOR,
    }
    FriendlyNameMissing = 60388, 400, ByRequest, "User display name not provided" {
        what: "`friendly_name` is missing. The browser shows it as the name of the passkey.",
        causes: ["The member was left out, is null, or is empty."],
        fix: "Send a `friendly_name` of 1 to 64 characters.",
        example: CREATE_FACTOR,
    }
    FactorNotFound = 60390, 404, ByRequest, "Factor not found" {
        what: "No Factor matches the request: the challenge in the client data, the credential ID, or `factor_sid`.",
        causes: [
            "The passkey was deleted here and is still on the user's device.",
            "The response was sent to another Service than the one that started the ceremony.",
            "The response belongs to options that passkeyd did not create.",
        ],
        fix: "Check the Service SID. If the passkey was deleted here, register a new one and remove the old one from the device.",
    }
    ChallengeNotFound = 60391, 404, ByRequest, "Challenge not found" {
        what: "No Challenge of this Service has the challenge in the client data.",
        causes: [
            "The page used options that passkeyd did not create, or an old copy of them.",
            "The response was sent to another Service than the one that created the Challenge.",
        ],
        fix: "Create a Challenge, and send the response to exactly its options.",
        example: CREATE_CHALLENGE,
    }
    EntityNotFound = 60392, 404, ByRequest, "Entity not found" {
        what: "This Service has no Entity with the identity in the request.",
        causes: ["No passkey has been registered for it yet.", "It was deleted, or it is spelled differently. Identities are case-sensitive."],
        fix: "Register a passkey for the identity first, or leave `identity` out to let the user choose a passkey.",
        example: CREATE_CHALLENGE,
    }
    CriteriaMissing = 60393, 400, ByRequest, "Authenticator criteria are missing from the request" {
        what: "Neither the request nor the Service states which authenticators are accepted. The message lists what is missing.",
        causes: ["The Service was created without its passkeys settings, and the request has no `config`."],
        fix: "Set the three criteria on the Service once, or send them in `config`.",
        example: CREATE_FACTOR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_are_found_by_their_number() {
        assert!(
            Code::ALL
                .windows(2)
                .all(|pair| pair[0].number() < pair[1].number())
        );
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(*code));
        }
        assert_eq!(Code::from_number(60389), None);
    }

    #[test]
    fn every_help_text_is_a_sentence_and_every_title_is_none() {
        for code in Code::ALL {
            for text in [code.what(), code.fix()].iter().chain(code.causes()) {
                assert!(
                    text.len() > 15 && text.ends_with(['.', ')']),
                    "{code:?}: {text}"
                );
            }
            assert!(!code.title().ends_with('.'), "{code:?}");
        }
    }

    #[test]
    fn a_status_of_the_platform_codes_is_told_by_the_number() {
        for code in Code::ALL
            .iter()
            .filter(|code| (20400..20600).contains(&code.number()))
        {
            assert_eq!(u32::from(code.status()), code.number() - 20000, "{code:?}");
        }
    }
}
