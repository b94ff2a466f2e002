// The documentation that the binary serves, in Chromium: every page in light and dark colours, by axe and on a screen of 320 pixels.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { AxeBuilder } from '@axe-core/playwright';

import { launch } from '../support/browser.mjs';
import { serve } from '../support/server.mjs';

let server, browser, page;
const problems = [];

before(async () => {
  server = await serve();
  browser = await launch({ permissions: ['clipboard-read', 'clipboard-write'] });
  page = await browser.context.newPage();
  page.on('pageerror', (error) => problems.push(`${error}`));
  // A breach of the content security policy is such a message.
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) problems.push(message.text());
  });
});
after(async () => {
  await browser?.close();
  await server?.stop();
  assert.deepEqual(problems, []);
});

// Every page of the contents but the decisions, which are all of one form; and one page of each other kind.
async function places() {
  const list = await (await fetch(`${server.url}/docs/llms.txt`)).text();
  const files = [...list.matchAll(/\]\(([^)]+)\.md\)/g)].map(([, name]) => name);
  const chapters = files.filter((name) => !/^decisions\/2/.test(name)).map((name) => name.replace(/(^|\/)README$/, ''));
  assert.ok(chapters.length > 50, `${chapters.length}`);
  return ['/', ...chapters.map((name) => `/docs/${name}`), '/docs/errors/60378', '/docs/reasons/origin_not_allowed', '/docs/search?q=backup', '/docs/nothing/here'];
}

describe('the documentation', () => {
  test('no page has a fault that axe finds, or is wider than the screen', async () => {
    const faults = [];
    for (const place of await places()) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(server.url + place);
      // The colours are the same on all pages, so a few of them are enough for the second scheme.
      for (const colorScheme of /^.(docs.(twilio|errors.*|search.*|ux))?$/.test(place) ? ['dark', 'light'] : ['light']) {
        await page.emulateMedia({ colorScheme });
        const { violations } = await new AxeBuilder({ page }).analyze();
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html).join(' ')}`);
        if (found.length > 0) faults.push(`${place}, ${colorScheme}: ${found.join('; ')}`);
      }
      await page.setViewportSize({ width: 320, height: 640 });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > 320) faults.push(`${place} is ${width} pixels wide on a screen of 320`);
    }
    assert.deepEqual(faults, []);
  });

  test('the borders of fields and buttons have a contrast of 3 to 1', async () => {
    await page.goto(`${server.url}/docs/`);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const ratio = await page.evaluate(() => {
        const light = (color) => {
          const [r, g, b] = color.match(/[\d.]+/g).map((part) => part / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const border = light(getComputedStyle(document.querySelector('input')).borderTopColor);
        const grounds = [light(getComputedStyle(document.body).backgroundColor), light(getComputedStyle(document.querySelector('input')).backgroundColor)];
        return Math.min(...grounds.map((ground) => (Math.max(border, ground) + 0.05) / (Math.min(border, ground) + 0.05)));
      });
      assert.ok(ratio >= 3, `${colorScheme}: ${ratio}`);
    }
  });

  test('a block of code is copied whole', async () => {
    await page.goto(`${server.url}/docs/twilio`);
    const block = page.locator('pre').first();
    await page.locator('.copy').first().click();
    await page.locator('.copy', { hasText: 'Copied' }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await block.textContent());
  });

  test('the search works without a script', async () => {
    const plain = await launch({ javaScriptEnabled: false });
    const reader = await plain.context.newPage();
    await reader.goto(`${server.url}/docs/migrate/auth0`);
    await reader.fill('input[type=search]', '60378');
    await reader.press('input[type=search]', 'Enter');
    assert.equal(reader.url(), `${server.url}/docs/search?q=60378`);
    await reader.locator('.found a').first().click();
    assert.equal(reader.url(), `${server.url}/docs/errors/60378`);
    await plain.close();
  });
});
