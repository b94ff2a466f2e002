// The demo page, used by its stable element ids.

import assert from 'node:assert/strict';

export class DemoPage {
  constructor(page, authenticator, url) {
    this.page = page;
    this.authenticator = authenticator;
    this.url = url;
    this.problems = [];
    this.exchanged = [];
    page.on('pageerror', (error) => this.problems.push(`${error}`));
    // A refused request is logged by the browser itself; everything else on the console is ours.
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) this.problems.push(message.text());
    });
    page.on('response', async (response) => {
      if (!response.url().includes('/demo/api/')) return;
      this.exchanged.push({ url: response.url(), status: response.status(), text: await response.text().catch(() => '') });
    });
  }

  // Opens the page. The sensor is not touched meanwhile, so that autofill waits.
  async open() {
    await this.authenticator.touching(false);
    await this.page.goto(this.url);
    await this.page.locator('#register').waitFor();
  }

  async #withTouch(action) {
    await this.authenticator.touching(true);
    try {
      await action();
    } finally {
      await this.authenticator.touching(false);
    }
  }

  // Waits until the status matches `pattern`.
  async says(pattern) {
    const status = this.page.locator('#status');
    try {
      await status.filter({ hasText: pattern }).waitFor();
    } catch (error) {
      assert.fail(`status ${JSON.stringify(await status.textContent())} instead of ${pattern} (${error.name})`);
    }
  }

  async register(name) {
    await this.page.fill('#name', name);
    await this.#withTouch(async () => {
      await this.page.click('#register');
      await this.says(/Registered/);
    });
  }

  async signIn(name, pattern = `Signed in as ${name}`) {
    await this.page.fill('#name', name);
    await this.#withTouch(async () => {
      await this.page.click('#sign-in');
      await this.says(pattern);
    });
  }

  async signInWithoutName(pattern) {
    await this.#withTouch(async () => {
      await this.page.click('#sign-in-discoverable');
      await this.says(pattern);
    });
  }

  async signOut() {
    await this.page.click('#sign-out');
    await this.says(/Signed out/);
  }

  // Signs out if a user is signed in, so that the next step starts from the same state.
  async becomeNobody() {
    if (await this.page.locator('#sign-out').isVisible()) await this.signOut();
  }

  get passkeys() {
    return this.page.locator('#passkeys li[data-sid]');
  }

  // Deletes the first passkey: the page asks once more.
  async deleteFirst() {
    await this.passkeys.first().locator('.delete').click();
    await this.passkeys.first().locator('.sure').click();
    await this.says(/Deleted/);
  }

  async breakIt(name) {
    await this.#withTouch(async () => {
      await this.page.click(`#break button[data-break="${name}"]`);
      await this.page.locator('#explanation h3').waitFor();
    });
  }
}
