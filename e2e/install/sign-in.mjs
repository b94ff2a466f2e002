// Registers a passkey and signs in with it at a passkeyd that has just started for the first time: over the API, and in Chromium on the page of an example.
// Standard input is what it printed.

import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';

import { examples } from '../examples/list.mjs';
import { startExample } from '../examples/start.mjs';
import { Authenticators, sources } from '../support/authenticators.mjs';
import { launch, pageWithAuthenticator } from '../support/browser.mjs';
import { clientFor, newService, register } from '../support/wire.mjs';

const [url] = process.argv.slice(2);
const printed = await text(process.stdin);
const accountSid = printed.match(/\bAC[0-9a-f]{32}\b/)?.[0];
const authToken = printed.match(/Auth Token:?\s+(\S+)/i)?.[1];
assert.ok(accountSid && authToken, `the first start prints an account and its token: ${printed}`);

const { v2 } = clientFor({ url, accountSid, authToken }).verify;
const authenticators = new Authenticators(sources.find(({ name }) => name === 'testkit'));
try {
  const service = await newService(v2);
  const user = await register(service, authenticators);
  const challenge = await service.newChallenge().create({ identity: user.identity });
  const credential = await authenticators.get(challenge.options, 'https://login.acme.test', { device: user.device });
  const approved = await service.approveChallenge.update(credential);
  assert.deepEqual([approved.status, approved.identity], ['approved', user.identity]);
} finally {
  await authenticators.close();
}

const site = await startExample(examples.find(({ name }) => name === 'express'), { url, accountSid, authToken });
const browser = await launch();
try {
  const { page } = await pageWithAuthenticator(browser.context);
  // The virtual authenticator would answer autofill at once.
  await page.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
  await page.goto(site.origin);
  await page.getByLabel('Name or e-mail address').fill('ada@acme.example');
  for (const [name, message] of [['Create an account', 'Welcome.'], ['Sign out', 'Signed out.'], ['Sign in without a name', 'Signed in.']]) {
    await page.getByRole('button', { name, exact: true }).click();
    await page.getByRole('status').filter({ hasText: message }).waitFor();
  }
} finally {
  await browser.close();
  await site.stop();
}
console.log(`signed in with a passkey at ${url}, over the API and on the page of an example`);
