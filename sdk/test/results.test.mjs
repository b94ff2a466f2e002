// Every code with its whole result object.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { accepted, answer, authentication, creation, open, registration, request, whole } from './page.mjs';

const failing = (name, message = 'Why.') => async () => {
  throw new DOMException(message, name);
};
const broken = new Proxy({}, {
  get() {
    throw new Error('a member that cannot be read');
  },
});

const codes = {
  register: {
    success: { statusCode: 'success-registration', message: 'Successfully registered WebAuthn credential.' },
    options: {
      statusCode: 'error-1000',
      message: 'Invalid credentialCreationOptions. ServerPublicKeyCredentialCreationOptions has to be valid.',
    },
    browser: { statusCode: 'error-1001', message: 'Failed to create WebAuthn credential.' },
    server: { statusCode: 'error-1002', message: 'Error while registering the new credential on server' },
    token: { statusCode: 'error-1003', message: 'Missing statusToken. Cannot be null or undefined.' },
    support: { statusCode: 'error-1004', message: 'WebAuthn is not supported by this browser.' },
    unknown: { statusCode: 'error-1099', message: 'Unknown error while registration.' },
  },
  authenticate: {
    success: { statusCode: 'success-authentication', message: 'Successfully authenticated with WebAuthn credential.' },
    options: {
      statusCode: 'error-0000',
      message: 'Invalid credentialRequestOptions. ServerPublicKeyCredentialGetOptionsResponse has to be valid.',
    },
    browser: { statusCode: 'error-0001', message: 'Failed to authenticate with WebAuthn credential.' },
    server: { statusCode: 'error-0002', message: 'Error while authenticating the credential on server' },
    token: { statusCode: 'error-0003', message: 'Missing statusToken. Cannot be null or undefined.' },
    support: { statusCode: 'error-0004', message: 'WebAuthn is not supported by this browser.' },
    unknown: { statusCode: 'error-0099', message: 'Unknown error while authentication.' },
  },
};
const verbs = {
  register: {
    input: registration, options: 'credentialCreationOptions', method: 'create', valid: creation,
    lead: 'Error while trying to create new credential.',
    cancelled: 'The user cancelled or was not verified.',
    url: 'https://login.example.test/_app/attestation/result',
  },
  authenticate: {
    input: authentication, options: 'credentialRequestOptions', method: 'get', valid: request,
    lead: 'Error while trying to authenticate.',
    cancelled: 'The user cancelled or was not verified, or no passkey here matches.',
    url: 'https://login.example.test/_app/assertion/result',
  },
};

for (const [verb, { input, options, method, valid, lead, cancelled, url }] of Object.entries(verbs)) {
  const code = codes[verb];
  const ends = async (page, argument, expected) => assert.deepEqual(whole(await page.fido2[verb](argument)), expected);

  describe(`the result of ${verb}`, () => {
    test('has success, code and token when the server accepts', () =>
      ends(open(), input(), { success: true, code: code.success, token: 'transaction' }));

    describe('for options that are missing or not valid', () => {
      const refused = {
        'no argument': [undefined, 'The options object is missing or not valid.'],
        'null': [null, 'The options object is missing or not valid.'],
        'text': ['text', 'The options object is missing or not valid.'],
        'no options': [{ statusToken: 'status' }, 'The options object is missing or not valid.'],
        'options as text': [{ [options]: JSON.stringify(valid()), statusToken: 'status' }, 'The options object is missing or not valid.'],
        'no challenge': [{ ...input(), [options]: { ...valid(), challenge: undefined } }, 'challenge is missing or not valid.'],
        'an empty challenge': [{ ...input(), [options]: { ...valid(), challenge: '' } }, 'challenge is missing or not valid.'],
        'a challenge that is a number': [{ ...input(), [options]: { ...valid(), challenge: 7 } }, 'challenge is missing or not valid.'],
        'a challenge outside of base64': [{ ...input(), [options]: { ...valid(), challenge: 'a!b*' } }, 'challenge is missing or not valid.'],
        'a challenge of impossible length': [{ ...input(), [options]: { ...valid(), challenge: 'AAAAA' } }, 'challenge is missing or not valid.'],
      };
      for (const [what, [argument, message]] of Object.entries(refused)) {
        test(what, async () => {
          const page = open();
          await ends(page, argument, { success: false, code: code.options, message });
          assert.equal(page.calls[method].length, 0);
        });
      }

      test('says what the browser says of JSON that only the browser can judge', () => {
        const parser = verb === 'register' ? 'parseCreationOptionsFromJSON' : 'parseRequestOptionsFromJSON';
        const parse = () => {
          throw new TypeError('prf.eval.first is not base64url');
        };
        return ends(open({ credential: { [parser]: parse } }), input(), {
          success: false, code: code.options, message: 'TypeError: prf.eval.first is not base64url',
        });
      });
    });

    test('for a browser that refuses names its exception', () => {
      const page = open();
      page.does[method] = failing('NotAllowedError', 'The operation either timed out or was not allowed.');
      return ends(page, input(), {
        success: false,
        code: code.browser,
        message: `${lead} NotAllowedError: The operation either timed out or was not allowed.`,
        likely: cancelled,
        cause: 'NotAllowedError',
      });
    });

    test('for a browser that gives nothing', () => {
      const page = open();
      page.does[method] = async () => null;
      return ends(page, input(), {
        success: false, code: code.browser, message: `${lead} UnknownError: The browser gave no credential.`, cause: 'UnknownError',
      });
    });

    test('for something thrown that is no exception', async () => {
      for (const [thrown, message, cause] of [
        [undefined, 'unreadable'], [null, 'unreadable'], ['text', 'text'], [{ toString: null }, 'unreadable'], [broken, undefined],
      ]) {
        const page = open();
        page.does[method] = () => Promise.reject(thrown);
        const result = whole(await page.fido2[verb](input()));
        if (message === undefined) assert.deepEqual(result.code, code.unknown);
        else assert.deepEqual(result, { success: false, code: code.browser, message: `${lead} ${message}`, ...(cause && { cause }) });
      }
    });

    describe('for a server that refuses or cannot be asked', () => {
      const server = (fetch, message, more = {}) => async () => {
        const page = open();
        page.does.fetch = fetch;
        await ends(page, input(), { success: false, code: code.server, message, ...more });
        assert.equal(page.calls.fetch.length, 1);
      };
      const likely = `${url} is down, does not allow https://www.example.test, or is not in this page's CSP.`;

      test('network or CORS', server(async () => {
        throw new TypeError('Failed to fetch');
      }, 'TypeError: Failed to fetch', { likely }));
      test('status failed', server(
        async () => answer('{"status":"failed","errorMessage":"The signature does not fit."}'), 'The signature does not fit.',
      ));
      test('an error message alone', server(
        async () => answer('{"status":"ok","errorMessage":"But no.","token":"transaction"}'), 'But no.',
      ));
      test('status failed without a message', server(async () => answer('{"status":"failed"}'), 'The server refused the credential.'));
      test('HTTP 500', server(async () => answer('<h1>Oops</h1>', 500), 'HTTP 500'));
      test('HTTP 404, where no passkeyd is', server(
        async () => answer('<h1>Not found</h1>', 404), 'HTTP 404', { likely: `No passkeyd answers at ${url}: is \`host\` right?` },
      ));
      test('HTTP 400 with the body of an error', server(
        async () => answer('{"status":400,"error":"Bad Request","message":"id is missing"}', 400), 'HTTP 400: id is missing',
      ));
      test('HTTP 400 with a failed result', server(
        async () => answer('{"status":"failed","errorMessage":"Not you."}', 400), 'Not you.',
      ));
      test('HTTP 403 with a failed result', server(
        async () => answer('{"status":"failed","errorMessage":"Not you."}', 403), 'HTTP 403: Not you.',
      ));
      for (const garbage of ['', '<html>', '[]', 'null', '7', '"text"', '{"status":"ok"}', '{"status":"ok","errorMessage":"","token":""}']) {
        test(`an answer that is ${garbage || 'empty'}`, server(async () => answer(garbage), 'The token is missing or not valid.'));
      }
    });

    test('for a missing statusToken', async () => {
      for (const statusToken of [undefined, null, '']) {
        const page = open();
        await ends(page, { ...input(), statusToken }, { success: false, code: code.token, message: 'statusToken is missing or not valid.' });
        assert.equal(page.calls[method].length, 0);
      }
    });

    test('for a browser without WebAuthn', async () => {
      const message = 'PublicKeyCredential is missing.';
      await ends(open({ window: { PublicKeyCredential: undefined } }), input(), { success: false, code: code.support, message });
      await ends(open({ window: { navigator: {} } }), input(), { success: false, code: code.support, message });
      await ends(open({ window: { PublicKeyCredential: undefined, isSecureContext: false } }), input(), {
        success: false, code: code.support, message, likely: 'Passkeys need HTTPS or localhost.',
      });
    });

    test('for what nobody foresaw', async () => {
      await ends(open(), broken, { success: false, code: code.unknown, message: 'Error: a member that cannot be read' });
      const page = open();
      page.does[method] = async () => ({ get id() { throw new RangeError('no id'); } });
      await ends(page, input(), { success: false, code: code.unknown, message: 'RangeError: no id' });
    });

    test('comes from the first check that fails: support, options, statusToken, browser, server', async () => {
      const everythingWrong = () => {
        const page = open();
        page.does[method] = failing('NotAllowedError');
        page.does.fetch = async () => answer('', 500);
        return page;
      };
      const end = async (page, argument) => (await page.fido2[verb](argument)).code.statusCode;
      const invalid = { [options]: { challenge: '' }, statusToken: '' };
      const unsupported = everythingWrong();
      delete unsupported.window.PublicKeyCredential;
      assert.equal(await end(unsupported, invalid), code.support.statusCode);
      assert.equal(await end(everythingWrong(), invalid), code.options.statusCode);
      assert.equal(await end(everythingWrong(), { ...input(), statusToken: '' }), code.token.statusCode);
      assert.equal(await end(everythingWrong(), input()), code.browser.statusCode);
      const server = everythingWrong();
      server.does[method] = open().does[method];
      assert.equal(await end(server, input()), code.server.statusCode);
    });

    test('is never a rejection or an exception, and has no other members', async () => {
      const arguments_ = [
        [], [undefined], [null], [0], ['x'], [Symbol('x')], [[]], [{}], [broken], [() => {}], [{ [options]: broken, statusToken: 'x' }],
        [{ [options]: Object.create(null), statusToken: 'x' }], [{ ...input(), host: 7 }], [{ ...input(), statusToken: { toJSON: null } }],
        [{ ...input(), statusToken: 7n }], [{ ...input(), [options]: { ...valid(), timeout: 'soon' } }],
      ];
      const circular = valid();
      circular.extensions = { circular };
      arguments_.push([{ ...input(), [options]: circular }]);
      for (const given of arguments_) {
        for (const window of [{}, { PublicKeyCredential: undefined }, { fetch: undefined }, { navigator: { credentials: {} } }, { AbortController: undefined }]) {
          const page = open({ window });
          const promise = page.fido2[verb](...given);
          assert.equal(typeof promise.then, 'function');
          const result = whole(await promise);
          assert.equal(typeof result.success, 'boolean');
          assert.deepEqual(Object.keys(result.code), ['statusCode', 'message']);
          const members = result.success ? ['code', 'success', 'token'] : ['code', 'message', 'success'];
          assert.deepEqual(Object.keys(result).filter((name) => !['cause', 'likely'].includes(name)).sort(), members);
        }
      }
    });

    test('does not share objects with the next result', async () => {
      const page = open();
      const first = await page.fido2[verb](input());
      first.code.message = 'changed by the page';
      page.does.fetch = async () => accepted();
      await ends(page, input(), { success: true, code: code.success, token: 'transaction' });
    });
  });
}

describe('the options of a registration', () => {
  const refused = {
    'no rp': [{ rp: undefined }, 'rp or pubKeyCredParams is missing or not valid.'],
    'no pubKeyCredParams': [{ pubKeyCredParams: undefined }, 'rp or pubKeyCredParams is missing or not valid.'],
    'pubKeyCredParams that are no list': [{ pubKeyCredParams: { alg: -7 } }, 'rp or pubKeyCredParams is missing or not valid.'],
    'no user': [{ user: undefined }, 'user.id is missing or not valid.'],
    'a user without id': [{ user: { name: 'ada', displayName: 'Ada' } }, 'user.id is missing or not valid.'],
    'a user whose id is no base64': [{ user: { id: '?', name: 'ada', displayName: 'Ada' } }, 'user.id is missing or not valid.'],
    'excludeCredentials that are no list': [{ excludeCredentials: { id: 'AAAA' } }, 'excludeCredentials is missing or not valid.'],
    'an excluded credential without id': [
      { excludeCredentials: [{ type: 'public-key', id: 'AAAA' }, { type: 'public-key' }] }, 'excludeCredentials[1].id is missing or not valid.',
    ],
    'an excluded credential that is null': [{ excludeCredentials: [null] }, 'excludeCredentials[0].id is missing or not valid.'],
  };
  for (const [what, [change, message]] of Object.entries(refused)) {
    test(`are not valid with ${what}`, async () => {
      const result = await open().fido2.register({ credentialCreationOptions: { ...creation(), ...change }, statusToken: 'status' });
      assert.deepEqual(whole(result), { success: false, code: codes.register.options, message });
    });
  }
});

describe('the options of an authentication', () => {
  test('are not valid with an allowed credential whose id is no base64', async () => {
    const credentialRequestOptions = { ...request(), allowCredentials: [{ type: 'public-key', id: '***' }] };
    const result = await open().fido2.authenticate({ credentialRequestOptions, statusToken: 'status' });
    assert.deepEqual(whole(result), {
      success: false, code: codes.authenticate.options, message: 'allowCredentials[0].id is missing or not valid.',
    });
  });
});
