// events.mjs of dist/, in a page without a browser: what it sends, and when.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createContext, Script } from 'node:vm';

import { transformSync } from 'esbuild';

const built = readFileSync(new URL('../dist/events.mjs', import.meta.url), 'utf8');

function open(address) {
  const { code } = transformSync(built, { format: 'iife', globalName: 'sdk', define: { 'import.meta.url': JSON.stringify(address) } });
  const sent = [];
  const timers = [];
  const listeners = [];
  const window = {
    document: { hidden: false },
    addEventListener: (type, run) => listeners.push([type, run]),
    setTimeout: (run, ms) => timers.push({ run, ms }),
    clearTimeout: () => timers.splice(0),
    fetch: async (url, options) => {
      sent.push([url, JSON.parse(options.body), options]);
      throw new TypeError('down');
    },
  };
  createContext(window);
  new Script(code).runInContext(window);
  return { sdk: window.sdk, window, sent, timers, listeners };
}

test('sends what happened in one message, without cookies, and nobody waits for the response', () => {
  const { sdk, sent, timers } = open('https://www.example.test/pk/sdk/0.1.0/events.mjs');
  const reporter = sdk.reporter();
  reporter.offered('signIn');
  reporter.onEvent({ operation: 'signIn', phase: 'started', elapsed: 0 });
  reporter.onEvent({ operation: 'signIn', phase: 'failed', reason: 'cancelled', elapsed: 900 });
  reporter.fallback('signIn');
  assert.deepEqual(sent, []);
  assert.deepEqual(timers.map(({ ms }) => ms), [2_000]);
  timers[0].run();
  assert.equal(sent.length, 1);
  const [url, body, options] = sent[0];
  assert.equal(url, 'https://www.example.test/pk/_app/events');
  assert.deepEqual(body, {
    events: ['offered', 'started', 'cancelled', 'fallback'].map((event) => ({ operation: 'signIn', event })),
  });
  assert.deepEqual([options.credentials, options.mode, options.keepalive, options.headers], ['omit', 'no-cors', true, undefined]);
});

test('names the Service of the page if its SID is given', () => {
  const { sdk, sent } = open('https://www.example.test/sdk/events.mjs');
  const reporter = sdk.reporter('https://login.example.test', 'VA0123456789abcdef0123456789abcdef');
  reporter.offered('signIn');
  reporter.flush();
  assert.deepEqual(sent[0][1], { service: 'VA0123456789abcdef0123456789abcdef', events: [{ operation: 'signIn', event: 'offered' }] });
});

test('sends what waits when the page is hidden, twenty events in each message', () => {
  const { sdk, window, sent, listeners } = open('https://cdn.example.test/events.mjs');
  const reporter = sdk.reporter('https://login.example.test/');
  for (let at = 0; at < 41; at += 1) reporter.offered('register');
  const [[type, run]] = listeners;
  assert.equal(type, 'visibilitychange');
  run();
  assert.deepEqual(sent, []);
  window.document.hidden = true;
  run();
  assert.deepEqual(sent.map(([url, { events }]) => [url, events.length]), [20, 20, 1].map((count) => ['https://login.example.test/_app/events', count]));
  reporter.flush();
  assert.equal(sent.length, 3);
});
