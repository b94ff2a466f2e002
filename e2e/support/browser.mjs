// A real Chromium with a virtual authenticator (CTAP2, internal, resident keys, user verification).

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium as playwright } from 'playwright-core';

import { picture } from './picture.mjs';
import { chromium } from './paths.mjs';
import { Person, find } from './person.mjs';

const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

// A browser with an empty profile; `close` ends it and removes the profile.
export async function launch(options = {}) {
  const profile = await mkdtemp(join(tmpdir(), 'passkeyd-chromium-'));
  const context = await playwright.launchPersistentContext(profile, {
    executablePath: chromium, args: flags, headless: true, ...options,
  });
  context.setDefaultTimeout(10_000);
  return {
    context,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

// A page with its own virtual authenticator.
export async function pageWithAuthenticator(context) {
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const authenticator = {
    // Whether the user touches the sensor at once. Otherwise requests wait.
    touching: (enabled) => devtools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }),
    // Whether the user can be verified.
    verifying: (isUserVerified) => devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    credentials: async () => (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    // Restores a credential that the page had removed.
    async restore(credential) {
      const held = (await authenticator.credentials()).some(({ credentialId }) => credentialId === credential.credentialId);
      if (!held) await devtools.send('WebAuthn.addCredential', { authenticatorId, credential });
    },
    // Holds this credential alone.
    async exchange(credential) {
      await authenticator.clear();
      await authenticator.restore(credential);
    },
    clear: () => devtools.send('WebAuthn.clearCredentials', { authenticatorId }),
  };
  return { page, authenticator };
}

// What a `Person` needs of Chromium.
function hands(page, authenticator) {
  const found = [];
  page.on('pageerror', (error) => found.push(`${page.url()}: ${error}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) found.push(`${page.url()}: ${message.text()}`);
  });
  return {
    authenticator,
    goto: (url) => page.goto(url),
    reload: () => page.reload(),
    url: async () => page.url(),
    evaluate: (run, argument) => page.evaluate(run, argument),
    element: async (named) => (await page.evaluateHandle(find, named)).asElement(),
    click: (element) => element.click(),
    type: (element, text) => element.fill(text),
    narrow: (narrow) => page.setViewportSize({ width: narrow ? 320 : 1000, height: 700 }),
    dark: (dark) => page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' }),
    problems: async () => found.splice(0),
    picture: (name) => picture(page, name),
  };
}

// Chromium for a `Person`.
export async function launchChromium() {
  const { context, close } = await launch();
  return {
    async person() {
      const { page, authenticator } = await pageWithAuthenticator(context);
      return new Person(hands(page, authenticator));
    },
    close,
  };
}

// Chromium for the tests of the browser client: pages by address, each with its own authenticator.
export async function launchClientBrowser() {
  const browser = await launch({ args: [...flags, '--host-resolver-rules=MAP page.test 127.0.0.1'] });
  return {
    // `before` runs in the page and its frames before their own scripts.
    async open(url, before) {
      const { page, authenticator } = await pageWithAuthenticator(browser.context);
      if (before) await page.addInitScript(before);
      await page.goto(url);
      return { page, authenticator, evaluate: (run, argument) => page.evaluate(run, argument), close: () => page.close() };
    },
    close: browser.close,
  };
}
