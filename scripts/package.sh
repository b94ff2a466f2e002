#!/usr/bin/env bash
# Makes the packages of passkeyd: a Debian package, an RPM, an image, a list of its parts (CycloneDX), the npm package of the browser clients, and
# checksums of all.
#
#     scripts/package.sh           builds the binary with scripts/release-build.sh
#     scripts/package.sh BINARY    takes a binary that this script, or scripts/reproducible.sh, built before
#
# The files are in target/packages. With MINISIGN_KEY (a secret key file) the checksums are signed. With REPOSITORY_URL the npm package names its
# repository: npm accepts a package with provenance only from there.
set -euo pipefail
given=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
[[ $target == /* ]] || target=$PWD/$target
out=$target/packages
# cargo deb looks for files below target/release.
parts=$target/release/package
binary=$parts/passkeyd

tool() {
    cargo "$1" --version >/dev/null 2>&1 || cargo install --locked "cargo-$1"
}

# One time for all files, so that the same commit makes the same packages.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

rm -rf "$out" "$parts"
mkdir -p "$out" "$parts/man" "$parts/completions"
if [[ -n $given ]]; then
    install -m 0755 "$given" "$binary"
else
    scripts/release-build.sh "$binary"
fi
"$binary" man "$parts/man" >/dev/null
gzip -9n "$parts"/man/*
"$binary" completions bash >"$parts/completions/passkeyd"
"$binary" completions zsh >"$parts/completions/_passkeyd"
"$binary" completions fish >"$parts/completions/passkeyd.fish"

tool deb
cargo deb -p passkeyd --no-build --no-strip --output "$out/" >/dev/null
scripts/oci-image.py "$binary" "$out/passkeyd-image.tar"

# rpmbuild is in the package `rpm` of Debian.
if command -v rpmbuild >/dev/null; then
    version=$("$binary" --version | awk '{ print $2 }')
    rpmbuild -bb --quiet ops/passkeyd.spec \
        --define "_topdir $parts/rpm" --define "_rpmdir $out" --define "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
        --define "passkeyd_version $version" --define "passkeyd_binary $binary" --define "passkeyd_parts $parts" \
        --define "passkeyd_source $PWD" --define "_buildhost reproducible" --define "use_source_date_epoch_as_buildtime 1" \
        --define "clamp_mtime_to_source_date_epoch 1"
else
    echo "package.sh: there is no rpmbuild, so there is no RPM" >&2
fi

# It writes beside the manifest of each crate; the one of the program is the list.
tool cyclonedx
cargo cyclonedx --manifest-path crates/server/Cargo.toml --format json --spec-version 1.5 --override-filename passkeyd-sbom >/dev/null
mv crates/server/passkeyd-sbom.json "$out/passkeyd.cdx.json"
rm -f crates/*/passkeyd-sbom.json
# The list in the binary and the one beside it are of the same crates.
scripts/binary-crates.py "$binary" "$out/passkeyd.cdx.json" >/dev/null

if command -v npm >/dev/null; then
    mkdir "$parts/npm"
    cp -r sdk/package.json sdk/README.md sdk/dist LICENSE-MIT LICENSE-APACHE "$parts/npm"
    if [[ -n ${REPOSITORY_URL:-} ]]; then
        (cd "$parts/npm" && npm pkg set repository.type=git repository.url="$REPOSITORY_URL" repository.directory=sdk)
    fi
    npm pack "$parts/npm" --pack-destination "$out" --ignore-scripts --silent >/dev/null
else
    echo "package.sh: there is no npm, so there is no npm package" >&2
fi

(cd "$out" && sha256sum -- * >SHA256SUMS)
if [[ -n ${MINISIGN_KEY:-} ]]; then
    minisign -S -s "$MINISIGN_KEY" -m "$out/SHA256SUMS"
fi
ls -l "$out"
