#!/bin/sh
# Tests the browser client, and fails when what is committed in sdk/dist does not come from sdk/src.
set -eu
cd "$(dirname "$0")/../sdk"

npm ci --no-audit --no-fund --ignore-scripts
npm run --silent check
npm test
