// Builds dist/ from src/: the classic script, the ES modules, the types, and the integrity hashes of the scripts.
// The same sources and the pinned tools give the same bytes.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build as bundle } from 'esbuild';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const dist = join(root, 'dist');

// Browsers without WebAuthn read the classic script too. They must get an error code, not a syntax error.
const scripts = [
  { entry: 'script.ts', name: 'fido2-client.js', format: 'iife', target: 'es2018', minify: true },
  { entry: 'index.ts', name: 'fido2-client.mjs', format: 'esm', target: 'es2022', minify: false },
  { entry: 'passkeys/index.ts', name: 'passkeys.mjs', format: 'esm', target: 'es2022', minify: true },
  { entry: 'element.ts', name: 'element.mjs', format: 'esm', target: 'es2022', minify: true, plugins: [besides()] },
  { entry: 'events.ts', name: 'events.mjs', format: 'esm', target: 'es2022', minify: true },
  { entry: 'prompt.ts', name: 'prompt.mjs', format: 'esm', target: 'es2022', minify: true, plugins: [besides()] },
  { entry: 'react.ts', name: 'react.mjs', format: 'esm', target: 'es2022', minify: false, external: ['react'], plugins: [besides()] },
];

// The thin entry points import passkeys.mjs beside them: a page has one state, whichever of them it uses.
function besides() {
  return {
    name: 'besides',
    setup: ({ onResolve }) => onResolve({ filter: /\/passkeys\/index\.js$/ }, () => ({ path: './passkeys.mjs', external: true })),
  };
}

export async function build(directory) {
  await rm(directory, { recursive: true, force: true });
  const integrity = {};
  for (const { entry, name, ...options } of scripts) {
    const outfile = join(directory, name);
    await bundle({
      ...options, entryPoints: [join('src', entry)], outfile, bundle: true, charset: 'utf8', absWorkingDir: root, logLevel: 'warning',
    });
    const hash = createHash('sha384').update(await readFile(outfile)).digest('base64');
    integrity[name] = `sha384-${hash}`;
  }
  await writeFile(join(directory, 'integrity.json'), `${JSON.stringify(integrity, null, 2)}\n`);
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  execFileSync(tsc, ['-p', join(root, 'tsconfig.json'), '--outDir', join(directory, 'types')], { stdio: 'inherit' });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build(dist);
