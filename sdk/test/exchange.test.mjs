// What the client passes to the browser and to the server.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  accepted, answer, assertion, attestation, authentication, buffer, creation, HANDLE, HOST, importModule, open, registration, request, UUID,
  whole,
} from './page.mjs';

const bytes = (value) => [...new Uint8Array(value.buffer ?? value, value.byteOffset, value.byteLength)];
const parsers = {
  parseCreationOptionsFromJSON: (json) => ({ ...json, parsed: true, rp: json.rp }),
  parseRequestOptionsFromJSON: (json) => ({ ...json, parsed: true }),
};
const given = async (verb, options, setting) => {
  const page = open(setting);
  const name = verb === 'register' ? 'credentialCreationOptions' : 'credentialRequestOptions';
  const result = await page.fido2[verb]({ [name]: options, statusToken: 'status' });
  assert.equal(result.success, true, result.message);
  return page.calls[verb === 'register' ? 'create' : 'get'][0][0].publicKey;
};

describe('the server gets', () => {
  test('the attestation with everything that is known, and nothing else', async () => {
    const page = open();
    await page.fido2.register(registration({ authenticatorName: 'Phone of Ada' }));
    const [[url, { signal, body, ...init }]] = page.calls.fetch;
    assert.equal(url, `${HOST}/_app/attestation/result`);
    assert.ok(signal instanceof AbortSignal);
    assert.deepEqual(whole(init), {
      method: 'POST',
      credentials: 'omit',
      headers: { 'content-type': 'application/json;charset=utf-8', accept: 'application/json' },
    });
    assert.deepEqual(JSON.parse(body), {
      id: 'AQEB',
      rawId: 'AQEB',
      type: 'public-key',
      authenticatorAttachment: 'platform',
      clientExtensionResults: { credProps: { rk: true } },
      response: { clientDataJSON: 'e30', attestationObject: 'oA', transports: ['internal', 'hybrid'] },
      statusToken: 'status',
      userFriendlyName: 'Phone of Ada',
      userAgent: 'Test/1.0',
    });
  });

  test('the assertion with everything that is known, and nothing else', async () => {
    const page = open();
    await page.fido2.authenticate(authentication({ userId: UUID }));
    const [[url, { body }]] = page.calls.fetch;
    assert.equal(url, `${HOST}/_app/assertion/result`);
    assert.deepEqual(JSON.parse(body), {
      id: 'BAUG',
      rawId: 'BAUG',
      type: 'public-key',
      clientExtensionResults: {},
      response: { clientDataJSON: 'e30', authenticatorData: 'AAE', signature: 'MAA', userHandle: 'WUU' },
      statusToken: 'status',
      userAgent: 'Test/1.0',
    });
  });

  test('no name for a passkey that got none', async () => {
    for (const authenticatorName of [undefined, null]) {
      const page = open();
      await page.fido2.register(registration({ authenticatorName }));
      assert.equal('userFriendlyName' in page.body(), false);
    }
  });

  test('the results of extensions with bytes as base64url', async () => {
    const page = open();
    page.does.get = async () => assertion({ getClientExtensionResults: () => ({ prf: { results: { first: buffer(255, 254) } } }) });
    await page.fido2.authenticate(authentication());
    assert.deepEqual(page.body().clientExtensionResults, { prf: { results: { first: '__4' } } });
  });

  describe('as user handle', () => {
    const handle = async (given, userId) => {
      const page = open();
      page.does.get = async () => assertion({}, { userHandle: given });
      assert.equal((await page.fido2.authenticate(authentication({ userId }))).success, true);
      return page.body().response.userHandle;
    };
    test('that of the authenticator', async () => assert.equal(await handle(buffer(1, 2, 3), UUID), 'AQID'));
    for (const [what, none] of [['null', null], ['absent', undefined], ['empty', buffer()]]) {
      test(`the one rebuilt from userId when the authenticator's is ${what}`, async () => {
        assert.equal(await handle(none, UUID), HANDLE);
        assert.equal(await handle(none, UUID.toUpperCase()), HANDLE);
      });
    }
    test('nothing when neither is known', async () => {
      for (const userId of [undefined, null, '', 'ada', 7, {}, `${UUID}0`, UUID.replace('6', 'g')]) {
        assert.equal(await handle(null, userId), undefined, `${userId}`);
      }
    });
  });
});

describe('the server is', () => {
  const asked = async (page, more) => {
    await page.fido2.authenticate(authentication(more));
    return page.calls.fetch.at(-1)[0];
  };
  for (const [src, host] of [
    ['https://id.example.test:8443/fido2-client/fido2-client.js', 'https://id.example.test:8443'],
    ['https://id.example.test:8443/fido2-client/0.1.0/fido2-client.js?v=1', 'https://id.example.test:8443'],
    ['https://id.example.test/pk/fido2-client/fido2-client.js', 'https://id.example.test/pk'],
    ['https://id.example.test/a/b/fido2-client/0.1.0/fido2-client.js?from=/x/fido2-client/#/y/fido2-client/', 'https://id.example.test/a/b'],
    ['https://id.example.test/fido2-client/fido2-client/fido2-client.js', 'https://id.example.test/fido2-client'],
    // A copy that the site serves itself says nothing about a prefix.
    ['https://id.example.test:8443/some/path/fido2-client.js?v=1', 'https://id.example.test:8443'],
  ]) {
    test(`what stands before its folder in the script's own URL: ${src}`, async () => {
      assert.equal(await asked(open({ src })), `${host}/_app/assertion/result`);
    });
  }
  test('the page itself for a script without address', async () => {
    assert.equal(await asked(open({ src: null })), '/_app/assertion/result');
    assert.equal(await asked(open({ src: '' })), '/_app/assertion/result');
  });
  test('what `configure` says, with its path and without the last slash', async () => {
    const page = open();
    page.fido2.configure({ host: 'https://other.example.test/passkeys/' });
    assert.equal(await asked(page), 'https://other.example.test/passkeys/_app/assertion/result');
  });
  test('what the call says, for this call', async () => {
    const page = open();
    assert.equal(await asked(page, { host: 'https://other.example.test' }), 'https://other.example.test/_app/assertion/result');
    assert.equal(await asked(page), `${HOST}/_app/assertion/result`);
    assert.equal(await asked(page, { host: null }), `${HOST}/_app/assertion/result`);
  });
  test('given 30 seconds', async () => {
    const page = open();
    let aborted;
    page.does.fetch = (url, { signal }) => new Promise(() => signal.addEventListener('abort', () => { aborted = true; }));
    const result = page.fido2.register(registration());
    await page.clock.pass(29_999);
    assert.equal(aborted, undefined);
    await page.clock.pass(1);
    assert.equal(aborted, true);
    const { code, message, cause } = await result;
    assert.deepEqual([code.statusCode, message, cause], ['error-1002', 'TimeoutError: No response in time.', 'TimeoutError']);
    assert.equal(page.clock.waiting, 0);
  });
  test('not asked again, and no timer stays, after the end', async () => {
    const page = open();
    await page.fido2.register(registration());
    await page.clock.pass(1e9);
    assert.equal(page.calls.fetch.length, 1);
    assert.equal(page.clock.waiting, 0);
  });
});

for (const [what, setting] of [['without', {}], ['with', { credential: parsers }]]) {
  describe(`the browser, ${what} methods that read JSON, gets`, () => {
    const parsed = 'credential' in setting;
    // A browser that parses JSON gets base64url; others get bytes.
    const is = (value, ...expected) =>
      parsed ? assert.equal(value, Buffer.from(expected).toString('base64url')) : assert.deepEqual(bytes(value), expected);

    test('the options of a registration', async () => {
      const options = await given('register', { ...creation(), excludeCredentials: [{ type: 'public-key', id: 'BAUG', transports: ['usb'] }] }, setting);
      is(options.challenge, 1, 2, 3, 251, 255);
      is(options.user.id, ...Buffer.from(HANDLE, 'base64url'));
      is(options.excludeCredentials[0].id, 4, 5, 6);
      const { challenge, user, excludeCredentials: [{ id, ...descriptor }], parsed: read, extensions, ...rest } = whole(options);
      assert.equal(read, parsed || undefined);
      assert.equal(extensions, undefined);
      assert.deepEqual(descriptor, { type: 'public-key', transports: ['usb'] });
      assert.deepEqual([user.name, user.displayName], ['ada', 'Ada K.']);
      const { challenge: _, user: __, excludeCredentials: ___, ...same } = creation();
      assert.deepEqual(rest, same);
    });

    test('the options of an authentication', async () => {
      const options = await given('authenticate', request(), setting);
      is(options.challenge, 9, 8, 7);
      is(options.allowCredentials[0].id, 4, 5, 6);
      assert.deepEqual([options.rpId, options.timeout, options.userVerification], ['example.test', 60000, 'preferred']);
    });

    const forms = {
      'base64url': '-_-_', 'base64': '+/+/', 'a mixture': '-/-_', 'an ArrayBuffer': buffer(251, 255, 191),
      'bytes': Uint8Array.of(251, 255, 191), 'a view into more bytes': Uint8Array.of(0, 251, 255, 191, 0).subarray(1, 4),
      'a DataView': new DataView(buffer(251, 255, 191)), 'a Buffer': Buffer.from([251, 255, 191]),
    };
    for (const [form, value] of Object.entries(forms)) {
      test(`the same bytes from ${form}`, async () => {
        const made = await given('register', {
          ...creation(), challenge: value, user: { ...creation().user, id: value }, excludeCredentials: [{ type: 'public-key', id: value }],
        }, setting);
        for (const seen of [made.challenge, made.user.id, made.excludeCredentials[0].id]) is(seen, 251, 255, 191);
        const used = await given('authenticate', { ...request(), challenge: value, allowCredentials: [{ type: 'public-key', id: value }] }, setting);
        for (const seen of [used.challenge, used.allowCredentials[0].id]) is(seen, 251, 255, 191);
      });
    }
    test('the same bytes with and without padding', async () => {
      is((await given('authenticate', { ...request(), challenge: 'AA' }, setting)).challenge, 0);
      is((await given('authenticate', { ...request(), challenge: 'AA==' }, setting)).challenge, 0);
      is((await given('authenticate', { ...request(), challenge: 'AAE=' }, setting)).challenge, 0, 1);
    });

    test('nothing where the server wrote null', async () => {
      const options = await given('register', {
        ...creation(), timeout: null, extensions: null, excludeCredentials: null, hints: null, rp: { id: null, name: 'Example' },
        authenticatorSelection: { authenticatorAttachment: null, residentKey: 'required' },
      }, setting);
      assert.deepEqual(Object.keys(options.rp), ['name']);
      assert.deepEqual(Object.keys(options.authenticatorSelection), ['residentKey']);
      assert.deepEqual(whole(options.excludeCredentials), []);
      assert.equal('timeout' in options || 'hints' in options, false);
      const used = await given('authenticate', { ...request(), allowCredentials: null, rpId: null }, setting);
      assert.deepEqual(whole(used.allowCredentials), []);
      assert.equal('rpId' in used, false);
    });

    test('a type for credentials that have none', async () => {
      const options = await given('authenticate', { ...request(), allowCredentials: [{ id: 'AAAA' }] }, setting);
      assert.equal(options.allowCredentials[0].type, 'public-key');
    });

    test('extensions', async () => {
      const options = await given('register', { ...creation(), extensions: { credProps: true } }, setting);
      assert.deepEqual(whole(options.extensions), { credProps: true });
    });
  });
}

describe('the options of the caller', () => {
  test('are not changed', async () => {
    for (const setting of [{}, { credential: parsers }]) {
      const page = open(setting);
      const freeze = (value) => {
        if (value && typeof value === 'object') Object.values(Object.freeze(value)).forEach(freeze);
        return value;
      };
      assert.equal((await page.fido2.register(freeze(registration()))).success, true);
      assert.equal((await page.fido2.authenticate(freeze(authentication()))).success, true);
      assert.equal((await page.fido2.authenticate(freeze(authentication({ autofill: true })))).success, true);
    }
  });
});

describe('an extension that replaces the browser\'s passkeys', () => {
  const illegal = () => {
    throw new TypeError('Illegal invocation');
  };
  class NativeCredential {
    get rawId() { return illegal(); }
    toJSON() { return illegal(); }
    getClientExtensionResults() { return illegal(); }
  }
  class NativeResponse {
    getTransports() { return illegal(); }
    getPublicKey() { return illegal(); }
  }
  const adopt = (object, { prototype }) => Object.defineProperties(Object.create(prototype), Object.getOwnPropertyDescriptors(object));

  test('may give objects whose methods throw', async () => {
    const page = open();
    const { getClientExtensionResults, response: { getTransports, ...response }, ...credential } = attestation();
    page.does.create = async () => adopt({ ...credential, response: adopt(response, NativeResponse) }, NativeCredential);
    assert.equal((await page.fido2.register(registration())).success, true);
    const { clientExtensionResults, response: { transports, ...rest } } = page.body();
    assert.deepEqual([clientExtensionResults, transports, rest], [undefined, undefined, { clientDataJSON: 'e30', attestationObject: 'oA' }]);
  });
  test('may give objects whose getters throw', async () => {
    const page = open();
    const { authenticatorAttachment, getClientExtensionResults, ...credential } = attestation();
    class Native {
      get authenticatorAttachment() { return illegal(); }
      get signature() { return illegal(); }
    }
    page.does.create = async () => adopt({ ...credential, response: adopt(credential.response, Native) }, Native);
    assert.equal((await page.fido2.register(registration())).success, true);
    assert.deepEqual(page.body().response, { clientDataJSON: 'e30', attestationObject: 'oA', transports: ['internal', 'hybrid'] });
  });
  test('may give an object without a response, which the server refuses', async () => {
    const page = open();
    page.does.create = async () => attestation({ response: null });
    page.does.fetch = async () => answer('{"message":"response.clientDataJSON is missing"}', 400);
    assert.equal((await page.fido2.register(registration())).message, 'HTTP 400: response.clientDataJSON is missing');
    assert.deepEqual(page.body().response, {});
  });
  test('may give objects without any method', async () => {
    const page = open();
    const { getClientExtensionResults, ...credential } = assertion();
    page.does.get = async () => ({ ...credential, toJSON: illegal });
    assert.equal((await page.fido2.authenticate(authentication())).success, true);
    assert.deepEqual(page.body().response, { clientDataJSON: 'e30', authenticatorData: 'AAE', signature: 'MAA', userHandle: 'WUU' });
  });
  test('may give bytes in other forms', async () => {
    const page = open();
    page.does.get = async () => assertion(
      { rawId: Uint8Array.of(4, 5, 6) },
      { clientDataJSON: 'e30', authenticatorData: Buffer.from([0, 1]), signature: new DataView(buffer(48, 0)), userHandle: 'WUU' },
    );
    assert.equal((await page.fido2.authenticate(authentication())).success, true);
    assert.deepEqual(page.body().response, { clientDataJSON: 'e30', authenticatorData: 'AAE', signature: 'MAA', userHandle: 'WUU' });
    assert.equal(page.body().rawId, 'BAUG');
  });
  test('may give no rawId', async () => {
    const page = open();
    page.does.get = async () => assertion({ rawId: undefined });
    await page.fido2.authenticate(authentication());
    assert.deepEqual([page.body().id, page.body().rawId], ['BAUG', 'BAUG']);
  });
  test('may throw at once instead of rejecting', async () => {
    const page = open();
    page.does.create = illegal;
    const { code, message, cause } = await page.fido2.register(registration());
    assert.deepEqual([code.statusCode, message, cause], [
      'error-1001', 'Error while trying to create new credential. TypeError: Illegal invocation', 'TypeError',
    ]);
  });
  test('may never answer', async () => {
    for (const [verb, method, input, statusCode] of [
      ['register', 'create', registration(), 'error-1001'], ['authenticate', 'get', authentication(), 'error-0001'],
    ]) {
      const page = open();
      page.does[method] = () => new Promise(() => {});
      let result;
      page.fido2[verb](input).then((value) => { result = value; });
      await page.clock.pass(64_999);
      assert.equal(result, undefined);
      await page.clock.pass(1);
      assert.deepEqual([result.code.statusCode, result.cause], [statusCode, 'TimeoutError']);
      assert.match(result.message, / TimeoutError: No response in time\.$/);
      assert.equal(page.calls[method][0][0].signal.aborted, true);
    }
  });
  test('is waited for 5 minutes when the options name no time, and not at once ended when they name a very long one', async () => {
    for (const [timeout, limit] of [[undefined, 305_000], [null, 305_000], [0, 305_000], [2 ** 32 - 1, 2 ** 31 - 1]]) {
      const page = open();
      page.does.create = () => new Promise(() => {});
      let ended = false;
      page.fido2.register({ ...registration(), credentialCreationOptions: { ...creation(), timeout } }).then(() => { ended = true; });
      await page.clock.pass(limit - 1);
      assert.equal(ended, false, `${timeout}`);
      await page.clock.pass(1);
      assert.equal(ended, true, `${timeout}`);
    }
  });
});

describe('the namespace', () => {
  const functions = [
    'abort', 'authenticate', 'configure', 'isAutofillSupported', 'register', 'signalAllAcceptedCredentials', 'signalUnknownCredential',
  ];
  test('is nevis.auth.fido2', () => assert.deepEqual(Object.keys(open().fido2), functions));
  test('keeps an existing window.nevis', () => {
    const nevis = { widget: {} };
    const page = open({ window: { nevis } });
    assert.equal(page.window.nevis, nevis);
    assert.deepEqual(Object.keys(nevis), ['widget', 'auth']);
  });
  test('keeps an existing nevis.auth', () => {
    const auth = { start: () => {} };
    const page = open({ window: { nevis: { auth } } });
    assert.equal(page.window.nevis.auth, auth);
    assert.deepEqual(Object.keys(auth), ['start', 'fido2']);
  });
  test('is the only name that the script adds', () => {
    const before = Object.keys(open({ window: { nevis: {} } }).window);
    assert.deepEqual(Object.keys(open().window).sort(), before.sort());
  });
  test('works where the browser has no WebAuthn', () => {
    assert.deepEqual(Object.keys(open({ window: { PublicKeyCredential: undefined, navigator: {} } }).fido2), functions);
  });
  test('has the functions of the ES module, which needs no window to be imported', async () => {
    assert.deepEqual(Object.keys(await importModule()).sort(), functions);
  });
});

test('the answer of the server may come in pieces', async () => {
  const page = open();
  page.does.fetch = async () => ({ ...accepted(), json: () => new Promise((resolve) => setTimeout(resolve, 5, { token: 'late' })) });
  assert.equal((await page.fido2.register(registration())).token, 'late');
  page.does.fetch = async () => ({ ...answer(''), json: () => Promise.reject(new TypeError('network lost')) });
  assert.equal((await page.fido2.register(registration())).message, 'The token is missing or not valid.');
});
