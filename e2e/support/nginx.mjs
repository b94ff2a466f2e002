// A real nginx with TLS before passkeyd, which it serves below a path prefix. The rest of its paths are those of another server.

import { execFileSync, spawn } from 'node:child_process';
import { X509Certificate, createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { nginx } from './paths.mjs';

const STARTUP_MS = 15_000;

const configuration = ({ folder, port, prefix, passkeyd, others }) => `
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
  server {
    listen 127.0.0.1:${port} ssl;
    server_name localhost;
    ssl_certificate ${folder}/certificate.pem;
    ssl_certificate_key ${folder}/key.pem;
    proxy_set_header Host $http_host;
    # The slash at the end takes the prefix away.
    location ${prefix}/ { proxy_pass ${passkeyd}/; }
    location / { proxy_pass ${others}; }
  }
}
`;

// Makes a key with a certificate for localhost; `trusted` is what a browser is told to trust it by.
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
  await writeFile(file, configuration({ folder, port, prefix, passkeyd, others }));
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
