// The paths of the programs under test. Each can be set in the environment.

import { join } from 'node:path';

export const repository = join(import.meta.dirname, '..', '..');

const target = process.env.CARGO_TARGET_DIR ?? join(repository, 'target');

export const passkeyd = process.env.PASSKEYD_BIN ?? join(target, 'release', 'passkeyd');
export const testkitAuthenticator =
  process.env.TESTKIT_AUTHENTICATOR_BIN ?? join(target, 'release', 'testkit-authenticator');
export const python = process.env.E2E_PYTHON ?? join(repository, 'e2e', '.venv', 'bin', 'python');
export const softWebauthnLines = join(repository, 'e2e', 'authenticators', 'soft_webauthn_lines.py');
export const chromium = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
// Debian installs it outside the PATH of normal users.
export const nginx = process.env.NGINX_BIN ?? '/usr/sbin/nginx';
export const caddy = process.env.CADDY_BIN ?? '/usr/bin/caddy';
export const haproxy = process.env.HAPROXY_BIN ?? '/usr/sbin/haproxy';
export const firefox = process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr';
