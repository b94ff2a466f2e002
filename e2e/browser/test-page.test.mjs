// The FIDO2 test page, as the demo serves it: the browser client against the real binary.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { launch, pageWithAuthenticator } from '../support/browser.mjs';
import { demo } from '../support/server.mjs';
import { DemoPage } from './demo-page.mjs';
import { codes } from './nevis-client.mjs';

let server, browser, page, authenticator, problems;

before(async () => {
  server = await demo();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  ({ page, authenticator } = await pageWithAuthenticator(browser.context));
  problems = [];
  page.on('pageerror', (error) => problems.push(`${error}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) problems.push(message.text());
  });
  await page.goto(`${server.url}/fido2-test.html`);
});
afterEach(async () => {
  await page.close();
  assert.deepEqual(problems, []);
});

const shown = async (id) => JSON.parse(await page.locator(id).textContent());

async function says(pattern) {
  const status = page.locator('#status');
  try {
    await status.filter({ hasText: pattern }).waitFor();
  } catch (error) {
    assert.fail(`status ${JSON.stringify(await status.textContent())} instead of ${pattern} (${error.name})`);
  }
}

/** Presses a button; the result object, which must be a success of this kind, and the introspection of its token. */
async function succeeds(button, statusCode) {
  await page.click(button);
  await says(codes[statusCode]);
  const result = await shown('#result');
  assert.deepEqual(result, { success: true, code: { statusCode, message: codes[statusCode] }, token: result.token });
  assert.equal(result.token.split('.').length, 3);
  return shown('#introspection');
}

describe('the FIDO2 test page', () => {
  test('registers and signs in, and shows the raw result objects', async () => {
    await page.fill('#username', 'ada');
    await page.fill('#authenticator-name', "Ada's key");
    const registered = await succeeds('#register', 'success-registration');
    assert.equal(registered.active, true);
    const signedIn = await succeeds('#sign-in', 'success-authentication');
    assert.equal(signedIn.active, true);
    assert.equal(signedIn.sub, registered.sub);
    assert.notEqual(signedIn.txn, registered.txn);
    // Every request of the back end is shown with its response, without the access key.
    const exchanges = page.locator('#exchanges article');
    assert.equal(await exchanges.count(), 4);
    assert.match(await exchanges.first().textContent(), /\/api\/v1\/introspect/);
    assert.doesNotMatch(await page.content(), /Bearer ey/);
  });

  test('signs in without a name', async () => {
    await page.fill('#username', 'grace');
    const registered = await succeeds('#register', 'success-registration');
    await page.fill('#username', '');
    const signedIn = await succeeds('#sign-in-discoverable', 'success-authentication');
    assert.equal(signedIn.sub, registered.sub);
  });

  test('shows the whole result of a failure', async () => {
    await page.fill('#username', 'linus');
    await succeeds('#register', 'success-registration');
    // The same authenticator again: the browser refuses, because the options exclude its credential.
    await page.click('#register');
    await says(/error-1001/);
    const result = await shown('#result');
    assert.equal(result.success, false);
    assert.equal(result.code.statusCode, 'error-1001');
    assert.equal(result.cause, 'InvalidStateError');
    assert.equal(result.token, undefined);
  });

  test('says what the API refuses', async () => {
    await page.fill('#username', 'not a user name!');
    await page.click('#register');
    await page.locator('#status[data-tone="bad"]').waitFor();
    await page.locator('#exchanges article[data-status="422"]').waitFor();
    await page.fill('#username', 'nobody-registered');
    await page.click('#sign-in');
    await page.locator('#exchanges article[data-status="404"]').waitFor();
  });

  test('is one click from the tabs, and takes a passkey that was registered there', async () => {
    const first = new DemoPage(page, authenticator, server.url);
    await first.open();
    await first.register('Margaret');
    await page.click('footer a[href="/fido2-test.html"]');
    await page.locator('nav.tabs a[href="/"]').waitFor();
    await authenticator.touching(true);
    const signedIn = await succeeds('#sign-in-discoverable', 'success-authentication');
    assert.equal(signedIn.active, true);
  });

  test('offers the operation that an app asks for, and sends its result to a configured origin', async () => {
    const origin = new URL(server.url).origin;
    const open = (query) => page.goto(`${server.url}/fido2-test.html?${new URLSearchParams(query)}`);
    // The demo has no page at the address of the result; only the address matters.
    await page.route(/\/(success|failure)\?/, (route) => route.fulfill({ contentType: 'text/html', body: 'back' }));
    await open({ operation: 'reg', redirectTo: origin });
    assert.equal(await page.locator('#sign-in').isVisible(), false);
    assert.equal(await page.locator('#sign-in-discoverable').isVisible(), false);
    await page.fill('#username', 'hedy');
    await page.click('#register');
    await page.waitForURL(/\/success\?/);
    const registered = new URL(page.url());
    assert.equal(registered.origin, origin);
    assert.equal(registered.searchParams.get('token').split('.').length, 3);

    // The same authenticator again: a failure.
    await open({ operation: 'reg', redirectTo: origin });
    await page.fill('#username', 'hedy');
    await page.click('#register');
    await page.waitForURL(/\/failure\?/);
    assert.ok(new URL(page.url()).searchParams.get('error'));

    await open({ operation: 'auth', redirectTo: origin });
    assert.equal(await page.locator('#register').isVisible(), false);
    await page.click('#sign-in-discoverable');
    await page.waitForURL(/\/success\?/);

    // For another address nothing is sent, and the passkey is not requested.
    await open({ operation: 'auth', redirectTo: 'https://evil.example' });
    await page.click('#sign-in-discoverable');
    await says(/not a configured origin/);
    assert.equal(await page.locator('#result').textContent(), 'Nothing yet.');
  });

  test('takes the token of an app out of the address, and refuses one that is not of the Service', async () => {
    await page.goto(`${server.url}/fido2-test.html?token=x.y.z&operation=auth`);
    assert.equal(new URL(page.url()).search, '');
    await page.click('#sign-in-discoverable');
    await says(/not one of this Service/);
  });
});
