#!/usr/bin/env bash
#
# Two Teller servers, HAProxy, a PostgreSQL primary and its synchronous standby, on this
# machine, from installed packages. `make cluster` builds Teller and runs this.
#
#   deploy/cluster.sh up         starts all of it in the foreground; Ctrl-C ends it in order
#   deploy/cluster.sh status     what runs, who is the primary, whether the standby follows
#   deploy/cluster.sh failover   stops the primary if it lives, promotes the standby, and makes
#                                the old primary the new standby; --lossy promotes a standby that
#                                may lack what was answered
#   deploy/cluster.sh reattach   makes the server that is not the primary a standby again
#   deploy/cluster.sh alone      lets a primary that lost its standby answer without one
#   deploy/cluster.sh restart    ends one Teller server after the other; each starts anew, so
#                                a new program is taken without a pause
#   deploy/cluster.sh teller …   runs a Teller command on the cluster: teller audit
#   deploy/cluster.sh psql …     psql on the primary; so pg_dump, pg_restore, createdb, dropdb
#   deploy/cluster.sh url NAME   the URL of a database there, for commands of Teller
#   deploy/cluster.sh stop       ends what another terminal started, or what was left over
#
# All of it lives in one folder, and secrets are made once:
#
#   CLUSTER_DIR     data/cluster          the folder
#   CLUSTER_PORT    8080                  the first of seven ports, all on 127.0.0.1
#   CLUSTER_TELLER  target/release/teller the program
#
# It is a sandbox, unless TELLER_PRODUCTION=true, TELLER_SMTP_URL and TELLER_FRONTEND_URL are
# set: every TELLER_… variable is passed on. Lines NAME=VALUE in the file "settings" of the
# folder weigh more, and each server reads them when it starts: change them, then restart.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$PATH:/usr/sbin:/usr/local/sbin

say() { printf 'cluster: %s\n' "$*"; }
fail() {
    printf 'cluster: %s\n' "$*" >&2
    exit 1
}

# wait_for SECONDS COMMAND…: runs it until it succeeds.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    while ! "$@" 2>/dev/null; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.1
    done
}

# --- Where everything is -----------------------------------------------------------

dir=${CLUSTER_DIR:-$here/../data/cluster}
teller=${CLUSTER_TELLER:-$here/../target/release/teller}
first_port=${CLUSTER_PORT:-8080}

# shellcheck source=deploy/cluster-postgres.sh
. "$here/cluster-postgres.sh"

prepare() {
    [ "$(uname)" = Linux ] || fail "it runs on Linux alone."
    # The user of PostgreSQL has to pass through what is made above it, and need see nothing.
    (umask 066 && mkdir -p "$(dirname "$dir")" && umask 077 && mkdir -p "$dir") || exit 1
    dir=$(cd "$dir" && pwd)
    # A cluster that is there keeps its ports, whatever the environment says now.
    if [ -f "$dir/port" ]; then first_port=$(cat "$dir/port"); fi
    case $first_port in '' | *[!0-9]*) fail "CLUSTER_PORT is $first_port, which is no number." ;; esac
    port_clients=$first_port port_1=$((first_port + 1)) port_2=$((first_port + 2))
    port_status=$((first_port + 3)) port_database=$((first_port + 4))
    port_a=$((first_port + 5)) port_b=$((first_port + 6))
    choose_postgres_user
    find_postgres || bring postgresql "initdb, pg_ctl, pg_basebackup and psql"
    find_postgres || fail "Debian's package postgresql has no pg_basebackup."
    if [ -z "${CLUSTER_TELLER:-}" ] && [ ! -x "$teller" ]; then teller=$(command -v teller || printf '%s' "$teller"); fi
    [ -x "$teller" ] || fail "there is no $teller: build it by cargo build --release, or name one by CLUSTER_TELLER."
}

# Installs a package where that is possible, or says what to install.
bring() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing Debian's package $1"
        # Without this the package would make a cluster of its own and start it.
        mkdir -p /etc/postgresql-common/createcluster.d
        printf 'create_main_cluster = false\n' >/etc/postgresql-common/createcluster.d/teller.conf
        apt-get -q update >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get -q install -y \
            --no-install-recommends "$1" </dev/null >/dev/null && return
    fi
    fail "$2 are needed and not here: install the package $1 (Debian: apt-get install $1)."
}

# --- Folders and secrets -----------------------------------------------------------

secret() { cat "$dir/secrets/$1"; }

make_secret() {
    local file=$dir/secrets/$1
    [ -s "$file" ] || (umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$file")
}

make_folders() {
    local name
    (umask 077 && mkdir -p "$dir"/{secrets,run,files,server-1,server-2})
    mkdir -p "$dir"/{postgres,log}
    for name in secret.key postgres.password replica.password teller.password; do make_secret "$name"; done
    (
        umask 077
        for name in postgres replica teller; do
            role=$name
            if [ "$name" = replica ]; then role=teller_replica; fi
            printf '127.0.0.1:*:*:%s:%s\n' "$role" "$(secret "$name.password")"
        done >"$dir/postgres/passwords"
    )
    if [ -n "$postgres_user" ]; then
        # Root's folder lets PostgreSQL's user through, and shows it nothing else.
        chmod 711 "$dir"
        touch "$dir"/log/postgres-{a,b}.log
        chown "$postgres_user" "$dir"/{postgres,postgres/passwords} "$dir"/log/postgres-{a,b}.log
        as_postgres test -w "$dir/postgres" 2>/dev/null ||
            fail "the user $postgres_user cannot reach $dir: run this as another user than root, or name" \
                "a folder whose parents everybody may enter: CLUSTER_DIR=/var/lib/teller-cluster."
    fi
    printf '%s\n' "$first_port" >"$dir/port"
}

# --- Teller and HAProxy ------------------------------------------------------------

# The settings that both servers have, and every command on the cluster.
settings() {
    if [ -f "$dir/settings" ]; then
        set -a
        # shellcheck source=/dev/null # an operator writes it
        . "$dir/settings"
        set +a
    fi
    TELLER_DATABASE_URL=postgres://teller:$(secret teller.password)@127.0.0.1:$port_database/teller
    export TELLER_DATABASE_URL
    export TELLER_SECRET_KEY_FILE=${TELLER_SECRET_KEY_FILE:-$dir/secrets/secret.key}
    export TELLER_PUBLIC_URL=${TELLER_PUBLIC_URL:-http://127.0.0.1:$port_clients}
    export TELLER_FILE_STORE=${TELLER_FILE_STORE:-$dir/files}
    export TELLER_TRUSTED_PROXIES=${TELLER_TRUSTED_PROXIES:-127.0.0.1/32}
    export TELLER_STOP_DELAY=${TELLER_STOP_DELAY:-3}
    export TELLER_DATA_DIR=$dir/server-1
}

# start NAME COMMAND…: in the background, in a process group of its own, so that Ctrl-C
# reaches this script alone and it can end the others in order.
start() {
    local name=$1
    shift
    set -m
    "$@" </dev/null >>"$dir/log/$name.log" 2>&1 &
    printf '%s %s\n' "$!" "$(began_at "$!")" >"$dir/run/$name.pid"
    set +m
}

start_server() { start "server-$1" serve "$1"; }

serve() {
    local port=$port_1
    if [ "$1" = 2 ]; then port=$port_2; fi
    settings
    export TELLER_DATA_DIR=$dir/server-$1 TELLER_LISTEN=127.0.0.1:$port
    exec "$teller" serve
}

start_haproxy() {
    CLIENTS=127.0.0.1:$port_clients DATABASE=127.0.0.1:$port_database STATUS=127.0.0.1:$port_status \
        SERVER_1=127.0.0.1:$port_1 SERVER_2=127.0.0.1:$port_2 \
        POSTGRES_A=127.0.0.1:$port_a POSTGRES_B=127.0.0.1:$port_b \
        start haproxy haproxy -db -f "$here/haproxy.cfg"
}

# When a process began, in the kernel's ticks: a number alone may be somebody else's by now.
began_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
process_of() { cut -d ' ' -f 1 "$dir/run/$1.pid" 2>/dev/null; }
runs() {
    local id
    id=$(process_of "$1") && [ -n "$id" ] && kill -0 "$id" 2>/dev/null &&
        [ "$id $(began_at "$id")" = "$(cat "$dir/run/$1.pid")" ] &&
        ! grep -q '^State:.Z' "/proc/$id/status" 2>/dev/null
}

end() {
    local name
    for name in "$@"; do if runs "$name"; then kill -TERM "$(process_of "$name")" 2>/dev/null || true; fi; done
    for name in "$@"; do
        wait_for 20 gone "$name" || kill -KILL "$(process_of "$name")" 2>/dev/null || true
        rm -f "$dir/run/$name.pid"
    done
}
gone() { ! runs "$1"; }

open_port() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
haproxy_listens() { runs haproxy && open_port "$port_database"; }
# Through the proxy, as the servers come.
database_is_primary() { [ "$(ask "$port_database" 'SELECT pg_is_in_recovery()')" = f ]; }
# status_of SERVER: what the proxy says of it, UP or DOWN.
status_of() {
    exec 3<>"/dev/tcp/127.0.0.1/$port_status" || return 1
    printf 'GET /;csv HTTP/1.0\r\n\r\n' >&3
    awk -F, -v name="$1" '$2 == name { print $18 }' <&3
}
proxy_has() { [ "$(status_of "$1")" = UP ]; }

# --- The commands ------------------------------------------------------------------

# Servers first, so that what they accepted is answered; then the proxy, which leads them
# to the database; then the primary, which hands all it has to the standby; then that.
finish() {
    trap '' INT TERM HUP
    local primary
    say "ending the servers"
    end server-1 server-2
    say "ending the proxy"
    end haproxy
    if [ -d "$(node_data a)" ]; then
        say "ending PostgreSQL"
        primary=$(primary_node)
        stop_node "$primary"
        stop_node "$(other_node "$primary")"
    fi
    rm -f "$dir/run/cluster.pid"
    say "everything has ended; the data stays in $dir"
}

up() {
    local port name began=(0 0 0)
    command -v haproxy >/dev/null || bring haproxy "HAProxy's programs"
    if runs cluster; then fail "it runs already, as process $(process_of cluster)."; fi
    if runs haproxy || runs server-1 || runs server-2; then
        fail "processes of an earlier start are left over: end them by deploy/cluster.sh stop."
    fi
    for port in "$port_clients" "$port_1" "$port_2" "$port_status" "$port_database"; do
        if open_port "$port"; then
            fail "port $port is taken; name the first of seven free ones: CLUSTER_PORT=18080."
        fi
    done
    make_folders
    printf '%s %s\n' "$$" "$(began_at "$$")" >"$dir/run/cluster.pid"
    trap finish EXIT
    trap 'exit 0' INT TERM HUP
    start_postgres
    say "starting the proxy"
    start_haproxy
    wait_for 20 haproxy_listens || fail "HAProxy did not start; $dir/log/haproxy.log says why."
    wait_for 20 database_is_primary || fail "the proxy finds no primary; see $dir/log/haproxy.log."
    say "bringing the schema up to date"
    (settings && exec "$teller" migrate) >>"$dir/log/server-1.log" 2>&1 || fail "teller migrate failed; $dir/log/server-1.log says why."
    say "starting two servers"
    for name in 1 2; do start_server "$name"; done
    for name in 1 2; do await_server "$name"; done
    announce
    # What a service manager does elsewhere: a server that ended is started again.
    while :; do
        sleep 1 &
        wait "$!" || true
        runs haproxy || fail "HAProxy has ended; $dir/log/haproxy.log says why."
        for name in 1 2; do
            # Not more than once in five seconds: one that cannot start is in no hurry.
            if ! runs "server-$name" && [ "$((SECONDS - began[name]))" -ge 5 ]; then
                say "server $name has ended and is started again"
                start_server "$name"
                began[name]=$SECONDS
            fi
        done
    done
}

announce() {
    local primary standby
    primary=$(primary_node)
    standby=$(other_node "$primary")
    cat <<TEXT

  listening on  http://127.0.0.1:$port_clients
  GraphQL       http://127.0.0.1:$port_clients/graphql, by HAProxy, at whichever server is ready
  playground    http://127.0.0.1:$port_clients/playground, and /dev/inbox (in a sandbox)
  what is up    http://127.0.0.1:$port_status/ (for people; /metrics for programs)

  server 1      http://127.0.0.1:$port_1, process $(process_of server-1)
  server 2      http://127.0.0.1:$port_2, process $(process_of server-2)
  HAProxy       process $(process_of haproxy); the servers reach the primary by its port $port_database
  PostgreSQL $primary  port $(node_port "$primary"), process $(node_process "$primary"), the primary
  PostgreSQL $standby  port $(node_port "$standby"), process $(node_process "$standby"), its synchronous standby
  database      postgres://teller@127.0.0.1:$port_database/teller

  everything is in $dir; logs in $dir/log
  in another terminal: deploy/cluster.sh status, failover, restart, teller audit
  Ctrl-C ends all of it in order.

TEXT
}

status() {
    local name node role
    for name in server-1 server-2 haproxy; do
        if runs "$name"; then role="process $(process_of "$name")"; else role="does not run"; fi
        printf '%-14s %s\n' "$name" "$role"
    done
    if runs haproxy; then
        for name in teller-1 teller-2 postgres-a postgres-b; do
            printf '%-14s %s for the proxy\n' "$name" "$(status_of "$name")"
        done
    fi
    for node in a b; do
        role="does not run"
        if [ -d "$(node_data "$node")" ] && node_runs "$node"; then
            role=$(ask "$(node_port "$node")" "SELECT CASE WHEN pg_is_in_recovery()
                THEN 'standby, received ' || coalesce(pg_last_wal_receive_lsn()::text, 'nothing')
                ELSE 'primary, at ' || pg_current_wal_lsn() || coalesce((SELECT ', ' || sync_state
                    || ' standby ' || application_name || ', ' || state || ', flushed ' || flush_lsn
                    FROM pg_stat_replication ORDER BY sync_state = 'sync' DESC LIMIT 1), ', no standby') END") || role="does not answer"
        fi
        printf 'postgres %-5s %s\n' "$node" "$role"
    done
    if [ -f "$dir/alone" ]; then
        printf 'The primary answers without a standby: one copy of what is answered. Mend it by reattach.\n'
    fi
}

restart() {
    local name old
    for name in 1 2; do
        old=$(process_of "server-$name") || fail "server $name does not run."
        say "ending server $name, process $old"
        kill -TERM "$old"
        wait_for 30 replaced "$name" "$old" || fail "server $name did not start again; is deploy/cluster.sh up running?"
        # The proxy may still believe what it last saw.
        sleep 2
        await_server "$name"
        say "server $name is ready, as process $(process_of "server-$name")"
    done
}
await_server() {
    wait_for 60 proxy_has "teller-$1" ||
        fail "server $1 is not ready; $dir/log/server-$1.log says why."
}
replaced() { runs "server-$1" && [ "$(process_of "server-$1")" != "$2" ]; }

stop() {
    if runs cluster; then
        kill -TERM "$(process_of cluster)"
        wait_for 90 gone cluster || fail "process $(process_of cluster) does not end."
        say "ended"
    else
        finish
    fi
}

command=${1:-}
[ "$#" -eq 0 ] || shift
case $command in
up | status | restart | stop) prepare && "$command" ;;
failover)
    [ "${1:-}" = '' ] || [ "$1" = --lossy ] || fail "failover has no argument but --lossy."
    prepare
    fail_over "${1:-}"
    reattach_node "$(other_node "$(primary_node)")"
    ;;
reattach) prepare && reattach_node "$(other_node "$(primary_node)")" ;;
alone)
    prepare
    go_alone "$(primary_node)" && say "PostgreSQL $(primary_node) answers without a standby now"
    ;;
teller) prepare && settings && exec "$teller" "$@" ;;
psql | pg_dump | pg_restore | createdb | dropdb)
    prepare
    export PGHOST=127.0.0.1 PGPORT=$port_database PGUSER=postgres
    if [ "$command" = psql ]; then export PGDATABASE=teller; fi
    as_postgres "$bin/$command" "$@"
    ;;
url) prepare && settings && printf '%s\n' "${TELLER_DATABASE_URL%/*}/${1:-teller}" ;;
*)
    sed -n '/^#!/d; /^#/!q; s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [ "$command" = help ] || exit 2
    ;;
esac
