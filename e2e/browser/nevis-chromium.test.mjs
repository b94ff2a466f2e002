// The browser client in Chromium: the cases of every browser, and those that need a page with more than Firefox lets a test do.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { launchClientBrowser } from '../support/browser.mjs';
import { FakeServer, servePage } from '../support/client-page.mjs';
import { clientCases, creationOptions, isBrowserRefusal, refusal, requestOptions, success } from './nevis-client.mjs';

describe('the browser client in Chromium', () => {
  clientCases({ launch: launchClientBrowser, networkError: 'TypeError: Failed to fetch' });
});

describe('the browser client in Chromium, further', () => {
  let server, site, browser, page, authenticator;
  before(async () => {
    server = await FakeServer.start();
    site = await servePage(server.url, { integrity: server.integrity });
    browser = await launchClientBrowser();
  });
  after(async () => {
    await browser?.close();
    await site?.close();
    await server?.close();
  });
  const open = async (url = site.url, before) => {
    await page?.close();
    page = await browser.open(url, before);
    ({ authenticator } = page);
  };
  beforeEach(() => {
    server.reset();
  });
  afterEach(async () => {
    await page?.close();
    page = undefined;
  });

  const registration = (more, rest) => ({ credentialCreationOptions: creationOptions(more), statusToken: 'status-token', ...rest });
  const authentication = (more, rest) => ({ credentialRequestOptions: requestOptions(more), statusToken: 'status-token', ...rest });
  const register = (...args) => page.evaluate((input) => nevis.auth.fido2.register(input), registration(...args));
  const authenticate = (...args) => page.evaluate((input) => nevis.auth.fido2.authenticate(input), authentication(...args));
  // Starts, and does not wait for the end.
  const begin = (verb, input) => page.evaluate(([name, argument]) => { window.call = nevis.auth.fido2[name](argument); }, [verb, input]);
  const ended = () => page.evaluate(() => window.call);

  test('keeps what is in window.nevis', async () => {
    await open(site.url, () => { window.nevis = { widget: 1, auth: { widget: 2 } }; });
    const [widget, inner, type] = await page.evaluate(() => [nevis.widget, nevis.auth.widget, typeof nevis.auth.fido2.register]);
    assert.deepEqual([widget, inner, type], [1, 2, 'function']);
  });

  test('is not run when it has another hash than the page expects', async () => {
    const other = await servePage(server.url, { integrity: `sha384-${'A'.repeat(64)}` });
    try {
      await open(other.url);
      assert.equal(await page.evaluate(() => typeof window.nevis), 'undefined');
    } finally {
      await other.close();
    }
  });

  test('sends nothing to an image that is named `currentScript`', async () => {
    const clobbered = await servePage(server.url, { more: '<img name="currentScript" src="http://attacker.test/">' });
    try {
      await open(clobbered.url);
      const taken = await page.evaluate(() => document.currentScript.tagName);
      assert.equal(taken, 'IMG');
      // It does not know that URL, so it calls the origin of the page.
      const { code, message } = await register();
      assert.deepEqual([code.statusCode, message.slice(0, 10)], ['error-1002', 'TypeError:']);
      assert.deepEqual(await register({}, { host: server.url }), success('success-registration'));
    } finally {
      await clobbered.close();
    }
  });

  test('breaks no rule of the page', async () => {
    const violations = [];
    await open(site.url, () => {
      window.violations = [];
      document.addEventListener('securitypolicyviolation', ({ blockedURI }) => window.violations.push(blockedURI));
    });
    page.page.on('console', (message) => { if (message.type() === 'error') violations.push(message.text()); });
    page.page.on('pageerror', (error) => violations.push(`${error}`));
    assert.deepEqual(await register(), success('success-registration'));
    assert.deepEqual(await authenticate(), success('success-authentication'));
    assert.deepEqual(await page.evaluate(() => window.violations), []);
    assert.deepEqual(violations, []);
    assert.deepEqual(await page.page.context().cookies(), []);
  });

  test('says that no algorithm fits', async () => {
    await open();
    isBrowserRefusal(
      await register({ pubKeyCredParams: [{ type: 'something-else', alg: -7 }] }), 'error-1001', 'NotSupportedError',
      'The authenticator supports no algorithm of pubKeyCredParams.',
    );
  });

  describe('in a frame of another origin', () => {
    const rpId = 'inner.localhost';
    const framed = async (allow) => {
      await open(site.at(rpId));
      assert.deepEqual(await register({ rp: { id: rpId, name: 'Example' } }), success('success-registration'));
      await page.page.goto(`${site.url}frame?src=${encodeURIComponent(site.at(rpId))}&allow=${allow}`);
      const frame = await page.page.waitForSelector('iframe').then((element) => element.contentFrame());
      await frame.waitForLoadState();
      return frame.evaluate((input) => nevis.auth.fido2.authenticate(input), authentication({ rpId }));
    };
    test('works with the permission for it', async () => {
      assert.deepEqual(await framed('publickey-credentials-get'), success('success-authentication'));
      const { clientDataJSON } = server.received.at(-1).body.response;
      assert.equal(JSON.parse(Buffer.from(clientDataJSON, 'base64url')).crossOrigin, true);
    });
    test('names the permission that the frame lacks', async () => {
      isBrowserRefusal(
        await framed(''), 'error-0001', 'NotAllowedError',
        'The user cancelled or was not verified, or no passkey here matches, or the frame lacks allow="publickey-credentials-get".',
      );
    });
  });

  test('says that there was no response in time', async () => {
    await open();
    await authenticator.touching(false);
    isBrowserRefusal(await register({ timeout: 500 }), 'error-1001', 'NotAllowedError', 'No response within 500 ms.');
    isBrowserRefusal(await authenticate({ timeout: 500 }), 'error-0001', 'NotAllowedError', 'No response within 500 ms.');
  });

  test('gives up 5 seconds later when an extension never answers', async () => {
    await open(site.url, () => { CredentialsContainer.prototype.create = () => new Promise(() => {}); });
    const since = Date.now();
    assert.deepEqual(
      await register({ timeout: 500 }),
      refusal('error-1001', 'Error while trying to create new credential. TimeoutError: No response in time.', { cause: 'TimeoutError' }),
    );
    assert.ok(Date.now() - since >= 5_500);
  });

  for (const [verb, input, code, lead] of [
    ['register', registration, 'error-1001', 'Error while trying to create new credential.'],
    ['authenticate', authentication, 'error-0001', 'Error while trying to authenticate.'],
  ]) {
    test(`a dialog of ${verb} ends by a later call, which goes on at once`, async () => {
      await open();
      assert.deepEqual(await register(), success('success-registration'));
      await authenticator.touching(false);
      await begin(verb, input());
      // The dialog asks the authenticator whether it is touched a moment after the call, and nothing tells when it has.
      await page.page.waitForTimeout(500);
      await authenticator.touching(true);
      assert.deepEqual(await authenticate(), success('success-authentication'));
      assert.deepEqual(await ended(), refusal(code, `${lead} AbortError: A newer call replaced it.`, { cause: 'AbortError' }));
      await authenticator.touching(false);
      await begin(verb, input());
      await page.evaluate(() => nevis.auth.fido2.abort());
      assert.deepEqual(await ended(), refusal(code, `${lead} AbortError: abort() was called.`, { cause: 'AbortError' }));
    });
  }

  describe('autofill', () => {
    test('signs in with the passkey that was chosen', async () => {
      await open();
      assert.equal(await page.evaluate(() => nevis.auth.fido2.isAutofillSupported()), true);
      assert.deepEqual(await register(), success('success-registration'));
      assert.deepEqual(await authenticate({}, { autofill: true }), success('success-authentication'));
      assert.ok(server.received.at(-1).body.response.userHandle);
    });

    test('goes on with new approvals while the user does not choose, beyond the timeout of the options', async () => {
      await open();
      await register();
      await authenticator.touching(false);
      await page.evaluate(([input, fresh]) => {
        window.asked = [];
        const onExpired = async () => {
          window.asked.push(Date.now());
          return { ...fresh, statusToken: `status-token ${window.asked.length}` };
        };
        window.call = nevis.auth.fido2.authenticate({ ...input, autofill: true, onExpired });
      }, [authentication({ timeout: 700 }), authentication({ timeout: 700 })]);
      await page.page.waitForFunction(() => window.asked.length === 2);
      // The user chooses while the next request waits.
      await authenticator.touching(true);
      assert.deepEqual(await ended(), success('success-authentication'));
      const { statusToken } = server.received.at(-1).body;
      assert.equal(statusToken, `status-token ${await page.evaluate(() => window.asked.length)}`);
    });

    test('is not ended by the time of the options', async () => {
      await open();
      await authenticator.touching(false);
      await begin('authenticate', authentication({ timeout: 300 }, { autofill: true }));
      const first = await page.evaluate(() => Promise.race([window.call, new Promise((resolve) => setTimeout(resolve, 3_000, 'still waiting'))]));
      assert.equal(first, 'still waiting');
    });
  });

  test('survives an extension whose credentials are imitations', async () => {
    await open(site.url, () => {
      const { create, get } = CredentialsContainer.prototype;
      // As password managers do: plain members under the browser's prototypes, whose methods then throw.
      const imitate = async (made) => {
        const { id, rawId, type, response } = await made;
        const { clientDataJSON, attestationObject, authenticatorData, signature, userHandle } = response;
        const own = (members, prototype) => Object.create(prototype, Object.getOwnPropertyDescriptors(members));
        const members = attestationObject ? { clientDataJSON, attestationObject } : { clientDataJSON, authenticatorData, signature, userHandle };
        return own({ id, rawId, type, response: own(members, Object.getPrototypeOf(response)) }, PublicKeyCredential.prototype);
      };
      CredentialsContainer.prototype.create = function (options) { return imitate(create.call(this, options)); };
      CredentialsContainer.prototype.get = function (options) { return imitate(get.call(this, options)); };
    });
    const thrown = await page.evaluate(async (publicKey) => {
      const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
      try {
        return credential.toJSON();
      } catch (error) {
        return error.name;
      }
    }, creationOptions({ user: { id: 'AAAA', name: 'bob', displayName: 'Bob' } }));
    assert.equal(thrown, 'TypeError');
    assert.deepEqual(await register(), success('success-registration'));
    assert.deepEqual(Object.keys(server.received.at(-1).body.response), ['clientDataJSON', 'attestationObject']);
    assert.deepEqual(await authenticate(), success('success-authentication'));
    assert.deepEqual(Object.keys(server.received.at(-1).body.response), ['clientDataJSON', 'authenticatorData', 'signature', 'userHandle']);
  });

  describe('the hints to the password manager', () => {
    const held = async () => (await authenticator.credentials()).length;
    const settles = async (count) => {
      for (let round = 0; round < 50 && (await held()) !== count; round += 1) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(await held(), count);
    };
    const unknown = () => [200, '{"status":"failed","errorMessage":"The passkey is not known.","reason":"credential_unknown"}'];

    test('drop a passkey that the server does not know, if asked for', async () => {
      await open();
      await register();
      server.answer = unknown;
      assert.deepEqual(await authenticate(), refusal('error-0002', 'The passkey is not known.'));
      assert.equal(await held(), 1);
      assert.deepEqual(await authenticate({}, { signalUnknown: true }), refusal('error-0002', 'The passkey is not known.'));
      await settles(0);
    });

    test('drop the passkeys that are not in the list of the user', async () => {
      await open();
      await register();
      const [{ credentialId }] = await authenticator.credentials();
      const accepted = (ids) => page.evaluate((allAcceptedCredentialIds) => nevis.auth.fido2.signalAllAcceptedCredentials({
        rpId: 'localhost', userId: '6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11', allAcceptedCredentialIds,
      }), ids);
      assert.equal(await accepted([Buffer.from(credentialId, 'base64').toString('base64url')]), true);
      assert.equal(await held(), 1);
      assert.equal(await accepted([]), true);
      await settles(0);
    });
  });
});
