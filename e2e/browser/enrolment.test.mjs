// The page behind an enrolment link, as the person sees it who got the link: in Chromium and in Firefox.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Authenticators, sources } from '../support/authenticators.mjs';
import { launchChromium } from '../support/browser.mjs';
import { launchFirefox } from '../support/firefox.mjs';
import { serve } from '../support/server.mjs';
import { raw, rawJson } from '../support/wire.mjs';

for (const [name, launch] of [['Chromium', launchChromium], ['Firefox', launchFirefox]]) describe(`an enrolment link in ${name}`, { timeout: 240_000 }, () => {
  let server, browser, person, service, authenticators;
  before(async () => {
    server = await serve((port) => ({ PASSKEYD_PUBLIC_URL: `http://localhost:${port}` }));
    server.url = server.url.replace('127.0.0.1', 'localhost');
    const made = await raw(server, 'POST', '/v2/Services', {
      body: new URLSearchParams({
        FriendlyName: 'Acme', 'Passkeys.RelyingParty.Id': 'localhost', 'Passkeys.RelyingParty.Name': 'Acme shop', 'Passkeys.RelyingParty.Origins': server.url,
        'Passkeys.AuthenticatorAttachment': 'any', 'Passkeys.DiscoverableCredentials': 'preferred', 'Passkeys.UserVerification': 'required',
      }),
    });
    assert.equal(made.status, 201, made.text);
    service = made.json.sid;
    authenticators = new Authenticators(sources.find((source) => source.name === 'testkit'));
    browser = await launch();
    person = await browser.person();
  });
  after(async () => {
    await browser?.close();
    await authenticators?.close();
    await server?.stop();
  });

  let people = 0;
  // A link for a new user without a passkey.
  async function link() {
    people += 1;
    const identity = `ada-${String(people).padStart(8, '0')}`;
    const entity = await raw(server, 'POST', `/v2/Services/${service}/Entities`, { body: new URLSearchParams({ Identity: identity }) });
    assert.equal(entity.status, 201, entity.text);
    const links = `/manage/v1/services/${service}/users/${identity}/enrolment-links`;
    const made = await rawJson(server, links, { lifetime_seconds: 3600 });
    assert.equal(made.status, 201, made.text);
    return { identity, url: made.json.url, revoke: () => raw(server, 'DELETE', `${links}/${made.json.id}`) };
  }
  const judge = async () => assert.deepEqual(await person.faults(), [], await person.url());
  // What came of a sign-in of the user with the passkey of this browser.
  async function signIn(identity) {
    const challenge = await rawJson(server, `/v2/Services/${service}/Passkeys/Challenges`, { identity });
    assert.equal(challenge.status, 201, challenge.text);
    const assertion = await person.evaluate(async ({ publicKey }) => {
      const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
      return credential.toJSON();
    }, challenge.json.options);
    return (await rawJson(server, `/v2/Services/${service}/Passkeys/ApproveChallenge`, assertion)).json.status;
  }

  test('registers one passkey, with which the person signs in, and then says that it was used', async () => {
    const { identity, url } = await link();
    await person.goto(url);
    assert.match(await person.sees(/Add a passkey for Acme shop/), new RegExp(identity));
    await judge();
    await person.press('Create a passkey');
    await person.sees(/The passkey is registered/);
    assert.equal((await person.url()).includes(url.split('/').at(-1)), false);
    await judge();
    assert.deepEqual((await person.authenticator.credentials()).map(({ rpId }) => rpId), ['localhost']);
    assert.equal(await signIn(identity), 'approved');
    await person.goto(url);
    await person.sees(/This link was used/);
    await judge();
    assert.equal(await person.has('button', 'Create a passkey'), false);
  });

  test('says why when the device gives no passkey, and can be used again', async () => {
    const { identity, url } = await link();
    await person.goto(url);
    await person.authenticator.verifying(false);
    await person.press('Create a passkey');
    await person.sees(/The browser gave no passkey/);
    await judge();
    await person.authenticator.verifying(true);
    await person.press('Create a passkey');
    await person.sees(/The passkey is registered/);
    assert.equal(await signIn(identity), 'approved');
  });

  test('says on a page that is open already that another page has used it', async () => {
    const { url } = await link();
    await person.goto(url);
    const answer = await person.evaluate(async () => {
      const post = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
      const { publicKey } = await (await post(`${location.pathname}/options`, {})).json();
      const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
      return (await post(location.pathname, { credential: credential.toJSON() })).status;
    });
    assert.equal(answer, 200);
    await person.press('Create a passkey');
    await person.sees(/This link was used\. It works once\./);
  });

  test('of many responses at once it takes one, and says to all others that it was used', async () => {
    const { url } = await link();
    const credentials = await Promise.all(Array.from({ length: 15 }, async (_, number) => {
      const { json } = await rawJson(server, `${url}/options`, {});
      return authenticators.create(json, server.url, { device: `device ${number}` });
    }));
    const statuses = await Promise.all(credentials.map(async (credential) => (await rawJson(server, url, { credential })).status));
    assert.deepEqual(statuses.toSorted(), [200, ...Array(14).fill(410)]);
  });

  test('does nothing after it was revoked', async () => {
    const { url, revoke } = await link();
    await person.goto(url);
    assert.equal((await revoke()).status, 204);
    await person.press('Create a passkey');
    await person.sees(/This link is not valid/);
    await person.goto(url);
    await person.sees(/This link is not valid/);
    assert.equal(await person.has('button', 'Create a passkey'), false);
    await judge();
  });

  test('says where to open it when its page is opened under another name of the host', async () => {
    const { identity, url } = await link();
    await person.goto(url.replace('localhost', '127.0.0.1'));
    await person.press('Create a passkey');
    await person.sees(/Open this page at its configured address/);
    // It was not used up.
    await person.goto(url);
    await person.press('Create a passkey');
    await person.sees(/The passkey is registered/);
    assert.equal(await signIn(identity), 'approved');
  });

  test('had no error on the console of the browser', async () => {
    assert.deepEqual(await person.problems(), []);
  });
});
