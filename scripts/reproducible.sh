#!/usr/bin/env bash
# Builds the release twice, in two folders, and compares the bytes. It takes as long as two builds from nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

commit=$(git rev-parse HEAD)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

for round in first second; do
    # Folders of other names: the path of a build must not be in it.
    git worktree add --detach --quiet "$work/$round-checkout" "$commit"
    (
        cd "$work/$round-checkout"
        flags="--remap-path-prefix=$PWD=/passkeyd --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
        CARGO_TARGET_DIR=$PWD/target RUSTFLAGS="${RUSTFLAGS:-} $flags" cargo build --release --locked --quiet -p passkeyd
        cp target/release/passkeyd "$work/$round"
    )
    git worktree remove --force "$work/$round-checkout"
done

sha256sum "$work/first" "$work/second"
cmp "$work/first" "$work/second"
echo "both builds of $commit have the same bytes"
