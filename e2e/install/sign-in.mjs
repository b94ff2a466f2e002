// Registers a passkey and signs in with it at a passkeyd that has just started for the first time. Standard input is what it printed.

import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';

import { Authenticators, sources } from '../support/authenticators.mjs';
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
console.log(`signed in with a passkey at ${url}`);
