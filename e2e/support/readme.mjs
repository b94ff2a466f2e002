// The code blocks of a document, so that the tests run what people copy.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { repository } from './paths.mjs';

// The texts of the blocks in this language below a heading, up to the next heading of any level.
export async function blocks(document, heading, language) {
  const text = await readFile(join(repository, document), 'utf8');
  const parts = text.split(/^(#+ .*)$/m);
  const at = parts.findIndex((part) => part.replace(/^#+ /, '') === heading);
  if (at < 0) throw new Error(`${document} has no heading "${heading}"`);
  return [...parts[at + 1].matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter((found) => found[1] === language).map((found) => found[2]);
}

// The text with `old` replaced. Fails if the text does not contain it.
export function replaced(text, old, by) {
  if (!text.includes(old)) throw new Error(`the block does not hold ${old}`);
  return text.replaceAll(old, by);
}
