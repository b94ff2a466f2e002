// The first day of an administrator, in Chromium and in Firefox, from the invite to a webhook that arrives. The users are on the page of the demo.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { launchChromium } from '../support/browser.mjs';
import { launchFirefox } from '../support/firefox.mjs';
import { demo } from '../support/server.mjs';

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
  + "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";

// A receiver of webhooks on this machine, and what came.
async function receiver() {
  const received = [];
  const server = createServer(async (request, response) => {
    const text = (await request.setEncoding('utf8').toArray()).join('');
    received.push({ headers: request.headers, body: text });
    response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { received, url: `http://127.0.0.1:${server.address().port}/hook`, close: () => server.close() };
}

for (const [name, launch] of [['Chromium', launchChromium], ['Firefox', launchFirefox]]) describe(`an administrator in ${name}`, { timeout: 300_000 }, () => {
  let server, browser, person, hooks, service, invite;
  before(async () => {
    server = await demo();
    invite = await server.printed(/http:\S+\/console\/invite\/\S+/);
    hooks = await receiver();
    browser = await launch();
    person = await browser.person();
  });
  after(async () => {
    await browser?.close();
    hooks?.close();
    await server?.stop();
  });

  // The page has the policy of the console, and nothing is wrong with it.
  async function judge() {
    const policy = await person.evaluate(async () => (await fetch(location.href)).headers.get('content-security-policy'));
    assert.equal(policy, POLICY);
    assert.deepEqual(await person.faults(), [], await person.url());
  }
  const console = (path) => person.goto(`${server.url}/console${path}`);
  // On the page of the demo the sensor is touched only while a button waits for it: autofill asks too.
  async function onDemo(button, pattern) {
    await person.authenticator.touching(true);
    await person.press(button);
    await person.sees(pattern);
    await person.authenticator.touching(false);
  }

  test('comes in by the invite, which works once', async () => {
    await person.goto(invite);
    await judge();
    await person.fill('Your name', 'Ada');
    await person.press('Create a passkey');
    await person.sees(/Sign out/);
    assert.equal((await person.authenticator.credentials()).length, 1);
    await person.goto(invite);
    await person.sees(/does not work/);
    assert.equal(await person.has('button', 'Create a passkey'), false);
  });

  test('signs in with the passkey', async () => {
    await console('/');
    await person.press('Sign out');
    await person.sees(/Sign in/);
    await judge();
    await person.press('Sign in with a passkey');
    await person.sees(/Sign-ins/);
    await judge();
  });

  test('sees the samples of the demo: people, sign-ins and refusals of the last days', async () => {
    await console('/?range=week');
    await person.sees(/origin_not_allowed/);
    await judge();
    await person.picture('overview');
    await person.follow('Services');
    await person.follow('Sample shop (made-up people)');
    await judge();
    await person.follow('People');
    await person.sees(/sample-ada/);
    await person.follow('Events');
    await person.choose('Show', 'Refusals');
    await person.arrives(/show=refused/);
    await person.sees(/Sign-in refused[^]*origin_not_allowed/);
    await judge();
  });

  test('creates a Service', async () => {
    await person.follow('Services');
    await person.follow('New Service');
    await person.fill('Name', 'Shop');
    await person.fill('RP ID', 'localhost');
    await person.fill('Origins', server.url);
    await person.press('Create');
    await person.sees(/Shop[^]*VA[0-9a-f]{32}/);
    await judge();
    await person.follow('Services');
    await person.sees(/Shop/);
  });

  test('makes an API key, with which a back end orders a webhook', async () => {
    await person.follow('passkeyd demo');
    [service] = /VA[0-9a-f]{32}/.exec(await person.sees(/VA[0-9a-f]{32}/));
    await person.follow('Services');
    await person.follow('API keys of this account');
    await person.fill('Name', 'Back end');
    await person.press('Create');
    const [key] = /SK[0-9a-f]{32}/.exec(await person.sees(/SK[0-9a-f]{32} was created/));
    const secret = await person.value('Secret');
    await judge();
    const created = await fetch(`${server.url}/v2/Services/${service}/Webhooks`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ FriendlyName: 'Receiver', EventTypes: '*', WebhookUrl: hooks.url }),
    });
    assert.equal(created.status, 201, await created.text());
  });

  test('a user registers and signs in on the page of the demo, and one sign-in is broken', async () => {
    await person.authenticator.touching(false);
    await person.goto(server.url);
    await person.fill('Your name', 'Bob');
    await onDemo('Register a passkey', /Registered/);
    await person.press('Sign out');
    await person.sees(/Signed out/);
    await person.fill('Your name', 'Bob');
    await onDemo('Sign in', /Signed in as Bob/);
    await onDemo('Tampered signature', /60324/);
    await person.authenticator.touching(true);
  });

  test('finds the refused sign-in, and reads which step failed and why', async () => {
    await console(`/services/${service}`);
    await person.follow('Events');
    await person.choose('Show', 'Refusals');
    await person.arrives(/show=refused/);
    await person.sees(/Sign-in refused[^]*signature_invalid/);
    await judge();
    await person.follow('Sign-in refused');
    const text = await person.sees(/Likely cause[^]*How to fix it/);
    // The step of the specification, what was checked, and the response decoded.
    assert.match(text, /Refused: signature_invalid/);
    assert.match(text, /\d+ passed, \d+ skipped, 1 refused\./);
    assert.match(text, /refused\s+7\.2 step \d+\s+[^\n]*signature/);
    assert.match(text, /Authenticator data/);
    assert.ok(text.includes(server.url), text);
    await judge();
  });

  test('revokes the passkey, and the page of the user says that there is none', async () => {
    // The back end of the demo gives each name an identity.
    const [identity] = /demo-[0-9a-f]{32}/.exec(await person.sees(/Person\s+demo-/));
    await person.follow(identity);
    await person.sees(/What happened in the last 7 days[^]*Sign-in refused/);
    await judge();
    await person.unfold('Revoke');
    await person.press('Revoke the passkey');
    await person.sees(/Revoked\.[^]*has no passkey and cannot sign in/);
    await judge();
    await person.authenticator.touching(false);
    await person.goto(server.url);
    await person.sees(/Bob has no passkey any more\./);
    await person.authenticator.touching(true);
  });

  test('sees that the webhook received an event for each step', async () => {
    await console(`/services/${service}`);
    await person.follow('Webhooks');
    await person.follow('Receiver');
    await person.seesLater(/factor\.deleted[^]*delivered[^]*204/);
    await judge();
    const told = hooks.received.map(({ body }) => new URLSearchParams(body).get('type'));
    for (const type of ['factor.created', 'factor.verified', 'challenge.approved', 'challenge.denied', 'factor.deleted']) assert.ok(told.includes(type), `${type}: ${told}`);
  });

  test('had no error on the console of the browser', async () => {
    assert.deepEqual(await person.problems(), []);
  });
});
