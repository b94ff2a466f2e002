// The pages work without this script, but for the two that use a passkey. No text becomes markup here.
'use strict';

const words = {
  NotAllowedError: 'The browser gave no passkey: it was cancelled, it took too long, or this device has none for this address.',
  InvalidStateError: 'This device has a passkey for this account already.',
  SecurityError: 'The browser uses no passkey at this address. Open this page at its configured address.',
};

async function send(url, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `The server responded with status ${response.status}.`);
  return answer;
}

async function ceremony(form, kind, body) {
  const { publicKey } = await send(form.dataset.options, body);
  const credential = kind === 'create'
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  const { to } = await send(form.action, { ...body, credential: credential.toJSON() });
  location.assign(to);
}

for (const form of document.querySelectorAll('form[data-passkey]')) {
  const button = form.querySelector('button');
  const problem = form.querySelector('.problem');
  const able = typeof PublicKeyCredential === 'function' && 'parseRequestOptionsFromJSON' in PublicKeyCredential;
  if (!able) problem.textContent = 'This browser is too old for passkeys, or this page is not loaded over https or from localhost.';
  button.disabled = !able;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.textContent = '';
    button.disabled = true;
    try {
      await ceremony(form, form.dataset.passkey, Object.fromEntries(new FormData(form)));
    } catch (error) {
      problem.textContent = words[error.name] || error.message;
      button.disabled = false;
    }
  });
}

// A form is sent once.
document.addEventListener('submit', ({ target }) => {
  if (target.method !== 'post' || target.dataset.passkey) return;
  setTimeout(() => target.querySelectorAll('button').forEach((button) => { button.disabled = true; }));
});
// A page that comes back from the browser's memory takes its forms again.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Selected: copy it by hand';
    }
  });
}

// A filter is applied when it is chosen.
for (const form of document.querySelectorAll('form.filters')) {
  form.addEventListener('change', ({ target }) => target.matches('select') && form.requestSubmit());
}

for (const wrong of document.querySelectorAll('[aria-invalid=true]')) {
  wrong.focus();
  break;
}
