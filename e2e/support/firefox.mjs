// A real Firefox with virtual authenticators, driven by its own remote protocol (Marionette): a message is its length and JSON.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { firefox } from './paths.mjs';
import { freePort } from './server.mjs';

const STARTUP_MS = 60_000;

const preferences = {
  'app.normandy.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  // Names that end in .test lead to this machine.
  'network.dns.localDomains': 'page.test',
  'security.webauth.webauthn_enable_softtoken': true,
  'security.webauth.webauthn_enable_usbtoken': false,
  'toolkit.telemetry.enabled': false,
};

class Marionette {
  #socket;
  #waiting = new Map();
  #last = 0;
  #rest = Buffer.alloc(0);

  static async connect(port) {
    const marionette = new Marionette();
    const deadline = Date.now() + STARTUP_MS;
    for (;;) {
      try {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        marionette.#socket = socket;
        break;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await delay(100);
      }
    }
    marionette.#socket.on('data', (data) => marionette.#read(data));
    return marionette;
  }

  #read(data) {
    this.#rest = Buffer.concat([this.#rest, data]);
    for (;;) {
      const colon = this.#rest.indexOf(':');
      const length = Number(this.#rest.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || this.#rest.length < colon + 1 + length) return;
      const message = JSON.parse(this.#rest.subarray(colon + 1, colon + 1 + length));
      this.#rest = this.#rest.subarray(colon + 1 + length);
      if (!Array.isArray(message)) continue; // Its greeting.
      const [, id, error, result] = message;
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) reject(new Error(`${error.error}: ${error.message}`));
      else resolve(result);
    }
  }

  send(name, parameters = {}) {
    this.#last += 1;
    const text = JSON.stringify([0, this.#last, name, parameters]);
    const answer = new Promise((resolve, reject) => this.#waiting.set(this.#last, { resolve, reject }));
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    return answer;
  }

  close() {
    this.#socket.destroy();
  }
}

// A Firefox with an empty profile; `close` ends it and removes the profile.
export async function launchFirefox() {
  const profile = await mkdtemp(join(tmpdir(), 'passkeyd-firefox-'));
  const port = await freePort();
  const all = { ...preferences, 'marionette.port': port };
  const lines = Object.entries(all).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
  await writeFile(join(profile, 'user.js'), lines.join(''));
  const child = spawn(firefox, ['--headless', '--marionette', '--no-remote', '--profile', profile], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  ended.catch(() => {});
  const failed = new Promise((_, reject) => child.once('error', reject));
  const marionette = await Promise.race([Marionette.connect(port), failed]);
  await marionette.send('WebDriver:NewSession', { capabilities: { alwaysMatch: {} } });
  await marionette.send('WebDriver:SetTimeouts', { script: 60_000 });
  let authenticatorId;
  return {
    // Opens the address with a virtual authenticator of its own. There is one page at a time.
    async open(url) {
      if (authenticatorId) await marionette.send('WebAuthn:RemoveVirtualAuthenticator', { authenticatorId });
      authenticatorId = (await marionette.send('WebAuthn:AddVirtualAuthenticator', {
        protocol: 'ctap2_1', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserConsenting: true, isUserVerified: true,
      })).value;
      await marionette.send('WebDriver:Navigate', { url });
      return {
        // Runs the function in the page, like Playwright's `evaluate`.
        async evaluate(run, argument) {
          const script = `const [argument, done] = arguments;
            Promise.resolve((${run})(argument)).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
          const { value } = await marionette.send('WebDriver:ExecuteAsyncScript', { script, args: [argument ?? null], sandbox: null });
          if (value.error) throw new Error(value.error);
          return value.value;
        },
        authenticator: {
          // In Firefox the user always touches at once; autofill still waits for a choice.
          touching: async () => {},
          verifying: (isUserVerified) => marionette.send('WebAuthn:SetUserVerified', { authenticatorId, isUserVerified }),
          clear: () => marionette.send('WebAuthn:RemoveAllCredentials', { authenticatorId }),
          credentials: async () => (await marionette.send('WebAuthn:GetCredentials', { authenticatorId })).value,
        },
        close: async () => {},
      };
    },
    async close() {
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      marionette.send('Marionette:Quit', { flags: ['eForceQuit'] }).catch(() => {});
      await ended;
      clearTimeout(timer);
      marionette.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
