// The other codes of a passkeys flow, each caused by the smallest possible fault.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { Authenticators, sources } from '../support/authenticators.mjs';
import {
  answerChallenge, newIdentity, newService, ORIGIN, rawJson, isError, refused, register, RP_ID, start, startRegistration,
} from '../support/wire.mjs';

let context, service, strict, authenticators;
before(async () => {
  context = await start();
  service = await newService(context.verify);
  strict = await newService(context.verify, { 'passkeys.userVerification': 'required' });
  authenticators = new Authenticators(sources.find(({ name }) => name === 'testkit'));
});
after(async () => {
  await authenticators?.close();
  await context?.stop();
});

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');

describe('creating a factor', () => {
  const cases = [
    ['60388 without a friendly_name', 60388, { friendly_name: undefined }],
    ['60367 without an identity', 60367, { identity: undefined }],
    ['60367 with an identity that is too short', 60367, { identity: 'short' }],
    ['60367 with an e-mail address as identity', 60367, { identity: 'user@example.com' }],
    ['60367 with an identity that is a number', 60367, { identity: 12345678 }],
    ['60370 with a config that is a string', 60370, { config: 'platform' }],
    ['60370 with an unknown attachment', 60370, { config: { authenticator_attachment: 'usb' } }],
    ['60370 with an unknown user verification', 60370, { config: { user_verification: 'always' } }],
    ['60370 with an unknown discoverable_credentials', 60370, { config: { discoverable_credentials: true } }],
    ['60371 with a relying party that is a string', 60371, { config: { relying_party: 'acme.test' } }],
    ['60371 with origins that are no origins', 60371, { config: { relying_party: { origins: ['https://acme.test/login'] } } }],
    ['60372 with a scheme in the relying party id', 60372, { config: { relying_party: { id: 'https://acme.test' } } }],
    ['60372 with a port in the relying party id', 60372, { config: { relying_party: { id: 'acme.test:8443' } } }],
  ];
  for (const [name, code, change] of cases) {
    test(name, () => refused(service.newFactors.create({ friendly_name: 'Phone', identity: newIdentity(), ...change }), code, 400));
  }

  test('60371 without any relying party', async () => {
    const { sid } = await context.verify.services.create({ friendlyName: 'No relying party' });
    const config = { authenticator_attachment: 'any', discoverable_credentials: 'preferred', user_verification: 'preferred' };
    await refused(startRegistration(context.verify.services(sid), newIdentity(), { config }), 60371, 400);
  });

  test('60363 with a malformed service SID', async () => {
    isError(await rawJson(context.server, '/v2/Services/VA123/Passkeys/Factors', { friendly_name: 'Phone', identity: newIdentity() }), 400, 60363);
  });
});

// Faults of a registration that the SDK carries to the server.
describe('verifying a factor', () => {
  async function started(on = service) {
    const identity = newIdentity();
    const factor = await startRegistration(on, identity);
    return { identity, factor, create: (lies, profile) => authenticators.create(factor.options, ORIGIN, { device: identity, ...(lies && { lies }), ...(profile && { profile }) }) };
  }

  const malformed = [
    ['60375 without an id', 60375, (credential) => { delete credential.id; }],
    ['60375 with an id that is not base64url', 60375, (credential) => { credential.id = 'not base64url'; }],
    ['60375 with an id that is a number', 60375, (credential) => { credential.id = 7; }],
    ['60376 without a rawId', 60376, (credential) => { delete credential.rawId; }],
    ['60376 with a rawId that is not the id', 60376, (credential) => { credential.rawId = 'AAAA'; }],
    ['60377 with an attachment that is not a text', 60377, (credential) => { credential.authenticatorAttachment = 7; }],
    ['60380 with clientDataJSON that is not base64url', 60380, (credential) => { credential.response.clientDataJSON = '%%%'; }],
    ['60380 with clientDataJSON that is not JSON', 60380, (credential) => { credential.response.clientDataJSON = base64url('{'); }],
    ['60380 with clientDataJSON without a challenge', 60380, (credential) => { credential.response.clientDataJSON = base64url('{"type":"webauthn.create","origin":"https://acme.test"}'); }],
    ['60386 with an attestationObject that is not base64url', 60386, (credential) => { credential.response.attestationObject = '%%%'; }],
  ];
  for (const [name, code, change] of malformed) {
    test(`${name}; the registration may still be finished`, async () => {
      const { create } = await started();
      const credential = await create();
      const bad = structuredClone(credential);
      change(bad);
      await refused(service.newVerifyFactors.update(bad), code, 400);
      assert.equal((await service.newVerifyFactors.update(credential)).status, 'verified');
    });
  }

  const lying = [
    ['60380 with the type of the other ceremony', 60380, 400, { client_data_type: 'webauthn.get' }],
    ['60386 with CBOR that breaks off', 60386, 400, { attestation_object: base64url([0xa3, 0x63]) }],
    ['60386 with an attestation object that is no map', 60386, 400, { attestation_object: base64url([0x80]) }],
    ['60387 without attested credential data', 60387, 400,
      { authenticator_data: base64url([...createHash('sha256').update(RP_ID).digest(), 0x05, 0, 0, 0, 0]) }],
    ['60385 with a key that is not on its curve', 60385, 400,
      { credential_public_key: base64url([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32, ...Array(32).fill(1), 0x22, 0x58, 32, ...Array(32).fill(1)]) }],
    ['60311 with another origin', 60311, 403, { origin: 'https://evil.test' }],
    ['60311 in a frame of another origin', 60311, 403, { cross_origin: true, top_origin: 'https://evil.test' }],
    ['60311 with the hash of another RP id', 60311, 403, { rp_id: 'evil.test' }],
    ['60311 without user presence', 60311, 403, { user_present: false }],
    ['60311 with backup state but no eligibility', 60311, 403, { backup_eligible: false, backup_state: true }],
  ];
  for (const [name, code, status, lies] of lying) {
    test(`${name}; the attempt is used up`, async () => {
      const { create, factor, identity } = await started();
      const error = await refused(service.newVerifyFactors.update(await create(lies)), code, status);
      if (status === 403) assert.match(error.details.reason, /^[a-z_]+$/);
      if (code === 60380) return; // Refused before the ceremony was looked for.
      await refused(service.newVerifyFactors.update(await create()), 60383, 403);
      assert.equal((await service.entities(identity).factors(factor.sid).fetch()).status, 'unverified');
    });
  }

  test('60311 without user verification where it is required', async () => {
    const { create } = await started(strict);
    const error = await refused(strict.newVerifyFactors.update(await create({ user_verified: false })), 60311, 403);
    assert.equal(error.details.reason, 'user_not_verified');
  });

  test('60311 with a tampered attestation signature', async () => {
    const { create } = await started();
    await refused(service.newVerifyFactors.update(await create({ tampered_signature: true }, { format: 'packed_self' })), 60311, 403);
  });

  test('60390 with an unknown challenge, or of an authentication', async () => {
    const { create } = await started();
    await refused(service.newVerifyFactors.update(await create({ challenge: base64url('0'.repeat(48)) })), 60390, 404);
    const challenge = await service.newChallenge().create({});
    await refused(service.newVerifyFactors.update(await create({ challenge: challenge.options.publicKey.challenge })), 60390, 404);
  });

  test("60390 with another service's registration", async () => {
    const { create } = await started(strict);
    const credential = await create();
    await refused(service.newVerifyFactors.update(credential), 60390, 404);
    assert.equal((await strict.newVerifyFactors.update(credential)).status, 'verified');
  });

  test('60317 with a credential that is registered already', async () => {
    const { credential: { id } } = await register(service, authenticators);
    const { create } = await started();
    const again = await create({ attested_credential_id: id, id, raw_id: id });
    await refused(service.newVerifyFactors.update(again), 60317, 409);
  });

  test('60385 with an algorithm that was not offered', async () => {
    const { factor, identity } = await started();
    const options = structuredClone(factor.options);
    const offered = options.publicKey.pubKeyCredParams.map(({ alg }) => alg);
    const other = [['ES512', -36], ['PS256', -37], ['ES384', -35]].find(([, alg]) => !offered.includes(alg));
    assert.ok(other, `something is not offered: ${offered}`);
    options.publicKey.pubKeyCredParams = [{ type: 'public-key', alg: other[1] }];
    const credential = await authenticators.create(options, ORIGIN, { device: identity });
    await refused(service.newVerifyFactors.update(credential), 60385, 400);
  });
});

describe('creating a challenge', () => {
  test('60362 with a malformed factor_sid', () => refused(service.newChallenge().create({ factor_sid: 'YF12' }), 60362, 400));
  test('60390 with an unknown factor_sid', () => refused(service.newChallenge().create({ factor_sid: `YF${'0'.repeat(32)}` }), 60390, 404));
  test('60367 with an identity against the rules', () => refused(service.newChallenge().create({ identity: 'short' }), 60367, 400));
  test('60371 on a service without a relying party', async () => {
    const { sid } = await context.verify.services.create({ friendlyName: 'No relying party' });
    await refused(context.verify.services(sid).newChallenge().create({}), 60371, 400);
  });
});

describe('approving a challenge', () => {
  let user;
  before(async () => { user = await register(service, authenticators, { profile: { counter: 'increasing' } }); });

  const malformed = [
    ['60375 without an id', 60375, (credential) => { delete credential.id; }],
    ['60376 with a rawId that is not the id', 60376, (credential) => { credential.rawId = 'AAAA'; }],
    ['60377 with an attachment that is not a text', 60377, (credential) => { credential.authenticatorAttachment = 7; }],
    ['60379 with authenticatorData that is not base64url', 60379, (credential) => { credential.response.authenticatorData = '%%%'; }],
    ['60380 with clientDataJSON that is not JSON', 60380, (credential) => { credential.response.clientDataJSON = base64url('nonsense'); }],
    ['60381 with a signature that is not base64url', 60381, (credential) => { credential.response.signature = '%%%'; }],
  ];
  for (const [name, code, change] of malformed) {
    test(`${name}; the challenge may still be approved`, async () => {
      const { credential } = await answerChallenge(service, authenticators, user);
      const bad = structuredClone(credential);
      change(bad);
      await refused(service.approveChallenge.update(bad), code, 400);
      assert.equal((await service.approveChallenge.update(credential)).status, 'approved');
    });
  }

  const lying = [
    ['60379 with authenticator data that breaks off', 60379, 400, { authenticator_data: base64url([1, 2, 3]) }],
    ['60324 with a tampered signature', 60324, 403, { tampered_signature: true }, 'signature_invalid'],
    ['60324 with another origin', 60324, 403, { origin: 'https://evil.test' }, 'origin_not_allowed'],
    ['60324 with the hash of another RP id', 60324, 403, { rp_id: 'evil.test' }, 'rp_id_hash_mismatch'],
    ['60324 without user presence', 60324, 403, { user_present: false }],
    ['60324 in a frame of another origin', 60324, 403, { cross_origin: true }],
    ['60365 with a user handle that is no entity SID', 60365, 400, { user_handle: { text: 'somebody' } }],
    ["60324 with another user's handle", 60324, 403, { user_handle: { text: `YE${'0'.repeat(32)}` } }],
  ];
  for (const [name, code, status, lies, reason] of lying) {
    test(name, async () => {
      const { challenge, credential } = await answerChallenge(service, authenticators, user, { lies });
      const error = await refused(service.approveChallenge.update(credential), code, status);
      if (reason) assert.equal(error.details.reason, reason);
      const { status: after } = await service.entities(user.identity).challenges(challenge.sid).fetch();
      assert.ok(['denied', 'pending'].includes(after));
      if (status === 403) assert.equal(after, 'denied');
    });
  }

  test('60380 with the type of the other ceremony', async () => {
    const { credential } = await answerChallenge(service, authenticators, user, { lies: { client_data_type: 'webauthn.create' } });
    await refused(service.approveChallenge.update(credential), 60380, 400);
  });

  test('60324 without user verification where it is required', async () => {
    const other = await register(strict, authenticators);
    const { credential } = await answerChallenge(strict, authenticators, other, { lies: { user_verified: false } });
    const error = await refused(strict.approveChallenge.update(credential), 60324, 403);
    assert.equal(error.details.reason, 'user_not_verified');
  });

  test('60391 with an unknown challenge, or of a registration', async () => {
    const approve = async (challenge) => {
      const { credential } = await answerChallenge(service, authenticators, user, { lies: { challenge } });
      await refused(service.approveChallenge.update(credential), 60391, 404);
    };
    await approve(base64url('0'.repeat(48)));
    await approve((await startRegistration(service, newIdentity())).options.publicKey.challenge);
  });

  test("60391 with another service's challenge", async () => {
    const { credential } = await answerChallenge(service, authenticators, user);
    await refused(strict.approveChallenge.update(credential), 60391, 404);
    assert.equal((await service.approveChallenge.update(credential)).status, 'approved');
  });

  test('60390 with an unknown credential', async () => {
    const { options } = await service.newChallenge().create({});
    const device = 'not registered';
    const registration = await startRegistration(service, newIdentity());
    await authenticators.create(registration.options, ORIGIN, { device });
    await refused(service.approveChallenge.update(await authenticators.get(options, ORIGIN, { device })), 60390, 404);
  });

  test('60382 with a passkey of another relying party', async () => {
    const identity = newIdentity();
    const relyingParty = { id: 'other.test', name: 'Other', origins: [ORIGIN] };
    const other = await register(service, authenticators, { identity, config: { relying_party: relyingParty } });
    const { options } = await service.newChallenge().create({});
    const credential = await authenticators.get(options, ORIGIN, { device: identity, lies: { use_credential: other.credential.id } });
    await refused(service.approveChallenge.update(credential), 60382, 403);
  });
});
