// The calls to passkeyd: the Twilio Verify Passkeys API with `fetch`, without a library.

// #region calls
const { PASSKEYD_URL = "http://127.0.0.1:8080", SERVICE_SID, ACCOUNT_SID, AUTH_TOKEN } = process.env;
const authorization = `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString("base64")}`;

// What passkeyd refused. The page does not get to see it.
export class NotAccepted extends Error {}

// The body is a form if it is URLSearchParams, and JSON otherwise.
async function call(method, path, body) {
  const form = body instanceof URLSearchParams;
  const response = await fetch(`${PASSKEYD_URL}/v2/Services/${SERVICE_SID}${path}`, {
    method,
    headers: { authorization, ...(body && !form && { "content-type": "application/json" }) },
    body: form ? body : body && JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (response.status >= 400 && response.status < 500) throw new NotAccepted(text);
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text && JSON.parse(text);
}

// Keep `ceremony` in the session of the browser, and send `options` to the page.
const started = ({ sid, options }) => ({ ceremony: sid, options: options.publicKey });

export const startRegistration = async (identity, account) =>
  started(await call("POST", "/Passkeys/Factors", { identity, friendly_name: account }));

// Without an identity, the passkey says who the user is.
export const startSignIn = async (identity) => started(await call("POST", "/Passkeys/Challenges", identity ? { identity } : {}));

// Both return the identity whose passkey it is. `ceremony` is what the session kept.
export const finishRegistration = (credential, ceremony) => finish("/Passkeys/VerifyFactor", credential, ceremony, "verified");
export const finishSignIn = (credential, ceremony) => finish("/Passkeys/ApproveChallenge", credential, ceremony, "approved");

async function finish(path, credential, ceremony, wanted) {
  const { sid, status, identity } = await call("POST", path, credential);
  if (sid !== ceremony || status !== wanted) throw new NotAccepted("a credential of another ceremony");
  return identity;
}
// #endregion

// The list also has registrations that did not finish.
export async function list(identity, page = 0) {
  const { factors, meta } = await call("GET", `/Entities/${identity}/Factors?PageSize=100&Page=${page}`);
  const passkeys = factors.filter(({ status }) => status === "verified").map(({ sid, friendly_name, date_created, metadata }) => ({
    id: sid, name: friendly_name, created: date_created, lastUsed: metadata?.date_last_approved ?? null,
  }));
  return meta.next_page_url ? [...passkeys, ...(await list(identity, page + 1))] : passkeys;
}

// The caller checks that the user has this passkey.
export const rename = (identity, id, name) => call("POST", `/Entities/${identity}/Factors/${id}`, new URLSearchParams({ FriendlyName: name }));
export const remove = (identity, id) => call("DELETE", `/Entities/${identity}/Factors/${id}`);
