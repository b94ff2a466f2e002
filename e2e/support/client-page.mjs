// A page that uses the browser client, and a server for it on another origin which responds as a test says.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { repository } from './paths.mjs';

const dist = join(repository, 'sdk', 'dist');
const SCRIPT = '/fido2-client/fido2-client.js';

async function listen(handle) {
  const server = createServer((request, response) => {
    handle(request, response).catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function textOf(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

// Exactly the policy in the client's documentation.
const contentSecurityPolicy = (host, called) => `default-src 'none'; script-src ${host}/; connect-src ${called}/_app/`;

// Serves a page that loads the client from `host`, and may call the server there or at `called`. `more` is markup before the script.
export async function servePage(host, { integrity, called = host, more = '' } = {}) {
  const attributes = integrity ? ` integrity="${integrity}" crossorigin="anonymous"` : '';
  const page = `<!doctype html><title>A page</title><input autocomplete="username webauthn">${more}<script src="${host}${SCRIPT}"${attributes}></script>`;
  const server = await listen(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://page');
    response.setHeader('content-type', 'text/html');
    if (pathname === '/frame') {
      response.end(`<!doctype html><title>A frame</title><iframe src="${searchParams.get('src')}" allow="${searchParams.get('allow') ?? ''}"></iframe>`);
      return;
    }
    response.setHeader('content-security-policy', contentSecurityPolicy(host, called));
    response.end(page);
  });
  // Its address for each name of this machine.
  const at = (hostname) => `http://${hostname}:${server.port}/`;
  return { url: at('localhost'), at, close: server.close };
}

// A server that is not passkeyd. `allowed` are the origins of its CORS policy; `answer` returns status and text of a result call.
export class FakeServer {
  allowed = () => true;
  answer = this.accept;
  received = [];
  #server;

  static async start() {
    const fake = new FakeServer();
    fake.#server = await listen((request, response) => fake.#handle(request, response));
    fake.url = `http://localhost:${fake.#server.port}`;
    fake.integrity = JSON.parse(await readFile(join(dist, 'integrity.json'), 'utf8'))['fido2-client.js'];
    return fake;
  }

  accept() {
    return [200, '{"status":"ok","errorMessage":"","token":"transaction-token"}'];
  }

  reset() {
    Object.assign(this, { allowed: () => true, answer: this.accept, received: [] });
  }

  async #handle(request, response) {
    const { pathname } = new URL(request.url, 'http://server');
    if (pathname === SCRIPT) {
      response.setHeader('content-type', 'text/javascript');
      response.setHeader('access-control-allow-origin', '*');
      response.end(await readFile(join(dist, 'fido2-client.js')));
      return;
    }
    const { origin } = request.headers;
    if (this.allowed(origin)) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('vary', 'origin');
    }
    if (request.method === 'OPTIONS') {
      response.setHeader('access-control-allow-methods', 'POST, OPTIONS');
      response.setHeader('access-control-allow-headers', 'content-type, accept');
      response.writeHead(204).end();
      return;
    }
    const body = JSON.parse(await textOf(request));
    this.received.push({ method: request.method, path: pathname, headers: request.headers, body });
    const [status, text] = await this.answer(body);
    response.setHeader('content-type', 'application/json');
    response.writeHead(status).end(text);
  }

  close() {
    return this.#server.close();
  }
}
