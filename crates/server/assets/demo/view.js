// What the page shows. Text from outside is only set as text, never as markup.

import { copying } from './copy.js';
import { element, explorer } from './explorer.js';

const MOST_EXCHANGES = 60;
const find = (id) => document.getElementById(id);

/** Says one sentence; `tone` is plain, wait, good or bad. */
export function say(text, tone = 'plain') {
  const status = find('status');
  status.dataset.tone = tone;
  status.textContent = text;
}

/** Disables the buttons while an action runs. */
export function busy(on) {
  for (const button of document.querySelectorAll('main .card button, #sign-out')) button.disabled = on;
}

// ---- passkeys ------------------------------------------------------------------------------------

const PROVIDERS = {
  '00000000-0000-0000-0000-000000000000': null,
  'fbfc3007-154e-4ecc-8c0b-6e020557d7bd': 'Apple Passwords',
  'ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4': 'Google Password Manager',
  'adce0002-35bc-c60a-648b-0b25f1f05503': 'Chrome on Mac',
  '08987058-cadc-4b81-b6e1-30de50dcbe96': 'Windows Hello',
  '9ddd1817-af5a-4672-a2b9-3e3dd95000a9': 'Windows Hello',
  '6028b017-b1d4-4c02-b4b3-afcdafc96bb2': 'Windows Hello',
  'bada5566-a7aa-401f-bd96-45619a55120d': '1Password',
  'd548826e-79b4-db40-a3d8-11116f7e8349': 'Bitwarden',
  '531126d6-e717-415c-9320-3d9aa6981239': 'Dashlane',
  '53414d53-554e-4700-0000-000000000000': 'Samsung Pass',
};

function provider(aaguid) {
  if (!aaguid || PROVIDERS[aaguid] === null) return 'Unknown provider';
  return PROVIDERS[aaguid] ?? 'Unknown model';
}

/** A first name for a passkey: its provider, or the browser and the system in which it was just created. */
function suggestion({ aaguid, created }) {
  if (PROVIDERS[aaguid]) return PROVIDERS[aaguid];
  if (Date.now() - Date.parse(created) > 600_000) return null;
  const first = (marks) => marks.find(([mark]) => navigator.userAgent.includes(mark))?.[1];
  const browser = first([['Edg', 'Edge'], ['Firefox', 'Firefox'], ['FxiOS', 'Firefox'], ['Chrome', 'Chrome'], ['CriOS', 'Chrome'], ['Safari', 'Safari']]);
  const system = first([['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Android', 'Android'], ['Windows', 'Windows'], ['CrOS', 'ChromeOS'], ['Mac', 'Mac'], ['Linux', 'Linux']]);
  return browser && system ? `${browser} on ${system}` : null;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

function ago(date) {
  const seconds = Math.round((Date.parse(date) - Date.now()) / 1000);
  if (Math.abs(seconds) < 45) return 'just now';
  for (const [unit, size] of [['day', 86400], ['hour', 3600], ['minute', 60]]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return relative.format(Math.round(seconds / 60), 'minute');
}

function time(label, date) {
  return date ? [`${label} `, element('time', { dateTime: date, title: date }, ago(date))] : [`not ${label} yet`];
}

function backup({ synced, eligible }) {
  if (synced) return element('span', { className: 'badge synced', title: 'The provider keeps a copy.' }, 'synced');
  if (eligible) return element('span', { className: 'badge', title: 'It can be copied, but is not.' }, 'not synced');
  return element('span', { className: 'badge', title: 'It never leaves this device.' }, 'this device only');
}

function passkey(one, owner, current, { onRename, onDelete }) {
  const name = element('strong', {}, one.name);
  const title = element('div', { className: 'passkey-title' }, name, backup(one));
  const facts = element('p', { className: 'passkey-facts' }, `${provider(one.aaguid)} · `, ...time('created', one.created), ' · ', ...time('used', one.used));
  facts.title = one.aaguid ? `AAGUID ${one.aaguid}` : '';
  const button = (kind, text) => {
    const made = element('button', { type: 'button', className: `link ${kind}` }, text);
    made.setAttribute('aria-label', `${text} ${one.name}`);
    return made;
  };
  const renaming = button('rename', 'Rename');
  const deleting = button('delete', 'Delete');
  const actions = element('div', { className: 'passkey-actions' }, renaming, deleting);
  const item = element('li', { dataset: { sid: one.sid } }, title, facts, actions);
  item.classList.toggle('current', one.sid === current);

  renaming.addEventListener('click', () => {
    // passkeyd names a passkey after its owner, which says nothing in a list of passkeys.
    const value = (one.name === owner && suggestion(one)) || one.name;
    const input = element('input', { className: 'rename-input', value, maxLength: 64 });
    input.setAttribute('aria-label', 'New name; Enter saves, Escape cancels');
    const back = () => {
      input.replaceWith(name);
      renaming.focus();
    };
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') back();
      if (event.key === 'Enter') {
        event.preventDefault();
        onRename(one, input.value);
      }
    });
    name.replaceWith(input);
    input.select();
  });
  deleting.addEventListener('click', () => {
    const sure = button('delete sure', 'Delete for good');
    const keep = button('keep', 'Keep');
    const before = [...actions.children];
    sure.addEventListener('click', () => onDelete(one));
    keep.addEventListener('click', () => {
      actions.replaceChildren(...before);
      deleting.focus();
    });
    actions.replaceChildren(sure, keep);
    keep.focus();
  });
  return item;
}

/** Shows who is signed in, with which passkeys; `current` is the SID of the one that was used. */
export function showSession({ name, passkeys, current }, handlers) {
  find('who').hidden = !name;
  find('who-name').textContent = name ?? '';
  find('register').textContent = name ? 'Add another passkey' : 'Register a passkey';
  find('passkeys').replaceChildren(...passkeys.map((one) => passkey(one, name, current, handlers)));
  const empty = find('passkeys-empty');
  empty.hidden = passkeys.length > 0;
  empty.textContent = name ? `${name} has no passkey any more.` : 'Sign in to see them here.';
}

// ---- exchanges -----------------------------------------------------------------------------------

const TOKENS = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/g;

function colored(value) {
  const text = JSON.stringify(value, null, 2);
  const out = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(TOKENS)) {
    out.append(text.slice(end, match.index));
    const [whole, string, colon] = match;
    if (string) out.append(element('span', { className: colon ? 'k' : 's' }, string), colon ?? '');
    else out.append(element('span', { className: 'n' }, whole));
    end = match.index + whole.length;
  }
  out.append(text.slice(end));
  return out;
}

function body(value) {
  if (value === null || value === undefined || value === '') return 'no body';
  if (typeof value !== 'string') return colored(value);
  if (value.startsWith('{')) return colored(JSON.parse(value));
  return [...new URLSearchParams(value)].map(([key, text]) => `${key} = ${text}`).join('\n');
}

function path(text) {
  const parts = /^(\/v2\/Services\/VA[0-9a-f]{4})[0-9a-f]*(.*)$/.exec(text);
  const made = element('span', { className: 'path', title: text });
  if (!parts) made.append(text);
  else made.append(element('span', { className: 'dim' }, `${parts[1]}…`), parts[2].replace(/\?.*$/, ''));
  return made;
}

/** Whether passkeyd refused it in the body of a 200. */
const failed = (response) => /^\{"status":"failed"/.test(response ?? '');

function exchange(one, why) {
  const { method, path: to, authorization, content_type: type, request, status, response, explained } = one;
  const refused = status >= 400;
  const summary = element('summary', {}, element('span', { className: 'method' }, method), path(to),
    why ? element('span', { className: 'why' }, why) : null, element('span', { className: 'http-status' }, String(status)));
  const head = [`${method} ${to}`, authorization ? `Authorization: ${authorization}` : null, type ? `Content-Type: ${type}` : null].filter(Boolean).join('\n');
  const sent = element('pre', { tabIndex: 0 }, head);
  if (request !== null) sent.append('\n\n', body(request));
  const bodies = element('div', { className: 'bodies' },
    element('div', {}, element('h3', {}, 'Request'), sent),
    element('div', {}, element('h3', {}, `Response ${status}`), element('pre', { tabIndex: 0 }, body(response))),
    copying(one), explained ? explorer(explained, refused || failed(response)) : null);
  const made = element('article', { dataset: { status: String(status) } }, element('details', {}, summary, bodies));
  if (refused || failed(response)) made.dataset.refused = '';
  return made;
}

/** Adds exchanges, oldest first, above the existing ones. The last one is open, unless they serve autofill. */
export function showExchanges(exchanges, why) {
  if (exchanges.length === 0) return;
  const list = find('exchanges');
  for (const details of list.querySelectorAll('details[open]')) details.open = false;
  for (const one of exchanges) list.prepend(exchange(one, why));
  const shown = exchanges.findIndex((one) => one.explained);
  if (!why) list.children[shown < 0 ? 0 : exchanges.length - 1 - shown].firstElementChild.open = true;
  list.scrollTop = 0;
  while (list.childElementCount > MOST_EXCHANGES) list.lastElementChild.remove();
  find('exchanges-empty').hidden = true;
}

/** Removes all exchanges. */
export function clearExchanges() {
  find('exchanges').replaceChildren();
  find('exchanges-empty').hidden = false;
}

// ---- refusals ------------------------------------------------------------------------------------

/** A sentence in which `names` stand between backquotes. */
function prose(text) {
  return text.split('`').map((part, index) => (index % 2 ? element('code', {}, part) : part));
}

/**
 * Explains a refusal of passkeyd: below the row of the button whose fault it is, or else below all of them. The button stays
 * where it is on the screen, so that the pointer does not come to rest on another one.
 */
export function explainRefusal(envelope, button) {
  if (!envelope) return;
  const box = find('explanation');
  const details = envelope.details ?? {};
  const facts = element('dl');
  const fact = (term, ...content) => facts.append(element('dt', {}, term), element('dd', {}, ...content));
  if (details.reason) fact('Reason', element('code', {}, details.reason));
  if (details.members?.length) {
    fact('Members', ...details.members.flatMap((member, index) => [index ? ', ' : '', element('code', {}, member)]));
  }
  if (details.message) fact('In detail', ...prose(details.message));
  if (details.help) fact('How to fix it', ...prose(details.help));
  const about = envelope.code ?? details.reason;
  const link = envelope.more_info
    ? element('a', { className: 'more-info', href: envelope.more_info, target: '_blank', rel: 'noopener' }, `Everything about ${about}`)
    : element('span', { className: 'muted' }, 'The page learns no more on this API. The steps beside the exchange show the check that failed.');
  box.replaceChildren(
    element('h3', {}, element('span', { className: 'code' }, String(envelope.code ?? envelope.status)), envelope.message),
    facts,
    element('p', {}, link),
  );
  keeping(button, () => {
    placeBelow(box, button);
    box.hidden = false;
  });
}

/** Moves `box` below the row of `button`. */
function placeBelow(box, button) {
  const buttons = [...document.querySelectorAll('#break button')];
  const last = button ? buttons.filter((other) => other.offsetTop === button.offsetTop).at(-1) : buttons.at(-1);
  last.after(box);
}

/** Changes the page with `button` at the same place on the screen. */
function keeping(button, change) {
  const before = button?.getBoundingClientRect().top;
  change();
  if (button) scrollBy(0, button.getBoundingClientRect().top - before);
}

/** Says in the card of the faults what to do first. */
export function sayBreak(text) {
  find('break-status').textContent = text;
}

/** Creates the buttons that break things. */
export function showFaults(faults, onBreak) {
  find('break').prepend(...faults.map((fault) => {
    const button = element('button', { type: 'button', dataset: { break: fault.name } }, fault.title, element('span', {}, fault.about));
    button.addEventListener('click', () => onBreak(fault, button));
    return button;
  }));
}

/** Marks the button whose fault is explained. */
export function markFault(button) {
  for (const other of document.querySelectorAll('#break button')) other.setAttribute('aria-pressed', String(other === button));
}

/** Removes the explanation and the mark. */
export function clearFault() {
  const pressed = document.activeElement?.closest('#break button');
  keeping(pressed, () => { find('explanation').hidden = true; });
  sayBreak('');
  markFault(null);
}

/** On a narrow screen: the forms or the exchanges. */
export function chooseSide() {
  for (const button of document.querySelectorAll('.sides button')) {
    button.addEventListener('click', () => {
      document.querySelector('main').dataset.side = button.dataset.side;
      for (const other of document.querySelectorAll('.sides button')) other.setAttribute('aria-pressed', String(other === button));
    });
  }
}
