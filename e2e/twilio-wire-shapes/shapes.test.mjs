// Each file in libraries/ is a helper library of the vendor that does not run here: the requests of a whole flow, in order, with the
// headers and bodies that the library sends. Names in double braces are replaced by values of an earlier response or of the authenticator.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { request as http } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import Ajv from 'ajv';

import { Authenticators, sources } from '../support/authenticators.mjs';
import { serve } from '../support/server.mjs';

const ORIGIN = 'https://login.acme.test';

const read = (...path) => JSON.parse(readFileSync(join(import.meta.dirname, ...path), 'utf8'));
const libraries = readdirSync(join(import.meta.dirname, 'libraries')).map((name) => read('libraries', name));
const schemas = read('schemas.json');
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
const valid = Object.fromEntries(['service', 'factor', 'challenge'].map((name) => [name, ajv.compile(schemas[name])]));

// `node:http` adds only the headers that HTTP demands; `fetch` would add more.
function send(url, { method, headers, body }) {
  return new Promise((resolve, reject) => {
    const request = http(url, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => { text += piece; });
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on('error', reject).end(body);
  });
}

const filled = (text, values) => text.replace(/\{\{(\w+)\}\}/g, (_, name) => {
  assert.ok(name in values, `nothing stands for {{${name}}}`);
  return values[name];
});

const at = (value, path) => path.split('.').reduce((inner, name) => inner?.[name], value);

for (const library of libraries) {
  describe(`${library.library} ${library.version}`, () => {
    const values = { identity: `user-${randomBytes(6).toString('hex')}` };
    let server, authenticators;
    before(async () => {
      server = await serve();
      authenticators = new Authenticators(sources.find(({ name }) => name === 'testkit'));
    });
    after(async () => {
      await authenticators?.close();
      await server?.stop();
    });

    // The response of the passkey becomes a value for the next requests.
    async function answer(operation, options) {
      const credential = await authenticators[operation](options, ORIGIN, { device: 'phone' });
      const { clientDataJSON, attestationObject, authenticatorData, signature, userHandle } = credential.response;
      Object.assign(values, { id: credential.id, clientDataJSON, attestationObject, authenticatorData, signature, userHandle });
    }

    for (const { name, method, path, headers, body, token, status, expect, keep, answer: operation, schema } of library.requests) {
      test(name, async () => {
        const pair = `${server.accountSid}:${token ?? server.authToken}`;
        const response = await send(server.url + filled(path, values), {
          method,
          headers: {
            ...library.headers,
            ...headers,
            Authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
            ...(body !== undefined && { 'Content-Length': Buffer.byteLength(filled(body, values)) }),
          },
          body: body && filled(body, values),
        });
        assert.equal(response.status, status, response.text);
        if (status === 204) return assert.equal(response.text, '');

        assert.match(response.headers['content-type'], /^application\/json/);
        const json = JSON.parse(response.text);
        for (const [member, value] of Object.entries(expect ?? {})) {
          const wanted = typeof value === 'string' ? filled(value, values) : value;
          assert.deepEqual(at(json, member), wanted, `${member} in ${response.text}`);
        }
        if (schema) assert.ok(valid[schema](json), `${ajv.errorsText(valid[schema].errors)} in ${response.text}`);
        for (const [name, member] of Object.entries(keep ?? {})) values[name] = at(json, member);
        if (operation) await answer(operation, json.options);
      });
    }
  });
}

test('the schemas find what the vendor describes otherwise', () => {
  const { requests } = libraries[0];
  assert.ok(requests.some(({ schema }) => schema === 'challenge'));
  const challenge = {
    sid: `YC${'0'.repeat(32)}`, account_sid: `AC${'0'.repeat(32)}`, service_sid: `VA${'0'.repeat(32)}`, entity_sid: null, identity: null,
    factor_sid: null, date_created: '2026-01-02T03:04:05Z', date_updated: '2026-01-02T03:04:05Z', date_responded: null,
    expiration_date: '2026-01-02T03:09:05Z', status: 'pending', responded_reason: 'none', details: null, hidden_details: null,
    metadata: null, factor_type: 'passkeys', url: 'https://passkeys.test/v2', links: null,
  };
  assert.ok(valid.challenge(challenge), ajv.errorsText(valid.challenge.errors));
  for (const change of [{ entity_sid: '' }, { factor_sid: '' }, { status: 'open' }, { links: [] }, { date_created: '2026' }, { extra: 1 }]) {
    assert.equal(valid.challenge({ ...challenge, ...change }), false, JSON.stringify(change));
  }
});
