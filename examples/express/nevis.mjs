// The same calls over the FIDO2 API of the Nevis Authentication Cloud. Start the server with `WIRE=nevis` and an access key.

// #region calls
const { PASSKEYD_URL = "http://127.0.0.1:8080", ACCESS_KEY } = process.env;

const refusal = (status, message, details) => Object.assign(new Error(message), { status, details });

async function call(method, path, body) {
  const form = body instanceof URLSearchParams;
  const response = await fetch(PASSKEYD_URL + path, {
    method,
    headers: { Authorization: `Bearer ${ACCESS_KEY}`, ...(body && !form && { "Content-Type": "application/json" }) },
    body: form ? body : body && JSON.stringify(body),
  });
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw refusal(response.status, answer.message, answer);
  return answer;
}

// Keep `ceremony` in the session of the browser, and send `options` to the page.
export async function startRegistration(identity, account) {
  const { enrollment } = await call("POST", "/api/v1/users/enroll", { username: identity, displayName: account, channel: "fido2" });
  const { transactionId, statusToken, credentialCreationOptions } = enrollment;
  return { ceremony: { transactionId, statusToken }, options: credentialCreationOptions };
}

export async function startSignIn(identity) {
  const answer = await call("POST", "/api/v1/approval", { channel: "fido2", ...(identity && { username: identity }) });
  const { transactionId, statusToken, credentialRequestOptions } = answer;
  return { ceremony: { transactionId, statusToken }, options: credentialRequestOptions };
}

// Both return the user whose passkey it is. The status of the result call proves nothing: the introspection of its token does.
export const finishRegistration = (credential, ceremony) => finish("/_app/attestation/result", credential, ceremony);
export const finishSignIn = (credential, ceremony) => finish("/_app/assertion/result", credential, ceremony);

async function finish(path, credential, { transactionId, statusToken }) {
  const { status, token, errorMessage } = await call("POST", path, { ...credential, statusToken });
  if (status !== "ok") throw refusal(400, errorMessage);
  const { active, txn, username } = await call("POST", "/api/v1/introspect", new URLSearchParams({ token }));
  if (!active || txn !== transactionId) throw refusal(400, "a credential of another transaction");
  return username;
}
// #endregion

// #region management
export async function list(identity) {
  const { authenticators } = await call("GET", `/api/v1/users?${new URLSearchParams({ username: identity })}`);
  return authenticators.map(({ authenticatorId, name, enrolledAt, fido2 }) => ({
    id: authenticatorId, name: name || "Passkey", created: enrolledAt, lastUsed: fido2?.lastUsedAt ?? null,
  }));
}

// The path names no user: the caller checks that the user has this passkey.
export const rename = (identity, id, name) => call("PATCH", `/api/v1/authenticators/${id}`, { name });
export const remove = (identity, id) => call("DELETE", `/api/v1/authenticators/${id}`);
// #endregion

// passkeyd refused what the page or the user sent.
export const isRefusal = (error) => error.status >= 400 && error.status < 500;
