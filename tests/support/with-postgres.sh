#!/usr/bin/env bash
#
# tests/support/with-postgres.sh COMMAND [ARGUMENT...]
#
# Runs COMMAND with TELLER_TEST_DATABASE_URL pointing at a PostgreSQL on which
# the user may create databases, and ends with COMMAND's exit code.
#
# A TELLER_TEST_DATABASE_URL that is already set is used as it is. Otherwise a
# server of our own is started on an empty data folder and thrown away at the
# end, so that no run can see what another left behind. Its programs come from
# the first of these that has them:
#
#   1. initdb, pg_ctl and postgres on the PATH
#   2. the newest /usr/lib/postgresql/*/bin, where Debian keeps them
#   3. Debian's package "postgresql", installed when this runs as root
#   4. the PyPI package "pgserver", which carries PostgreSQL 16; it is kept in
#      the folder TELLER_TEST_CACHE (/var/cache/teller for root, otherwise
#      "teller" in the user's cache folder)
#
# TELLER_TEST_POSTGRES_BIN tells COMMAND the folder of those programs (pgbench,
# pg_dump and the like may be there too). When the URL was given and this
# machine has no such programs, it stays unset.

set -euo pipefail

PGSERVER_VERSION=0.1.4

say() { printf 'with-postgres: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# --- Finding the programs -----------------------------------------------------

has_programs() {
    [ -x "$1/initdb" ] && [ -x "$1/pg_ctl" ] && [ -x "$1/postgres" ]
}

programs_on_path() {
    local found folder
    found=$(command -v initdb) || return 1
    folder=$(dirname "$found")
    has_programs "$folder" || return 1
    # The PATH may hold only links to some of the programs; where the links lead
    # there are all of them.
    found=$(dirname "$(readlink -f "$found")")
    if has_programs "$found"; then folder=$found; fi
    printf '%s\n' "$folder"
}

programs_of_debian() {
    local folder newest=
    while IFS= read -r folder; do
        if has_programs "$folder"; then newest=$folder; fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V)
    [ -n "$newest" ] && printf '%s\n' "$newest"
}

install_from_debian() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing Debian's package postgresql"
    # Without this the package would make a cluster of its own and start it.
    mkdir -p /etc/postgresql-common/createcluster.d &&
        printf 'create_main_cluster = false\n' \
            >/etc/postgresql-common/createcluster.d/teller-tests.conf || return 1
    local log
    log=$(mktemp) || return 1
    if apt-get -q update >"$log" 2>&1 &&
        DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
            postgresql </dev/null >>"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
}

cache_folder() {
    if [ -n "${TELLER_TEST_CACHE:-}" ]; then
        printf '%s\n' "$TELLER_TEST_CACHE"
    elif [ "$(id -u)" = 0 ]; then
        # Not below root's home, which the server's user may not read.
        printf '/var/cache/teller\n'
    elif [ -n "${XDG_CACHE_HOME:-${HOME:-}}" ]; then
        printf '%s/teller\n' "${XDG_CACHE_HOME:-$HOME/.cache}"
    else
        fail "HOME is not set: set TELLER_TEST_CACHE to a folder in which PostgreSQL may be kept."
    fi
}

# Puts the package in place with one rename, so that two runs at once never see
# half of it.
install_from_pypi() {
    local cache target fresh python
    cache=$(cache_folder) || exit 1
    # Absolute, because the server is started from another folder.
    case $cache in /*) ;; *) cache=$PWD/$cache ;; esac
    target=$cache/pgserver-$PGSERVER_VERSION
    if ! has_programs "$target/pgserver/pginstall/bin"; then
        command -v python3 >/dev/null || return 1
        say "installing the PyPI package pgserver $PGSERVER_VERSION into $target"
        (umask 022 && mkdir -p "$cache") || return 1
        fresh=$(mktemp -d "$cache/fresh.XXXXXX") || return 1
        python=python3
        if ! "$python" -m pip --version >/dev/null 2>&1; then
            python3 -m venv "$fresh/venv" >&2 || { rm -rf "$fresh"; return 1; }
            python=$fresh/venv/bin/python3
        fi
        # Only the programs inside are wanted, so a wheel for another version of
        # Python than this machine's serves as well.
        if ! (umask 022 && PIP_ROOT_USER_ACTION=ignore "$python" -m pip --quiet --disable-pip-version-check install \
            --no-deps --only-binary :all: --python-version 3.12 \
            --target "$fresh/package" "pgserver==$PGSERVER_VERSION" >&2); then
            rm -rf "$fresh"
            return 1
        fi
        chmod 755 "$fresh/package"
        # Another run may have been quicker, and may be using its package by now.
        has_programs "$target/pgserver/pginstall/bin" || mv "$fresh/package" "$target" || true
        rm -rf "$fresh"
    fi
    has_programs "$target/pgserver/pginstall/bin" &&
        printf '%s\n' "$target/pgserver/pginstall/bin"
}

find_or_install_programs() {
    programs_on_path || programs_of_debian && return
    if install_from_debian; then programs_of_debian && return; fi
    install_from_pypi && return
    fail "no PostgreSQL to test on: install its server (Debian: apt-get install postgresql), or put" \
        "initdb, pg_ctl and postgres on the PATH, or install python3 with pip so that it can be fetched" \
        "from PyPI, or set TELLER_TEST_DATABASE_URL to a server on which databases may be created."
}

# --- The server ---------------------------------------------------------------

# Our temporary folder: data, socket and log.
home=
# Whom the server runs as when we are root.
server_user=
server_up=no

# PostgreSQL refuses to run as root, so its programs run as another user then.
as_server() {
    if [ -z "$server_user" ]; then
        (cd "$home" && "$@")
    elif command -v setpriv >/dev/null; then
        (cd "$home" && setpriv --reuid "$server_user" --regid "$(id -g "$server_user")" \
            --clear-groups -- "$@")
    else
        (cd "$home" && runuser -u "$server_user" -- "$@")
    fi
}

choose_server_user() {
    [ "$(id -u)" = 0 ] || return 0
    command -v setpriv >/dev/null || command -v runuser >/dev/null ||
        fail "PostgreSQL refuses to run as root and neither setpriv nor runuser is here to change the user:" \
            "install the package util-linux, or run this as another user."
    local user
    for user in postgres nobody; do
        if id -u "$user" >/dev/null 2>&1; then
            server_user=$user
            return
        fi
    done
    fail "PostgreSQL refuses to run as root and there is no user postgres or nobody: add one, or run" \
        "this as another user."
}

make_home() {
    home=$(mktemp -d "${TMPDIR:-/tmp}/teller-postgres.XXXXXX")
    # A socket's path is cut at 107 bytes, and the server would not start.
    if [ "${#home}" -gt 80 ]; then
        fail "the temporary folder's path is too long for a PostgreSQL socket: set TMPDIR to a shorter one."
    fi
    if [ -n "$server_user" ]; then
        chown "$server_user" "$home"
        as_server test -w "$home" 2>/dev/null ||
            fail "the user $server_user cannot reach the temporary folder $home: set TMPDIR to a folder" \
                "that every user may enter."
        as_server test -x "$bin/postgres" ||
            fail "the user $server_user cannot run $bin/postgres: install PostgreSQL (or set" \
                "TELLER_TEST_CACHE) where every user may read."
    fi
}

start_server() {
    local port attempt
    as_server "$bin/initdb" --pgdata="$home/data" --username=teller --auth=trust \
        --encoding=UTF8 --locale=C --no-instructions >"$home/initdb.log" 2>&1 || {
        cat "$home/initdb.log" >&2
        fail "initdb could not make a data folder; what it said is above."
    }
    cat >>"$home/data/postgresql.conf" <<EOF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$home'
# pgbench with 256 clients has a connection for each of them.
max_connections = 400
shared_buffers = 128MB
fsync = on
synchronous_commit = on
EOF
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        # Below the range from which the kernel hands out ports by itself, so
        # that the tests' own servers and connections do not meet ours.
        port=$((20000 + RANDOM % 12000))
        : >"$home/log"
        if [ -n "$server_user" ]; then chown "$server_user" "$home/log"; fi
        # Set before the start: a signal in the middle of it must end the server.
        server_up=yes
        if as_server "$bin/pg_ctl" start --wait --silent --timeout=60 \
            --pgdata="$home/data" --log="$home/log" --options="-p $port" >"$home/pg_ctl.log" 2>&1; then
            export TELLER_TEST_DATABASE_URL=postgres://teller@127.0.0.1:$port/postgres
            return
        fi
        server_up=no
        grep -q 'could not bind' "$home/log" || break
        say "port $port is taken; trying another (attempt $attempt of 10)"
    done
    cat "$home/pg_ctl.log" "$home/log" >&2
    fail "PostgreSQL did not start; what it said is above."
}

# shellcheck disable=SC2317 # called by the trap
remove_server() {
    trap '' INT TERM HUP
    if [ "$server_up" = yes ]; then
        # Nothing in it is kept, so a server that will not end in order is ended
        # at once.
        as_server "$bin/pg_ctl" stop --silent --mode=fast --timeout=20 --pgdata="$home/data" \
            >/dev/null 2>&1 ||
            as_server "$bin/pg_ctl" stop --silent --mode=immediate --timeout=20 \
                --pgdata="$home/data" >/dev/null 2>&1 || true
    fi
    if [ -n "$home" ]; then rm -rf "$home"; fi
}

# --- The command --------------------------------------------------------------

command_group=
ended_by=

# shellcheck disable=SC2317 # called by the traps
pass_signal_on() {
    ended_by=$1
    # Before COMMAND runs there is nobody to pass it on to.
    [ -n "$command_group" ] || exit "$((128 + $(kill -l "$1")))"
    kill -s "$1" -- "-$command_group" 2>/dev/null || true
}

# COMMAND gets a process group of its own: a signal sent to this script alone (by
# make, or a CI that runs out of time) must reach COMMAND's children as well, and
# the server may go only after they have.
run_command() {
    local code
    set -m
    if [ -t 0 ]; then
        # Such a group is in the terminal's background and would be stopped when
        # it reads.
        "$@" </dev/null &
    else
        "$@" &
    fi
    command_group=$!
    set +m
    while :; do
        code=0
        wait "$command_group" || code=$?
        # A trapped signal ends `wait` early; COMMAND is still ending then.
        kill -0 "$command_group" 2>/dev/null || break
    done
    # What COMMAND left running would only find the server gone.
    if [ -n "$ended_by" ]; then kill -s KILL -- "-$command_group" 2>/dev/null || true; fi
    return "$code"
}

[ "$#" -gt 0 ] || fail "name the command to run: tests/support/with-postgres.sh COMMAND [ARGUMENT...]"

if [ -n "${TELLER_TEST_DATABASE_URL:-}" ]; then
    if bin=$(programs_on_path || programs_of_debian); then export TELLER_TEST_POSTGRES_BIN=$bin; fi
    export TELLER_TEST_DATABASE_URL
    exec "$@"
fi

trap remove_server EXIT
trap 'pass_signal_on INT' INT
trap 'pass_signal_on TERM' TERM
trap 'pass_signal_on HUP' HUP

bin=$(find_or_install_programs)
export TELLER_TEST_POSTGRES_BIN=$bin
choose_server_user
make_home
start_server
run_command "$@"
