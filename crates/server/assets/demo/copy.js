// An exchange as a request to copy: with curl, Node and Python, and the standard library of each.

import { element } from './explorer.js';

const json = (text) => (typeof text === 'string' ? null : text);

/** Quotes for a POSIX shell. */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A JSON value as a literal of Python. */
function python(value, indent = '') {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value !== 'object') return JSON.stringify(value);
  const inner = `${indent}    `;
  const list = Array.isArray(value);
  const items = list ? value.map((one) => python(one, inner)) : Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${python(one, inner)}`);
  const [open, close] = list ? ['[', ']'] : ['{', '}'];
  return items.length ? `${open}\n${items.map((item) => inner + item).join(',\n')}\n${indent}${close}` : open + close;
}

const kind = ({ authorization }) => (authorization ?? '').split(' ')[0];

function curl(one) {
  const { method, path, request, content_type: type } = one;
  const lines = [`curl -X ${method} ${quoted(location.origin + path)}`];
  if (kind(one) === 'Basic') lines.push('-u "$ACCOUNT_SID:$AUTH_TOKEN"');
  if (kind(one) === 'Bearer') lines.push('-H "Authorization: Bearer $ACCESS_KEY"');
  if (type) lines.push(`-H ${quoted(`Content-Type: ${type}`)}`);
  if (request !== null) lines.push(`--data ${quoted(json(request) ? JSON.stringify(request) : request)}`);
  return lines.join(' \\\n  ');
}

function node(one) {
  const { method, path, request, content_type: type } = one;
  const headers = [];
  const before = [];
  if (kind(one) === 'Basic') {
    before.push('const { ACCOUNT_SID, AUTH_TOKEN } = process.env;');
    headers.push("Authorization: 'Basic ' + Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64'),");
  }
  if (kind(one) === 'Bearer') headers.push('Authorization: `Bearer ${process.env.ACCESS_KEY}`,');
  if (json(request)) headers.push(`'Content-Type': '${type}',`);
  const body = json(request)
    ? `  body: JSON.stringify(${JSON.stringify(request, null, 2).replaceAll('\n', '\n  ')}),`
    : request === null ? null : `  body: new URLSearchParams(${JSON.stringify(Object.fromEntries(new URLSearchParams(request)))}),`;
  return [...before, `const response = await fetch(${JSON.stringify(location.origin + path)}, {`, `  method: '${method}',`,
    `  headers: {${headers.map((line) => `\n    ${line}`).join('')}${headers.length ? '\n  ' : ''}},`, body, '});',
    'console.log(response.status, await response.text());'].filter((line) => line !== null).join('\n');
}

function pythonCode(one) {
  const { method, path, request, content_type: type } = one;
  const imports = new Set(['urllib.request', 'urllib.error']);
  const before = [];
  const headers = [];
  if (kind(one) === 'Basic') {
    imports.add('base64').add('os');
    before.push('secret = os.environ["ACCOUNT_SID"] + ":" + os.environ["AUTH_TOKEN"]');
    headers.push('"Authorization": "Basic " + base64.b64encode(secret.encode()).decode(),');
  }
  if (kind(one) === 'Bearer') {
    imports.add('os');
    headers.push('"Authorization": "Bearer " + os.environ["ACCESS_KEY"],');
  }
  if (type) headers.push(`"Content-Type": "${type}",`);
  let data = 'None';
  if (json(request)) {
    imports.add('json');
    data = `json.dumps(${python(request)}).encode()`;
  } else if (request !== null) {
    imports.add('urllib.parse');
    data = `urllib.parse.urlencode(${python(Object.fromEntries(new URLSearchParams(request)))}).encode()`;
  }
  return [...[...imports].sort().map((name) => `import ${name}`), '', ...before, `data = ${data}`,
    `headers = {${headers.map((line) => `\n    ${line}`).join('')}${headers.length ? '\n' : ''}}`,
    `request = urllib.request.Request(${JSON.stringify(location.origin + path)}, data, headers, method="${method}")`,
    'try:', '    response = urllib.request.urlopen(request)', 'except urllib.error.HTTPError as error:', '    response = error',
    'print(response.status, response.read().decode())', ''].join('\n');
}

const FORMS = [['curl', curl], ['Node', node], ['Python', pythonCode]];

/** The buttons "Copy as" of an exchange. The secret is not in it: the code reads it from the environment. */
export function copying(one) {
  return element('p', { className: 'copy' }, 'Copy as ', ...FORMS.map(([name, code]) => {
    const button = element('button', { type: 'button', className: 'link', dataset: { copy: name } }, name);
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(code(one));
        button.textContent = 'Copied';
      } catch {
        button.textContent = 'Not allowed';
      }
      setTimeout(() => { button.textContent = name; }, 1500);
    });
    return button;
  }));
}
