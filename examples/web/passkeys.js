// Passkeys in the page: ask the back end for options, ask the browser for a credential, send it back.

export async function post(path, body = {}) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({ error: `HTTP status ${response.status}` }));
  if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status, reason: answer.reason });
  return answer;
}

// `path` is `/register` for a new account, or `/passkeys` for another passkey of the account that is signed in.
export async function create(path, body) {
  await stopAutofill();
  const options = await post(`${path}/start`, body);
  const credential = await navigator.credentials.create({ publicKey: creationOptions(options) });
  return post(`${path}/finish`, asJSON(credential));
}

// `path` is `/sign-in`, or `/step-up` for the account that is signed in.
export async function get(path, body) {
  await stopAutofill();
  const options = await post(`${path}/start`, body);
  const credential = await navigator.credentials.get({ publicKey: requestOptions(options) });
  return post(`${path}/finish`, asJSON(credential));
}

let waiting; // ends the request that waits in autofill
let started; // the start of that request

// Offers passkeys in the field with `autocomplete="username webauthn"`. Resolves with true after a sign-in, and with false if there was none.
export async function autofill() {
  if (!(await window.PublicKeyCredential?.isConditionalMediationAvailable?.())) return false;
  await stopAutofill();
  const { signal } = (waiting = new AbortController());
  try {
    started = post("/sign-in/start");
    const publicKey = requestOptions(await started);
    // A challenge is valid for five minutes. The field may wait longer, so it gets a new one in time.
    const renewal = setTimeout(autofill.renew, 4 * 60_000);
    signal.addEventListener("abort", () => clearTimeout(renewal));
    const credential = await navigator.credentials.get({ publicKey, mediation: "conditional", signal });
    clearTimeout(renewal);
    await post("/sign-in/finish", asJSON(credential));
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

// Only one request can wait. The back end knows the ceremony that began last, so a start that is under way ends first.
async function stopAutofill() {
  waiting?.abort();
  await started?.catch(() => {});
}

// Browsers before 2025 lack the functions for JSON: the rest of this file does the same.

function creationOptions(json) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  const { challenge, user, excludeCredentials = [] } = json;
  return { ...json, challenge: bytes(challenge), user: { ...user, id: bytes(user.id) }, excludeCredentials: excludeCredentials.map(descriptor) };
}

function requestOptions(json) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  const { challenge, allowCredentials = [] } = json;
  return { ...json, challenge: bytes(challenge), allowCredentials: allowCredentials.map(descriptor) };
}

function asJSON(credential) {
  try {
    return credential.toJSON();
  } catch {
    // Missing, or the credential comes from a password manager whose `toJSON` throws.
  }
  const { id, rawId, type, authenticatorAttachment, response } = credential;
  const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const parts = names.filter((name) => response[name]).map((name) => [name, text(response[name])]);
  return {
    id, rawId: text(rawId), type, authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: { ...Object.fromEntries(parts), transports: response.getTransports?.() },
  };
}

const descriptor = (json) => ({ ...json, id: bytes(json.id) });
const bytes = (base64url) => Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
