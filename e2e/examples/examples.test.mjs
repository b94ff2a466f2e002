// The examples, each with the page that they share, in Chromium. Then the attacks that their routes must refuse.
// `EXAMPLE=express` runs one of them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { launch, pageWithAuthenticator } from '../support/browser.mjs';
import { launchFirefox } from '../support/firefox.mjs';
import { serve } from '../support/server.mjs';
import { examples } from './list.mjs';
import { startExample } from './start.mjs';

const { EXAMPLE } = process.env;
const chosen = examples.filter(({ name }) => !EXAMPLE || name === EXAMPLE);
assert.ok(chosen.length, `there is no example ${EXAMPLE}`);
// The machine of the tests may be busy.
const PATIENCE = 30_000;

// Someone with a browser of their own, or with no browser at all.
class Client {
  #cookie;

  constructor(origin, cookie) {
    this.origin = origin;
    this.#cookie = cookie;
  }

  async send(path, { body = {}, headers = {}, method = 'POST' } = {}) {
    const answer = await fetch(new URL(path, this.origin), {
      method,
      headers: {
        ...(method === 'POST' && { 'content-type': 'application/json', origin: this.origin }), ...(this.#cookie && { cookie: this.#cookie }), ...headers,
      },
      body: method === 'POST' ? (typeof body === 'string' ? body : JSON.stringify(body)) : undefined,
    });
    for (const set of answer.headers.getSetCookie()) {
      this.#cookie = set.split(';')[0];
      // A cookie that the sign-out removes has nothing to protect.
      if (!/Max-Age=0|Expires=Thu, 01/i.test(set)) assert.match(set, /(?=.*; *HttpOnly)(?=.*; *SameSite=(Lax|Strict))/i);
    }
    const text = await answer.text();
    assert.ok(answer.status < 500, `${path}: ${answer.status} ${text}`);
    return { status: answer.status, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
  }

  async accepted(path, body) {
    const answer = await this.send(path, { body });
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    return answer.json;
  }

  async refused(path, body, status, more) {
    const answer = await this.send(path, { body, ...more });
    assert.equal(answer.status, status, `${path}: ${answer.text}`);
    return answer.json;
  }

  me = async () => (await this.send('/me', { method: 'GET' })).json;
}

const without = ({ challenge, ...rest }) => rest;

for (const example of chosen) {
  describe(`the example ${example.name} on the ${example.wire} wire`, { timeout: 240_000 }, () => {
    let passkeyd, site, browser, page, authenticator, adas;

    before(async () => {
      passkeyd = await serve();
      site = await startExample(example, passkeyd);
      browser = await launch();
      browser.context.setDefaultTimeout(PATIENCE);
      ({ page, authenticator } = await pageWithAuthenticator(browser.context));
      page.on('dialog', (dialog) => dialog.accept('Work laptop'));
      // The virtual authenticator answers autofill at once, without waiting for a choice: before a test can press a button.
      await page.addInitScript(() => {
        if (location.hash !== '#autofill') PublicKeyCredential.isConditionalMediationAvailable = async () => false;
      });
    });
    after(async () => {
      await browser?.close();
      await site?.stop();
      await passkeyd?.stop();
    });

    const click = (name) => page.getByRole('button', { name, exact: true }).first().click();
    const says = async (text) => {
      await page.getByRole('status').filter({ hasText: text }).waitFor().catch(async () => {
        assert.equal(await page.getByRole('status').textContent(), text, site.log.slice(-20).join(''));
      });
    };
    const name = (text) => page.getByLabel('Name or e-mail address').fill(text);
    const rows = () => page.getByRole('listitem');
    const cookie = async () => (await browser.context.cookies(site.origin)).find(({ name }) => name === 'session');
    const open = async (address) => {
      await page.goto('about:blank');
      await page.goto(address);
    };
    const signOut = async () => {
      await click('Sign out');
      await says('Signed out.');
    };
    // What the browser of this page makes of options.
    const created = async (options) => {
      // The virtual authenticator has room for few passkeys.
      await authenticator.clear();
      return page.evaluate(async (json) => {
        const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json);
        return (await navigator.credentials.create({ publicKey })).toJSON();
      }, options);
    };
    const signed = (options) => page.evaluate(async (json) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json);
      return (await navigator.credentials.get({ publicKey })).toJSON();
    }, options);
    const registered = async (account) => {
      const client = new Client(site.origin);
      await client.accepted('/register/finish', await created(await client.accepted('/register/start', { name: account })));
      return client;
    };

    test('registers, in a new session', async () => {
      // The requests of autofill began a session, which somebody else may know.
      await authenticator.touching(false);
      await open(`${site.origin}/#autofill`);
      await page.waitForFunction(() => performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/sign-in/start')));
      const earlier = await cookie();
      assert.ok(earlier);
      await authenticator.touching(true);
      await name('Ada@acme.example');
      await click('Create an account');
      await says('Welcome.');
      assert.equal(await page.locator('#account').textContent(), 'ada@acme.example');
      const { value, httpOnly, sameSite } = await cookie();
      assert.notEqual(value, earlier.value);
      assert.equal(httpOnly, true);
      assert.match(sameSite, /^(Lax|Strict)$/);
      assert.equal((await new Client(site.origin, `session=${earlier.value}`).me()).name, null);
      [adas] = await authenticator.credentials();
    });

    test('knows an identity that says nothing about the person', async () => {
      const entities = await fetch(`${passkeyd.url}/v2/Services/`, { headers: { authorization: basic(passkeyd) } }).then((answer) => answer.json());
      const { sid } = entities.services[0];
      const { entities: [{ identity }] } = await fetch(`${passkeyd.url}/v2/Services/${sid}/Entities`, { headers: { authorization: basic(passkeyd) } })
        .then((answer) => answer.json());
      assert.doesNotMatch(identity, /@|acme/i);
    });

    test('ends the session', async () => {
      const { value } = await cookie();
      await open(site.origin);
      await signOut();
      const old = new Client(site.origin, `session=${value}`);
      assert.equal((await old.me()).name, null);
      await old.refused('/passkeys/start', {}, 401);
    });

    test('signs in by name, and in a new session', async () => {
      const earlier = await cookie();
      await name('ada@acme.example');
      await click('Sign in');
      await says('Signed in.');
      assert.notEqual((await cookie()).value, earlier?.value);
      await signOut();
    });

    test('signs in without a name', async () => {
      await click('Sign in without a name');
      await says('Signed in.');
      await signOut();
    });

    test('signs in by autofill', async () => {
      // The user chooses the passkey that the browser offers in the name field of the new page.
      await open(`${site.origin}/#autofill`);
      await says('Signed in.');
      assert.equal(await page.locator('#account').textContent(), 'ada@acme.example');
    });

    test('adds a passkey, renames one, and deletes it after a step-up', async () => {
      const client = new Client(site.origin, `session=${(await cookie()).value}`);
      const { passkeys: [first] } = await client.me();
      // Another device: it has no passkey of Ada yet.
      await authenticator.clear();
      await click('Add a passkey');
      await says('Added.');
      assert.equal(await rows().count(), 2);
      await click('Rename');
      await says('Rename: done.');
      assert.equal(await rows().filter({ hasText: 'Work laptop' }).count(), 1);
      // Adding has used up the confirmation of the sign-in.
      const { passkeys } = await client.me();
      const added = passkeys.findIndex(({ id }) => id !== first.id);
      assert.equal((await client.refused('/passkeys/delete', { id: passkeys[added].id }, 403)).reason, 'step_up_required');
      assert.equal((await client.refused('/passkeys/start', {}, 403)).reason, 'step_up_required');
      await rows().nth(added).getByRole('button', { name: 'Delete' }).click();
      await says('Delete: done.');
      assert.deepEqual((await client.me()).passkeys.map(({ id }) => id), [first.id]);
      assert.equal(await rows().count(), 1);
      if (example.name === 'flask') {
        // Its page has the SDK, which told the password manager: the authenticator has removed the passkey.
        for (const deadline = Date.now() + 5000; (await authenticator.credentials()).length > 0;) {
          assert.ok(Date.now() < deadline, 'the passkey is still there');
          await delay(50);
        }
      }
    });

    test('steps up, and keeps the last passkey', async () => {
      await authenticator.exchange(adas);
      await click('Confirm that it is you');
      await says('Confirmed.');
      await click('Delete');
      await says('This is your only passkey.');
    });

    test('shows nothing more for the attacks', () => page.goto(`${site.origin}/style.css`));

    test('refuses to enrol an existing account outside its session', async () => {
      const stranger = new Client(site.origin);
      await stranger.refused('/register/start', { name: 'ada@acme.example' }, 409);
      await stranger.refused('/register/start', { name: ' ADA@acme.example ' }, 409);
      await stranger.refused('/passkeys/start', {}, 401);
      await stranger.refused('/passkeys/start', { name: 'ada@acme.example' }, 401);
      await stranger.refused('/passkeys/finish', {}, 401);
      await stranger.refused('/step-up/start', { name: 'ada@acme.example' }, 401);

      // Signed in as somebody else, with the identity and the name of Ada in the request.
      const mallory = await registered('mallory');
      const options = await mallory.accepted('/passkeys/start', { name: 'ada@acme.example', identity: identityOf(adas), user: identityOf(adas) });
      assert.equal(options.user.displayName, 'mallory');
      assert.notEqual(options.user.id, identityOf(adas));
    });

    test('refuses a registration for a name that was taken meanwhile', async () => {
      const first = new Client(site.origin);
      const second = new Client(site.origin);
      const options = [await first.accepted('/register/start', { name: 'eve' }), await second.accepted('/register/start', { name: 'eve' })];
      await first.accepted('/register/finish', await created(options[0]));
      await second.refused('/register/finish', await created(options[1]), 409);
      assert.equal((await second.me()).name, null);
      // passkeyd has that passkey now, but it belongs to no account.
      await second.refused('/sign-in/finish', await signed(await second.accepted('/sign-in/start', {})), 401);
    });

    test('refuses a ceremony that another session began', async () => {
      const stranger = new Client(site.origin);
      const thief = new Client(site.origin);
      const creation = await created(await stranger.accepted('/register/start', { name: 'frank' }));
      await thief.refused('/register/finish', creation, 400);
      await thief.accepted('/register/start', { name: 'oscar' });
      await thief.refused('/register/finish', creation, 400);
      const grace = await registered('grace');
      const assertion = await signed(await grace.accepted('/sign-in/start', {}));
      await thief.refused('/sign-in/finish', assertion, 401);
      await thief.accepted('/sign-in/start', {});
      await thief.refused('/sign-in/finish', assertion, 401);
      assert.equal((await thief.me()).name, null);
    });

    test('does not say which accounts exist', async () => {
      const client = new Client(site.origin);
      const known = await client.accepted('/sign-in/start', { name: 'ada@acme.example' });
      const unknown = await client.accepted('/sign-in/start', { name: 'nobody@acme.example' });
      assert.deepEqual(without(known), without(unknown));

      const texts = new Set();
      // The passkey of the page belongs to another account, or to no account.
      await authenticator.exchange(adas);
      for (const account of ['mallory', 'nobody@acme.example']) {
        texts.add(JSON.stringify(await client.refused('/sign-in/finish', await signed(await client.accepted('/sign-in/start', { name: account })), 401)));
      }
      const spoilt = await signed(await client.accepted('/sign-in/start', {}));
      spoilt.response.signature = `AAAA${spoilt.response.signature.slice(4)}`;
      texts.add(JSON.stringify(await client.refused('/sign-in/finish', spoilt, 401)));
      assert.equal(texts.size, 1, [...texts].join('\n'));
      assert.equal((await client.me()).name, null);
    });

    test("refuses a step-up with another user's passkey, and does not reach another user's passkeys", async () => {
      await authenticator.clear();
      const mallory = await registered('mallory2');
      const [own] = await authenticator.credentials();
      await mallory.accepted('/step-up/start', {});
      await authenticator.exchange(adas);
      // Ada's signature on a challenge for anybody.
      const other = await signed(await new Client(site.origin).accepted('/sign-in/start', {}));
      assert.ok((await mallory.send('/step-up/finish', { body: other })).status >= 400);

      const ada = new Client(site.origin);
      await ada.accepted('/sign-in/finish', await signed(await ada.accepted('/sign-in/start', {})));
      const { passkeys: [{ id }] } = await ada.me();
      await authenticator.exchange(own);
      assert.ok((await mallory.send('/passkeys/rename', { body: { id, name: 'stolen' } })).status >= 400);
      assert.ok((await mallory.send('/passkeys/delete', { body: { id } })).status >= 400);
      // A sign-in is no step-up.
      await mallory.refused('/step-up/finish', await signed(await mallory.accepted('/sign-in/start', {})), 400);
      // Not even with a second passkey and a confirmation of her own.
      await mallory.accepted('/step-up/finish', await signed(await mallory.accepted('/step-up/start', {})));
      await authenticator.clear();
      await mallory.accepted('/passkeys/finish', await created(await mallory.accepted('/passkeys/start', {})));
      await mallory.accepted('/step-up/finish', await signed(await mallory.accepted('/step-up/start', {})));
      assert.ok((await mallory.send('/passkeys/delete', { body: { id } })).status >= 400);
      for (const wrong of ['../../Entities/x', '', 7, null, ['x'], { $ne: '' }]) {
        assert.ok((await mallory.send('/passkeys/rename', { body: { id: wrong, name: 'x' } })).status >= 400);
      }
      const { passkeys } = await ada.me();
      assert.deepEqual(passkeys.map((passkey) => [passkey.id, passkey.name === 'stolen']), [[id, false]]);
    });

    test('refuses what another site sends', async () => {
      const { value } = await cookie();
      const path = '/sign-out';
      for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: `${site.origin}.evil.example` }]) {
        await new Client(site.origin, `session=${value}`).refused(path, {}, 403, { headers });
      }
      const bare = await fetch(site.origin + path, { method: 'POST', headers: { cookie: `session=${value}`, 'content-type': 'application/json' }, body: '{}' });
      assert.equal(bare.status, 403);
      const form = await new Client(site.origin).send('/sign-in/start', { body: 'name=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
      assert.ok([400, 415].includes(form.status), form.text);
    });

    test('refuses bodies that no page sends', async () => {
      const client = new Client(site.origin);
      for (const body of ['', '{', '[]', 'null', '"x"', '7', '{"name":7}', '{"name":""}', `{"name":"${'x'.repeat(65)}"}`]) {
        const { status } = await client.send('/register/start', { body });
        assert.ok(status >= 400, `${body}: ${status}`);
      }
      for (const path of ['/register/finish', '/sign-in/finish', '/passkeys/finish', '/step-up/finish']) {
        await client.accepted('/sign-in/start', {});
        for (const body of ['{', '[]', 'null', '{"response":7}']) assert.ok((await client.send(path, { body })).status >= 400, path);
      }
      // Some servers close the connection before they have read all of it.
      const long = await client.send('/register/start', { body: JSON.stringify({ name: 'x', more: 'x'.repeat(200_000) }) }).catch((error) => {
        assert.match(error.message, /terminated|fetch failed/);
        return { status: 413 };
      });
      assert.ok(long.status >= 400);
      for (const path of ['/register/start', '/server.mjs', '/../express/server.mjs', '/..%2fREADME.md', '/.npmrc']) {
        const get = () => client.send(path, { method: 'GET' });
        // The first one may take the connection that is just being closed.
        const answer = await get().catch(get);
        assert.ok(answer.status >= 400, `${path}: ${answer.status}`);
      }
    });
  });
}

describe('the page of the examples in other browsers', { timeout: 120_000 }, () => {
  let passkeyd, site, browser;
  before(async () => {
    passkeyd = await serve();
    site = await startExample(examples[0], passkeyd);
    browser = await launch();
    browser.context.setDefaultTimeout(PATIENCE);
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
    await passkeyd?.stop();
  });

  for (const [case_, lack] of [
    ['that lacks them', () => {
      delete PublicKeyCredential.parseCreationOptionsFromJSON;
      delete PublicKeyCredential.parseRequestOptionsFromJSON;
      delete PublicKeyCredential.prototype.toJSON;
    }],
    ['whose toJSON throws', () => {
      PublicKeyCredential.prototype.toJSON = () => { throw new TypeError('Illegal invocation'); };
    }],
    ['without autofill', () => { delete PublicKeyCredential.isConditionalMediationAvailable; }],
  ]) {
    test(`registers and signs in, ${case_}`, async () => {
      await browser.context.clearCookies();
      const { page } = await pageWithAuthenticator(browser.context);
      await page.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
      await page.addInitScript(lack);
      const problems = [];
      page.on('pageerror', (error) => problems.push(error.message));
      await page.goto(site.origin);
      await page.getByLabel('Name or e-mail address').fill(case_);
      for (const [name, message] of [
        ['Create an account', 'Welcome.'], ['Confirm that it is you', 'Confirmed.'], ['Sign out', 'Signed out.'], ['Sign in without a name', 'Signed in.'],
      ]) {
        await page.getByRole('button', { name, exact: true }).click();
        await page.getByRole('status').filter({ hasText: message }).waitFor();
      }
      assert.deepEqual(problems, []);
      await page.close();
    });
  }

  test('registers and signs in, in Firefox', async () => {
    const firefox = await launchFirefox();
    try {
      // It waits in autofill meanwhile.
      const page = await firefox.open(site.origin);
      const done = await page.evaluate(async () => {
        const shown = async (check) => {
          for (let waited = 0; !check(); waited += 50) {
            if (waited > 20_000) throw new Error(`the page shows: ${document.body.innerText}`);
            await new Promise((next) => setTimeout(next, 50));
          }
        };
        await shown(() => !document.getElementById('signed-out').hidden);
        document.getElementById('name').value = 'in Firefox';
        const messages = [];
        for (const [id, message] of [['register', 'Welcome.'], ['step-up', 'Confirmed.'], ['sign-out', 'Signed out.'], ['sign-in-any', 'Signed in.']]) {
          document.getElementById(id).click();
          await shown(() => document.getElementById('message').textContent === message);
          messages.push(message);
        }
        return messages.length;
      });
      assert.equal(done, 4);
    } finally {
      await firefox.close();
    }
  });
});

const basic = ({ accountSid, authToken }) => `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;
const identityOf = ({ userHandle }) => userHandle.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
