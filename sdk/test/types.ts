// Checks the types of a page that uses the package. Nothing here runs.

import {
  abort, authenticate, configure, isAutofillSupported, register, signalAllAcceptedCredentials, signalUnknownCredential,
} from '../dist/types/index.js';
import type { AuthenticationResult, RegistrationResult } from '../dist/types/index.js';

const credentialCreationOptions = {
  rp: { id: 'example.test', name: 'Example' },
  user: { id: 'YWRh', name: 'ada', displayName: 'Ada' },
  challenge: 'AAAA',
  pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
};

configure({ host: 'https://login.example.test' });

const registered: RegistrationResult = await register({
  credentialCreationOptions,
  statusToken: 'token',
  authenticatorName: 'Phone',
});
if (registered.success) {
  const code: 'success-registration' = registered.code.statusCode;
  const token: string = registered.token;
  void [code, token];
} else {
  const cause: string | undefined = registered.cause;
  const message: string = registered.message;
  // @ts-expect-error A refusal has no token.
  void [cause, message, registered.token];
}

const authenticated: AuthenticationResult = await authenticate({
  credentialRequestOptions: { challenge: new Uint8Array(32), rpId: 'example.test' },
  statusToken: 'token',
  autofill: true,
  onExpired: async () => ({ credentialRequestOptions: { challenge: 'AAAA' }, statusToken: 'next' }),
});
// @ts-expect-error A code of the other ceremony.
void (authenticated.code.statusCode === 'success-registration');

// @ts-expect-error No status token.
void register({ credentialCreationOptions });
// @ts-expect-error No user.
void register({ credentialCreationOptions: { ...credentialCreationOptions, user: undefined }, statusToken: 'token' });

// The browser's own names for such JSON fit too.
declare const creation: PublicKeyCredentialCreationOptionsJSON;
declare const request: PublicKeyCredentialRequestOptionsJSON;
void register({ credentialCreationOptions: creation, statusToken: 'token' });
void authenticate({ credentialRequestOptions: request, statusToken: 'token', userId: null });

abort();
const hints: Promise<boolean>[] = [
  isAutofillSupported(),
  signalUnknownCredential({ rpId: 'example.test', credentialId: 'AAAA' }),
  signalAllAcceptedCredentials({ rpId: 'example.test', userId: crypto.randomUUID(), allAcceptedCredentialIds: [] }),
];
void hints;
