// Autofill, `abort`, and one ceremony at a time (section numbers of WebAuthn Level 3).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertion, attestation, authentication, open, pending, registration, request, settled, whole } from './page.mjs';

const autofill = (more) => authentication({ autofill: true, ...more });
const end = (result) => [result.code.statusCode, result.message, result.cause];
const superseded = [
  'error-0001', 'Error while trying to authenticate. AbortError: A newer call replaced it.', 'AbortError',
];
/** The browser waits until it is told to stop, as the specification says of `signal`. */
const waits = ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
/** An extension that does not care about the signal. */
const ignores = () => new Promise(() => {});

describe('autofill', () => {
  for (const [what, argument] of [['autofill: true', autofill()], ['mediation: "conditional"', authentication({ mediation: 'conditional' })]]) {
    test(`asks with conditional mediation and an empty list for ${what}`, async () => {
      const page = open();
      assert.equal((await page.fido2.authenticate(argument)).success, true);
      const [[{ mediation, signal, publicKey }]] = page.calls.get;
      assert.equal(mediation, 'conditional');
      assert.ok(signal instanceof AbortSignal);
      assert.deepEqual(whole(publicKey.allowCredentials), []);
      assert.equal(publicKey.rpId, 'example.test');
    });
  }
  test('is not asked for otherwise', async () => {
    const page = open({ credential: { isConditionalMediationAvailable: () => assert.fail('not asked for') } });
    await page.fido2.authenticate(authentication({ autofill: false }));
    assert.equal(page.calls.get[0][0].mediation, undefined);
    assert.equal(page.calls.get[0][0].publicKey.allowCredentials.length, 1);
  });

  const without = {
    'has no such method': undefined,
    'says no': async () => false,
    'cannot say': async () => {
      throw new Error('no');
    },
    'throws': () => {
      throw new Error('no');
    },
  };
  for (const [what, isConditionalMediationAvailable] of Object.entries(without)) {
    test(`is not supported by a browser that ${what}: error-0004`, async () => {
      const page = open({ credential: { isConditionalMediationAvailable } });
      assert.equal(await page.fido2.isAutofillSupported(), false);
      assert.deepEqual(whole(await page.fido2.authenticate(autofill({ statusToken: '', credentialRequestOptions: null }))), {
        success: false,
        code: { statusCode: 'error-0004', message: 'WebAuthn is not supported by this browser.' },
        message: 'Conditional mediation is missing.',
      });
    });
  }
  test('is not supported without WebAuthn', async () => {
    assert.equal(await open({ window: { PublicKeyCredential: undefined } }).fido2.isAutofillSupported(), false);
  });
  test('is supported by a browser that says so', async () => assert.equal(await open().fido2.isAutofillSupported(), true));

  test('waits longer than the time for a dialog', async () => {
    const page = open();
    const answer = pending();
    page.does.get = () => answer.promise;
    const result = page.fido2.authenticate(autofill());
    await page.clock.pass(86_400_000);
    assert.equal(page.calls.get[0][0].signal.aborted, false);
    answer.resolve(assertion());
    assert.equal((await result).success, true);
  });
});

describe('onExpired', () => {
  const fresh = (name) => ({ credentialRequestOptions: { ...request(), challenge: Buffer.from(name).toString('base64url') }, statusToken: name });
  const challenges = (page) => page.calls.get.map(([{ publicKey }]) => Buffer.from(publicKey.challenge).toString());

  test('gives a new approval when the time of the old one is up, as often as needed', async () => {
    const page = open();
    page.does.get = waits;
    let calls = 0;
    const result = page.fido2.authenticate(autofill({ onExpired: async () => fresh(`approval ${calls += 1}`) }));
    await page.clock.pass(59_999);
    assert.equal(calls, 0);
    await page.clock.pass(1);
    assert.equal(calls, 1);
    assert.equal(page.calls.get[0][0].signal.aborted, true);
    page.does.get = async () => assertion();
    await page.clock.pass(60_000);
    assert.equal((await result).success, true);
    assert.deepEqual(challenges(page).slice(1), ['approval 1', 'approval 2']);
    assert.equal(page.calls.get[2][0].mediation, 'conditional');
    assert.equal(page.body().statusToken, 'approval 2');
    await page.clock.pass(1e9);
    assert.equal(calls, 2);
  });

  test('that gives nothing leaves the request as it is', async () => {
    for (const nothing of [undefined, null]) {
      const page = open();
      const answer = pending();
      page.does.get = () => answer.promise;
      const result = page.fido2.authenticate(autofill({ onExpired: () => nothing }));
      await page.clock.pass(1e6);
      assert.equal(page.calls.get.length, 1);
      answer.resolve(assertion());
      assert.equal((await result).success, true);
      assert.equal(page.body().statusToken, 'status');
    }
  });

  test('may start over itself', async () => {
    const page = open();
    page.does.get = waits;
    let second;
    const first = page.fido2.authenticate(autofill({ onExpired: () => { second = page.fido2.authenticate(autofill()); } }));
    await page.clock.pass(60_000);
    assert.deepEqual(end(await first), superseded);
    assert.equal(page.calls.get.length, 2);
    page.fido2.abort();
    assert.equal((await second).cause, 'AbortError');
  });

  test('that fails ends the request: error-0099', async () => {
    for (const onExpired of [async () => { throw new TypeError('Failed to fetch'); }, () => { throw new TypeError('Failed to fetch'); }]) {
      const page = open();
      page.does.get = ignores;
      const result = page.fido2.authenticate(autofill({ onExpired }));
      await page.clock.pass(60_000);
      assert.deepEqual(end(await result), ['error-0099', 'TypeError: Failed to fetch', undefined]);
    }
  });

  test('that gives something else ends it with the code for that', async () => {
    for (const [given, code] of [[{ statusToken: 'x' }, 'error-0000'], [{ credentialRequestOptions: request() }, 'error-0003'], ['text', 'error-0000']]) {
      const page = open();
      page.does.get = ignores;
      const result = page.fido2.authenticate(autofill({ onExpired: () => given }));
      await page.clock.pass(60_000);
      assert.equal((await result).code.statusCode, code);
    }
  });

  test('comes too late for a passkey that was chosen meanwhile', async () => {
    const page = open();
    const answer = pending();
    const renewal = pending();
    page.does.get = () => answer.promise;
    const result = page.fido2.authenticate(autofill({ onExpired: () => renewal.promise }));
    await page.clock.pass(60_000);
    answer.resolve(assertion());
    assert.equal((await result).success, true);
    renewal.resolve(fresh('late'));
    await settled();
    assert.equal(page.body().statusToken, 'status');
    assert.equal(page.calls.get.length, 1);
  });

  test('comes too late for a request that was aborted meanwhile', async () => {
    const page = open();
    const renewal = pending();
    page.does.get = waits;
    const result = page.fido2.authenticate(autofill({ onExpired: () => renewal.promise }));
    await page.clock.pass(60_000);
    page.fido2.abort();
    renewal.resolve(fresh('late'));
    assert.equal((await result).code.statusCode, 'error-0001');
    assert.equal(page.calls.get.length, 1);
  });

  test('waits while nobody sees the page', async () => {
    const page = open({ hidden: true });
    page.does.get = waits;
    let calls = 0;
    const result = page.fido2.authenticate(autofill({ onExpired: () => { calls += 1; } }));
    await page.clock.pass(600_000);
    assert.equal(calls, 0);
    page.window.document.hidden = false;
    await page.clock.pass(1_000);
    assert.equal(calls, 1);
    page.fido2.abort();
    await result;
    await page.clock.pass(600_000);
    assert.equal(calls, 1);
  });

  test('is nothing to a request with a dialog', async () => {
    const page = open();
    page.does.get = waits;
    const result = page.fido2.authenticate(authentication({ onExpired: () => assert.fail('called') }));
    await page.clock.pass(65_000);
    assert.equal((await result).cause, 'TimeoutError');
  });
});

describe('one ceremony at a time', () => {
  const first = {
    authenticate: [(page) => page.fido2.authenticate(authentication()), superseded],
    autofill: [(page) => page.fido2.authenticate(autofill()), superseded],
    register: [(page) => page.fido2.register(registration()), [
      'error-1001', 'Error while trying to create new credential. AbortError: A newer call replaced it.', 'AbortError',
    ]],
  };
  for (const [name, [start, expected]] of Object.entries(first)) {
    for (const [how, browser] of [['obeys', waits], ['ignores', ignores]]) {
      for (const [later, { 0: next }] of Object.entries(first)) {
        test(`${name} ends by a later ${later}, in a browser that ${how} the signal`, async () => {
          const page = open();
          page.does.get = page.does.create = browser;
          const ended = start(page);
          await settled();
          const [[{ signal }]] = [...page.calls.get, ...page.calls.create];
          page.does.get = async () => assertion();
          page.does.create = async () => attestation();
          assert.equal((await next(page)).success, true);
          const result = await ended;
          assert.deepEqual(end(result), expected);
          assert.equal(result.likely, undefined);
          assert.equal(signal.aborted, true);
        });
      }
      test(`${name} ends by abort(), in a browser that ${how} the signal`, async () => {
        const page = open();
        page.does.get = page.does.create = browser;
        const ended = start(page);
        await settled();
        assert.equal(page.fido2.abort(), undefined);
        assert.match((await ended).message, / AbortError: abort\(\) was called\.$/);
        assert.equal(page.clock.waiting, 0);
      });
    }
  }

  test('the later call wins even if the earlier one still asks whether autofill is supported', async () => {
    const check = pending();
    const page = open({ credential: { isConditionalMediationAvailable: () => check.promise } });
    const answer = pending();
    page.does.create = () => answer.promise;
    const earlier = page.fido2.authenticate(autofill());
    const later = page.fido2.register(registration());
    await settled();
    check.resolve(true);
    assert.deepEqual(end(await earlier), superseded);
    assert.equal(page.calls.get.length, 0);
    answer.resolve(attestation());
    assert.equal((await later).success, true);
  });

  test('abort() ends a call that still asks whether autofill is supported', async () => {
    const check = pending();
    const page = open({ credential: { isConditionalMediationAvailable: () => check.promise } });
    const result = page.fido2.authenticate(autofill());
    page.fido2.abort();
    check.resolve(true);
    assert.equal((await result).cause, 'AbortError');
    assert.equal(page.calls.get.length, 0);
  });

  test('a later call that does not reach the browser ends nothing', async () => {
    const page = open();
    const answer = pending();
    page.does.get = () => answer.promise;
    const waiting = page.fido2.authenticate(autofill());
    await settled();
    assert.equal((await page.fido2.register({})).code.statusCode, 'error-1000');
    assert.equal((await page.fido2.register({ ...registration(), statusToken: '' })).code.statusCode, 'error-1003');
    answer.resolve(assertion());
    assert.equal((await waiting).success, true);
  });

  test('what the server already has is not taken back', async () => {
    const page = open();
    const answer = pending();
    page.does.fetch = () => answer.promise;
    const result = page.fido2.register(registration());
    await settled();
    page.fido2.abort();
    assert.equal(page.calls.fetch[0][1].signal.aborted, false);
    answer.resolve({ ok: true, status: 200, json: async () => ({ token: 'kept' }) });
    assert.equal((await result).token, 'kept');
  });

  test('abort() without a ceremony does nothing, and what follows works', async () => {
    const page = open();
    page.fido2.abort();
    page.fido2.abort();
    assert.equal((await page.fido2.register(registration())).success, true);
    page.fido2.abort();
    assert.equal((await page.fido2.authenticate(authentication())).success, true);
  });
});
