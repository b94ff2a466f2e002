// The documentation that the binary serves, in Chromium: every page in light and dark colours, by axe and on a screen of 320 pixels.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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

  test('the list of errors is grouped, and a filter leaves what fits', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${server.url}/docs/errors`);
    const rows = page.locator('tr[data-words]:visible');
    const all = await rows.count();
    assert.ok(all >= 49, `${all}`);
    assert.ok(await page.locator('.group h2').count() >= 5);
    await page.fill('#filter', 'origin');
    const left = await rows.count();
    assert.ok(left > 0 && left < all, `${left} of ${all}`);
    assert.match(await page.locator('#filtered').textContent(), new RegExp(`^${left} of ${all}$`));
    await page.fill('#filter', '60378');
    assert.equal(await rows.count(), 1);
    assert.equal(await page.locator('.group:visible').count(), 1);
  });

  test('an error page has a block for each language, each with its button, and the warning where it belongs', async () => {
    await page.goto(`${server.url}/docs/errors/60370`);
    const captions = await page.locator('main h3').allTextContents();
    for (const wanted of [/page/, /Node/, /Python/, /HTTP/]) assert.ok(captions.some((caption) => wanted.test(caption)), `${captions}`);
    assert.equal(await page.locator('.copy').count(), await page.locator('pre').count());
    assert.match(await page.locator('blockquote').textContent(), /account takeover/);
    await page.locator('blockquote a').click();
    assert.match(page.url(), /docs\/guides#why-enrolment/);
    assert.equal(await page.locator('#why-enrolment-belongs-in-a-session').count(), 1);
  });

  test('the code of the error pages compiles', async () => {
    const seen = new Set();
    await page.goto(`${server.url}/docs/errors`);
    for (const href of await page.locator('tr[data-words] a').evaluateAll((links) => links.map((link) => link.href))) {
      const html = await (await page.request.get(href)).text();
      for (const [, language, code] of html.matchAll(/<code class="language-(js|python)">([^]*?)<\/code>/g)) seen.add(`${language}\n${code}`);
    }
    assert.ok(seen.size >= 16, `${seen.size}`);
    for (const block of seen) {
      const [language, ...lines] = block.split('\n');
      const code = lines.join('\n').replace(/&#(\d+);/g, (_, number) => String.fromCharCode(number)).replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
      const [program, parameters] = language === 'js' ? ['node', ['--input-type=module', '--check', '-']] : ['python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())']];
      const { status, stderr } = spawnSync(program, parameters, { input: code, encoding: 'utf8' });
      assert.equal(status, 0, `${code}\n${stderr}`);
    }
  });

  test('no page has more than 60 kB, with its files and pictures', async () => {
    const size = async (url) => (await (await fetch(url)).arrayBuffer()).byteLength;
    const tooLong = [];
    for (const place of await places()) {
      const url = server.url + place;
      const html = await (await fetch(url)).text();
      const files = [...html.matchAll(/<(?:link rel="(?:icon|stylesheet)" href|script[^>]* src|img src)="([^"]+)"/g)].map(([, name]) => new URL(name, url).href);
      assert.ok(files.length >= 3, `${files}`);
      let sum = new TextEncoder().encode(html).length;
      for (const file of new Set(files)) sum += await size(file);
      if (sum > 60 * 1024) tooLong.push(`${place}: ${sum}`);
    }
    assert.deepEqual(tooLong, []);
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
