// A real nginx with TLS in front of passkeyd, with the server block of docs/proxy.md: passkeyd is below a path prefix, another server has the
// rest of the paths.

import { execFileSync, spawn } from 'node:child_process';
import { X509Certificate, createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { nginx } from './paths.mjs';
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

// Makes a key with a certificate for localhost; `trusted` is the hash of its public key, by which a browser can trust it.
export async function certificate() {
  const folder = await mkdtemp(join(tmpdir(), 'passkeyd-nginx-'));
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem'),
  ], { stdio: 'pipe' });
  const { publicKey } = new X509Certificate(await readFile(join(folder, 'certificate.pem')));
  const trusted = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  return { folder, trusted, remove: () => rm(folder, { recursive: true, force: true }) };
}

// Starts nginx with this certificate; `stop` ends it.
export async function startNginx({ folder }, { port, prefix, passkeyd, others }) {
  const file = join(folder, 'nginx.conf');
  await writeFile(file, configuration(folder, await serverBlock({ folder, port, prefix, passkeyd, others })));
  const log = [];
  const child = spawn(nginx, ['-c', file, '-p', folder, '-e', 'stderr'], { stdio: ['ignore', 'pipe', 'pipe'] });
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
    if (child.exitCode !== null) throw new Error(`nginx ended with code ${child.exitCode}:\n${log.join('')}`);
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
  throw new Error(`nginx did not listen after ${STARTUP_MS} ms:\n${log.join('')}`);
}
