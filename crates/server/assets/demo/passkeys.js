// The browser's side of a ceremony: options as JSON in, credential as JSON out.

/** Whether this browser supports passkeys. */
export const supported = () => typeof PublicKeyCredential === 'function';

/** Whether passkeys can be offered in the autofill of an input field. */
export async function autofillSupported() {
  if (!supported() || !PublicKeyCredential.isConditionalMediationAvailable) return false;
  try {
    return await PublicKeyCredential.isConditionalMediationAvailable();
  } catch {
    return false;
  }
}

export function encode(bytes) {
  const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (const byte of view) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

export function decode(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
}

const descriptors = (list) => (list ?? []).map((entry) => ({ ...entry, id: decode(entry.id) }));

function creationOptions(json) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  return {
    ...json,
    challenge: decode(json.challenge),
    user: { ...json.user, id: decode(json.user.id) },
    excludeCredentials: descriptors(json.excludeCredentials),
  };
}

function requestOptions(json) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  return { ...json, challenge: decode(json.challenge), allowCredentials: descriptors(json.allowCredentials) };
}

function toJson(credential) {
  try {
    return credential.toJSON();
  } catch {
    // Older browsers have no toJSON, and it throws on the objects of some password managers.
  }
  const { response } = credential;
  const json = {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? null,
    clientExtensionResults: credential.getClientExtensionResults?.() ?? {},
    response: { clientDataJSON: encode(response.clientDataJSON) },
  };
  if (response.attestationObject) {
    json.response.attestationObject = encode(response.attestationObject);
    json.response.transports = response.getTransports?.() ?? [];
  } else {
    json.response.authenticatorData = encode(response.authenticatorData);
    json.response.signature = encode(response.signature);
    if (response.userHandle) json.response.userHandle = encode(response.userHandle);
  }
  return json;
}

/** Creates a passkey. */
export async function create(options) {
  return toJson(await navigator.credentials.create({ publicKey: creationOptions(options.publicKey) }));
}

/** Asks for a passkey; with `mediation: 'conditional'` it waits in the autofill. */
export async function get(options, extra = {}) {
  return toJson(await navigator.credentials.get({ publicKey: requestOptions(options.publicKey), ...extra }));
}

/** Tells the password manager that this credential no longer works. */
export async function signalGone(credentialId) {
  try {
    await globalThis.PublicKeyCredential?.signalUnknownCredential?.({ rpId: 'localhost', credentialId });
  } catch {
    // It is only a hint. Nothing breaks without it.
  }
}

/** What went wrong in the browser, as a sentence. */
export function explain(error) {
  switch (error?.name) {
    case 'NotAllowedError':
      return 'The browser returned no passkey: the dialog was closed, took too long, or this browser has no passkey for it. A name whose passkey is in another browser cannot sign in here: take another name.';
    case 'InvalidStateError':
      return 'This device has a passkey for this name already. Sign in with it.';
    case 'SecurityError':
      return 'The browser does not allow passkeys on this page. Open it at http://localhost.';
    case 'NotSupportedError':
      return 'This device cannot create the requested kind of passkey.';
    default:
      return `The browser reports: ${error?.message ?? error}`;
  }
}
