// The functions of passkeys.mjs: what they send, what they ask the browser, and how they fail.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertion, creation, pending, request, settled, whole } from './page.mjs';
import { ALL, asking, failure, open, PAGE, throwing } from './passkeys-page.mjs';

const at = (path) => new URL(path, PAGE).href;

describe('a ceremony', () => {
  for (const [name, call, start, finish, method] of [
    ['register', (sdk) => sdk.register({ name: 'ada' }), 'register/start', 'register/finish', 'create'],
    ['another passkey', (sdk) => sdk.register({ name: 'ada' }, { add: true }), 'passkeys/start', 'passkeys/finish', 'create'],
    ['signIn', (sdk) => sdk.signIn({ name: 'ada' }), 'sign-in/start', 'sign-in/finish', 'get'],
    ['reauthenticate', (sdk) => sdk.reauthenticate({ name: 'ada' }), 'step-up/start', 'step-up/finish', 'get'],
  ]) {
    test(`${name}: start, browser, finish`, async () => {
      const page = open();
      assert.deepEqual(whole(await call(page.sdk)), { done: true });
      const [first, last] = page.posts();
      assert.deepEqual(first, [at(start), { name: 'ada' }]);
      assert.equal(last[0], at(finish));
      assert.equal(page.posts().length, 2);
      assert.equal(last[1].type, 'public-key');
      assert.equal(last[1].id, last[1].rawId);
      assert.ok(last[1].response.clientDataJSON);
      assert.deepEqual(Object.keys(last[1]).sort(), ['authenticatorAttachment', 'clientExtensionResults', 'id', 'rawId', 'response', 'type'].filter((member) => member in last[1]));
      assert.equal(page.calls[method].length, 1);
      const [{ publicKey, mediation, signal }] = page.calls[method][0];
      assert.equal(mediation, undefined);
      assert.ok(signal);
      assert.deepEqual(Array.from(publicKey.challenge), method === 'create' ? [1, 2, 3, 251, 255] : [9, 8, 7]);
      assert.equal(page.clock.waiting, 0);
    });
  }

  test('lets the browser parse the options if it can', async () => {
    const page = open({ credential: { parseRequestOptionsFromJSON: (json) => ({ parsed: json.challenge }) } });
    await page.sdk.signIn();
    assert.deepEqual(whole(page.calls.get[0][0].publicKey), { parsed: request().challenge });
  });

  for (const [form, answer] of [
    ['publicKey', (options) => ({ publicKey: options })],
    ['a Challenge or Factor of the Twilio API', (options) => ({ sid: 'YC00', options: { publicKey: options } })],
    ['an approval of the Nevis API', (options) => ({ statusToken: 'x', credentialRequestOptions: options })],
    ['an enrolment of the Nevis API', (options) => ({ userId: 'x', enrollment: { credentialRequestOptions: options } })],
  ]) {
    test(`finds the options in ${form}`, async () => {
      const page = open();
      page.routes['sign-in/start'] = () => page.json(answer(request()));
      await page.sdk.signIn();
      assert.deepEqual(Array.from(page.calls.get[0][0].publicKey.challenge), [9, 8, 7]);
    });
  }

  test('drops members that are null', async () => {
    const page = open();
    page.routes['register/start'] = () => page.json({ ...creation(), hints: null, extensions: null });
    await page.sdk.register();
    assert.equal('hints' in page.calls.create[0][0].publicKey, false);
  });

  for (const [name, backEnd, expected] of [
    ['below a path prefix', '/pk', 'https://www.example.test/pk/sign-in/start'],
    ['with a slash at the end', '/pk/', 'https://www.example.test/pk/sign-in/start'],
    ['on another origin', 'https://api.example.test/auth', 'https://api.example.test/auth/sign-in/start'],
    ['relative to the page', 'auth', 'https://www.example.test/shop/auth/sign-in/start'],
  ]) {
    test(`finds a back end ${name}`, async () => {
      const page = open();
      page.sdk.configure({ backEnd });
      await page.sdk.signIn();
      assert.equal(page.posts()[0][0], expected);
    });
  }

  test('takes routes and headers of the page', async () => {
    const page = open();
    page.sdk.configure({ routes: { signIn: 'auth/login' }, request: () => ({ credentials: 'include', headers: { 'X-CSRF': 'token' } }) });
    page.routes['login/start'] = () => page.json(request());
    await page.sdk.signIn();
    assert.deepEqual(page.posts().map(([url]) => url), [at('auth/login/start'), at('auth/login/finish')]);
    const [, sent] = page.calls.fetch[0];
    assert.deepEqual(whole(sent.headers), { 'x-csrf': 'token', 'content-type': 'application/json' });
    assert.equal(sent.credentials, 'include');
    // The other routes keep their defaults.
    await page.sdk.reauthenticate();
    assert.equal(page.posts()[2][0], at('step-up/start'));
  });
});

describe('a failure', () => {
  for (const [exception, reason, likely] of [
    ['NotAllowedError', 'cancelled', /cancelled or was not verified/],
    ['InvalidStateError', 'exists', /excludeCredentials/],
    ['SecurityError', 'rp_id', /IP address|RP ID/],
    ['NotSupportedError', 'authenticator', /algorithm/],
    ['ConstraintError', 'authenticator', /authenticatorSelection/],
    ['DataCloneError', 'unknown', undefined],
  ]) {
    test(`${exception} is ${reason}`, async () => {
      const page = open();
      page.does.create = async () => {
        page.clock.now += 2_000;
        throw new DOMException('Why.', exception);
      };
      const error = await failure(page.sdk.register());
      assert.ok(error instanceof page.sdk.PasskeyError);
      assert.equal(error.name, 'PasskeyError');
      assert.equal(error.reason, reason);
      assert.equal(error.elapsed, 2_000);
      assert.equal(error.message, `${exception}: Why.`);
      assert.equal(error.cause.name, exception);
      if (likely) assert.match(error.likely, likely);
      else assert.equal(error.likely, undefined);
      assert.equal(page.posts().length, 1);
    });
  }

  test('that no person can have caused says so', async () => {
    const page = open();
    page.does.get = throwing('NotAllowedError');
    const error = await failure(page.sdk.signIn());
    assert.equal(error.reason, 'cancelled');
    assert.match(error.likely, /It took 0 ms, so no person was asked/);
    page.does.get = async () => {
      page.clock.now += 200;
      throw new DOMException('Why.', 'NotAllowedError');
    };
    assert.doesNotMatch((await failure(page.sdk.signIn())).likely, /no person/);
  });

  test('after the time of the options is a timeout', async () => {
    const page = open();
    page.does.get = async () => {
      page.clock.now += 60_000;
      throw new DOMException('Why.', 'NotAllowedError');
    };
    const error = await failure(page.sdk.signIn());
    assert.equal(error.reason, 'timeout');
    assert.match(error.likely, /60000 ms/);
  });

  test('a browser that never responds ends five seconds after the timeout', async () => {
    const page = open();
    page.does.get = () => new Promise(() => {});
    const ended = failure(page.sdk.signIn());
    await page.clock.pass(64_999);
    assert.equal(page.clock.waiting, 1);
    await page.clock.pass(1);
    assert.equal((await ended).reason, 'timeout');
  });

  test('without WebAuthn', async () => {
    const page = open({ window: { PublicKeyCredential: undefined, isSecureContext: false } });
    const error = await failure(page.sdk.signIn());
    assert.equal(error.reason, 'unsupported');
    assert.match(error.likely, /HTTPS/);
    assert.equal(page.calls.fetch.length, 0);
    assert.equal(await page.sdk.autofill(), undefined);
    assert.equal(await page.sdk.upgrade(), undefined);
  });

  for (const [what, body] of [['nothing', {}], ['a text', 'no'], ['no user', { challenge: 'AAAA' }], ['no base64', { ...creation(), challenge: '%%%' }]]) {
    test(`options: ${what}`, async () => {
      const page = open();
      page.routes['register/start'] = () => page.json(body);
      const error = await failure(page.sdk.register());
      assert.equal(error.reason, 'options');
      assert.match(error.likely, /register\/start/);
      assert.equal(page.calls.create.length, 0);
    });
  }

  test('a refusal of the back end', async () => {
    const page = open();
    page.routes['passkeys/start'] = () => page.json({ error: 'Confirm that it is you.', reason: 'step_up_required' }, 403);
    const error = await failure(page.sdk.register({}, { add: true }));
    assert.deepEqual(
      [error.reason, error.message, error.status, error.code, error.likely],
      ['refused', 'Confirm that it is you.', 403, 'step_up_required', undefined],
    );
    page.routes['passkeys/start'] = () => page.json({ message: 'As on the wire.' }, 400);
    assert.equal((await failure(page.sdk.register({}, { add: true }))).message, 'As on the wire.');
  });

  test('a back end that is not there', async () => {
    const page = open();
    page.routes['sign-in/start'] = () => ({ ok: false, status: 404, json: async () => { throw new SyntaxError('html'); } });
    const error = await failure(page.sdk.signIn());
    assert.deepEqual([error.reason, error.status, error.message], ['refused', 404, 'HTTP 404']);
    assert.match(error.likely, /no route at https:\/\/www.example.test\/shop\/sign-in\/start/);
    page.routes['sign-in/start'] = () => page.json({ error: 'Later.' }, 502);
    assert.equal((await failure(page.sdk.signIn())).reason, 'server');
    page.does.fetch = async () => { throw new TypeError('Failed to fetch'); };
    const unreachable = await failure(page.sdk.signIn());
    assert.equal(unreachable.reason, 'server');
    assert.match(unreachable.likely, /is down, does not allow https:\/\/www.example.test/);
  });
});

describe('one ceremony at a time', () => {
  test('a newer one takes the place of the one that waits', async () => {
    const page = open();
    page.does.get = asking();
    const first = failure(page.sdk.signIn());
    await settled();
    page.does.get = async () => assertion();
    await page.sdk.signIn();
    assert.equal((await first).reason, 'replaced');
  });

  test('a start ends before the next one begins, and its options are not used', async () => {
    const page = open();
    const slow = pending();
    page.routes['sign-in/start'] = () => slow.promise;
    const first = failure(page.sdk.signIn());
    await settled();
    const second = page.sdk.register();
    await settled();
    assert.equal(page.calls.fetch.length, 1);
    slow.resolve(page.json(request()));
    await second;
    assert.equal((await first).reason, 'replaced');
    assert.equal(page.calls.get.length, 0);
  });

  test('abort() ends the one that waits', async () => {
    const page = open();
    page.does.get = asking();
    const waiting = failure(page.sdk.signIn());
    await settled();
    page.sdk.abort();
    assert.equal((await waiting).reason, 'aborted');
    page.sdk.abort();
    page.does.get = async () => assertion();
    await page.sdk.signIn();
  });
});

describe('autofill', () => {
  test('asks with conditional mediation, and for any passkey', async () => {
    const page = open();
    assert.deepEqual(whole(await page.sdk.autofill()), { done: true });
    const [{ mediation, publicKey }] = page.calls.get[0];
    assert.equal(mediation, 'conditional');
    assert.deepEqual(whole(publicKey.allowCredentials), []);
  });

  test('is not there', async () => {
    const page = open({ credential: { isConditionalMediationAvailable: async () => false } });
    assert.equal(await page.sdk.autofill(), undefined);
    assert.equal(page.calls.fetch.length, 0);
  });

  test('gets new options before the old ones expire, and goes on', async () => {
    const page = open();
    page.does.get = asking();
    const answer = page.sdk.autofill();
    await page.clock.pass(47_999);
    assert.equal(page.calls.get.length, 1);
    await page.clock.pass(1);
    assert.equal(page.calls.get.length, 2);
    assert.equal(page.posts().filter(([url]) => url.endsWith('/sign-in/start')).length, 2);
    page.does.get = async () => assertion();
    await page.clock.pass(48_000);
    assert.deepEqual(whole(await answer), { done: true });
  });

  test('goes on after a button that failed, and ends after one that succeeded', async () => {
    const page = open();
    page.does.get = asking();
    const answer = page.sdk.autofill();
    await settled();
    page.does.get = throwing('NotAllowedError');
    page.routes['sign-in/start'] = () => page.json(request());
    await failure(page.sdk.signIn());
    page.does.get = asking();
    await settled();
    // Autofill asked once more.
    const before = page.calls.get.length;
    assert.equal(page.calls.get[before - 1][0].mediation, 'conditional');
    page.does.get = async () => assertion();
    await page.sdk.signIn();
    assert.equal(await answer, undefined);
    assert.equal(page.clock.waiting, 0);
  });

  test('ends when it is called again, and at abort()', async () => {
    const page = open();
    page.does.get = asking();
    const first = page.sdk.autofill();
    await settled();
    const second = page.sdk.autofill();
    assert.equal(await first, undefined);
    await settled();
    page.sdk.abort();
    assert.equal(await second, undefined);
  });

  test('says when the back end fails', async () => {
    const page = open();
    page.routes['sign-in/start'] = () => page.json({ error: 'No.' }, 500);
    assert.equal((await failure(page.sdk.autofill())).reason, 'server');
  });
});

describe('an immediate sign-in', () => {
  test('asks with the mode, without a signal and for any passkey', async () => {
    const page = open();
    await page.sdk.signIn({}, { immediate: true });
    const [asked] = page.calls.get[0];
    assert.equal(asked.uiMode, 'immediate');
    assert.equal('signal' in asked, false);
    assert.equal('mediation' in asked, false);
    assert.deepEqual(whole(asked.publicKey.allowCredentials), []);
  });

  test('fails at once if there is no passkey, or no such mode', async () => {
    const page = open();
    page.does.get = throwing('NotAllowedError');
    assert.equal((await failure(page.sdk.signIn({}, { immediate: true }))).reason, 'no_passkey');
    const old = open({ credential: { getClientCapabilities: async () => ({ ...ALL, immediateGet: false }) } });
    assert.equal((await failure(old.sdk.signIn({}, { immediate: true }))).reason, 'no_passkey');
    assert.equal(old.calls.fetch.length, 0);
  });

  test('is cancelled by a person', async () => {
    const page = open();
    page.does.get = async () => {
      page.clock.now += 1_500;
      throw new DOMException('Why.', 'NotAllowedError');
    };
    assert.equal((await failure(page.sdk.signIn({}, { immediate: true }))).reason, 'cancelled');
  });
});

describe('an upgrade', () => {
  test('creates without a dialog, and tells the back end', async () => {
    const page = open();
    assert.deepEqual(whole(await page.sdk.upgrade({ after: 'password' })), { done: true });
    assert.deepEqual(page.posts()[0], [at('passkeys/start'), { after: 'password', conditional: true }]);
    assert.equal(page.calls.create[0][0].mediation, 'conditional');
  });

  for (const name of ['NotAllowedError', 'InvalidStateError', 'AbortError']) {
    test(`is silent when the browser declines with ${name}`, async () => {
      const page = open();
      page.does.create = throwing(name);
      assert.equal(await page.sdk.upgrade(), undefined);
    });
  }

  test('does not exist in this browser', async () => {
    const page = open({ credential: { getClientCapabilities: undefined } });
    assert.equal(await page.sdk.upgrade(), undefined);
    assert.equal(page.calls.fetch.length, 0);
  });

  test('says when the back end fails', async () => {
    const page = open();
    page.routes['passkeys/start'] = () => page.json({ error: 'Sign in first.' }, 401);
    assert.equal((await failure(page.sdk.upgrade())).status, 401);
  });
});

describe('signals', () => {
  const accepted = { rpId: 'example.test', userId: 'AAAA', allAcceptedCredentialIds: ['BBBB'] };
  const details = { rpId: 'example.test', userId: 'AAAA', name: 'ada', displayName: 'Ada' };
  const unknown = { rpId: 'example.test', credentialId: 'CCCC' };

  test('of an answer go to the password manager', async () => {
    const page = open();
    page.routes['sign-in/finish'] = () => page.json({ signals: { accepted, details, unknown: null } });
    await page.sdk.signIn();
    assert.deepEqual(whole(page.calls.signals), [['accepted', accepted], ['details', details]]);
  });

  test('of a refusal too', async () => {
    const page = open();
    page.routes['sign-in/finish'] = () => page.json({ error: 'No.', signals: { unknown } }, 401);
    assert.equal((await failure(page.sdk.signIn())).status, 401);
    assert.deepEqual(whole(page.calls.signals), [['unknown', unknown]]);
  });

  test('of any other route of the back end', async () => {
    const page = open();
    page.routes['passkeys/delete'] = () => page.json({ signals: { accepted } });
    await page.sdk.post('passkeys/delete', { id: 'x' });
    assert.deepEqual(page.posts(), [[at('passkeys/delete'), { id: 'x' }]]);
    assert.deepEqual(whole(page.calls.signals), [['accepted', accepted]]);
  });

  test('of the page say whether the browser accepted them', async () => {
    const page = open();
    assert.deepEqual([await page.sdk.signal.unknown(unknown), await page.sdk.signal.accepted(accepted), await page.sdk.signal.details(details)], [true, true, true]);
    const old = open({ credential: { signalUnknownCredential: undefined, signalAllAcceptedCredentials: throwing('DataError') } });
    assert.deepEqual([await old.sdk.signal.unknown(unknown), await old.sdk.signal.accepted(accepted)], [false, false]);
  });
});

describe('capabilities', () => {
  test('of a browser that has all', async () => {
    assert.deepEqual(whole(await open().sdk.capabilities()), {
      webauthn: true, autofill: true, upgrade: true, immediate: true, platform: true, hybrid: true,
      signalUnknown: true, signalAccepted: true, signalDetails: true,
    });
  });

  test('of one that has none, and of one that throws', async () => {
    const nothing = Object.fromEntries(Object.keys(await open().sdk.capabilities()).map((name) => [name, false]));
    assert.deepEqual(whole(await open({ window: { PublicKeyCredential: undefined } }).sdk.capabilities()), nothing);
    const broken = throwing('NotAllowedError');
    const page = open({
      credential: {
        getClientCapabilities: broken, isConditionalMediationAvailable: broken, isUserVerifyingPlatformAuthenticatorAvailable: broken,
        signalUnknownCredential: undefined, signalAllAcceptedCredentials: undefined, signalCurrentUserDetails: undefined,
      },
    });
    assert.deepEqual(whole(await page.sdk.capabilities()), { ...nothing, webauthn: true });
  });
});

describe('events', () => {
  test('tell each phase, and nothing about the person', async () => {
    const page = open();
    const told = [];
    page.sdk.configure({ onEvent: (event) => told.push(whole(event)) });
    page.does.get = async () => {
      page.clock.now += 700;
      return assertion();
    };
    await page.sdk.signIn({ name: 'ada' });
    assert.deepEqual(told, [
      { operation: 'signIn', phase: 'started', elapsed: 0 },
      { operation: 'signIn', phase: 'returned', elapsed: 700 },
      { operation: 'signIn', phase: 'done', elapsed: 700 },
    ]);
    told.length = 0;
    page.does.create = throwing('InvalidStateError');
    await failure(page.sdk.register());
    assert.deepEqual(told.at(-1), { operation: 'register', phase: 'failed', reason: 'exists', elapsed: 0 });
  });
});
