// src/codes.ts
var missingToken = "Missing statusToken. Cannot be null or undefined.";
var unsupported = "WebAuthn is not supported by this browser.";
var registration = [
  ["success-registration", "Successfully registered WebAuthn credential."],
  [
    "error-1000",
    "Invalid credentialCreationOptions. ServerPublicKeyCredentialCreationOptions has to be valid."
  ],
  ["error-1001", "Failed to create WebAuthn credential."],
  ["error-1002", "Error while registering the new credential on server"],
  ["error-1003", missingToken],
  ["error-1004", unsupported],
  ["error-1099", "Unknown error while registration."]
];
var authentication = [
  ["success-authentication", "Successfully authenticated with WebAuthn credential."],
  [
    "error-0000",
    "Invalid credentialRequestOptions. ServerPublicKeyCredentialGetOptionsResponse has to be valid."
  ],
  ["error-0001", "Failed to authenticate with WebAuthn credential."],
  ["error-0002", "Error while authenticating the credential on server"],
  ["error-0003", missingToken],
  ["error-0004", unsupported],
  ["error-0099", "Unknown error while authentication."]
];

// src/explain.ts
function explain(name, method, rpId = location.hostname, waited) {
  const host = location.hostname;
  const creating = method === "create";
  switch (name) {
    case "NotAllowedError":
      if (waited) return `No response within ${waited} ms.`;
      return `The user cancelled or was not verified${creating ? "" : ", or no passkey here matches"}${self === top ? "" : `, or the frame lacks allow="publickey-credentials-${method}"`}.`;
    case "InvalidStateError":
      return creating ? "The authenticator holds a passkey of excludeCredentials." : void 0;
    case "SecurityError":
      return `.${host}`.endsWith(`.${rpId}`) ? `"${host}" is an IP address, a public suffix or has no valid certificate.` : `The RP ID "${rpId}" does not cover "${host}", and its /.well-known/webauthn does not list this origin.`;
    case "NotSupportedError":
      return "The authenticator supports no algorithm of pubKeyCredParams.";
    case "ConstraintError":
      return "The authenticator cannot do what authenticatorSelection demands.";
    default:
      return void 0;
  }
}

// src/failure.ts
var Failure = class {
  constructor(end, message, likely, cause) {
    this.end = end;
    this.message = message;
    this.likely = likely;
    this.cause = cause;
  }
};
function fail(end, message, likely, cause) {
  throw new Failure(end, message, likely, cause);
}
function describe(error) {
  try {
    return error.name ? `${error.name}: ${error.message}` : `${error}`;
  } catch {
    return "unreadable";
  }
}

// src/stoppable.ts
var LONGEST = 2147483647;
var exception = (name, message) => new DOMException(message, name);
function stoppable(milliseconds, work, late = (stop) => stop(exception("TimeoutError", "No response in time."))) {
  const controller = new AbortController();
  let stop;
  let timer;
  const ended = new Promise((resolve, reject) => {
    stop = (why) => {
      reject(why);
      controller.abort(why);
    };
    const check = () => {
      if (document.hidden) timer = setTimeout(check, 1e3);
      else late(stop);
    };
    timer = setTimeout(check, Math.min(milliseconds, LONGEST));
    work(controller.signal).then(resolve, reject);
  });
  return [ended.finally(() => clearTimeout(timer)), stop];
}

// src/ask.ts
var DEFAULT_MS = 3e5;
var GRACE_MS = 5e3;
var turns = 0;
var reached = 0;
var stopCurrent;
var takeTurn = () => turns += 1;
function begin(turn, why = "A newer call replaced it.") {
  const end = exception("AbortError", why);
  if (turn < reached) throw end;
  reached = turn;
  if (stopCurrent) stopCurrent(end);
}
var abort = () => begin(takeTurn(), "abort() was called.");
async function ask(turn, method, rpId, request, late) {
  const limit = Number(request.publicKey.timeout) || DEFAULT_MS;
  const since = Date.now();
  try {
    begin(turn);
    const [answer, stop] = stoppable(
      limit + (late ? 0 : GRACE_MS),
      (signal) => navigator.credentials[method]({ ...request, signal }),
      late
    );
    stopCurrent = stop;
    const credential = await answer;
    if (!credential) throw exception("UnknownError", "The browser gave no credential.");
    return credential;
  } catch (error) {
    if (error instanceof Failure) throw error;
    const lead = method === "create" ? "Error while trying to create new credential." : "Error while trying to authenticate.";
    const name = error?.name;
    const waited = Date.now() - since < limit ? 0 : limit;
    return fail(2 /* Browser */, `${lead} ${describe(error)}`, explain(name, method, rpId, waited), name);
  }
}

// src/support.ts
function requireWebAuthn() {
  if (!window.PublicKeyCredential || !navigator.credentials) {
    fail(
      5 /* Support */,
      "PublicKeyCredential is missing.",
      isSecureContext ? void 0 : "Passkeys need HTTPS or localhost."
    );
  }
}
async function isAutofillSupported() {
  try {
    return await PublicKeyCredential.isConditionalMediationAvailable();
  } catch {
    return false;
  }
}

// src/ceremony.ts
async function ceremony(codes, steps) {
  const result = (end, more) => {
    const [statusCode, message] = codes[end];
    return { success: !end, code: { statusCode, message }, ...more };
  };
  const turn = takeTurn();
  try {
    requireWebAuthn();
    return result(0 /* Success */, { token: await steps(turn) });
  } catch (error) {
    const { end, message, cause, likely } = error instanceof Failure ? error : new Failure(6 /* Unknown */, describe(error));
    return result(end, { message, ...cause && { cause }, ...likely && { likely } });
  }
}

// src/base64url.ts
var encodeText = (text) => btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
var encode = (bytes) => encodeText(
  Array.from(
    new Uint8Array(bytes.buffer || bytes, bytes.byteOffset, bytes.byteLength),
    (byte) => String.fromCharCode(byte)
  ).join("")
);
var decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

// src/plain.ts
function plain(value) {
  if (Object(value) !== value) return value;
  if (value.byteLength >= 0) return encode(value);
  if (Array.isArray(value)) return value.map(plain);
  const copy = {};
  for (const name of Object.keys(value)) if (value[name] != null) copy[name] = plain(value[name]);
  return copy;
}

// src/credential.ts
function read(object, name) {
  try {
    return plain(typeof object[name] === "function" ? object[name]() : object[name]);
  } catch {
    return void 0;
  }
}
function credentialBody(credential, statusToken) {
  const response = { transports: read(credential.response, "getTransports") };
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    response[name] = read(credential.response, name);
  }
  const id = read(credential, "rawId") || credential.id;
  return {
    id,
    rawId: id,
    type: "public-key",
    authenticatorAttachment: read(credential, "authenticatorAttachment"),
    clientExtensionResults: read(credential, "getClientExtensionResults"),
    response,
    statusToken,
    userAgent: navigator.userAgent
  };
}

// src/options.ts
var invalid = (name) => fail(1 /* Options */, `${name} is missing or not valid.`);
function binary(value, name) {
  try {
    return encode(decode(value)) || invalid(name);
  } catch {
    return invalid(name);
  }
}
var checked = (entry, name) => ({ ...entry, id: binary(entry?.["id"], `${name}.id`) });
var decoded = (entry) => ({ ...entry, id: decode(entry["id"]) });
function parse(options, list, parser, complete) {
  const json = plain(options);
  if (Object(json) !== json) invalid("The options object");
  json.challenge = binary(json.challenge, "challenge");
  const entries = json[list] || [];
  if (!Array.isArray(entries)) invalid(list);
  json[list] = entries.map((entry, index) => ({
    type: "public-key",
    ...checked(entry, `${list}[${index}]`)
  }));
  if (complete) complete(json);
  const browser = PublicKeyCredential;
  try {
    if (browser[parser]) return browser[parser](json);
  } catch (error) {
    fail(1 /* Options */, describe(error));
  }
  return {
    ...json,
    challenge: decode(json.challenge),
    user: json.user && decoded(json.user),
    [list]: json[list].map(decoded),
    extensions: options.extensions
    // As they came: which members are bytes depends on the extension.
  };
}
var creationOptions = (options) => parse(options, "excludeCredentials", "parseCreationOptionsFromJSON", (json) => {
  const { rp, user, pubKeyCredParams } = json;
  json["user"] = checked(user, "user");
  if (!rp || !Array.isArray(pubKeyCredParams)) invalid("rp or pubKeyCredParams");
});
var requestOptions = (options, autofill) => parse(options, "allowCredentials", "parseRequestOptionsFromJSON", (json) => {
  if (autofill) json["allowCredentials"] = [];
});

// src/userHandle.ts
function userHandle(userId) {
  const hex = `${userId}`.replace(/-/g, "").toLowerCase();
  return /^[0-9a-f]{32}$/.test(hex) ? encodeText(`YE${hex}`) : void 0;
}

// src/signal.ts
async function hint(method, details) {
  try {
    await PublicKeyCredential[method](details);
    return true;
  } catch {
    return false;
  }
}
var signalUnknownCredential = (details) => hint("signalUnknownCredential", details);
var signalAllAcceptedCredentials = (details) => hint("signalAllAcceptedCredentials", { ...details, userId: userHandle(details.userId) });

// src/server.ts
var LIMIT_MS = 3e4;
var base = "";
function configure({ host }) {
  base = host;
}
async function post(ceremony2, body, host, unknown) {
  const url = `${(host || base).replace(/\/+$/, "")}/_app/${ceremony2}/result`;
  const exchange = async (signal) => {
    const answer = await fetch(url, {
      method: "POST",
      credentials: "omit",
      headers: { "content-type": "application/json;charset=utf-8", accept: "application/json" },
      body: JSON.stringify(plain(body)),
      signal
    });
    const reply2 = await answer.json().catch(() => null);
    return [answer, reply2 || {}];
  };
  const [{ ok, status }, reply] = await stoppable(LIMIT_MS, exchange)[0].catch(
    (error) => fail(
      3 /* Server */,
      describe(error),
      `${url} is down, does not allow ${location.origin}, or is not in this page's CSP.`,
      error instanceof DOMException ? error.name : void 0
    )
  );
  const { errorMessage, message, token } = reply;
  const said = errorMessage || message;
  if (!ok && !(status === 400 && reply.status === "failed")) {
    const likely = status === 404 ? `No passkeyd answers at ${url}: is \`host\` right?` : "";
    fail(3 /* Server */, `HTTP ${status}${said ? `: ${said}` : ""}`, likely);
  }
  if (reply.status === "failed" || errorMessage) {
    if (unknown && reply.reason === "credential_unknown") void signalUnknownCredential(unknown);
    fail(3 /* Server */, said || "The server refused the credential.");
  }
  return token || fail(3 /* Server */, "The token is missing or not valid.");
}

// src/token.ts
var requireToken = (statusToken) => statusToken || fail(4 /* Token */, "statusToken is missing or not valid.");

// src/authenticate.ts
function authenticate(input) {
  return ceremony(authentication, async (turn) => {
    const { autofill, userId, host, onExpired, signalUnknown } = input || {};
    const mediation = autofill ? "conditional" : input?.mediation;
    const conditional = mediation === "conditional";
    if (conditional && !await isAutofillSupported()) fail(5 /* Support */, "Conditional mediation is missing.");
    const attempt = async ({ credentialRequestOptions, statusToken }) => {
      const publicKey = requestOptions(credentialRequestOptions, conditional);
      requireToken(statusToken);
      const { rpId = location.hostname } = publicKey;
      let fresh;
      const renew = async (stop) => {
        try {
          fresh = onExpired && await onExpired();
          if (fresh) stop(fresh);
        } catch (error) {
          stop(new Failure(6 /* Unknown */, describe(error)));
        }
      };
      let credential;
      try {
        credential = await ask(turn, "get", rpId, { publicKey, mediation }, conditional ? renew : void 0);
      } catch (error) {
        if (fresh) return attempt(fresh);
        throw error;
      }
      const body = credentialBody(credential, statusToken);
      body.response["userHandle"] = body.response["userHandle"] || userHandle(userId);
      return post("assertion", body, host, signalUnknown && { rpId, credentialId: body.id });
    };
    return attempt(input || {});
  });
}

// src/register.ts
function register(input) {
  return ceremony(registration, async (turn) => {
    const { credentialCreationOptions, statusToken, authenticatorName, host } = input || {};
    const publicKey = creationOptions(credentialCreationOptions);
    requireToken(statusToken);
    const credential = await ask(turn, "create", publicKey.rp.id, { publicKey });
    const body = { ...credentialBody(credential, statusToken), userFriendlyName: authenticatorName };
    return post("attestation", body, host);
  });
}
export {
  abort,
  authenticate,
  configure,
  isAutofillSupported,
  register,
  signalAllAcceptedCredentials,
  signalUnknownCredential
};
