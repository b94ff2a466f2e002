// Shared by the tests of the Twilio API: the SDK client, a service, a user with a passkey, and raw HTTP.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { randomBytes } from 'node:crypto';

import { account, serve } from './server.mjs';

const require = createRequire(import.meta.url);
const twilio = require('twilio');

// These variables change the host name of the SDK's requests.
delete process.env.TWILIO_EDGE;
delete process.env.TWILIO_REGION;

export const RP_ID = 'acme.test';
export const ORIGIN = 'https://login.acme.test';

// The parameters of a service on which every ceremony works.
export const serviceParameters = {
  friendlyName: 'Acme login',
  'passkeys.relyingParty.id': RP_ID,
  'passkeys.relyingParty.name': 'Acme',
  'passkeys.relyingParty.origins': `https://${RP_ID},${ORIGIN}`,
  'passkeys.authenticatorAttachment': 'any',
  'passkeys.discoverableCredentials': 'preferred',
  'passkeys.userVerification': 'preferred',
};

export const newIdentity = () => `user-${randomBytes(6).toString('hex')}`;

export const decoded = (text) => Buffer.from(text, 'base64url');

// A running server with the official client pointed at it: one of its own, or the one that `E2E_PASSKEYD_URL` names, for example behind a proxy.
export async function start(environment) {
  const url = process.env.E2E_PASSKEYD_URL;
  assert.ok(!(url && environment), 'a server with settings of its own cannot be one that runs already');
  const server = url ? { ...account, url, stop: () => {} } : await serve(environment);
  const client = clientFor(server);
  return { server, client, verify: client.verify.v2, stop: () => server.stop() };
}

export function clientFor(server, { accountSid = server.accountSid, authToken = server.authToken } = {}) {
  const client = twilio(accountSid, authToken);
  client.verify.baseUrl = server.url;
  return client;
}

// A fresh service's context.
export async function newService(verify, parameters = {}) {
  const { sid } = await verify.services.create({ ...serviceParameters, ...parameters });
  return verify.services(sid);
}

export const startRegistration = (service, identity, more = {}) =>
  service.newFactors.create({ friendly_name: 'Phone', identity, ...more });

// Registers a passkey and returns the verified factor with the credential.
export async function register(service, authenticators, { identity = newIdentity(), device = identity, ...more } = {}) {
  const { config, friendly_name, ...ceremony } = more;
  const factor = await startRegistration(service, identity, { ...(config && { config }), ...(friendly_name && { friendly_name }) });
  const credential = await authenticators.create(factor.options, ORIGIN, { device, ...ceremony });
  const verified = await service.newVerifyFactors.update(credential);
  assert.equal(verified.status, 'verified');
  return { identity, device, factor: verified, credential };
}

// Starts a sign-in of the user and returns the device's response, which is not approved yet.
export async function answerChallenge(service, authenticators, user, { lies, profile, ...parameters } = {}) {
  const challenge = await service.newChallenge().create({ identity: user.identity, ...parameters });
  const credential = await authenticators.get(challenge.options, ORIGIN, {
    device: user.device, ...(lies && { lies }), ...(profile && { profile }),
  });
  return { challenge, credential };
}

// Rejects unless the promise fails with the SDK's exception and this code.
export async function refused(promise, code, status) {
  let error;
  try {
    await promise;
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error, `expected ${code}, but it succeeded`);
  assert.equal(error.constructor.name, 'RestException', `${error.stack}`);
  assert.equal(error.code, code, `${error.code} ${error.message} ${JSON.stringify(error.details)}`);
  if (status !== undefined) assert.equal(error.status, status);
  assert.ok(error.message, 'a message');
  assert.match(error.moreInfo, new RegExp(`/docs/errors/${code}$`));
  return error;
}

// Plain HTTP, with the account's credentials by default.
export async function raw(server, method, path, { headers = {}, body, authorization } = {}) {
  const basic = Buffer.from(`${server.accountSid}:${server.authToken}`).toString('base64');
  // The URL of the server may have a path of its own.
  const url = path.startsWith('/') ? `${server.url}${path}` : path;
  const answer = await fetch(url, {
    method,
    redirect: 'manual',
    headers: { ...(authorization !== null && { authorization: authorization ?? `Basic ${basic}` }), ...headers },
    body,
  });
  const text = await answer.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    // Not JSON: `json` stays undefined.
  }
  return { status: answer.status, headers: answer.headers, text, json };
}

export const rawJson = (server, path, body) =>
  raw(server, 'POST', path, { headers: { 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body) });

export function isError(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json?.code, code, answer.text);
  assert.equal(answer.json.status, status);
  assert.equal(typeof answer.json.message, 'string');
  assert.equal('type' in answer.json || 'title' in answer.json, false, 'members that turn SDK errors into another class');
  assert.match(answer.headers.get('content-type'), /^application\/json/);
}

const date = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
export const isWireDate = (value) => assert.match(value, date);
export const isRecent = (value) => {
  assert.ok(value instanceof Date && Math.abs(value - Date.now()) < 120_000, `${value} is not a moment ago`);
};

// Two seconds for each ceremony.
export const shortCeremonies = {
  PASSKEYD_CEREMONIES__REGISTRATION_SECONDS: '2',
  PASSKEYD_CEREMONIES__AUTHENTICATION_SECONDS: '2',
};
