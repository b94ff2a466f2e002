// Calls that passkeyd does not have, and callers without the right to call.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  clientFor, isError, newIdentity, newService, raw, rawJson, refused, start,
} from '../support/wire.mjs';

let context, service, sid, identity;
before(async () => {
  context = await start();
  service = await newService(context.verify);
  ({ sid } = await service.fetch());
  identity = newIdentity();
  await service.entities.create({ identity });
});
after(() => context?.stop());

const YC = `YC${'0'.repeat(32)}`;
const YF = `YF${'0'.repeat(32)}`;

test('push and TOTP factors are refused, and passkeys at this path too (60369)', async () => {
  const create = (more) => service.entities(identity).newFactors.create({ friendlyName: 'Phone', ...more });
  await refused(create({ factorType: 'push' }), 60369, 400);
  await refused(create({ factorType: 'totp', 'config.alg': 'sha1' }), 60369, 400);
  await refused(create({ factorType: 'passkeys' }), 60369, 400);
});

test('push and TOTP challenges are refused (60369)', async () => {
  await refused(service.entities(identity).challenges.create({ factorSid: YF, 'details.message': 'Login?' }), 60369, 400);
});

test('a challenge is not updated here (60306)', async () => {
  const challenge = await service.newChallenge().create({ identity });
  await refused(service.entities(identity).challenges(challenge.sid).update({ authPayload: '123456' }), 60306, 400);
  await refused(service.entities(identity).challenges(challenge.sid).update(), 60306, 400);
  assert.equal((await service.entities(identity).challenges(challenge.sid).fetch()).status, 'pending');
});

test('a notification is not sent again (20404)', async () => {
  await refused(service.entities(identity).challenges(YC).notifications.create(), 20404, 404);
});

test('access tokens are refused (60305) and never found (20404)', async () => {
  await refused(service.accessTokens.create({ identity, factorType: 'push' }), 60305, 400);
  await refused(service.accessTokens(`YK${'0'.repeat(32)}`).fetch(), 20404, 404);
});

test('bad credentials are refused (20003), with a challenge for Basic', async () => {
  const { server } = context;
  const wrongToken = clientFor(server, { authToken: 'wrong' });
  await refused(wrongToken.verify.v2.services(sid).fetch(), 20003, 401);
  await refused(wrongToken.verify.v2.services.create({ friendlyName: 'No' }), 20003, 401);
  const unknownAccount = clientFor(server, { accountSid: `AC${'f'.repeat(32)}` });
  await refused(unknownAccount.verify.v2.services(sid).fetch(), 20003, 401);

  const basic = (text) => `Basic ${Buffer.from(text).toString('base64')}`;
  const { accountSid, authToken } = server;
  for (const authorization of [null, 'Basic', 'Basic !!!', 'Bearer x', basic(accountSid), basic(`${accountSid}:`),
    basic(`:${authToken}`), basic(`${accountSid}:${authToken} `), `Basic ${'A'.repeat(10_000)}`]) {
    const answer = await raw(server, 'GET', `/v2/Services/${sid}`, { authorization });
    isError(answer, 401, 20003);
    assert.match(answer.headers.get('www-authenticate'), /^Basic realm=/);
  }
  isError(await rawWithout(server, 'POST', '/v2/Services/x/Passkeys/VerifyFactor', '{}'), 401, 20003);
});

const rawWithout = (server, method, path, body) =>
  raw(server, method, path, { authorization: null, headers: { 'content-type': 'application/json' }, body });

test('an unknown SID or path is not found (20404)', async () => {
  const { verify, server } = context;
  const unknown = verify.services(`VA${'0'.repeat(32)}`);
  await refused(unknown.fetch(), 20404, 404);
  await refused(unknown.update({ friendlyName: 'No' }), 20404, 404);
  await refused(unknown.entities(identity).fetch(), 20404, 404);
  await refused(unknown.newFactors.create({ friendly_name: 'Phone', identity }), 20404, 404);
  await refused(unknown.newChallenge().create({}), 20404, 404);
  await refused(unknown.webhooks(`YW${'0'.repeat(32)}`).fetch(), 20404, 404);
  await refused(service.entities(identity).factors(YF).fetch(), 20404, 404);
  await refused(service.entities(identity).challenges(YC).fetch(), 20404, 404);
  await refused(service.entities('nobody-is-here').fetch(), 20404, 404);
  for (const path of ['/v2', '/v2/Nonsense', `/v2/Services/${sid}/Nonsense`, `/v2/services/${sid}`]) {
    isError(await raw(server, 'GET', path), 404, 20404);
  }
});

test('PUT and PATCH are not allowed (20004)', async () => {
  for (const method of ['PUT', 'PATCH']) {
    for (const path of ['/v2/Services', `/v2/Services/${sid}`, `/v2/Services/${sid}/Entities/${identity}`,
      `/v2/Services/${sid}/Passkeys/VerifyFactor`]) {
      isError(await raw(context.server, method, path, { body: 'x=y' }), 405, 20004);
    }
  }
});

test('features that passkeyd does not have are not found (20404)', async () => {
  for (const path of [`/v2/Services/${sid}/Verifications`, `/v2/Services/${sid}/VerificationCheck`,
    `/v2/Services/${sid}/RateLimits`, `/v2/Services/${sid}/MessagingConfigurations`, '/v2/Templates', '/v2/Attempts',
    '/v2/Forms/forms-push', '/v2/SafeList/Numbers']) {
    isError(await raw(context.server, 'GET', path), 404, 20404);
  }
});

test('bodies that are too large, not JSON, not an object, not UTF-8, too deep or ambiguous are refused', async () => {
  const { server } = context;
  const path = `/v2/Services/${sid}/Passkeys/VerifyFactor`;
  isError(await rawJson(server, path, `{"id":"${'A'.repeat(1 << 20)}"}`), 413, 20413);
  for (const body of ['', 'no', '{', '[[]]', '7', 'null', '"x"', '{} {}', '{"id":"a","id":"b"}', `${'['.repeat(5000)}`,
    `{"response":${'{"a":'.repeat(500)}1${'}'.repeat(501)}`]) {
    isError(await rawJson(server, path, body), 400, 60306);
  }
  const notUtf8 = Buffer.from('7b226964223a22ff227d', 'hex');
  isError(await raw(server, 'POST', path, { headers: { 'content-type': 'application/json' }, body: notUtf8 }), 400, 60306);
  isError(await raw(server, 'POST', path, { headers: { 'content-type': 'text/plain' }, body: '{}' }), 400, 60306);
});

test('each error page that `more_info` names is there', async () => {
  const error = await refused(service.entities.create({ identity: 'x' }), 60306, 400);
  const page = await fetch(error.moreInfo);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  assert.match(await page.text(), /60306/);
});
