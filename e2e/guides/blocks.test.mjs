// The code blocks of all documents are read by the compiler or the interpreter of their language. That they also run is the subject of other tests:
// code of the examples is run there, requests of the two APIs in guides.test.mjs, and the README in ../browser/readme.test.mjs.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { transformSync } from 'esbuild';

import { repository } from '../support/paths.mjs';

const runs = (program, ...args) => (code) => {
  const { status, stderr, error } = spawnSync(program, args, { input: code, encoding: 'utf8' });
  if (error || status !== 0) throw error ?? new Error(stderr);
};
const parses = (language) => runs(join(repository, 'e2e/.venv-guides/bin/python'), join(repository, 'e2e/guides/read.py'), language);
const transforms = (loader) => (code) => { transformSync(code, { loader, format: 'esm' }); };

const readers = {
  js: transforms('js'),
  jsx: transforms('jsx'),
  ts: transforms('ts'),
  python: runs('python3', '-c', 'import ast, sys; ast.parse(sys.stdin.read())'),
  toml: runs('python3', '-c', 'import sys, tomllib; tomllib.loads(sys.stdin.read())'),
  // `...` stands for what is left out.
  json: (code) => {
    const whole = code.replace(/,?\s*\.\.\.\s*(?=[}\]])/g, '').replace(/:\s*\.\.\.(?=[,}\]\s])/g, ': null');
    try {
      JSON.parse(whole);
    } catch (error) {
      // One object in each line.
      const lines = whole.trim().split('\n');
      if (lines.length === 1) throw error;
      for (const line of lines) JSON.parse(line);
    }
  },
  sh: runs('bash', '-n'),
  go: runs('gofmt', '-e'),
  php: (code) => runs('php', '-l')(`<?php\n${code}`),
  ruby: runs('ruby', '-c'),
  yaml: runs('python3', '-c', 'import sys, yaml; yaml.safe_load(sys.stdin.read())'),
  java: parses('java'),
  csharp: parses('csharp'),
  sql: parses('sql'),
};
// Prose, output, requests (guides.test.mjs sends those), settings of other programs, and the page of HTML, which browsers read.
const notRead = ['text', 'http', 'nginx', 'haproxy', 'ini', 'dockerfile', 'html'];

const { stdout } = spawnSync('git', ['ls-files', '*.md', ':!vectors', ':!bench'], { cwd: repository, encoding: 'utf8' });
const documents = stdout.trim().split('\n');

// What comes from the examples is left out: they run as a whole, and the parts of them in a document are not always whole sentences of their language.
const included = /^<!-- from (\S+) -->\n[^]*?^<!-- end of \1 -->$/gm;

function blocks(document) {
  const text = readFileSync(join(repository, document), 'utf8').replace(included, (part) => part.replace(/.+/g, ''));
  return [...text.matchAll(/^( *)```(\w*)\n([^]*?)^ *```$/gm)].map(([, indent, language, code]) => ({
    language, code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''), line: text.slice(0, text.indexOf(code)).split('\n').length,
  }));
}

test('a reader refuses what is not its language', () => {
  const wrongs = {
    js: 'const = 1', jsx: '<a>', ts: 'let x: = 1', python: 'def', toml: 'a = ', json: '{"a"}', sh: 'if', go: 'package', php: '$a =', ruby: 'def', yaml: 'a: [',
    java: 'class {', csharp: 'class {', sql: 'SELECT FROM WHERE',
  };
  assert.deepEqual(Object.keys(wrongs), Object.keys(readers));
  for (const [language, wrong] of Object.entries(wrongs)) {
    assert.throws(() => readers[language](wrong), undefined, language);
  }
});

test('every block has a language that is known', () => {
  const unknown = documents.flatMap((document) => blocks(document)
    .filter(({ language }) => !(language in readers) && !notRead.includes(language))
    .map(({ language, line }) => `${document}:${line}: ${language || 'no language'}`));
  assert.deepEqual(unknown, []);
});

for (const [language, read] of Object.entries(readers)) {
  test(`the blocks of ${language} are ${language}`, () => {
    const faults = [];
    let seen = 0;
    for (const document of documents) {
      for (const { code, line } of blocks(document).filter((block) => block.language === language)) {
        seen += 1;
        try {
          read(code);
        } catch (error) {
          faults.push(`${document}:${line}: ${error.message}`);
        }
      }
    }
    assert.ok(seen > 0);
    assert.deepEqual(faults, []);
  });
}
