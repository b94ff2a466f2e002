// The members of the browser's credential, one by one. `toJSON` is not used: password managers hand out objects on
// which it throws, and which are no instances of the browser's classes.

import { plain } from './plain.js';

/** What the method gives, or nothing where it is missing or does not take the object. */
function call(object: any, method: string): unknown {
  try {
    return object[method]();
  } catch {
    return undefined;
  }
}

/** What is sent of the credential, with the token of its transaction. */
export function credentialBody(credential: any, statusToken: string) {
  const { type, authenticatorAttachment, response } = credential;
  const { clientDataJSON, attestationObject, authenticatorData, signature, userHandle } = response;
  const id: string = plain(credential.rawId) || credential.id;
  return {
    id,
    rawId: id,
    type,
    authenticatorAttachment,
    clientExtensionResults: call(credential, 'getClientExtensionResults'),
    response: {
      clientDataJSON,
      attestationObject,
      authenticatorData,
      signature,
      userHandle: plain(userHandle),
      transports: call(response, 'getTransports'),
    },
    statusToken,
    userAgent: navigator.userAgent,
  };
}
