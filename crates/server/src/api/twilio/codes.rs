//! Every error code that this wire answers, in one table: number, HTTP status, title, and the help that the
//! error pages (`/docs/errors/<code>`) and `docs/errors.md` are made of.
//!
//! Numbers and titles are those of Twilio's error dictionary, and so are the statuses that it names. Three numbers
//! are not in it and follow the pattern "20 + HTTP status": 20409, 20415 and 20431.

/// Who can bring a code about.
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
            mend: $mend:literal,
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

            /// The title; it is the `message` unless something more telling is known.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// Who can bring it about.
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

            /// How to mend it.
            pub const fn mend(self) -> &'static str {
                match self { $(Self::$variant => $mend),+ }
            }

            /// A correct request of the kind that meets this error, where one helps.
            pub const fn example(self) -> Option<&'static str> {
                match self { $(Self::$variant => codes!(@example $($example)?)),+ }
            }
        }
    };
    (@example) => { None };
    (@example $example:expr) => { Some($example) };
}

impl Code {
    /// The code with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.number() == number)
    }
}

const CREATE_SERVICE: &str = "\
POST /v2/Services
Content-Type: application/x-www-form-urlencoded

FriendlyName=Acme&Passkeys.RelyingParty.Id=acme.example&Passkeys.RelyingParty.Name=Acme&Passkeys.RelyingParty.Origins=https%3A%2F%2Facme.example&Passkeys.AuthenticatorAttachment=any&Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred";

const CREATE_ENTITY: &str = "\
POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Entities
Content-Type: application/x-www-form-urlencoded

Identity=user-0001";

const LIST: &str = "\
GET /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Entities?PageSize=50";

const BASIC: &str = "\
GET /v2/Services
Authorization: Basic base64(AccountSid:AuthToken)";

const CREATE_FACTOR: &str = r#"Add a passkey to an identity that exists only in that person's session: whoever
completes the registration can sign in as this identity from then on.

POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Passkeys/Factors
Content-Type: application/json

{
  "friendly_name": "Phone",
  "identity": "user-0001",
  "config": {
    "relying_party": {
      "id": "acme.example",
      "name": "Acme",
      "origins": ["https://acme.example"]
    },
    "authenticator_attachment": "any",
    "discoverable_credentials": "preferred",
    "user_verification": "preferred"
  }
}"#;

const VERIFY_FACTOR: &str = r#"POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Passkeys/VerifyFactor
Content-Type: application/json

{
  "id": "6ySmhJd6qGUMCthiqszyb4Od4U6TFn0v3DLz-1EZrNQ",
  "rawId": "6ySmhJd6qGUMCthiqszyb4Od4U6TFn0v3DLz-1EZrNQ",
  "authenticatorAttachment": "platform",
  "type": "public-key",
  "response": {
    "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwi...",
    "attestationObject": "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVi...",
    "transports": ["internal", "hybrid"]
  }
}"#;

const BOTH_RESPONSES: &str = r#"In the browser, with the `publicKey` of the options; pass the credential on whole:

  const created = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
  });
  const used = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
  });
  await fetch("/your-route", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(created),
  });

POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Passkeys/VerifyFactor
Content-Type: application/json

{
  "id": "6ySmhJd6qGUMCthiqszyb4Od4U6TFn0v3DLz-1EZrNQ",
  "rawId": "6ySmhJd6qGUMCthiqszyb4Od4U6TFn0v3DLz-1EZrNQ",
  "authenticatorAttachment": "platform",
  "type": "public-key",
  "response": {
    "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwi...",
    "attestationObject": "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVi..."
  }
}

POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Passkeys/ApproveChallenge
Content-Type: application/json

{
  "id": "6ySmhJd6qGUMCthiqszyb4Od4U6TFn0v3DLz-1EZrNQ",
  "rawId": "6ySmhJd6qGUMCthiqszyb4Od4U6TFn0v3DLz-1EZrNQ",
  "authenticatorAttachment": "platform",
  "type": "public-key",
  "response": {
    "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0Iiwi...",
    "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2Md...",
    "signature": "MEUCIQDx...",
    "userHandle": "WUU5MGExYjJjM2Q0ZTVmNjA3MTgyOTNhNGI1YzZkN2U4Zg"
  }
}"#;

const CREATE_CHALLENGE: &str = r#"POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Passkeys/Challenges
Content-Type: application/json

{"identity": "user-0001"}"#;

const APPROVE_CHALLENGE: &str = r#"POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Passkeys/ApproveChallenge
Content-Type: application/json

{
  "id": "6ySmhJd6qGUMCthiqszyb4Od4U6TFn0v3DLz-1EZrNQ",
  "rawId": "6ySmhJd6qGUMCthiqszyb4Od4U6TFn0v3DLz-1EZrNQ",
  "authenticatorAttachment": "platform",
  "type": "public-key",
  "response": {
    "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0Iiwi...",
    "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2Md...",
    "signature": "MEUCIQDx...",
    "userHandle": "WUU5MGExYjJjM2Q0ZTVmNjA3MTgyOTNhNGI1YzZkN2U4Zg"
  }
}"#;

codes! {
    MissingParameter = 20001, 400, ByRequest, "Missing required parameter" {
        what: "A form lacks a parameter that the call cannot do without. The message names it.",
        causes: [
            "The parameter was left out, or its name is misspelled.",
            "The body was sent as JSON to a call that takes a form, or the Content-Type was lost.",
        ],
        mend: "Send the named parameter, form-encoded.",
        example: CREATE_SERVICE,
    }
    Authenticate = 20003, 401, ByRequest, "Authenticate" {
        what: "The request does not prove an account.",
        causes: [
            "Account SID and Auth Token do not belong together, or one has a stray space.",
            "An API key was revoked, or its SID was sent with the account's token.",
            "The Authorization header is missing, was sent twice, or was removed by a proxy.",
        ],
        mend: "Send HTTP Basic with the Account SID (AC...) and its Auth Token, or with an API key's SID (SK...) and its secret.",
        example: BASIC,
    }
    MethodNotAllowed = 20004, 405, ByRequest, "Method not allowed" {
        what: "The path exists, but not with this HTTP method.",
        causes: ["PUT or PATCH was used for an update, which is a POST on this API."],
        mend: "Use the method that the call documents; the Allow header of the answer lists those of the path.",
    }
    PageSizeTooLarge = 20007, 400, ByRequest, "Page size too large" {
        what: "More than 1000 records were asked for on one page.",
        causes: ["PageSize is above 1000."],
        mend: "Ask for at most 1000 records and follow meta.next_page_url for the rest.",
        example: LIST,
    }
    NotFound = 20404, 404, ByRequest, "The requested resource was not found" {
        what: "Nothing is found under this path in the account that signed in.",
        causes: [
            "A SID is unknown, was deleted, or belongs to another account or service.",
            "The path is misspelled; paths are case-sensitive and have no slash at the end.",
            "The call belongs to a product that passkeyd does not have, such as SMS verifications.",
        ],
        mend: "Check SID, path and account.",
    }
    IdempotencyConflict = 20409, 409, ByRequest, "Idempotency key conflict" {
        what: "The request has an Idempotency-Key that this account used on this path in the last ten minutes, and the first response cannot be given again.",
        causes: [
            "The key was used with another body or query.",
            "The first request with this key is still being processed; then the response has Retry-After.",
        ],
        mend: "Use a new key for each new request. For a retry, send the same key and the same body.",
    }
    TooLarge = 20413, 413, ByRequest, "Request entity too large" {
        what: "The body is larger than any call of this API needs.",
        causes: ["Unrelated data travel in the same body."],
        mend: "Send only the documented members.",
    }
    UnsupportedEncoding = 20415, 415, ByTransport, "Unsupported content encoding" {
        what: "The body is compressed, which this API does not accept.",
        causes: ["A client or proxy adds Content-Encoding to requests."],
        mend: "Send the body as it is, without Content-Encoding.",
    }
    TooManyRequests = 20429, 429, ByServer, "Too many requests" {
        what: "Too much is going on at once for this caller or this user.",
        causes: ["A page starts ceremonies in a loop, or a service is being flooded."],
        mend: "Wait a moment and try again; nothing was changed.",
    }
    HeadersTooLarge = 20431, 431, ByTransport, "Request header fields too large" {
        what: "The request line and headers exceed 16 KiB or 64 headers.",
        causes: ["Cookies of a site were sent along, or a proxy keeps adding headers."],
        mend: "Send fewer and shorter headers.",
    }
    InternalError = 20500, 500, ByServer, "Internal server error" {
        what: "passkeyd failed at something that is not the caller's fault.",
        causes: ["A stored record cannot be read, or there is an error in passkeyd."],
        mend: "Look at the server's log for this request and report it with the request's id.",
    }
    Unavailable = 20503, 503, ByServer, "Service unavailable" {
        what: "The database behind passkeyd does not answer at the moment.",
        causes: ["The database restarts, fails over or is overloaded.", "passkeyd is stopping."],
        mend: "Try again after a short pause. When details.reason is store_unknown_outcome, read the state first.",
    }
    InvalidParameter = 60200, 400, ByRequest, "Invalid parameter" {
        what: "A parameter of a Service has a value that is not allowed. The message names the parameter.",
        causes: [
            "A choice is misspelled, for example `crossplatform` for `cross-platform`.",
            "A number is outside its range, or a text is too long.",
        ],
        mend: "Send one of the documented values, or an empty value to clear the setting.",
        example: CREATE_SERVICE,
    }
    EntityExists = 60301, 409, ByRequest, "Entity already exists" {
        what: "There is an Entity with this identity in the Service already.",
        causes: ["The same creation was sent twice.", "A passkey was registered for the identity before, which creates the Entity."],
        mend: "Use the Entity that is there; identities are case-sensitive.",
        example: CREATE_ENTITY,
    }
    AccessTokenParameters = 60305, 400, ByRequest, "Access Token parameters invalid" {
        what: "Access tokens exist for push factors only, which passkeyd does not have.",
        causes: ["A client was written for Twilio Verify Push."],
        mend: "Register passkeys with Passkeys/Factors; a passkeys flow needs no access token.",
        example: CREATE_FACTOR,
    }
    InvalidRequest = 60306, 400, ByRequest, "Invalid Request" {
        what: "The request is not in the form that the call expects. The details say what is wrong.",
        causes: [
            "The body is not a JSON object in UTF-8, names a member twice, or has the wrong Content-Type.",
            "A parameter has the wrong type or is too long.",
            "The call exists for push and TOTP factors only, such as updating a challenge.",
        ],
        mend: "Send JSON with Content-Type application/json to the Passkeys calls, and form-encoded parameters to all others.",
        example: VERIFY_FACTOR,
    }
    FactorVerificationFailed = 60311, 403, ByRequest, "Factor verification failed" {
        what: "The browser's answer to a registration was read, but it does not prove what was asked for. The Factor stays unverified for good.",
        causes: [
            "The page's origin is not among the configured origins (scheme, host and port must match exactly).",
            "The RP ID differs between the options and the page.",
            "User verification is required and the authenticator did not do it.",
            "The answer was changed on its way.",
        ],
        mend: "Read details.reason and details.help, mend the cause, and start a new registration: each takes one answer.",
        example: VERIFY_FACTOR,
    }
    TooManyFactors = 60315, 400, ByRequest, "Max factors per entity reached" {
        what: "The Entity has as many passkeys as the Service allows.",
        causes: ["Passkeys that are no longer used were never deleted."],
        mend: "Delete a Factor of this Entity first.",
    }
    FactorExists = 60317, 409, ByRequest, "Factor already exists" {
        what: "A passkey with this credential id is registered already.",
        causes: ["The same registration was sent twice.", "The page ignored `excludeCredentials` in the options."],
        mend: "Sign in with the existing passkey, and pass the options to the browser unchanged.",
    }
    FactorUnverified = 60318, 403, ByRequest, "Factor is unverified" {
        what: "The passkey's registration was started but never succeeded, so it cannot be challenged.",
        causes: ["VerifyFactor was not called, or it was refused."],
        mend: "Finish the registration with VerifyFactor, or start a new one.",
        example: VERIFY_FACTOR,
    }
    ChallengeResponded = 60322, 403, ByRequest, "Challenge already responded" {
        what: "This Challenge has taken its one answer already, be it approved or refused.",
        causes: ["The request was sent twice.", "An old answer is replayed.", "A first answer was refused, which ends a Challenge."],
        mend: "Create a new Challenge and answer that.",
        example: CREATE_CHALLENGE,
    }
    ChallengeExpired = 60323, 403, ByRequest, "Challenge expired" {
        what: "The answer came after the Challenge's expiration_date.",
        causes: ["The user took too long, or an old page was left open."],
        mend: "Create a new Challenge when the user is about to sign in.",
        example: CREATE_CHALLENGE,
    }
    ChallengeVerificationFailed = 60324, 403, ByRequest, "Challenge verification failed" {
        what: "The browser's answer to a Challenge was read, but it does not prove the passkey. The Challenge is denied.",
        causes: [
            "The page's origin is not among the configured origins (scheme, host and port must match exactly).",
            "A passkey of another user answered.",
            "User verification is required and the authenticator did not do it.",
            "The signature does not match, because the answer was changed on its way.",
        ],
        mend: "Read details.reason and details.help, mend the cause, and create a new Challenge: each takes one answer.",
        example: APPROVE_CHALLENGE,
    }
    FactorSidInvalid = 60362, 400, ByRequest, "Factor SID invalid or not provided" {
        what: "The value given as a Factor SID cannot be one.",
        causes: ["It is not YF and 32 hex digits.", "The credential's id was sent instead."],
        mend: "Send the `sid` of a Factor.",
        example: CREATE_CHALLENGE,
    }
    ServiceSidInvalid = 60363, 400, ByRequest, "Service SID invalid or not provided" {
        what: "The value in the path after /Services/ cannot be a Service SID.",
        causes: ["It is not VA and 32 hex digits.", "A template variable was not filled in."],
        mend: "Use the `sid` of a Service.",
    }
    ChallengeSidInvalid = 60364, 400, ByRequest, "Challenge SID invalid or not provided" {
        what: "The value in the path after /Challenges/ cannot be a Challenge SID.",
        causes: ["It is not YC and 32 hex digits."],
        mend: "Use the `sid` of a Challenge.",
    }
    EntitySidInvalid = 60365, 400, ByRequest, "Entity SID invalid or not provided" {
        what: "`response.userHandle` is not the user handle of an Entity.",
        causes: [
            "The client replaced it by a user name or an id of its own.",
            "It was encoded twice, or with standard base64.",
        ],
        mend: "Send `response.userHandle` as the browser gave it, or leave it out.",
        example: APPROVE_CHALLENGE,
    }
    IdentityInvalid = 60367, 400, ByRequest, "Invalid entity identity" {
        what: "The identity is missing or not allowed: 8 to 64 characters, letters and digits of ASCII separated by single hyphens.",
        causes: ["An e-mail address or a name was sent.", "It is shorter than 8 characters."],
        mend: "Send an opaque identity, for example a UUID, and keep its relation to the person on your side.",
        example: CREATE_FACTOR,
    }
    FactorTypeInvalid = 60369, 400, ByRequest, "Factor type invalid or not provided" {
        what: "Factors and Challenges of other types than passkeys do not exist here, and passkeys are not created on this path.",
        causes: ["A client was written for push or TOTP.", "A passkey was created on Entities/{identity}/Factors."],
        mend: "Create passkeys with Passkeys/Factors and their Challenges with Passkeys/Challenges.",
        example: CREATE_FACTOR,
    }
    FactorConfigInvalid = 60370, 400, ByRequest, "Factor config invalid or not provided" {
        what: "`config` cannot be used: it is not an object, or one of its choices is unknown.",
        causes: ["A choice is misspelled, for example `crossplatform` for `cross-platform`.", "`config` was sent as a text."],
        mend: "Correct the member that the details name, or leave `config` out to use the Service's settings.",
        example: CREATE_FACTOR,
    }
    RelyingPartyInvalid = 60371, 400, ByRequest, "Relying party invalid or not provided" {
        what: "There is no usable relying party: its id or its origins are set neither in the request nor in the Service, or an origin is malformed.",
        causes: [
            "The Service was created without Passkeys.RelyingParty.Id and Passkeys.RelyingParty.Origins.",
            "An origin has a path or a slash at the end, or uses http for another host than localhost.",
        ],
        mend: "Set id and origins on the Service once. Write each origin exactly as clients do: https://host for a page, with the port if it is not 443; the scheme and id of an app or a browser extension.",
        example: CREATE_SERVICE,
    }
    RelyingPartyIdInvalid = 60372, 400, ByRequest, "Relying party id invalid or not provided" {
        what: "The relying party's id is not a domain name.",
        causes: ["It has a scheme, a port or a path.", "It is an IP address, or has upper-case letters."],
        mend: "Send the bare domain, for example acme.example, or localhost while developing.",
        example: CREATE_SERVICE,
    }
    PageSizeInvalid = 60373, 400, ByRequest, "Invalid page size" {
        what: "PageSize is not a number from 1 to 1000.",
        causes: ["It is zero, negative or not a number."],
        mend: "Send a number from 1 to 1000, or leave it out for 50.",
        example: LIST,
    }
    PageTokenInvalid = 60374, 400, ByRequest, "Invalid page token" {
        what: "PageToken was not made for this list.",
        causes: ["It was changed or cut off.", "It comes from another list, account or set of filters."],
        mend: "Follow meta.next_page_url as it is.",
        example: LIST,
    }
    CredentialIdInvalid = 60375, 400, ByRequest, "Invalid id" {
        what: "The credential's `id` is missing or is not base64url text.",
        causes: ["The credential was rebuilt by hand.", "The body is not a credential at all."],
        mend: "Send the browser's credential object as JSON, for example with toJSON().",
        example: VERIFY_FACTOR,
    }
    RawIdInvalid = 60376, 400, ByRequest, "Invalid rawId" {
        what: "The credential's `rawId` is missing, cannot be decoded, or is not the same bytes as `id`.",
        causes: ["It was encoded as standard base64.", "An ArrayBuffer was turned to JSON, which gives {}."],
        mend: "Encode rawId as base64url without padding (hexadecimal is understood too), or use toJSON().",
        example: VERIFY_FACTOR,
    }
    AttachmentInvalid = 60377, 400, ByRequest, "Authenticator attachment invalid or not provided" {
        what: "`authenticatorAttachment` is not a text. An unknown or empty text, null and an absent member are accepted.",
        causes: ["A number, a list or an object was sent."],
        mend: "Send the value that the browser reported, or leave it out.",
        example: VERIFY_FACTOR,
    }
    ResponseInvalid = 60378, 400, ByRequest, "Authenticator response invalid or not provided" {
        what: "The request carries no valid response object of an authenticator: `response` is missing, or lacks a member that the call needs. `details.members` names everything that is missing.",
        causes: [
            "The credential was filtered or copied member by member before it was sent on.",
            "The answer of navigator.credentials.get was sent to VerifyFactor, or that of create to ApproveChallenge.",
            "The members of `response` stand at the top level, as some client libraries return them.",
            "`type` is there and is not `public-key`.",
            "The credential was turned to JSON by a browser or library that leaves binary members out.",
        ],
        mend: "Pass the browser's credential object on whole, as JSON.stringify(credential) or credential.toJSON() gives it.",
        example: BOTH_RESPONSES,
    }
    AuthenticatorDataInvalid = 60379, 400, ByRequest, "Authenticator data invalid or not provided" {
        what: "`response.authenticatorData` is there but cannot be read.",
        causes: ["It is not base64url, or was cut off.", "Another value was put into the member."],
        mend: "Send it as the browser gave it.",
        example: APPROVE_CHALLENGE,
    }
    ClientDataInvalid = 60380, 400, ByRequest, "Client data invalid or not provided" {
        what: "`response.clientDataJSON` is there but cannot be read, or was made in another kind of ceremony.",
        causes: [
            "It was parsed and sent as JSON, or encoded twice.",
            "Its type is webauthn.get on VerifyFactor, or webauthn.create on ApproveChallenge.",
        ],
        mend: "Send it as the browser gave it, and each answer to the call that it belongs to.",
        example: VERIFY_FACTOR,
    }
    SignatureInvalid = 60381, 400, ByRequest, "Signature invalid or not provided" {
        what: "`response.signature` is there but cannot be a signature. (A signature that does not match is 60324.)",
        causes: ["It is not base64url.", "Another value was put into the member."],
        mend: "Send it as the browser gave it.",
        example: APPROVE_CHALLENGE,
    }
    RelyingPartyMismatch = 60382, 403, ByRequest, "Factor does not match the relying party of the challenge" {
        what: "The passkey was registered under another relying party id than the Challenge asks for. The Challenge is denied.",
        causes: ["The Service's relying party id was changed after the registration.", "The registration brought its own relying party."],
        mend: "Create the Challenge with the passkey's `factor_sid`, which uses the relying party of the registration; a passkey cannot move to another one.",
        example: CREATE_CHALLENGE,
    }
    FactorStatusIllegal = 60383, 403, ByRequest, "Illegal factor status" {
        what: "The Factor cannot be verified any more.",
        causes: [
            "It is verified already.",
            "An answer to it was refused before: each registration takes one answer.",
            "The ten minutes of the registration are over.",
        ],
        mend: "Start a new registration with Passkeys/Factors.",
        example: CREATE_FACTOR,
    }
    PublicKeyInvalid = 60385, 400, ByRequest, "Public key invalid or not provided" {
        what: "The new passkey's public key cannot be used.",
        causes: ["Its algorithm was not offered in `pubKeyCredParams`.", "The key is malformed or unsafe."],
        mend: "Pass the options to the browser unchanged; if that is the case, use another authenticator.",
        example: VERIFY_FACTOR,
    }
    AttestationObjectInvalid = 60386, 400, ByRequest, "Attestation object invalid or not provided" {
        what: "`response.attestationObject` is there but cannot be read.",
        causes: ["It is not base64url, or was cut off.", "It is not CBOR in the form of WebAuthn section 6.5.4.", "Its statement has a format that passkeyd does not know."],
        mend: "Send it as the browser gave it.",
        example: VERIFY_FACTOR,
    }
    AttestedCredentialDataInvalid = 60387, 400, ByRequest, "Attested credential data invalid or not provided" {
        what: "The attestation object holds no usable new credential.",
        causes: ["The authenticator data of a sign-in were put into it.", "The credential id is too long or too short."],
        mend: "Send the answer of navigator.credentials.create as the browser gave it.",
        example: VERIFY_FACTOR,
    }
    FriendlyNameMissing = 60388, 400, ByRequest, "User display name not provided" {
        what: "`friendly_name` is missing. It becomes the name that the browser shows for the passkey.",
        causes: ["The member was left out, is null, or is empty."],
        mend: "Send a `friendly_name` of 1 to 64 characters.",
        example: CREATE_FACTOR,
    }
    FactorNotFound = 60390, 404, ByRequest, "Factor not found" {
        what: "No Factor belongs to what the request names: the challenge in the client data, the credential id, or `factor_sid`.",
        causes: [
            "The passkey was deleted here and is still on the user's device.",
            "The answer was sent to another Service than the one that started the ceremony.",
            "The answer belongs to options that passkeyd did not make.",
        ],
        mend: "Check the Service SID; register a new passkey, and remove the stale one from the device.",
    }
    ChallengeNotFound = 60391, 404, ByRequest, "Challenge not found" {
        what: "No Challenge of this Service has the challenge that the client data name.",
        causes: [
            "The page answered options that passkeyd did not make, or an old copy of them.",
            "The answer was sent to another Service than the one that made the Challenge.",
        ],
        mend: "Create a Challenge and answer exactly its options.",
        example: CREATE_CHALLENGE,
    }
    EntityNotFound = 60392, 404, ByRequest, "Entity not found" {
        what: "No Entity of this Service has the identity that the request names.",
        causes: ["No passkey was registered for it yet.", "It was deleted, or is spelled differently; identities are case-sensitive."],
        mend: "Register a passkey for the identity first, or leave `identity` out to let the user choose a passkey.",
        example: CREATE_CHALLENGE,
    }
    CriteriaMissing = 60393, 400, ByRequest, "Authenticator criteria are missing from the request" {
        what: "Neither the request nor the Service says which authenticators are wanted. The message lists what is missing.",
        causes: ["The Service was created without its passkeys settings, and the request has no `config`."],
        mend: "Set the three criteria on the Service once, or send them in `config`.",
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
            for text in [code.what(), code.mend()].iter().chain(code.causes()) {
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
