# The PostgreSQL part of deploy/cluster.sh, which reads this file: two servers, a and b,
# of which one is the primary and the other its synchronous standby.
#
# shellcheck shell=bash
# shellcheck disable=SC2154 # the variables come from deploy/cluster.sh

# --- The programs ------------------------------------------------------------------

# The folder of PostgreSQL's programs.
bin=

# Finds it.
find_postgres() {
    local folder
    for folder in "$(dirname "$(readlink -f "$(command -v pg_ctl || printf /none/pg_ctl)")")" \
        $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr); do
        if [ -x "$folder/initdb" ] && [ -x "$folder/pg_basebackup" ] && [ -x "$folder/psql" ]; then
            bin=$folder
            return
        fi
    done
    return 1
}

# PostgreSQL refuses to run as root, so its programs run as another user then. Their
# passwords come from a file that this user alone can read.
as_postgres() {
    if [ -z "$postgres_user" ]; then
        (cd "$dir" && PGPASSFILE=$dir/postgres/passwords exec "$@")
    else
        (cd "$dir" && PGPASSFILE=$dir/postgres/passwords exec setpriv --reuid "$postgres_user" \
            --regid "$(id -g "$postgres_user")" --clear-groups -- "$@")
    fi
}

choose_postgres_user() {
    postgres_user=
    [ "$(id -u)" = 0 ] || return 0
    command -v setpriv >/dev/null || fail "PostgreSQL refuses to run as root, and setpriv is not here to" \
        "change the user: install util-linux, or run this as another user."
    local user
    for user in postgres nobody; do
        if id -u "$user" >/dev/null 2>&1; then
            postgres_user=$user
            return
        fi
    done
    fail "PostgreSQL refuses to run as root, and there is no user postgres or nobody: add one."
}

# Asks PostgreSQL as its superuser: ask PORT STATEMENT [DATABASE]
ask() {
    as_postgres "$bin/psql" --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 \
        --command "$2" "host=127.0.0.1 port=$1 user=postgres dbname=${3:-postgres} connect_timeout=3"
}

# --- What the two are --------------------------------------------------------------

node_port() { if [ "$1" = a ]; then printf '%s\n' "$port_a"; else printf '%s\n' "$port_b"; fi; }
other_node() { if [ "$1" = a ]; then printf 'b\n'; else printf 'a\n'; fi; }
node_data() { printf '%s/postgres/%s\n' "$dir" "$1"; }
node_process() { head -n 1 "$(node_data "$1")/postmaster.pid" 2>/dev/null; }
# A process that was killed keeps its number until somebody has taken note of its end.
node_runs() {
    local id
    id=$(node_process "$1") && [ -n "$id" ] && [ "$(cat "/proc/$id/comm" 2>/dev/null)" = postgres ] &&
        ! grep -q '^State:.Z' "/proc/$id/status" 2>/dev/null
}
node_gone() { ! kill -0 "$1" 2>/dev/null; }
node_answers() { [ "$(ask "$(node_port "$1")" 'SELECT 1' 2>/dev/null)" = 1 ]; }

# The folder itself says what a server will be: a standby has this file, and loses it
# when it is promoted.
is_standby() { [ -f "$(node_data "$1")/standby.signal" ]; }

# later TIMELINE TIMELINE: their names have one length, so the order of texts is theirs.
later() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | LC_ALL=C sort | tail -n 1)" = "$1" ]; }

# The newest timeline that a folder knows: each promotion begins one.
timeline() {
    local newest=00000001 file
    for file in "$(node_data "$1")"/pg_wal/*.history; do
        [ -e "$file" ] || continue
        file=$(basename "$file" .history)
        if later "$file" "$newest"; then newest=$file; fi
    done
    printf '%s\n' "$newest"
}

# Which of the two is the primary, or was before everything stopped. Two that both think
# so were parted by a failover: the one with the newer timeline is right.
primary_node() {
    if is_standby a; then
        printf 'b\n'
    elif [ ! -d "$(node_data b)" ] || is_standby b || later "$(timeline a)" "$(timeline b)"; then
        printf 'a\n'
    else
        printf 'b\n'
    fi
}

# Whether a standby follows a primary: follows PRIMARY [STATE]
follows() {
    local found
    found=$(ask "$(node_port "$1")" "SELECT count(*) FROM pg_stat_replication
        WHERE state = 'streaming' AND sync_state LIKE '${2:-%}'") && [ "$found" = 1 ]
}

# --- Making them -------------------------------------------------------------------

# Makes the first primary, with the roles of the cluster and an empty database.
make_first_postgres() {
    local data password
    data=$(node_data a)
    say "making the first PostgreSQL in $data"
    password=$dir/postgres/first-password
    secret postgres.password | (umask 077 && as_postgres tee "$password") >/dev/null
    as_postgres "$bin/initdb" --pgdata="$data" --username=postgres --auth=scram-sha-256 \
        --pwfile="$password" --encoding=UTF8 --locale=C --data-checksums \
        --no-instructions >>"$dir/log/postgres-a.log" 2>&1 ||
        fail "initdb failed; $dir/log/postgres-a.log says why."
    rm -f "$password"
    as_postgres tee -a "$data/postgresql.conf" >/dev/null <<CONF

# --- The cluster (deploy/cluster.sh) ---
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
# What was answered stands on both servers.
synchronous_commit = on
synchronous_standby_names = '*'
# For a standby that was away for a while, and for the old primary after a failover.
wal_keep_size = 256MB
CONF
    as_postgres tee "$data/pg_hba.conf" >/dev/null <<CONF
# The proxy asks who is the primary; this role may do nothing else.
host postgres teller_check 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
host replication teller_replica 127.0.0.1/32 scram-sha-256
CONF
    start_node a
    # Nothing follows yet, and a commit must not wait for it.
    export PGOPTIONS='-c synchronous_commit=local'
    ask "$port_a" "CREATE ROLE teller_check LOGIN CONNECTION LIMIT 20;
        CREATE ROLE teller_replica LOGIN REPLICATION PASSWORD '$(secret replica.password)';
        CREATE ROLE teller LOGIN PASSWORD '$(secret teller.password)';
        -- What pg_rewind reads of the new primary.
        GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean),
            pg_read_binary_file(text), pg_read_binary_file(text, bigint, bigint, boolean)
            TO teller_replica;" ||
        fail "the roles could not be made."
    ask "$port_a" 'CREATE DATABASE teller OWNER teller' || fail "the database could not be made."
    unset PGOPTIONS
    copy_node b a
    start_node b
}

# Copies a running server into the folder of another: copy_node TO FROM
copy_node() {
    local data fresh
    data=$(node_data "$1")
    fresh=$data.fresh
    rm -rf "$fresh"
    say "copying PostgreSQL $2 to $1 (pg_basebackup)"
    as_postgres "$bin/pg_basebackup" --pgdata="$fresh" --checkpoint=fast --wal-method=stream \
        --write-recovery-conf \
        --dbname="host=127.0.0.1 port=$(node_port "$2") user=teller_replica passfile=$dir/postgres/passwords" \
        >>"$dir/log/postgres-$1.log" 2>&1 ||
        fail "pg_basebackup failed; $dir/log/postgres-$1.log says why."
    # The old folder goes only now that there is another.
    rm -rf "$data"
    mv "$fresh" "$data"
}

# --- Running them ------------------------------------------------------------------

start_node() {
    try_start_node "$1" || fail "PostgreSQL $1 did not start; $dir/log/postgres-$1.log says why."
}
try_start_node() {
    as_postgres "$bin/pg_ctl" start --wait --silent --timeout=60 --pgdata="$(node_data "$1")" \
        --log="$dir/log/postgres-$1.log" \
        --options="-p $(node_port "$1") -c cluster_name=teller_$1" >/dev/null 2>&1
}

# Ends a server whatever it takes: in order, at once, or by force where it does not hear.
stop_node() {
    local id
    id=$(node_process "$1") && [ -n "$id" ] || return 0
    if node_runs "$1"; then
        as_postgres "$bin/pg_ctl" stop --silent --mode=fast --timeout="${2:-30}" \
            --pgdata="$(node_data "$1")" >/dev/null 2>&1 ||
            as_postgres "$bin/pg_ctl" stop --silent --mode=immediate --timeout=5 \
                --pgdata="$(node_data "$1")" >/dev/null 2>&1 || kill -KILL "$id" 2>/dev/null || true
    fi
    # Its lock file holds up a start, and a rewind, as long as somebody has this number.
    wait_for 10 node_gone "$id" || true
    if node_runs "$1"; then fail "PostgreSQL $1 cannot be ended: process $id."; fi
}

# Starts both as they were, and makes them where there are none.
start_postgres() {
    local primary standby
    if [ ! -d "$(node_data a)" ] && [ ! -d "$(node_data b)" ]; then make_first_postgres; fi
    primary=$(primary_node)
    standby=$(other_node "$primary")
    node_runs "$primary" || start_node "$primary"
    if is_standby "$standby"; then
        node_runs "$standby" || start_node "$standby"
        wait_for 30 follows "$primary" ||
            say "PostgreSQL $standby does not follow: run deploy/cluster.sh reattach"
    else
        reattach_node "$standby"
    fi
}

# --- When one is lost --------------------------------------------------------------

# Lets the primary answer without a standby, or has it wait for one again.
go_alone() {
    ask "$(node_port "$1")" "ALTER SYSTEM SET synchronous_standby_names = ''" &&
        ask "$(node_port "$1")" "SELECT pg_reload_conf()" >/dev/null && : >"$dir/alone"
}
go_together() {
    ask "$(node_port "$1")" "ALTER SYSTEM RESET synchronous_standby_names" &&
        ask "$(node_port "$1")" "SELECT pg_reload_conf()" >/dev/null && rm -f "$dir/alone"
}

# Takes back what a server has that its new primary does not: rewind_node NODE PRIMARY
rewind_node() {
    local data
    data=$(node_data "$1")
    [ -x "$bin/pg_rewind" ] && [ -d "$data" ] || return 1
    # Until its first checkpoint a promoted server passes for one of the old timeline, and
    # pg_rewind would find nothing to do.
    ask "$(node_port "$2")" CHECKPOINT || return 1
    as_postgres "$bin/pg_rewind" --target-pgdata="$data" \
        --source-server="host=127.0.0.1 port=$(node_port "$2") user=teller_replica dbname=postgres" \
        --write-recovery-conf >>"$dir/log/postgres-$1.log" 2>&1 && is_standby "$1"
}

# Makes a server the standby of the other one, whatever state it is in.
reattach_node() {
    local node=$1 primary
    primary=$(other_node "$node")
    if ! node_runs "$primary" || is_standby "$primary"; then
        fail "PostgreSQL $primary is no running primary: start or promote it first."
    fi
    # A standby that was away reads on where it was, as long as the primary has that still.
    if is_standby "$node" && { node_answers "$node" || { stop_node "$node" && try_start_node "$node"; }; } &&
        wait_for 15 follows "$primary"; then
        take_back "$node" "$primary"
        return
    fi
    stop_node "$node"
    if rewind_node "$node" "$primary" && try_start_node "$node" && wait_for 20 follows "$primary"; then
        say "PostgreSQL $node was rewound to where $primary began (pg_rewind)"
    else
        stop_node "$node"
        copy_node "$node" "$primary"
        start_node "$node"
        wait_for 60 follows "$primary" ||
            fail "PostgreSQL $node does not follow; $dir/log/postgres-$node.log says why."
    fi
    take_back "$node" "$primary"
}

# From here on the primary answers when both have it.
take_back() {
    local node=$1 primary=$2
    go_together "$primary" || fail "PostgreSQL $primary does not answer."
    wait_for 30 follows "$primary" sync ||
        fail "PostgreSQL $primary does not take $node for its synchronous standby."
    say "PostgreSQL $node follows $primary: what is answered stands on both again"
}

# Promotes the standby in place of the primary, dead or alive.
fail_over() {
    local old new began=$SECONDS lossy=$1
    old=$(primary_node)
    new=$(other_node "$old")
    if ! node_runs "$new" || ! is_standby "$new"; then
        fail "PostgreSQL $new is no running standby, so there is nothing to promote: see status."
    fi
    if node_answers "$old" && [ -z "$lossy" ] && ! follows "$old" sync; then
        fail "PostgreSQL $new does not follow synchronously, so it may lack what was answered:" \
            "run reattach first, or failover --lossy if $old is lost."
    fi
    if [ -f "$dir/alone" ] && [ -z "$lossy" ]; then
        fail "PostgreSQL $old answered without a standby, so $new may lack what was answered:" \
            "end everything and start it again (stop, up), or take the loss: failover --lossy."
    fi
    # First of all: the old one must not take a write any more.
    say "stopping PostgreSQL $old"
    stop_node "$old" 10
    say "promoting PostgreSQL $new"
    as_postgres "$bin/pg_ctl" promote --wait --silent --timeout=60 --pgdata="$(node_data "$new")" \
        >/dev/null 2>&1 || fail "PostgreSQL $new cannot be promoted; $dir/log/postgres-$new.log says why."
    # Until the old one follows there is no standby to wait for.
    go_alone "$new" || fail "PostgreSQL $new does not answer."
    wait_for 30 database_is_primary || fail "the proxy does not lead to PostgreSQL $new."
    say "PostgreSQL $new serves, after $((SECONDS - began)) s; until $old follows there is one copy"
}
