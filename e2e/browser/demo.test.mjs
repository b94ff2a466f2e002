// A passkey registered and used in a real browser, on the page of `passkeyd demo`.

import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, describe, test } from 'node:test';

import { launch, pageWithAuthenticator } from '../support/browser.mjs';
import { demo } from '../support/server.mjs';
import { DemoPage } from './demo-page.mjs';

let server, browser, page, authenticator, demoPage;

before(async () => {
  server = await demo();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

let counter = 0;
let name;
beforeEach(async () => {
  counter += 1;
  name = `Ada ${counter}`;
  ({ page, authenticator } = await pageWithAuthenticator(browser.context));
  demoPage = new DemoPage(page, authenticator, server.url);
  await browser.context.clearCookies();
  await demoPage.open();
});
afterEach(async () => {
  await page.close();
  assert.deepEqual(demoPage.problems, []);
});

describe('the demo page', () => {
  test('registers a passkey and signs in by name', async () => {
    await demoPage.register(name);
    const [credential] = await authenticator.credentials();
    assert.equal(credential.rpId, 'localhost');
    assert.equal(credential.isResidentCredential, true);
    await demoPage.becomeNobody();
    await demoPage.signIn(name);
    assert.equal(await demoPage.passkeys.count(), 1);
    assert.match(await demoPage.passkeys.first().getAttribute('data-sid'), /^YF[0-9a-f]{32}$/);
  });

  test('signs in without a name', async () => {
    await demoPage.register(name);
    await demoPage.becomeNobody();
    await page.fill('#name', '');
    await demoPage.signInWithoutName(`Signed in as ${name}`);
  });

  test('signs in by autofill', async () => {
    await demoPage.register(name);
    await demoPage.becomeNobody();
    // The user chooses the passkey that the browser offers in the name field of the new page.
    await authenticator.touching(true);
    await page.goto(server.url);
    await demoPage.says(`Signed in as ${name}`);
  });

  test('stays signed in over a reload and signs out for good', async () => {
    await demoPage.register(name);
    await demoPage.becomeNobody();
    await demoPage.signIn(name);
    await page.reload();
    await demoPage.passkeys.first().waitFor();
    await demoPage.signOut();
    await page.reload();
    await page.locator('#register').waitFor();
    assert.equal(await demoPage.passkeys.count(), 0);
  });

  test('renames a passkey', async () => {
    await demoPage.register(name);
    await demoPage.becomeNobody();
    await demoPage.signIn(name);
    const passkey = demoPage.passkeys.first();
    await passkey.locator('.rename').click();
    await passkey.locator('.rename-input').fill('Key of the office <b>');
    await passkey.locator('.rename-input').press('Enter');
    await demoPage.passkeys.filter({ hasText: 'Key of the office <b>' }).waitFor();
    await page.reload();
    await demoPage.passkeys.filter({ hasText: 'Key of the office <b>' }).waitFor();
  });

  test('deletes a passkey, and refuses it afterwards', async () => {
    await demoPage.register(name);
    await demoPage.becomeNobody();
    await demoPage.signIn(name);
    // The page may tell the authenticator to remove the passkey; this test is about an authenticator that keeps it.
    const kept = (await authenticator.credentials())[0];
    await demoPage.passkeys.first().locator('.delete').click();
    await demoPage.says(/Deleted/);
    assert.equal(await demoPage.passkeys.count(), 0);
    await demoPage.becomeNobody();
    await authenticator.restore(kept);
    await demoPage.signInWithoutName(/60390|refused|not found/i);
    assert.doesNotMatch(await page.locator('#status').textContent(), /Signed in/);
    assert.match(await page.locator('#explanation').textContent(), /60390/);
    await demoPage.signIn(name, /./);
    assert.doesNotMatch(await page.locator('#status').textContent(), /Signed in/);
  });

  test('keeps two users apart', async () => {
    const other = `${name} the other`;
    await demoPage.register(name);
    await demoPage.becomeNobody();
    await demoPage.register(other);
    await demoPage.becomeNobody();
    await demoPage.signIn(name);
    assert.equal(await demoPage.passkeys.count(), 1);
    const sid = await demoPage.passkeys.first().getAttribute('data-sid');
    await demoPage.signOut();
    await demoPage.signIn(other);
    assert.equal(await demoPage.passkeys.count(), 1);
    assert.notEqual(await demoPage.passkeys.first().getAttribute('data-sid'), sid);
  });

  test('shows each request and answer, newest first, without the secret', async () => {
    await demoPage.register(name);
    const exchanges = page.locator('#exchanges article');
    assert.ok(await exchanges.count() >= 2);
    assert.equal(await exchanges.nth(0).getAttribute('data-status'), '200');
    assert.match(await exchanges.nth(0).textContent(), /VerifyFactor/);
    assert.equal(await exchanges.nth(1).getAttribute('data-status'), '201');
    assert.match(await exchanges.nth(1).textContent(), /Passkeys\/Factors/);
    assert.doesNotMatch(await page.content(), /Basic [A-Za-z0-9+/=]{20,}/);
    for (const { text } of demoPage.exchanged) assert.doesNotMatch(text, /Basic [A-Za-z0-9+/=]{20,}/);
  });

  test('can be used with the keyboard alone', async () => {
    await page.locator('#name').focus();
    await page.keyboard.type(name);
    await authenticator.touching(true);
    await page.locator('#register').focus();
    await page.keyboard.press('Enter');
    await demoPage.says(/Registered/);
    await authenticator.touching(false);
  });
});

describe('the "break it" buttons', () => {
  const expected = {
    'response-missing': /60378/,
    'only-client-data': /60378/,
    'wrong-ceremony': /60378/,
    'wrong-type': /60378/,
    'flat-shape': /60378/,
    'tampered-signature': /60324/,
    'wrong-challenge': /6039[01]|60311|60324/,
    'wrong-origin': /60311|60324/,
    replay: /60322|60383/,
  };
  for (const [fault, code] of Object.entries(expected)) {
    test(`${fault} shows its error, and the error page opens`, async () => {
      await demoPage.register(name);
      await demoPage.breakIt(fault);
      const explanation = page.locator('#explanation');
      assert.match(await explanation.textContent(), code);
      const href = await explanation.locator('a.more-info').getAttribute('href');
      const link = new URL(href, server.url);
      assert.equal(link.origin, new URL(server.url).origin);
      const reading = await browser.context.newPage();
      try {
        const answer = await reading.goto(link.href);
        assert.equal(answer.status(), 200);
        assert.match(await reading.textContent('body'), code);
      } finally {
        await reading.close();
      }
    });
  }

  test('all of them are there', async () => {
    const names = await page.locator('#break button[data-break]').evaluateAll((buttons) => buttons.map((button) => button.dataset.break));
    assert.deepEqual(names.toSorted(), Object.keys(expected).toSorted());
  });
});

describe('what the page gets', () => {
  test('every challenge and user id decodes with `atob`', async () => {
    for (let round = 0; round < 8; round += 1) {
      await demoPage.register(`${name} ${round}`);
      await demoPage.becomeNobody();
      await demoPage.signIn(`${name} ${round}`);
      await demoPage.becomeNobody();
      // The virtual authenticator has room for a few resident keys only.
      await authenticator.clear();
    }
    const seen = [];
    const collect = (value) => {
      if (typeof value === 'string' && value.startsWith('{')) {
        try { collect(JSON.parse(value)); } catch { /* Text that only looks like JSON. */ }
      }
      if (value === null || typeof value !== 'object') return;
      if (value.publicKey?.challenge) {
        seen.push(value.publicKey.challenge);
        if (value.publicKey.user) seen.push(value.publicKey.user.id);
      }
      Object.values(value).forEach(collect);
    };
    for (const { text } of demoPage.exchanged) if (text.startsWith('{')) collect(JSON.parse(text));
    assert.ok(new Set(seen).size >= 8 * 3, `${new Set(seen).size} values seen`);
    const decoded = await page.evaluate((values) => values.map((value) => atob(value)), seen);
    for (const text of decoded) assert.match(text, /^(YE[0-9a-f]{32}|[0-9a-f]{48})$/);
  });

  test('a strict content security policy, no inline script, no foreign origin', async () => {
    const answer = await page.request.get(server.url);
    const policy = answer.headers()['content-security-policy'];
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.equal(answer.headers()['x-content-type-options'], 'nosniff');
    const html = await answer.text();
    for (const [, attributes, body] of html.matchAll(/<script([^>]*)>([^]*?)<\/script>/g)) {
      assert.match(attributes, /\bsrc=/);
      assert.equal(body.trim(), '');
    }
    assert.doesNotMatch(html, /\son[a-z]+=|\sstyle=|<style/);
  });

  test('a page that fits into 400 pixels', async () => {
    await page.setViewportSize({ width: 400, height: 800 });
    await demoPage.register(name);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${overflow} pixels too wide`);
  });
});
