export { abort } from './ask.js';
export { authenticate } from './authenticate.js';
export { register } from './register.js';
export { configure } from './server.js';
export { signalAllAcceptedCredentials, signalUnknownCredential } from './signal.js';
export { isAutofillSupported } from './support.js';
export type * from './types.js';
