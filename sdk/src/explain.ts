// What probably led to an exception of the browser, told from the options and from this page.

/** A sentence about the exception of this name, where one can be said. `waited` are the milliseconds that are over. */
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
      if (waited) return `Nobody answered within ${waited} ms.`;
      return `The person cancelled or was not verified${creating ? '' : ', or no passkey here fits'}${
        self === top ? '' : `, or the frame lacks allow="publickey-credentials-${method}"`
      }.`;
    case 'InvalidStateError':
      return creating ? 'The authenticator holds a passkey of excludeCredentials.' : undefined;
    case 'SecurityError':
      return `.${host}`.endsWith(`.${rpId}`)
        ? `"${host}" is an IP address, a public suffix or has no valid certificate.`
        : `The RP ID "${rpId}" does not cover "${host}", and its /.well-known/webauthn does not list this origin.`;
    case 'NotSupportedError':
      return 'The authenticator knows no algorithm of pubKeyCredParams.';
    case 'ConstraintError':
      return 'The authenticator cannot do what authenticatorSelection demands.';
    default:
      return undefined;
  }
}
