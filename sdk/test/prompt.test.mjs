// prompt.mjs of dist/, in a page without a browser: when it says that the person may be asked.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createContext, Script } from 'node:vm';

import { transformSync } from 'esbuild';

const DAY = 86_400_000;
// The page has no modules, so `capabilities` of passkeys.mjs is given.
const built = readFileSync(new URL('../dist/prompt.mjs', import.meta.url), 'utf8').replace(/^import\{capabilities as (\w+)\}from"\.\/passkeys\.mjs";/, 'const $1=capabilities;');
const { code } = transformSync(built, { format: 'iife', globalName: 'sdk' });

function open({ platform = true, localStorage } = {}) {
  const kept = new Map();
  const clock = { now: 1_000 * DAY };
  const page = {
    capabilities: async () => ({ platform }),
    Date: { now: () => clock.now },
    localStorage: localStorage ?? { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) },
  };
  createContext(page);
  new Script(code).runInContext(page);
  return { sdk: page.sdk, clock, kept };
}

const YES = { offer: true, why: 'no_passkey' };

test('asks if passkeyd says so and the device can hold a passkey', async () => {
  const { sdk } = open();
  assert.equal(await sdk.mayPrompt(YES), true);
  for (const none of [{ offer: false, why: 'has_passkey' }, undefined, null]) assert.equal(await sdk.mayPrompt(none), false);
  assert.equal(await open({ platform: false }).sdk.mayPrompt(YES), false);
});

test('waits three weeks after "Not now", and gives up after the third', async () => {
  const { sdk, clock } = open();
  for (const round of [1, 2, 3]) {
    assert.equal(await sdk.mayPrompt(YES), true, `${round}`);
    sdk.notNow();
    assert.equal(await sdk.mayPrompt(YES), false);
    clock.now += 21 * DAY - 1;
    assert.equal(await sdk.mayPrompt(YES), false);
    clock.now += 1;
  }
  clock.now += 1_000 * DAY;
  assert.equal(await sdk.mayPrompt(YES), false);
});

test('asks where nothing can be kept, or something else was kept', async () => {
  const refuses = () => {
    throw new Error('denied');
  };
  const closed = open({ localStorage: { getItem: refuses, setItem: refuses } }).sdk;
  closed.notNow();
  assert.equal(await closed.mayPrompt(YES), true);
  for (const text of ['{', '{}', '["x", null]', '7']) {
    const { sdk, kept } = open();
    kept.set('passkeyd-prompt', text);
    assert.equal(await sdk.mayPrompt(YES), true, text);
  }
});
