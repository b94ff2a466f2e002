// Fails if dist/ is not exactly a fresh build of src/, or if a script is too big.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { build, dist } from './build.mjs';

/** The most bytes of a script after `gzip -9`. */
const MOST = { 'fido2-client.js': 3_584, 'passkeys.mjs': 3_500, 'element.mjs': 1_000, 'events.mjs': 700, 'prompt.mjs': 500, 'react.mjs': 1_200 };

async function contents(directory) {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  const files = paths.map(async (path) => [path.slice(directory.length + 1), await readFile(path)]);
  return new Map(await Promise.all(files));
}

const problems = [];
const fresh = await mkdtemp(join(tmpdir(), 'fido2-client-'));
try {
  await build(fresh);
  const [wanted, committed] = await Promise.all([contents(fresh), contents(dist)]);
  for (const name of new Set([...wanted.keys(), ...committed.keys()])) {
    if (!committed.has(name)) problems.push(`dist/${name} is missing`);
    else if (!wanted.has(name)) problems.push(`dist/${name} does not come from src/`);
    else if (!wanted.get(name).equals(committed.get(name))) problems.push(`dist/${name} differs from the build of src/`);
  }
  for (const [name, most] of Object.entries(MOST)) {
    const size = gzipSync(wanted.get(name), { level: 9 }).length;
    console.log(`${name}: ${size} bytes of ${most} after gzip`);
    if (size > most) problems.push(`${name} has ${size} bytes after gzip; the limit is ${most}`);
  }
} finally {
  await rm(fresh, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error('run: npm run build');
  process.exit(1);
}
