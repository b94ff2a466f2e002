#!/usr/bin/env bash
# Measures the way of a newcomer: from the first command to a login in a browser, in seconds.
#
#     scripts/first-login.sh           from source: a fresh checkout, `cargo build --release`, the demo
#     scripts/first-login.sh BINARY    with a binary that is built already, as in a package
#
# The crates and the packages of e2e/ are in the caches of cargo and npm. e2e/ needs `npm ci` and a browser before.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
begin=$(date +%s.%N)
if [[ -n ${1:-} ]]; then
    # As the installation does: the file is copied and made executable.
    install -m 0755 "$1" "$work/passkeyd"
else
    git clone --quiet . "$work/checkout"
    (cd "$work/checkout" && CARGO_TARGET_DIR=$work/target cargo build --release --locked --quiet -p passkeyd)
    mv "$work/target/release/passkeyd" "$work/passkeyd"
fi
PASSKEYD_BIN=$work/passkeyd node e2e/first-login.mjs
end=$(date +%s.%N)
awk -v begin="$begin" -v end="$end" 'BEGIN { printf "from the first command to the login: %.1f s\n", end - begin }'
