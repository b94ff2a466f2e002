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
  /** The last genuine credential, its kind, and what the start of its ceremony returned. */
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
  if (waiting || state.name || !backend.knowsAnyone || !(await passkeys.autofillSupported())) return;
  const controller = new AbortController();
  const mine = { controller, done: null, timer: null };
  waiting = mine;
  let finish;
  mine.done = new Promise((resolve) => { finish = resolve; });
  try {
    const begun = await backend.startSignIn('', 'for autofill');
    if (waiting !== mine) return;
    mine.timer = setTimeout(renewAutofill, AUTOFILL_LIFE_MS);
    const credential = await passkeys.get(begun.options, { mediation: 'conditional', signal: controller.signal });
    if (waiting !== mine) return;
    waiting = null;
    clearTimeout(mine.timer);
    run('Signing in …', () => finishSignIn(credential, begun));
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
  view.clearFault();
  view.busy(true);
  view.say(announcement, 'wait');
  try {
    await stopAutofill();
    const outcome = await action();
    view.say(outcome.text, outcome.tone ?? 'good');
  } catch (error) {
    if (error instanceof backend.Refusal) {
      view.say(error.message, 'bad');
      view.explainRefusal(error.envelope, null);
    } else {
      view.say(passkeys.explain(error), 'bad');
    }
  } finally {
    running = false;
    view.busy(false);
  }
}

/** The passkeys with those that came, by SID: an API may return the new one only. */
function withNew(name, came) {
  const own = state.name === name ? state.passkeys : [];
  return [...own.filter((one) => !came.some((other) => other.sid === one.sid)), ...came];
}

async function register() {
  const begun = await backend.startRegistration(nameField.value);
  const credential = await passkeys.create(begun.options);
  state.last = { kind: 'registration', credential, begun };
  const { name, sid, passkeys: came } = await backend.finishRegistration(credential, begun);
  state.ids.set(sid, credential.id);
  show({ name, passkeys: withNew(name, came), current: sid });
  return { text: `Registered. ${name} has a passkey now and is signed in with it.` };
}

async function signIn(name) {
  const begun = await backend.startSignIn(name);
  return finishSignIn(await passkeys.get(begun.options), begun);
}

async function finishSignIn(credential, begun) {
  state.last = { kind: 'authentication', credential, begun };
  let answer;
  try {
    answer = await backend.finishSignIn(credential, begun);
  } catch (error) {
    // The server does not know this passkey: tell the password manager to stop offering it.
    if (error.envelope?.details?.reason === 'credential_unknown') passkeys.signalGone(credential.id);
    throw error;
  }
  state.ids.set(answer.sid, credential.id);
  show({ name: answer.name, passkeys: answer.passkeys, current: answer.sid });
  return { text: `Signed in as ${answer.name}.` };
}

async function signOut() {
  await backend.signOut();
  show({ name: null, passkeys: [], current: null });
  return { text: 'Signed out.', tone: 'plain' };
}

function rename(passkey, name) {
  return run('Renaming …', async () => {
    const { passkeys: all } = await backend.rename(passkey.sid, name);
    show({ passkeys: all });
    return { text: `Renamed to ${name.trim()}.` };
  });
}

function remove(passkey) {
  return run('Deleting …', async () => {
    const { passkeys: left } = await backend.remove(passkey.sid);
    const id = state.ids.get(passkey.sid);
    if (id) passkeys.signalGone(id);
    show({ passkeys: left });
    return { text: `Deleted. ${passkey.name} can no longer sign in.` };
  });
}

// ---- break it ------------------------------------------------------------------------------------

async function genuine(fault) {
  if (state.last && !fault.fresh) return state.last;
  view.sayBreak('Use your passkey: this button needs a genuine response to change.');
  const begun = await backend.startSignIn(state.name ?? nameField.value);
  state.last = { kind: 'authentication', credential: await passkeys.get(begun.options), begun };
  return state.last;
}

function breakIt(fault, button) {
  if (running) return;
  if (!state.last && !state.name) {
    view.markFault(button);
    view.sayBreak('Register a passkey or sign in first: there is no response to break yet.');
    return;
  }
  run('Preparing a faulty response …', async () => {
    view.markFault(button);
    const { kind, credential, begun } = await genuine(fault);
    view.sayBreak('');
    if (fault.twice) await finishSignIn(credential, begun);
    const faulty = fault.spoil(credential);
    const registration = (kind === 'registration') !== Boolean(fault.other);
    try {
      await (registration ? backend.finishRegistration(faulty, begun) : backend.finishSignIn(faulty, begun));
    } catch (error) {
      if (!error.envelope) throw error;
      view.explainRefusal(error.envelope, button);
      return { text: `Refused, as it should be: ${error.envelope.code ?? ''} ${error.envelope.message}`, tone: 'plain' };
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
view.chooseSide();
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
