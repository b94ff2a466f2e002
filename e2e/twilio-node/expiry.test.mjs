// Ceremonies that expired. The lifetimes on this server are shortened.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { Authenticators, sources } from '../support/authenticators.mjs';
import {
  answerChallenge, newIdentity, newService, ORIGIN, refused, register, shortCeremonies, start, startRegistration,
} from '../support/wire.mjs';

let context, service, authenticators;
before(async () => {
  context = await start(shortCeremonies);
  service = await newService(context.verify);
  authenticators = new Authenticators(sources.find(({ name }) => name === 'testkit'));
});
after(async () => {
  await authenticators?.close();
  await context?.stop();
});

const pastTheWindow = () => delay(2_500);

test('a registration past its window is refused (60383)', async () => {
  const identity = newIdentity();
  const { options, sid } = await startRegistration(service, identity);
  assert.equal(options.publicKey.timeout, 2_000);
  const credential = await authenticators.create(options, ORIGIN, { device: identity });
  await pastTheWindow();
  await refused(service.newVerifyFactors.update(credential), 60383, 403);
  assert.deepEqual((await service.entities(identity).factors.list()).filter((factor) => factor.sid === sid && factor.status === 'verified'), []);
});

test('a challenge past its expiration date shows `expired` and is refused (60323)', async () => {
  const user = await register(service, authenticators);
  const { challenge, credential } = await answerChallenge(service, authenticators, user);
  await pastTheWindow();
  const challenges = service.entities(user.identity).challenges;
  assert.equal((await service.entities(user.identity).challenges(challenge.sid).fetch()).status, 'expired');
  assert.deepEqual((await challenges.list({ status: 'expired' })).map(({ sid }) => sid), [challenge.sid]);
  await refused(service.approveChallenge.update(credential), 60323, 403);
});
