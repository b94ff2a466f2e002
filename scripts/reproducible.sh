#!/usr/bin/env bash
# Builds the binary of the packages twice, in two folders, and compares the bytes. It takes as long as two builds from nothing.
#
#     scripts/reproducible.sh [FILE]     FILE gets the binary; scripts/package.sh FILE makes the packages of it
set -euo pipefail
file=${1:+$(realpath -m "$1")}
cd "$(dirname "$0")/.."

commit=$(git rev-parse HEAD)
work=$(mktemp -d)
finish() {
    rm -rf "$work"
    git worktree prune
}
trap finish EXIT

for round in first second; do
    # Folders of other names: the path of a build must not be in it.
    git worktree add --detach --quiet "$work/$round-checkout" "$commit"
    CARGO_TARGET_DIR=$work/$round-checkout/target "$work/$round-checkout/scripts/release-build.sh" "$work/$round"
    git worktree remove --force "$work/$round-checkout"
done

sha256sum "$work/first" "$work/second"
cmp "$work/first" "$work/second"
echo "both builds of $commit have the same bytes"
[[ -z $file ]] || install -D -m 0755 "$work/first" "$file"
