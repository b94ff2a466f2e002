// Fails if dist/ is not exactly a fresh build of src/, or if the classic script is too big.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { build, dist } from './build.mjs';

/** Bytes of the classic script after `gzip -9`. */
const MOST = 3_584;

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
  const size = gzipSync(wanted.get('fido2-client.js'), { level: 9 }).length;
  console.log(`fido2-client.js: ${size} bytes of ${MOST} after gzip`);
  if (size > MOST) problems.push(`fido2-client.js has ${size} bytes after gzip; the limit is ${MOST}`);
} finally {
  await rm(fresh, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error('run: npm run build');
  process.exit(1);
}
