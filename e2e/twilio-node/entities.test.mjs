// Entities, and the factors and challenges below them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Authenticators, sources } from '../support/authenticators.mjs';
import {
  answerChallenge, isRecent, newIdentity, newService, ORIGIN, raw, refused, register, start, startRegistration,
} from '../support/wire.mjs';

let context, service, authenticators;
before(async () => {
  context = await start();
  service = await newService(context.verify);
  authenticators = new Authenticators(sources.find(({ name }) => name === 'testkit'));
});
after(async () => {
  await authenticators?.close();
  await context?.stop();
});

const serviceSid = async () => (await service.fetch()).sid;

test('an entity is created, fetched and found again by its first factor', async () => {
  const identity = newIdentity();
  const { body: entity, statusCode } = await service.entities.createWithHttpInfo({ identity });
  assert.equal(statusCode, 201);
  assert.match(entity.sid, /^YE[0-9a-f]{32}$/);
  assert.equal(entity.identity, identity);
  assert.equal(entity.accountSid, context.server.accountSid);
  isRecent(entity.dateCreated);
  const url = `${context.server.url}/v2/Services/${entity.serviceSid}/Entities/${identity}`;
  assert.equal(entity.url, url);
  assert.deepEqual(entity.links, { factors: `${url}/Factors`, new_factors: `${url}/Factors`, challenges: `${url}/Challenges` });
  assert.deepEqual((await service.entities(identity).fetch()).toJSON(), entity.toJSON());
  assert.equal((await startRegistration(service, identity)).entitySid, entity.sid);
});

test('an entity that exists is not created again (60301)', async () => {
  const identity = newIdentity();
  await service.entities.create({ identity });
  await refused(service.entities.create({ identity }), 60301, 409);
});

test('an identity against the rules is refused (60306)', async () => {
  for (const identity of ['short', 'a'.repeat(65), 'some_body_here', 'user@example.com', 'näme-with-umlaut']) {
    await refused(service.entities.create({ identity }), 60306, 400);
  }
});

test('identities are case-sensitive', async () => {
  const identity = newIdentity();
  await service.entities.create({ identity });
  await refused(service.entities(identity.toUpperCase()).fetch(), 20404, 404);
});

test('entities are listed over two pages, oldest first', async () => {
  const own = await newService(context.verify);
  const identities = Array.from({ length: 5 }, newIdentity);
  for (const identity of identities) await own.entities.create({ identity });
  assert.deepEqual((await own.entities.list({ pageSize: 2 })).map(({ identity }) => identity), identities);
  assert.deepEqual((await own.entities.list({ limit: 3, pageSize: 2 })).map(({ identity }) => identity), identities.slice(0, 3));
  assert.deepEqual((await own.entities.list()).length, 5);
  assert.deepEqual(await (await newService(context.verify)).entities.list(), []);
});

test('a removed entity is gone with its factors and challenges', async () => {
  const user = await register(service, authenticators);
  const { challenge } = await answerChallenge(service, authenticators, user);
  const { statusCode, body } = await service.entities(user.identity).removeWithHttpInfo();
  assert.deepEqual([statusCode, body], [204, true]);
  await refused(service.entities(user.identity).fetch(), 20404, 404);
  await refused(service.entities(user.identity).factors(user.factor.sid).fetch(), 20404, 404);
  await refused(service.entities(user.identity).challenges(challenge.sid).fetch(), 20404, 404);
  await refused(service.entities(user.identity).remove(), 20404, 404);
  await refused(service.newChallenge().create({ identity: user.identity }), 60392, 404);
});

test('a factor is fetched with the documented members and no others', async () => {
  const user = await register(service, authenticators);
  const factor = await service.entities(user.identity).factors(user.factor.sid).fetch();
  assert.equal(factor.status, 'verified');
  assert.equal(factor.friendlyName, 'Phone');
  const { status, json } = await raw(context.server, 'GET',
    `/v2/Services/${factor.serviceSid}/Entities/${user.identity}/Factors/${factor.sid}`);
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(json).sort(), ['account_sid', 'config', 'date_created', 'date_updated', 'entity_sid',
    'factor_type', 'friendly_name', 'identity', 'metadata', 'service_sid', 'sid', 'status', 'url']);
});

test('factors are listed over two pages, oldest first', async () => {
  const identity = newIdentity();
  const sids = [];
  for (let number = 0; number < 5; number += 1) {
    const { factor } = await register(service, authenticators, { identity, device: `${identity} ${number}`, friendly_name: `Key ${number}` });
    sids.push(factor.sid);
  }
  const entity = service.entities(identity);
  assert.deepEqual((await entity.factors.list({ pageSize: 2 })).map(({ sid }) => sid), sids);
  assert.deepEqual((await entity.factors.list({ limit: 3, pageSize: 2 })).map(({ sid }) => sid), sids.slice(0, 3));

  const seen = [];
  let page = await entity.factors.page({ pageSize: 2 });
  while (page) {
    seen.push(page.instances.length);
    page = await page.nextPage();
  }
  assert.deepEqual(seen, [2, 2, 1]);
});

test('a factor is renamed, and other parameters are ignored', async () => {
  const user = await register(service, authenticators);
  const factor = service.entities(user.identity).factors(user.factor.sid);
  const { body: renamed, statusCode } = await factor.updateWithHttpInfo({ friendlyName: 'Ünïcode key 🔑', 'config.timeStep': 30 });
  assert.equal(statusCode, 200);
  assert.equal(renamed.friendlyName, 'Ünïcode key 🔑');
  assert.equal(renamed.status, 'verified');
  assert.equal((await factor.fetch()).friendlyName, 'Ünïcode key 🔑');
  assert.equal((await factor.update()).friendlyName, 'Ünïcode key 🔑');
  await refused(factor.update({ friendlyName: 'x'.repeat(65) }), 60306, 400);
  await refused(factor.update({ authPayload: '123456' }), 60306, 400);
});

test('a removed factor is gone, and its passkey may be registered anew', async () => {
  const user = await register(service, authenticators);
  const factor = service.entities(user.identity).factors(user.factor.sid);
  const { statusCode, body } = await factor.removeWithHttpInfo();
  assert.deepEqual([statusCode, body], [204, true]);
  await refused(factor.fetch(), 20404, 404);
  await refused(factor.remove(), 20404, 404);
  assert.deepEqual(await service.entities(user.identity).factors.list(), []);
  assert.equal((await service.entities(user.identity).fetch()).identity, user.identity);
  const lies = { attested_credential_id: user.credential.id, id: user.credential.id, raw_id: user.credential.id };
  assert.equal((await register(service, authenticators, { identity: user.identity, lies })).factor.status, 'verified');
});

test("a factor is not found below another user, nor in another service", async () => {
  const [alice, bob] = [await register(service, authenticators), await register(service, authenticators)];
  await refused(service.entities(alice.identity).factors(bob.factor.sid).fetch(), 20404, 404);
  await refused(service.entities(alice.identity).factors(bob.factor.sid).remove(), 20404, 404);
  const other = await newService(context.verify);
  await refused(other.entities(bob.identity).factors(bob.factor.sid).fetch(), 20404, 404);
  assert.equal((await service.entities(bob.identity).factors(bob.factor.sid).fetch()).status, 'verified');
});

test('a challenge is fetched without options', async () => {
  const user = await register(service, authenticators);
  const { challenge, credential } = await answerChallenge(service, authenticators, user);
  const pending = await service.entities(user.identity).challenges(challenge.sid).fetch();
  assert.equal(pending.status, 'pending');
  assert.equal(pending.dateResponded, null);
  await service.approveChallenge.update(credential);
  const approved = await service.entities(user.identity).challenges(challenge.sid).fetch();
  assert.equal(approved.status, 'approved');
  assert.equal(approved.factorSid, user.factor.sid);
  isRecent(approved.dateResponded);
  const { json } = await raw(context.server, 'GET',
    `/v2/Services/${await serviceSid()}/Entities/${user.identity}/Challenges/${challenge.sid}`);
  assert.equal('options' in json, false);
});

test('a discoverable challenge belongs to its user once it is approved', async () => {
  const user = await register(service, authenticators);
  const challenge = await service.newChallenge().create({});
  await refused(service.entities(user.identity).challenges(challenge.sid).fetch(), 20404, 404);
  await service.approveChallenge.update(await authenticators.get(challenge.options, ORIGIN, { device: user.device }));
  assert.equal((await service.entities(user.identity).challenges(challenge.sid).fetch()).status, 'approved');
});

test('challenges are listed over two pages, filtered and in either order', async () => {
  const identity = newIdentity();
  const one = await register(service, authenticators, { identity, device: `${identity} one` });
  const two = await register(service, authenticators, { identity, device: `${identity} two` });
  const sids = [];
  for (const user of [one, two, one, two, one]) {
    const { challenge, credential } = await answerChallenge(service, authenticators, user);
    await service.approveChallenge.update(credential);
    sids.push(challenge.sid);
  }
  const pending = await service.newChallenge().create({ identity, factor_sid: two.factor.sid });
  const all = [...sids, pending.sid];
  const list = async (parameters) => (await service.entities(identity).challenges.list(parameters)).map(({ sid }) => sid);
  assert.deepEqual(await list({ pageSize: 2 }), all);
  assert.deepEqual(await list({ pageSize: 2, order: 'asc' }), all);
  assert.deepEqual(await list({ pageSize: 2, order: 'desc' }), all.toReversed());
  assert.deepEqual(await list({ pageSize: 2, status: 'approved' }), sids);
  assert.deepEqual(await list({ status: 'pending' }), [pending.sid]);
  assert.deepEqual(await list({ status: 'expired' }), []);
  assert.deepEqual(await list({ pageSize: 2, factorSid: one.factor.sid }), [sids[0], sids[2], sids[4]]);
  assert.deepEqual(await list({ factorSid: two.factor.sid, status: 'pending', order: 'desc', limit: 1 }), [pending.sid]);
  const [listed] = await service.entities(identity).challenges.list({ limit: 1 });
  assert.equal(listed.options, undefined);
});

test('a bad page size and a bad page token are refused', async () => {
  const path = `/v2/Services/${await serviceSid()}/Entities`;
  const code = async (query) => {
    const { status, json } = await raw(context.server, 'GET', `${path}?${query}`);
    assert.equal(status, 400, query);
    return json.code;
  };
  assert.ok([20007, 60373].includes(await code('PageSize=1001')));
  for (const query of ['PageSize=0', 'PageSize=-1', 'PageSize=many']) assert.equal(await code(query), 60373, query);
  assert.equal(await code('PageToken=forged'), 60374);
});

test('a GET may carry a form content type and no body', async () => {
  const { status } = await raw(context.server, 'GET', `/v2/Services/${await serviceSid()}/Entities`,
    { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal(status, 200);
});
