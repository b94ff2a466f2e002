// `<passkey-button>`: a button that registers a passkey or signs in. It draws nothing of its own: the content is that of the page.

import { PasskeyError, reauthenticate, register, signIn, type Answer } from './passkeys/index.js';

const actions: Record<string, (body: object, element: HTMLElement) => Promise<Answer>> = {
  'sign-in': (body, element) => signIn(body, { immediate: element.hasAttribute('immediate') }),
  register: (body) => register(body),
  add: (body) => register(body, { add: true }),
  reauthenticate: (body) => reauthenticate(body),
};

/**
 * Attributes: `action` (`sign-in`, `register`, `add` or `reauthenticate`), `fields` (names of fields of its form that go to the start route), `immediate`,
 * `href` (where the page goes after a success), `disabled`. Events, which bubble: `passkey-success` with the answer as `detail`, and `passkey-error` with a
 * `PasskeyError`. `preventDefault()` on the first one stops `href`.
 */
export class PasskeyButton extends HTMLElement {
  static readonly formAssociated = true;
  static readonly observedAttributes = ['disabled'];
  readonly #internals = this.attachInternals();
  #button: HTMLButtonElement | null = null;
  #barred = false;

  connectedCallback(): void {
    if (this.#button) return;
    // The parser has not read the content yet.
    if (document.readyState === 'loading' && !this.firstChild) {
      document.addEventListener('DOMContentLoaded', () => this.connectedCallback(), { once: true });
      return;
    }
    this.#button = this.querySelector('button');
    if (!this.#button) {
      this.#button = document.createElement('button');
      this.#button.append(...this.childNodes);
      this.append(this.#button);
    }
    this.#button.type = 'button';
    this.#button.addEventListener('click', () => void this.start());
    this.#show(false);
  }

  attributeChangedCallback(): void {
    this.#show(false);
  }

  formDisabledCallback(disabled: boolean): void {
    this.#barred = disabled;
    this.#show(false);
  }

  #show(busy: boolean) {
    if (!this.#button) return;
    this.#button.disabled = busy || this.#barred || this.hasAttribute('disabled');
    this.toggleAttribute('busy', busy);
  }

  /** What a click does. Its promise never rejects. */
  async start(): Promise<void> {
    const form = this.#internals.form;
    const data = form ? new FormData(form) : new FormData();
    const names = (this.getAttribute('fields') || '').split(/\s+/).filter((name) => typeof data.get(name) === 'string');
    const body = Object.fromEntries(names.map((name) => [name, data.get(name)]));
    const tell = (type: string, detail: unknown) =>
      this.dispatchEvent(new CustomEvent(type, { bubbles: true, cancelable: true, detail }));
    this.#show(true);
    try {
      const action = this.getAttribute('action') || 'sign-in';
      const run = Object.hasOwn(actions, action) && actions[action];
      if (!run) throw new PasskeyError('unknown', `<passkey-button> has no action "${action}".`);
      const answer = await run(body, this);
      const href = this.getAttribute('href');
      if (tell('passkey-success', answer) && href) location.assign(href);
    } catch (error) {
      tell('passkey-error', error);
    } finally {
      this.#show(false);
    }
  }
}

if (!customElements.get('passkey-button')) customElements.define('passkey-button', PasskeyButton);

declare global {
  interface HTMLElementTagNameMap {
    'passkey-button': PasskeyButton;
  }
}
