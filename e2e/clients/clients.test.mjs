// Libraries for browsers that people use already, against the three APIs, in Chromium and Firefox: unchanged.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launchClientBrowser } from '../support/browser.mjs';
import { launchFirefox } from '../support/firefox.mjs';
import { startSite } from './site.mjs';

const libraries = [
  '@simplewebauthn/browser', '@github/webauthn-json', '@github/webauthn-json/browser-ponyfill', 'parseCreationOptionsFromJSON and toJSON', 'JSON.stringify',
];
const wires = ['twilio', 'nevis', 'fido'];
// The FIDO binding starts a sign-in for a name only.
const nameless = ['twilio', 'nevis'];
let people = 0;

for (const [name, launch] of [['Chromium', launchClientBrowser], ['Firefox', launchFirefox]]) {
  describe(`in ${name}`, { timeout: 180_000 }, () => {
    let site, browser;
    before(async () => {
      site = await startSite();
      browser = await launch();
    });
    after(async () => {
      await browser?.close();
      await site?.stop();
    });

    for (const library of libraries) {
      describe(library, () => {
        let page;
        before(async () => {
          page = await browser.open(site.origin);
          await page.evaluate(async () => {
            for (let waited = 0; !window.ready; waited += 50) {
              if (waited > 20_000) throw new Error('the page is not ready');
              await new Promise((done) => setTimeout(done, 50));
            }
          });
        });
        after(() => page?.close());

        const register = (wire, person) => page.evaluate(async ({ library, wire, person }) => {
          const options = await post(`/${wire}/register`, { name: person });
          return post(`/${wire}/registered`, await clients[library].create(options));
        }, { library, wire, person });
        const signIn = (wire, person, verb = 'get') => page.evaluate(async ({ library, wire, person, verb }) => {
          const options = await post(`/${wire}/signIn`, { name: person });
          return post(`/${wire}/signedIn`, await clients[library][verb](options));
        }, { library, wire, person, verb });

        for (const wire of wires) {
          test(`registers and signs in on the ${wire} wire`, async () => {
            people += 1;
            const person = `person-${people}-of-all`;
            await page.authenticator.clear();
            assert.equal(await register(wire, person), person);
            assert.equal(await signIn(wire, person), person);
            // A passkey of one API works on the others.
            for (const other of wires) assert.equal(await signIn(other, person), person, other);
            // The options say that this authenticator has a passkey already.
            await assert.rejects(register(wire, person), /InvalidStateError|already registered|previously registered/);
          });
        }

        test('signs in without a name', async () => {
          people += 1;
          const person = `person-${people}-of-all`;
          await page.authenticator.clear();
          await register('twilio', person);
          for (const wire of nameless) assert.equal(await signIn(wire), person, wire);
        });

        // Firefox waits for a choice in its list, which its remote protocol cannot make.
        if (name === 'Chromium' && !['@github/webauthn-json/browser-ponyfill', 'JSON.stringify'].includes(library)) {
          test('signs in by autofill', async () => {
            people += 1;
            const person = `person-${people}-of-all`;
            await page.authenticator.clear();
            await register('twilio', person);
            for (const wire of nameless) assert.equal(await signIn(wire, undefined, 'autofill'), person, wire);
          });
        }
      });
    }
  });
}
