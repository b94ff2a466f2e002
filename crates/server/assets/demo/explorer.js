// A finished ceremony, step by step, beside its exchange.

export function element(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function verdict({ refused, kind }, wasRefused) {
  if (refused) return `${kind} refused at ${refused.section}: ${refused.message}`;
  if (wasRefused) return 'Every step on the response holds. passkeyd refused it because of its ceremony, before these steps.';
  return `${kind}: every step holds.`;
}

function part({ title, rows, text }) {
  const facts = rows.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]);
  return element('section', {}, element('h4', {}, title), rows.length ? element('dl', {}, ...facts) : null,
    text === null ? null : element('pre', { tabIndex: 0 }, text));
}

/** The steps of the specification with their results, and the response decoded. */
export function explorer(explained, wasRefused) {
  const steps = explained.steps.map((step) => element('li', { dataset: { result: step.result } },
    element('span', { className: 'result' }, step.result), ' ', element('span', { className: 'check' }, step.check),
    element('span', { className: 'where' }, ` ${step.section}`), step.detail ? element('span', { className: 'detail' }, step.detail) : null));
  return element('div', { className: 'explorer' },
    element('h3', {}, 'Explorer'),
    element('p', { className: 'verdict' }, verdict(explained, wasRefused)),
    element('details', {}, element('summary', {}, `${explained.steps.length} steps`), element('ol', { className: 'steps' }, ...steps)),
    element('details', {}, element('summary', {}, 'The response, decoded'), ...explained.parts.map(part)));
}
