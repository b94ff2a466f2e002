// The browser client as the real passkeyd serves it, with a page on another origin and a back end that holds the access key.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { launchClientBrowser } from '../support/browser.mjs';
import { servePage } from '../support/client-page.mjs';
import { launchFirefox } from '../support/firefox.mjs';
import { BackEnd } from '../support/nevis.mjs';
import { repository } from '../support/paths.mjs';
import { isBrowserRefusal, refusal, success } from './nevis-client.mjs';

const jws = /^[\w-]+\.[\w-]+\.[\w-]+$/;

const browsers = {
  // Its virtual authenticator also chooses in autofill.
  Chromium: { launch: launchClientBrowser, networkError: 'TypeError: Failed to fetch', choosesInAutofill: true },
  Firefox: { launch: launchFirefox, networkError: 'TypeError: NetworkError when attempting to fetch resource.' },
};
for (const [name, browser] of Object.entries(browsers)) {
  describe(`the browser client in ${name} against passkeyd`, () => cases(browser));
}

function cases({ launch, networkError, choosesInAutofill }) {
  let backEnd, site, foreign, browser, page, authenticator, username;
  before(async () => {
    backEnd = await BackEnd.start();
    const integrity = await fetch(new URL('/fido2-client/integrity.json', backEnd.url)).then((answer) => answer.json());
    site = await servePage(backEnd.url, { integrity: integrity['fido2-client.js'] });
    foreign = await servePage(backEnd.url);
    await backEnd.useRelyingParty('localhost', [new URL(site.url).origin]);
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await site?.close();
    await foreign?.close();
    await backEnd?.stop();
  });
  const open = async (url = site.url) => {
    await page?.close();
    page = await browser.open(url);
    ({ authenticator } = page);
  };
  beforeEach(async () => {
    username = `ada-${randomBytes(6).toString('hex')}`;
    await open();
  });
  afterEach(async () => {
    await page.close();
    page = undefined;
  });

  const register = ({ enrollment: { credentialCreationOptions, statusToken } }, more) =>
    page.evaluate((input) => nevis.auth.fido2.register(input), { credentialCreationOptions, statusToken, ...more });
  const authenticate = ({ credentialRequestOptions, statusToken, userId }, more) =>
    page.evaluate((input) => nevis.auth.fido2.authenticate(input), { credentialRequestOptions, statusToken, userId, ...more });
  // Compares the whole success and returns its token.
  const succeeds = (result, statusCode) => {
    assert.match(result.token, jws);
    assert.deepEqual(result, success(statusCode, result.token));
    return result.token;
  };
  const registered = async (fido2Options) => {
    const started = await backEnd.enroll(username, fido2Options);
    succeeds(await register(started), 'success-registration');
    return started;
  };

  test('the client is served for pages of every origin, as it was built', async () => {
    const { version } = JSON.parse(await readFile(join(repository, 'sdk', 'package.json'), 'utf8'));
    for (const name of ['fido2-client.js', 'fido2-client.mjs', 'integrity.json']) {
      const built = await readFile(join(repository, 'sdk', 'dist', name), 'utf8');
      for (const path of [`/fido2-client/${name}`, `/fido2-client/${version}/${name}`]) {
        const answer = await fetch(new URL(path, backEnd.url), { headers: { origin: 'https://anyone.test' } });
        assert.equal(answer.status, 200, path);
        assert.equal(answer.headers.get('access-control-allow-origin'), '*', path);
        assert.match(answer.headers.get('content-type'), name.endsWith('.json') ? /^application\/json/ : /^text\/javascript/, path);
        assert.equal(await answer.text(), built, path);
      }
    }
    assert.equal(await page.evaluate(() => typeof nevis.auth.fido2.register), 'function');
  });

  test('a registration succeeds, and the back end finds its token active', async () => {
    const started = await backEnd.enroll(username);
    const token = succeeds(await register(started, { authenticatorName: 'Phone of Ada' }), 'success-registration');
    const { transactionId, statusToken } = started.enrollment;
    const claims = await backEnd.introspect(token);
    assert.deepEqual([claims.active, claims.sub, claims.txn, claims.scope], [true, started.userId, transactionId, 'registration']);
    const status = await backEnd.status(statusToken);
    assert.deepEqual([status.status, status.userId, status.username, status.token], ['succeeded', started.userId, username, token]);
    const user = await backEnd.user(started.userId);
    assert.equal(user.status, 'active');
    const [{ name, authenticatorType, fido2 }] = user.authenticators;
    assert.deepEqual([name, authenticatorType], ['Phone of Ada', 'fido2']);
    assert.equal(fido2.userAgent, await page.evaluate(() => navigator.userAgent));
    assert.deepEqual(fido2.transports, ['internal']);
  });

  test('an authentication succeeds for a named user, and the back end finds its token active', async () => {
    const { userId } = await registered();
    const approval = await backEnd.approve({ username });
    const token = succeeds(await authenticate(approval), 'success-authentication');
    const claims = await backEnd.introspect(token);
    assert.deepEqual([claims.active, claims.sub, claims.txn, claims.scope], [true, userId, approval.transactionId, 'authentication']);
  });

  test('an authentication succeeds for whom the passkey names', async () => {
    const { userId } = await registered();
    const approval = await backEnd.approve();
    assert.equal('userId' in approval && approval.userId !== null, false);
    succeeds(await authenticate(approval), 'success-authentication');
    const status = await backEnd.status(approval.statusToken);
    assert.deepEqual([status.status, status.userId, status.username], ['succeeded', userId, username]);
  });

  if (choosesInAutofill) {
    test('an authentication succeeds from autofill', async () => {
      const { userId } = await registered();
      const approval = await backEnd.approve();
      const token = succeeds(await authenticate(approval, { autofill: true }), 'success-authentication');
      assert.equal((await backEnd.introspect(token)).sub, userId);
    });
  }

  test('a passkey that keeps no user handle signs in with the one rebuilt from userId', async () => {
    await registered({ authenticatorSelection: { residentKey: 'discouraged', userVerification: 'discouraged' } });
    succeeds(await authenticate(await backEnd.approve({ username })), 'success-authentication');
  });

  test('a second registration of the same authenticator: error-1001', async () => {
    await registered();
    isBrowserRefusal(
      await register(await backEnd.enroll(username)), 'error-1001', 'InvalidStateError', 'The authenticator holds a passkey of excludeCredentials.',
    );
  });

  test('a status token of another transaction: error-1002 and error-0002, and no token is active', async () => {
    const one = await backEnd.enroll(username);
    const other = await backEnd.enroll(username);
    const made = await register(one, { statusToken: other.enrollment.statusToken });
    assert.ok(made.message);
    assert.deepEqual(made, refusal('error-1002', made.message));
    assert.equal((await backEnd.status(other.enrollment.statusToken)).token, undefined);
    await open();
    await registered();
    const first = await backEnd.approve({ username });
    const used = await authenticate(first, { statusToken: (await backEnd.approve({ username })).statusToken });
    assert.ok(used.message);
    assert.deepEqual(used, refusal('error-0002', used.message));
    assert.equal((await backEnd.status(first.statusToken)).token, undefined);
  });

  test('options used twice: error-0002', async () => {
    await registered();
    const approval = await backEnd.approve({ username });
    succeeds(await authenticate(approval), 'success-authentication');
    const again = await authenticate(approval);
    assert.ok(again.message);
    assert.deepEqual(again, refusal('error-0002', again.message));
  });

  test('a page that the Relying Party does not list: error-1002', async () => {
    await open(foreign.url);
    const { origin } = new URL(foreign.url);
    const likely = `${backEnd.url}/_app/attestation/result is down, does not allow ${origin}, or is not in this page's CSP.`;
    assert.deepEqual(await register(await backEnd.enroll(username)), refusal('error-1002', networkError, { likely }));
  });

  test('a passkey that was deleted: error-0002, and the password manager is told on request', async () => {
    const { userId } = await registered();
    const [{ authenticatorId }] = (await backEnd.user(userId)).authenticators;
    await backEnd.deleteAuthenticator(authenticatorId);
    await page.evaluate(() => {
      window.hints = [];
      PublicKeyCredential.signalUnknownCredential = async (hint) => { window.hints.push(hint); };
    });
    for (const signalUnknown of [false, true]) {
      const result = await authenticate(await backEnd.approve(), { signalUnknown });
      assert.ok(result.message);
      assert.deepEqual(result, refusal('error-0002', result.message));
    }
    const hints = await page.evaluate(() => window.hints);
    assert.deepEqual(hints.map(({ rpId }) => rpId), ['localhost']);
    const [held] = await authenticator.credentials();
    assert.equal(Buffer.from(hints[0].credentialId, 'base64url').toString('hex'), Buffer.from(held.credentialId, 'base64').toString('hex'));
  });
}
