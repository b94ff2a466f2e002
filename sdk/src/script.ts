// The classic script: sets `nevis.auth.fido2`, which calls the server that the script came from.

import {
  abort, authenticate, configure, isAutofillSupported, register, signalAllAcceptedCredentials, signalUnknownCredential,
} from './index.js';

// An image of the page with the name `currentScript` shadows this property. It must not decide where credentials are sent.
const script = document.currentScript;
if (script instanceof HTMLScriptElement && script.src) {
  // passkeyd may be below a path prefix: everything before its folder.
  configure({ host: (script.src.match(/^[^?#]*(?=\/fido2-client\/)/) || [new URL(script.src).origin])[0] });
}

// Other scripts use this namespace too.
const page = window as { nevis?: { auth?: { fido2?: object } } };
const nevis = page.nevis || (page.nevis = {});
const auth = nevis.auth || (nevis.auth = {});
auth.fido2 = {
  abort, authenticate, configure, isAutofillSupported, register, signalAllAcceptedCredentials, signalUnknownCredential,
};
