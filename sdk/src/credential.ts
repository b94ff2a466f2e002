// Reads the members of the browser's credential one by one. It does not use `toJSON`: password managers return imitations of the
// browser's objects, and the browser's own methods and getters throw on these.

import { plain } from './plain.js';

/** A member, or the result of the method; `undefined` if it is missing or throws. */
function read(object: any, name: string): any {
  try {
    return plain(typeof object[name] === 'function' ? object[name]() : object[name]);
  } catch {
    return undefined;
  }
}

/** The body of the result call: the credential and the token of its transaction. */
export function credentialBody(credential: any, statusToken: string) {
  const response: Record<string, unknown> = { transports: read(credential.response, 'getTransports') };
  for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    response[name] = read(credential.response, name);
  }
  const id: string = read(credential, 'rawId') || credential.id;
  return {
    id,
    rawId: id,
    type: 'public-key',
    authenticatorAttachment: read(credential, 'authenticatorAttachment'),
    clientExtensionResults: read(credential, 'getClientExtensionResults'),
    response,
    statusToken,
    userAgent: navigator.userAgent,
  };
}
