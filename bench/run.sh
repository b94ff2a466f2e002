#!/usr/bin/env bash
# Measures passkeyd beside other passkey servers on this machine: bench/README.md says what and how.
#
#   bench/run.sh                                  all servers, 5 rounds, about 18 minutes, and the builds before
#   ROUNDS=1 MEASURE=3 SERVERS=passkeyd-twilio bench/run.sh
#
# Settings (environment): ROUNDS, MEASURE (seconds of each load), WARMUP (seconds before them), USERS, CONNECTIONS, RATES, THINK (milliseconds),
# SIGN_IN (named or discoverable), COUNTER (zero or rising), SERVERS, SERVER_CORE, DRIVER_CORE, PORT, WORK (folder for the stores),
# RESULTS (file), DOCUMENT (Markdown file to update; empty: none), PASSKEYD (a finished binary), PROFILE (of scripts/profile.sh, to build passkeyd with).
set -euo pipefail
[[ -z ${PROFILE:-} ]] || PROFILE=$(realpath "$PROFILE")
cd "$(dirname "$0")"
bench=$PWD
root=$(dirname "$bench")

rounds=${ROUNDS:-5}
measure=${MEASURE:-4}
warmup=${WARMUP:-1}
users=${USERS:-4000}
connections=${CONNECTIONS:-1,4,16,64,256}
rates=${RATES:-400}
think=${THINK:-0}
sign_in=${SIGN_IN:-named}
counter=${COUNTER:-zero}
# passkeyd is first: the ratios of the table refer to the first.
all="passkeyd-twilio passkeyd-nevis floor webauthn-rs simplewebauthn py_webauthn"
# Only where they are named. A database shares the core of the driver.
named="passkeyd-postgres passkeyd-postgres-sealed passkeyd-sealed"
# What the record of what happened costs: without events; with metrics that are read; with these and a webhook for every event whose receiver
# never answers, so that deliveries are written and wait; with one whose receiver takes them.
named+=" passkeyd-no-events passkeyd-metrics passkeyd-outbox passkeyd-webhook"
# What rate limits cost. Without a trusted proxy, addresses of this machine are not counted; and no load may be limited.
named+=" passkeyd-twilio-limited passkeyd-twilio-unlimited passkeyd-nevis-limited passkeyd-nevis-unlimited"
limited=(PASSKEYD_TRUSTED_PROXIES='[192.0.2.1]' PASSKEYD_RATES__ADDRESS_PER_MINUTE=4000000000 PASSKEYD_RATES__ACCOUNT_PER_MINUTE=4000000000
    PASSKEYD_RATES__SERVICE_PER_MINUTE=4000000000 PASSKEYD_RATES__USER_PER_MINUTE=4000000000)
servers=${SERVERS:-$all}
server_core=${SERVER_CORE:-0}
driver_core=${DRIVER_CORE:-1}
port=${PORT:-18200}

export CARGO_TERM_PROGRESS_WHEN=never
account=AC0123456789abcdef0123456789abcdef
token=bench-auth-token-0123456789abcdef

step() {
    printf '\n== %s\n' "$*" >&2
}

die() {
    echo "bench/run.sh: $*" >&2
    exit 1
}

wanted() {
    [[ " $servers " == *" $1"* ]]
}

# One line with the version of a package of a lock file.
locked() {
    awk -v name="name = \"$2\"" '$0 == name { getline; gsub(/version = |"/, ""); print; exit }' "$1"
}

for server in $servers; do
    [[ " $all $named " == *" $server "* ]] || die "there is no server $server; there are: $all $named"
done
[[ $sign_in == named || $sign_in == discoverable ]] || die "SIGN_IN is named or discoverable"
[[ $counter == zero || $counter == rising ]] || die "COUNTER is zero or rising"
[[ $server_core != "$driver_core" ]] || die "the server and the driver need a core each"
taskset -c "$server_core,$driver_core" true || die "this machine does not have the cores $server_core and $driver_core"
(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && die "something already listens on port $port; set PORT"

step "build"
export CARGO_TARGET_DIR=$root/target/bench
cargo build --release --locked --quiet --manifest-path driver/Cargo.toml
driver=$CARGO_TARGET_DIR/release/passkeyd-bench
about=()
if wanted passkeyd; then
    if [[ -n ${PASSKEYD:-} ]]; then
        passkeyd=$(realpath "$PASSKEYD")
        origin="a given binary, SHA-256 $(sha256sum "$passkeyd" | cut -c1-16)"
    else
        passkeyd=$root/target/dist/passkeyd
        origin="commit $(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)"
        [[ -z $(git -C "$root" status --porcelain --untracked-files=no 2>/dev/null) ]] || origin+=", with changes"
        if [[ -n ${PROFILE:-} ]]; then
            passkeyd=$root/target/profiled-passkeyd
            origin+=", built with a profile of scripts/profile.sh"
            PROFILE=$PROFILE CARGO_TARGET_DIR=$root/target "$root/scripts/release-build.sh" "$passkeyd"
        else
            (cd "$root" && CARGO_TARGET_DIR=$root/target cargo build --profile dist --locked --quiet -p passkeyd)
        fi
    fi
    about+=(--set "passkeyd=$("$passkeyd" --version | cut -d' ' -f2), $origin")
fi
if wanted floor; then
    cargo build --release --locked --quiet --manifest-path peers/floor/Cargo.toml
    lock=peers/floor/Cargo.lock
    about+=(--set "floor=hyper $(locked $lock hyper), aws-lc-rs $(locked $lock aws-lc-rs), rusqlite $(locked $lock rusqlite); no product")
fi
if wanted webauthn-rs; then
    cargo build --release --locked --quiet --manifest-path peers/webauthn-rs/Cargo.toml
    lock=peers/webauthn-rs/Cargo.lock
    about+=(--set "webauthn-rs=webauthn-rs $(locked $lock webauthn-rs), axum $(locked $lock axum), rusqlite $(locked $lock rusqlite), $(rustc --version | cut -d' ' -f1,2)")
fi
if wanted simplewebauthn; then
    if ! cmp -s peers/simplewebauthn/package-lock.json peers/simplewebauthn/node_modules/installed.json; then
        # better-sqlite3 is compiled where there is no ready binary of it. Headers that came with Node.js are used.
        headers=$(dirname "$(dirname "$(command -v node)")")
        [[ ! -e $headers/include/node/node.h ]] || export npm_config_nodedir=$headers
        (cd peers/simplewebauthn && npm ci --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/installed.json)
    fi
    about+=(--set "simplewebauthn=$(cd peers/simplewebauthn && node -p 'Object.entries(require("./package.json").dependencies).map((pair) => pair.join(" ")).join(", ")'), Node.js $(node --version)")
fi
if wanted py_webauthn; then
    venv=$bench/peers/py_webauthn/.venv
    if ! cmp -s peers/py_webauthn/requirements.txt "$venv/installed.txt"; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r peers/py_webauthn/requirements.txt
        cp peers/py_webauthn/requirements.txt "$venv/installed.txt"
    fi
    about+=(--set "py_webauthn=$(grep -E "^(webauthn|fastapi|uvicorn).*==" peers/py_webauthn/requirements.txt | sed 's/==/ /' | paste -sd, | sed 's/,/, /g'), $("$venv/bin/python" --version)")
fi

work=$(mktemp -d "${WORK:-${TMPDIR:-/tmp}}/passkeyd-bench-XXXXXX")
pid=
beside=
stop() {
    local one
    for one in $pid $beside; do
        kill "$one" 2>/dev/null || true
        wait "$one" 2>/dev/null || true
    done
    pid= beside=
}
stop_postgres() {
    [[ ! -d $work/data ]] || "${as_server[@]}" "$bin/pg_ctl" -D "$work/data" -m immediate -w -s stop 2>/dev/null || true
}
trap 'stop; stop_postgres; rm -rf "$work"' EXIT

disk=$(df --output=fstype "$work" | tail -1)
[[ $disk != tmpfs ]] || echo "warning: $work is in memory, so that a flush to disk costs nothing there; set WORK" >&2

# A PostgreSQL that flushes every commit, as it does by default.
if wanted passkeyd-postgres; then
    # shellcheck source=scripts/lib-postgres.sh
    . "$root/scripts/lib-postgres.sh"
    find_postgres
    chmod 711 "$work"
    mkdir "$work/data" "$work/socket"
    make_cluster "$work" "$work/data" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$work/socket'
shared_buffers = 256MB
# A database that has run for a minute has been analysed. Before that, its plans may read all rows of a Relying Party to find one.
autovacuum_naptime = 1s
CONF
    database=$(free_port)
    taskset -c "$driver_core" "${as_server[@]}" "$bin/pg_ctl" -D "$work/data" -l "$work/server.log" -w -s -o "-p $database" start ||
        { cat "$work/server.log" >&2; die "PostgreSQL did not start"; }
    password=$(cat "$work/password")
    export PASSKEYD_STORE_PASSWORD=$password
    about+=(--set "postgres=$("$bin/postgres" --version), on the core of the driver")
fi
schemas=0

# Waits until something listens on a port; fails if the process ends before.
listens() {
    local tries
    for tries in {1..300}; do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        kill -0 "$2" 2>/dev/null || break
        sleep 0.1
    done
    return 1
}

# Reads the metrics once a second. Prometheus reads them every 15 seconds.
read_metrics() {
    while sleep 1; do
        exec 3<>"/dev/tcp/127.0.0.1/$((port + 1))"
        printf 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
        cat <&3 >/dev/null
        exec 3>&-
    done 2>/dev/null
}

# Lets the table of events of a new store take no row. passkeyd has no such setting: its record of what happened is always complete.
without_events() {
    "$@" >"$work/log" 2>&1 &
    pid=$!
    listens "$port" "$pid" || { cat "$work/log" >&2; die "passkeyd does not listen"; }
    stop
    python3 - "$store/passkeyd.db" <<'SQL'
import sqlite3, sys
store = sqlite3.connect(sys.argv[1])
store.execute("CREATE TRIGGER no_events BEFORE INSERT ON events BEGIN SELECT RAISE(IGNORE); END")
store.commit()
SQL
}

# Starts a server with an empty store, on its core, and waits until it listens.
start() {
    local server=$1 store=$work/store command
    rm -rf "$store"
    mkdir "$store"
    case $server in
    passkeyd-postgres*)
        schemas=$((schemas + 1))
        local address="postgres://passkeyd@127.0.0.1:$database/postgres?prepare=yes&schema=bench$schemas"
        "$passkeyd" migrate --store "$address" >"$work/log" 2>&1 || { cat "$work/log" >&2; die "the tables cannot be made"; }
        command=(env PASSKEYD_BOOTSTRAP_ACCOUNT_SID=$account PASSKEYD_BOOTSTRAP_AUTH_TOKEN=$token
            "$passkeyd" serve --listen "127.0.0.1:$port" --data-dir "$store" --store "$address")
        ;;
    passkeyd-*)
        local limits=()
        [[ $server != *-limited ]] || limits=("${limited[@]}")
        [[ $server != *-unlimited ]] || limits=(PASSKEYD_RATES__ENABLED=false)
        command=(env "${limits[@]}" PASSKEYD_BOOTSTRAP_ACCOUNT_SID=$account PASSKEYD_BOOTSTRAP_AUTH_TOKEN=$token
            "$passkeyd" serve --listen "127.0.0.1:$port" --data-dir "$store")
        case $server in
        passkeyd-no-events) without_events "${command[@]}" ;;
        passkeyd-metrics | passkeyd-outbox | passkeyd-webhook)
            command=(env "PASSKEYD_METRICS__LISTEN=127.0.0.1:$((port + 1))" 'PASSKEYD_WEBHOOKS__ALLOW_NETWORKS=["127.0.0.1"]' "${command[@]}")
            ;;
        esac
        ;;
    floor) command=("$CARGO_TARGET_DIR/release/bench-floor" "$port" "$store/store.db") ;;
    webauthn-rs) command=("$CARGO_TARGET_DIR/release/bench-webauthn-rs" "$port" "$store/store.db") ;;
    simplewebauthn) command=(env NODE_ENV=production node peers/simplewebauthn/server.mjs "$port" "$store/store.db") ;;
    py_webauthn)
        command=(env "STORE=$store/store.db" "$venv/bin/python" -m uvicorn --app-dir peers/py_webauthn server:app --port "$port"
            --no-access-log --timeout-keep-alive 75)
        ;;
    esac
    taskset -c "$server_core" "${command[@]}" >"$work/log" 2>&1 &
    pid=$!
    listens "$port" "$pid" || { cat "$work/log" >&2; die "$server does not listen"; }
    case $server in
    passkeyd-metrics | passkeyd-outbox | passkeyd-webhook)
        taskset -c "$driver_core" bash -c "port=$port; $(declare -f read_metrics); read_metrics" &
        beside=$!
        ;;
    esac
    if [[ $server == passkeyd-outbox || $server == passkeyd-webhook ]]; then
        local silent=()
        [[ $server == passkeyd-webhook ]] || silent=(--silent)
        taskset -c "$driver_core" "$driver" receive --address "127.0.0.1:$((port + 2))" "${silent[@]}" &
        beside+=" $!"
        listens $((port + 2)) $! || die "the receiver of the webhook does not listen"
    fi
}

measure_server() {
    local server=$1 round=$2 wire=plain arguments=()
    case $server in
    passkeyd-nevis*) wire=nevis ;;
    passkeyd-*) wire=twilio ;;
    esac
    [[ $server != *-sealed ]] || arguments+=(--sealed)
    [[ $sign_in == named ]] || arguments+=(--discoverable)
    [[ $counter == zero ]] || arguments+=(--counter)
    [[ $server != passkeyd-outbox && $server != passkeyd-webhook ]] || arguments+=(--webhook "http://127.0.0.1:$((port + 2))/")
    start "$server"
    if ! taskset -c "$driver_core" "$driver" load --name "$server" --wire "$wire" --address "127.0.0.1:$port" --pid "$pid" --round "$round" \
        --account $account --token $token --users "$users" --connections "$connections" --rates "$rates" --seconds "$measure" \
        --warmup "$warmup" --think "$think" "${arguments[@]}" >>"$results"; then
        tail -50 "$work/log" >&2
        die "the load on $server failed"
    fi
    stop
}

results=${RESULTS:-$bench/results/$(date -u +%F)-$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || echo unknown).ndjson}
mkdir -p "$(dirname "$results")"
cores="server on core $server_core, driver on core $driver_core of $(nproc --all)"
"$driver" about --set "date=$(date -u '+%F %H:%M UTC')" --set "cores=$cores; load average before the run $(cut -d' ' -f1 /proc/loadavg)" "${about[@]}" \
    --set "settings=medians of $rounds rounds, $measure s for each load after $warmup s, $users users, sign-in $sign_in, signature counter $counter, $think ms between start and finish, stores on $disk" \
    >"$results"
echo "$cores"
for ((round = 1; round <= rounds; round++)); do
    step "round $round of $rounds"
    taskset -c "$server_core" "$driver" bare --seconds 2 >>"$results"
    for server in $servers; do
        echo "$server" >&2
        measure_server "$server" "$round"
    done
done

step "results: $results"
document=${DOCUMENT-$root/docs/performance.md}
"$driver" report "$results" ${document:+--into "$document"}
