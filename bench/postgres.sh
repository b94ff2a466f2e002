#!/usr/bin/env bash
# Compares passkeyd on PostgreSQL with pgbench: how many sign-ins of passkeyd the database does in a second, and how many of the
# same statements when pgbench sends them.
#
#   PASSKEYD=target/dist/passkeyd bench/postgres.sh
#   PASSKEYD=target/dist/passkeyd FILL=1000000 bench/postgres.sh    compares passkeyd on an empty database with passkeyd on a full one
#
# The statements are those that PostgreSQL logs while passkeyd serves a sign-in, with an id of its own for each ceremony and event.
# PostgreSQL has one core, and flushes every commit. passkeyd and the driver, or pgbench, have the other.
# Settings (environment): FILL (users in the full database), RATE (sign-ins each second then, 100), ROUNDS (of it, 3), MEASURE (seconds, 10), CONNECTIONS (16), USERS (16), PREPARE (yes or no), SERVER_CORE, DRIVER_CORE, WORK.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=scripts/lib-postgres.sh
. ../scripts/lib-postgres.sh

measure=${MEASURE:-10}
fill=${FILL:-0}
rate=${RATE:-100}
rounds=${ROUNDS:-3}
connections=${CONNECTIONS:-16}
users=${USERS:-16}
prepare=${PREPARE:-yes}
server_core=${SERVER_CORE:-0}
driver_core=${DRIVER_CORE:-1}
passkeyd=$(realpath "${PASSKEYD:-../target/dist/passkeyd}")
account=AC0123456789abcdef0123456789abcdef
token=bench-auth-token-0123456789abcdef

find_postgres
[[ -x $bin/pgbench ]] || die "pgbench is not installed: apt-get install postgresql"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$(dirname "$PWD")/target/bench}
cargo build --release --locked --quiet --manifest-path driver/Cargo.toml
driver=$CARGO_TARGET_DIR/release/passkeyd-bench

work=$(mktemp -d "${WORK:-${TMPDIR:-/tmp}}/passkeyd-bench-XXXXXX")
pid=
stop() {
    [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
    [[ ! -d $work/data ]] || "${as_server[@]}" "$bin/pg_ctl" -D "$work/data" -m immediate -w -s stop 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT
chmod 711 "$work"
mkdir "$work/data" "$work/socket" "$work/store"
make_cluster "$work" "$work/data" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$work/socket'
shared_buffers = 256MB
# A database that has run for a minute has been analysed. Before that, its plans may read all rows of a Relying Party to find one.
autovacuum_naptime = 1s
log_line_prefix = '%c '
CONF
database=$(free_port)
taskset -c "$server_core" "${as_server[@]}" "$bin/pg_ctl" -D "$work/data" -l "$work/server.log" -w -s -o "-p $database" start
password=$(cat "$work/password")
export PASSKEYD_STORE_PASSWORD=$password
address="postgres://passkeyd@127.0.0.1:$database/postgres?pool=$connections&prepare=$prepare"
"$passkeyd" migrate --store "$address" >"$work/log" 2>&1 || { cat "$work/log" >&2; die "the tables cannot be made"; }

port=$(free_port)
PASSKEYD_BOOTSTRAP_ACCOUNT_SID=$account PASSKEYD_BOOTSTRAP_AUTH_TOKEN=$token taskset -c "$driver_core" "$passkeyd" serve \
    --listen "127.0.0.1:$port" --data-dir "$work/store" --store "$address" >"$work/log" 2>&1 &
pid=$!
for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
done

# load SECONDS: the JSON of the driver for sign-ins over the connections. The users are registered first.
load() {
    taskset -c "$driver_core" "$driver" load --name passkeyd --wire twilio --address "127.0.0.1:$port" --pid "$pid" --account $account \
        --token $token --users "$users" --connections "$connections" --rates "$rate" --seconds "$1" --warmup 1
}
if [[ $fill -gt 0 ]]; then
    for _ in $(seq "$rounds"); do load "$measure" >>"$work/empty.json"; done
    echo "Filling the database with $fill users ..." >&2
    PGPASSWORD=$password "$psql" -qXAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$database" -U passkeyd -d postgres -c "SET bench.users = $fill" \
        -c "SET bench.customers = 2000" -f fill.sql
    for _ in $(seq "$rounds"); do load "$measure" >>"$work/full.json"; done
    python3 - "$work" "$fill" <<'PYTHON'
import json
import statistics
import sys

work, fill = sys.argv[1:]
for at in range(2):
    medians = {}
    for name in ("empty", "full"):
        rounds = [json.loads(line)["server"]["loads"] for line in open(f"{work}/{name}.json")]
        loads = [[load for load in loads if load["ceremony"] == "authentication"][at] for loads in rounds]
        medians[name] = [statistics.median(load["both"][f"{p}_ms"] for load in loads) for p in ("p50", "p99")]
        errors = sum(load["errors"] for load in loads)
        p50, p99 = medians[name]
        print(f"{loads[0]['shape']}, {'no' if name == 'empty' else fill} other users: p50 {p50:.1f} ms, p99 {p99:.1f} ms ({errors} errors)")
    print(f"{loads[0]['shape']}: p99 full / empty {medians['full'][1] / medians['empty'][1]:.2f}")
PYTHON
    exit
fi
load "$measure" >"$work/passkeyd.json"

# One sign-in of each user, as PostgreSQL sees it. Connections that are open keep their settings, so all get them.
ask "$database" "ALTER SYSTEM SET log_statement = 'all'"
ask "$database" "SELECT pg_reload_conf()" >/dev/null
sleep 1
load 1 >/dev/null
ask "$database" "ALTER SYSTEM RESET log_statement"
ask "$database" "SELECT pg_reload_conf()" >/dev/null
kill "$pid"
wait "$pid" 2>/dev/null || true
pid=
python3 statements.py "$work/server.log" "$work/sign-in.sql" "$users"
mode=prepared
[[ $prepare == yes ]] || mode=extended
own "$work"
events() {
    ask "$database" "SELECT count(*) FROM events"
}
before=$(events)
PGPASSWORD=$password taskset -c "$driver_core" "$bin/pgbench" -n -M $mode -h 127.0.0.1 -p "$database" -U passkeyd -c "$connections" \
    -T "$measure" -f "$work/sign-in.sql" postgres >"$work/pgbench.txt" 2>&1 || { tail -20 "$work/pgbench.txt" >&2; die "pgbench failed"; }
after=$(events)
python3 - "$work" "$prepare" $((after - before)) <<'PYTHON'
import json
import re
import sys

work, prepare, events = sys.argv[1:]
for line in open(f"{work}/passkeyd.json"):
    loads = json.loads(line)["server"]["loads"]
load = next(load for load in loads if load["ceremony"] == "authentication")
text = open(f"{work}/pgbench.txt").read()
tps = float(re.search(r"tps = ([0-9.]+)", text).group(1))
failed = re.search(r"number of failed transactions: (\d+)", text).group(1)
sent = int(re.search(r"transactions actually processed: (\d+)", text).group(1))
if int(events) != sent:
    sys.exit(f"bench/postgres.sh: {sent} transactions of pgbench have ended {events} sign-ins")
print(f"prepare={prepare}, {load['shape']}: passkeyd {load['per_second']:.0f} sign-ins/s ({load['errors']} errors), "
      f"pgbench {tps:.0f} ({failed} failed), passkeyd / pgbench {load['per_second'] / tps:.2f}")
PYTHON
