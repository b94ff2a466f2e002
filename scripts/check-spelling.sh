#!/bin/sh
# Fails if a document, a page or a help text has a word that codespell knows as a misspelling. The argument is codespell.
set -eu
cd "$(dirname "$0")/.."
codespell=${1:-codespell}

# It can fail.
if echo 'recieve' | "$codespell" - >/dev/null 2>&1; then
    echo "check-spelling.sh: codespell accepts a misspelt word" >&2
    exit 1
fi
git ls-files -z -- '*.md' '*.html' 'crates/server/src/cli/*.rs' 'crates/webauthn/src/reason.rs' 'crates/server/src/api/twilio/codes.rs' \
    'crates/server/src/config/*.rs' ':!vectors' ':!bench' | xargs -0 "$codespell" --quiet-level 3
