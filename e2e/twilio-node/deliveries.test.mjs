// Deliveries of webhooks, judged by the validators of Twilio and by the library of Standard Webhooks.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { Webhook } from 'standardwebhooks';

import { Authenticators, sources } from '../support/authenticators.mjs';
import { answerChallenge, newService, raw, register, start } from '../support/wire.mjs';

const twilio = createRequire(import.meta.url)('twilio');

// A receiver on this machine: what arrived, and what it answers.
async function receiver() {
  const arrived = [];
  const self = { arrived, answer: (response) => response.writeHead(204).end() };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    arrived.push({ url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
    self.answer(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  self.url = `http://127.0.0.1:${server.address().port}/hook?x=1`;
  self.origin = new URL(self.url).origin;
  self.close = () => server.closeAllConnections() ?? server.close();
  // The deliveries so far, once there are so many of them.
  self.first = async (count) => {
    while (arrived.length < count) await delay(50);
    return arrived;
  };
  return self;
}

let context, service, to;
before(async () => {
  context = await start({ PASSKEYD_WEBHOOKS__ALLOW_NETWORKS: '["127.0.0.1"]' });
  service = await newService(context.verify);
  to = await receiver();
});
after(async () => {
  to?.close();
  await context?.stop();
});

const newWebhook = (eventTypes, webhookUrl = to.url) => service.webhooks.create({ friendlyName: 'Events', eventTypes, webhookUrl });

async function manage(method, webhook, path, body) {
  const { server } = context;
  const answer = await fetch(`${server.url}/manage/v1/services/${webhook.serviceSid}/webhooks/${webhook.sid}/${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${server.accountSid}:${server.authToken}`).toString('base64')}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    body: body && JSON.stringify(body),
  });
  assert.equal(answer.status, 200);
  return answer.json();
}

function verifiedForm({ headers, body, url }, token) {
  const parameters = Object.fromEntries(new URLSearchParams(body));
  assert.ok(twilio.validateRequest(token, headers['x-twilio-signature'], to.origin + url, parameters));
  assert.ok(!twilio.validateRequest(`${token}0`, headers['x-twilio-signature'], to.origin + url, parameters));
  return parameters;
}

test('a registration and a sign-in arrive as forms that the validator of Twilio accepts', async () => {
  to.arrived.length = 0;
  const webhook = await newWebhook(['factor.verified', 'challenge.approved']);
  const { signing_token } = await manage('GET', webhook, 'secrets');
  const authenticators = new Authenticators(sources[1]);
  const user = await register(service, authenticators);
  const { credential } = await answerChallenge(service, authenticators, user);
  await service.approveChallenge.update(credential);
  await authenticators.close();
  const told = (await to.first(2)).map((one) => verifiedForm(one, signing_token));
  const [registered, approved] = ['factor.verified', 'challenge.approved'].map((type) => told.find((one) => one.type === type));
  assert.equal(registered.service_sid, webhook.serviceSid);
  assert.equal(registered.account_sid, context.server.accountSid);
  assert.match(registered.factor_sid, /^YF[0-9a-f]{32}$/);
  assert.equal(approved.factor_sid, registered.factor_sid);
  assert.equal(approved.challenge_status, 'approved');
  assert.equal(JSON.parse(approved.data).challenge_sid, approved.challenge_sid);
  await service.webhooks(webhook.sid).remove();
});

test('JSON is accepted by both, and both secrets sign after a rotation', async () => {
  to.arrived.length = 0;
  const webhook = await newWebhook(['*']);
  const before = await manage('GET', webhook, 'secrets');
  await manage('PATCH', webhook, 'sending', { format: 'json' });
  const after = await manage('POST', webhook, 'secrets/rotate');
  assert.equal(after.previous_secret, before.secret);
  await manage('POST', webhook, 'test');
  const [{ headers, body, url }] = await to.first(1);
  for (const secret of [before.secret, after.secret]) assert.equal(new Webhook(secret).verify(body, headers).type, 'test');
  assert.throws(() => new Webhook('whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=').verify(body, headers));
  assert.ok(twilio.validateRequestWithBody(before.signing_token, headers['x-twilio-signature'], to.origin + url, body));
  assert.ok(!twilio.validateRequestWithBody(before.signing_token, headers['x-twilio-signature'], to.origin + url, `${body} `));
  await service.webhooks(webhook.sid).remove();
});

test('what was refused is sent again under the same id', async () => {
  to.arrived.length = 0;
  to.answer = (response) => response.writeHead(500).end();
  const webhook = await newWebhook(['*']);
  const { id } = await manage('POST', webhook, 'test');
  await to.first(1);
  to.answer = (response) => response.writeHead(204).end();
  await to.first(2);
  assert.deepEqual(to.arrived.map(({ headers }) => headers['webhook-id']), [id, id]);
  const newest = async () => (await manage('GET', webhook, 'deliveries')).deliveries[0];
  while ((await newest()).state !== 'delivered') await delay(50);
  await manage('POST', webhook, `deliveries/${id}/redeliver`);
  await to.first(3);
  assert.equal(to.arrived[2].headers['webhook-id'], id);
  await service.webhooks(webhook.sid).remove();
});

test('410 disables a webhook, and the others receive an event of it', async () => {
  to.arrived.length = 0;
  const gone = await newWebhook(['test'], `${to.origin}/gone`);
  const other = await newWebhook(['webhook.disabled'], `${to.origin}/other`);
  to.answer = (response) => response.writeHead(response.req.url === '/gone' ? 410 : 204).end();
  await manage('POST', gone, 'test');
  const [, { url, body }] = await to.first(2);
  assert.equal(url, '/other');
  assert.equal(new URLSearchParams(body).get('reason'), 'gone');
  assert.equal((await service.webhooks(gone.sid).fetch()).status, 'disabled');
  for (const { sid } of [gone, other]) await service.webhooks(sid).remove();
});

test('an address that is not allowed is not saved, and a receiver that hangs delays no other', async () => {
  to.arrived.length = 0;
  const hanging = await newWebhook(['test'], `${to.origin}/hangs`);
  to.answer = (response) => { if (response.req.url !== '/hangs') response.writeHead(204).end(); };
  for (let n = 0; n < 5; n += 1) await manage('POST', hanging, 'test');
  await assert.rejects(newWebhook(['test'], 'https://[::1]:1/'), { status: 400, code: 60306 });
  const other = await newWebhook(['test']);
  await manage('POST', other, 'test');
  while (!to.arrived.some(({ url }) => url === '/hook?x=1')) await delay(50);
  const answer = await raw(context.server, 'GET', '/livez');
  assert.equal(answer.status, 200);
  for (const { sid } of [hanging, other]) await service.webhooks(sid).remove();
});
