// The sentence that explains an exception, and the signals to the password manager.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, authentication, creation, HANDLE, open, registration, request, UUID, whole } from './page.mjs';

describe('what is likely', () => {
  /** The sentence for a ceremony that ends with this exception, after so many milliseconds. */
  const likely = async (verb, name, { window, after = 0, options = {} } = {}) => {
    const page = open({ window });
    page.does.create = page.does.get = async () => {
      await page.clock.pass(after);
      throw new DOMException('', name);
    };
    const input = verb === 'register'
      ? { ...registration(), credentialCreationOptions: { ...creation(), ...options } }
      : { ...authentication(), credentialRequestOptions: { ...request(), ...options } };
    return (await page.fido2[verb](input)).likely;
  };
  const at = (hostname) => ({ window: { location: { hostname, origin: `https://${hostname}` } } });

  test('when the person cancels', async () => {
    assert.equal(await likely('register', 'NotAllowedError'), 'The user cancelled or was not verified.');
    assert.equal(await likely('authenticate', 'NotAllowedError'), 'The user cancelled or was not verified, or no passkey here matches.');
  });
  test('when the time is over', async () => {
    assert.equal(await likely('register', 'NotAllowedError', { after: 60_000 }), 'No response within 60000 ms.');
    assert.equal(await likely('authenticate', 'NotAllowedError', { after: 60_000 }), 'No response within 60000 ms.');
    assert.notEqual(await likely('register', 'NotAllowedError', { after: 59_999 }), 'No response within 60000 ms.');
  });
  test('in a frame', async () => {
    assert.equal(
      await likely('authenticate', 'NotAllowedError', { window: { top: {} } }),
      'The user cancelled or was not verified, or no passkey here matches, or the frame lacks allow="publickey-credentials-get".',
    );
    assert.equal(
      await likely('register', 'NotAllowedError', { window: { top: {} } }),
      'The user cancelled or was not verified, or the frame lacks allow="publickey-credentials-create".',
    );
  });
  test('for a credential that is excluded', async () => {
    assert.equal(await likely('register', 'InvalidStateError'), 'The authenticator holds a passkey of excludeCredentials.');
    assert.equal(await likely('authenticate', 'InvalidStateError'), undefined);
  });
  test('for an RP ID that is not of this page', async () => {
    const foreign = (host) => `The RP ID "example.test" does not cover "${host}", and its /.well-known/webauthn does not list this origin.`;
    for (const host of ['other.test', 'evilexample.test', 'test', 'example.test.evil']) {
      assert.equal(await likely('register', 'SecurityError', at(host)), foreign(host));
      assert.equal(await likely('authenticate', 'SecurityError', at(host)), foreign(host));
    }
  });
  test('for a host that has no RP ID', async () => {
    const host = (name) => `"${name}" is an IP address, a public suffix or has no valid certificate.`;
    assert.equal(await likely('register', 'SecurityError', at('www.example.test')), host('www.example.test'));
    assert.equal(await likely('register', 'SecurityError', at('example.test')), host('example.test'));
    assert.equal(await likely('register', 'SecurityError', { ...at('127.0.0.1'), options: { rp: { name: 'x' } } }), host('127.0.0.1'));
    assert.equal(await likely('authenticate', 'SecurityError', { ...at('127.0.0.1'), options: { rpId: undefined } }), host('127.0.0.1'));
  });
  test('for options that the authenticator cannot fulfil', async () => {
    assert.equal(await likely('register', 'NotSupportedError'), 'The authenticator supports no algorithm of pubKeyCredParams.');
    assert.equal(await likely('register', 'ConstraintError'), 'The authenticator cannot do what authenticatorSelection demands.');
  });
  test('is not said for other exceptions', async () => {
    for (const name of ['UnknownError', 'DataError', 'constructor', '__proto__', 'toString']) {
      assert.equal(await likely('register', name), undefined);
    }
  });
});

describe('signalUnknownCredential', () => {
  const page = (body, credential) => {
    const hints = [];
    const opened = open({ credential: { signalUnknownCredential: async (hint) => { hints.push(whole(hint)); }, ...credential } });
    opened.does.fetch = async () => answer(body);
    return Object.assign(opened, { hints });
  };
  const unknown = '{"status":"failed","errorMessage":"No.","reason":"credential_unknown"}';

  test('passes the hint on', async () => {
    const opened = page(unknown);
    assert.equal(await opened.fido2.signalUnknownCredential({ rpId: 'example.test', credentialId: 'BAUG' }), true);
    assert.deepEqual(opened.hints, [{ rpId: 'example.test', credentialId: 'BAUG' }]);
  });
  test('is done after a refused login if asked for and the server says that it does not know the passkey', async () => {
    const opened = page(unknown);
    const result = await opened.fido2.authenticate(authentication({ signalUnknown: true }));
    assert.deepEqual(whole(result), {
      success: false,
      code: { statusCode: 'error-0002', message: 'Error while authenticating the credential on server' },
      message: 'No.',
    });
    assert.deepEqual(opened.hints, [{ rpId: 'example.test', credentialId: 'BAUG' }]);
  });
  test('names the host when the options name no RP ID', async () => {
    const opened = page(unknown);
    await opened.fido2.authenticate({ ...authentication({ signalUnknown: true }), credentialRequestOptions: { ...request(), rpId: undefined } });
    assert.deepEqual(opened.hints, [{ rpId: 'www.example.test', credentialId: 'BAUG' }]);
  });
  test('is not done unless asked for', async () => {
    const opened = page(unknown);
    await opened.fido2.authenticate(authentication());
    await opened.fido2.register(registration({ signalUnknown: true }));
    assert.deepEqual(opened.hints, []);
  });
  test('is not done for any other refusal', async () => {
    for (const body of [
      '{"status":"failed","errorMessage":"No."}', '{"status":"failed","errorMessage":"No.","reason":"signature_invalid"}', '<html>',
      '{"status":"ok","errorMessage":"","token":"t","reason":"credential_unknown"}',
    ]) {
      const opened = page(body);
      await opened.fido2.authenticate(authentication({ signalUnknown: true }));
      assert.deepEqual(opened.hints, [], body);
    }
    const opened = page('');
    opened.does.fetch = async () => answer(unknown, 500);
    await opened.fido2.authenticate(authentication({ signalUnknown: true }));
    assert.deepEqual(opened.hints, []);
  });
  test('says no where the browser does not know it or refuses it', async () => {
    const refuses = async () => {
      throw new TypeError('not base64url');
    };
    for (const credential of [{ signalUnknownCredential: undefined }, { signalUnknownCredential: refuses }]) {
      const opened = page(unknown, credential);
      assert.equal(await opened.fido2.signalUnknownCredential({ rpId: 'example.test', credentialId: 'BAUG' }), false);
      assert.equal((await opened.fido2.authenticate(authentication({ signalUnknown: true }))).message, 'No.');
    }
    assert.equal(await open({ window: { PublicKeyCredential: undefined } }).fido2.signalUnknownCredential({}), false);
  });
});

describe('signalAllAcceptedCredentials', () => {
  test('passes the hint on, with the user handle of the user', async () => {
    const hints = [];
    const { fido2 } = open({ credential: { signalAllAcceptedCredentials: async (hint) => { hints.push(whole(hint)); } } });
    assert.equal(await fido2.signalAllAcceptedCredentials({ rpId: 'example.test', userId: UUID, allAcceptedCredentialIds: ['BAUG'] }), true);
    assert.deepEqual(hints, [{ rpId: 'example.test', userId: HANDLE, allAcceptedCredentialIds: ['BAUG'] }]);
  });
  test('says no where the browser does not know it, and without an argument', async () => {
    assert.equal(await open().fido2.signalAllAcceptedCredentials({ rpId: 'x', userId: UUID, allAcceptedCredentialIds: [] }), false);
    assert.equal(await open().fido2.signalUnknownCredential(), false);
  });
});
