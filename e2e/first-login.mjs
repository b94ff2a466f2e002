// Starts the demo with the binary in PASSKEYD_BIN, and registers and signs in on its page in a real browser.

import { launch, pageWithAuthenticator } from './support/browser.mjs';
import { demo } from './support/server.mjs';
import { DemoPage } from './browser/demo-page.mjs';

const server = await demo();
const browser = await launch();
try {
  const { page, authenticator } = await pageWithAuthenticator(browser.context);
  const demoPage = new DemoPage(page, authenticator, server.url);
  await demoPage.open();
  await demoPage.register('Ada');
  await demoPage.signOut();
  await demoPage.signIn('Ada');
  console.log('signed in as Ada');
} finally {
  await browser.close();
  await server.stop();
}
