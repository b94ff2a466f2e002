// The code blocks of a document, so that what people copy is what is tested.

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

// The text with this replaced, which it has to hold.
export function replaced(text, old, by) {
  if (!text.includes(old)) throw new Error(`the block does not hold ${old}`);
  return text.replaceAll(old, by);
}
