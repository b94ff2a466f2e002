// The examples of a guide: pairs of `http` blocks, a request and its response. The requests are sent to a running server in the order of the
// page. The responses must have the members that the page shows, and the same values unless they are random.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { repository } from './paths.mjs';

const date = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
// The forms of values that differ each time. The page cuts a long text: its beginning, three dots, its end.
const forms = [
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  /^(AC|VA|YE|YF|YC)[0-9a-f]{32}$/,
  date,
  /^eyJ[\w.-]+$/,
  /^(?=.*[A-Z0-9])[\w-]{16,}$/,
];
// Seconds since 1970 in tokens.
const moments = ['iat', 'nbf', 'exp'];
const cut = '...';
const isCut = (text) => text.includes(cut);
// Random parts of a line of a CSV file, or of an error.
const inText = (text) => text
  .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
  .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<date>');

function parse(block) {
  const [head, ...body] = block.split('\n\n');
  const [first, ...headers] = head.trim().split('\n');
  return { first, headers: new Headers(headers.map((line) => line.split(/: (.*)/s).slice(0, 2))), body: body.join('\n\n').trim() };
}

// The pairs of a document.
export async function examples(document) {
  const text = await readFile(join(repository, document), 'utf8');
  const blocks = [...text.matchAll(/^```http\n([\s\S]*?)^```$/gm)].map((found) => parse(found[1]));
  const pairs = [];
  for (const block of blocks) {
    if (block.first.startsWith('HTTP/1.1 ')) pairs.at(-1).response = block;
    else pairs.push({ request: block });
  }
  return pairs;
}

export class Page {
  // Texts of the page and their values in this run. `given` has the first of them, for example `$ACCESS_KEY`.
  #known;

  // `credential` returns the body of a call with an authenticator's response.
  constructor(url, given, credential) {
    this.url = url;
    this.#known = new Map(Object.entries(given));
    this.credential = credential;
  }

  here(text) {
    // Longer texts first: one may be part of another.
    const known = [...this.#known].sort(([a], [b]) => b.length - a.length);
    return known.reduce((result, [page, real]) => result.replaceAll(page, real), text);
  }

  // Sends the request of the page.
  async send({ first, headers, body }) {
    const [method, path] = first.split(' ');
    const sent = Object.fromEntries([...headers].map(([name, value]) => [name, this.here(value)]));
    const basic = /^Basic (\S+):(\S+)$/.exec(sent.authorization ?? '');
    if (basic) sent.authorization = `Basic ${Buffer.from(`${basic[1]}:${basic[2]}`).toString('base64')}`;
    let text = this.here(body);
    const shown = headers.get('content-type')?.startsWith('application/json') && body ? JSON.parse(body) : undefined;
    if (shown?.rawId) text = JSON.stringify(await this.#answered(JSON.parse(text)));
    if (sent['content-type'] === 'application/x-www-form-urlencoded') text = text.replaceAll('\n', '');
    return fetch(new URL(this.here(path), this.url), { method, headers: sent, body: text || undefined, redirect: 'manual' });
  }

  // The body of the page with the authenticator's response of this run.
  async #answered(shown) {
    const real = await this.credential('attestationObject' in shown.response, shown);
    const { response, ...rest } = shown;
    // The page shows only members that clients send.
    for (const name of Object.keys(response)) assert.ok(name in real.response || name === 'userHandle', name);
    return { ...rest, id: real.id, rawId: real.rawId, response: real.response };
  }

  // Fails unless this is the response of the page. Keeps the random values.
  compare({ first, headers, body }, answer, text) {
    assert.equal(`HTTP/1.1 ${answer.status} ${first.split(' ').slice(2).join(' ')}`, first);
    for (const [name, value] of headers) assert.equal(answer.headers.get(name), value, name);
    if (headers.get('content-type')?.startsWith('application/json')) this.#same(JSON.parse(body), JSON.parse(text), '');
    else assert.equal(inText(text.trim().replaceAll('\r', '')), inText(body));
  }

  #same(page, real, path) {
    if (Array.isArray(page)) {
      assert.ok(Array.isArray(real) && real.length === page.length, `${path}: ${JSON.stringify(real)}`);
      page.forEach((item, index) => this.#same(item, real[index], `${path}[${index}]`));
    } else if (page && typeof page === 'object') {
      const members = Object.keys(real ?? {});
      assert.deepEqual(members, Object.keys(page), `members of ${path || 'the response'}`);
      for (const name of Object.keys(page)) this.#same(page[name], real[name], `${path}.${name}`);
    } else if (typeof page === 'string' && page !== real) {
      this.#text(page, real, path);
    } else if (typeof page === 'number' && moments.includes(path.split('.').at(-1))) {
      assert.ok(Number.isInteger(real), path);
    } else {
      assert.equal(real, page, path);
    }
  }

  #text(page, real, path) {
    assert.equal(typeof real, 'string', path);
    const form = forms.find((one) => one.test(real) && one.test(page.replaceAll(cut, isCut(page) ? 'xxxxxxxxxxxxxxxx' : cut)));
    if (!form) {
      assert.equal(real, this.here(page), path);
      return;
    }
    const already = this.#known.get(page);
    // A value that occurs twice in the page is the same here too, except times.
    if (form === date) return;
    if (already) assert.equal(real, already, path);
    else this.#known.set(page, real);
  }
}
