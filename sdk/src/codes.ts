// The result codes and their fixed texts.

/** How a ceremony ended. The value is the index of its code. */
export const enum End {
  Success,
  /** The options are missing or not valid. */
  Options,
  /** The browser returned no credential. */
  Browser,
  /** The server could not be reached, or refused the credential. */
  Server,
  /** There is no status token. */
  Token,
  /** The browser lacks WebAuthn or autofill. */
  Support,
  /** Anything else. */
  Unknown,
}

const missingToken = 'Missing statusToken. Cannot be null or undefined.';
const unsupported = 'WebAuthn is not supported by this browser.';

export const registration = [
  ['success-registration', 'Successfully registered WebAuthn credential.'],
  [
    'error-1000',
    'Invalid credentialCreationOptions. ServerPublicKeyCredentialCreationOptions has to be valid.',
  ],
  ['error-1001', 'Failed to create WebAuthn credential.'],
  ['error-1002', 'Error while registering the new credential on server'],
  ['error-1003', missingToken],
  ['error-1004', unsupported],
  ['error-1099', 'Unknown error while registration.'],
] as const;

export const authentication = [
  ['success-authentication', 'Successfully authenticated with WebAuthn credential.'],
  [
    'error-0000',
    'Invalid credentialRequestOptions. ServerPublicKeyCredentialGetOptionsResponse has to be valid.',
  ],
  ['error-0001', 'Failed to authenticate with WebAuthn credential.'],
  ['error-0002', 'Error while authenticating the credential on server'],
  ['error-0003', missingToken],
  ['error-0004', unsupported],
  ['error-0099', 'Unknown error while authentication.'],
] as const;
