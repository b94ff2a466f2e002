//! The examples of the error pages: one correct request of each kind, a block for each language.

/// A block of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it is written in, or what it is for.
    pub caption: &'static str,
    /// The language, for programs that read the page.
    pub language: &'static str,
    /// The code.
    pub code: &'static str,
}

const fn block(caption: &'static str, language: &'static str, code: &'static str) -> Block {
    Block {
        caption,
        language,
        code,
    }
}

const CREATE_SERVICE_HTTP: Block = block(
    "HTTP",
    "http",
    r"POST /v2/Services
Content-Type: application/x-www-form-urlencoded

FriendlyName=Acme&Passkeys.RelyingParty.Id=acme.example&Passkeys.RelyingParty.Name=Acme&Passkeys.RelyingParty.Origins=https%3A%2F%2Facme.example&Passkeys.AuthenticatorAttachment=any&Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred",
);

const CREATE_SERVICE_NODE: Block = block(
    "Node, with the twilio library",
    "js",
    r#"import twilio from "twilio";

const client = twilio(process.env.ACCOUNT_SID, process.env.AUTH_TOKEN);
client.verify.baseUrl = "http://127.0.0.1:8080";

const service = await client.verify.v2.services.create({
  friendlyName: "Acme",
  "passkeys.relyingParty.id": "acme.example",
  "passkeys.relyingParty.name": "Acme",
  "passkeys.relyingParty.origins": "https://acme.example",
  "passkeys.authenticatorAttachment": "any",
  "passkeys.discoverableCredentials": "preferred",
  "passkeys.userVerification": "preferred",
});"#,
);

const CREATE_SERVICE_PYTHON: Block = block(
    "Python, with the twilio library",
    "python",
    r#"import os

from twilio.rest import Client

client = Client(os.environ["ACCOUNT_SID"], os.environ["AUTH_TOKEN"])
client.verify.base_url = "http://127.0.0.1:8080"

service = client.verify.v2.services.create(
    friendly_name="Acme",
    passkeys_relying_party_id="acme.example",
    passkeys_relying_party_name="Acme",
    passkeys_relying_party_origins="https://acme.example",
    passkeys_authenticator_attachment="any",
    passkeys_discoverable_credentials="preferred",
    passkeys_user_verification="preferred",
)"#,
);

const CREATE_ENTITY_HTTP: Block = block(
    "HTTP",
    "http",
    r"POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Entities
Content-Type: application/x-www-form-urlencoded

Identity=user-0001",
);

const CREATE_ENTITY_NODE: Block = block(
    "Node, with the twilio library",
    "js",
    r#"import twilio from "twilio";

const client = twilio(process.env.ACCOUNT_SID, process.env.AUTH_TOKEN);
client.verify.baseUrl = "http://127.0.0.1:8080";
const passkeys = client.verify.v2.services(process.env.SERVICE_SID);

const entity = await passkeys.entities.create({ identity: "user-0001" });"#,
);

const CREATE_ENTITY_PYTHON: Block = block(
    "Python, with the twilio library",
    "python",
    r#"import os

from twilio.rest import Client

client = Client(os.environ["ACCOUNT_SID"], os.environ["AUTH_TOKEN"])
client.verify.base_url = "http://127.0.0.1:8080"
passkeys = client.verify.v2.services(os.environ["SERVICE_SID"])

entity = passkeys.entities.create(identity="user-0001")"#,
);

const LIST_HTTP: Block = block(
    "HTTP",
    "http",
    r"GET /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Entities?PageSize=50",
);

const LIST_NODE: Block = block(
    "Node, with the twilio library",
    "js",
    r#"import twilio from "twilio";

const client = twilio(process.env.ACCOUNT_SID, process.env.AUTH_TOKEN);
client.verify.baseUrl = "http://127.0.0.1:8080";
const passkeys = client.verify.v2.services(process.env.SERVICE_SID);

const entities = await passkeys.entities.list({ pageSize: 50 });"#,
);

const LIST_PYTHON: Block = block(
    "Python, with the twilio library",
    "python",
    r#"import os

from twilio.rest import Client

client = Client(os.environ["ACCOUNT_SID"], os.environ["AUTH_TOKEN"])
client.verify.base_url = "http://127.0.0.1:8080"
passkeys = client.verify.v2.services(os.environ["SERVICE_SID"])

entities = passkeys.entities.list(page_size=50)"#,
);

const BASIC_HTTP: Block = block(
    "HTTP",
    "http",
    r"GET /v2/Services
Authorization: Basic base64(AccountSid:AuthToken)",
);

const BASIC_NODE: Block = block(
    "Node, with the twilio library",
    "js",
    r#"import twilio from "twilio";

const client = twilio(process.env.ACCOUNT_SID, process.env.AUTH_TOKEN);
client.verify.baseUrl = "http://127.0.0.1:8080";

const services = await client.verify.v2.services.list();"#,
);

const BASIC_PYTHON: Block = block(
    "Python, with the twilio library",
    "python",
    r#"import os

from twilio.rest import Client

client = Client(os.environ["ACCOUNT_SID"], os.environ["AUTH_TOKEN"])
client.verify.base_url = "http://127.0.0.1:8080"

services = client.verify.v2.services.list()"#,
);

const CREATE_FACTOR_HTTP: Block = block(
    "HTTP",
    "http",
    r#"POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Passkeys/Factors
Content-Type: application/json

{
  "friendly_name": "ada@acme.example",
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
}"#,
);

const CREATE_FACTOR_NODE: Block = block(
    "Node, with the twilio library",
    "js",
    r#"import twilio from "twilio";

const client = twilio(process.env.ACCOUNT_SID, process.env.AUTH_TOKEN);
client.verify.baseUrl = "http://127.0.0.1:8080";
const passkeys = client.verify.v2.services(process.env.SERVICE_SID);

const factor = await passkeys.newFactors.create({ identity: "user-0001", friendlyName: "ada@acme.example" });
// Send factor.options.publicKey to the page."#,
);

const CREATE_FACTOR_PYTHON: Block = block(
    "Python, with the twilio library",
    "python",
    r#"import os

from twilio.rest import Client
from twilio.rest.verify.v2.service.new_factor import NewFactorList

client = Client(os.environ["ACCOUNT_SID"], os.environ["AUTH_TOKEN"])
client.verify.base_url = "http://127.0.0.1:8080"
passkeys = client.verify.v2.services(os.environ["SERVICE_SID"])

body = {"identity": "user-0001", "friendly_name": "ada@acme.example"}
factor = passkeys.new_factors.create(NewFactorList.CreateNewPasskeysFactorRequest(body))
# Send factor.options["publicKey"] to the page."#,
);

const VERIFY_FACTOR_HTTP: Block = block(
    "HTTP",
    "http",
    r#"POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Passkeys/VerifyFactor
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
}"#,
);

const VERIFY_FACTOR_NODE: Block = block(
    "Node, with the twilio library",
    "js",
    r#"import twilio from "twilio";

const client = twilio(process.env.ACCOUNT_SID, process.env.AUTH_TOKEN);
client.verify.baseUrl = "http://127.0.0.1:8080";
const passkeys = client.verify.v2.services(process.env.SERVICE_SID);

// `credential` is what the page sent: the whole output of toJSON().
export const verify = (credential) => passkeys.newVerifyFactors.update(credential);"#,
);

const VERIFY_FACTOR_PYTHON: Block = block(
    "Python, with the twilio library",
    "python",
    r#"import os

from twilio.rest import Client
from twilio.rest.verify.v2.service.new_verify_factor import NewVerifyFactorList

client = Client(os.environ["ACCOUNT_SID"], os.environ["AUTH_TOKEN"])
client.verify.base_url = "http://127.0.0.1:8080"
passkeys = client.verify.v2.services(os.environ["SERVICE_SID"])

# `credential` is what the page sent: the whole output of toJSON().
def verify(credential):
    return passkeys.new_verify_factors.update(NewVerifyFactorList.VerifyPasskeysFactorRequest(credential))"#,
);

const CREATE_CHALLENGE_HTTP: Block = block(
    "HTTP",
    "http",
    r#"POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Passkeys/Challenges
Content-Type: application/json

{"identity": "user-0001"}"#,
);

const CREATE_CHALLENGE_NODE: Block = block(
    "Node, with the twilio library",
    "js",
    r#"import twilio from "twilio";

const client = twilio(process.env.ACCOUNT_SID, process.env.AUTH_TOKEN);
client.verify.baseUrl = "http://127.0.0.1:8080";
const passkeys = client.verify.v2.services(process.env.SERVICE_SID);

const challenge = await passkeys.newChallenge().create({ identity: "user-0001" });
// Send challenge.options.publicKey to the page."#,
);

const CREATE_CHALLENGE_PYTHON: Block = block(
    "Python, with the twilio library",
    "python",
    r#"import os

from twilio.rest import Client
from twilio.rest.verify.v2.service.new_challenge import NewChallengeList

client = Client(os.environ["ACCOUNT_SID"], os.environ["AUTH_TOKEN"])
client.verify.base_url = "http://127.0.0.1:8080"
passkeys = client.verify.v2.services(os.environ["SERVICE_SID"])

challenge = passkeys.new_challenge().create(NewChallengeList.CreatePasskeysChallengeRequest({"identity": "user-0001"}))
# Send challenge.options["publicKey"] to the page."#,
);

const APPROVE_CHALLENGE_HTTP: Block = block(
    "HTTP",
    "http",
    r#"POST /v2/Services/VA3c9d1e5f7a8b4c6d9e0f1a2b3c4d5e6f/Passkeys/ApproveChallenge
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
}"#,
);

const APPROVE_CHALLENGE_NODE: Block = block(
    "Node, with the twilio library",
    "js",
    r#"import twilio from "twilio";

const client = twilio(process.env.ACCOUNT_SID, process.env.AUTH_TOKEN);
client.verify.baseUrl = "http://127.0.0.1:8080";
const passkeys = client.verify.v2.services(process.env.SERVICE_SID);

// `credential` is what the page sent: the whole output of toJSON().
export const approve = (credential) => passkeys.approveChallenge.update(credential);"#,
);

const APPROVE_CHALLENGE_PYTHON: Block = block(
    "Python, with the twilio library",
    "python",
    r#"import os

from twilio.rest import Client
from twilio.rest.verify.v2.service.approve_challenge import ApproveChallengeList

client = Client(os.environ["ACCOUNT_SID"], os.environ["AUTH_TOKEN"])
client.verify.base_url = "http://127.0.0.1:8080"
passkeys = client.verify.v2.services(os.environ["SERVICE_SID"])

# `credential` is what the page sent: the whole output of toJSON().
def approve(credential):
    return passkeys.approve_challenge.update(ApproveChallengeList.ApprovePasskeysChallengeRequest(credential))"#,
);

const CREATE: Block = block(
    "The page, registration",
    "js",
    r#"// `publicKey` is what the back end got.
export async function create(publicKey) {
  const credential = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
  });
  return fetch("/your-route", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(credential),
  });
}"#,
);

const GET: Block = block(
    "The page, sign-in",
    "js",
    r#"// `publicKey` is what the back end got.
export async function get(publicKey) {
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
  });
  return fetch("/your-route", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(credential),
  });
}"#,
);

/// Creates a Service.
pub(super) const CREATE_SERVICE: &[Block] = &[
    CREATE_SERVICE_NODE,
    CREATE_SERVICE_PYTHON,
    CREATE_SERVICE_HTTP,
];
/// Creates an Entity.
pub(super) const CREATE_ENTITY: &[Block] =
    &[CREATE_ENTITY_NODE, CREATE_ENTITY_PYTHON, CREATE_ENTITY_HTTP];
/// Reads a list.
pub(super) const LIST: &[Block] = &[LIST_NODE, LIST_PYTHON, LIST_HTTP];
/// Shows who calls.
pub(super) const BASIC: &[Block] = &[BASIC_NODE, BASIC_PYTHON, BASIC_HTTP];
/// Starts a registration.
pub(super) const CREATE_FACTOR: &[Block] = &[
    CREATE,
    CREATE_FACTOR_NODE,
    CREATE_FACTOR_PYTHON,
    CREATE_FACTOR_HTTP,
];
/// Finishes a registration.
pub(super) const VERIFY_FACTOR: &[Block] = &[
    CREATE,
    VERIFY_FACTOR_NODE,
    VERIFY_FACTOR_PYTHON,
    VERIFY_FACTOR_HTTP,
];
/// Starts a sign-in.
pub(super) const CREATE_CHALLENGE: &[Block] = &[
    GET,
    CREATE_CHALLENGE_NODE,
    CREATE_CHALLENGE_PYTHON,
    CREATE_CHALLENGE_HTTP,
];
/// Finishes a sign-in.
pub(super) const APPROVE_CHALLENGE: &[Block] = &[
    GET,
    APPROVE_CHALLENGE_NODE,
    APPROVE_CHALLENGE_PYTHON,
    APPROVE_CHALLENGE_HTTP,
];
/// Finishes a registration, and a sign-in.
pub(super) const BOTH_RESPONSES: &[Block] = &[
    CREATE,
    GET,
    VERIFY_FACTOR_NODE,
    APPROVE_CHALLENGE_NODE,
    VERIFY_FACTOR_PYTHON,
    APPROVE_CHALLENGE_PYTHON,
    VERIFY_FACTOR_HTTP,
    APPROVE_CHALLENGE_HTTP,
];
