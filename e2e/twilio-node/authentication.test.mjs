// Challenges: created and approved.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import { Authenticators, sources } from '../support/authenticators.mjs';
import {
  answerChallenge, decoded, isRecent, newIdentity, newService, ORIGIN, refused, register, RP_ID, start, startRegistration,
} from '../support/wire.mjs';

const { CreatePasskeysChallengeRequest } = createRequire(import.meta.url)('twilio/lib/rest/verify/v2/service/newChallenge');

let context, service;
before(async () => {
  context = await start();
  service = await newService(context.verify);
});
after(() => context?.stop());

for (const source of sources) {
  describe(`with passkeys from ${source.name}`, () => {
    let authenticators;
    before(() => { authenticators = new Authenticators(source); });
    after(() => authenticators?.close());

    test('a challenge for an identity lists its passkeys', async () => {
      const user = await register(service, authenticators);
      const { body: challenge, statusCode } = await service.newChallenge().createWithHttpInfo({ identity: user.identity });
      assert.equal(statusCode, 201);
      assert.match(challenge.sid, /^YC[0-9a-f]{32}$/);
      assert.equal(challenge.identity, user.identity);
      assert.equal(challenge.entitySid, user.factor.entitySid);
      assert.equal(challenge.status, 'pending');
      assert.equal(challenge.respondedReason, 'none');
      assert.equal(challenge.factorType, 'passkeys');
      assert.equal(challenge.dateResponded, null);
      for (const name of ['details', 'hiddenDetails', 'metadata']) assert.equal(challenge[name], null, name);
      isRecent(challenge.dateCreated);
      assert.equal(challenge.expirationDate - challenge.dateCreated, 300_000);

      const { publicKey } = challenge.options;
      assert.match(decoded(publicKey.challenge).toString('ascii'), /^[0-9a-f]{48}$/);
      assert.equal(atob(publicKey.challenge), decoded(publicKey.challenge).toString('ascii'));
      assert.equal(publicKey.rpId, RP_ID);
      assert.equal(publicKey.timeout, 300_000);
      assert.equal(publicKey.userVerification, 'preferred');
      assert.deepEqual(publicKey.allowCredentials, [
        { type: 'public-key', id: user.credential.id, transports: user.credential.response.transports ?? [] },
      ]);
    });

    test('an approval says who signed in, and dates the factor', async () => {
      const user = await register(service, authenticators);
      const { challenge, credential } = await answerChallenge(service, authenticators, user);
      const { body: approved, statusCode } = await service.approveChallenge.updateWithHttpInfo(credential);
      assert.equal(statusCode, 200);
      assert.equal(approved.sid, challenge.sid);
      assert.equal(approved.status, 'approved');
      assert.equal(approved.identity, user.identity);
      assert.equal(approved.entitySid, user.factor.entitySid);
      assert.equal(approved.factorSid, user.factor.sid);
      assert.deepEqual(approved.options, challenge.options);
      isRecent(approved.dateResponded);

      const factor = await service.entities(user.identity).factors(user.factor.sid).fetch();
      assert.match(factor.metadata.date_last_approved, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.equal(factor.metadata.aaguid, user.factor.metadata.aaguid);
    });

    const forms = {
      'without a body': (challenge) => challenge.create(),
      'with an empty object': (challenge) => challenge.create({}),
      "with the SDK's request class, empty": (challenge) => challenge.create(new CreatePasskeysChallengeRequest({})),
    };
    for (const [name, create] of Object.entries(forms)) {
      test(`a discoverable login, created ${name}, learns identity and factor from the passkey`, async () => {
        const user = await register(service, authenticators);
        const challenge = await create(service.newChallenge());
        assert.deepEqual([challenge.identity, challenge.entitySid, challenge.factorSid], [null, null, null]);
        assert.deepEqual(challenge.options.publicKey.allowCredentials, []);
        const credential = await authenticators.get(challenge.options, ORIGIN, { device: user.device });
        const approved = await service.approveChallenge.update(credential);
        assert.equal(approved.status, 'approved');
        assert.equal(approved.identity, user.identity);
        assert.equal(approved.entitySid, user.factor.entitySid);
        assert.equal(approved.factorSid, user.factor.sid);
      });
    }

    const factorForms = {
      'factor_sid': (factorSid) => ({ factor_sid: factorSid }),
      'factorSid': (factorSid) => ({ factorSid }),
      "the SDK's request class": (factorSid) => new CreatePasskeysChallengeRequest({ factor_sid: factorSid }),
    };
    for (const [name, form] of Object.entries(factorForms)) {
      test(`a challenge for one factor, named by ${name}, is approved by that factor`, async () => {
        const user = await register(service, authenticators);
        const challenge = await service.newChallenge().create(form(user.factor.sid));
        assert.equal(challenge.factorSid, user.factor.sid);
        assert.equal(challenge.identity, user.identity);
        const credential = await authenticators.get(challenge.options, ORIGIN, { device: user.device });
        assert.equal((await service.approveChallenge.update(credential)).status, 'approved');
      });
    }

    test('a challenge for one factor is not approved by another one of the same user', async () => {
      const identity = newIdentity();
      const one = await register(service, authenticators, { identity, device: `${identity} one` });
      const two = await register(service, authenticators, { identity, device: `${identity} two` });
      const challenge = await service.newChallenge().create({ identity, factor_sid: one.factor.sid });
      assert.deepEqual(challenge.options.publicKey.allowCredentials.map(({ id }) => id), [one.credential.id]);
      const credential = await authenticators.get(withoutAllowList(challenge.options), ORIGIN, { device: two.device });
      await refused(service.approveChallenge.update(credential), 60324, 403);
    });

    test('a user with two passkeys signs in with either', async () => {
      const identity = newIdentity();
      for (const number of ['one', 'two']) await register(service, authenticators, { identity, device: `${identity} ${number}` });
      for (const number of ['one', 'two']) {
        const { challenge, credential } = await answerChallenge(service, authenticators, { identity, device: `${identity} ${number}` });
        assert.equal(challenge.options.publicKey.allowCredentials.length, 2);
        assert.equal((await service.approveChallenge.update(credential)).status, 'approved');
      }
    });

    test('a replayed approval is refused (60322)', async () => {
      const user = await register(service, authenticators);
      const { challenge, credential } = await answerChallenge(service, authenticators, user);
      await service.approveChallenge.update(credential);
      await refused(service.approveChallenge.update(credential), 60322, 403);
      assert.equal((await service.entities(user.identity).challenges(challenge.sid).fetch()).status, 'approved');
    });

    test('the wrong origin is refused (60324) and ends the challenge', async () => {
      const user = await register(service, authenticators);
      const challenge = await service.newChallenge().create({ identity: user.identity });
      const bad = await authenticators.get(challenge.options, 'https://evil.test', { device: user.device });
      const error = await refused(service.approveChallenge.update(bad), 60324, 403);
      assert.equal(error.details.reason, 'origin_not_allowed');
      assert.equal((await service.entities(user.identity).challenges(challenge.sid).fetch()).status, 'denied');
      const good = await authenticators.get(challenge.options, ORIGIN, { device: user.device });
      await refused(service.approveChallenge.update(good), 60322, 403);
    });

    test("a login with another user's passkey is refused and leaves that passkey as it was", async () => {
      const [alice, bob] = [await register(service, authenticators), await register(service, authenticators)];
      const factorOfBob = service.entities(bob.identity).factors(bob.factor.sid);
      const before = await factorOfBob.fetch();
      const challenge = await service.newChallenge().create({ identity: alice.identity });
      const credential = await authenticators.get(withoutAllowList(challenge.options), ORIGIN, { device: bob.device });
      await refused(service.approveChallenge.update(credential), 60324, 403);
      assert.deepEqual((await factorOfBob.fetch()).toJSON(), before.toJSON());
      assert.equal((await service.entities(alice.identity).challenges(challenge.sid).fetch()).status, 'denied');

      const own = await answerChallenge(service, authenticators, bob);
      assert.equal((await service.approveChallenge.update(own.credential)).identity, bob.identity);
    });

    test('of a hundred parallel approvals of one challenge exactly one succeeds', async () => {
      const user = await register(service, authenticators);
      const { challenge, credential } = await answerChallenge(service, authenticators, user);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 100 }, () => service.approveChallenge.update(credential)),
      );
      const won = outcomes.filter(({ status }) => status === 'fulfilled');
      assert.equal(won.length, 1);
      assert.equal(won[0].value.status, 'approved');
      for (const { reason } of outcomes.filter(({ status }) => status === 'rejected')) assert.equal(reason.code, 60322, `${reason}`);
      assert.equal((await service.entities(user.identity).challenges(challenge.sid).fetch()).status, 'approved');
    });

    test('a deleted passkey signs nobody in (60390)', async () => {
      const user = await register(service, authenticators);
      const { credential } = await answerChallenge(service, authenticators, user);
      assert.equal(await service.entities(user.identity).factors(user.factor.sid).remove(), true);
      await refused(service.approveChallenge.update(credential), 60390, 404);
    });

    test('userHandle may be absent, null or empty when the challenge names the user', async () => {
      const user = await register(service, authenticators);
      for (const change of [(response) => delete response.userHandle, (response) => { response.userHandle = null; }, (response) => { response.userHandle = ''; }]) {
        const { credential } = await answerChallenge(service, authenticators, user);
        change(credential.response);
        assert.equal((await service.approveChallenge.update(credential)).status, 'approved');
      }
    });
  });
}

function withoutAllowList(options) {
  return { publicKey: { ...options.publicKey, allowCredentials: [] } };
}

test('a challenge for an unverified factor is refused (60318)', async () => {
  const { sid } = await startRegistration(service, newIdentity());
  await refused(service.newChallenge().create({ factor_sid: sid }), 60318, 403);
});

test('a challenge for somebody unknown is refused (60392)', async () => {
  await refused(service.newChallenge().create({ identity: newIdentity() }), 60392, 404);
});
