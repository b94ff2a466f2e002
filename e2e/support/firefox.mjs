// A real Firefox with virtual authenticators, driven by its own remote protocol (Marionette): a message is its length and JSON.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { firefox } from './paths.mjs';
import { Person, find } from './person.mjs';
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

// Runs in the window of the browser itself, which has its settings, its authorities and its console.
async function inWindow(marionette, run, argument) {
  await marionette.send('Marionette:SetContext', { value: 'chrome' });
  try {
    return (await marionette.send('WebDriver:ExecuteScript', { script: `return (${run})(...arguments);`, args: [argument ?? null] })).value;
  } finally {
    await marionette.send('Marionette:SetContext', { value: 'content' });
  }
}

// What a `Person` needs of Firefox.
function hands(marionette, page) {
  const reference = (value) => value && Object.values(value)[0];
  return {
    ...page,
    goto: (url) => marionette.send('WebDriver:Navigate', { url }),
    reload: () => marionette.send('WebDriver:Refresh'),
    url: async () => (await marionette.send('WebDriver:GetCurrentURL')).value,
    element: async (named) => reference((await marionette.send('WebDriver:ExecuteScript', {
      script: `return (${find})(arguments[0]);`, args: [named], sandbox: null,
    })).value),
    click: (id) => marionette.send('WebDriver:ElementClick', { id }),
    async type(id, text) {
      await marionette.send('WebDriver:ElementClear', { id });
      await marionette.send('WebDriver:ElementSendKeys', { id, text });
    },
    // A window is not as narrow as a telephone. At twice its size a page has half the pixels.
    async narrow(narrow) {
      await inWindow(marionette, async (narrow) => {
        const tab = gBrowser.selectedBrowser;
        const width = narrow ? 640 : 1000;
        if (tab.clientWidth !== width) {
          const done = new Promise((resolve) => addEventListener('resize', resolve, { once: true }));
          resizeBy(width - tab.clientWidth, 0);
          await done;
        }
        tab.fullZoom = narrow ? 2 : 1;
      }, narrow);
      await page.evaluate((width) => new Promise((resolve) => {
        const look = () => (innerWidth === width ? resolve() : requestAnimationFrame(look));
        look();
      }), narrow ? 320 : 1000);
    },
    async dark(dark) {
      await inWindow(marionette, (dark) => Services.prefs.setIntPref('layout.css.prefers-color-scheme.content-override', dark ? 0 : 1), dark);
      await page.evaluate((dark) => new Promise((resolve) => {
        const look = () => (matchMedia('(prefers-color-scheme: dark)').matches === dark ? resolve() : requestAnimationFrame(look));
        look();
      }), dark);
    },
    // What the console of the browser has of pages, but for warnings, since the last question. A broken policy is in it.
    problems: () => inWindow(marionette, () => {
      const { nsIScriptError } = Ci;
      const errors = Services.console.getMessageArray()
        .filter((message) => message instanceof nsIScriptError && message.sourceName.startsWith('http') && !(message.flags & nsIScriptError.warningFlag))
        .map(({ sourceName, lineNumber, errorMessage }) => `${sourceName}:${lineNumber}: ${errorMessage}`);
      Services.console.reset();
      return errors;
    }),
  };
}

// A Firefox with an empty profile; `close` ends it and removes the profile. It trusts `authority` too, a certificate as a PEM file.
export async function launchFirefox({ authority } = {}) {
  const profile = await mkdtemp(join(tmpdir(), 'passkeyd-firefox-'));
  const port = await freePort();
  const all = { ...preferences, 'marionette.port': port };
  const lines = Object.entries(all).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
  await writeFile(join(profile, 'user.js'), lines.join(''));
  const child = spawn(firefox, ['--headless', '--marionette', '--remote-allow-system-access', '--no-remote', '--profile', profile], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  ended.catch(() => {});
  const failed = new Promise((_, reject) => child.once('error', reject));
  const marionette = await Promise.race([Marionette.connect(port), failed]);
  await marionette.send('WebDriver:NewSession', { capabilities: { alwaysMatch: {} } });
  await marionette.send('WebDriver:SetTimeouts', { script: 60_000 });
  if (authority) {
    await inWindow(marionette, (certificate) => {
      Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB).addCertFromBase64(certificate, 'C,,');
    }, (await readFile(authority, 'utf8')).replaceAll(/-----.*-----|\s/g, ''));
  }
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
    async person() {
      return new Person(hands(marionette, await this.open('about:blank')));
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
