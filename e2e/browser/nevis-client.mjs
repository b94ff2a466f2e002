// The browser client in a real browser: these cases run in each browser. The page is on another origin than the server, and its
// content security policy allows nothing but the client.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { freePort } from '../support/server.mjs';
import { FakeServer, servePage } from '../support/client-page.mjs';

const random = (length) => randomBytes(length).toString('base64url');
const userId = '6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11';
const userHandle = Buffer.from(`YE${userId.replaceAll('-', '')}`).toString('base64url');

export const creationOptions = (more) => ({
  rp: { id: 'localhost', name: 'Example' },
  user: { id: userHandle, name: 'ada', displayName: 'Ada K.' },
  challenge: random(32),
  pubKeyCredParams: [{ type: 'public-key', alg: -8 }, { type: 'public-key', alg: -7 }, { type: 'public-key', alg: -257 }],
  timeout: 60000,
  excludeCredentials: [],
  authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
  attestation: 'none',
  extensions: { credProps: true },
  ...more,
});
export const requestOptions = (more) => ({
  challenge: random(32), timeout: 60000, rpId: 'localhost', allowCredentials: [], userVerification: 'required', ...more,
});

export const codes = {
  'success-registration': 'Successfully registered WebAuthn credential.',
  'error-1000': 'Invalid credentialCreationOptions. ServerPublicKeyCredentialCreationOptions has to be valid.',
  'error-1001': 'Failed to create WebAuthn credential.',
  'error-1002': 'Error while registering the new credential on server',
  'error-1003': 'Missing statusToken. Cannot be null or undefined.',
  'error-1004': 'WebAuthn is not supported by this browser.',
  'error-1099': 'Unknown error while registration.',
  'success-authentication': 'Successfully authenticated with WebAuthn credential.',
  'error-0000': 'Invalid credentialRequestOptions. ServerPublicKeyCredentialGetOptionsResponse has to be valid.',
  'error-0001': 'Failed to authenticate with WebAuthn credential.',
  'error-0002': 'Error while authenticating the credential on server',
  'error-0003': 'Missing statusToken. Cannot be null or undefined.',
  'error-0004': 'WebAuthn is not supported by this browser.',
  'error-0099': 'Unknown error while authentication.',
};
export const success = (statusCode, token = 'transaction-token') => ({ success: true, code: { statusCode, message: codes[statusCode] }, token });
export const refusal = (statusCode, message, more = {}) => ({ success: false, code: { statusCode, message: codes[statusCode] }, message, ...more });

const leads = {
  1: 'Error while trying to create new credential.',
  0: 'Error while trying to authenticate.',
};
/** Compares a refusal by the browser whole, but for the browser's own words. */
export function isBrowserRefusal(result, statusCode, cause, likely) {
  const start = `${leads[statusCode.at(6)]} ${cause}: `;
  assert.equal(result.message.slice(0, start.length), start);
  assert.deepEqual(result, refusal(statusCode, result.message, { cause, ...(likely && { likely }) }));
}

const decoded = (text) => JSON.parse(Buffer.from(text, 'base64url').toString());

/** Defines the cases. `launch` gives the browser; `networkError` are its words for a call that did not get through. */
export function clientCases({ launch, networkError }) {
  let server, site, browser, page, authenticator;
  before(async () => {
    server = await FakeServer.start();
    site = await servePage(server.url, { integrity: server.integrity });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await site?.close();
    await server?.close();
  });
  const open = async (url = site.url) => {
    await page?.close();
    page = await browser.open(url);
    ({ authenticator } = page);
  };
  beforeEach(async () => {
    server.reset();
    await open();
  });
  afterEach(async () => {
    await page.close();
    page = undefined;
  });

  const register = (more) => page.evaluate((input) => nevis.auth.fido2.register(input), {
    credentialCreationOptions: creationOptions(), statusToken: 'status-token', ...more,
  });
  const authenticate = (more) => page.evaluate((input) => nevis.auth.fido2.authenticate(input), {
    credentialRequestOptions: requestOptions(), statusToken: 'status-token', ...more,
  });
  const registered = async () => {
    assert.deepEqual(await register(), success('success-registration'));
    return server.received.at(-1).body.id;
  };

  describe('success', () => {
    test('of a registration, and what the server gets', async () => {
      const credentialCreationOptions = creationOptions();
      assert.deepEqual(await register({ credentialCreationOptions, authenticatorName: 'Phone' }), success('success-registration'));
      const [{ method, path, headers, body }] = server.received;
      assert.deepEqual([method, path, headers['content-type'], headers.accept, headers.origin, headers.cookie, headers.authorization], [
        'POST', '/_app/attestation/result', 'application/json;charset=utf-8', 'application/json', new URL(site.url).origin, undefined, undefined,
      ]);
      const { id, rawId, response: { clientDataJSON, attestationObject, transports, ...noMore }, ...rest } = body;
      assert.equal(id, rawId);
      assert.match(attestationObject, /^[\w-]{100,}$/);
      assert.deepEqual([transports, noMore], [['internal'], {}]);
      const { type, challenge, origin } = decoded(clientDataJSON);
      assert.deepEqual([type, challenge, origin], ['webauthn.create', credentialCreationOptions.challenge, new URL(site.url).origin]);
      assert.equal(rest.clientExtensionResults.credProps.rk, true);
      delete rest.clientExtensionResults;
      assert.deepEqual(rest, {
        type: 'public-key', authenticatorAttachment: 'platform', statusToken: 'status-token', userFriendlyName: 'Phone',
        userAgent: await page.evaluate(() => navigator.userAgent),
      });
    });

    test('of an authentication, without and with a list of credentials', async () => {
      const id = await registered();
      for (const allowCredentials of [[], [{ type: 'public-key', id }]]) {
        const credentialRequestOptions = requestOptions({ allowCredentials });
        assert.deepEqual(await authenticate({ credentialRequestOptions, userId }), success('success-authentication'));
        const { path, body } = server.received.at(-1);
        assert.equal(path, '/_app/assertion/result');
        const { response: { clientDataJSON, authenticatorData, signature, ...response }, ...rest } = body;
        assert.match(authenticatorData, /^[\w-]{49,}$/);
        assert.match(signature, /^[\w-]{80,}$/);
        assert.deepEqual(response, { userHandle });
        assert.equal(decoded(clientDataJSON).challenge, credentialRequestOptions.challenge);
        assert.deepEqual([rest.id, rest.rawId, rest.type, rest.statusToken], [id, id, 'public-key', 'status-token']);
      }
    });

    test('with the user handle rebuilt from userId for a passkey that keeps none', async () => {
      const authenticatorSelection = { residentKey: 'discouraged', userVerification: 'discouraged' };
      await register({ credentialCreationOptions: creationOptions({ authenticatorSelection }) });
      const allowCredentials = [{ type: 'public-key', id: server.received.at(-1).body.id }];
      const credentialRequestOptions = requestOptions({ allowCredentials, userVerification: 'discouraged' });
      assert.deepEqual(await authenticate({ credentialRequestOptions, userId }), success('success-authentication'));
      assert.equal(server.received.at(-1).body.response.userHandle, userHandle);
    });

    test('with padding, the classic alphabet, bytes and nulls in the options', async () => {
      const challenge = Buffer.from([251, 255, 191, 0, ...randomBytes(16)]);
      const options = creationOptions({ challenge: challenge.toString('base64'), extensions: null, hints: null, excludeCredentials: null });
      assert.deepEqual(await register({ credentialCreationOptions: options }), success('success-registration'));
      assert.equal(decoded(server.received.at(-1).body.response.clientDataJSON).challenge, challenge.toString('base64url'));
      const result = await page.evaluate((input) => {
        const { challenge: text } = input.credentialRequestOptions;
        input.credentialRequestOptions.challenge = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
        return nevis.auth.fido2.authenticate(input);
      }, { credentialRequestOptions: requestOptions({ challenge: challenge.toString('base64'), timeout: null }), statusToken: 'status-token' });
      assert.deepEqual(result, success('success-authentication'));
      assert.equal(decoded(server.received.at(-1).body.response.clientDataJSON).challenge, challenge.toString('base64url'));
    });

    test('in a browser that does not read JSON itself', async () => {
      await page.evaluate(() => {
        PublicKeyCredential.parseCreationOptionsFromJSON = undefined;
        PublicKeyCredential.parseRequestOptionsFromJSON = undefined;
      });
      const id = await registered();
      const credentialRequestOptions = requestOptions({ allowCredentials: [{ type: 'public-key', id, transports: ['internal'] }] });
      assert.deepEqual(await authenticate({ credentialRequestOptions }), success('success-authentication'));
    });
  });

  describe('error-1004 and error-0004', () => {
    test('on a page that is not secure', async () => {
      await open(site.at('page.test'));
      const more = { likely: 'Passkeys need HTTPS or localhost.' };
      assert.deepEqual(await register(), refusal('error-1004', 'PublicKeyCredential is missing.', more));
      assert.deepEqual(await authenticate(), refusal('error-0004', 'PublicKeyCredential is missing.', more));
      assert.equal(await page.evaluate(() => nevis.auth.fido2.isAutofillSupported()), false);
    });
    test('without autofill', async () => {
      await page.evaluate(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
      assert.deepEqual(await authenticate({ autofill: true }), refusal('error-0004', 'Conditional mediation is missing.'));
    });
  });

  describe('error-1000 and error-0000', () => {
    test('without options', async () => {
      const message = 'The options object is missing or not valid.';
      assert.deepEqual(await register({ credentialCreationOptions: null }), refusal('error-1000', message));
      assert.deepEqual(await authenticate({ credentialRequestOptions: null }), refusal('error-0000', message));
    });
    test('with a challenge that cannot be read', async () => {
      const message = 'challenge is missing or not valid.';
      assert.deepEqual(await register({ credentialCreationOptions: creationOptions({ challenge: '?' }) }), refusal('error-1000', message));
      assert.deepEqual(await authenticate({ credentialRequestOptions: requestOptions({ challenge: '' }) }), refusal('error-0000', message));
    });
    test('with what only the browser finds', async () => {
      const { code, message } = await register({ credentialCreationOptions: creationOptions({ user: { id: 'AAAA' } }) });
      assert.equal(code.statusCode, 'error-1000');
      assert.match(message, /^TypeError: .*(name|displayName)/);
    });
  });

  test('error-1003 and error-0003 without a status token', async () => {
    for (const statusToken of [null, '']) {
      assert.deepEqual(await register({ statusToken }), refusal('error-1003', 'statusToken is missing or not valid.'));
      assert.deepEqual(await authenticate({ statusToken }), refusal('error-0003', 'statusToken is missing or not valid.'));
    }
  });

  describe('error-1001 and error-0001', () => {
    test('when the person is not verified', async () => {
      await registered();
      await authenticator.verifying(false);
      isBrowserRefusal(await register(), 'error-1001', 'NotAllowedError', 'The user cancelled or was not verified.');
      isBrowserRefusal(
        await authenticate(), 'error-0001', 'NotAllowedError', 'The user cancelled or was not verified, or no passkey here matches.',
      );
      assert.equal(server.received.length, 1);
    });

    test('for a credential that is excluded', async () => {
      const excludeCredentials = [{ type: 'public-key', id: await registered() }];
      isBrowserRefusal(
        await register({ credentialCreationOptions: creationOptions({ excludeCredentials }) }), 'error-1001', 'InvalidStateError',
        'The authenticator holds a passkey of excludeCredentials.',
      );
    });

    test('for an RP ID of another host', async () => {
      const likely = 'The RP ID "example.com" does not cover "localhost", and its /.well-known/webauthn does not list this origin.';
      isBrowserRefusal(
        await register({ credentialCreationOptions: creationOptions({ rp: { id: 'example.com', name: 'Example' } }) }), 'error-1001', 'SecurityError',
        likely,
      );
      isBrowserRefusal(await authenticate({ credentialRequestOptions: requestOptions({ rpId: 'example.com' }) }), 'error-0001', 'SecurityError', likely);
    });

    test('on a page at an IP address', async () => {
      await open(site.at('127.0.0.1'));
      isBrowserRefusal(
        await register({ credentialCreationOptions: creationOptions({ rp: { name: 'Example' } }) }), 'error-1001', 'SecurityError',
        '"127.0.0.1" is an IP address, a public suffix or has no valid certificate.',
      );
    });

    test('when a later call takes its place, whose ceremony goes on', async () => {
      const id = await registered();
      await authenticator.touching(false);
      await page.evaluate(async (autofill) => {
        const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
        window.calls = [nevis.auth.fido2.authenticate(autofill)];
        await pause();
        window.calls.push(nevis.auth.fido2.authenticate(autofill));
        await pause();
      }, { credentialRequestOptions: requestOptions(), statusToken: 'status-token', autofill: true });
      await authenticator.touching(true);
      const results = await page.evaluate((login) => {
        window.calls.push(nevis.auth.fido2.authenticate(login));
        return Promise.all(window.calls);
      }, { credentialRequestOptions: requestOptions({ allowCredentials: [{ type: 'public-key', id }] }), statusToken: 'status-token' });
      results.push(await register());
      const superseded = refusal('error-0001', 'Error while trying to authenticate. AbortError: A newer call replaced it.', { cause: 'AbortError' });
      assert.deepEqual(results, [superseded, superseded, success('success-authentication'), success('success-registration')]);
    });

    test('by abort()', async () => {
      await authenticator.touching(false);
      const result = await page.evaluate(async (input) => {
        const waiting = nevis.auth.fido2.authenticate(input);
        await new Promise((resolve) => setTimeout(resolve, 300));
        nevis.auth.fido2.abort();
        return waiting;
      }, { credentialRequestOptions: requestOptions(), statusToken: 'status-token', mediation: 'conditional' });
      assert.deepEqual(result, refusal('error-0001', 'Error while trying to authenticate. AbortError: abort() was called.', { cause: 'AbortError' }));
    });
  });

  describe('error-1002 and error-0002', () => {
    // The authenticator has the passkey, although the server did not register it.
    const both = async (message, likely, more) => {
      const extra = (ceremony) => (likely ? { likely: likely(ceremony) } : {});
      assert.deepEqual(await register(more), refusal('error-1002', message, extra('attestation')));
      assert.deepEqual(await authenticate(more), refusal('error-0002', message, extra('assertion')));
    };
    const unreachable = (host, url = site.url) => (ceremony) =>
      `${host}/_app/${ceremony}/result is down, does not allow ${new URL(url).origin}, or is not in this page's CSP.`;

    test('when the server is down', async () => {
      const port = await freePort();
      const away = `http://localhost:${port}`;
      const lost = await servePage(server.url, { called: away });
      try {
        await open(lost.url);
        await both(networkError, unreachable(away, lost.url), { host: away });
      } finally {
        await lost.close();
      }
    });
    test('when the server closes the connection', async () => {
      server.answer = () => { throw new Error('closed'); };
      await both(networkError, unreachable(server.url));
    });
    test('for an origin that the server does not allow', async () => {
      server.allowed = () => false;
      await both(networkError, unreachable(server.url));
    });
    test('for a server that the page may not call', async () => {
      const other = await FakeServer.start();
      try {
        await both(networkError, unreachable(other.url), { host: other.url });
        assert.deepEqual(other.received, []);
      } finally {
        await other.close();
      }
    });
    test('for HTTP 500', async () => {
      server.answer = () => [500, '<h1>Oops</h1>'];
      await both('HTTP 500');
    });
    test('for HTTP 400 with a message', async () => {
      server.answer = () => [400, '{"timestamp":"2026-03-04T09:15:27Z","status":400,"error":"Bad Request","message":"response is missing","path":"/_app"}'];
      await both('HTTP 400: response is missing');
    });
    test('for garbage', async () => {
      server.answer = () => [200, '\u0000<html>'];
      await both('The token is missing or not valid.');
    });
    test('for a result that failed', async () => {
      server.answer = () => [200, '{"status":"failed","errorMessage":"The signature of the assertion could not be verified."}'];
      await both('The signature of the assertion could not be verified.');
    });
  });

  test('error-1099 and error-0099 for unforeseen faults', async () => {
    const [made, used] = await page.evaluate(async () => {
      const broken = { get statusToken() { throw new RangeError('forced'); } };
      return [await nevis.auth.fido2.register(broken), await nevis.auth.fido2.authenticate(broken)];
    });
    assert.deepEqual(made, refusal('error-1099', 'RangeError: forced'));
    assert.deepEqual(used, refusal('error-0099', 'RangeError: forced'));
  });
}
