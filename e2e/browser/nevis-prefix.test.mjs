// The browser client, and back ends with the official SDKs of Twilio, behind a proxy with TLS and a path prefix. No client has a setting for either. The certificate
// comes from an authority made for this run. Each client is configured to trust it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { servePage } from '../support/client-page.mjs';
import { launchFirefox } from '../support/firefox.mjs';
import { BackEnd } from '../support/nevis.mjs';
import { certificate, startCaddy, startHaproxy, startNginx } from '../support/nginx.mjs';
import { python, repository } from '../support/paths.mjs';
import { freePort } from '../support/server.mjs';
import { success } from './nevis-client.mjs';

const prefix = '/login/pk';

// A response below the prefix, to the account of the back end.
async function fetched(url, { server: { accountSid, authToken } }, { authority }) {
  const ca = await readFile(authority);
  const call = request(url, { ca, auth: `${accountSid}:${authToken}` }).end();
  const [response] = await once(call, 'response');
  const text = (await response.setEncoding('utf8').toArray()).join('');
  const json = response.headers['content-type']?.startsWith('application/json');
  return { status: response.statusCode, body: json ? JSON.parse(text) : text };
}

for (const [name, start] of [['nginx', startNginx], ['HAProxy', startHaproxy], ['Caddy', startCaddy]]) describe(`the browser client behind ${name} with TLS and a path prefix`, () => {
  let made, proxy, backEnd, site, browser, origin;
  before(async () => {
    made = await certificate();
    const port = await freePort();
    origin = `https://localhost:${port}`;
    backEnd = await BackEnd.start({ PASSKEYD_PUBLIC_URL: `${origin}${prefix}` });
    site = await servePage(`${origin}${prefix}`);
    proxy = await start(made, { port, prefix, passkeyd: backEnd.url, others: site.at('127.0.0.1').replace(/\/$/, '') });
    await backEnd.useRelyingParty('localhost', [origin, new URL(site.url).origin]);
    browser = await launchFirefox({ authority: made.authority });
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

  test('a back end reaches the Twilio API below the prefix, and its pages of lists', async () => {
    const get = (path) => fetched(`${origin}${prefix}${path}`, backEnd, made);
    const first = await get('/v2/Services?PageSize=1');
    assert.equal(first.status, 200);
    assert.ok(first.body.meta.url.startsWith(`${origin}${prefix}/v2/Services`), first.body.meta.url);
    // A proxy that removes the prefix twice, or not at all, gives 404.
    assert.equal((await get('/v2/Nothing')).status, 404);
    assert.equal((await get('/readyz')).status, 200);
  });

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
    const person = await browser.person();
    await person.goto(`${origin}${prefix}/`);
    await person.follow('all error codes');
    await person.sees(/60378/);
    assert.equal(await person.url(), `${origin}${prefix}/docs/errors`);
    for (const [path, target] of [['/docs', '/docs/'], ['/docs/migrate/', '/docs/migrate'], ['/docs/errors/60378/', '/docs/errors/60378']]) {
      await person.goto(`${origin}${prefix}${path}`);
      assert.equal(await person.url(), `${origin}${prefix}${target}`);
      assert.equal(await person.evaluate(() => performance.getEntriesByType('navigation')[0].responseStatus), 200);
    }
  });

  test('a client that was not told of the authority does not connect', async () => {
    await assert.rejects(fetch(`${origin}${prefix}/readyz`), ({ cause }) => cause.code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  // The suites of the SDKs, against this address.
  const suites = {
    'twilio-node': [process.execPath, ['--test', ...['registration', 'authentication', 'entities', 'services'].map((name) => `twilio-node/${name}.test.mjs`)]],
    'twilio-python': [python, ['-m', 'pytest', '-q', ...['registration', 'authentication', 'entities', 'services'].map((name) => `twilio-python/test_${name}.py`)]],
  };
  for (const [sdk, [program, args]] of Object.entries(suites)) {
    test(`${sdk} registers passkeys, signs in and manages Services`, async () => {
      const { NODE_TEST_CONTEXT, ...environment } = process.env;
      Object.assign(environment, { E2E_PASSKEYD_URL: `${origin}${prefix}`, NODE_EXTRA_CA_CERTS: made.authority, REQUESTS_CA_BUNDLE: made.authority });
      const { stdout } = await promisify(execFile)(program, args, { cwd: join(repository, 'e2e'), env: environment }).catch((error) => {
        throw new Error(`${error.stdout}${error.stderr}`);
      });
      const [, passed] = /^[^a-z\n]*pass (\d+)$/m.exec(stdout) ?? /(\d+) passed/.exec(stdout);
      assert.ok(passed > 20, stdout);
    });
  }
});
