// What a person does in a browser, by the names that the person reads. Each browser brings `open` pages and `elements`; the rest is the same in all.

import { setTimeout as delay } from 'node:timers/promises';

import axe from 'axe-core';

const PATIENCE_MS = 20_000;

// The first visible element of a kind with this name; a field has the name of its label. It runs in the page.
export function find([kind, name]) {
  const text = (element) => (element.getAttribute('aria-label') ?? element.innerText).trim();
  const kinds = {
    button: ['button', text],
    link: ['a[href]', text],
    summary: ['summary', text],
    field: ['input, select, textarea', (element) => element.getAttribute('aria-label') ?? element.labels?.[0]?.innerText.trim()],
  };
  const [selector, named] = kinds[kind];
  const all = [...document.querySelectorAll(selector)];
  // The name of a demo's button is its first line.
  return all.find((element) => element.checkVisibility() && !element.disabled && named(element)?.split('\n')[0] === name) ?? null;
}

// `browser` has `goto`, `reload`, `url`, `evaluate`, `element` (of `find`, if it is there now), `click` and `type` on one, `narrow`, `dark` and `problems`.
export class Person {
  constructor(browser) {
    this.browser = browser;
    this.authenticator = browser.authenticator;
  }

  goto = (url) => this.browser.goto(url);
  reload = () => this.browser.reload();
  url = () => this.browser.url();
  evaluate = (run, argument) => this.browser.evaluate(run, argument);
  problems = () => this.browser.problems();
  // In Chromium only.
  picture = (name) => this.browser.picture?.(name);
  press = (name) => this.#on(['button', name], (element) => this.browser.click(element));
  follow = (name) => this.#on(['link', name], (element) => this.browser.click(element));
  unfold = (name) => this.#on(['summary', name], (element) => this.browser.click(element));
  fill = (label, text) => this.#on(['field', label], (element) => this.browser.type(element, text));

  // Waits until `look` finds something. While the browser goes from one page to another there is nothing to find.
  async #until(what, look) {
    let last;
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(50)) {
      try {
        const found = await look();
        if (found) return found;
      } catch (error) {
        last = error;
      }
    }
    const page = await this.evaluate(() => `${location.href}\n${document.body?.innerText}`).catch(String);
    throw new Error(`there is no ${what} on this page: ${page}`, { cause: last });
  }

  // Once an element is there, what is done with it is done once.
  async #on(named, act) {
    await act(await this.#until(named.join(' '), () => this.browser.element(named)));
  }

  has = async (kind, name) => Boolean(await this.browser.element([kind, name]));

  value = (label) => this.#until(`field ${label}`, () => this.evaluate((name) => {
    const all = [...document.querySelectorAll('input, select, textarea')];
    return all.find((field) => (field.getAttribute('aria-label') ?? field.labels?.[0]?.innerText.trim()) === name)?.value;
  }, label));

  choose = (label, option) => this.#until(`option ${option} of ${label}`, () => this.evaluate(([name, text]) => {
    const select = [...document.querySelectorAll('select')].find(({ labels }) => labels[0]?.innerText.trim() === name);
    const index = [...select.options].findIndex((one) => one.text === text);
    if (index < 0) return false;
    select.selectedIndex = index;
    select.dispatchEvent(new Event('change', { bubbles: true }));
    return true;
  }, [label, option]));

  // Waits for this text, and returns that of the whole page.
  sees = (pattern) => this.#until(`text ${pattern}`, async () => {
    const text = await this.evaluate(() => document.body.innerText);
    return pattern.test(text) && text;
  });

  // Waits until the browser has gone to such an address.
  arrives = (pattern) => this.#until(`address ${pattern}`, () => this.evaluate((source) => new RegExp(source).test(location.href), pattern.source));

  // Loads the page again until it has this text.
  async seesLater(pattern) {
    return this.#until(`text ${pattern}`, async () => {
      await this.reload();
      const text = await this.evaluate(() => document.body.innerText);
      return pattern.test(text) && text;
    });
  }

  // What is wrong with the page for a screen reader, in light and dark colours, and on a screen of 320 pixels.
  async faults() {
    const found = [];
    for (const dark of [false, true]) {
      await this.browser.dark(dark);
      const is = await this.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
      if (is !== dark) found.push(`the page is ${is ? 'dark' : 'light'}`);
      const { violations } = await this.evaluate(new Function(`${axe.source}; return axe.run();`));
      found.push(...violations.map(({ id, nodes }) => `${dark ? 'dark' : 'light'} ${id}: ${nodes.map(({ html }) => html).join(' ')}`));
    }
    await this.browser.dark(false);
    await this.browser.narrow(true);
    const { screen, page } = await this.evaluate(() => ({ screen: innerWidth, page: document.documentElement.scrollWidth }));
    if (screen !== 320 || page > 320) found.push(`the page is ${page} pixels wide on a screen of ${screen}`);
    await this.browser.narrow(false);
    return found;
  }
}
