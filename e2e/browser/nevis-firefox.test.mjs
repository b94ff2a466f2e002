// The browser client in Firefox.

import { describe } from 'node:test';

import { launchFirefox } from '../support/firefox.mjs';
import { clientCases } from './nevis-client.mjs';

describe('the browser client in Firefox', () => {
  clientCases({ launch: launchFirefox, networkError: 'TypeError: NetworkError when attempting to fetch resource.' });
});
