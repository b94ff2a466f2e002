// The page: gets options from its back end, passes them to the browser client, and shows the result.

import * as view from './view.js';

const find = (id) => document.getElementById(id);
const show = (id, value) => { find(id).textContent = JSON.stringify(value, null, 2); };

/** A refusal by the back end, or by passkeyd behind it. */
class Refusal extends Error {}

async function ask(path, body) {
  let response;
  let answer;
  try {
    response = await fetch(`/fido2-test/api/${path}`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
    });
    answer = await response.json();
  } catch {
    throw new Refusal('The back end does not respond.');
  }
  view.showExchanges(answer.exchanges ?? [], '');
  if (!response.ok) throw new Refusal(answer.answer?.message ?? `The back end returned ${response.status}.`);
  return answer.answer;
}

// An app can open the page in a browser: with a token, for one operation, and to get the result back.
const opened = new URLSearchParams(location.search);
const token = opened.get('token') ?? '';
const redirectTo = opened.get('redirectTo');
const operation = opened.get('operation');
// The token must not stay in the address, which is kept in the history and may be shared.
if (token) history.replaceState(null, '', location.pathname);

const only = { reg: ['#register'], auth: ['#sign-in', '#sign-in-discoverable'] }[operation];
if (only) {
  for (const button of document.querySelectorAll('#form button')) button.hidden = !only.includes(`#${button.id}`);
}

/** Sends the result to the app. Only the back end knows which addresses are allowed. */
async function goBack(kind, parameters) {
  const { base } = await ask('return', { redirectTo });
  location.assign(`${base}${kind}?${new URLSearchParams(parameters)}`);
}

let running = false;

/** Runs one call of the client. `start` gets the argument of the call from the back end. */
async function run(method, start) {
  if (running) return;
  running = true;
  view.busy(true);
  view.say('Waiting for your passkey …', 'wait');
  // Remove the results of an earlier call.
  find('result').textContent = 'Nothing yet.';
  find('introspection').textContent = 'Nothing yet.';
  try {
    // Check the address before the user is asked for a passkey.
    if (redirectTo !== null) await ask('return', { redirectTo });
    const argument = await start();
    const result = await nevis.auth.fido2[method](argument);
    show('result', result);
    find('introspection').textContent = 'There is no token.';
    if (!result.success) {
      view.say(`${result.code.statusCode}: ${result.code.message}`, 'bad');
      if (redirectTo !== null) await goBack('failure', { error: result.code.message });
      return;
    }
    if (redirectTo !== null) {
      view.say(result.code.message, 'good');
      await goBack('success', { token: result.token });
      return;
    }
    const introspection = await ask('introspect', { token: result.token });
    show('introspection', introspection);
    if (introspection.active) view.say(result.code.message, 'good');
    else view.say('The token of the success is not active. Please report it.', 'bad');
  } catch (error) {
    view.say(error instanceof Refusal ? error.message : `${error}`, 'bad');
  } finally {
    running = false;
    view.busy(false);
  }
}

const username = () => find('username').value.trim();

async function enrolment() {
  const { enrollment } = await ask('enroll', { username: username(), token });
  return {
    credentialCreationOptions: enrollment.credentialCreationOptions,
    statusToken: enrollment.statusToken,
    authenticatorName: find('authenticator-name').value,
  };
}

async function approval(name) {
  const { credentialRequestOptions, statusToken, userId } = await ask('approve', { username: name, token });
  return { credentialRequestOptions, statusToken, userId };
}

const on = (id, action) => find(id).addEventListener('click', action);
on('register', () => run('register', enrolment));
on('sign-in', () => run('authenticate', () => {
  if (!username() && !token) throw new Refusal('Type a user name first, or sign in without one.');
  return approval(username());
}));
on('sign-in-discoverable', () => run('authenticate', () => approval('')));
on('clear', view.clearExchanges);
find('form').addEventListener('submit', (event) => {
  event.preventDefault();
  find('sign-in').click();
});
