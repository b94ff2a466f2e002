// Error 60378: the request has no valid response object.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Authenticators, sources } from '../support/authenticators.mjs';
import { newIdentity, newService, ORIGIN, raw, refused, register, start, startRegistration } from '../support/wire.mjs';

const TITLE = 'Authenticator response invalid or not provided';

let context, service;
before(async () => {
  context = await start();
  service = await newService(context.verify);
});
after(() => context?.stop());

async function refused60378(promise, members) {
  const error = await refused(promise, 60378, 400);
  assert.equal(error.message, TITLE);
  assert.equal(error.moreInfo, `${context.server.url}/docs/errors/60378`);
  if (members) {
    assert.equal(error.details.reason, 'response_member_missing');
    assert.deepEqual(error.details.members.toSorted(), members.toSorted());
  }
  assert.ok(error.details.help.length > 20, error.details.help);
  return error;
}

// Changes that leave no valid response object, each with the members that the error has to name.
const broken = (required) => ({
  'with `response` removed': [({ response: _, ...rest }) => rest, ['response']],
  'with `response` null': [(credential) => ({ ...credential, response: null }), ['response']],
  'with a `response` that is a string': [(credential) => ({ ...credential, response: 'x' }), ['response']],
  'with a `response` that is a list': [(credential) => ({ ...credential, response: [credential.response] }), ['response']],
  'with an empty `response`': [(credential) => ({ ...credential, response: {} }), required.map((name) => `response.${name}`)],
  'with only clientDataJSON': [
    (credential) => ({ ...credential, response: { clientDataJSON: credential.response.clientDataJSON } }),
    required.filter((name) => name !== 'clientDataJSON').map((name) => `response.${name}`),
  ],
  'in the flat shape': [({ response, ...rest }) => ({ ...rest, ...response }), ['response']],
  ...Object.fromEntries(required.flatMap((name) => [
    ['removed', undefined], ['null', null], ['empty', ''], ['a number', 7], ['an object', {}], ['a list', ['x']],
  ].map(([what, value]) => [
    `with ${name} ${what}`,
    [(credential) => {
      const response = { ...credential.response, [name]: value };
      if (value === undefined) delete response[name];
      return { ...credential, response };
    }, [`response.${name}`]],
  ]))),
});

for (const source of sources) {
  describe(`with passkeys from ${source.name}`, () => {
    let authenticators;
    before(() => { authenticators = new Authenticators(source); });
    after(() => authenticators?.close());

    describe('a registration', () => {
      for (const [name, [change, members]] of Object.entries(broken(['clientDataJSON', 'attestationObject']))) {
        test(`${name} is refused, and the same registration may still be finished`, async () => {
          const identity = newIdentity();
          const { options } = await startRegistration(service, identity);
          const credential = await authenticators.create(options, ORIGIN, { device: identity });
          await refused60378(service.newVerifyFactors.update(change(credential)), members);
          assert.equal((await service.newVerifyFactors.update(credential)).status, 'verified');
        });
      }

      test('with the response of an authentication is refused, and the help says so', async () => {
        const user = await register(service, authenticators);
        const challenge = await service.newChallenge().create({ identity: user.identity });
        const assertion = await authenticators.get(challenge.options, ORIGIN, { device: user.device });
        const error = await refused60378(service.newVerifyFactors.update(assertion), ['response.attestationObject']);
        assert.match(error.details.help, /ApproveChallenge/);
        assert.equal((await service.approveChallenge.update(assertion)).status, 'approved');
      });

      test('with another type is refused', async () => {
        const identity = newIdentity();
        const { options } = await startRegistration(service, identity);
        const credential = await authenticators.create(options, ORIGIN, { device: identity });
        await refused60378(service.newVerifyFactors.update({ ...credential, type: 'password' }));
        const { type: _, ...withoutType } = credential;
        assert.equal((await service.newVerifyFactors.update(withoutType)).status, 'verified');
      });
    });

    describe('an authentication', () => {
      for (const [name, [change, members]] of Object.entries(broken(['authenticatorData', 'clientDataJSON', 'signature']))) {
        test(`${name} is refused, and the same challenge may still be approved`, async () => {
          const user = await register(service, authenticators);
          const { options } = await service.newChallenge().create({ identity: user.identity });
          const credential = await authenticators.get(options, ORIGIN, { device: user.device });
          await refused60378(service.approveChallenge.update(change(credential)), members);
          assert.equal((await service.approveChallenge.update(credential)).status, 'approved');
        });
      }

      test('with the response of a registration is refused, and the help says so', async () => {
        const identity = newIdentity();
        const { options } = await startRegistration(service, identity);
        const credential = await authenticators.create(options, ORIGIN, { device: identity });
        // Current browsers also put authenticatorData into the response of a registration.
        const missing = 'authenticatorData' in credential.response
          ? ['response.signature'] : ['response.authenticatorData', 'response.signature'];
        const error = await refused60378(service.approveChallenge.update(credential), missing);
        assert.match(error.details.help, /registration/);
        assert.match(error.details.help, /VerifyFactor/);
      });
    });
  });
}

test('the error page tells what happened and shows a correct example', async () => {
  const { status, headers, text } = await raw(context.server, 'GET', '/docs/errors/60378', { authorization: null });
  assert.equal(status, 200);
  assert.match(headers.get('content-type'), /^text\/html/);
  for (const word of ['60378', TITLE, 'attestationObject', 'clientDataJSON', 'signature', 'toJSON']) assert.ok(text.includes(word), word);
});
