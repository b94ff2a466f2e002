// The members of the browser's credential, one by one. `toJSON` is not used: password managers hand out imitations, on
// which the browser's own methods and getters throw.

import { plain } from './plain.js';

/** A member, or what the method gives; nothing where it is missing or does not take the object. */
function read(object: any, name: string): any {
  try {
    return plain(typeof object[name] === 'function' ? object[name]() : object[name]);
  } catch {
    return undefined;
  }
}

/** What is sent of the credential, with the token of its transaction. */
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
