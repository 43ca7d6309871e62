#!/usr/bin/env bash
#
# tests/support/prove.sh [PART...]
#
# Proves every promise at its full size, in release mode, and writes what was
# measured to tests/PROOF.md. A PART is a piece of a test's name, such as
# faults::mail, or the word bench, which is the table of `teller bench`: with parts
# only these are proved, and their rows of the page are renewed.
#
# The tests append what they measured to the file that TELLER_PROOF names, one JSON
# object a line. Fails when a test failed or a promise did not hold.

set -euo pipefail

: "${TELLER_TEST_DATABASE_URL:?prove: run it under with-postgres.sh, or name a PostgreSQL in TELLER_TEST_DATABASE_URL}"

# pgbench is the bench's peer; it lies beside PostgreSQL's other programs.
if [ -n "${TELLER_TEST_POSTGRES_BIN:-}" ]; then PATH=$PATH:$TELLER_TEST_POSTGRES_BIN; fi

folder=$(dirname "${BASH_SOURCE[0]}")
TELLER_PROOF=$(mktemp "${TMPDIR:-/tmp}/teller-proof.XXXXXX")
export TELLER_PROOF TELLER_SCALE=full
trap 'rm -f "$TELLER_PROOF" "$TELLER_PROOF.bench"' EXIT

whole=yes bench=yes keep=()
if [ "$#" -gt 0 ]; then whole='' bench='' keep=(--keep); fi
tests=()
for part; do
    if [ "$part" = bench ]; then bench=yes; else tests+=("$part"); fi
done

promises() { cargo test --locked --test promises "$@"; }

# A second a load keeps the whole below eight minutes; for figures to be quoted run
# `teller bench` with its own default, or set TELLER_BENCH_SECONDS.
measure() {
    local database=$1
    shift
    printf 'Measuring on %s (teller bench)\n' "$database"
    env -u TELLER_DATABASE_URL cargo run --release --locked --quiet -- \
        bench --json --seconds "${TELLER_BENCH_SECONDS:-1}" "$@" >"$TELLER_PROOF.bench" &&
        node "$folder/bench-lines.mjs" "$database" <"$TELLER_PROOF.bench" >>"$TELLER_PROOF"
}

code=0
if [ -n "$whole" ] || [ "${#tests[@]}" -gt 0 ]; then
    promises --release -- --test-threads=1 --nocapture ${tests[@]+"${tests[@]}"} || code=$?
fi
if [ -n "$bench" ]; then
    measure SQLite || code=1
    measure PostgreSQL --database-url "$TELLER_TEST_DATABASE_URL" || code=1
fi
if [ -n "$whole" ]; then
    echo "Proving that traces are sent by a program that is built for it"
    promises --features otel -- traces:: || code=$?
fi

node "$folder/write-proof.mjs" "$TELLER_PROOF" "$code" ${keep[@]+"${keep[@]}"} || code=1
exit "$code"
