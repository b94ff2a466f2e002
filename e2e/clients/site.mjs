// A page with the libraries that people use in browsers, and a back end that hands what they send to the three APIs of one Service.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { repository } from '../support/paths.mjs';
import { serve } from '../support/server.mjs';

const modules = join(repository, 'e2e', 'node_modules');
const types = { '.js': 'text/javascript', '.html': 'text/html' };

const page = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Clients</title>
<input autocomplete="username webauthn">
<script type="module">
import * as simple from '/node_modules/@simplewebauthn/browser/esm/index.js';
import * as github from '/node_modules/@github/webauthn-json/dist/esm/webauthn-json.js';
import * as ponyfill from '/node_modules/@github/webauthn-json/dist/esm/webauthn-json.browser-ponyfill.js';

// Each library as its documentation says. The options come from the back end as they are, and the result goes back as it is.
window.clients = {
  '@simplewebauthn/browser': {
    create: (optionsJSON) => simple.startRegistration({ optionsJSON }),
    get: (optionsJSON) => simple.startAuthentication({ optionsJSON }),
    autofill: (optionsJSON) => simple.startAuthentication({ optionsJSON, useBrowserAutofill: true }),
  },
  '@github/webauthn-json': {
    create: (publicKey) => github.create({ publicKey }),
    get: (publicKey) => github.get({ publicKey }),
    autofill: (publicKey) => github.get({ publicKey, mediation: 'conditional' }),
  },
  '@github/webauthn-json/browser-ponyfill': {
    create: async (publicKey) => (await ponyfill.create(ponyfill.parseCreationOptionsFromJSON({ publicKey }))).toJSON(),
    get: async (publicKey) => (await ponyfill.get(ponyfill.parseRequestOptionsFromJSON({ publicKey }))).toJSON(),
  },
  'parseCreationOptionsFromJSON and toJSON': {
    create: async (json) => (await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json) })).toJSON(),
    get: async (json) => (await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(json) })).toJSON(),
    autofill: async (json) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json);
      return (await navigator.credentials.get({ publicKey, mediation: 'conditional' })).toJSON();
    },
  },
  // JSON.stringify calls toJSON.
  'JSON.stringify': {
    create: (json) => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json) }),
    get: (json) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(json) }),
  },
};

window.post = async (path, body) => {
  const response = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(path + ': ' + response.status + ' ' + text);
  return JSON.parse(text);
};
window.ready = true;
</script></html>`;

// passkeyd with the FIDO binding on. The Service that it creates for the binding serves the other two APIs as well.
export async function startSite() {
  const passkeyd = await serve({ PASSKEYD_PUBLIC_URL: 'http://localhost:1', PASSKEYD_FIDO__BINDING: 'true' });
  const basic = `Basic ${Buffer.from(`${passkeyd.accountSid}:${passkeyd.authToken}`).toString('base64')}`;

  async function call(path, { body, json, authorization = basic, method = 'POST' } = {}) {
    const answer = await fetch(new URL(path, passkeyd.url), {
      method,
      headers: { ...(authorization && { authorization }), ...(json !== undefined && { 'content-type': 'application/json' }) },
      body: json !== undefined ? (typeof json === 'string' ? json : JSON.stringify(json)) : body,
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }

  let site;
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(400).end(error.message));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://localhost:${server.address().port}`;

  const { services: [service] } = await call('/v2/Services', { method: 'GET' });
  const path = `/v2/Services/${service.sid}`;
  await call(path, {
    body: new URLSearchParams({
      'Passkeys.RelyingParty.Origins': origin,
      'Passkeys.AuthenticatorAttachment': 'any',
      'Passkeys.DiscoverableCredentials': 'required',
      'Passkeys.UserVerification': 'preferred',
    }),
  });
  const { key } = await call(`/manage/v1/services/${service.sid}/access-keys`, { json: { name: 'clients' } });
  const bearer = `Bearer ${key}`;

  const named = (name) => (name ? { username: name } : {});
  // Calls of a back end for each API. `text` is what the library in the page sent.
  const wires = {
    twilio: {
      register: async (name) => (await call(`${path}/Passkeys/Factors`, { json: { identity: name, friendly_name: name } })).options.publicKey,
      registered: async (text) => (await call(`${path}/Passkeys/VerifyFactor`, { json: text })).identity,
      signIn: async (name) => (await call(`${path}/Passkeys/Challenges`, { json: name ? { identity: name } : {} })).options.publicKey,
      signedIn: async (text) => (await call(`${path}/Passkeys/ApproveChallenge`, { json: text })).identity,
    },
    nevis: {
      register: async (name) => {
        const { enrollment } = await call('/api/v1/users/enroll', { authorization: bearer, json: { ...named(name), channel: 'fido2' } });
        site.statusToken = enrollment.statusToken;
        return enrollment.credentialCreationOptions;
      },
      registered: (text) => nevisResult('/_app/attestation/result', text),
      signIn: async (name) => {
        const answer = await call('/api/v1/approval', { authorization: bearer, json: { ...named(name), channel: 'fido2' } });
        site.statusToken = answer.statusToken;
        return answer.credentialRequestOptions;
      },
      signedIn: (text) => nevisResult('/_app/assertion/result', text),
    },
    fido: {
      register: (name) => call('/attestation/options', { json: { username: name, displayName: name } }),
      registered: async (text) => (await call('/attestation/result', { json: text, authorization: null })).username,
      signIn: (name) => call('/assertion/options', { json: named(name) }),
      signedIn: async (text) => (await call('/assertion/result', { json: text, authorization: null })).username,
    },
  };

  async function nevisResult(where, text) {
    const { status, token, errorMessage } = await call(where, { json: { ...JSON.parse(text), statusToken: site.statusToken }, authorization: null });
    if (status !== 'ok') throw new Error(errorMessage);
    const { active, username } = await call('/api/v1/introspect', { authorization: bearer, body: new URLSearchParams({ token }) });
    if (!active) throw new Error('the token is not active');
    return username;
  }

  async function answer(request, response) {
    if (request.method === 'GET') {
      const name = new URL(request.url, origin).pathname;
      if (name === '/favicon.ico') return response.writeHead(404).end();
      const file = name.startsWith('/node_modules/') ? await readFile(join(modules, name.slice('/node_modules/'.length))) : page;
      response.setHeader('content-type', types[name.slice(name.lastIndexOf('.'))] ?? 'text/html');
      return response.end(file);
    }
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const [, wire, step] = request.url.split('/');
    const result = await wires[wire][step](['register', 'signIn'].includes(step) ? JSON.parse(text).name : text);
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify(result));
  }

  site = {
    origin,
    wires: Object.keys(wires),
    passkeyd,
    async stop() {
      server.closeAllConnections();
      server.close();
      await passkeyd.stop();
    },
  };
  return site;
}
