import { ask } from './ask.js';
import { ceremony } from './ceremony.js';
import { authentication, End } from './codes.js';
import { credentialBody } from './credential.js';
import { requestOptions } from './options.js';
import { describe, fail, Failure } from './failure.js';
import { post } from './server.js';
import type { Stop } from './stoppable.js';
import { isAutofillSupported } from './support.js';
import { requireToken } from './token.js';
import type { AuthenticateInput, AuthenticationResult, FreshApproval } from './types.js';
import { userHandle } from './userHandle.js';

/** Uses a passkey, in a dialog or from autofill. Always resolves; the code says how it ended. */
export function authenticate(input: AuthenticateInput): Promise<AuthenticationResult> {
  return ceremony(authentication, async (turn) => {
    const { autofill, userId, host, onExpired, signalUnknown } = input || {};
    const mediation = autofill ? 'conditional' : input?.mediation;
    const conditional = mediation === 'conditional';
    if (conditional && !(await isAutofillSupported())) fail(End.Support, 'Conditional mediation is missing.');

    const attempt = async ({ credentialRequestOptions, statusToken }: FreshApproval): Promise<string> => {
      const publicKey = requestOptions(credentialRequestOptions, conditional);
      requireToken(statusToken);
      const { rpId = location.hostname } = publicKey;

      // Autofill waits as long as the page is open, which may be longer than its approval lives: the page may return a new one.
      let fresh: FreshApproval | null | undefined | void;
      const renew = async (stop: Stop) => {
        try {
          fresh = onExpired && (await onExpired());
          if (fresh) stop(fresh);
        } catch (error) {
          stop(new Failure(End.Unknown, describe(error)));
        }
      };
      let credential;
      try {
        credential = await ask(turn, 'get', rpId, { publicKey, mediation }, conditional ? renew : undefined);
      } catch (error) {
        if (fresh) return attempt(fresh);
        throw error;
      }

      const body = credentialBody(credential, statusToken);
      body.response['userHandle'] = body.response['userHandle'] || userHandle(userId);
      return post('assertion', body, host, signalUnknown && { rpId, credentialId: body.id });
    };
    return attempt(input || {});
  });
}
