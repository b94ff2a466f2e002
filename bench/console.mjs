// Times every page of the console, and every filter and search of its lists: bench/console.sh starts the server and calls this.
//
//   node bench/console.mjs URL INVITE ACCOUNT TOKEN SERVICE PERSON CALLS DELIVERIES
//
// It comes in by the invite with a passkey that it makes itself, and makes a webhook with so many deliveries. A page may take 50 ms.

import { createHash, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';

const [url, invite, account, token, service, person, calls, deliveries] = process.argv.slice(2);
const LIMIT_MS = 50;

const origin = new URL(url).origin;
const own = { origin, 'sec-fetch-site': 'same-origin' };
let cookie = '';

async function call(path, options = {}) {
  const response = await fetch(new URL(path, url), {
    redirect: 'manual',
    ...options,
    headers: { ...own, ...(cookie && { cookie }), ...options.headers },
  });
  return { response, text: await response.text() };
}

async function json(path, body) {
  const { response, text } = await call(path, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  const [session] = response.headers.getSetCookie();
  if (session) [cookie] = session.split(';');
  return JSON.parse(text);
}

// The response of a new passkey with attestation `none`, ES256.
function create({ challenge, rp }) {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = publicKey.export({ format: 'jwk' });
  const clientData = JSON.stringify({ type: 'webauthn.create', challenge, origin, crossOrigin: false });
  const id = createHash('sha256').update(x).digest();
  const key = Buffer.concat([
    Buffer.from('a5010203262001215820', 'hex'), Buffer.from(x, 'base64url'), Buffer.from('225820', 'hex'), Buffer.from(y, 'base64url'),
  ]);
  // User present and verified, backup eligible and backed up, with attested credential data; no counter and no AAGUID.
  const data = Buffer.concat([
    createHash('sha256').update(rp.id ?? new URL(url).hostname).digest(), Buffer.from('5d00000000', 'hex'), Buffer.alloc(16), Buffer.from([0, id.length]), id, key,
  ]);
  // {"fmt": "none", "attStmt": {}, "authData": data}
  const attestation = Buffer.concat([
    Buffer.from('a363666d74646e6f6e656761747453746d74a068617574684461746158', 'hex'), Buffer.from([data.length]), data,
  ]);
  return {
    id: id.toString('base64url'), rawId: id.toString('base64url'), type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: {},
    response: {
      clientDataJSON: Buffer.from(clientData).toString('base64url'), attestationObject: attestation.toString('base64url'), transports: ['internal'],
    },
  };
}

async function signIn() {
  const { publicKey } = await json(`${invite}/options`, { name: 'Ada' });
  await json(invite, { name: 'Ada', credential: create(publicKey) });
}

// A webhook whose receiver is here, with test events. The sender and the pages share the store.
async function makeDeliveries() {
  const receiver = createServer((request, response) => request.resume().on('end', () => response.end())).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const form = new URLSearchParams({
    FriendlyName: 'Bench', EventTypes: '*', WebhookUrl: `http://127.0.0.1:${receiver.address().port}/`,
  });
  const made = await fetch(new URL(`/v2/Services/${service}/Webhooks`, url), {
    method: 'POST', body: form, headers: { authorization: `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}` },
  });
  if (made.status !== 201) throw new Error(`no webhook: ${made.status} ${await made.text()}`);
  const { sid } = await made.json();
  const page = `/console/services/${service}/webhooks/${sid}`;
  const { text } = await call(page);
  const [, formToken] = /name="form_token" value="([^"]+)"/.exec(text);
  for (let left = Number(deliveries); left > 0; left -= 50) {
    await Promise.all(Array.from({ length: Math.min(left, 50) }, async () => {
      const { response } = await call(`${page}/test`, {
        method: 'POST', body: new URLSearchParams({ form_token: formToken }),
      });
      if (response.status !== 303) throw new Error(`no test event: ${response.status}`);
    }));
  }
  return { page, receiver, formToken };
}

// The first link of a page that fits, as a path.
async function link(path, pattern) {
  const { text } = await call(path);
  const found = pattern.exec(text)?.[1];
  if (!found) throw new Error(`${path} has no link ${pattern}`);
  return found.replaceAll('&amp;', '&');
}

async function time(path, form) {
  const begun = performance.now();
  const { response } = await call(path, form && { method: 'POST', body: form });
  const took = performance.now() - begun;
  if (response.status !== 200 && response.status !== 303) throw new Error(`${path}: ${response.status}`);
  return took;
}

await signIn();
const { page: webhook, receiver, formToken } = await makeDeliveries();
const home = `/console/services/${service}`;
const events = `${home}/ceremonies`;
const someone = await link(`${home}/people`, /href="([^"?]+\/people\/YE[^"]+)"/);
const policy = new URLSearchParams({
  form_token: formToken, action: 'check', backup: 'any', sign_count: 'refuse', relying_party_override: 'configured_only', max_credentials: '1',
  registration_seconds: '300', authentication_seconds: '300',
});
const pages = [
  ['overview', '/console/'],
  ['overview, a week', '/console/?range=week'],
  ['overview, a month', '/console/?range=month'],
  ['overview of one Service', `/console/?service=${service}`],
  ['own account', '/console/you'],
  ['administrators', '/console/administrators'],
  ['Services', '/console/services'],
  ['new Service', '/console/services/new'],
  ['a Service', home],
  ['its settings for the Authentication Cloud API', `${home}/authentication-cloud`],
  ['its policy', `${home}/policy`],
  ['its policy, what a change means', `${home}/policy`, policy],
  ['people', `${home}/people`],
  ['people, next page', await link(`${home}/people`, /href="([^"]+\?after=[^"]+)"/)],
  ['people, found by name', `${home}/people?q=${person}`],
  ['people, found by the beginning of a name', `${home}/people?q=${person.slice(0, 2)}`],
  ['people, name that nobody has', `${home}/people?q=nobody`],
  ['people, found by identifier', `${home}/people?q=${/YE[0-9a-f]+/.exec(someone)[0]}`],
  ['a person with events', `${home}/people/${await link(`${events}?show=sign-ins`, /people\/(YE[0-9a-f]+)"/)}`],
  ['a person without events', someone],
  ['events', events],
  ['events, next page', await link(events, /href="([^"]+&amp;after=[^"]+)"/)],
  ...['refused', 'sign-ins', 'registrations', 'changes'].map((show) => [`events, ${show}`, `${events}?show=${show}`]),
  ['events, a frequent reason', `${events}?reason=signature_invalid`],
  ['events, a reason that none has', `${events}?reason=origin_not_allowed`],
  ['a ceremony', await link(`${events}?show=sign-ins`, /href="([^"]+\/ceremonies\/[0-9a-f]+)"/)],
  ['client events', '/console/client-events'],
  ['client events of a Service', `${home}/client-events`],
  ['explorer', '/console/explorer'],
  ['webhooks', `${home}/webhooks`],
  ['a webhook and its deliveries', webhook],
  ['deliveries, next page', await link(webhook, /href="([^"]+\?after=[^"]+)"/)],
  ...['waiting', 'failed', 'delivered'].map((state) => [`deliveries, ${state}`, `${webhook}?state=${state}`]),
  ['a delivery', await link(webhook, /href="([^"]+\/deliveries\/[0-9a-f]+)"/)],
  ['secrets of a webhook', `${webhook}/secrets`],
  ['access keys', `${home}/keys`],
  ['API keys', `/console/accounts/${account}/keys`],
  ['metadata', '/console/metadata'],
  ['models in use', '/console/metadata/in-use'],
  ['metadata, a search', '/console/metadata?q=key'],
  ['health', '/console/health'],
];
const shown = (value) => value.toFixed(1);
const slow = [];
console.log('| page | first, ms | median, ms | worst, ms |\n|---|---|---|---|');
for (const [name, path, form] of pages) {
  const first = await time(path, form);
  const times = [];
  for (let left = Number(calls); left > 0; left -= 1) times.push(await time(path, form));
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)];
  if (median > LIMIT_MS) slow.push(name);
  console.log(`| ${name} | ${shown(first)} | ${shown(median)} | ${shown(times.at(-1))} |`);
}
receiver.close();
receiver.closeAllConnections();
if (slow.length > 0) {
  console.error(`slower than ${LIMIT_MS} ms: ${slow.join('; ')}`);
  process.exitCode = 1;
}
