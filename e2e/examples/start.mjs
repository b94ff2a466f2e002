// Starts passkeyd once, and the examples beside it: each with a Service of its own, made by the script that people use.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

import { repository } from '../support/paths.mjs';
import { freePort } from '../support/server.mjs';

// Beside the build of passkeyd, and kept for the next run.
const cargoTarget = join(process.env.CARGO_TARGET_DIR ?? join(repository, 'target'), 'examples');

const run = promisify(execFile);
const STARTUP_MS = 60_000;

async function installed(needs) {
  for (const [command, debian] of Object.entries(needs ?? {})) {
    await run('sh', ['-c', `command -v ${command}`]).catch(() => {
      throw new Error(`This example needs the command ${command}: apt-get install ${debian}`);
    });
  }
}

// Runs the example on a free port. `build` has a folder for its output, which `stop` removes.
export async function startExample(example, passkeyd) {
  await installed(example.needs);
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const kept = Object.entries(process.env).filter(([name]) => !/^(PASSKEYD|TWILIO)_|^(ACCOUNT|SERVICE)_SID$|^AUTH_TOKEN$/.test(name));
  const output = await mkdtemp(join(tmpdir(), 'passkeyd-example-'));
  const filled = (text) => text.replace('$OUTPUT', output).replace('$PORT', String(port)).replace('$CARGO', cargoTarget);
  const environment = {
    ...Object.fromEntries(kept),
    PORT: String(port), ORIGIN: origin, PASSKEYD_URL: passkeyd.url, ACCOUNT_SID: passkeyd.accountSid, AUTH_TOKEN: passkeyd.authToken,
    ...Object.fromEntries(Object.entries(example.environment ?? {}).map(([name, value]) => [name, filled(value)])),
  };
  const script = async (...args) => (await run(join(repository, 'examples', 'create-service.sh'), args, { env: environment })).stdout.trim();
  environment.SERVICE_SID = await script();
  if (example.wire === 'nevis') {
    environment.ACCESS_KEY = await script(environment.SERVICE_SID);
    // This wire needs the key of one Service only.
    delete environment.AUTH_TOKEN;
  }
  const options = { cwd: example.folder, env: environment };
  for (const [command, ...args] of example.build ?? []) await run(command, args.map(filled), options);

  const log = [];
  const [command, ...args] = example.command.map(filled);
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const ended = once(child, 'exit');
  ended.catch(() => {});
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => log.push(text));
  // The whole group: some commands start the server as a child.
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGTERM');
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), 10_000);
    await ended;
    clearTimeout(timer);
    await rm(output, { recursive: true, force: true });
  };
  const failed = new Promise((_, reject) => child.once('error', reject));
  const ready = async () => {
    for (const deadline = Date.now() + STARTUP_MS; ;) {
      const answer = await fetch(`${origin}/me`).catch(() => undefined);
      if (answer?.ok) return;
      if (child.exitCode !== null || Date.now() > deadline) {
        await end();
        throw new Error(`${example.name} did not start:\n${log.join('')}`);
      }
      await delay(50);
    }
  };
  await Promise.race([ready(), failed]);
  return { origin, log, stop: end };
}
