// A real proxy with TLS in front of passkeyd: nginx with the server block of docs/proxy.md, HAProxy with ops/proxies/haproxy.cfg, or Caddy with
// ops/proxies/Caddyfile. passkeyd is below a path prefix, another server has the rest of the paths.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { caddy, haproxy, nginx, repository } from './paths.mjs';
import { blocks, replaced } from './readme.mjs';

const STARTUP_MS = 15_000;

const configuration = (folder, server) => `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
${server}
}
`;

// The server block of the page, with the addresses and files of this run.
async function serverBlock({ folder, port, prefix, passkeyd, others }) {
  const [block] = await blocks('docs/proxy.md', 'nginx', 'nginx');
  const changes = [
    ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
    ['server_name example.com', 'server_name localhost'],
    ['/etc/nginx/example.com.pem', `${folder}/certificate.pem`],
    ['/etc/nginx/example.com.key', `${folder}/key.pem`],
    ['location /passkeys/', `location ${prefix}/`],
    ['http://127.0.0.1:8080/', `${passkeyd}/`],
    ['http://127.0.0.1:3000', others],
  ];
  return changes.reduce((text, [old, by]) => replaced(text, old, by), block);
}

// Makes an authority for this run, and with it a certificate for localhost. `authority` is the file to configure as trusted in clients.
export async function certificate() {
  const folder = await mkdtemp(join(tmpdir(), 'passkeyd-proxy-'));
  const file = (name) => join(folder, name);
  const issue = (name, key, ...more) => execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-keyout', file(key), '-out', file(name), ...more,
  ], { stdio: 'pipe' });
  issue('authority.pem', 'authority.key', '-subj', '/CN=passkeyd tests', '-addext', 'keyUsage=critical,keyCertSign');
  issue('certificate.pem', 'key.pem', '-subj', '/CN=localhost', '-CA', file('authority.pem'), '-CAkey', file('authority.key'),
    '-addext', 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth');
  return { folder, authority: file('authority.pem'), remove: () => rm(folder, { recursive: true, force: true }) };
}

// Starts nginx with this certificate; `stop` ends it.
export async function startNginx({ folder }, { port, prefix, passkeyd, others }) {
  const file = join(folder, 'nginx.conf');
  await writeFile(file, configuration(folder, await serverBlock({ folder, port, prefix, passkeyd, others })));
  return started(nginx, ['-c', file, '-p', folder, '-e', 'stderr'], port);
}

// Starts HAProxy with this certificate and ops/proxies/haproxy.cfg; `stop` ends it.
export async function startHaproxy({ folder }, { port, prefix, passkeyd, others }) {
  const pem = (await Promise.all(['certificate.pem', 'key.pem'].map((name) => readFile(join(folder, name), 'utf8')))).join('');
  await writeFile(join(folder, 'both.pem'), pem);
  const shipped = await readFile(join(repository, 'ops', 'proxies', 'haproxy.cfg'), 'utf8');
  const changes = [
    ['bind :443', `bind 127.0.0.1:${port}`],
    ['/etc/haproxy/example.com.pem', `${folder}/both.pem`],
    ['path_beg /passkeys/', `path_beg ${prefix}/`],
    ['replace-path /passkeys(/.*)', `replace-path ${prefix}(/.*)`],
    ['server passkeyd 127.0.0.1:8080', `server passkeyd ${new URL(passkeyd).host}`],
    ['server application 127.0.0.1:3000', `server application ${new URL(others).host}`],
  ];
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, changes.reduce((text, [old, by]) => replaced(text, old, by), shipped));
  return started(haproxy, ['-db', '-f', file], port);
}

// Starts Caddy with this certificate and ops/proxies/Caddyfile; `stop` ends it. Outside of a test, Caddy gets its certificate itself.
export async function startCaddy({ folder }, { port, prefix, passkeyd, others }) {
  const shipped = await readFile(join(repository, 'ops', 'proxies', 'Caddyfile'), 'utf8');
  const changes = [
    ['example.com {', `https://localhost:${port} {\n\tbind 127.0.0.1\n\ttls ${folder}/certificate.pem ${folder}/key.pem`],
    ['handle_path /passkeys/*', `handle_path ${prefix}/*`],
    ['reverse_proxy 127.0.0.1:8080', `reverse_proxy ${new URL(passkeyd).host}`],
    ['reverse_proxy 127.0.0.1:3000', `reverse_proxy ${new URL(others).host}`],
  ];
  const file = join(folder, 'Caddyfile');
  // Neither the listener for administration nor the one that redirects from port 80.
  const options = '{\n\tadmin off\n\tauto_https disable_redirects\n}\n';
  await writeFile(file, options + changes.reduce((text, [old, by]) => replaced(text, old, by), shipped));
  // Caddy writes to the home of its user.
  return started(caddy, ['run', '--adapter', 'caddyfile', '--config', file], port, { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder });
}

async function started(program, args, port, environment = {}) {
  const log = [];
  const child = spawn(program, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  const failed = new Promise((_, reject) => child.once('error', reject));
  const ended = once(child, 'exit');
  ended.catch(() => {});
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => log.push(text));
  await Promise.race([listening(child, port, log), failed]);
  return {
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

async function listening(child, port, log) {
  const deadline = Date.now() + STARTUP_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with code ${child.exitCode}:\n${log.join('')}`);
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await delay(20); // Not listening yet.
    } finally {
      socket.destroy();
    }
  }
  child.kill('SIGKILL');
  throw new Error(`${child.spawnfile} did not listen after ${STARTUP_MS} ms:\n${log.join('')}`);
}
