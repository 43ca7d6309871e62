#!/usr/bin/env bash
#
# tests/support/with-bench.sh COMMAND [ARGUMENT...]
#
# Runs COMMAND, and then `teller bench` in release mode on SQLite and on the
# PostgreSQL of TELLER_TEST_DATABASE_URL. Each row that has a target is appended to
# the file TELLER_PROOF, one JSON object a line, as the tests append theirs. Ends
# with COMMAND's exit code, or with the bench's where that failed.

set -euo pipefail

if [ "$#" -eq 0 ]; then
    printf 'with-bench: name the command to run: tests/support/with-bench.sh COMMAND [ARGUMENT...]\n' >&2
    exit 1
fi
: "${TELLER_PROOF:?with-bench: TELLER_PROOF must name a file}"
: "${TELLER_TEST_DATABASE_URL:?with-bench: TELLER_TEST_DATABASE_URL must name a PostgreSQL}"

# pgbench is the peer; it lies beside the server's other programs.
if [ -n "${TELLER_TEST_POSTGRES_BIN:-}" ]; then PATH=$PATH:$TELLER_TEST_POSTGRES_BIN; fi

# A second a load keeps the whole below eight minutes; for figures to be quoted run
# `teller bench` with its own default.
bench() {
    local database=$1
    shift
    printf 'Measuring on %s (teller bench)\n' "$database"
    env -u TELLER_DATABASE_URL cargo run --release --locked --quiet -- \
        bench --json --seconds "${TELLER_BENCH_SECONDS:-1}" "$@" >"$TELLER_PROOF.bench" &&
        node "$(dirname "${BASH_SOURCE[0]}")/bench-lines.mjs" "$database" \
            <"$TELLER_PROOF.bench" >>"$TELLER_PROOF"
}

trap 'rm -f "$TELLER_PROOF.bench"' EXIT
code=0
"$@" || code=$?
bench SQLite || code=1
bench PostgreSQL --database-url "$TELLER_TEST_DATABASE_URL" || code=1
exit "$code"
