// Takes a picture of the demo page after a registration. `node browser/screenshot.mjs page.png [dark]`

import { launch, pageWithAuthenticator } from '../support/browser.mjs';
import { demo } from '../support/server.mjs';
import { DemoPage } from './demo-page.mjs';

const [path, colorScheme = 'light'] = process.argv.slice(2);
if (!path || !['light', 'dark'].includes(colorScheme)) {
  console.error('usage: node browser/screenshot.mjs FILE.png [light|dark]');
  process.exit(2);
}

const server = await demo();
const browser = await launch({ colorScheme, viewport: { width: 1280, height: 900 }, deviceScaleFactor: 2 });
try {
  const { page, authenticator } = await pageWithAuthenticator(browser.context);
  const demoPage = new DemoPage(page, authenticator, server.url);
  await demoPage.open();
  await demoPage.register('Ada Lovelace');
  await demoPage.becomeNobody();
  await demoPage.signIn('Ada Lovelace');
  await demoPage.breakIt('response-missing');
  await page.screenshot({ path, fullPage: true });
} finally {
  await browser.close();
  await server.stop();
}
