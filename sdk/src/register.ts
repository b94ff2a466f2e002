import { ask } from './ask.js';
import { ceremony } from './ceremony.js';
import { registration } from './codes.js';
import { credentialBody } from './credential.js';
import { creationOptions } from './options.js';
import { post } from './server.js';
import { requireToken } from './token.js';
import type { RegisterInput, RegistrationResult } from './types.js';

/** Creates a passkey and registers it with the server. Always resolves; the code says how it ended. */
export function register(input: RegisterInput): Promise<RegistrationResult> {
  return ceremony(registration, async (turn) => {
    const { credentialCreationOptions, statusToken, authenticatorName, host } = input || {};
    const publicKey = creationOptions(credentialCreationOptions);
    requireToken(statusToken);
    const credential = await ask(turn, 'create', publicKey.rp.id, { publicKey });
    const body = { ...credentialBody(credential, statusToken), userFriendlyName: authenticatorName };
    return post('attestation', body, host);
  });
}
