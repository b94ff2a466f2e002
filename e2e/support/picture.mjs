// Pictures of the console for docs/console.md. They are made where CONSOLE_PICTURES names a folder.

import { mkdir, writeFile } from 'node:fs/promises';

import { small } from './small-png.mjs';

const folder = process.env.CONSOLE_PICTURES;
const WIDTH = 1000;
// A longer page is cut.
const LONGEST = 1500;

/** Writes what a page of Chromium shows. */
export async function picture(page, name) {
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  const before = page.viewportSize();
  await page.setViewportSize({ width: WIDTH, height: 700 });
  const height = Math.min(LONGEST, await page.evaluate(() => document.documentElement.scrollHeight));
  await writeFile(`${folder}/${name}.png`, small(await page.screenshot({ fullPage: true, clip: { x: 0, y: 0, width: WIDTH, height } })));
  if (before) await page.setViewportSize(before);
}
