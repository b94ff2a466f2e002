// Passkeys factors: created and verified.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import { Authenticators, sources } from '../support/authenticators.mjs';
import {
  decoded, isRecent, newIdentity, newService, ORIGIN, raw, rawJson, refused, register, RP_ID, start, startRegistration,
} from '../support/wire.mjs';

const { CreateNewPasskeysFactorRequest } = createRequire(import.meta.url)('twilio/lib/rest/verify/v2/service/newFactor');

let context, service;
before(async () => {
  context = await start();
  service = await newService(context.verify);
});
after(() => context?.stop());

describe('creating a factor', () => {
  test('answers with everything the contract names', async () => {
    const identity = newIdentity();
    const { body: factor, statusCode } = await service.newFactors.createWithHttpInfo({ friendly_name: 'Phone', identity });
    assert.equal(statusCode, 201);
    assert.match(factor.sid, /^YF[0-9a-f]{32}$/);
    assert.match(factor.entitySid, /^YE[0-9a-f]{32}$/);
    assert.equal(factor.identity, identity);
    assert.equal(factor.friendlyName, 'Phone');
    assert.equal(factor.status, 'unverified');
    assert.equal(factor.factorType, 'passkeys');
    assert.equal(factor.binding, null);
    assert.equal(factor.metadata, null);
    assert.deepEqual(factor.config, {
      relying_party: { id: RP_ID, name: 'Acme', origins: [`https://${RP_ID}`, ORIGIN] },
      authenticator_attachment: 'any',
      discoverable_credentials: 'preferred',
      user_verification: 'preferred',
    });
    isRecent(factor.dateCreated);
    isRecent(factor.dateUpdated);
    const { sid } = await service.fetch();
    assert.equal(factor.url, `${context.server.url}/v2/Services/${sid}/Entities/${identity}/Factors/${factor.sid}`);
  });

  test('gives creation options that every client library can take', async () => {
    const factor = await startRegistration(service, newIdentity());
    const { publicKey } = factor.options;
    assert.deepEqual(publicKey.rp, { id: RP_ID, name: 'Acme' });
    assert.deepEqual(publicKey.user.name, 'Phone');
    assert.deepEqual(publicKey.user.displayName, 'Phone');
    assert.equal(decoded(publicKey.user.id).toString('ascii'), factor.entitySid);
    assert.match(decoded(publicKey.challenge).toString('ascii'), /^[0-9a-f]{48}$/);
    for (const value of [publicKey.challenge, publicKey.user.id]) {
      assert.doesNotMatch(value, /[-_=]/);
      assert.equal(atob(value), decoded(value).toString('ascii'));
    }
    assert.ok(Array.isArray(publicKey.pubKeyCredParams));
    for (const parameter of publicKey.pubKeyCredParams) assert.equal(parameter.type, 'public-key');
    assert.ok(publicKey.pubKeyCredParams.some(({ alg }) => alg === -7));
    assert.equal(publicKey.timeout, 600_000);
    assert.deepEqual(publicKey.excludeCredentials, []);
    assert.equal('authenticatorAttachment' in publicKey.authenticatorSelection
      && publicKey.authenticatorSelection.authenticatorAttachment !== null, false, '`any` is no attachment');
    assert.equal(publicKey.authenticatorSelection.residentKey, 'preferred');
    assert.equal(publicKey.authenticatorSelection.requireResidentKey, false);
    assert.equal(publicKey.authenticatorSelection.userVerification, 'preferred');
    assert.equal(publicKey.attestation, 'none');
  });

  const config = {
    relying_party: { id: 'shop.test', name: 'Shop', origins: ['https://shop.test'] },
    authenticator_attachment: 'platform',
    discoverable_credentials: 'required',
    user_verification: 'required',
  };
  const camelConfig = {
    relyingParty: config.relying_party,
    authenticatorAttachment: 'platform',
    discoverableCredentials: 'required',
    userVerification: 'required',
  };
  const shapes = {
    'a plain object in snake_case': (identity) => ({ friendly_name: 'Phone', identity, config }),
    'a plain object in camelCase': (identity) => ({ friendlyName: 'Phone', identity, config: camelConfig }),
    "the SDK's request class": (identity) => new CreateNewPasskeysFactorRequest({ friendly_name: 'Phone', identity, config }),
  };
  for (const [name, shape] of Object.entries(shapes)) {
    test(`takes ${name}`, async () => {
      const plain = await newService(context.verify, {
        'passkeys.authenticatorAttachment': '', 'passkeys.discoverableCredentials': '', 'passkeys.userVerification': '',
      });
      const factor = await plain.newFactors.create(shape(newIdentity()));
      assert.equal(factor.friendlyName, 'Phone');
      assert.deepEqual(factor.config, config);
      const { rp, authenticatorSelection } = factor.options.publicKey;
      assert.deepEqual(rp, { id: 'shop.test', name: 'Shop' });
      assert.deepEqual(authenticatorSelection, {
        authenticatorAttachment: 'platform', residentKey: 'required', requireResidentKey: true, userVerification: 'required',
      });
    });
  }

  test('merges the config with the service, member by member', async () => {
    const factor = await startRegistration(service, newIdentity(), { config: { user_verification: 'required', relying_party: null } });
    assert.equal(factor.config.user_verification, 'required');
    assert.equal(factor.config.discoverable_credentials, 'preferred');
    assert.equal(factor.config.relying_party.id, RP_ID);
  });

  test('names the criteria that are missing (60393)', async () => {
    const plain = await newService(context.verify, {
      'passkeys.authenticatorAttachment': '', 'passkeys.discoverableCredentials': '', 'passkeys.userVerification': '',
    });
    const error = await refused(startRegistration(plain, newIdentity(), { config: { user_verification: 'required' } }), 60393, 400);
    assert.match(error.message, /authenticator_attachment/);
    assert.match(error.message, /discoverable_credentials/);
    assert.doesNotMatch(error.message, /user_verification/);
  });

  test('keeps one entity for one identity', async () => {
    const identity = newIdentity();
    const [one, two] = [await startRegistration(service, identity), await startRegistration(service, identity)];
    assert.equal(one.entitySid, two.entitySid);
    assert.notEqual(one.sid, two.sid);
    assert.notEqual(one.options.publicKey.challenge, two.options.publicKey.challenge);
  });
});

for (const source of sources) {
  describe(`verifying a factor with a passkey from ${source.name}`, () => {
    let authenticators;
    before(() => { authenticators = new Authenticators(source); });
    after(() => authenticators?.close());

    test('makes it verified, without options or binding', async () => {
      const identity = newIdentity();
      const started = await startRegistration(service, identity);
      const credential = await authenticators.create(started.options, ORIGIN, { device: identity });
      const { body: factor, statusCode } = await service.newVerifyFactors.updateWithHttpInfo(credential);
      assert.equal(statusCode, 200);
      assert.equal(factor.sid, started.sid);
      assert.equal(factor.entitySid, started.entitySid);
      assert.equal(factor.identity, identity);
      assert.equal(factor.status, 'verified');
      assert.equal(factor.factorType, 'passkeys');
      assert.deepEqual(factor.config, started.config);
      assert.match(factor.metadata.aaguid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.equal('date_last_approved' in factor.metadata, false);
    });

    test('sends neither `options` nor `binding` in the answer', async () => {
      const identity = newIdentity();
      const started = await startRegistration(service, identity);
      const credential = await authenticators.create(started.options, ORIGIN, { device: identity });
      const { status, json } = await rawJson(context.server, `/v2/Services/${started.serviceSid}/Passkeys/VerifyFactor`, credential);
      assert.equal(status, 200);
      assert.equal('options' in json || 'binding' in json, false);
    });

    test('takes rawId in hex as well', async () => {
      const identity = newIdentity();
      const started = await startRegistration(service, identity);
      const credential = await authenticators.create(started.options, ORIGIN, { device: identity });
      const factor = await service.newVerifyFactors.update({ ...credential, rawId: decoded(credential.id).toString('hex') });
      assert.equal(factor.status, 'verified');
    });

    test('takes a null or absent authenticatorAttachment', async () => {
      for (const attachment of [{ authenticatorAttachment: null }, {}]) {
        const identity = newIdentity();
        const started = await startRegistration(service, identity);
        const { authenticatorAttachment: _, ...credential } = await authenticators.create(started.options, ORIGIN, { device: identity });
        const factor = await service.newVerifyFactors.update({ ...credential, ...attachment });
        assert.equal(factor.status, 'verified');
      }
    });

    test('lists the passkey in excludeCredentials of the next registration', async () => {
      const { identity, credential } = await register(service, authenticators);
      const { options } = await startRegistration(service, identity);
      const [{ type, id, transports }] = options.publicKey.excludeCredentials;
      assert.deepEqual({ type, id, transports },
        { type: 'public-key', id: credential.id, transports: credential.response.transports ?? [] });
    });

    test('a second time is refused (60383)', async () => {
      const { credential } = await register(service, authenticators);
      await refused(service.newVerifyFactors.update(credential), 60383, 403);
    });

    test('with the wrong origin is refused (60311), and the attempt is used up', async () => {
      const identity = newIdentity();
      const started = await startRegistration(service, identity);
      const bad = await authenticators.create(started.options, 'https://evil.test', { device: identity });
      const error = await refused(service.newVerifyFactors.update(bad), 60311, 403);
      assert.equal(error.details.reason, 'origin_not_allowed');
      const good = await authenticators.create(started.options, ORIGIN, { device: identity });
      await refused(service.newVerifyFactors.update(good), 60383, 403);
      const factor = await service.entities(identity).factors(started.sid).fetch();
      assert.equal(factor.status, 'unverified');
      assert.equal(factor.metadata, null);
    });
  });
}

test('every other algorithm on offer registers too', async () => {
  const authenticators = new Authenticators(sources.find(({ name }) => name === 'testkit'));
  try {
    const { options } = await startRegistration(service, newIdentity());
    const names = new Map([[-7, 'ES256'], [-35, 'ES384'], [-36, 'ES512'], [-8, 'EdDSA'], [-257, 'RS256'], [-37, 'PS256']]);
    const offered = options.publicKey.pubKeyCredParams.map(({ alg }) => names.get(alg)).filter(Boolean);
    assert.ok(offered.length >= 3, `${offered}`);
    for (const algorithm of offered) {
      for (const format of ['none', 'packed_self', 'packed_x5c']) {
        const { factor } = await register(service, authenticators, { profile: { algorithms: [algorithm], format } });
        assert.equal(factor.status, 'verified', `${algorithm} ${format}`);
      }
    }
  } finally {
    await authenticators?.close();
  }
});

test('no passkeys call is answered with a redirect, with or without a slash at the end', async () => {
  const { sid } = await service.fetch();
  for (const path of ['Passkeys/Factors/', 'Passkeys/Factors', 'passkeys/factors']) {
    const { status } = await raw(context.server, 'GET', `/v2/Services/${sid}/${path}`);
    assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
  }
});
