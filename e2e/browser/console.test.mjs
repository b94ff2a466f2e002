// The console as an administrator uses it: in real browsers, with a passkey, by its labels and links.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { AxeBuilder } from '@axe-core/playwright';

import { launch, pageWithAuthenticator } from '../support/browser.mjs';
import { picture } from '../support/picture.mjs';
import { serve } from '../support/server.mjs';

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
  + "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";

// The pages of which there is a picture, and its name.
const pictured = {
  ceremony: 'ceremony', 'service-policy': 'policy', 'person-link': 'person', webhook: 'webhook', 'client-events': 'client-events', doctor: 'doctor',
};

// Calls of a back end, with the secret of the account.
function backEnd(server) {
  const authorization = `Basic ${Buffer.from(`${server.accountSid}:${server.authToken}`).toString('base64')}`;
  return async (path, body) => {
    const response = await fetch(new URL(path, server.url), {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  };
}

describe('the console', { timeout: 240_000 }, () => {
  let server; let browser; let page; let authenticator; let invite; let service;
  const problems = [];
  const seen = new Set();

  before(async () => {
    server = await serve((port) => ({
      PASSKEYD_PUBLIC_URL: `http://localhost:${port}`,
      PASSKEYD_WEBHOOKS__ALLOW_NETWORKS: '["127.0.0.1"]',
      PASSKEYD_CLIENT_EVENTS__ENABLED: 'true',
    }));
    server.url = server.url.replace('127.0.0.1', 'localhost');
    invite = await server.printed(/http:\S+\/console\/invite\/\S+/);
    browser = await launch();
    ({ page, authenticator } = await pageWithAuthenticator(browser.context));
    page.on('pageerror', (error) => problems.push(`${page.url()}: ${error}`));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) problems.push(`${page.url()}: ${message.text()}`);
    });
    page.on('response', (response) => {
      const type = response.headers()['content-type'] ?? '';
      if (!response.url().includes('/console/') || !type.startsWith('text/html')) return;
      if (response.headers()['content-security-policy'] !== POLICY) problems.push(`${response.url()} has another policy`);
    });
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  // What a page must be: readable by a screen reader, on a small screen, and in the dark.
  async function judge(name) {
    seen.add(name);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      assert.deepEqual(found, [], `${name}, ${colorScheme}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
    if (pictured[name]) await picture(page, pictured[name]);
    await page.setViewportSize({ width: 320, height: 640 });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 320, `${name} is ${width} pixels wide on a screen of 320`);
    await page.setViewportSize({ width: 1000, height: 700 });
  }

  const open = (path) => page.goto(`${server.url}/console${path}`);
  const heading = () => page.locator('h1').innerText();

  test('an invite makes an administrator with a passkey, once', async () => {
    await page.goto(invite);
    await judge('invite');
    await page.getByLabel('Your name').fill('Ada');
    await page.getByRole('button', { name: 'Create a passkey' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    assert.equal((await authenticator.credentials()).length, 1);
    await judge('overview');
    await page.goto(invite);
    assert.equal(await page.getByRole('button', { name: 'Create a passkey' }).count(), 0);
    await judge('invite-used');
  });

  test('signing out ends the session, and the passkey opens a new one', async () => {
    await open('/services');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in with a passkey' }).waitFor();
    await judge('sign-in');
    await open('/services');
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    assert.match(page.url(), /\/console\/services$/);
  });

  test('a wrong entry is named beside its field and changes nothing', async () => {
    await open('/services/new');
    await judge('service-new');
    await page.getByLabel('Name', { exact: true }).fill('Shop');
    await page.getByLabel('RP ID').fill('com');
    await page.getByLabel('Origins').fill('https://shop.example.com');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.locator('[aria-invalid=true]').first().waitFor();
    await judge('service-wrong');
    await open('/services');
    assert.equal(await page.getByRole('link', { name: 'Shop' }).count(), 0);
  });

  test('a Service is created and its people sign in and fail', async () => {
    await open('/services/new');
    await page.getByLabel('Name', { exact: true }).fill('Shop');
    await page.getByLabel('RP ID').fill('localhost');
    await page.getByLabel('Origins').fill(server.url);
    await page.getByLabel('Authenticators').selectOption('any');
    await page.getByLabel('Sign-in without a name').selectOption('preferred');
    await page.getByLabel('User verification').selectOption('preferred');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.locator('h1', { hasText: 'Shop' }).waitFor();
    [service] = /VA[0-9a-f]{32}/.exec(await page.content());
    await judge('service');

    // A page of the Service, in the same browser: the ceremonies of its user.
    const post = backEnd(server);
    const started = await post(`/v2/Services/${service}/Passkeys/Factors`, { friendly_name: 'Laptop', identity: 'bob-0001' });
    assert.equal(started.status, 201, JSON.stringify(started.body));
    const user = await browser.context.newPage();
    const devtools = await browser.context.newCDPSession(user);
    await devtools.send('WebAuthn.enable', { enableUI: false });
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await user.goto(`${server.url}/livez`);
    const created = await user.evaluate(async ({ publicKey }) => {
      const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
      return credential.toJSON();
    }, started.body.options);
    const verified = await post(`/v2/Services/${service}/Passkeys/VerifyFactor`, created);
    assert.equal(verified.status, 200, JSON.stringify(verified.body));
    const signIn = async (damage) => {
      const challenge = await post(`/v2/Services/${service}/Passkeys/Challenges`, { identity: 'bob-0001' });
      assert.equal(challenge.status, 201, JSON.stringify(challenge.body));
      const assertion = await user.evaluate(async ({ publicKey }) => {
        const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
        return credential.toJSON();
      }, challenge.body.options);
      damage(assertion);
      return post(`/v2/Services/${service}/Passkeys/ApproveChallenge`, assertion);
    };
    const approved = await signIn(() => {});
    assert.equal(approved.body.status, 'approved', JSON.stringify(approved.body));
    const refused = await signIn((assertion) => {
      const signature = Buffer.from(assertion.response.signature, 'base64url');
      signature[signature.length - 1] ^= 1;
      assertion.response.signature = signature.toString('base64url');
    });
    assert.ok(refused.status >= 400, JSON.stringify(refused.body));
    await user.close();
  });

  test('the refused sign-in is found, with its reason and how to fix it', async () => {
    await open(`/services/${service}`);
    await page.getByRole('link', { name: 'Events', exact: true }).first().click();
    await page.locator('main table').first().waitFor();
    await judge('events');
    assert.match(await page.locator('main').innerText(), /refused/i);
    await page.locator('main a[href*="/ceremonies/"], main a[href*="/attempts/"]').first().click();
    await page.locator('h1').waitFor();
    assert.match(await page.locator('main').innerText(), /signature[^]*1 refused\.[^]*Response received/i);
    await judge('ceremony');
  });

  test('a person is found, and the passkey revoked', async () => {
    await open(`/services/${service}`);
    await page.getByRole('link', { name: 'People' }).first().click();
    await judge('people');
    await page.locator('main input[type=search], main input[name=q], main form input:not([type=hidden])').first().fill('bob-0001');
    await page.keyboard.press('Enter');
    await page.getByText('Laptop').first().waitFor();
    await judge('person');
    await page.getByRole('button', { name: 'Make a link' }).click();
    const link = await page.getByLabel('Link', { exact: true }).inputValue();
    assert.ok(link.startsWith(`${server.url}/enroll/`), link);
    await judge('person-link');
    await page.getByText('Revoke', { exact: true }).first().click();
    await page.getByRole('button', { name: 'Revoke the passkey' }).click();
    await page.getByText('has no passkey and cannot sign in').waitFor();
    const post = backEnd(server);
    const challenge = await post(`/v2/Services/${service}/Passkeys/Challenges`, { identity: 'bob-0001' });
    assert.ok(challenge.status >= 400 || challenge.body.options.publicKey.allowCredentials.length === 0, JSON.stringify(challenge.body));
  });

  test('a webhook receives a test, and a delivery that failed is found and sent again', async () => {
    const received = [];
    let status = 503;
    const receiver = createServer((request, response) => {
      received.push(status);
      request.resume();
      response.writeHead(status).end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const authorization = `Basic ${Buffer.from(`${server.accountSid}:${server.authToken}`).toString('base64')}`;
    const created = await fetch(`${server.url}/v2/Services/${service}/Webhooks`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams({ FriendlyName: 'Shop back end', EventTypes: '*', WebhookUrl: `http://127.0.0.1:${receiver.address().port}/x` }),
    });
    assert.equal(created.status, 201, await created.text());
    const again = async (until) => {
      for (;;) {
        await page.reload();
        const text = await page.locator('main').innerText();
        if (until(text)) return text;
        await page.waitForTimeout(100);
      }
    };
    await open(`/services/${service}`);
    await page.getByRole('link', { name: 'Webhooks' }).first().click();
    await page.getByRole('link', { name: 'Shop back end' }).waitFor();
    await judge('webhooks');
    await page.getByRole('link', { name: 'Shop back end' }).click();
    await page.getByRole('button', { name: 'Send a test event' }).click();
    await page.getByText('A test event will be sent.').waitFor();
    await again((text) => /\b503\b/.test(text));
    await judge('webhook');
    await page.getByLabel('State').selectOption('delivered');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('There is no such delivery.').waitFor();
    await page.getByLabel('State').selectOption('waiting');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.locator('main td a').first().click();
    await page.getByRole('button', { name: 'Send it again' }).waitFor();
    assert.match(await page.locator('main').innerText(), /503\s+the receiver did not accept it/);
    status = 204;
    await page.getByRole('button', { name: 'Send it again' }).click();
    await page.getByText('It will be sent again.').waitFor();
    await again((text) => /204\s+accepted/.test(text));
    await judge('delivery');
    await page.getByRole('link', { name: 'Shop back end' }).click();
    await page.getByRole('link', { name: 'Secrets' }).click();
    const secret = await page.getByLabel('Secret, for the libraries of Standard Webhooks').inputValue();
    await page.getByText('Replace the secret').click();
    await page.getByRole('button', { name: 'Make a new secret' }).click();
    await page.getByText('Old secret').first().waitFor();
    await judge('webhook-secrets');
    assert.equal(await page.getByLabel('Old secret').inputValue(), secret);
    assert.deepEqual([received.at(0), received.at(-1)], [503, 204]);
    receiver.close();
  });

  test('client events show how far people come', async () => {
    await open('/client-events');
    assert.match(await page.locator('main').innerText(), /No event was reported/);
    await judge('client-events-none');
    const report = (events) => fetch(`${server.url}/_app/events`, {
      method: 'POST',
      headers: { origin: server.url, 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0' },
      body: JSON.stringify({ events: events.map(([operation, event]) => ({ operation, event })) }),
    });
    const signIns = ['offered', 'started', 'done', 'started', 'cancelled', 'started', 'rp_id', 'fallback'].map((event) => ['signIn', event]);
    assert.equal((await report([...signIns, ['register', 'started'], ['register', 'done']])).status, 204);
    await page.reload();
    const row = async (name) => (await page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) }).locator('td').allTextContents()).join('|');
    assert.equal(await row('signIn'), '1|3|1|33 %|1|1|1');
    assert.equal(await row('firefox'), '1|4|2|50 %|1|1|1');
    assert.equal(await row('linux'), '1|4|2|50 %|1|1|1');
    assert.equal(await page.getByRole('row').filter({ hasText: 'rp_id' }).locator('td').nth(1).textContent(), '1');
    await judge('client-events');
    await page.getByLabel('Operation').selectOption('register');
    await page.getByRole('button', { name: 'Show' }).click();
    assert.equal(await row('firefox'), '0|1|1|100 %|0|0|0');
    assert.equal(await page.getByRole('rowheader', { name: 'signIn' }).count(), 0);
  });

  test('every page of the menu and of a Service is clean', async () => {
    const pages = {
      administrators: '/administrators', explorer: '/explorer', models: '/metadata', 'models-in-use': '/metadata/in-use', health: '/health', account: '/you', services: '/services',
      'account-events': `/accounts/${server.accountSid}/events`,
    };
    for (const [name, path] of Object.entries(pages)) {
      const response = await open(path);
      assert.equal(response.status(), 200, path);
      await judge(name);
    }
    await open('/administrators');
    await page.locator('main tbody a').first().click();
    await page.getByRole('heading', { name: 'Passkeys' }).waitFor();
    await judge('administrator');
    await open(`/services/${service}`);
    const links = await page.locator('main nav a, main .tabs a').evaluateAll((all) => all.map((link) => link.href));
    for (const link of new Set(links)) {
      const response = await page.goto(link);
      assert.equal(response.status(), 200, link);
      await judge(`service-${new URL(link).pathname.split('/').at(-1)}`);
    }
    assert.ok(seen.size > 14, [...seen].join(' '));
  });

  test('the doctor examines the server, and people are found by the beginning of their names', async () => {
    await open('/health/doctor');
    await page.getByText('Nobody has examined this server since its start.').waitFor();
    await judge('doctor-none');
    await page.getByRole('button', { name: 'Examine now' }).click();
    await page.getByText('The examination has ended.').waitFor();
    assert.match(await page.locator('main').innerText(), /Problems: \d+\. Warnings: \d+\.[^]*clock/);
    await judge('doctor');
    await open(`/services/${service}/people?q=bob`);
    await page.getByText('Identities that begin like this: 1.').waitFor();
    await judge('people-found');
  });

  test('settings of the Authentication Cloud API are saved, or refused beside their field', async () => {
    await open(`/services/${service}/authentication-cloud`);
    await page.getByLabel('Most passkeys of one user').fill('51');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('This is not between 1 and 50.').waitFor();
    await judge('authentication-cloud-wrong');
    await page.getByLabel('Most passkeys of one user').fill('5');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    assert.equal(await page.getByLabel('Most passkeys of one user').inputValue(), '5');
  });

  test('a page that is not there says so, and no page had an error or broke the policy', async () => {
    const response = await open('/nowhere');
    assert.equal(response.status(), 404);
    assert.match(await heading(), /\S/);
    assert.deepEqual(problems, []);
  });
});
