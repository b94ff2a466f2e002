#!/usr/bin/env bash
# Runs fuzz targets of the verifier, one after the other: scripts/fuzz.sh SECONDS [TARGET...]. See docs/fuzzing.md.
#
# Inputs that the fuzzer finds stay in crates/webauthn/fuzz/corpus, inputs that break something in .../artifacts. A broken target ends
# the run.
set -euo pipefail
cd "$(dirname "$0")/../crates/webauthn/fuzz"

seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET...]}
shift
# Sanitizers need every crate compiled again. A separate folder keeps the ordinary build.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../../../target}/fuzz

# The folder of cargo-fuzz's builds is named after the host.
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
cargo +nightly fuzz build

targets=("$@")
if [[ ${#targets[@]} == 0 ]]; then
    for file in fuzz_targets/*.rs; do
        targets+=("$(basename "$file" .rs)")
    done
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "${targets[@]}"; do
    case $target in
    *_json | client_data | metadata_blob) dictionary=dictionaries/json.dict ;;
    *) dictionary=dictionaries/binary.dict ;;
    esac
    mkdir -p "corpus/$target" "artifacts/$target"
    # Not through cargo, which would build again for every target.
    if ! nice -n 10 "$CARGO_TARGET_DIR/$host/release/$target" "corpus/$target" "seeds/$target" \
        -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -max_len=8192 -dict="$dictionary" \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1 >"$log" 2>&1; then
        tail -60 "$log" >&2
        echo "fuzz.sh: $target failed; the input is in crates/webauthn/fuzz/artifacts/$target" >&2
        exit 1
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    printf '%-26s %10d executions\n' "$target" "$executions"
done
