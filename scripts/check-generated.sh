#!/bin/sh
# Fails if a generated file in docs/ differs from what the code generates.
set -eu
cd "$(dirname "$0")/.."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
cargo run --quiet --package passkeyd -- generate --out "$fresh"

stale=0
for file in $(cd "$fresh" && find . -type f | sort); do
    if ! diff -u "docs/$file" "$fresh/$file"; then
        stale=1
    fi
done
if [ "$stale" -ne 0 ]; then
    echo "docs/ differs from what the code generates; run: cargo run --package passkeyd -- generate --out docs" >&2
    exit 1
fi
