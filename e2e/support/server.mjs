// Starts the real binary on a free loopback port with an empty data directory, and ends it with SIGTERM.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { passkeyd } from './paths.mjs';

const STARTUP_MS = 15_000;

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

// The environment without variables that configure passkeyd or change the SDK's host name.
function cleanEnvironment(extra) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PASSKEYD|TWILIO)_/.test(name));
  return { ...Object.fromEntries(kept), ...extra };
}

async function waitUntilReady(child, url, log) {
  const deadline = Date.now() + STARTUP_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) {
      throw new Error(`passkeyd ended with code ${child.exitCode} before it was ready:\n${log.join('')}`);
    }
    try {
      const answer = await fetch(new URL('/readyz', url));
      await answer.body?.cancel();
      if (answer.ok) return;
    } catch {
      // Not listening yet.
    }
    await delay(20);
  }
  child.kill('SIGKILL');
  throw new Error(`passkeyd was not ready after ${STARTUP_MS} ms:\n${log.join('')}`);
}

async function start(args, environment, url) {
  const log = [];
  const child = spawn(passkeyd, args, { env: cleanEnvironment(environment), stdio: ['ignore', 'pipe', 'pipe'] });
  const failed = new Promise((_, reject) => child.once('error', reject));
  const ended = once(child, 'exit');
  ended.catch(() => {}); // A process that could not be started is reported by `failed`.
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => log.push(text));
  await Promise.race([waitUntilReady(child, url, log), failed]);

  return {
    url,
    pid: child.pid,
    log,
    // What it prints of this form. It may be ready before that is read here.
    async printed(pattern) {
      for (const deadline = Date.now() + STARTUP_MS; Date.now() < deadline; await delay(20)) {
        const found = pattern.exec(log.join(''));
        if (found) return found[0];
      }
      throw new Error(`passkeyd did not print ${pattern}:\n${log.join('')}`);
    },
    // Ends it with SIGTERM. An exit code other than 0 fails the suite.
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      const [code, signal] = await ended;
      clearTimeout(timer);
      if (code !== 0) throw new Error(`passkeyd ended with code ${code}, signal ${signal}:\n${log.join('')}`);
    },
  };
}

// The account of every server.
export const account = { accountSid: 'AC0123456789abcdef0123456789abcdef', authToken: 'e2e-auth-token-0123456789abcdef0' };

// `passkeyd serve`, with a known account. The environment may depend on the port.
export async function serve(environment = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'passkeyd-e2e-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const remove = () => rm(directory, { recursive: true, force: true });
  const server = await start(['serve'], {
    PASSKEYD_LISTEN: `127.0.0.1:${port}`,
    PASSKEYD_PUBLIC_URL: url,
    PASSKEYD_DATA_DIR: directory,
    PASSKEYD_BOOTSTRAP_ACCOUNT_SID: account.accountSid,
    PASSKEYD_BOOTSTRAP_AUTH_TOKEN: account.authToken,
    ...(typeof environment === 'function' ? environment(port) : environment),
  }, url).catch(async (error) => {
    await remove();
    throw error;
  });
  return {
    ...server,
    ...account,
    async stop() {
      await server.stop();
      await remove();
    },
  };
}

// `passkeyd demo`, whose page is at http://localhost.
export async function demo() {
  const port = await freePort();
  const server = await start(['demo', '--listen', `127.0.0.1:${port}`], {}, `http://127.0.0.1:${port}`);
  return { ...server, url: `http://localhost:${port}` };
}
