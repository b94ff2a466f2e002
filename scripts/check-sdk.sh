#!/bin/sh
# Tests the browser client. Fails if sdk/dist is not the build of sdk/src.
set -eu
cd "$(dirname "$0")/../sdk"

npm ci --no-audit --no-fund --ignore-scripts
npm run --silent check
npm test
