// The probable cause of an exception of the browser, derived from the options and from this page.

/** A sentence about the exception with this name, if there is a probable cause. `waited`: the timeout, if it is over. */
export function explain(
  name: string,
  method: 'create' | 'get',
  rpId = location.hostname,
  waited: number,
): string | undefined {
  const host = location.hostname;
  const creating = method === 'create';
  switch (name) {
    case 'NotAllowedError':
      if (waited) return `No response within ${waited} ms.`;
      return `The user cancelled or was not verified${creating ? '' : ', or no passkey here matches'}${
        self === top ? '' : `, or the frame lacks allow="publickey-credentials-${method}"`
      }.`;
    case 'InvalidStateError':
      return creating ? 'The authenticator holds a passkey of excludeCredentials.' : undefined;
    case 'SecurityError':
      return `.${host}`.endsWith(`.${rpId}`)
        ? `"${host}" is an IP address, a public suffix or has no valid certificate.`
        : `The RP ID "${rpId}" does not cover "${host}", and its /.well-known/webauthn does not list this origin.`;
    case 'NotSupportedError':
      return 'The authenticator supports no algorithm of pubKeyCredParams.';
    case 'ConstraintError':
      return 'The authenticator cannot do what authenticatorSelection demands.';
    default:
      return undefined;
  }
}
