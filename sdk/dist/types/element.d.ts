/**
 * Attributes: `action` (`sign-in`, `register`, `add` or `reauthenticate`), `fields` (names of fields of its form that go to the start route), `immediate`,
 * `href` (where the page goes after a success), `disabled`. Events, which bubble: `passkey-success` with the answer as `detail`, and `passkey-error` with a
 * `PasskeyError`. `preventDefault()` on the first one stops `href`.
 */
export declare class PasskeyButton extends HTMLElement {
    #private;
    static readonly formAssociated = true;
    static readonly observedAttributes: string[];
    connectedCallback(): void;
    attributeChangedCallback(): void;
    formDisabledCallback(disabled: boolean): void;
    /** What a click does. Its promise never rejects. */
    start(): Promise<void>;
}
declare global {
    interface HTMLElementTagNameMap {
        'passkey-button': PasskeyButton;
    }
}
