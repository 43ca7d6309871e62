#!/usr/bin/env bash
#
# One of the two PostgreSQL servers of deploy/compose.yaml, in its image's container.
#
#   NODE=a|b   which one; PEER the other's host; FIRST=yes the one that begins
#
# The first begins empty; the other copies it. From then on the data folder says what a
# server is: standby.signal makes it a standby, and a promotion takes that away. A folder
# that lost its server is emptied by hand, and then copies its peer again.

set -euo pipefail

data=${PGDATA:-/var/lib/postgresql/data}
# Where its socket is. The same at each start, because a standby keeps the name.
export PGPASSFILE=/var/run/postgresql/passwords
(umask 077 && printf '%s\n' "*:*:*:teller_replica:$REPLICA_PASSWORD" >"$PGPASSFILE")

begin() {
    initdb --pgdata="$data" --username=postgres --auth=scram-sha-256 --encoding=UTF8 --locale=C \
        --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --data-checksums --no-instructions
    cat >>"$data/postgresql.conf" <<CONF
listen_addresses = '*'
max_connections = 100
# What was answered stands on both servers.
synchronous_commit = on
synchronous_standby_names = '*'
wal_keep_size = 256MB
CONF
    cat >"$data/pg_hba.conf" <<CONF
local all postgres trust
# The proxy asks who is the primary; this role may do nothing else.
host postgres teller_check samenet trust
host all all samenet scram-sha-256
host replication teller_replica samenet scram-sha-256
CONF
    # On the socket alone, and without a standby to wait for.
    pg_ctl start --pgdata="$data" --wait --silent \
        --options="-c listen_addresses='' -c synchronous_standby_names=''"
    psql --username=postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<SQL
CREATE ROLE teller_check LOGIN CONNECTION LIMIT 20;
CREATE ROLE teller_replica LOGIN REPLICATION PASSWORD '$REPLICA_PASSWORD';
CREATE ROLE teller LOGIN PASSWORD '$TELLER_PASSWORD';
CREATE DATABASE teller OWNER teller;
SQL
    pg_ctl stop --pgdata="$data" --wait --silent
}

copy() {
    until pg_basebackup --pgdata="$data" --checkpoint=fast --wal-method=stream --write-recovery-conf \
        --dbname="host=$PEER user=teller_replica passfile=$PGPASSFILE"; do
        printf 'postgres-node: %s does not answer yet\n' "$PEER" >&2
        find "$data" -mindepth 1 -delete || true
        sleep 2
    done
}

if [ ! -s "$data/PG_VERSION" ]; then
    if [ "$FIRST" = yes ] && [ -z "$(find "$data" -mindepth 1 -print -quit 2>/dev/null)" ] &&
        ! pg_isready --quiet --host="$PEER" --timeout=2; then begin; else copy; fi
fi
exec postgres -D "$data" -c "cluster_name=teller_$NODE"
