// Services.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { isRecent, isWireDate, newService, ORIGIN, raw, refused, RP_ID, serviceParameters, start } from '../support/wire.mjs';

let context;
before(async () => { context = await start(); });
after(() => context?.stop());

test('a service is created with everything it was given', async () => {
  const { verify, server } = context;
  const { body: service, statusCode } = await verify.services.createWithHttpInfo({
    ...serviceParameters,
    lookupEnabled: true,
    codeLength: 8,
    'totp.issuer': 'Acme',
    'passkeys.authenticatorAttachment': 'platform',
    'passkeys.userVerification': 'required',
  });
  assert.equal(statusCode, 201);
  assert.match(service.sid, /^VA[0-9a-f]{32}$/);
  assert.equal(service.accountSid, server.accountSid);
  assert.equal(service.friendlyName, 'Acme login');
  assert.equal(service.lookupEnabled, true);
  assert.equal(service.codeLength, 8);
  assert.equal(service.totp.issuer, 'Acme');
  assert.deepEqual(service.passkeys, {
    relying_party: { id: RP_ID, name: 'Acme', origins: [`https://${RP_ID}`, ORIGIN] },
    authenticator_attachment: 'platform',
    discoverable_credentials: 'preferred',
    user_verification: 'required',
  });
  isRecent(service.dateCreated);
  isRecent(service.dateUpdated);
  assert.equal(service.url, `${server.url}/v2/Services/${service.sid}`);
});

test('an unconfigured service shows nulls and the documented defaults', async () => {
  const { verify, server } = context;
  const { sid } = await verify.services.create({ friendlyName: 'Plain' });
  const { json, headers } = await raw(server, 'GET', `/v2/Services/${sid}`);
  assert.match(headers.get('content-type'), /^application\/json/);
  assert.deepEqual(json.passkeys, {
    relying_party: { id: null, name: null, origins: null },
    authenticator_attachment: null,
    discoverable_credentials: null,
    user_verification: null,
  });
  assert.equal(json.code_length, 6);
  assert.deepEqual(json.push, { include_date: false, apn_credential_sid: null, fcm_credential_sid: null });
  assert.deepEqual(json.totp, { issuer: null, time_step: 30, code_length: 6, skew: 1 });
  assert.deepEqual(json.whatsapp, { msg_service_sid: null, from: null });
  for (const name of ['tts_name', 'default_template_sid']) assert.equal(json[name], null, name);
  for (const name of ['lookup_enabled', 'psd2_enabled', 'skip_sms_to_landlines', 'do_not_share_warning_enabled',
    'custom_code_enabled', 'verify_event_subscription_enabled']) assert.equal(json[name], false, name);
  isWireDate(json.date_created);
  isWireDate(json.date_updated);
});

test('origins may come as an array, which gives repeated keys', async () => {
  const { verify } = context;
  const origins = [`https://${RP_ID}`, ORIGIN];
  const service = await verify.services.create({ ...serviceParameters, 'passkeys.relyingParty.origins': origins });
  assert.deepEqual(service.passkeys.relying_party.origins, origins);
});

test('form parameter names are read in any letter case', async () => {
  const { server } = context;
  const form = new URLSearchParams({ FriendlyName: 'Workshop', 'Passkeys.RelyingParty.id': RP_ID,
    'Passkeys.RelyingParty.name': 'Acme', 'Passkeys.RelyingParty.origins': ORIGIN, Unknown: 'ignored' });
  const { status, json } = await raw(server, 'POST', '/v2/Services', { body: form });
  assert.equal(status, 201);
  assert.deepEqual(json.passkeys.relying_party, { id: RP_ID, name: 'Acme', origins: [ORIGIN] });
});

test('a service is fetched', async () => {
  const { verify } = context;
  const created = await verify.services.create(serviceParameters);
  const { body: fetched, statusCode } = await verify.services(created.sid).fetchWithHttpInfo();
  assert.equal(statusCode, 200);
  assert.deepEqual(fetched.toJSON(), created.toJSON());
});

test('an update changes what it names, clears what is empty and keeps the rest', async () => {
  const { verify } = context;
  const service = await newService(verify);
  const { body: updated, statusCode } = await service.updateWithHttpInfo({
    friendlyName: 'Renamed', 'passkeys.userVerification': 'required', 'passkeys.authenticatorAttachment': '',
  });
  assert.equal(statusCode, 200);
  assert.equal(updated.friendlyName, 'Renamed');
  assert.equal(updated.passkeys.user_verification, 'required');
  assert.equal(updated.passkeys.authenticator_attachment, null);
  assert.equal(updated.passkeys.discoverable_credentials, 'preferred');
  assert.equal(updated.passkeys.relying_party.id, RP_ID);
  assert.deepEqual((await service.fetch()).toJSON(), updated.toJSON());
});

test('an update with an empty body succeeds and changes nothing', async () => {
  const { verify } = context;
  const service = await newService(verify);
  const before = await service.fetch();
  const updated = await service.update();
  assert.deepEqual({ ...updated.toJSON(), dateUpdated: null }, { ...before.toJSON(), dateUpdated: null });
});

test('services are listed over two pages, oldest first', async () => {
  const { verify, server } = context;
  const names = ['List A', 'List B', 'List C'];
  for (const friendlyName of names) await verify.services.create({ friendlyName });
  const all = await verify.services.list({ pageSize: 2 });
  assert.ok(all.length > 2, 'more than one page');
  assert.deepEqual(all.slice(-3).map(({ friendlyName }) => friendlyName), names);
  assert.equal(new Set(all.map(({ sid }) => sid)).size, all.length);
  assert.equal((await verify.services.list({ limit: 3, pageSize: 2 })).length, 3);

  const { json } = await raw(server, 'GET', '/v2/Services?PageSize=2');
  assert.equal(json.services.length, 2);
  assert.equal(json.meta.key, 'services');
  assert.equal(json.meta.page, 0);
  assert.equal(json.meta.page_size, 2);
  assert.equal(json.meta.previous_page_url, null);
  for (const name of ['first_page_url', 'url', 'next_page_url']) {
    assert.ok(json.meta[name].startsWith(`${server.url}/v2/Services?`), `${name}: ${json.meta[name]}`);
  }
});

test('a removed service and what was in it are gone', async () => {
  const { verify } = context;
  const service = await newService(verify);
  await service.entities.create({ identity: 'user-to-go' });
  const { statusCode, body } = await service.removeWithHttpInfo();
  assert.equal(statusCode, 204);
  assert.equal(body, true);
  await refused(service.fetch(), 20404, 404);
  await refused(service.entities('user-to-go').fetch(), 20404, 404);
  await refused(service.remove(), 20404, 404);
});

test('bad parameters of a service are refused by name', async () => {
  const { verify, server } = context;
  const { status, json } = await raw(server, 'POST', '/v2/Services', { body: new URLSearchParams() });
  assert.deepEqual([status, json.code], [400, 20001]);
  assert.match(json.message, /FriendlyName/);
  const create = (parameters) => verify.services.create({ friendlyName: 'Bad', ...parameters });
  await refused(create({ codeLength: 99 }), 60200, 400);
  await refused(create({ 'passkeys.userVerification': 'sometimes' }), 60200, 400);
  await refused(create({ 'passkeys.relyingParty.id': 'https://acme.test/login' }), 60372, 400);
  await refused(create({ 'passkeys.relyingParty.id': RP_ID, 'passkeys.relyingParty.origins': 'https://acme.test/path' }), 60371, 400);
});
