// The browser client behind nginx with TLS and a path prefix. The client has no setting for either.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { launchClientBrowser } from '../support/browser.mjs';
import { servePage } from '../support/client-page.mjs';
import { BackEnd } from '../support/nevis.mjs';
import { certificate, startNginx } from '../support/nginx.mjs';
import { freePort } from '../support/server.mjs';
import { success } from './nevis-client.mjs';

const prefix = '/login/pk';

describe('the browser client behind nginx with TLS and a path prefix', () => {
  let made, proxy, backEnd, site, browser, origin;
  before(async () => {
    made = await certificate();
    const port = await freePort();
    origin = `https://localhost:${port}`;
    backEnd = await BackEnd.start({ PASSKEYD_PUBLIC_URL: `${origin}${prefix}` });
    site = await servePage(`${origin}${prefix}`);
    proxy = await startNginx(made, { port, prefix, passkeyd: backEnd.url, others: site.at('127.0.0.1').replace(/\/$/, '') });
    await backEnd.useRelyingParty('localhost', [origin, new URL(site.url).origin]);
    browser = await launchClientBrowser(`--ignore-certificate-errors-spki-list=${made.trusted}`);
  });
  after(async () => {
    await browser?.close();
    await proxy?.stop();
    await site?.close();
    await backEnd?.stop();
    await made?.remove();
  });

  for (const [where, url] of [['of its own origin', () => `${origin}/`], ['of another origin', () => site.url]]) {
    test(`a page ${where} registers a passkey and signs in with it`, async () => {
      const username = `ada-${randomBytes(6).toString('hex')}`;
      const page = await browser.open(url());
      try {
        const { enrollment, userId } = await backEnd.enroll(username);
        const registered = await page.evaluate((input) => nevis.auth.fido2.register(input), enrollment);
        assert.deepEqual(registered, success('success-registration', registered.token));
        assert.equal((await backEnd.introspect(registered.token)).sub, userId);

        const approval = await backEnd.approve();
        const signedIn = await page.evaluate((input) => nevis.auth.fido2.authenticate(input), approval);
        assert.deepEqual(signedIn, success('success-authentication', signedIn.token));
        const claims = await backEnd.introspect(signedIn.token);
        assert.deepEqual([claims.active, claims.sub, claims.txn], [true, userId, approval.transactionId]);
        // The issuer is the address that clients know.
        assert.equal(claims.iss, `${origin}${prefix}`);
      } finally {
        await page.close();
      }
    });
  }

  test('the wrong server is named', async () => {
    const page = await browser.open(`${origin}/`);
    try {
      const { enrollment } = await backEnd.enroll('wrong-host');
      // An address that the page's policy allows, and at which there is no passkeyd.
      const host = `${origin}${prefix}/_app`;
      const { code, message, likely } = await page.evaluate((input) => nevis.auth.fido2.register(input), { ...enrollment, host });
      assert.deepEqual([code.statusCode, message.slice(0, 8)], ['error-1002', 'HTTP 404']);
      assert.equal(likely, `No passkeyd answers at ${host}/_app/attestation/result: is \`host\` right?`);
    } finally {
      await page.close();
    }
  });

  test('the HTML pages are found below the prefix', async () => {
    const { page, close } = await browser.open(`${origin}${prefix}/`);
    try {
      await page.click('main a[href="docs/errors"]');
      assert.equal(page.url(), `${origin}${prefix}/docs/errors`);
      for (const [path, target] of [['/docs', '/docs/errors'], ['/docs/', '/docs/errors'], ['/docs/errors/60378/', '/docs/errors/60378']]) {
        const answer = await page.goto(`${origin}${prefix}${path}`);
        assert.deepEqual([answer.status(), page.url()], [200, `${origin}${prefix}${target}`]);
      }
    } finally {
      await close();
    }
  });
});
