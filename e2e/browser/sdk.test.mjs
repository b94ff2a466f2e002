// The SDK of sdk/ in Chromium and Firefox, on both wires, through the back end of an example and below a path prefix.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { launchClientBrowser } from '../support/browser.mjs';
import { launchFirefox } from '../support/firefox.mjs';
import { startSdkSite } from '../support/sdk-site.mjs';

const wires = ['twilio', 'nevis'];
let people = 0;
const person = () => `person-${people += 1}`;

for (const [name, launch] of [['Chromium', launchClientBrowser], ['Firefox', launchFirefox]]) {
  for (const wire of wires) {
    describe(`the SDK in ${name} on the ${wire} wire`, { timeout: 180_000 }, () => {
      let site, browser, page;
      before(async () => {
        site = await startSdkSite(wire);
        browser = await launch();
        await open();
      });
      after(async () => {
        await browser?.close();
        await site?.stop();
      });
      async function open(hash = '') {
        await page?.close();
        page = await browser.open(`${site.url}${hash}`);
        await page.evaluate(async () => {
          for (let waited = 0; !window.ready; waited += 50) {
            if (waited > 20_000) throw new Error('the page is not ready');
            await new Promise((done) => setTimeout(done, 50));
          }
        });
      }
      const registered = async () => {
        const account = person();
        await page.authenticator.clear();
        await page.evaluate((one) => sdk.register({ name: one }), account);
        return account;
      };
      const me = () => page.evaluate(() => me());
      const signOut = () => page.evaluate(() => sdk.post('sign-out'));

      test('registers, signs in by name and without, and steps up', async () => {
        const account = await registered();
        assert.equal((await me()).name, account);
        for (const body of [{ name: account }, {}]) {
          await signOut();
          assert.equal((await me()).name, null);
          await page.evaluate((given) => sdk.signIn(given), body);
          assert.equal((await me()).name, account);
        }
        assert.equal(await page.evaluate(() => reasonOf(sdk.reauthenticate())), 'success');
        assert.deepEqual(
          await page.evaluate(() => window.events.slice(-3).map(({ operation, phase }) => `${operation} ${phase}`)),
          ['reauthenticate started', 'reauthenticate returned', 'reauthenticate done'],
        );
      });

      test('adds a passkey after a confirmation, and not twice on one device', async () => {
        await registered();
        // The sign-up has confirmed the session once.
        assert.equal(await page.evaluate(() => reasonOf(sdk.register({}, { add: true }))), 'exists');
        assert.equal(await page.evaluate(() => reasonOf(sdk.register({}, { add: true }))), 'refused 403 step_up_required');
        await page.evaluate(() => sdk.reauthenticate());
        await page.authenticator.clear();
        assert.equal(await page.evaluate(() => reasonOf(sdk.register({}, { add: true }))), 'success');
        assert.equal((await me()).passkeys.length, 2);
      });

      test('says what the back end refused', async () => {
        const account = await registered();
        await page.authenticator.clear();
        assert.equal(await page.evaluate((one) => reasonOf(sdk.register({ name: one })), account), 'refused 409');
        const missing = await page.evaluate(() => {
          sdk.configure({ backEnd: 'elsewhere' });
          return sdk.signIn().catch(({ likely }) => likely).finally(() => sdk.configure({ backEnd: '.' }));
        });
        assert.match(missing, /no route at http:\/\/localhost:\d+\/shop\/elsewhere\/sign-in\/start/);
      });

      test('knows what the browser can do', async () => {
        const can = await page.evaluate(() => sdk.capabilities());
        assert.deepEqual([can.webauthn, can.platform], [true, true]);
        for (const value of Object.values(can)) assert.equal(typeof value, 'boolean');
        if (name === 'Chromium') assert.deepEqual([can.autofill, can.signalUnknown, can.signalAccepted, can.signalDetails], [true, true, true, true]);
      });

      test('reports what no back end sees, below its own path prefix and to another origin', async () => {
        const { host } = new URL(site.server);
        for (const [server, times] of [[undefined, 1], [site.server, 2]]) {
          await page.evaluate(async (given) => {
            const { reporter } = await import('./sdk/events.mjs');
            const events = reporter(given ?? undefined);
            sdk.configure({ onEvent: events.onEvent });
            events.offered('signIn');
            await sdk.signIn({ name: '' }).catch(() => undefined);
            events.fallback('signIn');
            events.flush();
            sdk.configure({ onEvent: (event) => window.events.push(event) });
          }, server);
          const labels = (event) => `browser="${name === 'Chromium' ? 'chrome' : 'firefox'}",event="${event}",operation="signIn",system="linux"`;
          const counts = async () => {
            const counted = await site.counted();
            return ['offered', 'refused', 'fallback'].map((event) => counted.get(labels(event)));
          };
          const wanted = [times, times, times];
          for (const deadline = Date.now() + 10_000; `${await counts()}` !== `${wanted}`;) {
            assert.ok(Date.now() < deadline, `${server ?? 'the own server'} (${host}): ${[...await site.counted()]}`);
            await delay(50);
          }
        }
        // What the page sent is what the README says.
        const [, report] = site.received.findLast(([path]) => path === '_app/events');
        for (const event of report.events) assert.deepEqual(Object.keys(event), ['operation', 'event']);
      });

      test('is a button', async () => {
        const account = person();
        await signOut();
        await page.authenticator.clear();
        const click = (index, fill) => page.evaluate(async ({ which, text }) => {
          document.querySelector('[name=name]').value = text;
          const button = document.querySelectorAll('passkey-button')[which];
          const ended = new Promise((done) => {
            button.addEventListener('passkey-success', () => done('success'), { once: true });
            button.addEventListener('passkey-error', ({ detail }) => done(detail.reason), { once: true });
          });
          button.querySelector('button').click();
          const busy = button.querySelector('button').disabled;
          return [busy, await ended, button.querySelector('button').disabled];
        }, { which: index, text: fill });
        assert.deepEqual(await click(0, account), [true, 'success', false]);
        // Only the field that the attribute names has left the page.
        assert.deepEqual(site.received.filter(([path]) => path === 'register/start').at(-1)[1], { name: account });
        await signOut();
        assert.deepEqual(await click(1, account), [true, 'success', false]);
        assert.equal((await me()).name, account);
        assert.deepEqual(await click(0, account), [true, 'refused', false]);
        assert.equal(await page.evaluate(() => document.querySelectorAll('passkey-button')[2].firstElementChild.disabled), true);
        assert.equal(await page.evaluate(() => document.querySelectorAll('passkey-button button').length), 3);
      });

      test('is a hook of React', async () => {
        await signOut();
        await page.authenticator.clear();
        const shown = (text) => page.evaluate(async (wanted) => {
          for (let waited = 0; document.querySelector('output')?.textContent !== wanted; waited += 50) {
            if (waited > 20_000) throw new Error(`it shows ${document.querySelector('output')?.textContent}`);
            await new Promise((done) => setTimeout(done, 50));
          }
        }, text);
        const press = (label) => page.evaluate((wanted) => {
          [...document.querySelectorAll('section button')].find(({ textContent }) => textContent === wanted).click();
        }, label);
        await page.evaluate(() => import('./react.mjs'));
        await shown('known|idle||');
        await press('React register');
        await shown('known|idle||registered');
        await press('React register');
        await shown('known|idle|refused|registered');
        await press('React sign in');
        await shown('known|idle||signed in');
      });

      // Firefox waits for a choice in its list, which its remote protocol cannot make.
      if (name === 'Chromium') {
        test('signs in by autofill, also after a button that failed', async () => {
          const account = await registered();
          await signOut();
          await page.authenticator.touching(false);
          const asked = (count) => page.evaluate(async (wanted) => {
            window.since ??= window.events.length;
            while (window.events.slice(window.since).filter(({ operation, phase }) => operation === 'autofill' && phase === 'started').length < wanted) {
              await new Promise((done) => setTimeout(done, 20));
            }
          }, count);
          await asked(0);
          await page.evaluate(() => { window.answer = sdk.autofill(); });
          await asked(1);
          // The virtual authenticator does not respond to what it was asked before.
          await page.authenticator.touching(true);
          assert.equal(await page.evaluate(() => reasonOf(sdk.register({ name: '' }))), 'refused 400');
          await asked(2);
          await page.evaluate(() => window.answer);
          assert.equal((await me()).name, account);
        });

        test('tells the password manager which passkeys the server accepts', async () => {
          await registered();
          const [{ credentialId, userHandle, rpId }] = await page.authenticator.credentials();
          const url = (base64) => base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
          const list = { rpId, userId: url(userHandle), allAcceptedCredentialIds: [url(credentialId)] };
          assert.equal(await page.evaluate((details) => sdk.signal.accepted(details), list), true);
          assert.equal((await page.authenticator.credentials()).length, 1);
          assert.equal(await page.evaluate((details) => sdk.signal.accepted(details), { ...list, allAcceptedCredentialIds: [] }), true);
          assert.equal((await page.authenticator.credentials()).length, 0);
        });
      }
    });
  }
}
