// The classic script: `nevis.auth.fido2`, with the server that it came from.

import {
  abort, authenticate, configure, isAutofillSupported, register, signalAllAcceptedCredentials, signalUnknownCredential,
} from './index.js';

// An image in the page that is named `currentScript` takes that name, too: it does not say where credentials go.
const script = document.currentScript;
if (script instanceof HTMLScriptElement && script.src) {
  // passkeyd may be below a path prefix: it is what stands before its folder.
  configure({ host: (script.src.match(/^[^?#]*(?=\/fido2-client\/)/) || [new URL(script.src).origin])[0] });
}

// Others live in this namespace too.
const page = window as { nevis?: { auth?: { fido2?: object } } };
const nevis = page.nevis || (page.nevis = {});
const auth = nevis.auth || (nevis.auth = {});
auth.fido2 = {
  abort, authenticate, configure, isAutofillSupported, register, signalAllAcceptedCredentials, signalUnknownCredential,
};
