// A page with the SDK that passkeyd serves, below a path prefix, and the back end of an example behind it. Its content security policy allows nothing else.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { build } from 'esbuild';

import { examples } from '../examples/list.mjs';
import { startExample } from '../examples/start.mjs';
import { repository } from './paths.mjs';
import { freePort, serve } from './server.mjs';

const PREFIX = '/shop/';

const page = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>SDK</title>
<script type="module" src="page.mjs"></script>
<form>
  <label>Name <input name="name" autocomplete="username webauthn"></label>
  <input name="secret" value="stays here">
  <passkey-button action="register" fields="name">Create an account</passkey-button>
  <passkey-button><button class="mine">Sign in</button></passkey-button>
  <passkey-button action="add" disabled>Add</passkey-button>
</form>
<div id="react"></div>`;

const script = `import * as sdk from './sdk/passkeys.mjs';
import './sdk/element.mjs';
window.sdk = sdk;
window.events = [];
sdk.configure({ onEvent: (event) => window.events.push(event) });
window.reasonOf = (promise) => promise.then(() => 'success', ({ reason, status, code }) => [reason, status, code].filter(Boolean).join(' '));
window.me = async () => (await fetch('me')).json();
window.ready = true;`;

// The hooks, with the module that the page uses already.
const component = `import { createElement as h, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useAutofill, useCapabilities, usePasskeys } from './react.mjs';

function Login() {
  const { signIn, register, busy, error } = usePasskeys();
  const [answer, set] = useState('');
  const known = useCapabilities();
  useAutofill(() => set('by autofill'), { enabled: location.hash === '#autofill' });
  return h('section', null,
    h('button', { onClick: async () => (await signIn()) && set('signed in') }, 'React sign in'),
    h('button', { onClick: async () => (await register({ name: 'react' })) && set('registered') }, 'React register'),
    h('output', null, [known ? 'known' : 'unknown', busy ? 'busy' : 'idle', error?.reason ?? '', answer].join('|')));
}
createRoot(document.getElementById('react')).render(h(Login));`;

async function reactPage() {
  const { outputFiles: [{ text }] } = await build({
    stdin: { contents: component, resolveDir: join(repository, 'sdk', 'dist') },
    bundle: true, format: 'esm', write: false, define: { 'process.env.NODE_ENV': '"production"' },
    nodePaths: [join(repository, 'e2e', 'node_modules')],
    plugins: [{ name: 'sdk', setup: ({ onResolve }) => onResolve({ filter: /passkeys\.mjs$/ }, () => ({ path: './sdk/passkeys.mjs', external: true })) }],
  });
  return text;
}

export async function startSdkSite(wire) {
  const metrics = `127.0.0.1:${await freePort()}`;
  const passkeyd = await serve({ PASSKEYD_CLIENT_EVENTS__ENABLED: 'true', PASSKEYD_METRICS__LISTEN: metrics });
  const files = { '': ['text/html', page], 'page.mjs': ['text/javascript', script], 'react.mjs': ['text/javascript', await reactPage()] };
  let example;
  const received = [];

  async function pass(request, response, url, body) {
    // The connection of the browser is not that of the back end.
    const { connection, 'content-length': length, host, ...headers } = request.headers;
    const answer = await fetch(url, { method: request.method, headers, ...(body && { body }), redirect: 'manual' });
    for (const cookie of answer.headers.getSetCookie()) response.appendHeader('set-cookie', cookie);
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' }).end(Buffer.from(await answer.arrayBuffer()));
  }

  const server = createServer(async (request, response) => {
    try {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      const { pathname } = new URL(request.url, 'http://site');
      if (!pathname.startsWith(PREFIX)) return response.writeHead(404).end();
      const path = pathname.slice(PREFIX.length);
      if (request.method === 'POST') received.push([path, JSON.parse(body)]);
      if (/^(sdk|_app)\//.test(path)) return await pass(request, response, `${passkeyd.url}/${path}`, body);
      if (!files[path]) return await pass(request, response, `${example.origin}/${path}`, body);
      response.setHeader('content-security-policy', `default-src 'none'; script-src 'self'; connect-src 'self' ${passkeyd.url}`);
      const [type, text] = files[path];
      return response.writeHead(200, { 'content-type': type }).end(text);
    } catch (error) {
      return response.writeHead(502).end(String(error));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://localhost:${server.address().port}`;
  const express = examples.find((one) => one.name === 'express' && one.wire === wire);
  example = await startExample({ ...express, environment: { ...express.environment, ORIGIN: origin } }, passkeyd);
  return {
    url: `${origin}${PREFIX}`,
    received,
    server: passkeyd.url,
    // The counts of client events, by labels.
    async counted() {
      const text = await (await fetch(`http://${metrics}/metrics`)).text();
      return new Map([...text.matchAll(/^passkeyd_client_events_total{(.*)} (\d+)$/gm)].map(([, labels, count]) => [labels, Number(count)]));
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await example.stop();
      await passkeyd.stop();
    },
  };
}
