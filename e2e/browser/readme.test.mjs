// The code of the README: the two blocks for Node as the back end, and the block for the page in Chromium. Only the addresses are changed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { launch, pageWithAuthenticator } from '../support/browser.mjs';
import { repository } from '../support/paths.mjs';
import { blocks, replaced } from '../support/readme.mjs';
import { serve } from '../support/server.mjs';

describe("README's code", () => {
  let passkeyd, folder, backEnd, site, browser, page;
  const person = { identity: 'user-0001', account: 'ada@acme.example' };

  before(async () => {
    passkeyd = await serve();
    // A folder in which Node finds `twilio`.
    folder = await mkdtemp(join(repository, 'e2e', '.readme-'));
    Object.assign(process.env, { ACCOUNT_SID: passkeyd.accountSid, AUTH_TOKEN: passkeyd.authToken });
    const [pageCode] = await blocks('README.md', 'The page', 'js');
    site = await serveSite(pageCode);
    const [once, always] = (await blocks('README.md', 'Node', 'js')).map((text) => replaced(text, 'http://127.0.0.1:8080', passkeyd.url));
    const printed = [];
    const { log } = console;
    console.log = (line) => printed.push(line);
    try {
      await run('once.mjs', replaced(once, 'http://localhost:3000', site.origin));
    } finally {
      console.log = log;
    }
    [process.env.SERVICE_SID] = printed;
    backEnd = await run('back-end.mjs', always);
    browser = await launch();
    ({ page } = await pageWithAuthenticator(browser.context));
    await page.goto(site.origin);
  });
  after(async () => {
    await browser?.close();
    await site?.close();
    await passkeyd?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  async function run(name, code) {
    await writeFile(join(folder, name), code);
    return import(pathToFileURL(join(folder, name)));
  }

  // The page, and its four routes.
  async function serveSite(code) {
    // What a session keeps.
    let pending;
    const begun = ({ ceremony, options }) => {
      pending = ceremony;
      return options;
    };
    const routes = {
      '/register/start': async () => begun(await backEnd.startRegistration(person.identity, person.account)),
      '/register/finish': (body) => backEnd.finishRegistration(body, pending),
      '/sign-in/start': async () => begun(await backEnd.startSignIn()),
      '/sign-in/finish': (body) => backEnd.finishSignIn(body, pending),
      '/another/finish': (body) => backEnd.finishSignIn(body, 'YC00000000000000000000000000000000'),
    };
    const server = createServer(async (request, response) => {
      const route = request.method === 'POST' && routes[request.url];
      if (!route) {
        response.setHeader('content-type', 'text/html');
        response.end(`<!doctype html><title>README</title><script>${code}</script>`);
        return;
      }
      let text = '';
      for await (const chunk of request.setEncoding('utf8')) text += chunk;
      try {
        const result = await route(JSON.parse(text));
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(result));
      } catch (error) {
        response.writeHead(400).end(`${error.message} ${JSON.stringify(error.details ?? {})}`);
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      origin: `http://localhost:${server.address().port}`,
      async close() {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      },
    };
  }

  test('registers a passkey and signs in with it', async () => {
    assert.equal(await page.evaluate(() => register()), 'user-0001');
    assert.equal(await page.evaluate(() => signIn()), 'user-0001');
  });

  test('signs in a named user as well', async () => {
    const { options } = await backEnd.startSignIn('user-0001');
    assert.equal(options.allowCredentials.length, 1);
  });

  test('refuses a credential of a sign-in that the session did not start', async () => {
    const refused = await page.evaluate(async () => {
      const options = await post('/sign-in/start');
      const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      return post('/another/finish', credential.toJSON()).then(() => 'accepted', (error) => error.message);
    });
    assert.match(refused, /a credential of another ceremony/);
  });

  test('shows the account, not the device, in the account chooser', async () => {
    const { options: { user } } = await backEnd.startRegistration('user-0003', 'eve@acme.example');
    assert.deepEqual([user.name, user.displayName], ['eve@acme.example', 'eve@acme.example']);
  });
});
