// Two software authenticators behind one protocol of JSON lines: soft-webauthn, which is not ours, and the testkit's.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { python, softWebauthnLines, testkitAuthenticator } from './paths.mjs';

export const sources = [
  { name: 'soft-webauthn', command: [python, softWebauthnLines] },
  { name: 'testkit', command: [testkitAuthenticator] },
];

export class Authenticators {
  #child;
  #waiting = [];
  #exited;
  // Why it does not respond any more.
  #gone;

  constructor(source) {
    const [program, ...args] = source.command;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#exited = once(this.#child, 'exit');
    this.#exited.catch(() => {});
    const fail = (reason) => {
      this.#gone = reason;
      this.#waiting.splice(0).forEach(({ reject }) => reject(reason));
    };
    this.#child.on('error', fail);
    this.#child.on('exit', (code) => fail(new Error(`${program} ended with code ${code}`)));
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const { resolve, reject } = this.#waiting.shift();
      const { ok, credential, error, message } = JSON.parse(line);
      if (ok) resolve(credential);
      else reject(Object.assign(new Error(message), { name: error }));
    });
  }

  #ask(request) {
    if (this.#gone) return Promise.reject(this.#gone);
    const { promise, resolve, reject } = withResolvers();
    this.#waiting.push({ resolve, reject });
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return promise;
  }

  // `more` may have `device`, and for the testkit's authenticator `profile` and `lies`.
  create(options, origin, more = {}) {
    return this.#ask({ op: 'create', options, origin, ...more });
  }

  get(options, origin, more = {}) {
    return this.#ask({ op: 'get', options, origin, ...more });
  }

  async close() {
    this.#child.stdin.end();
    // A program that could not be started does not end.
    if (this.#child.pid) await this.#exited;
  }
}

// `Promise.withResolvers` is not in every Node that we support.
function withResolvers() {
  let resolve, reject;
  const promise = new Promise((yes, no) => [resolve, reject] = [yes, no]);
  return { promise, resolve, reject };
}
