// The examples of these documents, in the order of the page, against the binary. passkeyd must respond as the page shows.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Authenticators, sources } from '../support/authenticators.mjs';
import { examples, Page } from '../support/examples.mjs';
import { serve } from '../support/server.mjs';

const ORIGIN = 'https://shop.example.com';
const source = sources.find(({ name }) => name === 'testkit');

const basic = ({ accountSid, authToken }) => `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;

async function created(server, path, body, type) {
  const answer = await fetch(new URL(path, server.url), {
    method: 'POST', headers: { authorization: basic(server), ...(type && { 'content-type': type }) }, body,
  });
  const text = await answer.text();
  assert.equal(answer.status, 201, text);
  return JSON.parse(text);
}

// The setup that the guide of the Authentication Cloud API makes with curl.
async function accessKey(server) {
  const service = await created(server, '/v2/Services', new URLSearchParams({
    FriendlyName: 'Shop',
    'Passkeys.RelyingParty.Id': 'example.com',
    'Passkeys.RelyingParty.Name': 'Shop',
    'Passkeys.RelyingParty.Origins': ORIGIN,
    'Passkeys.AuthenticatorAttachment': 'any',
    'Passkeys.DiscoverableCredentials': 'preferred',
    'Passkeys.UserVerification': 'preferred',
  }));
  const { key } = await created(server, `/manage/v1/services/${service.sid}/access-keys`, '{"name":"shop"}', 'application/json');
  return { $ACCESS_KEY: key };
}
const account = ({ accountSid, authToken }) => ({ $ACCOUNT_SID: accountSid, $AUTH_TOKEN: authToken });

const login = 'https://login.example.com';
for (const [document, given, least, origin, environment] of [
  ['docs/nevis.md', accessKey, 17, ORIGIN],
  ['docs/twilio.md', account, 11, ORIGIN],
  ['docs/fido.md', account, 5, login, { PASSKEYD_FIDO__BINDING: 'true' }],
]) {
  describe(`the examples of ${document}`, async () => {
    const pairs = await examples(document);
    let server, authenticator, page, options;
    const answers = [];
    before(async () => {
      server = await serve({ PASSKEYD_PUBLIC_URL: login, ...environment });
      authenticator = new Authenticators(source);
      page = new Page(server.url, await given(server), async (creates, again) => {
        // A page that shows one credential twice sends it twice.
        const same = answers.find(({ shown }) => shown === JSON.stringify(again.response));
        if (same) return same.real;
        const real = await authenticator[creates ? 'create' : 'get']({ publicKey: options }, origin, { device: 'phone' });
        answers.push({ shown: JSON.stringify(again.response), real });
        return real;
      });
    });
    after(async () => {
      await authenticator?.close();
      await server?.stop();
    });

    test('there are so many as there were', () => assert.ok(pairs.length >= least && pairs.every(({ response }) => response), `${pairs.length}`));

    for (const { request, response } of pairs) {
      test(`${request.first} is as shown`, async () => {
        const answer = await page.send(request);
        const text = await answer.text();
        page.compare(response, answer, text);
        if (!answer.headers.get('content-type')?.startsWith('application/json')) return;
        const reply = JSON.parse(text);
        options = reply.enrollment?.credentialCreationOptions ?? reply.credentialRequestOptions ?? reply.options?.publicKey ?? (reply.challenge ? reply : options);
      });
    }
  });
}
