import type { Capabilities } from './types.js';

/** What this browser can do. Never rejects: what cannot be found out is `false`. */
export async function capabilities(): Promise<Capabilities> {
  const browser = (window as any).PublicKeyCredential;
  const ask = async (method: string): Promise<any> => {
    try {
      return await browser[method]();
    } catch {
      return undefined;
    }
  };
  const [said = {}, autofill, platform] = await Promise.all([
    ask('getClientCapabilities'),
    ask('isConditionalMediationAvailable'),
    ask('isUserVerifyingPlatformAuthenticatorAvailable'),
  ]);
  // What a browser says of its signals is not reliable, so the function decides.
  const has = (method: string) => !!browser && typeof browser[method] === 'function';
  return {
    webauthn: !!browser && !!navigator.credentials,
    autofill: !!autofill,
    upgrade: !!said.conditionalCreate,
    immediate: !!said.immediateGet,
    platform: !!platform,
    hybrid: !!said.hybridTransport,
    signalUnknown: has('signalUnknownCredential'),
    signalAccepted: has('signalAllAcceptedCredentials'),
    signalDetails: has('signalCurrentUserDetails'),
  };
}
