// The types of the arguments, the answers and the errors.

/** What a page does with a passkey. */
export type Operation = 'register' | 'signIn' | 'autofill' | 'upgrade' | 'reauthenticate';

/** Why there is no passkey or no sign-in. The list is closed: a `switch` over it is complete. */
export type Reason =
  /** This browser or this page has no WebAuthn. */
  | 'unsupported'
  /** The person cancelled, was not verified, or has no passkey that matches. Browsers do not say which. */
  | 'cancelled'
  /** An immediate sign-in: the browser has no passkey for this page. Show your other ways to sign in. */
  | 'no_passkey'
  /** Nobody responded in the time that the options give. */
  | 'timeout'
  /** The authenticator holds a passkey of this user already. */
  | 'exists'
  /** The RP ID does not belong to this page. */
  | 'rp_id'
  /** The authenticator cannot do what the options demand. */
  | 'authenticator'
  /** `abort()` was called. */
  | 'aborted'
  /** A newer call took its place. */
  | 'replaced'
  /** The back end sent something that is not a set of options. */
  | 'options'
  /** The back end refused. `status` and `code` say more. */
  | 'refused'
  /** The back end failed or cannot be reached. */
  | 'server'
  /** Anything else: `cause` is what the browser threw. */
  | 'unknown';

/** All passkeys of a user handle that the server accepts. */
export interface Accepted {
  rpId: string;
  userId: string;
  allAcceptedCredentialIds: string[];
}

/** Whether a passkey is worth offering to the user: for `mayPrompt` of `prompt.mjs`. */
export interface Prompt {
  offer: boolean;
  why: 'no_passkey' | 'other_device' | 'has_passkey' | 'unfinished';
}

/** What the back end learned from passkeyd about the passkeys of a user, for the password manager. */
export interface Signals {
  /** A passkey that the server does not know. */
  unknown?: { rpId: string; credentialId: string } | null;
  /** All passkeys that the server accepts for the user: of each user handle, if the user has several. */
  accepted?: Accepted | Accepted[] | null;
  /** The names of the user. */
  details?: { rpId: string; userId: string; name: string; displayName: string } | null;
  prompt?: Prompt | null;
}

/** The answer of the back end to the last request: its JSON. */
export interface Answer {
  signals?: Signals | null;
  [member: string]: unknown;
}

/** What happened, for `configure({ onEvent })`. It names no person and no passkey. */
export interface PasskeyEvent {
  operation: Operation;
  /** `started`: the browser is asked. `returned`: it gave a credential. `done`: the back end accepted it. `failed`: see `reason`. */
  phase: 'started' | 'returned' | 'done' | 'failed';
  reason?: Reason;
  /** Milliseconds since the browser was asked. */
  elapsed: number;
}

/** The paths of the back end, relative to `backEnd`. Each has `/start` and `/finish` below it. */
export interface Routes {
  /** A new account. Default: `register`. */
  register: string;
  /** Another passkey of the account that is signed in. Default: `passkeys`. */
  add: string;
  /** Default: `sign-in`. */
  signIn: string;
  /** The person who is signed in shows a passkey again. Default: `step-up`. */
  reauthenticate: string;
}

export interface Settings {
  /** The URL below which the routes are. Default: the folder of the page, or its `<base>`. */
  backEnd?: string;
  routes?: Partial<Routes>;
  /** More for each `fetch`: headers against CSRF, or `credentials: 'include'` for a back end of another origin. */
  request?: RequestInit | (() => RequestInit);
  /** Is called for each step of a ceremony. */
  onEvent?: (event: PasskeyEvent) => void;
}

/** What this browser can do. */
export interface Capabilities {
  webauthn: boolean;
  /** Passkeys in the autofill of a field. */
  autofill: boolean;
  /** A passkey without a dialog, after a sign-in with a password. */
  upgrade: boolean;
  /** A dialog only if there is a passkey. */
  immediate: boolean;
  /** This device can verify its user. */
  platform: boolean;
  /** A passkey of a phone nearby. */
  hybrid: boolean;
  signalUnknown: boolean;
  signalAccepted: boolean;
  signalDetails: boolean;
}
