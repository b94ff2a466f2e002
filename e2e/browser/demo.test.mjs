// A passkey registered and used in a real browser, on the page of `passkeyd demo`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, beforeEach, afterEach, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { AxeBuilder } from '@axe-core/playwright';

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
    // The page suggests the device, because the passkey has the name of its owner.
    assert.match(await passkey.locator('.rename-input').inputValue(), /^Chrome on (Linux|Mac|Windows)$/);
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
    await demoPage.deleteFirst();
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

// What differs between the tabs: where the calls go.
const tabs = {
  '/': { begins: /Passkeys\/Factors/, finishes: /Passkeys\/VerifyFactor/ },
  '/authentication-cloud': { begins: /users\/enroll/, finishes: /_app\/attestation\/result/ },
  '/fido': { begins: /attestation\/options/, finishes: /attestation\/result/ },
};

for (const [path, { begins, finishes }] of Object.entries(tabs)) {
  describe(`the tab at ${path}`, () => {
    const listed = () => page.locator('#exchanges .path').allTextContents();

    test('registers, signs in with and without a name, renames and deletes', async () => {
      await page.click(`nav.tabs a[href="${path}"]`);
      await page.locator(`nav.tabs a[aria-current="page"][href="${path}"]`).waitFor();
      await demoPage.register(name);
      const paths = await listed();
      assert.ok(paths.some((it) => begins.test(it)) && paths.some((it) => finishes.test(it)), paths.join());
      assert.equal(await page.locator('#who-name').textContent(), name);
      assert.match(await page.locator('#register').textContent(), /another/);
      await demoPage.becomeNobody();
      await demoPage.signIn(name);
      await demoPage.becomeNobody();
      if (path === '/fido') {
        // The binding cannot begin a sign-in without a name, so the page does not offer it.
        assert.equal(await page.locator('#sign-in-discoverable').isVisible(), false);
        await demoPage.signIn(name);
      } else {
        await page.fill('#name', '');
        await demoPage.signInWithoutName(`Signed in as ${name}`);
      }
      assert.equal(await demoPage.passkeys.count(), 1);
      await demoPage.passkeys.first().locator('.rename').click();
      await demoPage.passkeys.first().locator('.rename-input').fill('Blue key');
      await demoPage.passkeys.first().locator('.rename-input').press('Enter');
      await demoPage.says(/Renamed to Blue key/);
      await demoPage.passkeys.filter({ hasText: 'Blue key' }).waitFor();
      // A deletion asks, and "Keep" keeps.
      await demoPage.passkeys.first().locator('.delete').click();
      await demoPage.passkeys.first().locator('.keep').click();
      assert.equal(await demoPage.passkeys.count(), 1);
      await demoPage.deleteFirst();
      assert.equal(await demoPage.passkeys.count(), 0);
      assert.doesNotMatch(await page.content(), /Basic [A-Za-z0-9+/=]{20,}|Bearer ey/);
    });

    test('shows the steps of each ceremony, also of one that is refused', async () => {
      await page.goto(server.url + path);
      await demoPage.register(name);
      const explorer = page.locator('#exchanges article:has(.explorer)').first();
      assert.match(await explorer.locator('.verdict').textContent(), /Registration: every step holds/);
      assert.match(await explorer.locator('.explorer').textContent(), /7\.1 step/);
      assert.match(await explorer.locator('.explorer').textContent(), /user verified \(UV\)/);
      await demoPage.breakIt('wrong-origin');
      const refused = page.locator('#exchanges article:has(.explorer)').first();
      assert.match(await refused.locator('.verdict').textContent(), /refused at 7\.2 step/);
      assert.match(await refused.locator('li[data-result="refused"]').textContent(), /origin/);
      assert.equal(await refused.getAttribute('data-refused'), '');
    });
  });
}

test('a passkey of one tab signs in on the others', async () => {
  await demoPage.register(name);
  for (const path of Object.keys(tabs)) {
    await page.goto(server.url + path);
    await demoPage.becomeNobody();
    await demoPage.signIn(name);
  }
});

describe('an exchange that is copied', () => {
  // Without the right secret passkeyd answers 401 to what needs one, which proves the method, the path and the body.
  const commands = {
    curl: (code) => ['sh', ['-c', `${code} -sS -w '\\n%{http_code}'`]],
    Node: (code) => ['node', ['--input-type=module', '-e', code]],
    Python: (code) => ['python3', ['-c', code]],
  };
  const environment = { ...process.env, ACCOUNT_SID: `AC${'0'.repeat(32)}`, AUTH_TOKEN: 'wrong', ACCESS_KEY: 'wrong' };
  const cases = [
    { path: '/', call: /Passkeys\/Factors/, answer: /401[^]*20003|20003[^]*401/ },
    { path: '/authentication-cloud', call: /introspect/, answer: /403/ },
    // This one needs no secret: the ceremony has ended already.
    { path: '/authentication-cloud', call: /_app\/attestation\/result/, answer: /already received a response/ },
  ];
  for (const { path, call, answer } of cases) {
    for (const [language, command] of Object.entries(commands)) {
      test(`runs: ${language}, ${call}`, async () => {
        await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(server.url).origin });
        await page.goto(server.url + path);
        await demoPage.register(`O'Neil "é" ${counter}`);
        const article = page.locator('#exchanges article').filter({ has: page.locator('.path', { hasText: call }) }).first();
        if (!await article.locator('details').first().evaluate((details) => details.open)) await article.locator('summary').first().click();
        await article.locator(`[data-copy="${language}"]`).click();
        await article.locator(`[data-copy="${language}"]`, { hasText: 'Copied' }).waitFor();
        const code = await page.evaluate(() => navigator.clipboard.readText());
        const [program, parameters] = command(code);
        // The demo answers under `localhost`, on 127.0.0.1 only.
        const { stdout, stderr } = await promisify(execFile)(program, parameters, { env: environment });
        assert.match(stdout, answer, `${code}\n${stderr}`);
      });
    }
  }
});

describe('the "break it" buttons', () => {
  test('say what is missing where they are, if there is no passkey', async () => {
    await page.click('#break button[data-break="replay"]');
    assert.match(await page.locator('#break-status').textContent(), /Register a passkey or sign in first/);
  });

  test('stay under the pointer when the explanation comes', async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    await demoPage.register(name);
    const button = page.locator('#break button[data-break="only-client-data"]');
    await button.scrollIntoViewIfNeeded();
    await demoPage.breakIt('wrong-origin');
    const before = await button.evaluate((it) => it.getBoundingClientRect().top);
    await demoPage.breakIt('only-client-data');
    const after = await button.evaluate((it) => it.getBoundingClientRect().top);
    assert.ok(Math.abs(after - before) < 2, `from ${before} to ${after}`);
  });

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

  test('at most 60 kB for the page and its files', async () => {
    for (const path of Object.keys(tabs)) {
      const sizes = new Map();
      const count = async (response) => {
        if (/\/api\//.test(response.url())) return;
        sizes.set(response.url(), (await response.body().catch(() => '')).length);
      };
      page.on('response', count);
      await page.goto(server.url + path, { waitUntil: 'networkidle' });
      page.off('response', count);
      const sum = [...sizes.values()].reduce((all, size) => all + size, 0);
      assert.ok(sizes.size >= 9, `${sizes.size} files`);
      assert.ok(sum <= 60 * 1024, `${path} has ${sum} bytes`);
    }
  });

  test('borders of fields and buttons have a contrast of 3:1', async () => {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const ratios = await page.evaluate(() => {
        const luminance = (color) => {
          const [r, g, b] = color.match(/[\d.]+/g).map(Number).map((it) => it / 255).map((it) => (it <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const card = luminance(getComputedStyle(document.querySelector('.card')).backgroundColor);
        return ['#name', '#sign-in', '#break button'].map((one) => {
          const edge = luminance(getComputedStyle(document.querySelector(one)).borderTopColor);
          return (Math.max(edge, card) + 0.05) / (Math.min(edge, card) + 0.05);
        });
      });
      for (const ratio of ratios) assert.ok(ratio >= 3, `${colorScheme}: ${ratios}`);
    }
  });

  for (const path of Object.keys(tabs)) {
    test(`no fault that axe finds at ${path}, in light and dark colours, and no page wider than 320 pixels`, async () => {
      demoPage.url = new URL(path, server.url).href;
      const faults = [];
      const look = async (when) => {
        // While a ceremony runs, its buttons are disabled, and pale.
        await page.waitForFunction(() => !document.querySelector('main .card button:disabled'));
        for (const colorScheme of ['light', 'dark']) {
          // Without motion: a colour on its way to another one has any contrast.
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          const { violations } = await new AxeBuilder({ page }).analyze();
          faults.push(...violations.map(({ id, nodes }) => `${when}, ${colorScheme}, ${id}: ${nodes.slice(0, 3).map(({ html }) => html).join(' ')}`));
        }
        for (const side of ['forms', 'wire']) {
          await page.setViewportSize({ width: 320, height: 640 });
          await page.click(`.sides [data-side="${side}"]`);
          const width = await page.evaluate(() => document.documentElement.scrollWidth);
          if (width > 320) faults.push(`${when}, ${side}: ${width} pixels wide on a screen of 320`);
        }
        await page.click('.sides [data-side="forms"]');
        await page.setViewportSize({ width: 1280, height: 900 });
      };
      await demoPage.open();
      await look('at the start');
      await demoPage.register(name);
      await demoPage.passkeys.first().locator('.rename').click();
      await look('signed in, renaming');
      await demoPage.passkeys.first().locator('.rename-input').press('Escape');
      await page.locator('#exchanges details').evaluateAll((all) => all.forEach((one) => { one.open = true; }));
      await demoPage.breakIt('tampered-signature');
      await look('with an explanation');
      assert.deepEqual(faults, []);
    });
  }

  test('a page that fits into 400 pixels', async () => {
    await page.setViewportSize({ width: 400, height: 800 });
    await demoPage.register(name);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${overflow} pixels too wide`);
    // On a narrow screen the requests are on the other side.
    assert.equal(await page.locator('#exchanges').isVisible(), false);
    await page.click('.sides [data-side="wire"]');
    assert.equal(await page.locator('#exchanges').isVisible(), true);
    assert.equal(await page.locator('#register').isVisible(), false);
  });
});
