// The page: what each button does.

import * as backend from './backend.js';
import { faults } from './faults.js';
import * as passkeys from './passkeys.js';
import * as view from './view.js';

// The challenge of autofill is replaced before it expires on the server.
const AUTOFILL_LIFE_MS = 4 * 60 * 1000;

const nameField = document.getElementById('name');

const state = {
  /** Who is signed in, or null. */
  name: null,
  passkeys: [],
  /** SID of the passkey that signed in. */
  current: null,
  /** The last genuine credential and the ceremony that it came from. */
  last: null,
  /** The credential ids that this page has seen, by SID. */
  ids: new Map(),
};

function show(change) {
  Object.assign(state, change);
  view.showSession(state, { onRename: rename, onDelete: remove });
}

// ---- autofill ------------------------------------------------------------------------------------

let waiting = null;

/** Ends the autofill request: a browser runs one ceremony at a time. */
async function stopAutofill() {
  if (!waiting) return;
  const { controller, done, timer } = waiting;
  waiting = null;
  clearTimeout(timer);
  controller.abort();
  await done;
}

async function startAutofill() {
  if (waiting || state.name || !(await passkeys.autofillSupported())) return;
  const controller = new AbortController();
  const mine = { controller, done: null, timer: null };
  waiting = mine;
  let finish;
  mine.done = new Promise((resolve) => { finish = resolve; });
  try {
    const { options } = await backend.startSignIn('', 'for autofill');
    if (waiting !== mine) return;
    mine.timer = setTimeout(renewAutofill, AUTOFILL_LIFE_MS);
    const credential = await passkeys.get(options, { mediation: 'conditional', signal: controller.signal });
    if (waiting !== mine) return;
    waiting = null;
    clearTimeout(mine.timer);
    run('Signing in …', () => finishSignIn(credential));
  } catch {
    // Another ceremony ended it, or the browser refused it. The buttons still work.
    if (waiting === mine) waiting = null;
    clearTimeout(mine.timer);
  } finally {
    finish();
  }
}

async function renewAutofill() {
  await stopAutofill();
  await startAutofill();
}

// ---- actions -------------------------------------------------------------------------------------

let running = false;

/** Runs one action at a time, shows its result, and explains refusals. */
async function run(announcement, action) {
  if (running) return;
  running = true;
  view.busy(true);
  view.say(announcement, 'wait');
  view.explainRefusal(null);
  view.markFault(null);
  try {
    await stopAutofill();
    const outcome = await action();
    view.say(outcome.text, outcome.tone ?? 'good');
  } catch (error) {
    if (error instanceof backend.Refusal) {
      view.say(error.message, 'bad');
      view.explainRefusal(error.envelope);
    } else {
      view.say(passkeys.explain(error), 'bad');
    }
  } finally {
    running = false;
    view.busy(false);
  }
}

async function register() {
  const { options } = await backend.startRegistration(nameField.value);
  const credential = await passkeys.create(options);
  state.last = { kind: 'registration', credential };
  const { name, passkey } = await backend.finishRegistration(credential);
  state.ids.set(passkey.sid, credential.id);
  const own = state.name === name ? state.passkeys : [];
  show({ name, passkeys: [...own, passkey], current: passkey.sid });
  return { text: `Registered. ${name} has a passkey now and is signed in with it.` };
}

async function signIn(name) {
  const { options } = await backend.startSignIn(name);
  return finishSignIn(await passkeys.get(options));
}

async function finishSignIn(credential) {
  state.last = { kind: 'authentication', credential };
  let answer;
  try {
    answer = await backend.finishSignIn(credential);
  } catch (error) {
    // The server does not know this passkey: tell the password manager to stop offering it.
    if (error.envelope?.details?.reason === 'credential_unknown') passkeys.signalGone(credential.id);
    throw error;
  }
  state.ids.set(answer.factor_sid, credential.id);
  show({ name: answer.name, passkeys: answer.passkeys, current: answer.factor_sid });
  return { text: `Signed in as ${answer.name}.` };
}

async function signOut() {
  await backend.signOut();
  show({ name: null, passkeys: [], current: null });
  return { text: 'Signed out.', tone: 'plain' };
}

function rename(factor, name) {
  return run('Renaming …', async () => {
    const { passkey } = await backend.rename(factor.sid, name);
    show({ passkeys: state.passkeys.map((other) => (other.sid === passkey.sid ? passkey : other)) });
    return { text: `Renamed to ${passkey.friendly_name}.` };
  });
}

function remove(factor) {
  return run('Deleting …', async () => {
    const { passkeys: left } = await backend.remove(factor.sid);
    const id = state.ids.get(factor.sid);
    if (id) passkeys.signalGone(id);
    show({ passkeys: left });
    return { text: `Deleted. ${factor.friendly_name} can no longer sign in.` };
  });
}

// ---- break it ------------------------------------------------------------------------------------

async function genuine(fault) {
  if (state.last && !fault.fresh) return state.last;
  view.say('Use your passkey: this button needs a genuine response to change.', 'wait');
  const { options } = await backend.startSignIn(state.name ?? nameField.value);
  state.last = { kind: 'authentication', credential: await passkeys.get(options) };
  return state.last;
}

function breakIt(fault, button) {
  run('Preparing a faulty response …', async () => {
    const { kind, credential } = await genuine(fault);
    if (fault.twice) await finishSignIn(credential);
    const faulty = fault.spoil(credential);
    const registration = (kind === 'registration') !== Boolean(fault.other);
    try {
      await (registration ? backend.finishRegistration(faulty) : backend.finishSignIn(faulty));
    } catch (error) {
      if (!error.envelope) throw error;
      view.explainRefusal(error.envelope);
      view.markFault(button);
      return { text: `Refused, as it should be: ${error.envelope.code} ${error.envelope.message}.`, tone: 'plain' };
    }
    return { text: 'This was accepted, and should not have been. Please report it.', tone: 'bad' };
  });
}

// ---- the start -----------------------------------------------------------------------------------

function on(id, announcement, action) {
  document.getElementById(id).addEventListener('click', () => run(announcement, action));
}

backend.watch(view.showExchanges);
view.showFaults(faults, breakIt);
on('register', 'Waiting for your new passkey …', register);
on('sign-in', 'Waiting for your passkey …', () => {
  if (!nameField.value.trim()) throw new backend.Refusal('Type a name first, or sign in without one.', null);
  return signIn(nameField.value);
});
on('sign-in-discoverable', 'Waiting for your passkey …', () => signIn(''));
on('sign-out', 'Signing out …', signOut);
// After a ceremony, autofill waits again when the user turns to the field. Each wait needs a challenge.
nameField.addEventListener('pointerenter', () => running || startAutofill());
nameField.addEventListener('keydown', (event) => running || event.key !== 'ArrowDown' || startAutofill());
document.getElementById('clear').addEventListener('click', view.clearExchanges);
document.getElementById('form').addEventListener('submit', (event) => {
  event.preventDefault();
  document.getElementById('sign-in').click();
});

if (passkeys.supported()) {
  const { name, passkeys: known } = await backend.session().catch(() => ({ name: null, passkeys: [] }));
  if (!running && !state.name) {
    show({ name, passkeys: known });
    if (name) view.say(`Welcome back. ${name} is still signed in.`, 'good');
  }
  startAutofill();
} else {
  view.busy(true);
  view.say('This browser does not support passkeys. Try a current Chrome, Edge, Firefox or Safari.', 'bad');
}
