// The classic script: `nevis.auth.fido2`, with the server that it came from.

import {
  abort, authenticate, configure, isAutofillSupported, register, signalAllAcceptedCredentials, signalUnknownCredential,
} from './index.js';

// An image in the page that is named `currentScript` takes that name, too: it does not say where credentials go.
const script = document.currentScript;
if (script instanceof HTMLScriptElement && script.src) configure({ host: new URL(script.src).origin });

// Others live in this namespace too.
const page = window as { nevis?: { auth?: { fido2?: object } } };
const nevis = page.nevis || (page.nevis = {});
const auth = nevis.auth || (nevis.auth = {});
auth.fido2 = {
  abort, authenticate, configure, isAutofillSupported, register, signalAllAcceptedCredentials, signalUnknownCredential,
};
