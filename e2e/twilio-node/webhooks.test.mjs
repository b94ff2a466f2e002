// Webhooks as resources.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { isRecent, newService, raw, refused, start } from '../support/wire.mjs';

let context, service;
before(async () => {
  context = await start();
  service = await newService(context.verify);
});
after(() => context?.stop());

const parameters = {
  friendlyName: 'Events', eventTypes: ['factor.created', 'challenge.approved'], webhookUrl: 'https://acme.test/hooks',
};

test('a webhook is created and fetched', async () => {
  const { body: webhook, statusCode } = await service.webhooks.createWithHttpInfo(parameters);
  assert.equal(statusCode, 201);
  assert.match(webhook.sid, /^YW[0-9a-f]{32}$/);
  assert.equal(webhook.accountSid, context.server.accountSid);
  assert.equal(webhook.friendlyName, 'Events');
  assert.deepEqual(webhook.eventTypes, parameters.eventTypes);
  assert.equal(webhook.webhookUrl, parameters.webhookUrl);
  assert.equal(webhook.status, 'enabled');
  assert.equal(webhook.version, 'v2');
  assert.equal(webhook.webhookMethod, 'POST');
  isRecent(webhook.dateCreated);
  assert.equal(webhook.url, `${context.server.url}/v2/Services/${webhook.serviceSid}/Webhooks/${webhook.sid}`);
  assert.deepEqual((await service.webhooks(webhook.sid).fetch()).toJSON(), webhook.toJSON());
});

test('status and version are kept', async () => {
  const webhook = await service.webhooks.create({ ...parameters, eventTypes: ['*'], status: 'disabled', versionParam: 'v1' });
  assert.deepEqual([webhook.status, webhook.version, webhook.eventTypes], ['disabled', 'v1', ['*']]);
});

test('webhooks are listed over two pages, oldest first', async () => {
  const own = await newService(context.verify);
  const sids = [];
  for (const friendlyName of ['A', 'B', 'C']) sids.push((await own.webhooks.create({ ...parameters, friendlyName })).sid);
  assert.deepEqual((await own.webhooks.list({ pageSize: 2 })).map(({ sid }) => sid), sids);
});

test('an update changes what it names and keeps the rest', async () => {
  const { sid } = await service.webhooks.create(parameters);
  const { body: updated, statusCode } = await service.webhooks(sid).updateWithHttpInfo({ status: 'disabled', eventTypes: ['factor.deleted'] });
  assert.equal(statusCode, 200);
  assert.deepEqual([updated.status, updated.eventTypes, updated.friendlyName], ['disabled', ['factor.deleted'], 'Events']);
  assert.equal((await service.webhooks(sid).update()).status, 'disabled');
  assert.deepEqual((await service.webhooks(sid).fetch()).eventTypes, ['factor.deleted']);
});

test('a removed webhook is gone', async () => {
  const { sid } = await service.webhooks.create(parameters);
  const { statusCode, body } = await service.webhooks(sid).removeWithHttpInfo();
  assert.deepEqual([statusCode, body], [204, true]);
  await refused(service.webhooks(sid).fetch(), 20404, 404);
  await refused(service.webhooks(sid).remove(), 20404, 404);
});

test('unknown event types and missing parameters are refused', async () => {
  await refused(service.webhooks.create({ ...parameters, eventTypes: ['factor.exploded'] }), 60306, 400);
  const { sid } = await service.fetch();
  const { status, json } = await raw(context.server, 'POST', `/v2/Services/${sid}/Webhooks`,
    { body: new URLSearchParams({ FriendlyName: 'Events', EventTypes: '*' }) });
  assert.deepEqual([status, json.code], [400, 20001]);
  assert.match(json.message, /WebhookUrl/);
});
