#!/usr/bin/env bash
# Starts a PostgreSQL and a PgBouncer of its own, runs a command with their addresses in its environment, and stops them.
#
#   scripts/with-postgres.sh COMMAND...
#
# Both listen on 127.0.0.1 at free ports and keep their files in a temporary directory. The command finds:
#   TEST_POSTGRES               a database whose transactions are READ COMMITTED
#   TEST_POSTGRES_SERIALIZABLE  a database whose transactions are SERIALIZABLE
#   TEST_PGBOUNCER              the first one, behind PgBouncer in transaction mode
#   TEST_POSTGRES_ENCRYPTED     a database that takes encrypted connections only; the server proves that it is localhost
#   TEST_POSTGRES_ROOT          the certificate that its certificate leads to
#   TEST_POSTGRES_DIR           the directory
# Debian: apt-get install postgresql pgbouncer. PG_BIN names the directory of another build of the server.
set -euo pipefail
# shellcheck source=scripts/lib-postgres.sh
. "$(dirname "$0")/lib-postgres.sh"

[[ $# -gt 0 ]] || die "no command"
find_postgres
pgbouncer=$(command -v pgbouncer || true)
[[ -n $pgbouncer ]] || pgbouncer=/usr/sbin/pgbouncer
[[ -x $pgbouncer ]] || die "PgBouncer is not installed: apt-get install pgbouncer"

dir=$(mktemp -d -t passkeyd-postgres.XXXXXX)
chmod 711 "$dir"
mkdir "$dir/data" "$dir/socket"
bouncer_pid=
stop() {
    [[ -z $bouncer_pid ]] || kill "$bouncer_pid" 2>/dev/null || true
    "${as_server[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -w -s stop 2>/dev/null || true
    rm -rf "$dir"
}
trap stop EXIT

command -v openssl >/dev/null || die "openssl is not installed: apt-get install openssl"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-root \
    -addext "keyUsage=critical,keyCertSign" -keyout "$dir/root.key" -out "$dir/root.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
    -keyout "$dir/server.key" -out "$dir/server.csr" 2>/dev/null
openssl x509 -req -in "$dir/server.csr" -CA "$dir/root.pem" -CAkey "$dir/root.key" -days 2 -set_serial 1 \
    -extfile <(printf 'subjectAltName=DNS:localhost\n') -out "$dir/server.pem" 2>/dev/null
chmod 600 "$dir/server.key"

# A test database need not outlive a crash.
make_cluster "$dir" "$dir/data" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir/socket'
max_connections = 300
fsync = off
full_page_writes = off
log_min_messages = fatal
ssl = on
ssl_cert_file = '$dir/server.pem'
ssl_key_file = '$dir/server.key'
CONF
sed -i '1i hostnossl encrypted all all reject' "$dir/data/pg_hba.conf"

password=$(cat "$dir/password")

# Somebody else may take the port first.
port=
for _ in 1 2 3 4 5; do
    candidate=$(free_port)
    if "${as_server[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 -s -o "-p $candidate" start 2>/dev/null; then
        port=$candidate
        break
    fi
done
[[ -n $port ]] || { tail -20 "$dir/server.log" >&2; die "PostgreSQL did not start"; }

ask "$port" "CREATE DATABASE passkeyd"
ask "$port" "CREATE DATABASE serializable"
ask "$port" "CREATE DATABASE encrypted"
ask "$port" "ALTER DATABASE serializable SET default_transaction_isolation = 'serializable'"

printf '"passkeyd" "%s"\n' "$password" >"$dir/users"
for _ in 1 2 3 4 5; do
    pooled=$(free_port)
    cat >"$dir/pgbouncer.ini" <<CONF
[databases]
* = host=127.0.0.1 port=$port
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pooled
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $dir/users
pool_mode = transaction
default_pool_size = 10
max_client_conn = 500
CONF
    own "$dir"
    "${as_server[@]}" "$pgbouncer" "$dir/pgbouncer.ini" >"$dir/pgbouncer.log" 2>&1 &
    bouncer_pid=$!
    for _ in $(seq 50); do
        if ask "$pooled" "SELECT 1" >/dev/null 2>&1; then
            break 2
        fi
        kill -0 "$bouncer_pid" 2>/dev/null || break
        sleep 0.1
    done
    kill "$bouncer_pid" 2>/dev/null || true
    bouncer_pid=
done
[[ -n $bouncer_pid ]] || { tail -20 "$dir/pgbouncer.log" >&2; die "PgBouncer did not start"; }

base=postgres://passkeyd:$password@127.0.0.1
export TEST_POSTGRES=$base:$port/passkeyd
export TEST_POSTGRES_SERIALIZABLE=$base:$port/serializable
export TEST_PGBOUNCER=$base:$pooled/passkeyd
export TEST_POSTGRES_ENCRYPTED=postgres://passkeyd:$password@localhost:$port/encrypted
export TEST_POSTGRES_ROOT=$dir/root.pem
export TEST_POSTGRES_DIR=$dir
"$@"
